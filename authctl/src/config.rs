//! What holds for one run: the flags, then the environment, then authctl's file, then the default.
//! The file is read only if something is left open, and never holds a secret.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use serde::Deserialize;

use crate::args::{ColorWhen, Format, Globals};
use crate::error::Error;

/// File of the machine, after the user's own.
const SYSTEM_FILE: &str = "/etc/authd/authctl.toml";
/// Time to the first byte of an answer, unless `--timeout` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
const KEYS: &[&str] = &["socket", "tenant", "output", "color"];

/// What a run goes by.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The command line, for what has no other source.
    pub(crate) flags: Globals,
    /// Socket that was named; none means looking for one.
    pub(crate) socket: Option<PathBuf>,
    /// Tenant of this run.
    pub(crate) tenant: Option<String>,
    /// How results are written.
    pub(crate) format: Format,
    /// When to use colour.
    pub(crate) color: ColorWhen,
    /// Longest wait for the first byte; none means for ever.
    pub(crate) timeout: Option<Duration>,
}

/// What a file may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    socket: Option<PathBuf>,
    tenant: Option<String>,
    output: Option<String>,
    color: Option<String>,
}

impl Settings {
    /// Puts the sources together.
    ///
    /// # Errors
    /// An unknown key or value in the environment or a file.
    pub(crate) fn resolve(mut flags: Globals) -> Result<Self, Error> {
        // What is rehearsed harms nobody: there is nothing to ask.
        flags.yes |= flags.dry_run;
        let mut socket = flags.socket.clone().or_else(|| env_path("AUTHCTL_SOCKET"));
        let mut tenant = flags.tenant.clone().or_else(|| env("AUTHCTL_TENANT"));
        let mut format = if flags.json {
            Some(Format::Json)
        } else {
            flags.output
        };
        if let Some(text) = env("AUTHCTL_OUTPUT").filter(|_| format.is_none()) {
            format = Some(value_of("AUTHCTL_OUTPUT", &text)?);
        }
        let mut color = flags.color;
        for path in files() {
            if socket.is_some() && tenant.is_some() && format.is_some() && color.is_some() {
                break;
            }
            let Some(file) = read(&path)? else { continue };
            let at = |key: &str| format!("{}: {key}", path.display());
            socket = socket.or(file.socket);
            tenant = tenant.or(file.tenant);
            if let (None, Some(text)) = (format, &file.output) {
                format = Some(value_of(&at("output"), text)?);
            }
            if let (None, Some(text)) = (color, &file.color) {
                color = Some(value_of(&at("color"), text)?);
            }
        }
        let format = match format.unwrap_or(Format::Table) {
            Format::Table | Format::Wide if flags.quiet => Format::Id,
            format => format,
        };
        let timeout = flags.timeout.unwrap_or(TIMEOUT);
        Ok(Self {
            socket,
            tenant,
            format,
            color: color.unwrap_or(ColorWhen::Auto),
            timeout: Some(timeout).filter(|timeout| !timeout.is_zero()),
            flags,
        })
    }

    /// The defaults alone.
    pub(crate) fn plain() -> Self {
        Self {
            flags: Globals::default(),
            socket: None,
            tenant: None,
            format: Format::Table,
            color: ColorWhen::Auto,
            timeout: Some(TIMEOUT),
        }
    }

    /// The tenant that a list is narrowed to.
    pub(crate) fn list_tenant(&self) -> Option<String> {
        self.tenant.clone().filter(|_| !self.flags.all_tenants)
    }

    /// The tenant of this run, for what cannot do without.
    ///
    /// # Errors
    /// A wrong command line where none is given.
    pub(crate) fn required_tenant(&self) -> Result<String, Error> {
        self.tenant.clone().ok_or_else(|| {
            Error::usage("no tenant given")
                .hint("Name it with -t TENANT or AUTHCTL_TENANT. List: authctl tenant list")
        })
    }
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn env_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os(name).filter(|value| !value.is_empty())?;
    Some(PathBuf::from(path))
}

fn value_of<V: ValueEnum>(place: &str, text: &str) -> Result<V, Error> {
    V::from_str(text, false).map_err(|_| {
        let names: Vec<String> = V::value_variants()
            .iter()
            .filter_map(|v| v.to_possible_value().map(|p| p.get_name().to_owned()))
            .collect();
        Error::usage(format!(
            "{place}: \"{text}\" is none of {}",
            names.join(", ")
        ))
    })
}

fn files() -> Vec<PathBuf> {
    let own =
        directories::BaseDirs::new().map(|dirs| dirs.config_dir().join("authctl/config.toml"));
    own.into_iter()
        .chain([PathBuf::from(SYSTEM_FILE)])
        .collect()
}

fn read(path: &Path) -> Result<Option<File>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::usage(format!(
            "cannot read {}: {error}",
            path.display()
        ))),
    }
}

fn parse(path: &Path, text: &str) -> Result<File, Error> {
    let at = |span: Option<std::ops::Range<usize>>| {
        let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or("");
        let line = before.matches('\n').count().saturating_add(1);
        let last = before.rsplit('\n').next().unwrap_or("");
        format!(
            "{}:{line}:{}",
            path.display(),
            last.chars().count().saturating_add(1)
        )
    };
    let broken =
        |error: toml::de::Error| Error::usage(format!("{}: {}", at(error.span()), error.message()));
    let keys: toml::Table = toml::from_str(text).map_err(broken)?;
    if let Some(unknown) = keys.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let start = text.find(unknown.as_str()).unwrap_or(0);
        let error = Error::usage(format!(
            "{}: unknown key \"{unknown}\"",
            at(Some(start..start))
        ));
        return Err(
            match common::suggest::nearest(unknown, KEYS.iter().copied()) {
                Some(near) => error.hint(format!(
                    "Did you mean \"{near}\"? Keys: {}",
                    KEYS.join(", ")
                )),
                None => error.hint(format!("Keys: {}", KEYS.join(", "))),
            },
        );
    }
    toml::from_str(text).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse(Path::new("c.toml"), text)
            .unwrap_err()
            .render(false, false)
    }

    #[test]
    fn unknown_keys_are_refused_with_their_place_and_a_suggestion() {
        let text = refused("output = \"json\"\ntennant = \"acme\"\n");
        assert!(
            text.contains("c.toml:2:1: unknown key \"tennant\""),
            "{text}"
        );
        assert!(text.contains("Did you mean \"tenant\"?"), "{text}");
        assert!(refused("tenant = 5").contains("c.toml:1:10"));
        assert!(refused("tenant = ").contains("c.toml:1:"));
    }

    #[test]
    fn known_keys_are_read() {
        let file = parse(Path::new("c"), "tenant = \"acme\"\nsocket = \"/s\"\n").unwrap();
        assert_eq!(file.tenant.as_deref(), Some("acme"));
        assert_eq!(file.socket, Some(PathBuf::from("/s")));
    }
}
