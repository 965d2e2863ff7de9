//! Inviting: the first password by mail, or by a link for setting one. The mail's password is made
//! when it is sent (rule 23).

use std::sync::Arc;

use common::call::Change;
use common::call::user::ResendInvitation;
use common::error::ErrorCode;
use common::time::Time;
use common::view::UserStatus;
use domain::mail::Template;
use domain::setting::LinkPages;
use domain::user::User;
use serde_json::{Value, json};
use store::{StoreError, WriteTx};

use crate::app::audit::Record;
use crate::app::mail::Draft;
use crate::app::password_reset::PrintedLink;
use crate::app::user::act;
use crate::app::{App, By, Error, names, target};

/// How an invited user comes to a password.
pub(in crate::app) enum Invitation {
    /// By mail.
    Mailed(Draft),
    /// By a link that is answered, and the page that it leads to.
    Printed(PrintedLink, String),
}

impl Invitation {
    /// Draws one; a link leads to the tenant's `pages`.
    ///
    /// # Errors
    /// `no_mail_transport` for a mail.
    pub(in crate::app) fn draw(
        app: &App,
        email: &str,
        print_link: bool,
        pages: &LinkPages,
        now: Time,
    ) -> Result<Self, Error> {
        if print_link {
            let printed = PrintedLink::draw(app, app.settings().reset_ttl, now)?;
            return Ok(Self::Printed(printed, pages.reset.clone()));
        }
        let what = format!("invite {}", names::echo(email));
        app.mail.post(&what).map_err(|error| {
            error.with_hint("Print the link instead: add --print-link, or set mail.transport")
        })?;
        let draft = app.draft(Template::Invitation, now)?;
        draft
            .map(Self::Mailed)
            .ok_or_else(|| Error::internal("a post without drafts"))
    }

    /// Writes what the invitation needs, in the transaction that makes the user.
    pub(in crate::app) fn put(&self, tx: &dyn WriteTx, user: &User) -> Result<(), StoreError> {
        match self {
            Self::Mailed(draft) => draft.put(tx, user).map(drop),
            Self::Printed(link, _) => tx
                .tenant_mut(user.tenant_id)
                .mailed_tokens_mut()
                .put(&link.token(user.id)),
        }
    }

    /// After the write: wakes the worker, or shows the link.
    pub(in crate::app) fn done(&self, app: &App, change: &mut Change) {
        match self {
            Self::Mailed(draft) => app.post_drafts([draft]),
            Self::Printed(link, page) => link.reveal(page, change),
        }
    }

    /// For the audit row.
    pub(in crate::app) fn described(&self) -> &'static str {
        match self {
            Self::Mailed(_) => "mailed",
            Self::Printed(..) => "link_printed",
        }
    }
}

/// Mails an invited user a new password.
///
/// # Errors
/// Those of [`names::user`]; `conflict` for a user who is not invited; `no_mail_transport`.
pub async fn resend_invitation(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: ResendInvitation,
) -> Result<Change, Error> {
    let (by, now) = (by.into(), app.now());
    let record = Record::draw(app, by, now, request.reason.as_deref())?;
    app.mail.post("mail an invitation")?;
    let draft = app.draft(Template::Invitation, now)?;
    let queued = draft.clone();
    let (reference, reach) = (request.user, by.reach());
    let change = record
        .write(app, move |tx, permit| {
            let found = target::user(tx, reach, &reference)?;
            permit.may_act_on(tx, &found.tenant, found.user.id)?;
            if found.user.status != UserStatus::Invited {
                return Err(settled(&found));
            }
            if let Some(draft) = &queued {
                draft.put(tx, &found.user)?;
            }
            let act = act("user.resend_invitation", &found);
            permit.append(tx, &act, &Value::Null, &json!({"invitation": "mailed"}))
        })
        .await?;
    app.post_drafts(&draft);
    Ok(change)
}

fn settled(found: &names::Found) -> Error {
    let name = format!("{}/{}", found.tenant.slug, found.user.email);
    Error::new(
        ErrorCode::Conflict,
        format!(
            "{name} is {}, not invited; nothing was changed",
            found.user.status.as_str()
        ),
    )
    .with_hint(format!(
        "A forgotten password: authctl user reset-password {name}"
    ))
}
