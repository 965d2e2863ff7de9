//! Signing in with a password (rules 1 to 7, 9): the order of the steps is the lockout's proof.
//!
//! place in the hash queue → reservation in a write transaction → hash → one settling transaction.
//! From the reservation on the attempt is a task of its own and always settles, whatever the client
//! does. What the settling transaction decides stands in `settle.rs`.

mod failures;
mod known;
mod settle;
mod upgrade;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::email::Email;
use common::error::ErrorCode;
use common::id::{AttemptId, RequestId};
use common::secret::Secret;
use common::time::Time;
use domain::attempt::{Attempt, Decision, DecisionView, Outcome, Reason};
use domain::device::Device;
use domain::lockout::{CounterKey, CounterKind};
use domain::password::Password;
use domain::tenant::Slug;
use store::{Claim, Priority, StoreError};

use crate::app::counter::{self, Admitted, Counter};
use crate::app::tokens::{Owner, SignedIn};
use crate::app::{App, Client, Error, shared};
use crate::crypto::{HashError, Lane, Place};

use self::known::Known;
use self::settle::{Draw, Evaluated, Settled, Verdict};
use self::upgrade::Upgrade;

/// A wish to sign in; every field has passed its parser.
#[derive(Debug, Clone)]
pub struct Login {
    /// Tenant's slug as given; it need not be the slug of any.
    pub tenant: String,
    /// Address.
    pub email: Email,
    /// Password.
    pub password: Password,
    /// Device that the client names.
    pub device: Option<Device>,
    /// SHA-256 of the device secret that the client brought, if it has the form of one.
    pub device_secret: Option<[u8; 32]>,
}

/// One try, from here to its row in the log.
#[derive(Debug, Clone)]
struct Try {
    login: Arc<Login>,
    client: Client,
    subject: CounterKey,
    attempt_id: AttemptId,
    started_at: Time,
}

impl Try {
    /// The row that this try leaves, with its outcome.
    fn attempt(&self, app: &App, known: &Known, outcome: Outcome, at: Time, why: Why) -> Attempt {
        Attempt {
            id: self.attempt_id,
            at,
            tenant_id: known.tenant.as_ref().map(|tenant| tenant.id),
            user_id: known.user.as_ref().map(|user| user.id),
            subject: self.subject,
            ip: Some(app.stored_ip(self.client.ip)),
            outcome,
            device: self.login.device.clone(),
            request_id: Some(self.client.request_id),
            trace: why.trace,
            decision: Some(why.decision),
            correlation_id: self.client.correlation_id.as_deref().map(str::to_owned),
        }
    }
}

/// Why a try ended as it did, for the log of attempts.
struct Why {
    /// The steps.
    trace: Vec<String>,
    /// What was decided, and by what.
    decision: DecisionView,
}

/// Signs a user in.
///
/// # Errors
/// `invalid_credentials` whatever the reason, `login_locked`, `rate_limited`; after a right password
/// `account_disabled`, `tenant_suspended`, `subscription_ended`; none of these before the floor.
/// `overloaded` at once.
pub async fn login(app: &Arc<App>, client: Client, login: Login) -> Result<SignedIn, Error> {
    let floor = Instant::now() + *app.login_floor.get();
    let result = evaluate(app, client, login).await;
    let waits = match &result {
        Ok(_) => false,
        // A locked name's answer too: what is looked up for it differs for known and unknown ones.
        Err(error) => matches!(error.code.status(), 401 | 403 | 429),
    };
    if waits {
        tokio::time::sleep_until(floor.into()).await;
    }
    result
}

async fn evaluate(app: &Arc<App>, client: Client, login: Login) -> Result<SignedIn, Error> {
    let now = app.now();
    let attempt = Try {
        subject: app.keys.subject(&login.tenant, &login.email),
        login: Arc::new(login),
        client,
        attempt_id: app.new_id(now)?,
        started_at: now,
    };
    let known = known::look_up(app, &attempt).await?;
    refuse_spent_budget(app, &attempt, &known).await?;
    let counter = known.counter(app, attempt.subject);
    if let Some(retry_after) = known.locked(&counter, now) {
        record(app, locked_attempt(app, &attempt, &known)).await?;
        known.count(app, Outcome::Locked);
        return Err(locked(retry_after));
    }
    let lane = if known.device.is_some() {
        Lane::Kept
    } else {
        Lane::Common
    };
    let draw = Draw::new(app, &attempt)?;
    let place = app.pool.place(lane).map_err(|_| Error::overloaded())?;
    // A task of its own: it settles although the request, or its client, may be gone.
    let task = tokio::spawn(run(Arc::clone(app), attempt, known, place, draw));
    task.await.map_err(Error::internal)?
}

