//! `user show`: the user, and the sessions, attempts and permissions behind it.

use common::call::UserRef;
use common::call::user::{Details, Show};
use common::view::HeldPermission;
use serde::Serialize;

use super::{SHAPE, named};
use crate::args::{Format, UserParts, UserShow};
use crate::commands::{Context, attempt, session, user_rights};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::json as form;

/// The user with the parts that a call of its own brings.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    details: Details,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Vec<HeldPermission>>,
}

/// Shows a user.
///
/// # Errors
/// Those of the calls and of writing.
pub(super) async fn run(context: &mut Context, wanted: &UserShow) -> Result<Exit, Error> {
    let parts = &wanted.parts;
    context.printer.check_columns(&SHAPE)?;
    let UserRef { tenant, name } = named(context, &wanted.user);
    let details: Details = context.client.call(&Show { tenant, user: name }).await?;
    let permissions = if parts.permissions {
        let id = details.user.id.to_string();
        Some(user_rights::held(context, details.user.tenant.clone(), id).await?)
    } else {
        None
    };
    let shown = Shown {
        details,
        permissions,
    };
    let printer = &mut context.printer;
    match printer.format {
        Format::Json => printer.text(&form::line(&form::Single::new(SHAPE.kind, &shown))?)?,
        Format::Jsonl => printer.text(&form::line(&shown)?)?,
        Format::Id | Format::Csv => printer.item(&SHAPE, &shown.details.user)?,
        Format::Table | Format::Wide => write(context, &shown, parts)?,
    }
    Ok(Exit::Done)
}

fn write(context: &mut Context, shown: &Shown, parts: &UserParts) -> Result<(), Error> {
    let printer = &mut context.printer;
    let asked = [parts.sessions, parts.attempts, parts.permissions];
    let number = asked.into_iter().filter(|asked| *asked).count();
    let (all, titled) = (number == 0, number != 1);
    if all {
        printer.item(&SHAPE, &shown.details.user)?;
    }
    if all || parts.sessions {
        let rows = &shown.details.sessions;
        printer.section("Sessions", titled, &session::SHAPE, rows)?;
    }
    if all || parts.attempts {
        let rows = &shown.details.recent_attempts;
        printer.section("Recent attempts", titled, &attempt::SHAPE, rows)?;
    }
    if let Some(rows) = &shown.permissions {
        printer.section("Permissions", titled, &user_rights::SHAPE, rows)?;
    }
    Ok(())
}
