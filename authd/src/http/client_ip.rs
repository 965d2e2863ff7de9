//! The client's address: the peer's, or what a trusted proxy says. Pure; what cannot be read means
//! the peer's address and never another way through the code.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::header::{FORWARDED, HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Headers by which proxies tell of their clients. Seen from a private peer that nobody trusts,
/// they mean that a proxy was forgotten in the configuration.
fn is_forwarding(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "forwarded"
            | "x-forwarded-for"
            | "x-real-ip"
            | "x-client-ip"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "true-client-ip"
            | "cf-connecting-ip"
    )
}

/// The one header that trusted proxies name the client in (`api.client_ip_header`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientIpHeader {
    /// None: the peer is the client.
    #[default]
    None,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For`.
    XForwardedFor,
}

/// Whom to believe about the client's address.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    /// Addresses of proxies (`api.trusted_proxies`).
    pub networks: Vec<IpNet>,
    /// Where they name the client.
    pub header: ClientIpHeader,
}

impl TrustedProxies {
    fn contains(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// Whether there is a proxy whose word is asked for.
    fn is_configured(&self) -> bool {
        !self.networks.is_empty() && self.header != ClientIpHeader::None
    }
}

/// What is known of the client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    /// The address; IPv4 within IPv6 is IPv4.
    pub ip: IpAddr,
    /// False where the address is that of a proxy which nobody trusts (rule 7).
    pub has_own_address: bool,
}

/// Tells the client's address: of the hops that trusted proxies name, the right-most one that is
/// none of them.
pub fn client_address(
    peer: IpAddr,
    headers: &HeaderMap,
    proxies: &TrustedProxies,
) -> ClientAddress {
    let peer = peer.to_canonical();
    if !proxies.is_configured() {
        return ClientAddress {
            ip: peer,
            has_own_address: !(is_private(peer) && headers.keys().any(is_forwarding)),
        };
    }
    let named = proxies
        .contains(peer)
        .then(|| rightmost_untrusted(headers, proxies));
    ClientAddress {
        ip: named.flatten().unwrap_or(peer),
        has_own_address: true,
    }
}

/// Walks the hops from the nearest; none if there are none, or one cannot be read before the
/// client is found. What stands further left is the client's own word and is not looked at.
fn rightmost_untrusted(headers: &HeaderMap, proxies: &TrustedProxies) -> Option<IpAddr> {
    let name = match proxies.header {
        ClientIpHeader::None => return None,
        ClientIpHeader::Forwarded => FORWARDED,
        ClientIpHeader::XForwardedFor => X_FORWARDED_FOR,
    };
    let mut farthest = None;
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    for line in lines.into_iter().rev() {
        let mut rest = Some(line.to_str().ok()?);
        while let Some(text) = rest {
            let (left, element) = split_last(text, ',');
            let hop = match proxies.header {
                ClientIpHeader::Forwarded => forwarded_for(element)?,
                _ => address(element.trim())?,
            };
            if !proxies.contains(hop) {
                return Some(hop);
            }
            farthest = Some(hop);
            rest = left;
        }
    }
    farthest
}

/// Splits at the last separator that stands outside quotes.
fn split_last(text: &str, separator: char) -> (Option<&str>, &str) {
    let mut is_quoted = false;
    for (at, c) in text.char_indices().rev() {
        if c == '"' {
            is_quoted = !is_quoted;
        } else if c == separator && !is_quoted {
            let (left, right) = text.split_at(at);
            return (Some(left), right.get(1..).unwrap_or_default());
        }
    }
    (None, text)
}

/// The address of the one `for` of a `Forwarded` element (RFC 7239, 4 and 6).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut found = None;
    let mut rest = Some(element);
    while let Some(text) = rest {
        let (left, pair) = split_last(text, ';');
        rest = left;
        let Some((name, value)) = pair.split_once('=') else {
            if pair.trim().is_empty() {
                continue;
            }
            return None;
        };
        if !name.trim().eq_ignore_ascii_case("for") {
            continue;
        }
        let value = value.trim();
        let value = match value.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"')?,
            None => value,
        };
        if found.replace(address(value)?).is_some() {
            return None;
        }
    }
    found
}

/// An address as proxies write it, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip.to_canonical());
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        (IpAddr::V6(host.parse().ok()?), port)
    } else {
        let (host, port) = text.split_at(text.find(':')?);
        (IpAddr::V4(host.parse::<Ipv4Addr>().ok()?), port)
    };
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok());
    is_port.then(|| host.to_canonical())
}

/// Loopback, private, link-local, unique local and shared addresses: where one's own proxies are.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn trusting(header: ClientIpHeader) -> TrustedProxies {
        TrustedProxies {
            networks: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            header,
        }
    }

    fn told(header: ClientIpHeader, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let address = client_address(peer.parse().unwrap(), &headers(lines), &trusting(header));
        assert!(address.has_own_address);
        address.ip.to_string()
    }

    #[test]
    fn d17_x_forwarded_for_gives_the_rightmost_untrusted_hop() {
        let told = |peer: &str, lines: &[&str]| {
            let lines: Vec<_> = lines
                .iter()
                .map(|line| ("x-forwarded-for", *line))
                .collect();
            told(ClientIpHeader::XForwardedFor, peer, &lines)
        };
        assert_eq!(told("10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(
            told("10.0.0.1", &["1.1.1.1, 203.0.113.7, 10.2.3.4"]),
            "203.0.113.7"
        );
        assert_eq!(told("10.0.0.1", &["1.1.1.1", "203.0.113.7"]), "203.0.113.7");
        assert_eq!(told("10.0.0.1", &["junk, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(told("10.0.0.1", &["203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(told("10.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(told("10.0.0.1", &["::ffff:203.0.113.7"]), "203.0.113.7");
        assert_eq!(told("::ffff:10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(told("10.0.0.1", &["10.5.5.5, 10.2.3.4"]), "10.5.5.5");
        for junk in [
            "",
            "junk",
            "203.0.113.7, junk",
            "203.0.113.7,",
            "1.2.3",
            "01.2.3.4",
            "1.2.3.4:x",
            "1.2.3.4:99999",
            "::1]",
            "\u{e9}",
            "1.2.3.4 5.6.7.8",
            "unknown",
        ] {
            assert_eq!(told("10.0.0.1", &[junk]), "10.0.0.1", "{junk}");
        }
        assert_eq!(told("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(told("203.0.113.9", &["1.1.1.1"]), "203.0.113.9");
    }

    #[test]
    fn d17_forwarded_gives_the_rightmost_untrusted_hop() {
        let told = |line: &str| told(ClientIpHeader::Forwarded, "fd00::1", &[("forwarded", line)]);
        assert_eq!(told("for=203.0.113.7"), "203.0.113.7");
        assert_eq!(told("For=\"[2001:db8::1]:4711\";proto=http"), "2001:db8::1");
        assert_eq!(
            told("for=1.1.1.1, proto=https;for=203.0.113.7;by=\"a,b;c\""),
            "203.0.113.7"
        );
        assert_eq!(told("for=\"junk, for=203.0.113.7"), "203.0.113.7");
        for junk in [
            "for=unknown",
            "for=_hidden",
            "for=",
            "proto=http",
            "junk",
            "for=\"203.0.113.7",
            "for=1.1.1.1;for=2.2.2.2",
            "for=203.0.113.7, junk",
        ] {
            assert_eq!(told(junk), "fd00::1", "{junk}");
        }
    }

    #[test]
    fn only_the_configured_header_of_a_trusted_peer_counts() {
        let lines = [
            ("x-real-ip", "1.1.1.1"),
            ("x_forwarded_for", "1.1.1.1"),
            ("forwarded", "for=1.1.1.1"),
        ];
        assert_eq!(
            told(ClientIpHeader::XForwardedFor, "10.0.0.1", &lines),
            "10.0.0.1"
        );
    }

    #[test]
    fn rule_7_a_private_peer_that_forwards_untrusted_has_no_own_address() {
        let own = |peer: &str, lines: &[(&'static str, &str)]| {
            let proxies = TrustedProxies::default();
            let told = client_address(peer.parse().unwrap(), &headers(lines), &proxies);
            assert_eq!(told.ip, peer.parse::<IpAddr>().unwrap().to_canonical());
            told.has_own_address
        };
        let forwarded = [("x-forwarded-for", "203.0.113.7")];
        for peer in [
            "127.0.0.1",
            "::1",
            "192.168.1.1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "100.64.0.1",
        ] {
            assert!(own(peer, &[]), "{peer}");
            assert!(!own(peer, &forwarded), "{peer}");
            assert!(!own(peer, &[("x-real-ip", "203.0.113.7")]), "{peer}");
            assert!(own(peer, &[("x_forwarded_for", "203.0.113.7")]), "{peer}");
        }
        assert!(own("203.0.113.9", &forwarded));
    }
}
