//! What no key can say alone: checks of the merged whole, each naming the key and its origin.

mod mail;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use common::paths::{SOCKET_PATH_LIMIT, fits_socket};
use common::units::format_duration;
use domain::setting;
use domain::tenant::SYSTEM;

use super::beside::Redis;
use super::fault::Fault;
use super::form;
use super::key::mib;
use super::keys::Keys;
use super::value::Values;

/// Checks the merged values; errors and warnings. A development daemon may do more.
pub(super) fn whole(values: &Values, is_dev: bool) -> Vec<Fault> {
    let mut found = Vec::new();
    for check in [
        public_url,
        listen,
        metrics,
        proxies,
        default_tenant,
        origins,
        claims,
        sockets,
        sessions,
        tokens,
        Keys::check,
        Redis::check,
        password_lengths,
        argon2,
        waits,
        mail::way,
        mail::registration,
        mail::encryption,
    ] {
        // A value that cannot be taken out has its fault already.
        found.extend(check(values).unwrap_or_else(|fault| vec![fault]));
    }
    found.extend(mail::development(values, is_dev).unwrap_or_else(|fault| vec![fault]));
    found
}

type Findings = Result<Vec<Fault>, Fault>;

fn public_url(values: &Values) -> Findings {
    let key = "api.public_url";
    let mut found = Vec::new();
    match values.optional(key)? {
        None => found.push(
            Fault::new(format!("\"{key}\" is not set"))
                .of(key)
                .hint("Set it to the address under which the world reaches authd: api.public_url = \"https://auth.example.com\". For a trial: authd run --dev"),
        ),
        Some(url) if url.starts_with("http://") && !values.bool("api.behind_proxy")? => {}
        Some(url) if url.starts_with("http://") => found.push(warn(
            values,
            key,
            "begins with http://, although a proxy that speaks TLS stands in front",
        )),
        Some(_) => {}
    }
    Ok(found)
}

fn listen(values: &Values) -> Findings {
    let key = "api.listen";
    let addresses: Vec<SocketAddr> = values.each(key, str::parse)?;
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for address in &addresses {
        if address.port() != 0 && !seen.insert(*address) {
            found.push(values.refused(key, &format!("names {address} twice")));
        }
        if !address.ip().to_canonical().is_loopback() && !values.bool("api.behind_proxy")? {
            found.push(
                values
                    .refused(key, &format!("names {address}, which is not loopback, and there is no TLS"))
                    .hint("Listen on 127.0.0.1 or ::1; or, behind a proxy that speaks TLS, set \"api.behind_proxy\" to true."),
            );
        }
    }
    Ok(found)
}

fn metrics(values: &Values) -> Findings {
    let key = "metrics.listen";
    let Ok(address) = values.text(key)?.parse::<SocketAddr>() else {
        return Ok(Vec::new());
    };
    let api: Vec<SocketAddr> = values.each("api.listen", str::parse)?;
    let mut found = Vec::new();
    if address.port() != 0 && api.contains(&address) {
        let why = format!("names {address}, where the API listens (api.listen)");
        found.push(values.refused(key, &why));
    }
    if !address.ip().to_canonical().is_loopback() {
        let why = format!("names {address}: whoever reaches it reads the counters, without TLS");
        found.push(
            warn(values, key, &why)
                .hint("Listen on 127.0.0.1 or ::1, or let a firewall say who may reach it."),
        );
    }
    Ok(found)
}

fn proxies(values: &Values) -> Findings {
    let proxies = values.each("api.trusted_proxies", form::network)?;
    let mut found = Vec::new();
    if let Some(all) = proxies.iter().find(|network| network.prefix_len() == 0) {
        found.push(values.refused(
            "api.trusted_proxies",
            &format!(
                "contains {all}: then everybody could choose the address that is logged and counted"
            ),
        ));
    }
    let has_header = values.text("api.client_ip_header")? != "none";
    if values.bool("api.behind_proxy")? && (proxies.is_empty() || !has_header) {
        found.push(
            warn(
                values,
                "api.behind_proxy",
                "is true, but no client is known by its own address: all seem to come from the proxy",
            )
            .hint("Set both \"api.trusted_proxies\" and \"api.client_ip_header\"."),
        );
    } else if has_header && proxies.is_empty() {
        found.push(warn(
            values,
            "api.client_ip_header",
            "has no effect while \"api.trusted_proxies\" is empty",
        ));
    } else if !proxies.is_empty() && !has_header {
        found.push(warn(
            values,
            "api.trusted_proxies",
            "has no effect while \"api.client_ip_header\" is \"none\"",
        ));
    }
    Ok(found)
}

fn default_tenant(values: &Values) -> Findings {
    let key = "default_tenant";
    if values.optional(key)?.as_deref() == Some(SYSTEM) {
        let why = "must not be \"system\": sign-ins to it always name it";
        return Ok(vec![values.refused(key, &why)]);
    }
    Ok(Vec::new())
}

