//! What the keys of `[mail]` cannot say alone: a way needs its ends, and secrets need a closed one.

use super::{Findings, warn};
use crate::config::fault::Fault;
use crate::config::form::is_loopback_host;
use crate::config::value::Values;

/// Port of STARTTLS (RFC 6409, 3.1).
const SUBMISSION: u16 = 587;
/// Port of implicit TLS (RFC 8314, 7.3).
const SUBMISSIONS: u16 = 465;

/// The way has what it needs.
pub(super) fn way(values: &Values) -> Findings {
    let transport = values.text("mail.transport")?;
    let mut found = Vec::new();
    let mut needs = |key: &str, example: &str| {
        if !values.is_set(key) {
            let fault = Fault::new(format!(
                "\"{key}\" is not set, and \"mail.transport\" is \"{transport}\""
            ));
            found.push(fault.of(key).hint(format!("Set it: {key} = \"{example}\"")));
        }
    };
    if transport == "smtp" {
        needs("mail.host", "smtp.example.com");
    }
    if transport != "none" {
        needs("mail.from", "Example <no-reply@example.com>");
    }
    Ok(found)
}

/// Who registers gets a mail.
pub(super) fn registration(values: &Values) -> Findings {
    let key = "registration.enabled";
    if !values.bool(key)? || values.text("mail.transport")? != "none" {
        return Ok(Vec::new());
    }
    let fault = values.refused(
        key,
        &"is true, and \"mail.transport\" is \"none\": no link would go out",
    );
    Ok(vec![fault.hint(
        "Set mail.transport = \"smtp\", or let tenants open it one by one.",
    )])
}

/// Mails are not shown to bystanders: neither on a disk and in a log, nor on the wire.
pub(super) fn development(values: &Values, is_dev: bool) -> Findings {
    let key = "mail.transport";
    let transport = values.text(key)?;
    if is_dev || !["file", "log"].contains(&transport.as_str()) {
        return Ok(Vec::new());
    }
    let why = format!("is \"{transport}\", which shows links and passwords: for --dev alone");
    let fault = values.refused(key, &why);
    Ok(vec![fault.hint("Set it to \"smtp\" or \"none\".")])
}

/// What goes over a network is encrypted.
pub(super) fn encryption(values: &Values) -> Findings {
    let key = "mail.tls";
    let tls = values.text(key)?;
    let port: u16 = values.number("mail.port")?;
    let mut found = Vec::new();
    if values.text("mail.transport")? != "smtp" {
        return Ok(found);
    }
    let host = values.optional("mail.host")?.unwrap_or_default();
    if tls == "none" && !is_loopback_host(&host) {
        if values.is_set("mail.username") {
            let why =
                format!("is \"none\": the password for {host} would cross the network as it is");
            found.push(values.refused(key, &why));
        } else {
            let why =
                format!("is \"none\": links and passwords cross the network to {host} as they are");
            found.push(warn(values, key, &why));
        }
    }
    let is_odd = if tls == "implicit" {
        port == SUBMISSION
    } else {
        port == SUBMISSIONS
    };
    if is_odd {
        let why = format!(
            "is \"{tls}\" at port {port}: 587 is usual for \"starttls\", 465 for \"implicit\""
        );
        found.push(warn(values, key, &why));
    }
    Ok(found)
}
