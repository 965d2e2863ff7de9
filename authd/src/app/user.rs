//! Users, as whoever administers them sees, closes and opens them. Making one and setting its password are in
//! files of their own below.

mod compromised;
mod create;
mod delete;
mod edit;
mod erase;
mod invite;
mod members;
mod picture;
mod recover;
pub(super) mod rights;
mod set;
mod set_password;
mod view;

use std::sync::Arc;
use std::time::Duration;

use common::call::user::{Details, Disable, Enable, List, Show};
use common::call::{Change, UserRef};
use common::id::{SessionId, UserId};
use common::time::Time;
use common::view::{Page, UserStatus, UserView};
use domain::profile;
use domain::session::EndReason;
use domain::tenant::Tenant;
use domain::user::{CredentialKind, User};
use serde_json::json;
use store::{PageRequest, Scope, StoreError, UserFilter, WriteTx};

pub use compromised::flag_compromised;
pub(super) use create::invited;
pub use create::{Employed, Employee, create, employ};
pub use delete::delete;
pub use edit::{Edit, edit};
pub(super) use invite::Invitation;
pub use invite::resend_invitation;
pub(super) use members::members;
pub use picture::{picture, remove_picture, set_picture};
pub use recover::{Recovered, recover};
pub use rights::{grant, held, replace, revoke};
pub(super) use set::made_of as made_name;
pub use set::set;
pub use set_password::set_password;
pub use view::own;

use crate::app::audit::{Act, Record};
use crate::app::cursor::{self, Place};
use crate::app::last_admin::Admins;
use crate::app::permit::Permit;
use crate::app::tenant::effective;
use crate::app::{
    Administrator, App, By, Error, Operator, Reach, Sight, attempt, helpdesk, names, password,
    role, session, target,
};

/// Attempts that stand beside a user.
const RECENT_ATTEMPTS: u32 = 10;

/// Lists users by tenant and address.
///
/// # Errors
/// `not_found` for the tenant, `permission_denied` for a personal filter on a socket without such
/// data, those of the page.
pub async fn list(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: List,
) -> Result<Page<UserView>, Error> {
    let by = by.into();
    let contains = ("email", request.email_contains.is_some());
    let refers = ("ref", request.external_ref.is_some());
    names::refuse_personal_filters(by, &[contains, refers])?;
    let external_refs = request.external_ref.as_deref().map(profile::wanted_refs);
    let external_refs = external_refs
        .transpose()
        .map_err(|error| Error::invalid_field("/external_ref", &error))?
        .unwrap_or_default();
    let place = Place::by(&app.keys, by, &request, &request.paging())?;
    let now = app.now();
    let (reach, detail) = (by.reach(), view::Detail::of_list(by));
    app.store
        .read(move |tx| {
            let tenant = target::tenant_filter(tx, reach, request.tenant.as_deref())?;
            let filter = UserFilter {
                tenant,
                role: role::role_filter(tx, tenant, request.role.as_deref())?,
                may: None,
                status: request.status,
                locked: request.locked.map(|locked| (locked, now)),
                tenant_admin: request.tenant_admin,
                inactive_since: request
                    .inactive_seconds
                    .map(|seconds| now.minus(Duration::from_secs(seconds))),
                email_contains: request.email_contains,
                external_refs,
            };
            let (rows, next) = place.collect(
                cursor::user_key,
                |row| {
                    let user = &row.user;
                    !helpdesk::hides(tx, reach, Some(user.tenant_id), Some(user.id))
                },
                |page| tx.operator().users(&filter, page),
            )?;
            let items = rows
                .iter()
                .map(|row| view::user(row, now, detail))
                .collect();
            Ok(place.page(items, next.as_deref()))
        })
        .await
}

/// Shows one user with its sessions and last attempts.
///
/// # Errors
/// Those of [`names::user`].
pub async fn show(app: &Arc<App>, _operator: &Operator, request: Show) -> Result<Details, Error> {
    let now = app.now();
    let app = Arc::clone(app);
    let store = app.store.clone();
    store
        .read(move |tx| {
            let reference = UserRef {
                tenant: request.tenant,
                name: request.user,
            };
            let found = names::user(tx, &reference)?;
            let row = tx
                .operator()
                .user(found.user.id)?
                .ok_or_else(Error::not_found)?;
            let tenant = tx.tenant(found.tenant.id);
            let sessions = tenant.sessions().open_of(found.user.id)?;
            let page = PageRequest {
                limit: RECENT_ATTEMPTS,
                after: None,
            };
            let limits = effective::of(&app, tx, found.tenant.id)?.session_limits;
            let attempts = tenant.attempts().of(found.user.id, &page)?;
            Ok(Details {
                user: view::user(&row, now, view::Detail::Whole),
                sessions: session::alive_of(&app, &found, sessions, limits, now),
                recent_attempts: attempt::views(tx, &attempts, Sight::Whole)?,
            })
        })
        .await
}

/// Shows an administrator one user.
///
/// # Errors
/// `not_found`.
pub async fn one(
    app: &App,
    administrator: &Administrator,
    reference: UserRef,
) -> Result<UserView, Error> {
    let reach = By::Administrator(administrator).reach();
    let found = find(app, reach, reference).await?;
    let detail = view::Detail::of_one(administrator);
    Ok(view::one(&found.user, detail))
}

