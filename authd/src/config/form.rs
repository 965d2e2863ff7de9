//! The forms of texts: each is checked where it is read, so that a fault has a place in a file.
//! A text that passes is kept as written.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use domain::session::SessionPolicy;
use domain::setting;
use domain::tenant::Slug;
use ipnet::IpNet;

use super::beside::RedisUrl;
use super::key::Form;

/// Longest text of any form, in bytes.
const LONGEST: usize = 4096;
/// Names of levels, the quietest first.
pub const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

/// Checks a text against its form.
///
/// # Errors
/// What was expected, as the end of a sentence that begins with the key.
pub(super) fn check(form: Form, text: &str) -> Result<(), String> {
    if text.len() > LONGEST {
        return Err(format!("expected at most {LONGEST} bytes"));
    }
    if text.chars().any(common::text::is_forbidden) {
        return Err("must not contain control or direction-changing characters".to_owned());
    }
    match form {
        Form::OptionalAddress | Form::OptionalPath if text.is_empty() => Ok(()),
        Form::Path | Form::OptionalPath => absolute(text).map(drop),
        Form::Address | Form::OptionalAddress => address(text).map(drop),
        Form::Network => network(text).map(drop),
        Form::Mode => mode(text).map(drop),
        Form::Url => url(text),
        Form::Page => setting::name_of_page(text).map_err(|e| e.to_string()),
        Form::Host => host(text),
        Form::Mailbox => setting::text_of_mailbox(text).map_err(|e| e.to_string()),
        Form::Colour => setting::text_of_colour(text).map_err(|e| e.to_string()),
        Form::Language => setting::text_of_language(text).map_err(|e| e.to_string()),
        Form::Line => setting::text_of_line(text).map_err(|e| e.to_string()),
        Form::Slug => Slug::from_str(text).map(drop).map_err(|e| e.to_string()),
        Form::Group => group(text),
        Form::Account => account(text),
        Form::Credential => credential(text),
        Form::Database => database(text).map(drop),
        Form::Redis => RedisUrl::from_str(text).map(drop),
        Form::SessionPolicy => SessionPolicy::from_str(text)
            .map(drop)
            .map_err(|e| e.to_string()),
        Form::ReferenceName => setting::name_of_reference(text).map_err(|e| e.to_string()),
        Form::Domain => setting::name_of_domain(text).map_err(|e| e.to_string()),
        Form::WebHost => setting::name_of_host(text).map_err(|e| e.to_string()),
        Form::Origin => setting::name_of_origin(text).map_err(|e| e.to_string()),
        Form::HeaderName => header_name(text),
        Form::Method => method(text),
        Form::TimeZone => time_zone(text),
        Form::Label => {
            let clean = common::text::sanitize(text, 60).map_err(|e| e.to_string())?;
            same(text, &clean)
        }
        Form::Audience => setting::name_of_audience(text).map_err(|e| e.to_string()),
        Form::UserName => {
            let clean = common::text::sanitize(text, 255).map_err(|e| e.to_string())?;
            same(text, &clean)
        }
        Form::Directives => directives(text).map(drop),
    }
}

fn same(text: &str, clean: &str) -> Result<(), String> {
    if text == clean {
        Ok(())
    } else {
        Err("must not begin or end with white space, and be in normal form NFC".to_owned())
    }
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    if path.is_absolute() {
        Ok(path.to_path_buf())
    } else {
        Err("expected an absolute path, like \"/var/lib/authd\"".to_owned())
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "expected a socket address, like \"127.0.0.1:8440\" or \"[::1]:8440\"".to_owned()
    })
}

/// Reads an address range; a single address is a range of one.
///
/// # Errors
/// What was expected.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    let network: IpNet = text
        .parse()
        .map_err(|_| "expected an address range, like \"10.0.0.0/8\" or \"::1\"".to_owned())?;
    if network.trunc() != network {
        let whole = network.trunc();
        return Err(format!(
            "has bits beyond its prefix; the range would be \"{whole}\""
        ));
    }
    Ok(network)
}