/// Refuses an address that has used up its failures, unless a known device vouches for itself.
async fn refuse_spent_budget(app: &App, attempt: &Try, known: &Known) -> Result<(), Error> {
    if known.device.is_some() || !attempt.client.has_own_address {
        return Ok(());
    }
    let (ip, now) = (attempt.client.ip, attempt.started_at);
    let Some(wait) = shared::budget_exhausted(app, ip, now).await else {
        return Ok(());
    };
    let why = Why {
        trace: vec!["address: budget of failures used up; not evaluated".to_owned()],
        decision: Decision::of(Reason::AddressBudget),
    };
    record(
        app,
        attempt.attempt(app, known, Outcome::RateLimited, attempt.started_at, why),
    )
    .await?;
    known.count(app, Outcome::RateLimited);
    Err(Error::new(
        ErrorCode::RateLimited,
        "too many failed logins from this address",
    )
    .with_retry_after(wait))
}

fn locked_attempt(app: &App, attempt: &Try, known: &Known) -> Attempt {
    let why = Why {
        trace: vec!["counter: locked; not evaluated".to_owned()],
        decision: known.lock(attempt.started_at),
    };
    attempt.attempt(app, known, Outcome::Locked, attempt.started_at, why)
}

fn locked(retry_after: Duration) -> Error {
    Error::new(
        ErrorCode::LoginLocked,
        "too many failed logins for this name; wait for Retry-After",
    )
    .with_retry_after(retry_after)
}

async fn record(app: &App, attempt: Attempt) -> Result<(), Error> {
    if !app.room.writes_down(&attempt) {
        return Ok(());
    }
    app.store
        .write(
            Priority::Background,
            Claim::detached(),
            move |tx| -> Result<(), StoreError> { tx.attempts_mut().record(&attempt) },
        )
        .await
        .map_err(Error::from)
}

/// The detached part: reservation, hash, settling.
async fn run(
    app: Arc<App>,
    attempt: Try,
    mut known: Known,
    mut place: Place,
    draw: Draw,
) -> Result<SignedIn, Error> {
    let (counter, admitted) = admit(&app, &attempt, &mut known).await?;
    let reservation = match admitted {
        Admitted::Reserved(id) => id,
        Admitted::Locked(retry_after) => {
            known.count(&app, Outcome::Locked);
            return Err(locked(retry_after));
        }
        Admitted::Wait => return Err(Error::overloaded()),
    };
    let is_right = check_password(&mut place, &attempt, &known).await;
    drop(place);
    let is_right = match is_right {
        Ok(is_right) => is_right,
        Err(error) => {
            counter::release(&app, &counter, reservation).await?;
            return Err(error);
        }
    };
    let upgrade = is_right
        .then(|| Upgrade::of(&app, &attempt, &known))
        .flatten();
    let verdict = Verdict {
        known,
        counter,
        reservation,
        is_right,
        now: app.now(),
    };
    let signed_in = settle_and_issue(&app, attempt, verdict, draw).await?;
    if let Some(upgrade) = upgrade.filter(|_| signed_in.session.is_some()) {
        upgrade.begin(&app);
    }
    Ok(signed_in)
}

/// Reserves the try on its counter. A device secret that died of its fifth failure while the try
/// waited is none by now: the try goes to the counter of the name, as without one (rule 6).
async fn admit(app: &App, attempt: &Try, known: &mut Known) -> Result<(Counter, Admitted), Error> {
    let counter = known.counter(app, attempt.subject);
    if counter.kind == CounterKind::Device {
        let admitted = counter::admit(app, counter, None).await?;
        if !matches!(admitted, Admitted::Locked(_)) {
            return Ok((counter, admitted));
        }
        known.device = None;
    }
    let counter = known.counter(app, attempt.subject);
    let refusal = locked_attempt(app, attempt, known);
    let admitted = counter::admit(app, counter, Some(refusal)).await?;
    Ok((counter, admitted))
}

