//! A signed-in user's own wish for another address. It needs the present password, and a wrong one
//! counts on the session's own counter, as for a change of the password.

use std::sync::Arc;
use std::time::Instant;

use common::email::Email;
use common::error::ErrorCode;
use common::time::Time;
use domain::lockout::{AfterFailure, CounterKind, ReservationId};
use domain::mail::{CAP_WINDOW, Template};
use domain::password::Password;
use domain::registration::PendingEmail;
use domain::session::EndReason;
use domain::user::{Credential, User};
use store::{Claim, Priority, Scope, StoreError, WriteTx};

use super::{Asked, Mails, ask, pending};
use crate::app::again::{self, Who};
use crate::app::authenticate::ended;
use crate::app::counter::{self, Admitted, Counter, SESSION_POLICY};
use crate::app::{App, Caller, Error};
use crate::crypto::{Lane, Place};

/// A wish for another address.
#[derive(Debug)]
pub struct EmailChange {
    /// The new address.
    pub email: Email,
    /// The present password.
    pub current: Password,
}

/// Lets the new address wait for its owner, and tells the present one. Accepted for an address that
/// another user has, too: its owner is told, and no address is changed. A former wish is over then.
///
/// # Errors
/// `validation_failed` for the present address; `invalid_credentials` for a wrong current password,
/// whose fifth ends the session; `conflict` if the password was changed meanwhile; whatever closed
/// the tenant or ended the session meanwhile; `rate_limited`; `overloaded`;
/// `unavailable` where no mail leaves.
pub async fn change(app: &Arc<App>, caller: &Caller, wish: EmailChange) -> Result<(), Error> {
    let floor = Instant::now() + *app.login_floor.get();
    let (tenant_id, user_id) = (caller.tenant_id, caller.user_id);
    let found = app
        .store
        .read(move |tx| -> Result<_, StoreError> {
            let rows = tx.tenant(tenant_id);
            let user = rows.users().by_id(user_id)?;
            Ok(user.zip(rows.credentials().of(user_id)?))
        })
        .await
        .map_err(Error::from)?;
    let (user, credential) = found.ok_or_else(|| ended(EndReason::Revoked))?;
    if user.email == wish.email {
        return Err(Error::field(
            "/new_email",
            "unchanged",
            "This is your address already.",
        ));
    }
    let place = app
        .pool
        .place(Lane::Kept)
        .map_err(|_| Error::overloaded())?;
    let asking = Asking {
        caller: caller.clone(),
        user,
        credential,
        wish,
    };
    let task = tokio::spawn(run(Arc::clone(app), asking, place));
    task.await.map_err(Error::internal)??;
    tokio::time::sleep_until(floor.into()).await;
    Ok(())
}

struct Asking {
    caller: Caller,
    user: User,
    credential: Credential,
    wish: EmailChange,
}

async fn run(app: Arc<App>, asking: Asking, mut place: Place) -> Result<(), Error> {
    let counter = Counter {
        key: app
            .keys
            .session_counter(asking.caller.session_id.as_bytes()),
        kind: CounterKind::Session,
        tenant: Some(asking.caller.tenant_id),
        policy: SESSION_POLICY,
    };
    let reservation = match counter::admit(&app, counter, None).await? {
        Admitted::Reserved(id) => id,
        Admitted::Locked(_) => {
            asking.end(&app).await?;
            return Err(ended(EndReason::Revoked));
        }
        Admitted::Wait => return Err(Error::overloaded()),
    };
    let hash = Some(asking.credential.hash.clone());
    let verified = place.verify(&asking.wish.current, hash).await;
    drop(place);
    let result = match verified {
        Ok(true) => asking.store(&app, counter, reservation).await,
        Ok(false) => asking.count_failure(&app, counter, reservation).await,
        Err(error) => {
            counter::release(&app, &counter, reservation).await?;
            return Err(error.into());
        }
    };
    app.waiters.settled(counter.key);
    result
}

impl Asking {
    /// Ends the session, where an earlier run left its counter at the limit.
    async fn end(&self, app: &App) -> Result<(), Error> {
        let (caller, now) = (self.caller.clone(), app.now());
        app.store
            .write(
                Priority::Urgent,
                Claim::detached(),
                move |tx| -> Result<(), StoreError> { end_session(tx, &caller, now) },
            )
            .await
            .map_err(Error::from)
    }

    async fn count_failure(
        &self,
        app: &App,
        counter: Counter,
        reservation: ReservationId,
    ) -> Result<(), Error> {
        let (caller, now) = (self.caller.clone(), app.now());
        let ip = app.stored_ip(caller.client.ip);
        app.store
            .write(
                Priority::Normal,
                Claim::detached(),
                move |tx| -> Result<(), StoreError> {
                    let after = counter::fail(tx, &counter, reservation, now, Some(&ip))?;
                    if matches!(after, AfterFailure::Locked { .. }) {
                        end_session(tx, &caller, now)?;
                    }
                    Ok(())
                },
            )
            .await?;
        Err(Error::new(
            ErrorCode::InvalidCredentials,
            "current_password is wrong",
        ))
    }

