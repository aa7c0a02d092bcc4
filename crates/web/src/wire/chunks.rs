//! Where a chunked body ends (RFC 9112, 7.1). What passes here has one reading: hex digits, an
//! extension that is skipped, every line ended as it should be.

use super::Offence;

/// Hex digits of a size: four gigabytes, far above what any body may have.
const SIZE_DIGITS_MAX: u8 = 8;
/// Bytes of all extensions or of all trailers of a body. Nothing here reads them; honest senders
/// have a signature or a digest in them.
const EXTRAS_MAX_BYTES: u32 = 4 * 1024;

/// How far a body has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunks {
    at: At,
    /// The size of the chunk that is being read.
    size: u64,
    extras: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// In the digits of a size; so many were read.
    Size(u8),
    Extension,
    /// Behind the carriage return of a size line.
    SizeEnd,
    Data,
    /// Behind the data: its carriage return, then its line feed.
    DataEnd,
    DataFeed,
    /// At the beginning of a trailer line, in one, and behind its carriage return.
    TrailerStart,
    Trailer,
    TrailerEnd,
    /// Behind the carriage return of the last, empty line.
    LastEnd,
}

impl Chunks {
    pub(super) const fn begin() -> Self {
        Self { at: At::Size(0), size: 0, extras: 0 }
    }

    /// Reads on. Answers how many bytes belong to the body, and whether it ended with them.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(usize, bool), Offence> {
        let mut read = 0;
        while let Some(byte) = bytes.get(read) {
            if self.at == At::Data {
                let left = usize::try_from(self.size).unwrap_or(usize::MAX).min(bytes.len() - read);
                self.size -= left as u64;
                read += left;
                if self.size == 0 {
                    self.at = At::DataEnd;
                }
                continue;
            }
            read += 1;
            if self.at == At::LastEnd && *byte == b'\n' {
                return Ok((read, true));
            }
            self.at = self.step(*byte).ok_or(Offence::Chunk)?;
        }
        Ok((read, false))
    }

    /// The place behind `byte`; `None` where it must not stand.
    fn step(&mut self, byte: u8) -> Option<At> {
        Some(match (self.at, byte) {
            (At::Size(1..), b'\r') => At::SizeEnd,
            (At::Size(1..), b';') => At::Extension,
            (At::Size(read), digit) => self.digit(read, digit)?,
            (At::Extension, b'\r') => At::SizeEnd,
            (At::Extension, _) => self.extra(byte, At::Extension)?,
            (At::SizeEnd, b'\n') if self.size == 0 => At::TrailerStart,
            (At::SizeEnd, b'\n') => At::Data,
            (At::DataEnd, b'\r') => At::DataFeed,
            (At::DataFeed, b'\n') => At::Size(0),
            (At::TrailerStart, b'\r') => At::LastEnd,
            (At::Trailer, b'\r') => At::TrailerEnd,
            (At::TrailerStart | At::Trailer, _) => self.extra(byte, At::Trailer)?,
            (At::TrailerEnd, b'\n') => At::TrailerStart,
            _ => return None,
        })
    }

    fn digit(&mut self, read: u8, byte: u8) -> Option<At> {
        let value = char::from(byte).to_digit(16)?;
        if read == 0 {
            self.size = 0;
        }
        self.size = self.size * 16 + u64::from(value);
        (read < SIZE_DIGITS_MAX).then_some(At::Size(read + 1))
    }

    fn extra(&mut self, byte: u8, next: At) -> Option<At> {
        self.extras += 1;
        (byte != b'\n' && self.extras <= EXTRAS_MAX_BYTES).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_ends_where_it_ends_however_it_comes() {
        let body = b"5;a=b\r\nhello\r\n00\r\nX-T: 1\r\n\r\n";
        let bytes = [body.as_slice(), b"GET / HTTP/1.1"].concat();
        assert_eq!(Chunks::begin().read(&bytes), Ok((body.len(), true)));
        let mut chunks = Chunks::begin();
        for (at, byte) in body.iter().enumerate() {
            assert_eq!(chunks.read(&[*byte]), Ok((1, at + 1 == body.len())), "at {at}");
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for wrong in [
            "\r\n",
            "5\nhello",
            "x\r\n",
            "+5\r\n",
            "0x5\r\n",
            "5 \r\n",
            "5\r\nhelloX",
            "5\r\nhello\n",
            "5;a\n",
            "0\r\nX: a\n",
            "123456789\r\n",
        ] {
            assert_eq!(Chunks::begin().read(wrong.as_bytes()), Err(Offence::Chunk), "{wrong:?}");
        }
        let endless = format!("5;{}", "a".repeat(EXTRAS_MAX_BYTES as usize + 1));
        assert_eq!(Chunks::begin().read(endless.as_bytes()), Err(Offence::Chunk));
    }
}
