//! The operator's desk: how mail stands, a test, the queue. No answer has a text, link or token.

use std::sync::Arc;

use common::call::mail::{
    Pause, QueueDelete, QueueList, QueueRetry, QueueShow, Resume, Status, Test,
};
use common::call::{Change, Socket};
use common::email::Email;
use common::error::ErrorCode;
use common::id::{MessageId, TenantId};
use common::view::{MailStatus, MessageState, MessageView, Page};
use domain::mail::{Message, Template};
use serde_json::{Value, json};
use store::{MessageFilter, Priority, ReadTx, StoreError};

use crate::app::audit::{Record, WideAct};
use crate::app::cursor::Place;
use crate::app::mail::making::look;
use crate::app::{App, Error, Operator, names};
use crate::mail::{Facts, Letter};

/// Fact of the installation: sending is paused.
const PAUSED: &str = "mail.paused";

/// Whether an administrator paused sending.
pub(super) fn is_paused(tx: &dyn ReadTx) -> Result<bool, StoreError> {
    let value = tx.meta().value(PAUSED)?;
    Ok(value.is_some_and(|value| value == [1]))
}

/// How mail stands.
///
/// # Errors
/// `unavailable`.
pub async fn standing(app: &App, operator: &Operator) -> Result<MailStatus, Error> {
    let transport = app.mail.open().map(|post| post.description());
    let socket = operator.socket;
    app.store
        .read(move |tx| {
            let counts = tx.outbox().counts()?;
            Ok(MailStatus {
                transport,
                paused: is_paused(tx)?,
                queued: counts.queued,
                failed: counts.dead,
                oldest_queued_at: counts.oldest_queued_at,
                last_sent_at: counts.last_sent_at,
                retrying: counts.last_error.is_some(),
                last_error: counts.last_error.filter(|_| socket == Socket::Admin),
            })
        })
        .await
}

/// Shows how mail stands.
///
/// # Errors
/// `unavailable`.
pub async fn status(app: &Arc<App>, operator: &Operator, _: Status) -> Result<MailStatus, Error> {
    standing(app, operator).await
}

/// Sends one mail to an address, beside the queue.
///
/// # Errors
/// `no_mail_transport`, `validation_failed`; `unavailable` with what the server said.
pub async fn test(app: &Arc<App>, operator: &Operator, request: Test) -> Result<Change, Error> {
    let post = app.mail.post("send a test mail")?;
    let to: Email = request
        .address
        .parse()
        .map_err(|_| Error::field("/address", "invalid_email", "expected an e-mail address"))?;
    let now = app.now();
    let id: MessageId = app.new_id(now)?;
    let record = Record::draw(app, operator, now, None)?;
    let transport = post.description();
    let letter = Letter {
        message_id: id.to_string(),
        template: Template::Test,
        to: to.clone(),
        locale: None,
        look: look(&app.settings().tenant.mail),
        facts: Facts {
            tenant: "system".to_owned(),
            tenant_name: "authd".to_owned(),
            time_zone: app.settings().time_zone.clone(),
            name: None,
            link: None,
            password: None,
            expires_at: None,
            at: now,
            ip: None,
            device: None,
        },
    };
    // What cannot be undone is not rehearsed: only the row is.
    let said = if operator.is_rehearsal() {
        None
    } else {
        let receipt = post.deliver(letter).await.map_err(|why| {
            Error::new(ErrorCode::Unavailable, format!("{transport}: {why}"))
                .with_hint("See mail.* in authd.toml(5).")
        })?;
        Some(format!("{transport}: {}", receipt.answer))
    };
    let act = act("mail.test", &id.to_string(), &masked(&to));
    let mut change = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            record.append_wide(tx, &act, &Value::Null, &json!({"to": act.subject}))
        })
        .await?;
    change.notes.extend(said);
    Ok(change)
}

/// Stops sending.
///
/// # Errors
/// `unavailable`, `validation_failed` for the reason.
pub async fn pause(app: &Arc<App>, operator: &Operator, request: Pause) -> Result<Change, Error> {
    set_paused(app, operator, true, request.reason).await
}

/// Sends again.
///
/// # Errors
/// As [`pause`].
pub async fn resume(app: &Arc<App>, operator: &Operator, request: Resume) -> Result<Change, Error> {
    set_paused(app, operator, false, request.reason).await
}

async fn set_paused(
    app: &Arc<App>,
    operator: &Operator,
    paused: bool,
    reason: Option<String>,
) -> Result<Change, Error> {
    let record = Record::draw(app, operator, app.now(), reason.as_deref())?;
    let action = if paused { "mail.pause" } else { "mail.resume" };
    let act = act(action, "mail", "mail");
    let change = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let before = is_paused(tx)?;
            if before == paused {
                return Ok(act.unchanged());
            }
            tx.meta_mut().set(PAUSED, &[u8::from(paused)])?;
            let (before, after) = (json!({"paused": before}), json!({"paused": paused}));
            record.append_wide(tx, &act, &before, &after)
        })
        .await?;
    app.mail.wake();
    Ok(change)
}

