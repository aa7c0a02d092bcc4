//! The manifest: what a backup holds, said in a file beside it and proven by the master key.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use kernel::At;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{BackupError, Copied, blocking};
use crate::{Cipher, Engine, Store};

/// The form of manifest and folder.
const FORMAT: u32 = 2;
/// The label under which the manifest is proven.
const LABEL: &str = "backup.manifest";
/// Read at once while a file is hashed.
const READ_BYTES: usize = 256 * 1024;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub created_at: At,
    /// The version of the program that made it.
    pub program: String,
    /// `sqlite` or `postgresql`.
    pub engine: String,
    /// The name that the database gave itself, to tell its backups from those of others; none before the
    /// first migration.
    pub database: Option<String>,
    /// The version of the database that it was made from.
    pub engine_version: String,
    /// The steps of the schema that were applied.
    pub steps: Vec<String>,
    /// The rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// The file beside this manifest.
    pub file: String,
    pub bytes: u64,
    pub sha256: String,
    pub is_sealed: bool,
    /// The fingerprint of the master key, which restored rows need too.
    pub key: String,
    /// PostgreSQL: the roles that policies and grants name.
    pub roles: Option<RoleNames>,
    /// Proves all of the above by the master key: without the key no other manifest can be made.
    pub proof: String,
}

/// The roles of a PostgreSQL database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleNames {
    pub owner: String,
    pub app: String,
    pub system: String,
}

/// A backup that wants its manifest.
pub(super) struct Made<'a> {
    /// What the database called itself before it was copied.
    pub(super) database: Option<String>,
    pub(super) file: &'a Path,
    pub(super) is_sealed: bool,
}

impl Manifest {
    pub(super) const fn engine_name(engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgresql",
        }
    }

    /// Says what was copied at that instant.
    pub(super) async fn of(store: &Store, created_at: At, copied: Copied, made: Made<'_>) -> Result<Self, BackupError> {
        let Made { database, file, is_sealed } = made;
        let (bytes, sha256) = hashed(file).await?;
        let mut manifest = Self {
            format: FORMAT,
            created_at,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            engine: Self::engine_name(store.engine()).to_owned(),
            database,
            engine_version: copied.engine_version,
            steps: copied.steps,
            tables: copied.tables,
            file: file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            bytes,
            sha256,
            is_sealed,
            key: store.cipher().fingerprint(),
            roles: copied.roles,
            proof: String::new(),
        };
        manifest.proof = hex::encode(manifest.proven(store.cipher())?.finalize().into_bytes());
        Ok(manifest)
    }

    pub(super) fn read(path: &Path) -> Result<Self, BackupError> {
        let text = std::fs::read_to_string(path).map_err(|error| BackupError::at(path, &error))?;
        let manifest: Self =
            serde_json::from_str(&text).map_err(|error| BackupError::failed(format!("{} is no manifest: {error}", path.display())))?;
        if manifest.format != FORMAT {
            return Err(BackupError::failed(format!(
                "{} has the form {}, and this program reads {FORMAT}",
                path.display(),
                manifest.format
            ))
            .hint("take the program that made it"));
        }
        Ok(manifest)
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), BackupError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| BackupError::failed(error.to_string()))?;
        std::fs::write(path, text + "\n").map_err(|error| BackupError::at(path, &error))?;
        super::sync(path)
    }

    /// All rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.values().sum()
    }

    /// A table as the manifest names it: with its schema on PostgreSQL.
    pub(super) fn place_of(&self, table: &str) -> Option<&str> {
        self.tables.keys().map(String::as_str).find(|place| place.rsplit('.').next() == Some(table))
    }

    /// Whether the backup has this table.
    pub fn has(&self, table: &str) -> bool {
        self.place_of(table).is_some()
    }

    /// Whether manifest and file are what was made under this master key.
    pub(super) async fn check(&self, cipher: &Cipher, folder: &Path) -> Result<(), BackupError> {
        if self.key != cipher.fingerprint() {
            return Err(BackupError::refused("the backup was made under another master key; its sealed fields would not open")
                .hint("set security.master_key to the key of that time, or put its key file into the data folder"));
        }
        let proven = self.proven(cipher)?;
        // Under the current key alone: a key is replaced because somebody else may have it, and what
        // that one could make up must not become the database.
        let is_proven = hex::decode(&self.proof).is_ok_and(|proof| proven.verify_slice(&proof).is_ok());
        if !is_proven {
            return Err(BackupError::refused("the manifest was changed after it was made"));
        }
        // A path in a manifest could lead anywhere.
        if Path::new(&self.file).components().count() != 1 {
            return Err(BackupError::refused("the manifest names a file outside its folder"));
        }
        let (bytes, sha256) = hashed(&folder.join(&self.file)).await?;
        if (bytes, &sha256) != (self.bytes, &self.sha256) {
            return Err(BackupError::failed(format!("{} is damaged: its size or SHA-256 is not what the manifest says", self.file)));
        }
        Ok(())
    }

    /// The code over everything but the proof.
    fn proven(&self, cipher: &Cipher) -> Result<Hmac<Sha256>, BackupError> {
        let unproven = Self { proof: String::new(), ..self.clone() };
        let bytes = serde_json::to_vec(&unproven).map_err(|error| BackupError::failed(error.to_string()))?;
        let mut code = Hmac::new_from_slice(&cipher.derive(LABEL)).expect("any length is a key");
        code.update(&bytes);
        Ok(code)
    }
}

