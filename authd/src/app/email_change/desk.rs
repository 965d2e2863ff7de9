//! The operator gives a user another address: it waits for its owner as any other does.

use std::sync::Arc;

use common::call::Change;
use common::call::user::ChangeEmail;
use common::email::Email;
use common::error::ErrorCode;
use common::view::UserStatus;
use domain::tenant::Tenant;
use domain::user::User;
use serde_json::json;
use store::Priority;

use super::{Asked, Mails, ask, pending};
use crate::app::audit::{Act, Record};
use crate::app::{App, Error, Operator, names};

/// Lets a new address of a user wait for its owner, and tells the present one.
///
/// # Errors
/// Those of [`names::user`]; `validation_failed` for a text that is no address; `email_taken`;
/// `conflict` for a user that is disabled; `no_mail_transport`.
pub async fn change_of_user(
    app: &Arc<App>,
    operator: &Operator,
    request: ChangeEmail,
) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let email: Email = request
        .email
        .parse()
        .map_err(|_| Error::field("/email", "invalid_email", "expected an e-mail address"))?;
    app.mail.post("mail a link to the new address")?;
    let mails =
        Mails::draw(app, None, now)?.ok_or_else(|| Error::internal("a post without drafts"))?;
    let (queued, reference) = (mails.clone(), request.user);
    let drawn = Arc::clone(app);
    let mut change = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let found = names::user(tx, &reference)?;
            let act = Act {
                action: "user.email",
                object: found.user.id.to_string(),
                subject: found.user.email.to_string(),
                tenant: found.tenant.clone(),
            };
            if found.user.email == email {
                return Ok(act.unchanged());
            }
            check(tx.tenant(found.tenant.id).users().by_email(&email)?, &found.tenant, &found.user)?;
            let waiting = pending(&drawn, &found.user, email.clone(), now);
            let before = tx.tenant(found.tenant.id).waiting().email_of(found.user.id)?;
            if ask(tx, &found.user, &waiting, &queued)? != Asked::Waits {
                let mut change = act.unchanged();
                change.notes.push(format!(
                    "{} mails an hour went to {email} already; no link was sent, and nothing waits.",
                    queued.link.hourly()
                ));
                return Ok(change);
            }
            let before = json!({"email_pending": before.map(|before| before.email)});
            record.append(tx, &act, &before, &json!({"email_pending": waiting.email}))
        })
        .await?;
    mails.post(app);
    change.expires_at = change.changed.then(|| now.plus(app.settings().verify_ttl));
    Ok(change)
}

fn check(owner: Option<User>, tenant: &Tenant, user: &User) -> Result<(), Error> {
    if let Some(owner) = owner {
        return Err(Error::new(
            ErrorCode::EmailTaken,
            format!("tenant {} already has a user {}", tenant.slug, owner.email),
        ));
    }
    if user.status == UserStatus::Disabled {
        let name = format!("{}/{}", tenant.slug, user.email);
        return Err(Error::new(
            ErrorCode::Conflict,
            format!("{name} is disabled; nothing was changed"),
        )
        .with_hint(format!("Enable the user first: authctl user enable {name}")));
    }
    Ok(())
}
