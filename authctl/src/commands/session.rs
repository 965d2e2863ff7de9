//! `session list|show|revoke`.

use common::call::session::{List, Matching, Revoke, Show, Target};
use common::call::{Change, tenant};
use common::view::SessionView;

use crate::args::{Session, SessionRevoke};
use crate::commands::{Context, Paged, sentence};
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::names;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

/// What sessions look like; `user show` has them too.
pub(crate) const SHAPE: Shape<SessionView> = Shape {
    kind: "session",
    columns: &[
        Column {
            heading: "SESSION",
            shown: Shown::Always,
            cell: |s| Cell::Text(s.id.to_string()),
        },
        Column {
            heading: "USER",
            shown: Shown::Always,
            cell: user,
        },
        Column {
            heading: "TENANT",
            shown: Shown::AcrossTenants,
            cell: |s| Cell::text(s.tenant.as_deref()),
        },
        Column {
            heading: "DEVICE",
            shown: Shown::Always,
            cell: |session| Cell::device(session.device.as_ref()),
        },
        Column {
            heading: "TYPE",
            shown: Shown::Always,
            cell: |s| Cell::text(s.device.as_ref().map(|d| d.kind.as_str())),
        },
        Column {
            heading: "IP",
            shown: Shown::Always,
            cell: |s| Cell::text(s.ip.as_deref()),
        },
        Column {
            heading: "STARTED",
            shown: Shown::Always,
            cell: |s| Cell::Moment(s.created_at),
        },
        Column {
            heading: "ACTIVE",
            shown: Shown::Always,
            cell: |s| Cell::Moment(s.last_active_at),
        },
        Column {
            heading: "EXPIRES",
            shown: Shown::Wide,
            cell: |s| Cell::Moment(s.expires_at),
        },
        Column {
            heading: "UPDATED",
            shown: Shown::Wide,
            cell: |s| Cell::Moment(s.updated_at),
        },
        Column {
            heading: "USER ID",
            shown: Shown::Wide,
            cell: |s| {
                s.user_id
                    .map_or(Cell::Nothing, |id| Cell::Text(id.to_string()))
            },
        },
        Column {
            heading: "DEVICE ID",
            shown: Shown::Wide,
            cell: |s| Cell::text(s.device.as_ref().map(|d| d.id.as_str())),
        },
        Column {
            heading: "AUTHENTICATED",
            shown: Shown::Alone,
            cell: |s| Cell::moment(s.authenticated_at),
        },
        Column {
            heading: "ENDED",
            shown: Shown::Alone,
            cell: |s| Cell::moment(s.ended_at),
        },
        Column {
            heading: "END REASON",
            shown: Shown::Alone,
            cell: |s| Cell::text(s.end_reason.as_deref()),
        },
    ],
    keys: &[
        "id",
        "user_id",
        "email",
        "tenant",
        "device.id",
        "device.name",
        "device.type",
        "ip",
        "created_at",
        "updated_at",
        "last_active_at",
        "expires_at",
    ],
    id: |s| s.id.to_string(),
    none: "no sessions",
};

fn user(session: &SessionView) -> Cell {
    match (&session.email, session.user_id) {
        (Some(email), _) => Cell::Text(email.clone()),
        (None, Some(id)) => Cell::Text(id.to_string()),
        (None, None) => Cell::Nothing,
    }
}

