//! What a start would stumble over outside the configuration: files, sockets, groups, the wrap key,
//! the pepper, the schema. It only looks: nothing is made, bound, locked or changed.

use std::path::Path;

use store::ReadTx;
use store::sqlite::{self, Still};

use super::beside;
use super::key_source::{self, KeySource};
use super::mail;
use super::pepper;
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
    beside::faults(config, &mut faults);
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
    let still = match Still::open(path) {
        Ok(still) => still,
        Err(error) => {
            faults.push(at(path, "database.url", error.to_string()));
            return;
        }
    };
    still.read(|tx| {
        wrap_key(config, tx, faults);
        pepper(config, tx, faults);
    });
}

/// A database that is there needs the key that wraps its keys.
fn wrap_key(config: &Config, tx: &dyn ReadTx, faults: &mut Vec<Fault>) {
    let source = KeySource::of(config);
    match key_source::facts(tx) {
        // Made, and never started.
        Ok((id, _)) if id.is_empty() => {}
        Ok((id, check)) => {
            if let Err(failure) = source.at_hand(&id, &check) {
                let key = "keys.wrap_credential";
                let fault = at(source.path(), key, failure.message());
                let fault = fault.hint(failure.hint().unwrap_or_default());
                faults.push(unseen(&config.keys.wrap_credential, key).unwrap_or(fault));
            }
        }
        Err(failure) => faults.push(Fault::new(failure.message()).of("database.url")),
    }
}

/// Passwords that went through a pepper need that one.
fn pepper(config: &Config, tx: &dyn ReadTx, faults: &mut Vec<Fault>) {
    let found = pepper::known(tx).and_then(|known| pepper::fitting(config, known.as_ref()));
    if let Err(failure) = found {
        let key = "password.pepper_credential";
        let fault = Fault::new(failure.message()).of(key);
        let fault = fault.hint(failure.hint().unwrap_or_default());
        faults.push(unseen(&config.password.pepper_credential, key).unwrap_or(fault));
    }
}

/// A secret that systemd keeps for the service, and shows to nobody else: no fault of who looks.
pub(super) fn unseen(credential: &str, key: &'static str) -> Option<Fault> {
    let path = key_source::kept_for_the_service(credential)?;
    let message = format!(
        "{} is for the service alone and was not looked at",
        path.display()
    );
    Some(Fault::warning(message).of(key))
}

fn sockets(config: &Config, faults: &mut Vec<Fault>) {
    let admin = &config.admin;
    let doors = [
        ("admin.socket", Some(&admin.socket), &admin.socket_group),
        (
            "admin.monitor_socket",
            Some(&admin.monitor_socket),
            &admin.monitor_socket_group,
        ),
        (
            "admin.helpdesk_socket",
            admin.helpdesk_socket.as_ref(),
            &admin.helpdesk_socket_group,
        ),
    ];
    for (key, path, group) in doors {
        let Some(path) = path else { continue };
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
