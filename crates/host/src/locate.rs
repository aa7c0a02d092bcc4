//! Which database the settings mean.

use std::path::{Path, PathBuf};

use store::Location;

use crate::settings::DatabaseConfig;

const FILE: &str = "autorisen.db";

/// What is wrong with a database address: the key, and what was expected.
pub(crate) type Wrong = (&'static str, &'static str);

/// The database in force. Relative paths start at `dir`; without any address it is a file in the
/// data folder.
pub(crate) fn location(config: &DatabaseConfig, dir: &Path, data_dir: &Path) -> Result<Location, Wrong> {
    let Some(url) = config.url.as_ref().or(config.owner_url.as_ref()).map(crate::SecretRef::expose) else {
        return Ok(Location::Sqlite(data_dir.join(FILE)));
    };
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split('?').next().unwrap_or_default();
        if path.is_empty() || path.starts_with(":memory:") {
            return Err(("database.url", "expected a path after sqlite: such as sqlite:data/autorisen.db"));
        }
        return Ok(Location::Sqlite(dir.join(PathBuf::from(path))));
    }
    let role = |key, url: Option<&crate::SecretRef>| match url.map(crate::SecretRef::expose) {
        Some(url) if is_postgres(url) => Ok(Some(url.to_owned())),
        Some(_) => Err((key, "expected postgres://user:password@host/name")),
        None => Ok(None),
    };
    if !is_postgres(url) {
        return Err(("database.url", "expected sqlite:PATH or postgres://user:password@host/name"));
    }
    let owner = role("database.owner_url", config.owner_url.as_ref())?.unwrap_or_else(|| url.to_owned());
    let app = role("database.app_url", config.app_url.as_ref())?;
    let system = role("database.system_url", config.system_url.as_ref())?;
    Ok(Location::Postgres { owner, app, system })
}

pub(crate) fn is_postgres(url: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme))
}

/// What to try when the database can't be reached.
pub(crate) fn hint(location: &Location, in_container: bool) -> Option<String> {
    let Location::Postgres { owner, .. } = location else { return None };
    match host(owner) {
        // The name that compose files give the database is known only inside their network.
        "db" if !in_container => Some(
            "the host name `db` exists only inside a container network; from here try `localhost` (POSTGRES_HOST or DATABASE_URL)".into(),
        ),
        host => {
            let port = place(owner).rsplit_once(':').filter(|(_, port)| port.bytes().all(|digit| digit.is_ascii_digit()));
            let port = port.map(|(_, port)| format!(" -p {port}")).unwrap_or_default();
            Some(format!("does Postgres run at {host:?}? `pg_isready -h {host}{port}` asks it"))
        }
    }
}

/// `host` or `host:port`.
fn place(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

fn host(url: &str) -> &str {
    place(url).split(':').next().unwrap_or_default()
}

/// Whether this process runs in a container, as Docker, Podman and Kubernetes leave their marks.
pub(crate) fn in_container() -> bool {
    ["/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io"].iter().any(|mark| Path::new(mark).exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SecretRef;

    fn of(url: Option<&str>) -> Result<String, Wrong> {
        let config = DatabaseConfig { url: url.map(SecretRef::inline), ..DatabaseConfig::default() };
        location(&config, Path::new("/here"), Path::new("/data")).map(|found| match found {
            Location::Sqlite(path) => path.display().to_string(),
            Location::Postgres { owner, .. } => owner,
        })
    }

    #[test]
    fn addresses_lead_to_databases() {
        assert_eq!(of(None), Ok("/data/autorisen.db".into()));
        assert_eq!(of(Some("sqlite:x/y.db")), Ok("/here/x/y.db".into()));
        assert_eq!(of(Some("sqlite:///abs.db?mode=rwc")), Ok("/abs.db".into()));
        assert_eq!(of(Some("postgres://a@b/c")), Ok("postgres://a@b/c".into()));
        assert!(of(Some("mysql://a@b/c")).is_err());
        assert!(of(Some("sqlite::memory:")).is_err());
    }

    #[test]
    fn each_role_may_have_its_own_address() {
        let config = DatabaseConfig {
            owner_url: Some(SecretRef::inline("postgres://owner@h/n")),
            app_url: Some(SecretRef::inline("postgres://app@h/n")),
            ..DatabaseConfig::default()
        };
        let Ok(Location::Postgres { owner, app, system }) = location(&config, Path::new("."), Path::new(".")) else { panic!("postgres") };
        assert_eq!((owner.as_str(), app.as_deref(), system), ("postgres://owner@h/n", Some("postgres://app@h/n"), None));
        let wrong = DatabaseConfig { system_url: Some(SecretRef::inline("app")), ..config };
        assert_eq!(location(&wrong, Path::new("."), Path::new(".")).err().map(|(key, _)| key), Some("database.system_url"));
    }

    #[test]
    fn the_compose_name_gets_a_hint_outside_a_container() {
        let location = Location::Postgres { owner: "postgres://u:p@db:5432/n".into(), app: None, system: None };
        assert!(hint(&location, false).is_some_and(|hint| hint.contains("localhost")));
        assert!(hint(&location, true).is_some_and(|hint| hint.contains("pg_isready -h db -p 5432")));
    }
}
