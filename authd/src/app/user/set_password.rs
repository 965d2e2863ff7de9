//! Setting a user's password by hand: the strongest thing an operator does to one, so that it ends
//! every session and device secret. It clears no lock and no count of failures (rule 2).

use std::sync::Arc;

use common::call::Change;
use common::call::user::SetPassword;
use common::secret::RevealedSecret;
use common::view::UserStatus;
use domain::mail::Template;
use domain::setting::Effective;
use domain::user::{CredentialKind, User};
use serde_json::{Value, json};
use store::CredentialWrite;

use crate::app::audit::{self, Record};
use crate::app::names::Found;
use crate::app::password::{self, Prepared};
use crate::app::tenant::effective;
use crate::app::user::{act, again, count, end_access};
use crate::app::{App, Error, Operator, names};

/// Sets a user's password.
///
/// # Errors
/// Those of [`names::user`]; `password_rejected`; `conflict` if the password was changed by someone
/// else since the call began.
pub async fn set_password(
    app: &Arc<App>,
    operator: &Operator,
    request: SetPassword,
) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let (found, settings, version) = read(app, &request).await?;
    let own_words = password::own_words(&found.user.email, &found.user.name, &found.tenant);
    let (wanted, permanent) = (&request.password, request.permanent);
    let prepared = password::prepare(app, &settings, wanted, permanent, &own_words, now).await?;
    let credential = CredentialWrite {
        user_id: found.user.id,
        hash: prepared.hash.clone(),
        kind: prepared.kind,
        changed_at: now,
    };
    let generated = prepared.generated.is_some();
    let act = act("user.set_password", &found);
    let lockout = settings.lockout;
    let draft = app.draft(Template::PasswordChanged, now)?;
    let queued = draft.clone();
    let mut change = record
        .write(app, move |tx, permit| {
            let user = again(tx, permit, &act, credential.user_id)?;
            let tenant = tx.tenant_mut(act.tenant.id);
            if !tenant.credentials_mut().set(&credential, version)? {
                return Err(audit::moved());
            }
            let status = status_after(&user, credential.kind);
            if status != user.status {
                tenant.users_mut().set_status(user.id, status, now)?;
            }
            let ended = end_access(tx, &act.tenant, user.id, now)?;
            let (before, after) = described(&user, status, credential.kind, generated);
            let mut change = permit.append(tx, &act, &before, &after)?;
            // Who has no password of their own yet learns of this one by other ways.
            if let Some(draft) = &queued
                && user.status == UserStatus::Active
            {
                draft.put(tx, &user)?;
            }
            change.sessions_ended = count(&ended);
            let state = tx
                .counters()
                .state(&user.subject, now.minus(lockout.window))?;
            if state.locked(&lockout, now).is_some() {
                change.notes.push(format!(
                    "The name is locked; clear it: authctl lockout clear {}/{}",
                    act.tenant.slug, user.email
                ));
            }
            if user.status == UserStatus::Disabled {
                change
                    .notes
                    .push("The user is disabled and stays so.".to_owned());
            }
            Ok(change)
        })
        .await?;
    app.post_drafts(&draft);
    reveal(&mut change, &prepared);
    Ok(change)
}

/// The user, what holds for its tenant, and the version of its password that the new one replaces.
async fn read(app: &App, request: &SetPassword) -> Result<(Found, Effective, u64), Error> {
    let base = Arc::clone(&app.settings().tenant);
    let reference = request.user.clone();
    app.store
        .read(move |tx| {
            let found = names::user(tx, &reference)?;
            let credential = tx.tenant(found.tenant.id).credentials().of(found.user.id)?;
            let settings = effective::read(base, tx, found.tenant.id)?;
            let version = credential.map_or(0, |credential| credential.version);
            Ok((found, settings, version))
        })
        .await
}

/// A password that stands ends an invitation; nothing else changes where the user stands.
fn status_after(user: &User, kind: CredentialKind) -> UserStatus {
    if user.status == UserStatus::Invited && kind == CredentialKind::Own {
        UserStatus::Active
    } else {
        user.status
    }
}

fn described(
    user: &User,
    status: UserStatus,
    kind: CredentialKind,
    generated: bool,
) -> (Value, Value) {
    let before = json!({"status": user.status});
    let after = json!({
        "status": status,
        "password_permanent": kind == CredentialKind::Own,
        "password_generated": generated,
    });
    (before, after)
}

fn reveal(change: &mut Change, prepared: &Prepared) {
    change.notes.extend(password::note(prepared.kind));
    change.generated_password = prepared.generated.as_ref().map(RevealedSecret::new);
}
