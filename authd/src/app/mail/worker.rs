//! Sends what is queued. A token or a password is made here, at the moment of sending, and its hash
//! is on disk before the letter leaves (rule 23); a retry makes a new one. Killed in between, the
//! worker tries again: at most one letter too many, with the same `Message-ID`.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use common::id::UserId;
use common::time::Time;
use domain::mail::{MailedToken, Message, MessageState, Template, is_given_up};
use domain::setting::LinkPages;
use store::{Claim, Priority, StoreError, TenantWrite};
use tokio::sync::watch;

use crate::app::mail::desk::is_paused;
use crate::app::mail::making::Making;
use crate::app::mail::wanted::{Addressee, wanted};
use crate::app::tenant::effective;
use crate::app::{App, Error};
use crate::mail::{Letter, Post, Undelivered};

/// Mails that are read at once.
const BATCH: u32 = 64;
/// Deliveries side by side.
const LANES: usize = 4;
/// Longest time between two looks, whatever is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Wait after a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Time in which the rate counts.
const MINUTE: Duration = Duration::from_secs(60);

/// How many mails left in the present minute.
#[derive(Default)]
pub(super) struct Pace {
    minute: Mutex<Option<(Time, u32)>>,
}

impl Pace {
    /// Takes places for at most `wanted` mails at `rate` a minute (0: no limit); with none left,
    /// how long until there are.
    fn take(&self, now: Time, rate: u32, wanted: usize) -> Result<usize, Duration> {
        if rate == 0 {
            return Ok(wanted);
        }
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, used) = match *minute {
            // A clock that went back begins a new minute too.
            Some((began, used)) if began <= now && now.since(began) < MINUTE => (began, used),
            _ => (now, 0),
        };
        let free = rate.saturating_sub(used);
        if free == 0 {
            return Err(began.plus(MINUTE).since(now));
        }
        let taken = u32::try_from(wanted).unwrap_or(u32::MAX).min(free);
        *minute = Some((began, used.saturating_add(taken)));
        Ok(usize::try_from(taken).unwrap_or(wanted))
    }
}