impl Paged for List {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Runs one of the commands.
pub(crate) async fn run(context: &mut Context, command: Session) -> Result<Exit, Error> {
    match command {
        Session::List {
            user,
            device,
            ip,
            idle_since,
            list,
        } => {
            let mut tenant = context.settings.list_tenant();
            let user = user.map(|text| {
                let named = names::user(&text, tenant.as_deref());
                tenant = named.tenant;
                named.name
            });
            let one_tenant = tenant.is_some();
            let idle_seconds = idle_since.map(|idle| idle.as_secs());
            let call = List {
                tenant,
                user,
                device,
                ip,
                idle_seconds,
                ..List::default()
            };
            context.list(call, &SHAPE, &list, one_tenant).await
        }
        Session::Show { id } => show(context, id).await,
        Session::Revoke(wanted) => revoke(context, wanted).await,
    }
}

async fn show(context: &mut Context, id: String) -> Result<Exit, Error> {
    context.printer.check_columns(&SHAPE)?;
    let session = context.client.call(&Show { id }).await?;
    context.printer.item(&SHAPE, &session)?;
    Ok(Exit::Done)
}

async fn revoke(context: &mut Context, wanted: SessionRevoke) -> Result<Exit, Error> {
    if wanted.ip.is_some() || wanted.older_than.is_some() {
        return revoke_matching(context, wanted).await;
    }
    let reason = wanted.reason;
    // The flag alone, not the environment: a tenant that is merely in force ends nobody.
    let tenant = context.settings.flags.tenant.clone();
    match (wanted.sessions.is_empty(), wanted.user, tenant) {
        (false, _, _) => revoke_some(context, &wanted.sessions, reason).await,
        (true, Some(user), _) => revoke_of_user(context, &user, reason).await,
        (true, None, Some(tenant)) => revoke_of_tenant(context, &tenant, reason).await,
        (true, None, None) => Err(Error::usage("no session given").hint(
            "Name ses_… ids, --user USER, --ip IP, --older-than TIME or --tenant TENANT. \
             List: authctl session list",
        )),
    }
}

async fn revoke_matching(context: &mut Context, wanted: SessionRevoke) -> Result<Exit, Error> {
    let tenant = context.settings.list_tenant();
    let from = wanted.ip.as_ref().map(|ip| format!(" from {ip}"));
    let age = wanted.older_than.map(common::units::format_duration);
    let aged = age.map(|age| format!(" older than {age}"));
    let place = match &tenant {
        Some(tenant) => format!(" in tenant {tenant}"),
        None => " in all tenants".to_owned(),
    };
    let which = format!(
        "sessions{}{}{place}",
        from.unwrap_or_default(),
        aged.unwrap_or_default()
    );
    let deed = Deed {
        what: format!("end {which}"),
        question: format!("End {which}?"),
        answer: "--yes".to_owned(),
    };
    let flags = &context.settings.flags;
    deed.ask(flags.yes || flags.dry_run, false)?;
    let call = Revoke {
        target: Target::Matching(Matching {
            tenant,
            ip: wanted.ip,
            older_than_seconds: wanted.older_than.map(|age| age.as_secs()),
        }),
        confirm: None,
        reason: wanted.reason,
    };
    end_all(context, &call).await
}

async fn revoke_some(
    context: &mut Context,
    arguments: &[String],
    reason: Option<String>,
) -> Result<Exit, Error> {
    let ids = names::expand(arguments)?;
    let what = match ids.as_slice() {
        [one] => format!("session {one}"),
        several => format!("{} sessions", several.len()),
    };
    let deed = Deed {
        what: format!("end {what}"),
        question: format!("End {what}?"),
        answer: "--yes".to_owned(),
    };
    deed.ask(context.settings.flags.yes, names::from_stdin(arguments))?;
    let call = |id: &str| Revoke {
        target: Target::Session(id.to_owned()),
        confirm: None,
        reason: reason.clone(),
    };
    let told = |change: &Change| {
        // The one session that ended is the object itself, and not counted in the sentence.
        let mut alone = change.clone();
        alone.sessions_ended = 0;
        let subject = &change.subject;
        sentence(
            &alone,
            &format!("Ended {subject}"),
            &format!("{} has already ended", capital(subject)),
        )
    };
    context.each(&ids, call, told).await
}

async fn revoke_of_user(
    context: &mut Context,
    text: &str,
    reason: Option<String>,
) -> Result<Exit, Error> {
    let user = names::user(text, context.settings.tenant.as_deref());
    let shown = names::shown(&user);
    let deed = Deed {
        what: format!("end all sessions of user {shown}"),
        question: format!("End all sessions of user {shown}?"),
        answer: "--yes".to_owned(),
    };
    deed.ask(context.settings.flags.yes, false)?;
    let call = Revoke {
        target: Target::User(user),
        confirm: None,
        reason,
    };
    end_all(context, &call).await
}

async fn revoke_of_tenant(
    context: &mut Context,
    named: &str,
    reason: Option<String>,
) -> Result<Exit, Error> {
    // An id is no name to type: the slug behind it is.
    let slug = if named.starts_with("ten_") {
        let call = tenant::Show {
            tenant: named.to_owned(),
        };
        context.client.call(&call).await?.slug
    } else {
        named.to_owned()
    };
    let deed = Deed {
        what: format!("end all sessions of tenant {slug}"),
        question: format!("All users of tenant {slug} are signed out."),
        answer: format!("--confirm={slug}"),
    };
    context.ask_name(&deed, &slug)?;
    let call = Revoke {
        target: Target::Tenant(named.to_owned()),
        confirm: Some(slug),
        reason,
    };
    end_all(context, &call).await
}

async fn end_all(context: &mut Context, call: &Revoke) -> Result<Exit, Error> {
    let mut change = context.client.call(call).await?;
    let place = change.tenant.clone();
    if matches!(call.target, Target::Tenant(_)) {
        // The subject names the tenant already.
        change.tenant = None;
    }
    let subject = &change.subject;
    let text = sentence(&change, &format!("Ended {subject}"), &none_of(subject));
    change.tenant = place;
    context.printer.change(&change, &text)?;
    Ok(Exit::Done)
}

/// `all sessions of user bob@acme.test` where none was left to end.
fn none_of(subject: &str) -> String {
    let which = subject.strip_prefix("all ").unwrap_or(subject);
    let which = which.strip_prefix("sessions").unwrap_or(which);
    format!("No session {}", which.trim_start())
}

/// `session …` as it stands at the beginning of a sentence.
fn capital(subject: &str) -> String {
    let mut letters = subject.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