async fn check_password(place: &mut Place, attempt: &Try, known: &Known) -> Result<bool, Error> {
    let hash: Option<Secret<String>> = known
        .credential
        .as_ref()
        .map(|credential| credential.hash.clone());
    match place.verify(&attempt.login.password, hash).await {
        Ok(is_right) => Ok(is_right),
        // A stored hash beyond the bounds is nobody's password; the log tells the operator.
        Err(error @ HashError::Unusable) => {
            tracing::error!(request_id = %attempt.client.request_id, %error, "stored password hash is unusable");
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Who failed to sign in, for the log: never a name that was typed, which may be a password.
struct Who {
    ip: String,
    request_id: RequestId,
    tenant: Option<Slug>,
    user_id: Option<String>,
}

impl Who {
    fn of(app: &App, attempt: &Try, known: &Known) -> Self {
        let (tenant, user) = (known.tenant.as_ref(), known.user.as_ref());
        Self {
            ip: app.stored_ip(attempt.client.ip),
            request_id: attempt.client.request_id,
            tenant: tenant.map(|tenant| tenant.slug.clone()),
            user_id: user.map(|user| user.id.to_string()),
        }
    }

    /// Counts what became of the try.
    fn count(&self, app: &App, settled: &Settled) {
        app.counts.login(self.tenant.as_ref(), settled.outcome());
        if matches!(settled, Settled::Refused(_, Some(_))) {
            app.counts.lockouts.one();
        }
    }

    /// The line that fail2ban reads (`packaging/fail2ban/authd.conf`), and one for a lock.
    fn log(&self, outcome: Outcome, locked_until: Option<Time>) {
        let Self {
            ip,
            request_id,
            tenant,
            user_id,
        } = self;
        let tenant = tenant.as_ref().map(ToString::to_string);
        tracing::info!(
            event = "login.failed",
            ip,
            outcome = outcome.as_str(),
            %request_id,
            tenant,
            user_id,
            "login failed"
        );
        if let Some(until) = locked_until {
            tracing::warn!(
                event = "lockout.started",
                ip,
                %until,
                %request_id,
                tenant,
                user_id,
                "too many wrong passwords: locked"
            );
        }
    }
}

async fn settle_and_issue(
    app: &Arc<App>,
    attempt: Try,
    verdict: Verdict,
    draw: Draw,
) -> Result<SignedIn, Error> {
    let now = verdict.now;
    let counter = verdict.counter.key;
    let ip = attempt.client.ip;
    let who = Who::of(app, &attempt, &verdict.known);
    let is_counted =
        !verdict.is_right && verdict.known.device.is_none() && attempt.client.has_own_address;
    let token_id = draw.token_id.clone();
    let mails = draw.mails.clone();
    let evaluated = Evaluated::new(app, attempt, verdict, draw);
    let settled = settle::settle(app, evaluated).await;
    app.waiters.settled(counter);
    mails.post(app);
    if is_counted && matches!(settled, Ok(Settled::Refused(..))) {
        shared::take_from_budget(app, ip, now);
    }
    let settled = settled?;
    who.count(app, &settled);
    match settled {
        Settled::Refused(outcome, locked_until) => {
            who.log(outcome, locked_until);
            Err(refusal(outcome))
        }
        Settled::Locked(retry_after) => Err(locked(retry_after)),
        Settled::Lost => Err(Error::new(
            ErrorCode::Unavailable,
            "the attempt took too long and was counted as a failure",
        )
        .with_retry_after(Duration::from_secs(1))),
        Settled::Abandoned => Err(Error::new(
            ErrorCode::RequestTimeout,
            "the request took too long; nothing was done",
        )
        .with_retry_after(Duration::from_secs(1))),
        Settled::PasswordChange { user, version } => {
            app.issue_password_change(*user, version, token_id, now)
        }
        Settled::SignedIn {
            user,
            tenant,
            settings,
            session,
            ended,
            device_secret,
            permissions,
        } => {
            let owner = Owner {
                session: &session,
                tenant: &tenant,
                settings: &settings,
                permissions: permissions.as_deref(),
            };
            let mut signed_in = app.issue(&owner, *user, token_id, now)?;
            signed_in.ended_sessions = ended;
            signed_in.device_secret = device_secret;
            Ok(signed_in)
        }
    }
}

fn refusal(outcome: Outcome) -> Error {
    match outcome {
        Outcome::AccountDisabled => Error::new(
            ErrorCode::AccountDisabled,
            "the password is right, the account is disabled",
        ),
        Outcome::TenantSuspended => Error::new(
            ErrorCode::TenantSuspended,
            "the password is right, the tenant is suspended",
        ),
        Outcome::SubscriptionEnded => Error::new(
            ErrorCode::SubscriptionEnded,
            "the password is right, the tenant's subscription has ended",
        ),
        Outcome::Success
        | Outcome::SuccessAbandoned
        | Outcome::WrongPassword
        | Outcome::UnknownUser
        | Outcome::Locked
        | Outcome::RateLimited
        | Outcome::CredentialStale
        | Outcome::Unsettled => Error::new(
            ErrorCode::InvalidCredentials,
            "no user has this name and password",
        ),
    }
}
