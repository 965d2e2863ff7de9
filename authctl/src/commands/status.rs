//! `status`, `ping` and `version`: the daemon itself.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use common::call::status::{Ping, Status, Version};
use common::units::format_duration_short;
use common::view::{BackupStatus, KeyStatus, MailStatus, RedisStatus, StatusView, VersionView};
use common::{ADMIN_PROTOCOL, VERSION};
use serde::Serialize;

use crate::args::Format;
use crate::commands::Context;
use crate::commands::mail::{retrying, word};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::time::Moments;
use crate::output::{Printer, json as form};

/// Time between two tries of `ping --wait`.
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// Clears a terminal and goes to its corner.
pub(super) const CLEAR: &str = "\u{1b}[H\u{1b}[2J\u{1b}[3J";

/// Shows the daemon on one screen, once or again and again.
pub(crate) async fn status(context: &mut Context, watch: Option<Duration>) -> Result<Exit, Error> {
    has_form(&context.printer, "status")?;
    loop {
        let view = context.client.call(&Status {}).await?;
        let printer = &mut context.printer;
        let for_people = matches!(printer.format, Format::Table | Format::Wide);
        if watch.is_some() && for_people && std::io::stdout().is_terminal() {
            printer.text(CLEAR)?;
        }
        match printer.format {
            Format::Json if watch.is_none() => {
                printer.text(&form::line(&form::Single::new("status", &view))?)?;
            }
            Format::Json | Format::Jsonl => printer.text(&form::line(&view)?)?,
            _ => screen(printer, &view)?,
        }
        let Some(pause) = watch else {
            return Ok(Exit::Done);
        };
        printer.flush()?;
        tokio::time::sleep(pause.max(PAUSE)).await;
        context.printer.look_at_the_clock();
    }
}

/// Refuses formats that make no sense for one screen.
pub(super) fn has_form(printer: &Printer, command: &str) -> Result<(), Error> {
    if printer.format == Format::Csv {
        return Err(
            Error::usage(format!("\"{command}\" has no rows for --output csv"))
                .hint("Use table or json."),
        );
    }
    Ok(())
}

fn screen(printer: &mut Printer, view: &StatusView) -> Result<(), Error> {
    if printer.format == Format::Id {
        return printer.line(&view.status);
    }
    for line in lines(view, &printer.moments) {
        printer.line(&line)?;
    }
    for warning in &view.warnings {
        printer.warning_line(&format!("  WARNING   {}", warning.message))?;
    }
    Ok(())
}

fn lines(view: &StatusView, moments: &Moments) -> Vec<String> {
    let gone = format_duration_short(moments.now.since(view.started_at));
    let since = moments.minute(view.started_at);
    let api = &view.api;
    let database = &view.database;
    let schema = match database.pending {
        0 => "current".to_owned(),
        pending => format!("{pending} pending"),
    };
    let counts = &view.counts;
    let suspended = match counts.tenants_suspended {
        0 => String::new(),
        some => format!(" ({} suspended)", grouped(some)),
    };
    // The state may be younger than the start.
    let state = match view.status.as_str() {
        "running" => String::new(),
        other => format!("   {}", other.to_uppercase()),
    };
    vec![
        format!(
            "authd {}   running since {since} ({gone}){state}   pid {}   config {}",
            view.version,
            view.pid,
            config(&view.config_files)
        ),
        format!(
            "  API       {}   {:.0} req/s   p99 {}   {:.1} % errors",
            address(&api.public_url, &api.listen),
            api.requests_per_second,
            api.p99_seconds.map_or_else(
                || "-".to_owned(),
                |seconds| format!("{:.0} ms", seconds * 1000.0)
            ),
            api.error_rate * 100.0
        ),
        format!(
            "  Database  {} {}   {}   schema {} ({schema})   WAL {}   free {}",
            database.backend,
            database.path,
            size(database.bytes),
            database.schema,
            size(database.wal_bytes),
            size(database.free_bytes)
        ),
        format!(
            "  Cache     {}, {} hits; redis: {}",
            entries(view.cache.entries),
            share(view.cache.hits, view.cache.misses),
            redis(view.cache.redis.as_ref())
        ),
        format!("  Keys      {}", keys(&view.keys, moments)),
        mail_line(&view.mail),
        format!(
            "  Tenants   {}{suspended}     Users {}     Sessions {}     Locked out {}",
            grouped(counts.tenants),
            grouped(counts.users),
            grouped(counts.sessions),
            grouped(counts.locked)
        ),
        format!("  Backup    {}", backup(view.backup.as_ref(), moments)),
    ]
}

fn redis(redis: Option<&RedisStatus>) -> String {
    let Some(redis) = redis else {
        return "not configured".to_owned();
    };
    let since = format_duration_short(Duration::from_secs(redis.for_seconds));
    if redis.connected {
        let hits = share(redis.hits, redis.misses.saturating_add(redis.refused));
        let heard = redis.heard_seconds_ago.map(Duration::from_secs);
        let heard = heard.map_or_else(
            || "nothing heard".to_owned(),
            |ago| format!("last invalidation {} ago", format_duration_short(ago)),
        );
        return format!("up for {since}, {hits} hits, {heard}");
    }
    let reason = redis.reason.as_deref().unwrap_or("no reason is known");
    format!("DOWN for {since} ({reason})")
}

fn keys(keys: &KeyStatus, moments: &Moments) -> String {
    match keys.rotates_at {
        Some(at) if at > moments.now => format!(
            "{} (1 active, rotates in {})",
            keys.total,
            format_duration_short(at.since(moments.now))
        ),
        Some(_) => format!("{} (1 active, rotates now)", keys.total),
        None => format!("{} (1 active)", keys.total),
    }
}