/// Reads the permissions of a socket: four octal digits, the first a zero.
///
/// # Errors
/// What was expected.
pub(super) fn mode(text: &str) -> Result<u32, String> {
    let octal = text.len() == 4
        && text.starts_with('0')
        && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    if !octal {
        return Err(
            "expected an octal mode as a text with its leading zero, like \"0660\"; \
             a bare 666 is not what it looks like"
                .to_owned(),
        );
    }
    let mode = u32::from_str_radix(text, 8).map_err(|e| e.to_string())?;
    if mode & 0o007 != 0 {
        return Err(
            "must not let everybody in: access goes by group, so the last digit is 0".to_owned(),
        );
    }
    if mode != 0o660 && mode != 0o600 {
        return Err("expected \"0660\", or \"0600\" for the owner alone".to_owned());
    }
    Ok(mode)
}

/// Host of a URL that passed its check; with the brackets of an IPv6 address.
pub(super) fn url_host(text: &str) -> &str {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    match rest.rfind(']') {
        Some(end) => rest.get(..=end).unwrap_or(rest),
        None => rest.split_once(':').map_or(rest, |(host, _)| host),
    }
}

/// Whether a host name or address can only be this machine.
pub(super) fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn url(text: &str) -> Result<(), String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err("expected a URL, like \"https://auth.example.com\"".to_owned());
    };
    if scheme != "https" && scheme != "http" {
        return Err("expected a URL that begins with https://".to_owned());
    }
    if rest.contains('@') {
        return Err("must not contain a user name or a password".to_owned());
    }
    if let Some(at) = rest.find(['/', '?', '#', '\\']) {
        let (origin, _) = rest.split_at(at);
        return Err(format!(
            "must end after the host and port; without path and query it is \"{scheme}://{origin}\""
        ));
    }
    let host = url_host(text);
    let port = rest.strip_prefix(host).unwrap_or_default();
    let port_fits = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| {
            digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        });
    if !port_fits || !is_host(host) {
        return Err("expected a host in small letters, and a port from 0 to 65535".to_owned());
    }
    if scheme == "http" && !is_loopback_host(host) {
        return Err("must begin with https://; plain http is for loopback alone".to_owned());
    }
    Ok(())
}

fn host(text: &str) -> Result<(), String> {
    if text.parse::<IpAddr>().is_ok() || (is_host(text) && !text.starts_with('[')) {
        Ok(())
    } else {
        Err("expected a host name in small letters or an address, like \"smtp.example.com\"; the port has a key of its own".to_owned())
    }
}

pub(super) fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    // A name whose last label is a number is an IPv4 address or nothing (WHATWG URL, 3.5).
    let last_is_number = host
        .rsplit('.')
        .next()
        .is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    if last_is_number {
        return host.parse::<std::net::Ipv4Addr>().is_ok();
    }
    host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// The mark for all of them is refused: it means nothing where credentials are sent.
fn header_name(text: &str) -> Result<(), String> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(is_plain) {
        Ok(())
    } else {
        Err("expected names of headers, like \"content-type\"".to_owned())
    }
}

fn method(text: &str) -> Result<(), String> {
    if ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(&text) {
        Ok(())
    } else {
        Err("expected methods: GET, HEAD, POST, PUT, PATCH, DELETE".to_owned())
    }
}

fn group(text: &str) -> Result<(), String> {
    if text.is_empty() || is_account_name(text) {
        Ok(())
    } else {
        Err("expected the name of a group, or \"\" for authd's own".to_owned())
    }
}

fn account(text: &str) -> Result<(), String> {
    if is_account_name(text) || text.parse::<u32>().is_ok_and(|uid| uid != u32::MAX) {
        Ok(())
    } else {
        Err("expected names of users or uids".to_owned())
    }
}

fn is_account_name(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$'))
}

fn credential(text: &str) -> Result<(), String> {
    let fits = (1..=64).contains(&text.len())
        && !text.starts_with('.')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if fits {
        Ok(())
    } else {
        Err("expected the name of a credential, like \"authd.wrap-key\": a file name, no path and no secret".to_owned())
    }
}

/// Path of the database file that a URL names.
///
/// # Errors
/// What was expected.
pub(super) fn database(text: &str) -> Result<PathBuf, String> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Err("names PostgreSQL, which this build does not contain; \
                    use \"sqlite:/var/lib/authd/authd.db\""
            .to_owned());
    }
    let expected =
        "expected \"sqlite:\" and an absolute path, like \"sqlite:/var/lib/authd/authd.db\"";
    let path = text.strip_prefix("sqlite:").ok_or(expected)?;
    let path = match path.strip_prefix("//") {
        Some(rest) if rest.starts_with('/') => rest,
        Some(_) => return Err(expected.to_owned()),
        None => path,
    };
    if path.contains('?') {
        return Err(
            "takes no options behind the path; the keys of [database] are for these".to_owned(),
        );
    }
    let path = Path::new(path);
    if !path.is_absolute() || path.file_name().is_none() {
        return Err(expected.to_owned());
    }
    Ok(path.to_path_buf())
}