fn origins(values: &Values) -> Findings {
    let has_all = values.list("cors.origins")?.iter().any(|text| text == "*");
    if has_all && values.bool("cors.credentials")? {
        return Ok(vec![
            values
                .refused(
                    "cors.credentials",
                    &"is true, and \"cors.origins\" contains \"*\": then every page could act as whoever reads it",
                )
                .hint("Name the origins, like \"https://app.example.com\"."),
        ]);
    }
    Ok(Vec::new())
}

fn claims(values: &Values) -> Findings {
    let key = "claims.external_refs";
    let carried = values.list("refs.names")?;
    let claimed = values.list(key)?;
    let unknown = claimed.iter().filter(|name| !carried.contains(name));
    let refuse = |name| {
        values.refused(
            key,
            &format!("has \"{name}\", which is not in \"refs.names\""),
        )
    };
    Ok(unknown.map(refuse).collect())
}

fn sockets(values: &Values) -> Findings {
    let keys = [
        "admin.socket",
        "admin.monitor_socket",
        "admin.helpdesk_socket",
    ];
    let mut found = Vec::new();
    let mut paths = BTreeSet::new();
    for key in keys {
        let path = values.text(key)?;
        if path.is_empty() {
            continue;
        }
        if !fits_socket(Path::new(&path)) {
            let why = format!(
                "is {} bytes long, and the path of a socket has at most {SOCKET_PATH_LIMIT}",
                path.len()
            );
            found.push(values.refused(key, &why));
        }
        if !paths.insert(path) {
            found.push(values.refused(key, &"is the path of another socket, too"));
        }
    }
    Ok(found)
}

fn sessions(values: &Values) -> Findings {
    let idle = values.duration("session.idle_timeout")?;
    let age = values.duration("session.max_age")?;
    let touch = values.duration("session.touch_interval")?;
    let mut found = Vec::new();
    if idle > age {
        let why = format!(
            "is longer than \"session.max_age\" ({})",
            format_duration(age)
        );
        found.push(values.refused("session.idle_timeout", &why));
    }
    if touch >= idle {
        let why = format!(
            "is not shorter than \"session.idle_timeout\" ({})",
            format_duration(idle)
        );
        found.push(values.refused("session.touch_interval", &why));
    }
    Ok(found)
}

fn tokens(values: &Values) -> Findings {
    let ttl = values.duration("token.access_ttl")?;
    let age = values.duration("session.max_age")?;
    let mut found = Vec::new();
    if ttl > age {
        let why = format!(
            "is longer than \"session.max_age\" ({})",
            format_duration(age)
        );
        found.push(values.refused("token.access_ttl", &why));
    }
    if values.is_set("token.audience") && values.list("token.audience")?.is_empty() {
        let why = "is empty: a token is for somebody; leave the key out for the issuer";
        found.push(values.refused("token.audience", &why));
    }
    if values.is_set("token.audience")
        && let Err(why) = setting::size_of_audience(&values.list("token.audience")?)
    {
        found.push(values.refused("token.audience", &why));
    }
    Ok(found)
}

fn password_lengths(values: &Values) -> Findings {
    let least: usize = values.number("password.min_length")?;
    let most: usize = values.number("password.max_length")?;
    let generated: usize = values.number("password.generated_length")?;
    let mut found = Vec::new();
    // The bounds of the keys keep min_length at most 64, and max_length at least that.
    if generated < least || generated > most {
        let why = format!(
            "is not within \"password.min_length\" ({least}) and \"password.max_length\" ({most})"
        );
        found.push(values.refused("password.generated_length", &why));
    }
    Ok(found)
}

/// The pairs that OWASP calls equal; memory below the first of each needs more passes.
fn argon2(values: &Values) -> Findings {
    const PAIRS: [(u64, u32); 5] = [
        (mib(46), 1),
        (mib(19), 2),
        (mib(12), 3),
        (mib(9), 4),
        (mib(7), 5),
    ];
    let memory = values.size("password.memory")?;
    let iterations: u32 = values.number("password.iterations")?;
    let needed = PAIRS
        .iter()
        .find(|(least, _)| memory >= *least)
        .map_or(u32::MAX, |(_, passes)| *passes);
    if iterations < needed {
        let why = format!(
            "is {iterations}, too few for a \"password.memory\" of {}: at least {needed}",
            super::value::format_size(memory)
        );
        return Ok(vec![values.refused("password.iterations", &why)]);
    }
    Ok(Vec::new())
}

fn waits(values: &Values) -> Findings {
    let request = values.duration("api.request_timeout")?;
    let mut found = Vec::new();
    for key in ["password.queue_deadline", "database.busy_timeout"] {
        if values.duration(key)? >= request {
            let why = format!(
                "is not shorter than \"api.request_timeout\" ({}), so it has no effect",
                format_duration(request)
            );
            found.push(warn(values, key, &why));
        }
    }
    Ok(found)
}

fn warn(values: &Values, key: &str, why: &str) -> Fault {
    Fault::warning(format!("\"{key}\" {why}"))
        .of(key)
        .at(values.origin(key))
}