fn backup(newest: Option<&BackupStatus>, moments: &Moments) -> String {
    let Some(newest) = newest else {
        return "none in backup.dir".to_owned();
    };
    let ago = format_duration_short(moments.now.since(newest.at));
    let verified = if newest.verified {
        "verified"
    } else {
        "not verified"
    };
    format!("{} ({ago} ago), {verified}", moments.minute(newest.at))
}

fn mail_line(mail: &MailStatus) -> String {
    let word = match word(mail) {
        "retrying" => retrying(mail).unwrap_or_default(),
        word => word.to_owned(),
    };
    if mail.transport.is_none() && mail.queued == 0 && mail.failed == 0 {
        return format!("  Mail      {word}");
    }
    let (queued, failed) = (grouped(mail.queued), grouped(mail.failed));
    format!("  Mail      {word}, {queued} queued, {failed} failed")
}

/// The public address, and those listened on where they are others.
fn address(public: &str, listen: &[String]) -> String {
    match listen {
        [only] if public.strip_prefix("http://") == Some(only) => public.to_owned(),
        several => format!("{public} on {}", several.join(", ")),
    }
}

fn config(files: &[String]) -> String {
    match files {
        [] => "none (defaults)".to_owned(),
        [only] => only.clone(),
        [first, rest @ ..] if rest.len() == 1 => format!("{first} + 1 drop-in"),
        [first, rest @ ..] => format!("{first} + {} drop-ins", rest.len()),
    }
}

fn entries(count: u64) -> String {
    match count {
        1 => "1 entry".to_owned(),
        several => format!("{} entries", grouped(several)),
    }
}

/// `18402` as `18 402`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && digits.len().saturating_sub(place) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// The largest unit that leaves a whole number, as people read sizes.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes / 1_048_576),
        _ => format!("{} GiB", bytes / 1_073_741_824),
    }
}

/// Share of hits with one digit, in whole numbers.
fn share(hits: u64, misses: u64) -> String {
    let all = u128::from(hits).saturating_add(u128::from(misses));
    match u128::from(hits).saturating_mul(1000).checked_div(all) {
        Some(per_mille) => format!("{}.{} %", per_mille / 10, per_mille % 10),
        None => "no".to_owned(),
    }
}

/// Asks whether the daemon is alive, or waits until it is.
pub(crate) async fn ping(context: &mut Context, wait: Option<Duration>) -> Result<Exit, Error> {
    has_form(&context.printer, "ping")?;
    let begun = Instant::now();
    let (version, took) = loop {
        let started = Instant::now();
        match context.client.call(&Ping {}).await {
            Ok(version) => break (version, started.elapsed()),
            Err(error) => {
                let worth_it = matches!(error.exit, Exit::NotRunning | Exit::Busy);
                if !worth_it || wait.is_none_or(|limit| begun.elapsed() >= limit) {
                    return Err(error);
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    let line = format!(
        "authd {} is up ({:.1} ms)",
        version.version,
        took.as_secs_f64() * 1000.0
    );
    let item = Up {
        daemon: &version,
        seconds: took.as_secs_f64(),
    };
    one(
        &mut context.printer,
        "ping",
        &item,
        &line,
        context.settings.flags.quiet,
    )
}

/// Shows the versions of both sides.
pub(crate) async fn version(context: &mut Context) -> Result<Exit, Error> {
    has_form(&context.printer, "version")?;
    let daemon: VersionView = context.client.call(&Version {}).await?;
    let line = format!(
        "authctl {VERSION}  authd {}  protocol {}  schema {}",
        daemon.version, daemon.protocol, daemon.schema
    );
    let item = Versions {
        client: VERSION,
        daemon: &daemon,
    };
    one(&mut context.printer, "version", &item, &line, false)
}

/// Shows the version of authctl alone.
pub(crate) fn client_version(printer: &mut Printer) -> Result<Exit, Error> {
    has_form(printer, "version")?;
    let line = format!("authctl {VERSION}  protocol {ADMIN_PROTOCOL}");
    let item = ClientVersion {
        client: VERSION,
        protocol: ADMIN_PROTOCOL,
    };
    one(printer, "version", &item, &line, false)
}

/// What `ping` tells programs.
#[derive(Serialize)]
struct Up<'a> {
    #[serde(flatten)]
    daemon: &'a VersionView,
    seconds: f64,
}

/// What `version` tells programs.
#[derive(Serialize)]
struct Versions<'a> {
    client: &'a str,
    #[serde(flatten)]
    daemon: &'a VersionView,
}

/// What `version --client` tells programs.
#[derive(Serialize)]
struct ClientVersion<'a> {
    client: &'a str,
    protocol: u32,
}

fn one<T: Serialize>(
    printer: &mut Printer,
    kind: &str,
    item: &T,
    line: &str,
    quiet: bool,
) -> Result<Exit, Error> {
    match printer.format {
        Format::Json => printer.text(&form::line(&form::Single::new(kind, item))?)?,
        Format::Jsonl => printer.text(&form::line(item)?)?,
        _ if quiet => {}
        _ => printer.line(line)?,
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(18402), "18 402");
        assert_eq!(grouped(1_234_567), "1 234 567");
        assert_eq!(size(432_013_312), "412 MiB");
        assert_eq!(share(971, 29), "97.1 %");
        assert_eq!(share(0, 0), "no");
        let listen = ["127.0.0.1:8440".to_owned()];
        assert_eq!(
            address("http://127.0.0.1:8440", &listen),
            "http://127.0.0.1:8440"
        );
        assert_eq!(
            address("https://a.example", &listen),
            "https://a.example on 127.0.0.1:8440"
        );
        assert_eq!(config(&["a".to_owned(), "b".to_owned()]), "a + 1 drop-in");
    }
}