fn time_zone(text: &str) -> Result<(), String> {
    jiff::tz::TimeZone::get(text)
        .map(drop)
        .map_err(|_| "expected the name of a time zone that this machine knows, like \"Europe/Berlin\" or \"UTC\"".to_owned())
}

/// Reads log directives: `info`, or `info,authd::http=debug`; later ones win.
///
/// # Errors
/// What was expected.
pub fn directives(text: &str) -> Result<Vec<(Option<&str>, &str)>, String> {
    text.split(',')
        .map(|part| {
            let part = part.trim();
            let (target, level) = match part.split_once('=') {
                Some((target, level)) => (Some(target.trim()), level.trim()),
                None => (None, part),
            };
            let target_fits = target.is_none_or(|target| {
                !target.is_empty()
                    && target
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-'))
            });
            if target_fits && LEVELS.contains(&level) {
                Ok((target, level))
            } else {
                Err(format!(
                    "expected one of {}, or directives like \"info,authd::http=debug\"",
                    LEVELS.join(", ")
                ))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each form, with what it takes and what it refuses.
    const TABLE: &[(Form, &[&str], &[&str])] = &[
        (Form::Path, &["/a/b"], &["", "a/b", "./a", "/a\nb"]),
        (Form::OptionalPath, &["", "/a/b"], &["a/b", "/a\nb"]),
        (
            Form::Address,
            &["127.0.0.1:0", "[::1]:8440"],
            &["", "localhost:80", "127.0.0.1", "1.2.3.4:99999"],
        ),
        (
            Form::Network,
            &["10.0.0.0/8", "::1", "192.0.2.7", "2001:db8::/32"],
            &["", "10.0.0.1/8", "10.0.0.0/33", "x"],
        ),
        (
            Form::Mode,
            &["0660", "0600"],
            &["660", "0666", "0o660", "0888", "0060", "0770", "", "00660"],
        ),
        (
            Form::Url,
            &[
                "https://auth.example.com",
                "https://a:8443",
                "http://127.0.0.1:8440",
                "http://[::1]:1",
                "http://localhost",
            ],
            &[
                "",
                "auth.example.com",
                "http://auth.example.com",
                "ftp://a",
                "https://a/",
                "https://a?x",
                "https://a#b",
                "https://u:p@a",
                "https://A.example",
                "https://a:x",
                "https://a:70000",
                "https://",
                "https://1.2.3",
                "https://a..b",
                "https://[::1",
                "https://a\\b",
                "https://a:+1",
            ],
        ),
        (
            Form::Page,
            &[
                "https://app.example.com/reset?lang=en",
                "https://a/x%20y/",
                "https://a",
                "http://127.0.0.1:1/p",
            ],
            &[
                "",
                "javascript:alert(1)",
                "https://a/#t",
                "https://a#",
                "http://app.example.com/",
                "https://u@a/",
                "https://a/ b",
                "https://a/\"x",
                "https://a\\b",
                "//a/b",
                "/reset",
            ],
        ),
        (
            Form::Host,
            &["smtp.example.com", "localhost", "127.0.0.1", "::1"],
            &[
                "",
                "smtp.example.com:25",
                "[::1]",
                "SMTP.example",
                "a b",
                "smtp://a",
                "1.2.3",
            ],
        ),
        (
            Form::Colour,
            &["#1d4fbf", "#000000"],
            &[
                "",
                "#1D4FBF",
                "#fff",
                "1d4fbf",
                "red",
                "#1d4fbg",
                "#1d4fbf;",
                "#1d4fbf00",
            ],
        ),
        (
            Form::Language,
            &["en", "sw-KE", "zh-Hans"],
            &["", "english", "EN", "sw_KE", "../en", "en "],
        ),
        (
            Form::Line,
            &["Help: +254 700 000 000", "x"],
            &["", " x", "a\nb", "a\u{202e}b"],
        ),
        (
            Form::Mailbox,
            &[
                "authd@localhost",
                "Example <no-reply@example.com>",
                "Ünal & Söhne <a@b.example>",
            ],
            &[
                "",
                "example.com",
                "Example",
                "<a@b.example>",
                "A <a@b.example>, B <b@b.example>",
                "a@b.example\r\nBcc: c@d.example",
                "A\u{202e} <a@b.example>",
                "\"A\" <a@b.example>",
                "A <<a@b.example>>",
                "A < a@b.example>",
                " a@b.example",
            ],
        ),
        (
            Form::UserName,
            &["authd", "AKIA+/x=", "a@b.example"],
            &["", " a", "a\nb"],
        ),
        (Form::Slug, &["acme"], &["", "Acme", "-a", "a"]),
        (
            Form::Group,
            &["", "authd-admin", "_x"],
            &["0", "a b", "a/b"],
        ),
        (
            Form::Account,
            &["alice", "1000", "0"],
            &["", "-1", "4294967295", "a b"],
        ),
        (
            Form::Credential,
            &["authd.wrap-key"],
            &["", "/etc/key", "..", ".hidden", "a b"],
        ),
        (
            Form::Database,
            &["sqlite:/a/b.db", "sqlite:///a/b.db"],
            &[
                "",
                "sqlite:",
                "sqlite:a.db",
                "sqlite::memory:",
                "sqlite://a/b",
                "sqlite:/a?mode=ro",
                "postgres://x/y",
                "/a/b",
                "sqlite:/",
            ],
        ),
        (
            Form::Redis,
            &["redis://[::1]:6380/1", "redis+unix:///run/redis.sock"],
            &["", "redis://10.0.0.7", "rediss://a:b@c.example"],
        ),
        (
            Form::SessionPolicy,
            &["single", "limit:5"],
            &["", "limit:0", "limit:51", "Single"],
        ),
        (
            Form::ReferenceName,
            &["branch_id", "a"],
            &["", "_a", "A", "a-b", "a234567890123456789012345678901234"],
        ),
        (
            Form::Domain,
            &["example.com", "xn--mnchen-3ya.example"],
            &[
                "",
                "Example.com",
                "a@b.example",
                "münchen.example",
                "a..example",
            ],
        ),
        (
            Form::WebHost,
            &["app.example.com"],
            &["", "https://a.b", "A.b", "a.b:1"],
        ),
        (
            Form::Origin,
            &["*", "https://app.example.com"],
            &["", "null", "https://app.example.com/"],
        ),
        (Form::HeaderName, &["ETag"], &["", "*", "a b", "a,b", "a:"]),
        (Form::Method, &["PATCH"], &["", "*", "get", "CONNECT"]),
        (Form::TimeZone, &["UTC"], &["", "Mars/Phobos"]),
        (Form::Label, &["free"], &["", " free"]),
        (
            Form::Audience,
            &["https://api.example.com", "orders"],
            &["", "a\u{202e}b"],
        ),
        (
            Form::Directives,
            &["info", "warn,authd::http=debug"],
            &["", "inof", "info,", "a=b", "=info"],
        ),
    ];

    #[test]
    fn each_form_takes_the_right_and_refuses_the_wrong() {
        for (form, right, wrong) in TABLE {
            for text in *right {
                assert_eq!(check(*form, text), Ok(()), "{form:?} {text:?}");
            }
            for text in *wrong {
                assert!(check(*form, text).is_err(), "{form:?} {text:?}");
            }
        }
    }

    #[test]
    fn refusals_say_what_to_write_instead() {
        assert!(network("10.0.0.1/8").unwrap_err().contains("10.0.0.0/8"));
        assert!(check(Form::Mode, "666").unwrap_err().contains("\"0660\""));
        assert!(
            check(Form::Url, "https://a.example/x")
                .unwrap_err()
                .contains("\"https://a.example\"")
        );
        assert!(
            check(Form::Database, "postgres://h/d")
                .unwrap_err()
                .contains("PostgreSQL")
        );
    }

    #[test]
    fn hosts_of_urls() {
        assert_eq!(url_host("http://[::1]:80"), "[::1]");
        assert_eq!(url_host("https://a.example:8443"), "a.example");
        assert!(is_loopback_host("[::1]"));
        assert!(!is_loopback_host("localhost.example.com"));
    }
}