/// Closes a user: its sessions and device secrets end with it.
///
/// # Errors
/// Those of [`names::user`]; `last_admin` for the last administrator of a tenant.
pub async fn disable(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Disable,
) -> Result<Change, Error> {
    let (by, now) = (by.into(), app.now());
    let record = Record::draw(app, by, now, request.reason.as_deref())?;
    let found = find(app, by.reach(), request.user).await?;
    let act = act("user.disable", &found);
    record
        .write(app, move |tx, permit| {
            let user = again(tx, permit, &act, found.user.id)?;
            if user.status == UserStatus::Disabled {
                return Ok(act.unchanged());
            }
            let admins = Admins::of_tenant(tx, act.tenant.id)?;
            let tenant = tx.tenant_mut(act.tenant.id);
            tenant
                .users_mut()
                .set_status(user.id, UserStatus::Disabled, now)?;
            admins.remain(tx)?;
            let ended = end_access(tx, &act.tenant, user.id, now)?;
            // Tokens for changing a password stand on its version alone; without this, enabling the
            // user again would revive them (rule 19).
            tenant.credentials_mut().outdate(user.id)?;
            let mut change = permit.append(
                tx,
                &act,
                &json!({"status": user.status}),
                &json!({"status": UserStatus::Disabled, "sessions_ended": ended.len()}),
            )?;
            change.sessions_ended = count(&ended);
            Ok(change)
        })
        .await
}

/// How a user gets in who has no password of its own yet.
fn first_password(kind: Option<CredentialKind>, now: Time, act: &Act) -> String {
    let good = kind.filter(|kind| {
        matches!(kind, CredentialKind::Temporary { expires_at, logins_left }
            if *expires_at > now && *logins_left > 0)
    });
    good.and_then(password::note).unwrap_or_else(|| {
        format!(
            "The user has no password that works; set one: authctl user set-password {}/{} --generate",
            act.tenant.slug, act.subject
        )
    })
}

/// Opens a user again. Nothing that ended comes back (rule 19).
///
/// # Errors
/// Those of [`names::user`].
pub async fn enable(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Enable,
) -> Result<Change, Error> {
    let (by, now) = (by.into(), app.now());
    let record = Record::draw(app, by, now, request.reason.as_deref())?;
    let found = find(app, by.reach(), request.user).await?;
    let act = act("user.enable", &found);
    record
        .write(app, move |tx, permit| {
            let user = again(tx, permit, &act, found.user.id)?;
            if user.status != UserStatus::Disabled {
                return Ok(act.unchanged());
            }
            let tenant = tx.tenant_mut(act.tenant.id);
            let credential = tenant.credentials().of(user.id)?;
            let kind = credential.map(|credential| credential.kind);
            let status = match kind {
                Some(CredentialKind::Own) => UserStatus::Active,
                Some(CredentialKind::Temporary { .. }) | None => UserStatus::Invited,
            };
            tenant.users_mut().set_status(user.id, status, now)?;
            let mut change = permit.append(
                tx,
                &act,
                &json!({"status": user.status}),
                &json!({"status": status}),
            )?;
            if status == UserStatus::Invited {
                change.notes.push(first_password(kind, now, &act));
            }
            Ok(change)
        })
        .await
}

/// Finds the user that a change is about, before the writer is asked for anything.
async fn find(app: &App, reach: Reach, reference: UserRef) -> Result<names::Found, Error> {
    app.store
        .read(move |tx| target::user(tx, reach, &reference))
        .await
}

fn act(action: &'static str, found: &names::Found) -> Act {
    Act {
        action,
        tenant: found.tenant.clone(),
        object: found.user.id.to_string(),
        subject: found.user.email.to_string(),
    }
}

/// The user that a change is about, as the transaction sees it: it may be another since it was found.
/// Nobody gets hold of one who is stronger (rule 18).
fn again(tx: &dyn WriteTx, permit: &Permit<'_>, act: &Act, id: UserId) -> Result<User, Error> {
    permit.may_act_on(tx, &act.tenant, id)?;
    by_id(tx, act, id)
}

/// The user as a change has left it.
fn by_id(tx: &dyn WriteTx, act: &Act, id: UserId) -> Result<User, Error> {
    tx.tenant(act.tenant.id)
        .users()
        .by_id(id)?
        .ok_or_else(Error::not_found)
}

/// Ends what a user is signed in with, and everything that caches hold of it.
fn end_access(
    tx: &dyn WriteTx,
    tenant: &Tenant,
    user: UserId,
    now: Time,
) -> Result<Vec<SessionId>, StoreError> {
    let tenant = tx.tenant_mut(tenant.id);
    let ended = tenant
        .sessions_mut()
        .end_of(user, None, now, EndReason::Revoked)?;
    tenant.devices_mut().delete_of(user)?;
    tx.invalidate(Scope::User(user));
    Ok(ended)
}

fn count(ended: &[SessionId]) -> u32 {
    u32::try_from(ended.len()).unwrap_or(u32::MAX)
}
