//! Sealing a file of any size: chunks of 64 KiB under XChaCha20-Poly1305 in the STREAM construction
//! (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse
//! Misuse-Resistance", 2015). The nonce of a chunk is a random prefix, the chunk's number and whether
//! it is the last, so that chunks can't be changed, dropped, repeated or put in another order, and a
//! file that was cut short does not open.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead as _, KeyInit as _};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use super::{BackupError, SEALED};

/// The label of the key.
pub(super) const LABEL: &str = "backup.file";
/// Names the form, so that another can follow.
const MAGIC: &[u8; 8] = b"AUTBAK1\n";
/// Large enough that the 16 bytes of proof cost nothing, small enough to hold in memory.
const CHUNK_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;
/// What is left of 24 bytes after a number of four and a mark of one.
const PREFIX_BYTES: usize = 19;

/// Seals the file beside itself, removes the plain one and gives back the new path.
pub(super) fn seal_file(key: &[u8; 32], plain: &Path) -> Result<PathBuf, BackupError> {
    let mut name = plain.as_os_str().to_owned();
    name.push(SEALED);
    let path = PathBuf::from(name);
    between(plain, &path, |from, to| seal(key, from, to))?;
    std::fs::remove_file(plain).map_err(|error| BackupError::at(plain, &error))?;
    Ok(path)
}

/// Opens a sealed file into a new one.
pub(super) fn open_file(key: &[u8; 32], sealed: &Path, plain: &Path) -> Result<(), BackupError> {
    between(sealed, plain, |from, to| open(key, from, to))
}

fn between(
    from: &Path,
    to: &Path,
    work: impl FnOnce(&mut BufReader<File>, &mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), BackupError> {
    let failed = |error: io::Error| BackupError::at(from, &error);
    let mut read = BufReader::new(File::open(from).map_err(failed)?);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut write = BufWriter::new(options.open(to).map_err(|error| BackupError::at(to, &error))?);
    work(&mut read, &mut write).map_err(failed)?;
    write.into_inner().map_err(|error| BackupError::at(to, error.error()))?.sync_all().map_err(|error| BackupError::at(to, &error))
}

/// The nonces of one file.
struct Nonces {
    prefix: [u8; PREFIX_BYTES],
    number: u32,
}

impl Nonces {
    fn next(&mut self, is_last: bool) -> io::Result<XNonce> {
        let mut nonce = [0; PREFIX_BYTES + 5];
        nonce[..PREFIX_BYTES].copy_from_slice(&self.prefix);
        nonce[PREFIX_BYTES..PREFIX_BYTES + 4].copy_from_slice(&self.number.to_be_bytes());
        nonce[PREFIX_BYTES + 4] = u8::from(is_last);
        // 256 TiB: a number that comes again would break the seal.
        self.number = self.number.checked_add(1).ok_or_else(|| io::Error::other("the file is too large to seal"))?;
        Ok(XNonce::from(nonce))
    }
}

fn seal(key: &[u8; 32], from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let cipher = XChaCha20Poly1305::new(key.into());
    let mut nonces = Nonces { prefix: kernel::chance::bytes(), number: 0 };
    to.write_all(MAGIC)?;
    to.write_all(&nonces.prefix)?;
    in_chunks(from, CHUNK_BYTES, |chunk, is_last| {
        let sealed = cipher.encrypt(&nonces.next(is_last)?, chunk).map_err(|_| io::Error::other("a chunk can't be sealed"))?;
        to.write_all(&sealed)
    })
}

fn open(key: &[u8; 32], from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let damaged = || io::Error::other("it does not open: it was sealed under another master key, or is damaged");
    let (mut magic, mut prefix) = ([0; MAGIC.len()], [0; PREFIX_BYTES]);
    from.read_exact(&mut magic).and_then(|()| from.read_exact(&mut prefix)).map_err(|_| damaged())?;
    if &magic != MAGIC {
        return Err(damaged());
    }
    let cipher = XChaCha20Poly1305::new(key.into());
    let mut nonces = Nonces { prefix, number: 0 };
    in_chunks(from, CHUNK_BYTES + TAG_BYTES, |chunk, is_last| {
        to.write_all(&cipher.decrypt(&nonces.next(is_last)?, chunk).map_err(|_| damaged())?)
    })
}

/// Calls for each chunk and says which is the last; an empty file has one empty chunk.
fn in_chunks(from: &mut impl Read, size: usize, mut each: impl FnMut(&[u8], bool) -> io::Result<()>) -> io::Result<()> {
    let mut chunk = read_up_to(from, size)?;
    loop {
        let next = if chunk.len() < size { Vec::new() } else { read_up_to(from, size)? };
        let is_last = next.is_empty();
        each(&chunk, is_last)?;
        if is_last {
            return Ok(());
        }
        chunk = next;
    }
}

fn read_up_to(from: &mut impl Read, size: usize) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(size);
    from.by_ref().take(size as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const HEAD: usize = MAGIC.len() + PREFIX_BYTES;

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        seal(&KEY, &mut &plain[..], &mut out).unwrap();
        out
    }

    fn opened(key: &[u8; 32], sealed: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        open(key, &mut &sealed[..], &mut out).map(|()| out)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_sealed_opens_and_a_changed_byte_does_not(size in 0usize..200_000, at in any::<proptest::sample::Index>()) {
            let plain: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let mut file = sealed(&plain);
            prop_assert_eq!(opened(&KEY, &file).unwrap(), plain);
            let place = at.index(file.len());
            file[place] ^= 1;
            prop_assert!(opened(&KEY, &file).is_err());
        }
    }

    #[test]
    fn chunks_can_not_be_cut_off_repeated_or_swapped() {
        let plain = vec![5; CHUNK_BYTES * 3];
        let file = sealed(&plain);
        let chunk = |n: usize| file[HEAD + n * (CHUNK_BYTES + TAG_BYTES)..HEAD + (n + 1) * (CHUNK_BYTES + TAG_BYTES)].to_vec();
        let head = file[..HEAD].to_vec();
        for order in [vec![0, 1], vec![0], vec![], vec![0, 0, 2], vec![1, 0, 2], vec![0, 1, 2, 2]] {
            let changed: Vec<u8> = head.iter().copied().chain(order.iter().flat_map(|n| chunk(*n))).collect();
            assert!(opened(&KEY, &changed).is_err(), "{order:?}");
        }
        assert_eq!(opened(&KEY, &file).unwrap(), plain);
        assert!(opened(&[8; 32], &file).is_err(), "another key");
        assert!(!file.windows(64).any(|part| part == &plain[..64]), "nothing shows through");
    }
}
