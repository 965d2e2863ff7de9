//! `attempt top`: who fails most.

use common::call::attempt::{By, Top as Call};
use common::view::AttemptTopView;

use super::moment;
use crate::args::{AttemptsBy, Top};
use crate::commands::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const FAILED: Column<AttemptTopView> = Column {
    heading: "FAILED",
    shown: Shown::Always,
    cell: |row| Cell::Number(row.failed),
};
const OK: Column<AttemptTopView> = Column {
    heading: "OK",
    shown: Shown::Always,
    cell: |row| Cell::Number(row.ok),
};
const USERS: Column<AttemptTopView> = Column {
    heading: "USERS",
    shown: Shown::Always,
    cell: |row| Cell::Number(row.users),
};
const IP: Column<AttemptTopView> = Column {
    heading: "IP",
    shown: Shown::Always,
    cell: |row| Cell::text(row.ip.as_deref()),
};
const USER: Column<AttemptTopView> = Column {
    heading: "USER",
    shown: Shown::Always,
    cell: |row| {
        Cell::name(
            row.email.as_deref(),
            row.user_id,
            row.subject_hash.as_deref(),
        )
    },
};
const TENANT: Column<AttemptTopView> = Column {
    heading: "TENANT",
    shown: Shown::Always,
    cell: |row| Cell::text(row.tenant.as_deref()),
};

const BY_IP: Shape<AttemptTopView> = Shape {
    kind: "attempt.top",
    columns: &[IP, FAILED, OK, USERS],
    keys: &[],
    id: |row| row.ip.clone().unwrap_or_default(),
    none: NONE,
};
const BY_USER: Shape<AttemptTopView> = Shape {
    kind: "attempt.top",
    columns: &[USER, TENANT, FAILED, OK],
    keys: &[],
    id: |row| {
        let id = row.user_id.map(|id| id.to_string());
        id.or_else(|| row.subject_hash.clone()).unwrap_or_default()
    },
    none: NONE,
};
const BY_TENANT: Shape<AttemptTopView> = Shape {
    kind: "attempt.top",
    columns: &[TENANT, FAILED, OK, USERS],
    keys: &[],
    id: |row| row.tenant.clone().unwrap_or_default(),
    none: NONE,
};
const NONE: &str = "no login attempts";

/// Counts attempts.
///
/// # Errors
/// A time or column that is none; those of the call and of writing.
pub(super) async fn run(context: &mut Context, wanted: &Top) -> Result<Exit, Error> {
    let (by, shape) = match wanted.by {
        AttemptsBy::Ip => (By::Ip, &BY_IP),
        AttemptsBy::User => (By::User, &BY_USER),
        AttemptsBy::Tenant => (By::Tenant, &BY_TENANT),
    };
    context.printer.check_columns(shape)?;
    let call = Call {
        tenant: context.settings.list_tenant(),
        by,
        since: moment("--since", &wanted.since, &context.printer.moments)?,
        limit: Some(wanted.limit),
    };
    let page = context.client.call(&call).await?;
    context.printer.list(shape, page.items, None, false)?;
    Ok(Exit::Done)
}
