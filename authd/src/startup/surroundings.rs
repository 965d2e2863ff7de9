//! What a start would stumble over outside the configuration: files, sockets, groups, the wrap key,
//! the schema. It only looks: nothing is made, bound, locked or changed.

use std::path::Path;

use store::sqlite;

use super::first_start::KeySource;
use super::mail;
use crate::admin::listener::{self, BindError};
use crate::admin::peer;
use crate::config::{Account, Config, DatabaseUrl, Fault, Origin};

/// Everything that would stop a start here and now, and warnings of what may.
pub fn faults(config: &Config) -> Vec<Fault> {
    let mut faults = Vec::new();
    database(config, &mut faults);
    sockets(config, &mut faults);
    breached_list(config, &mut faults);
    mail::faults(config, &mut faults);
    faults
}

fn database(config: &Config, faults: &mut Vec<Fault>) {
    let DatabaseUrl::Sqlite(path) = &config.database.url;
    if let Some(obstacle) = obstacle(path) {
        let message = format!("{} is not a folder", obstacle.display());
        faults.push(at(path, "database.url", message).hint("Name another path: database.url"));
        return;
    }
    let schema = match sqlite::schema(path) {
        Ok(Some(schema)) => schema,
        Ok(None) => return,
        Err(error) => {
            faults.push(at(path, "database.url", error.to_string()));
            return;
        }
    };
    if schema < sqlite::known_schema() && !config.database.auto_migrate {
        let message = format!(
            "the schema has version {schema}, this authd needs {}",
            sqlite::known_schema()
        );
        faults.push(at(path, "database.auto_migrate", message));
    }
    wrap_key(config, faults);
}

/// A database that is there needs the key that it was made with.
fn wrap_key(config: &Config, faults: &mut Vec<Fault>) {
    let source = KeySource::of(config);
    let problem = match source.load() {
        Ok(Some(_)) => return,
        Ok(None) => format!(
            "the wrap key is missing: no credential {} and no such file",
            config.keys.wrap_credential
        ),
        Err(failure) => failure.message().to_owned(),
    };
    faults.push(
        at(source.path(), "keys.wrap_credential", problem)
            .hint("Put back the key that was in use when the database was made."),
    );
}

fn sockets(config: &Config, faults: &mut Vec<Fault>) {
    let admin = &config.admin;
    let doors = [
        ("admin.socket", &admin.socket, &admin.socket_group),
        (
            "admin.monitor_socket",
            &admin.monitor_socket,
            &admin.monitor_socket_group,
        ),
    ];
    for (key, path, group) in doors {
        if let Some(obstacle) = obstacle(path) {
            let message = format!("{} is not a folder", obstacle.display());
            faults.push(at(path, key, message));
            continue;
        }
        match listener::look(path, group.as_deref()) {
            Ok(()) => {}
            // Sockets that systemd makes bring their groups with them.
            Err(error @ BindError::NoGroup { .. }) => {
                faults.push(Fault::warning(error.to_string()).of(format!("{key}_group")));
            }
            Err(error) => faults.push(at(path, key, error.to_string())),
        }
    }
    for account in &admin.allow_uids {
        if let Account::Name(name) = account
            && peer::uid_of(name).is_none()
        {
            faults.push(Fault::new(format!("no user {name}")).of("admin.allow_uids"));
        }
    }
}

fn breached_list(config: &Config, faults: &mut Vec<Fault>) {
    if let Some(path) = &config.password.breached_list
        && let Err(error) = std::fs::File::open(path)
    {
        faults.push(at(path, "password.breached_list", error.to_string()));
    }
}

fn at(path: &Path, key: &str, message: impl Into<String>) -> Fault {
    Fault::new(message)
        .at(Origin::Path(path.to_owned()))
        .of(key)
}

/// The part of a path's folder that exists and is no folder; missing folders are made by the start.
fn obstacle(path: &Path) -> Option<&Path> {
    path.ancestors()
        .skip(1)
        .find(|folder| folder.symlink_metadata().is_ok())
        .filter(|folder| !folder.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r41_a_file_in_the_way_of_a_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert_eq!(obstacle(&file.join("a/authd.db")), Some(file.as_path()));
        assert_eq!(obstacle(&folder.path().join("a/b/authd.db")), None);
    }
}