/// The size and the SHA-256 of a file.
async fn hashed(path: &Path) -> Result<(u64, String), BackupError> {
    let path = path.to_owned();
    blocking(move || {
        let failed = |error| BackupError::at(&path, &error);
        let mut file = File::open(&path).map_err(failed)?;
        let (mut hash, mut buffer, mut bytes) = (Sha256::new(), vec![0; READ_BYTES], 0);
        loop {
            let read = file.read(&mut buffer).map_err(failed)?;
            if read == 0 {
                return Ok((bytes, hex::encode(hash.finalize())));
            }
            hash.update(&buffer[..read]);
            bytes += read as u64;
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MasterKey;

    fn master(seed: u8) -> MasterKey {
        MasterKey::from_bytes([seed; 32])
    }

    /// A manifest in `folder` that names the key of `named` and is proven under that of `proven`.
    async fn made(folder: &Path, named: &Cipher, proven: &Cipher) -> Manifest {
        let file = folder.join("database.db");
        std::fs::write(&file, "rows").unwrap();
        let (bytes, sha256) = hashed(&file).await.unwrap();
        let facts = serde_json::json!({
            "format": FORMAT, "created_at": "2026-03-01T12:00:00Z", "program": "1", "engine": "sqlite", "engine_version": "3",
            "steps": [], "tables": {}, "file": "database.db", "bytes": bytes, "sha256": sha256, "is_sealed": false,
            "key": named.fingerprint(), "proof": "",
        });
        let mut manifest: Manifest = serde_json::from_value(facts).unwrap();
        manifest.proof = hex::encode(manifest.proven(proven).unwrap().finalize().into_bytes());
        manifest
    }

    #[tokio::test]
    async fn who_has_a_key_that_was_replaced_makes_no_backup_that_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (Cipher::new(master(1)), Cipher::new(master(2)));
        let rotating = Cipher::new(master(2).replacing([1; 32], "2100-01-01T00:00:00Z".parse().unwrap()));
        made(folder.path(), &new, &new).await.check(&rotating, folder.path()).await.unwrap();
        let forged = made(folder.path(), &new, &old).await.check(&rotating, folder.path()).await.unwrap_err();
        assert!(forged.what.contains("manifest was changed"), "{forged:?}");
        let honest = made(folder.path(), &old, &old).await.check(&rotating, folder.path()).await.unwrap_err();
        assert!(honest.what.contains("another master key"), "{honest:?}");
    }

    #[tokio::test]
    async fn what_the_replaced_key_sealed_is_no_proof() {
        let folder = tempfile::tempdir().unwrap();
        let (old, rotating) = (Cipher::new(master(1)), Cipher::new(master(2).replacing([1; 32], "2100-01-01T00:00:00Z".parse().unwrap())));
        let mut forged = made(folder.path(), &rotating, &old).await;
        for proof in [old.seal(LABEL, &forged.sha256), String::new(), "00".to_owned()] {
            forged.proof = proof;
            assert!(forged.check(&rotating, folder.path()).await.is_err());
        }
    }
}
