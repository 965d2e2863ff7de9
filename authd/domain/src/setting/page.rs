//! Addresses of pages that mailed links lead to. A token is put behind one as its fragment, and whoever
//! has the page has the token: so a tenant's own lie on hosts that the operator allows it.

use super::origin::{is_host, is_loopback, is_port, split};
use super::{InvalidValue, Value};

/// Longest address of a page, in bytes: a mail shows it in one piece.
const LONGEST: usize = 1000;

/// Where mailed links lead.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LinkPages {
    /// For confirming a new address.
    pub confirm: String,
    /// For setting a new password.
    pub reset: String,
    /// For completing a registration.
    pub verify: String,
}

/// An address in its parts.
struct Parts<'a> {
    scheme: &'a str,
    authority: &'a str,
    host: &'a str,
    port: Option<&'a str>,
    /// Path and query, and a fragment that should not be.
    rest: &'a str,
}

fn parts(text: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = text.split_once("://")?;
    let ends = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(ends);
    let (host, port) = split(authority);
    Some(Parts {
        scheme,
        authority,
        host,
        port,
        rest,
    })
}

/// Checks the address of a page: `https://host[:port]` with path and query, `http` for loopback alone.
///
/// # Errors
/// The end of a sentence that begins with the key.
pub fn name_of_page(text: &str) -> Result<(), InvalidValue> {
    let wrong = |why: &str| Err(InvalidValue(why.to_owned()));
    if text.len() > LONGEST {
        return Err(InvalidValue(format!("expected at most {LONGEST} bytes")));
    }
    let Some(parts) = parts(text) else {
        return wrong("expected a URL, like \"https://app.example.com/reset-password\"");
    };
    if parts.scheme != "https" && parts.scheme != "http" {
        return wrong("expected a URL that begins with https://");
    }
    if parts.authority.contains('@') {
        return wrong("must not contain a user name or a password");
    }
    if !is_host(parts.host) || !parts.port.is_none_or(is_port) {
        return wrong("expected a host in small letters, and a port from 1 to 65535");
    }
    if parts.scheme == "http" && !is_loopback(parts.host) {
        return wrong("must begin with https://; plain http is for loopback alone");
    }
    if parts.rest.contains('#') {
        return wrong("must not have a fragment: that is where the token goes");
    }
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    if !parts.rest.bytes().all(is_plain) {
        return wrong("must have a path of plain characters, others as %XX");
    }
    Ok(())
}

/// Whether a page is https on one of the hosts, at the usual port: another port of a host may be
/// another one's.
pub(super) fn is_on(page: &str, hosts: &Value) -> bool {
    let Value::Names(hosts) = hosts else {
        return false;
    };
    name_of_page(page).is_ok()
        && parts(page).is_some_and(|parts| {
            parts.scheme == "https"
                && parts.port.is_none()
                && hosts.iter().any(|allowed| allowed == parts.host)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a85_v1_2_2_a_page_is_an_address_and_nothing_that_looks_like_one() {
        for right in [
            "https://a",
            "https://app.acme.test/reset?lang=en&x=%20",
            "https://app.acme.test:8443/",
            "https://[2001:db8::1]/reset",
            "http://127.0.0.1:5173/p",
            "http://localhost/@me",
        ] {
            assert_eq!(name_of_page(right), Ok(()), "{right}");
        }
        for wrong in [
            "",
            "/reset",
            "//app.acme.test/reset",
            "javascript:alert(1)",
            "javascript://app.acme.test/%0aalert(1)",
            "JavaScript://app.acme.test/",
            "data:text/html,x",
            "HTTPS://app.acme.test/",
            "http://app.acme.test/",
            "http://localhost.acme.test/",
            "https:///reset",
            "https://App.acme.test/",
            "https://app.acme.test./",
            "https://user@app.acme.test/",
            "https://user:secret@app.acme.test/",
            "https://app.acme.test:443@evil.test/",
            "https://app.acme.test:/",
            "https://app.acme.test:0/",
            "https://app.acme.test:0443/",
            "https://app.acme.test:+443/",
            "https://app.acme.test:99999/",
            "https://app.acme.test:80:443/",
            "https://app.acme.test\\.evil.test/",
            "https://app.acme.test%2eevil.test/",
            "https://app.acme.test/#here",
            "https://app.acme.test#",
            "https://app.acme.test/ b",
            "https://app.acme.test/\"x",
            "https://app.acme.test/\u{e4}",
            "https://app.acme.test/\r\nX: y",
            "https://1.2.3/",
            " https://app.acme.test/",
        ] {
            assert!(name_of_page(wrong).is_err(), "{wrong}");
        }
        let long = format!("https://app.acme.test/{}", "a".repeat(LONGEST));
        assert!(name_of_page(&long).is_err());
    }

    #[test]
    fn rule_20_a85_a_tenants_pages_are_https_on_its_hosts_at_the_usual_port() {
        let hosts = ["app.acme.test", "[::1]"].map(ToString::to_string);
        let hosts = Value::Names(hosts.to_vec());
        for right in [
            "https://app.acme.test",
            "https://app.acme.test/reset?next=https://evil.test/",
            "https://app.acme.test?x=1",
            "https://[::1]/reset",
        ] {
            assert!(is_on(right, &hosts), "{right}");
        }
        for wrong in [
            "http://[::1]/reset",
            "https://app.acme.test:443/",
            "https://app.acme.test:8443/",
            "https://app.acme.test.evil.test/",
            "https://evil-app.acme.test/",
            "https://acme.test/",
            "https://x.app.acme.test/",
            "https://evil.test/app.acme.test",
            "https://evil.test?app.acme.test",
            "https://app.acme.test@evil.test/",
            "https://app.acme.test:x@evil.test/",
            "https://app.acme.test\\@evil.test/",
            "javascript://app.acme.test/",
        ] {
            assert!(!is_on(wrong, &hosts), "{wrong}");
        }
        assert!(!is_on("https://app.acme.test/", &Value::Names(Vec::new())));
    }
}