/// Lists mails, the oldest first.
///
/// # Errors
/// `not_found` for the tenant, those of the page.
pub async fn queue_list(
    app: &Arc<App>,
    operator: &Operator,
    request: QueueList,
) -> Result<Page<MessageView>, Error> {
    let place = Place::of(&app.keys, &request, &request.paging())?;
    let socket = operator.socket;
    app.store
        .read(move |tx| {
            let filter = MessageFilter {
                tenant: names::tenant_filter(tx, request.tenant.as_deref())?,
                state: request.state,
            };
            let (rows, next) = place.collect(
                |row: &Message| row.id.to_string(),
                |_| true,
                |page| tx.outbox().page(&filter, page),
            )?;
            let items = rows
                .iter()
                .map(|row| view(tx, row, socket))
                .collect::<Result<_, StoreError>>()?;
            Ok(place.page(items, next.as_deref()))
        })
        .await
}

/// Shows one mail.
///
/// # Errors
/// `not_found`.
pub async fn queue_show(
    app: &Arc<App>,
    operator: &Operator,
    request: QueueShow,
) -> Result<MessageView, Error> {
    let socket = operator.socket;
    app.store
        .read(move |tx| {
            let row = tx.outbox().by_id(request.id)?.ok_or_else(unknown)?;
            Ok(view(tx, &row, socket)?)
        })
        .await
}

/// Tries a mail again now.
///
/// # Errors
/// `not_found`; `conflict` for one that was sent; `no_mail_transport`.
pub async fn queue_retry(
    app: &Arc<App>,
    operator: &Operator,
    request: QueueRetry,
) -> Result<Change, Error> {
    app.mail.post("retry a mail")?;
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let id = request.id;
    let change = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let row = unsent(tx, id)?;
            tx.outbox_mut().requeue(id, now)?;
            let act = act_on("mail.retry", tx, &row)?;
            let (before, after) = (state(row.state), state(MessageState::Queued));
            record.append_wide(tx, &act, &before, &after)
        })
        .await?;
    app.mail.wake();
    Ok(change)
}

/// Removes a mail that was not sent.
///
/// # Errors
/// `not_found`; `conflict` for one that was sent.
pub async fn queue_delete(
    app: &Arc<App>,
    operator: &Operator,
    request: QueueDelete,
) -> Result<Change, Error> {
    let record = Record::draw(app, operator, app.now(), request.reason.as_deref())?;
    let id = request.id;
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let row = unsent(tx, id)?;
            tx.outbox_mut().delete(id)?;
            let act = act_on("mail.delete", tx, &row)?;
            record.append_wide(tx, &act, &state(row.state), &Value::Null)
        })
        .await
}

fn unsent(tx: &dyn ReadTx, id: MessageId) -> Result<Message, Error> {
    let row = tx.outbox().by_id(id)?.ok_or_else(unknown)?;
    if row.state == MessageState::Sent {
        return Err(Error::new(
            ErrorCode::Conflict,
            "the mail was sent; nothing was done",
        ));
    }
    Ok(row)
}

fn unknown() -> Error {
    Error::new(ErrorCode::NotFound, "no such mail in the outbox")
        .with_hint("List them: authctl mail queue list")
}

fn state(state: MessageState) -> Value {
    json!({"state": state})
}

fn act(action: &'static str, object: &str, subject: &str) -> WideAct {
    WideAct {
        action,
        tenant: None,
        object: object.to_owned(),
        subject: subject.to_owned(),
    }
}

fn act_on(action: &'static str, tx: &dyn ReadTx, row: &Message) -> Result<WideAct, StoreError> {
    Ok(WideAct {
        tenant: tx.tenants().by_id(row.tenant_id)?,
        ..act(
            action,
            &row.id.to_string(),
            &format!("{} to {}", row.template.as_str(), masked(&row.recipient)),
        )
    })
}

fn view(tx: &dyn ReadTx, row: &Message, socket: Socket) -> Result<MessageView, StoreError> {
    Ok(MessageView {
        id: row.id,
        tenant: slug(tx, row.tenant_id)?,
        template: row.template.as_str().to_owned(),
        to: socket.shows_personal().then(|| masked(&row.recipient)),
        state: row.state,
        tries: row.tries,
        next_try_at: (row.state == MessageState::Queued).then_some(row.next_try_at),
        // A server's answer may name the address.
        last_error: row.last_error.clone().filter(|_| socket.shows_personal()),
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

fn slug(tx: &dyn ReadTx, id: TenantId) -> Result<Option<String>, StoreError> {
    Ok(tx
        .tenants()
        .by_id(id)?
        .map(|tenant| tenant.slug.to_string()))
}

/// The address with its local part cut to one letter.
fn masked(email: &Email) -> String {
    let local = email.local();
    let domain = email.as_str().get(local.len()..).unwrap_or_default();
    let first: String = local.chars().take(1).collect();
    format!("{first}…{domain}")
}
