//! `explain login|permission`: what the daemon found, in lines for people.

use common::call::UserRef;
use common::call::explain::{Login, Permission};
use common::units::format_duration;
use common::view::{
    ActorView, ExplainedAttempt, LockStanding, LoginExplanation, NameStanding,
    PermissionExplanation, TenantStatus, UserStatus, ViaExplanation,
};

use crate::args::{Explain, Format};
use crate::commands::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::names;
use crate::output::Printer;

/// Runs one of the commands.
pub(crate) async fn run(context: &mut Context, command: Explain) -> Result<Exit, Error> {
    match command {
        Explain::Login { subject, last } => login(context, &subject, last).await,
        Explain::Permission { user, permission } => permission_of(context, &user, permission).await,
    }
}

async fn login(context: &mut Context, subject: &str, last: u32) -> Result<Exit, Error> {
    let UserRef { tenant, name } = names::user(subject, context.settings.tenant.as_deref());
    let call = Login {
        tenant,
        subject: name,
        last: Some(last),
    };
    let told = context.client.call(&call).await?;
    let printer = &mut context.printer;
    match printer.format {
        Format::Json | Format::Jsonl => printer.object("explain.login", &told)?,
        Format::Id => {
            for one in &told.attempts {
                printer.line(&one.attempt.id.to_string())?;
            }
        }
        Format::Table | Format::Wide | Format::Csv => show_login(printer, &told)?,
    }
    Ok(Exit::Done)
}

fn show_login(printer: &mut Printer, told: &LoginExplanation) -> Result<(), Error> {
    if let Some(heading) = heading(told) {
        printer.line(&heading)?;
    }
    if let Some(standing) = &told.standing {
        let locked = locked(printer, &standing.lock);
        printer.line(&format!("  locked    {locked}"))?;
        let account = account(printer, standing);
        printer.line(&format!("  {account}"))?;
        if standing.registration_waits {
            printer.line("  a registration with this address waits to be verified")?;
        }
    }
    if told.attempts.is_empty() {
        printer.line("  no login attempts in the log")?;
    }
    for one in &told.attempts {
        let line = attempt(printer, one);
        printer.line(&format!("  {line}"))?;
        if told.standing.is_none() || printer.format == Format::Wide || told.attempts.len() == 1 {
            ids(printer, one)?;
        }
    }
    for command in &told.next {
        printer.line(&format!("  next: {command}"))?;
    }
    Ok(())
}

fn heading(told: &LoginExplanation) -> Option<String> {
    let mut parts = Vec::new();
    parts.extend(told.email.clone());
    match told.user_id {
        Some(id) => parts.push(id.to_string()),
        None if told.email.is_some() => parts.push("(no user has this address)".to_owned()),
        None => {}
    }
    if let Some(tenant) = &told.tenant {
        let only = told.standing.as_ref().is_some_and(|s| s.only_match);
        let remark = if only { " (the only match)" } else { "" };
        parts.push(format!("tenant {tenant}{remark}"));
    }
    (!parts.is_empty()).then(|| parts.join("  "))
}

fn locked(printer: &Printer, lock: &LockStanding) -> String {
    let seconds = |seconds| format_duration(std::time::Duration::from_secs(seconds));
    let policy = format!(
        "(threshold {}, window {}, duration {})",
        lock.threshold,
        seconds(lock.window_seconds),
        seconds(lock.duration_seconds)
    );
    let count = match lock.failures {
        1 => "1 wrong password".to_owned(),
        many => format!("{many} wrong passwords"),
    };
    let since = lock
        .since
        .map(|since| format!(" since {}", printer.moments.moment(since)))
        .unwrap_or_default();
    let until = match lock.locked_until {
        Some(until) => format!("until {}", printer.moments.moment(until)),
        None => "until cleared".to_owned(),
    };
    match (lock.locked, lock.manual) {
        (true, true) => format!("yes: by an administrator, {until}"),
        (true, false) => format!("yes: {count}{since}, {until} {policy}"),
        (false, _) if lock.failures > 0 => format!("no: {count}{since} {policy}"),
        (false, _) => format!("no {policy}"),
    }
}

fn account(printer: &Printer, standing: &NameStanding) -> String {
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let mut parts = Vec::new();
    if let Some(status) = standing.status {
        parts.push(format!("disabled  {}", yes(status == UserStatus::Disabled)));
    }
    if let Some(verified) = standing.email_verified {
        parts.push(format!("e-mail verified  {}", yes(verified)));
    }
    if let Some(password) = &standing.password {
        parts.push(format!("password  {}", password.replace('_', " ")));
    }
    let end = match standing.tenant_ends_at {
        Some(end) if standing.tenant_ended => format!(", ended {}", printer.moments.minute(end)),
        Some(end) => format!(", ends {}", printer.moments.minute(end)),
        None => String::new(),
    };
    let status = match standing.tenant_status {
        TenantStatus::Active => "active",
        TenantStatus::Suspended => "suspended",
        TenantStatus::Deleted => "deleted",
    };
    parts.push(format!("tenant  {status}{end}"));
    if standing.status.is_some() {
        parts.push(format!("known devices  {}", devices(standing)));
    }
    parts.join("     ")
}