/// Sends until the daemon ends. What is in flight then is finished, or tried again by the next run.
pub async fn run(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    loop {
        let wait = match work(&app).await {
            Ok(wait) => wait.unwrap_or(LOOK_EVERY).min(LOOK_EVERY),
            Err(error) => {
                tracing::warn!(code = %error.code, "mails could not be looked at; they will be");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = app.mail.woken.notified() => {}
            () = tokio::time::sleep(wait) => {}
            _ = stopping.changed() => return,
        }
    }
}

/// Sends all that is due. Returns how long until something is; none if nothing waits.
///
/// # Errors
/// `unavailable`; what was not sent stays queued.
pub async fn work(app: &Arc<App>) -> Result<Option<Duration>, Error> {
    let Some(post) = app.mail.open() else {
        return Ok(None);
    };
    loop {
        let now = app.now();
        let (paused, mut due, next) = app
            .store
            .read(move |tx| -> Result<_, StoreError> {
                let outbox = tx.outbox();
                Ok((
                    is_paused(tx)?,
                    outbox.due(now, BATCH)?,
                    outbox.next_due_at()?,
                ))
            })
            .await
            .map_err(Error::from)?;
        if paused || app.draining.load(Ordering::Acquire) {
            return Ok(None);
        }
        if due.is_empty() {
            return Ok(next.map(|next| next.since(now)));
        }
        match app.mail.pace.take(now, app.settings().mail.rate, due.len()) {
            Ok(places) => due.truncate(places),
            Err(wait) => return Ok(Some(wait)),
        }
        send_all(app, &post, due).await?;
    }
}

/// Sends side by side, but mails to one user in their order: the last link must be the living one.
async fn send_all(app: &Arc<App>, post: &Arc<dyn Post>, due: Vec<Message>) -> Result<(), Error> {
    let mut by_user: BTreeMap<UserId, Vec<Message>> = BTreeMap::new();
    for message in due {
        by_user.entry(message.user_id).or_default().push(message);
    }
    let mut lanes: Vec<Vec<Message>> = vec![Vec::new(); LANES];
    for (number, messages) in by_user.into_values().enumerate() {
        if let Some(lane) = lanes.get_mut(number % LANES) {
            lane.extend(messages);
        }
    }
    let tasks: Vec<_> = lanes
        .into_iter()
        .filter(|lane| !lane.is_empty())
        .map(|lane| {
            let (app, post) = (Arc::clone(app), Arc::clone(post));
            tokio::spawn(async move {
                for message in lane {
                    // What was not begun waits for the next run.
                    if app.draining.load(Ordering::Acquire) {
                        break;
                    }
                    send(&app, post.as_ref(), message).await?;
                }
                Ok::<(), Error>(())
            })
        })
        .collect();
    let mut outcome = Ok(());
    for task in tasks {
        let result = task.await.map_err(Error::internal).and_then(|sent| sent);
        outcome = outcome.and(result);
    }
    outcome
}

async fn send(app: &Arc<App>, post: &dyn Post, message: Message) -> Result<(), Error> {
    let Some(letter) = begin(app, &message).await? else {
        return Ok(());
    };
    let result = post.deliver(letter).await;
    settle(app, &message, result.map(drop)).await
}

/// Begins a try: makes what the letter carries and commits its hash. None if the mail is not wanted
/// any more; it is gone then.
async fn begin(app: &Arc<App>, message: &Message) -> Result<Option<Letter>, Error> {
    let now = app.now();
    let making = Making::of(app, message, now).await?;
    let (link, credential) = (making.link_hash(), making.credential(message, now));
    let token = making.token(message, now);
    let next_try_at = making.next_try_at;
    let (grace, base) = {
        let settings = app.settings();
        (settings.expiry_grace, Arc::clone(&settings.tenant))
    };
    let row = message.clone();
    let found = app
        .store
        .write(
            Priority::Background,
            Claim::detached(),
            move |tx| -> Result<Option<(Addressee, String)>, StoreError> {
                let Some(addressee) = wanted(tx, &row, now, grace)? else {
                    tx.outbox_mut().delete(row.id)?;
                    return Ok(None);
                };
                if !tx.outbox_mut().begin_try(row.id, next_try_at)? {
                    return Ok(None);
                }
                let rows = tx.tenant_mut(addressee.tenant.id);
                keep_link(rows.as_ref(), &row, link.as_ref(), token.as_ref())?;
                if let Some(credential) = &credential {
                    let former = rows.credentials().of(row.user_id)?;
                    let version = former.map_or(0, |old| old.version);
                    rows.credentials_mut().set(credential, version)?;
                }
                let settings = effective::read(Arc::clone(&base), tx, addressee.tenant.id)?;
                Ok(Some((addressee, page(&settings.pages, row.template))))
            },
        )
        .await
        .map_err(Error::from)?;
    let Some((addressee, page)) = found else {
        tracing::info!(id = %message.id, template = message.template.as_str(),
            "a mail was dropped: what it tells of is over");
        return Ok(None);
    };
    Ok(Some(making.letter(&page, message, addressee)))
}

/// Where a mail's link leads, by what holds for its tenant in the write that begins the try: a host
/// that is allowed no more gets no token.
fn page(pages: &LinkPages, template: Template) -> String {
    let page = match template {
        Template::EmailVerification => &pages.verify,
        Template::EmailConfirmation => &pages.confirm,
        _ => &pages.reset,
    };
    page.clone()
}

/// Keeps the hash of the link's token where its mail says: an earlier one of the kind dies (rule 22).
fn keep_link(
    rows: &dyn TenantWrite,
    message: &Message,
    link: Option<&[u8; 32]>,
    token: Option<&MailedToken>,
) -> Result<(), StoreError> {
    let waiting = rows.waiting_mut();
    match (message.template, link, token) {
        (Template::EmailVerification, Some(hash), _) => waiting
            .set_registration_token(message.user_id, hash)
            .map(drop),
        (Template::EmailConfirmation, Some(hash), _) => {
            waiting.set_email_token(message.user_id, hash).map(drop)
        }
        (_, _, Some(token)) => rows.mailed_tokens_mut().put(token),
        _ => Ok(()),
    }
}

/// Writes down how a try ended.
async fn settle(
    app: &Arc<App>,
    message: &Message,
    result: Result<(), Undelivered>,
) -> Result<(), Error> {
    let now = app.now();
    let id = message.id;
    let tries = message.tries.saturating_add(1);
    let retry_max = app.settings().mail.retry_max;
    let (state, reason) = match result {
        Ok(()) => (Some(MessageState::Sent), None),
        Err(why) if why.is_permanent || is_given_up(tries, retry_max) => {
            tracing::error!(%id, template = message.template.as_str(), tries, reason = %why,
                "a mail was given up; see: authctl mail queue list");
            (Some(MessageState::Dead), Some(why.reason))
        }
        Err(why) => {
            tracing::warn!(%id, template = message.template.as_str(), tries, reason = %why,
                "a mail was not taken; it will be tried again");
            (None, Some(why.reason))
        }
    };
    let mails = &app.counts.mails;
    let counter = match state {
        Some(MessageState::Sent) => &mails.sent,
        Some(_) => &mails.given_up,
        None => &mails.retried,
    };
    counter.one();
    app.store
        .write(
            Priority::Background,
            Claim::detached(),
            move |tx| -> Result<(), StoreError> {
                let outbox = tx.outbox_mut();
                match state {
                    Some(state) => outbox.finish(id, state, reason.as_deref(), now).map(drop),
                    None => outbox.failed(id, reason.as_deref().unwrap_or_default()),
                }
            },
        )
        .await
        .map_err(Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_holds_a_minute_and_no_longer() {
        let pace = Pace::default();
        let start = Time::from_millis(1_000_000);
        assert_eq!(pace.take(start, 3, 2), Ok(2));
        assert_eq!(pace.take(start.plus(Duration::from_secs(20)), 3, 5), Ok(1));
        let later = start.plus(Duration::from_secs(50));
        assert_eq!(pace.take(later, 3, 5), Err(Duration::from_secs(10)));
        assert_eq!(pace.take(start.plus(MINUTE), 3, 5), Ok(3));
        assert_eq!(pace.take(start, 0, 99), Ok(99));
    }
}
