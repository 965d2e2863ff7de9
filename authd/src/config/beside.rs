//! `[redis]`: a Redis beside the database. It is never needed to answer, and nothing from it grants.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::fault::Fault;
use super::form::{is_host, is_loopback_host};
use super::key::{Change, Class, Form, Key, Kind, seconds};
use super::value::Values;

/// Port of Redis where none is named (IANA).
const PORT: u16 = 6379;
/// Most databases that a Redis can be told to have and that anybody would count.
const DATABASES: u16 = 9_999;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "redis.password_credential",
        kind: Kind::Text(Form::Credential),
        default: Some("\"authd.redis-password\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Name of the credential that holds the password; without one none is sent.",
    },
    Key {
        name: "redis.timeout",
        kind: Kind::Duration {
            min: Duration::from_millis(10),
            max: seconds(5),
        },
        default: Some("\"250ms\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Longest wait for one answer; after it the database is asked, and Redis is left alone for a while.",
    },
    Key {
        name: "redis.url",
        kind: Kind::Text(Form::Redis),
        default: None,
        change: Change::Restart,
        class: Class::Installation,
        doc: "A Redis (6 or newer) that shares verified tokens, rights and budgets; without TLS on this machine alone.",
    },
];

/// The way to a Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisAddress {
    /// A Unix socket.
    Unix(PathBuf),
    /// A host and its port.
    Host {
        /// Name or address, without brackets.
        host: String,
        /// Port.
        port: u16,
        /// Whether by TLS, with a certificate of that name.
        tls: bool,
    },
}

/// Which Redis, as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisUrl {
    /// The way.
    pub address: RedisAddress,
    /// User of its access list; `default` if none.
    pub user: Option<String>,
    /// Number of the database.
    pub database: u16,
}

impl FromStr for RedisUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected \"rediss://host:6379\", \"redis://127.0.0.1:6379\", or \"redis+unix:///run/redis/redis-server.sock\"";
        let (scheme, rest) = text.split_once("://").ok_or(expected)?;
        if scheme == "redis+unix" {
            return unix(rest);
        }
        let tls = match scheme {
            "rediss" => true,
            "redis" => false,
            _ => return Err(expected.to_owned()),
        };
        let (user, rest) = user(rest)?;
        let (place, database) = match rest.split_once('/') {
            Some((place, number)) => (place, number_of(number)?),
            None => (rest, 0),
        };
        let host = super::form::url_host(place);
        let port = match place.strip_prefix(host).unwrap_or_default() {
            "" => PORT,
            port => port
                .strip_prefix(':')
                .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .filter(|port| *port > 0)
                .ok_or("expected a port from 1 to 65535")?,
        };
        if !is_host(host) {
            return Err(expected.to_owned());
        }
        if !tls && !is_loopback_host(host) {
            return Err(
                "must begin with rediss://: without TLS Redis is for this machine alone \
                 (127.0.0.1, ::1, or redis+unix:// and the path of its socket)"
                    .to_owned(),
            );
        }
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Ok(Self {
            address: RedisAddress::Host {
                host: host.to_owned(),
                port,
                tls,
            },
            user,
            database,
        })
    }
}

fn unix(rest: &str) -> Result<RedisUrl, String> {
    let (user, path) = user(rest)?;
    let (path, database) = match path.split_once('?') {
        Some((path, query)) => {
            let number = query
                .strip_prefix("db=")
                .ok_or("expected nothing but db=NUMBER after the path")?;
            (path, number_of(number)?)
        }
        None => (path, 0),
    };
    if !path.starts_with('/') || path.ends_with('/') {
        return Err(
            "expected the absolute path of a socket, like \"redis+unix:///run/redis/redis-server.sock\""
                .to_owned(),
        );
    }
    Ok(RedisUrl {
        address: RedisAddress::Unix(PathBuf::from(path)),
        user,
        database,
    })
}

/// The user before an `@`, and what follows. A password has no place in a configuration.
fn user(text: &str) -> Result<(Option<String>, &str), String> {
    let Some((user, rest)) = text.split_once('@') else {
        return Ok((None, text));
    };
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if user.contains(':') {
        return Err(
            "must not contain a password; it belongs into the credential of \"redis.password_credential\""
                .to_owned(),
        );
    }
    if user.is_empty() || user.len() > 64 || !user.bytes().all(is_name) {
        return Err("expected a user of a-z, A-Z, 0-9, _, - and . before the @".to_owned());
    }
    Ok((Some(user.to_owned()), rest))
}