fn devices(standing: &NameStanding) -> String {
    let counters: Vec<String> = standing
        .devices
        .iter()
        .map(|device| match device.failures {
            _ if device.locked => "own counter: locked".to_owned(),
            1 => "own counter: 1 failure".to_owned(),
            many => format!("own counter: {many} failures"),
        })
        .collect();
    if counters.is_empty() {
        return "0".to_owned();
    }
    format!("{} ({})", counters.len(), counters.join("; "))
}

fn attempt(printer: &Printer, one: &ExplainedAttempt) -> String {
    let row = &one.attempt;
    let ended = if row.success { "ok" } else { "refused" };
    let ip = row.ip.as_deref().unwrap_or("-");
    let folded = match (row.count, row.last_at) {
        (2.., Some(last)) => format!(
            "  {} times until {}",
            row.count,
            printer.moments.moment(last)
        ),
        _ => String::new(),
    };
    format!(
        "{}  {ended:7}  {:18}  {ip}  {}{folded}",
        printer.moments.moment(row.at),
        row.outcome,
        one.why.join("; "),
    )
}

fn ids(printer: &mut Printer, one: &ExplainedAttempt) -> Result<(), Error> {
    let row = &one.attempt;
    let mut parts = vec![row.id.to_string()];
    parts.extend(row.request_id.clone());
    let correlation = row.correlation_id.as_ref();
    parts.extend(correlation.map(|id| format!("correlation {id}")));
    let device = row.device.as_ref();
    parts.extend(device.map(|d| format!("device {}", d.name.as_ref().unwrap_or(&d.id))));
    printer.line(&format!("    {}", parts.join("  ")))
}

async fn permission_of(
    context: &mut Context,
    user: &str,
    permission: String,
) -> Result<Exit, Error> {
    let UserRef { tenant, name } = names::user(user, context.settings.tenant.as_deref());
    let call = Permission {
        tenant,
        user: name,
        permission,
    };
    let told = context.client.call(&call).await?;
    let printer = &mut context.printer;
    match printer.format {
        Format::Json | Format::Jsonl => printer.object("explain.permission", &told)?,
        Format::Table | Format::Wide | Format::Csv | Format::Id => {
            show_permission(printer, &told)?;
        }
    }
    Ok(Exit::Done)
}

fn show_permission(printer: &mut Printer, told: &PermissionExplanation) -> Result<(), Error> {
    let who = format!("{}/{}", told.tenant, told.email);
    if told.allowed {
        printer.line(&format!("{who}: allowed"))?;
        for via in &told.via {
            let line = link(printer, &told.permission, via);
            printer.line(&format!("  {line}"))?;
        }
    } else if told.roles_that_would.is_empty() {
        printer.line(&format!(
            "{who}: denied: no role grants it, and no role would"
        ))?;
    } else {
        let roles = told.roles_that_would.join(", ");
        printer.line(&format!(
            "{who}: denied: no role grants it; roles that would: {roles}"
        ))?;
    }
    if let Some(hindered) = &told.hindered_by {
        let what = match hindered.as_str() {
            "disabled" => "the user is disabled",
            "tenant_suspended" => "the tenant is suspended",
            "subscription_ended" => "the subscription has ended",
            other => other,
        };
        printer.line(&format!("  of no use now: {what}"))?;
    }
    Ok(())
}

/// `orders:edit <- role manager <- granted 2026-10-02 by jane`.
fn link(printer: &Printer, permission: &str, via: &ViaExplanation) -> String {
    let mut chain = vec![permission.to_owned()];
    if via.by != permission {
        chain.push(via.by.clone());
    }
    match &via.role {
        Some(role) => chain.push(format!("role {role}")),
        None => chain.push("tenant-admin flag".to_owned()),
    }
    if let Some(at) = via.granted_at {
        let by = via
            .granted_by
            .as_ref()
            .map(|by| format!(" by {}", actor(by)));
        let at = printer.moments.minute(at);
        chain.push(format!("granted {at}{}", by.unwrap_or_default()));
    }
    chain.join(" <- ")
}

fn actor(actor: &ActorView) -> String {
    if let Some(user) = &actor.user {
        return user.clone();
    }
    if let Some(id) = actor.user_id {
        return id.to_string();
    }
    if let Some(id) = actor.client_id {
        return id.to_string();
    }
    match actor.uid {
        Some(uid) => format!("uid {uid}"),
        None => actor.channel.clone(),
    }
}
