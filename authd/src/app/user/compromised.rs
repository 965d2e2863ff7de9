//! Evidence that somebody else knows a user's password (SP 800-63B-4, 3.1.1.2): it is void from now on,
//! whatever it let anybody in by ends, and the owner is mailed a link for a new one. Nobody learns the
//! password that stands in its place.

use std::sync::Arc;

use common::call::user::{FlagCompromised, NewPassword};
use common::call::{Change, UserRef};
use common::view::UserStatus;
use domain::mail::Template;
use domain::setting::Effective;
use domain::user::CredentialKind;
use serde_json::json;
use store::CredentialWrite;

use crate::app::audit::{self, Record};
use crate::app::names::Found;
use crate::app::password;
use crate::app::tenant::effective;
use crate::app::user::{act, again, count, end_access};
use crate::app::{App, Error, Operator, names};

/// Voids a user's password. It is refused from now on as a wrong one is, at the same cost: a hash of
/// random bytes takes its place.
///
/// # Errors
/// Those of [`names::user`]; `no_mail_transport`; `overloaded`; `conflict` if the password was changed
/// by someone else since the call began.
pub async fn flag_compromised(
    app: &Arc<App>,
    operator: &Operator,
    request: FlagCompromised,
) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    app.mail
        .post("mail a link for a new password")
        .map_err(|error| {
            error.with_hint(
            "Without mail: authctl user set-password USER --generate ends what the old one let in",
        )
        })?;
    let (found, version, settings) = read(app, request.user).await?;
    let void = password::prepare(app, &settings, &NewPassword::Generate, true, &[], now).await?;
    let credential = CredentialWrite {
        user_id: found.user.id,
        hash: void.hash,
        kind: CredentialKind::Own,
        changed_at: now,
    };
    let act = act("user.flag_compromised", &found);
    let draft = app
        .draft(Template::PasswordReset, now)?
        .map(|draft| draft.with_link(app.settings().reset_ttl).beyond_cap());
    let queued = draft.clone();
    let change = record
        .write(app, move |tx, permit| {
            let user = again(tx, permit, &act, credential.user_id)?;
            let tenant = tx.tenant_mut(act.tenant.id);
            // Mailed links die with it, and a change of the address that waits.
            if !tenant.credentials_mut().set(&credential, version)? {
                return Err(audit::moved());
            }
            let ended = end_access(tx, &act.tenant, user.id, now)?;
            // Who is disabled gets no link; enabling revives nothing.
            let is_mailed = user.status != UserStatus::Disabled;
            if let (Some(draft), true) = (&queued, is_mailed) {
                draft.put(tx, &user)?;
            }
            let after = json!({
                "password": "void",
                "sessions_ended": ended.len(),
                "reset_mailed": is_mailed,
            });
            let before = json!({"password": if version == 0 { "none" } else { "set" }});
            let mut change = permit.append(tx, &act, &before, &after)?;
            change.sessions_ended = count(&ended);
            if !is_mailed {
                let note = "The user is disabled and stays so; no mail went out.";
                change.notes.push(note.to_owned());
            }
            Ok(change)
        })
        .await?;
    app.post_drafts(&draft);
    Ok(change)
}

/// The user, the version of its password (none: 0), and what holds for its tenant.
async fn read(app: &App, reference: UserRef) -> Result<(Found, u64, Effective), Error> {
    let base = Arc::clone(&app.settings().tenant);
    app.store
        .read(move |tx| {
            let found = names::user(tx, &reference)?;
            let credential = tx.tenant(found.tenant.id).credentials().of(found.user.id)?;
            let settings = effective::read(base, tx, found.tenant.id)?;
            Ok((found, credential.map_or(0, |old| old.version), settings))
        })
        .await
}