    async fn store(
        &self,
        app: &App,
        counter: Counter,
        reservation: ReservationId,
    ) -> Result<(), Error> {
        let (now, grace) = (app.now(), app.settings().expiry_grace);
        let ip = app.stored_ip(self.caller.client.ip);
        let Some(mails) = Mails::draw(app, Some(&ip), now)? else {
            counter::release(app, &counter, reservation).await?;
            return Err(Error::new(
                ErrorCode::Unavailable,
                "no mail leaves this service; nothing was done",
            ));
        };
        let pending = pending(app, &self.user, self.wish.email.clone(), now);
        let (caller, version) = (self.caller.clone(), self.credential.version);
        let queued = mails.clone();
        let outcome = app
            .store
            .write(
                Priority::Normal,
                Claim::detached(),
                move |tx| -> Result<Stored, StoreError> {
                    tx.counters_mut().release(reservation)?;
                    if !caller.client.claim.begin() {
                        return Ok(Stored::Abandoned);
                    }
                    let user = match again::look(tx, Who::from(&caller), now, grace)? {
                        Ok((_, user)) => user,
                        Err(refused) => return Ok(Stored::Refused(refused)),
                    };
                    let rows = tx.tenant_mut(caller.tenant_id);
                    let credential = rows.credentials().of(caller.user_id)?;
                    if credential.is_none_or(|present| present.version != version)
                        || user.email == pending.email
                    {
                        return Ok(Stored::Overtaken);
                    }
                    tx.counters_mut().clear(&counter.key)?;
                    if let Err(refused) = may_ask_again(tx, &user, &queued, now)? {
                        return Ok(Stored::Refused(refused));
                    }
                    let asked = ask(tx, &user, &pending, &queued)?;
                    end_former(tx, &user, &pending, asked)?;
                    Ok(Stored::Asked)
                },
            )
            .await?;
        mails.post(app);
        outcome.answer()
    }
}

/// Refuses a wish over as many an hour as mails may go to one address: each tells the present address
/// of it, beyond the cap. What was told is counted, not what waits: it is the same for a taken one.
fn may_ask_again(
    tx: &dyn WriteTx,
    user: &User,
    mails: &Mails,
    now: Time,
) -> Result<Result<(), Error>, StoreError> {
    let kind = Template::EmailChangeRequested;
    let told = tx
        .outbox_mut()
        .told_since(user, kind, now.minus(CAP_WINDOW))?;
    let (count, Some(oldest)) = told else {
        return Ok(Ok(()));
    };
    if count < mails.notice.hourly() {
        return Ok(Ok(()));
    }
    let wait = oldest.plus(CAP_WINDOW).since(now);
    Ok(Err(Error::new(
        ErrorCode::RateLimited,
        "too many other addresses were asked for; nothing was done",
    )
    .with_retry_after(wait)))
}

/// Whatever became of the wish, the former one is over: whether its link still works must not tell
/// who asks that the new address is another user's.
fn end_former(
    tx: &dyn WriteTx,
    user: &User,
    wish: &PendingEmail,
    asked: Asked,
) -> Result<(), StoreError> {
    let rows = tx.tenant_mut(user.tenant_id);
    let is_over = match asked {
        // It took the former one's place.
        Asked::Waits => false,
        Asked::Taken => true,
        // A link that went to the same mailbox stays good (rule 22).
        Asked::Capped => rows
            .waiting()
            .email_of(user.id)?
            .is_some_and(|former| former.email != wish.email),
    };
    if is_over {
        rows.waiting_mut().delete_email(user.id)?;
    }
    Ok(())
}

/// What became of the write.
enum Stored {
    Asked,
    Overtaken,
    /// What let the request in does not hold any more.
    Refused(Error),
    Abandoned,
}

impl Stored {
    fn answer(self) -> Result<(), Error> {
        match self {
            Self::Asked => Ok(()),
            Self::Overtaken => Err(Error::new(
                ErrorCode::Conflict,
                "the account was changed by another request; nothing was done",
            )),
            Self::Refused(refused) => Err(refused),
            Self::Abandoned => Err(Error::from(StoreError::Expired)),
        }
    }
}

fn end_session(tx: &dyn WriteTx, caller: &Caller, now: Time) -> Result<(), StoreError> {
    tx.tenant_mut(caller.tenant_id).sessions_mut().end(
        caller.session_id,
        now,
        EndReason::Revoked,
    )?;
    tx.invalidate(Scope::Session(caller.session_id));
    Ok(())
}
