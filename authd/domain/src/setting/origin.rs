//! Origins of pages, in the one spelling in which browsers send them (WHATWG Fetch, 3.1): they are
//! compared as texts, so that nothing that only looks like one of them passes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{InvalidValue, Value};

/// Stands for every origin.
const ANY: &str = "*";

/// Checks an origin: `https://host[:port]`, `http` for loopback alone, or `*`.
///
/// # Errors
/// The end of a sentence that begins with the key.
pub fn name_of_origin(text: &str) -> Result<(), InvalidValue> {
    if text == ANY {
        return Ok(());
    }
    let expected = || {
        InvalidValue(format!(
            "has \"{text}\"; expected origins as browsers send them, like \"https://app.example.com\": \
             small letters, no path, no usual port"
        ))
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(expected)?;
    let (host, port) = split(rest);
    let usual = match scheme {
        "https" => "443",
        "http" => "80",
        _ => return Err(expected()),
    };
    let port_fits = port.is_none_or(|port| port != usual && is_port(port));
    if !port_fits || !is_host(host) {
        return Err(expected());
    }
    if scheme == "http" && !is_loopback(host) {
        return Err(InvalidValue(format!(
            "has \"{text}\"; plain http is for loopback alone"
        )));
    }
    Ok(())
}

/// Checks the host of a page: a name in small letters or an address, without port.
///
/// # Errors
/// The end of a sentence that begins with the key.
pub fn name_of_host(text: &str) -> Result<(), InvalidValue> {
    if is_host(text) {
        Ok(())
    } else {
        Err(InvalidValue(
            "expected hosts in small letters, like \"app.example.com\", without scheme and port"
                .to_owned(),
        ))
    }
}

/// Whether all of these origins are https on one of the hosts.
pub(super) fn are_on(origins: &Value, hosts: &Value) -> bool {
    let (Value::Names(origins), Value::Names(hosts)) = (origins, hosts) else {
        return false;
    };
    origins.iter().all(|origin| {
        let host = origin.strip_prefix("https://").map(|rest| split(rest).0);
        host.is_some_and(|host| hosts.iter().any(|allowed| allowed == host))
    })
}

/// Host, with the brackets of an IPv6 address, and port.
pub(super) fn split(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether a text is a port, in its one spelling.
pub(super) fn is_port(text: &str) -> bool {
    text.parse::<u16>()
        .is_ok_and(|port| port > 0 && port.to_string() == text)
}

/// Whether a host can only be this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a text is a host in the one spelling that compares.
pub(super) fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return inner
            .parse::<Ipv6Addr>()
            .is_ok_and(|address| address.to_string() == inner);
    }
    // A name whose last label is a number is an IPv4 address or nothing (WHATWG URL, 3.5).
    let last_is_number = host
        .rsplit('.')
        .next()
        .is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    if last_is_number {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v3_4_2_an_origin_has_one_spelling() {
        for right in [
            "*",
            "https://app.acme.test",
            "https://app.acme.test:8443",
            "https://192.0.2.7",
            "https://[2001:db8::1]:8443",
            "http://localhost:5173",
            "http://127.0.0.1",
            "http://[::1]:3000",
        ] {
            assert_eq!(name_of_origin(right), Ok(()), "{right}");
        }
        for wrong in [
            "",
            "null",
            "app.acme.test",
            "https://",
            "https://App.acme.test",
            "https://app.acme.test/",
            "https://app.acme.test:443",
            "https://app.acme.test:0443",
            "https://app.acme.test:0",
            "https://app.acme.test:65536",
            "https://app.acme.test:",
            "https://user@app.acme.test",
            "https://*.acme.test",
            "https://a..test",
            "https://1.2.3",
            "https://[2001:DB8::1]",
            "http://app.acme.test",
            "http://localhost:80",
            "http://localhost.acme.test",
            "ftp://app.acme.test",
            "javascript://app.acme.test",
        ] {
            assert!(name_of_origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rule_20_a_tenants_origins_are_https_on_its_hosts() {
        let names = |names: &[&str]| Value::Names(names.iter().map(ToString::to_string).collect());
        let hosts = names(&["app.acme.test", "[::1]"]);
        for right in [
            "https://app.acme.test",
            "https://app.acme.test:8443",
            "https://[::1]:1",
        ] {
            assert!(are_on(&names(&[right]), &hosts), "{right}");
        }
        for wrong in [
            "*",
            "http://app.acme.test",
            "https://app.acme.test.evil.test",
            "https://evil-app.acme.test",
            "https://acme.test",
            "https://x.app.acme.test",
            "http://[::1]:1",
        ] {
            assert!(
                !are_on(&names(&["https://app.acme.test", wrong]), &hosts),
                "{wrong}"
            );
        }
        assert!(are_on(&names(&[]), &names(&[])));
    }
}