fn number_of(text: &str) -> Result<u16, String> {
    text.parse()
        .ok()
        .filter(|number| *number <= DATABASES && !text.starts_with('+'))
        .ok_or_else(|| format!("expected the number of a database, from 0 to {DATABASES}"))
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self
            .user
            .as_ref()
            .map_or_else(String::new, |user| format!("{user}@"));
        match &self.address {
            RedisAddress::Unix(path) => {
                write!(f, "redis+unix://{user}{}", path.display())?;
                if self.database > 0 {
                    write!(f, "?db={}", self.database)?;
                }
                return Ok(());
            }
            RedisAddress::Host { host, port, tls } => {
                let s = if *tls { "s" } else { "" };
                let (open, close) = if host.contains(':') {
                    ("[", "]")
                } else {
                    ("", "")
                };
                write!(f, "redis{s}://{user}{open}{host}{close}:{port}")?;
            }
        }
        if self.database > 0 {
            write!(f, "/{}", self.database)?;
        }
        Ok(())
    }
}

/// Settings of a Redis beside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// Name of the credential that holds its password.
    pub password_credential: String,
    /// Longest wait for one answer.
    pub timeout: Duration,
    /// Which one; none if there is none.
    pub url: Option<RedisUrl>,
}

impl Redis {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        let url = values.optional("redis.url")?;
        let read = |text: String| {
            text.parse()
                .map_err(|why: String| values.refused("redis.url", &why))
        };
        Ok(Self {
            password_credential: values.text("redis.password_credential")?,
            timeout: values.duration("redis.timeout")?,
            url: url.map(read).transpose()?,
        })
    }

    /// A build without the part that speaks to Redis has no use for one.
    pub(super) fn check(values: &Values) -> Result<Vec<Fault>, Fault> {
        let url = values.optional("redis.url")?;
        if cfg!(feature = "redis") || url.is_none() {
            return Ok(Vec::new());
        }
        let fault = values.refused(
            "redis.url",
            &"is set, and this build does not contain Redis",
        );
        Ok(vec![fault.hint(
            "Leave it out; or install the package, or build with --features authd/redis.",
        )])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a76_without_tls_redis_is_for_this_machine_alone() {
        for text in [
            "redis://127.0.0.1",
            "redis://localhost:6380/2",
            "redis://[::1]:6379",
            "rediss://cache.example.com",
            "rediss://authd@10.0.0.7:6380/1",
            "redis+unix:///run/redis/redis-server.sock",
            "redis+unix://authd@/run/redis.sock?db=3",
        ] {
            let read: RedisUrl = text.parse().unwrap();
            let again = read.to_string();
            assert_eq!(again.parse::<RedisUrl>(), Ok(read), "{text} {again}");
        }
        for text in [
            "redis://10.0.0.7",
            "redis://cache.example.com:6379",
            "redis://localhost.example.com",
            "redis://0.0.0.0:6379",
            "redis://[::]:6379",
            "redis://[2001:db8::1]:6379",
            "redis://127.0.0.1.example.com",
        ] {
            let why = text.parse::<RedisUrl>().unwrap_err();
            assert!(why.contains("rediss://"), "{text}: {why}");
        }
    }

    #[test]
    fn a60_other_texts_are_no_redis() {
        for text in [
            "",
            "redis",
            "127.0.0.1:6379",
            "http://127.0.0.1",
            "redis://",
            "redis://127.0.0.1:0",
            "redis://127.0.0.1:65536",
            "redis://127.0.0.1:+1",
            "redis://127.0.0.1/x",
            "redis://127.0.0.1/10000",
            "redis://127.0.0.1/+1",
            "redis://127.0.0.1?insecure",
            "rediss://cache.example.com/#insecure",
            "rediss://a@b@c.example",
            "rediss://:secret@cache.example.com",
            "rediss://authd:secret@cache.example.com",
            "redis+unix://run/redis.sock",
            "redis+unix:///run/",
            "redis+unix:///run/redis.sock?pass=x",
        ] {
            let why = text.parse::<RedisUrl>().unwrap_err();
            assert!(!why.contains("secret"), "{why}");
        }
    }
}
