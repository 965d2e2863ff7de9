//! The settling transaction: everything is read again, and the try becomes what it is, once.
//! A right password that is refused for another reason neither counts nor clears (G15).

use std::sync::Arc;
use std::time::Duration;

use common::id::SessionId;
use common::secret::Secret;
use common::time::Time;
use common::view::UserStatus;
use domain::attempt::{Decision, DecisionView, Outcome, Reason};
use domain::device::{DEVICES_LIMIT, KnownDevice};
use domain::lockout::{AfterFailure, CounterKind, CounterState, ReservationId};
use domain::mail::Template;
use domain::session::{self, EndReason, Session};
use domain::setting::{Effective, TenantSettings};
use domain::tenant::{Standing, Tenant};
use domain::user::{Credential, CredentialKind, User};
use store::{Claim, Priority, Scope, StoreError, TenantWrite, WriteTx};

use super::known::Known;
use super::{Try, Why, failures};
use crate::app::counter::{self, Counter};
use crate::app::mail::Draft;
use crate::app::tenant::effective;
use crate::app::{App, Error, tokens};
use crate::crypto::DeviceSecret;

/// Ids and random bytes that a try may need. They are drawn before it is reserved: should the random
/// source fail, nothing has begun, and what is reserved can always settle (G8, G15).
pub(super) struct Draw {
    session_id: SessionId,
    salt: [u8; 16],
    new_device: Option<DeviceSecret>,
    /// Mails that tell the owner of a lock, or of a device that is new.
    pub(super) mails: Mails,
    /// Id of the token that a success is answered with.
    pub(super) token_id: String,
}

impl Draw {
    /// Draws for one try.
    pub(super) fn new(app: &App, attempt: &Try) -> Result<Self, Error> {
        // Drawn also where a secret was brought: that one may die while the try waits.
        let new_device = attempt
            .login
            .device
            .is_some()
            .then(|| DeviceSecret::generate(app.random.as_ref()).map_err(Error::internal))
            .transpose()?;
        Ok(Self {
            session_id: app.new_id(attempt.started_at)?,
            mails: Mails::draw(app, attempt)?,
            salt: app.random_bytes()?,
            new_device,
            token_id: app.token_id()?,
        })
    }
}

/// Mails that a try may cause; drawn with the rest.
#[derive(Clone)]
pub(super) struct Mails {
    locked: Option<Draft>,
    new_device: Option<Draft>,
    after_failures: Option<Draft>,
}

impl Mails {
    fn draw(app: &App, attempt: &Try) -> Result<Self, Error> {
        let draw = |template| -> Result<Option<Draft>, Error> {
            let device = attempt.login.device.as_ref();
            let name = device.map(|device| device.name.clone().unwrap_or(device.id.clone()));
            let draft = app.draft(template, attempt.started_at)?;
            Ok(draft.map(|draft| draft.from(app.stored_ip(attempt.client.ip), name)))
        };
        Ok(Self {
            locked: draw(Template::AccountLocked)?,
            new_device: draw(Template::NewDevice)?,
            after_failures: draw(Template::SignInAfterFailures)?,
        })
    }

    /// After the write: wakes who sends them.
    pub(super) fn post(&self, app: &App) {
        let to_post = self.locked.iter().chain(&self.new_device);
        app.post_drafts(to_post.chain(&self.after_failures));
    }
}

/// What was found out about a try before it settles.
pub(super) struct Verdict {
    pub(super) known: Known,
    pub(super) counter: Counter,
    pub(super) reservation: ReservationId,
    pub(super) is_right: bool,
    pub(super) now: Time,
}

/// A try whose password was checked, with all that the transaction may need.
pub(super) struct Evaluated {
    attempt: Try,
    known: Known,
    counter: Counter,
    reservation: ReservationId,
    is_right: bool,
    now: Time,
    refresh_key: u32,
    draw: Draw,
}

/// What a try became.
#[derive(Debug, Clone)]
pub(super) enum Settled {
    /// Refused; the outcome says why, and until when the counter is locked if this locked it.
    Refused(Outcome, Option<Time>),
    /// An administrator locked the name meanwhile: nothing was evaluated.
    Locked(Duration),
    /// It took so long that it had been counted as a failure before.
    Lost,
    /// Right, but the request is over: no session was made.
    Abandoned,
    /// Right, and good for changing the password only.
    PasswordChange { user: Box<User>, version: u64 },
    /// Right.
    SignedIn {
        user: Box<User>,
        tenant: Box<Tenant>,
        settings: Effective,
        session: Box<Session>,
        ended: Vec<Session>,
        device_secret: Option<Secret<String>>,
        /// What the token shows of the user's rights.
        permissions: Option<Vec<String>>,
    },
}

impl Settled {
    /// What the log of attempts calls it.
    pub(super) const fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(outcome, _) => *outcome,
            Self::Locked(_) => Outcome::Locked,
            Self::Lost => Outcome::Unsettled,
            Self::Abandoned => Outcome::SuccessAbandoned,
            Self::PasswordChange { .. } | Self::SignedIn { .. } => Outcome::Success,
        }
    }
}

impl Evaluated {
    /// Puts together what the transaction goes by.
    pub(super) fn new(app: &App, attempt: Try, verdict: Verdict, draw: Draw) -> Self {
        let Verdict {
            known,
            counter,
            reservation,
            is_right,
            now,
        } = verdict;
        Self {
            attempt,
            known,
            counter,
            reservation,
            is_right,
            now,
            refresh_key: app.keys.refresh_key_number(),
            draw,
        }
    }
}

/// Settles a try in one transaction.
pub(super) async fn settle(app: &Arc<App>, evaluated: Evaluated) -> Result<Settled, Error> {
    let inner = Arc::clone(app);
    app.store
        .write(
            Priority::Normal,
            Claim::detached(),
            move |tx| -> Result<Settled, StoreError> { evaluated.settle(&inner, tx) },
        )
        .await
        .map_err(Error::from)
}

impl Evaluated {
    fn settle(&self, app: &App, tx: &dyn WriteTx) -> Result<Settled, StoreError> {
        if !tx.counters_mut().is_open(self.reservation)? {
            return Ok(Settled::Lost);
        }
        if let Some((retry_after, by_hand)) = self.locked_by_hand(tx)? {
            tx.counters_mut().release(self.reservation)?;
            let why = Why {
                trace: vec!["counter: locked by hand meanwhile; not evaluated".to_owned()],
                decision: DecisionView {
                    locked_until: by_hand,
                    ..self.decision(Reason::LockedByHand)
                },
            };
            self.record(app, tx, Outcome::Locked, why)?;
            return Ok(Settled::Locked(retry_after));
        }
        let (Some(tenant), Some(user)) = self.present(tx)? else {
            return self.count_failure(app, tx);
        };
        if !self.is_right {
            return self.count_failure(app, tx);
        }
        let credential = tx.tenant_mut(tenant.id).credentials().of(user.id)?;
        match self.standing(app, &tenant, &user, credential.as_ref()) {
            Err(outcome) => {
                tx.counters_mut().release(self.reservation)?;
                let why = Why {
                    trace: vec![format!("password: right; {}", outcome.as_str())],
                    decision: self.decision(Reason::of_refusal(outcome)),
                };
                self.record(app, tx, outcome, why)?;
                Ok(Settled::Refused(outcome, None))
            }
            Ok(credential) => self.succeed(app, tx, tenant, user, credential),
        }
    }

    /// Rest and end of a lock by hand of the name, also where the try is counted on a device's counter.
    /// It comes before the password: right and wrong ones have one answer.
    fn locked_by_hand(
        &self,
        tx: &dyn WriteTx,
    ) -> Result<Option<(Duration, Option<Time>)>, StoreError> {
        let state = tx.counters().state(&self.attempt.subject, self.now)?;
        let by_hand = CounterState {
            manual: state.manual,
            ..CounterState::default()
        };
        let end = by_hand.manual.and_then(|lock| lock.until);
        let rest = by_hand.locked(&self.counter.policy, self.now);
        Ok(rest.map(|rest| (rest, end)))
    }

    /// Tenant and user as they are now, if they are still those that the password was checked for.
    fn present(&self, tx: &dyn WriteTx) -> Result<(Option<Tenant>, Option<User>), StoreError> {
        let (Some(tenant), Some(user)) = (&self.known.tenant, &self.known.user) else {
            return Ok((None, None));
        };
        let now_tenant = tx.tenants().by_id(tenant.id)?;
        let now_user = tx.tenant(tenant.id).users().by_id(user.id)?;
        Ok((
            now_tenant,
            now_user.filter(|now| now.email == self.attempt.login.email),
        ))
    }

    fn standing<'a>(
        &self,
        app: &App,
        tenant: &Tenant,
        user: &User,
        credential: Option<&'a Credential>,
    ) -> Result<&'a Credential, Outcome> {
        let checked = self
            .known
            .credential
            .as_ref()
            .map(|credential| credential.version);
        let credential = credential
            .filter(|now| Some(now.version) == checked && now.usable(self.now))
            .ok_or(Outcome::CredentialStale)?;
        match tenant.standing(self.now, app.settings().expiry_grace) {
            Standing::Suspended => return Err(Outcome::TenantSuspended),
            Standing::Ended => return Err(Outcome::SubscriptionEnded),
            Standing::Active | Standing::Grace => {}
        }
        if user.status == UserStatus::Disabled {
            return Err(Outcome::AccountDisabled);
        }
        Ok(credential)
    }

    fn count_failure(&self, app: &App, tx: &dyn WriteTx) -> Result<Settled, StoreError> {
        let ip = app.stored_ip(self.attempt.client.ip);
        let after = counter::fail(tx, &self.counter, self.reservation, self.now, Some(&ip))?;
        let (outcome, reason) = match self.known.user {
            Some(_) => (Outcome::WrongPassword, Reason::PasswordWrong),
            None => (Outcome::UnknownUser, Reason::NoSuchName),
        };
        let mut decision = self.decision(reason);
        let mut trace = vec![format!("password: {}", outcome.as_str())];
        let mut locked_until = None;
        match after {
            AfterFailure::Counted { failures } => {
                decision.failures = Some(failures);
                trace.push(format!(
                    "counter: {failures} of {} in the window",
                    self.counter.policy.threshold
                ));
            }
            AfterFailure::Locked { until } => {
                decision.failures = decision.threshold;
                decision.locked_until = Some(until);
                trace.push(format!("counter: threshold reached, locked until {until}"));
                locked_until = Some(until);
                self.remove_guessed_device(tx)?;
                self.tell_of_lock(tx)?;
            }
        }
        self.record(app, tx, outcome, Why { trace, decision })?;
        Ok(Settled::Refused(outcome, locked_until))
    }

    /// What is recorded of a rule that decided, with the counter and the policy that the try went by.
    fn decision(&self, reason: Reason) -> DecisionView {
        Decision::by_counter(reason, self.counter.kind, &self.counter.policy)
    }

    /// The failure that locks a device's own counter removes the device too (rule 6). The lock stays
    /// until its time is over: tries that wait with the same secret are turned away by it.
    fn remove_guessed_device(&self, tx: &dyn WriteTx) -> Result<(), StoreError> {
        if let (CounterKind::Device, Some(device), Some(tenant)) =
            (self.counter.kind, &self.known.device, &self.known.tenant)
        {
            tx.tenant_mut(tenant.id)
                .devices_mut()
                .delete(&device.secret_hash)?;
        }
        Ok(())
    }

    /// The owner of a name hears of its lock (ASVS 6.3.5); that of a device's own counter locks
    /// nobody out.
    fn tell_of_lock(&self, tx: &dyn WriteTx) -> Result<(), StoreError> {
        if self.counter.kind != CounterKind::Subject {
            return Ok(());
        }
        if let (Some(draft), (Some(_), Some(user))) = (&self.draw.mails.locked, self.present(tx)?)
            && user.status != UserStatus::Disabled
        {
            draft.put(tx, &user)?;
        }
        Ok(())
    }

    fn record(
        &self,
        app: &App,
        tx: &dyn WriteTx,
        outcome: Outcome,
        why: Why,
    ) -> Result<(), StoreError> {
        let attempt = self
            .attempt
            .attempt(app, &self.known, outcome, self.now, why);
        if !app.room.writes_down(&attempt) {
            return Ok(());
        }
        tx.attempts_mut().record(&attempt)
    }

    fn succeed(
        &self,
        app: &App,
        tx: &dyn WriteTx,
        tenant: Tenant,
        user: User,
        credential: &Credential,
    ) -> Result<Settled, StoreError> {
        tx.counters_mut().release(self.reservation)?;
        tx.counters_mut().clear(&self.counter.key)?;
        // The one place where a request that is over loses against its own success (rule 3).
        if !self.attempt.client.claim.begin() {
            let why = Why {
                trace: vec!["password: right; the request was over, no session".to_owned()],
                decision: self.decision(Reason::RequestOver),
            };
            self.record(app, tx, Outcome::SuccessAbandoned, why)?;
            return Ok(Settled::Abandoned);
        }
        let rows = tx.tenant_mut(tenant.id);
        if let Some(draft) = &self.draw.mails.after_failures
            && failures::are_to_tell(rows.as_ref(), &user, credential)?
        {
            draft.put_apart(tx, &user)?;
        }
        if let CredentialKind::Temporary { logins_left, .. } = credential.kind {
            rows.credentials_mut().use_temporary(user.id)?;
            let left = logins_left.saturating_sub(1);
            let why = Why {
                trace: vec![format!("password: right, temporary; {left} logins left")],
                decision: self.decision(Reason::PasswordRightTemporary),
            };
            self.record(app, tx, Outcome::Success, why)?;
            return Ok(Settled::PasswordChange {
                user: Box::new(user),
                version: credential.version,
            });
        }
        self.tell_of_device(tx, rows.as_ref(), &user)?;
        let settings = effective::of(app, tx, tenant.id)?;
        let ended = self.end_others(app, tx, rows.as_ref(), &user, &settings)?;
        let session = self.session(app, &tenant, &user);
        rows.sessions_mut().insert(&session)?;
        let device_secret = self.remember_device(app, tx, rows.as_ref(), &user)?;
        rows.users_mut().set_last_login(user.id, self.now)?;
        let trace = vec![
            "password: right".to_owned(),
            format!("session: {}; {} others ended", session.id, ended.len()),
        ];
        let decision = self.decision(Reason::PasswordRight);
        self.record(app, tx, Outcome::Success, Why { trace, decision })?;
        let user = Box::new(User {
            last_login_at: Some(self.now),
            ..user
        });
        let permissions = tokens::shown_permissions(tx, &tenant, &user, &settings)?;
        let (tenant, session) = (Box::new(tenant), Box::new(session));
        Ok(Settled::SignedIn {
            user,
            tenant,
            settings,
            session,
            ended,
            device_secret,
            permissions,
        })
    }

    /// Who has signed in before hears of a device that is new: it brings no secret of a known one, and
    /// no open session is from a device of this id.
    fn tell_of_device(
        &self,
        tx: &dyn WriteTx,
        rows: &dyn TenantWrite,
        user: &User,
    ) -> Result<(), StoreError> {
        let (Some(draft), Some(device)) = (&self.draw.mails.new_device, &self.attempt.login.device)
        else {
            return Ok(());
        };
        if self.known.device.is_some() || user.last_login_at.is_none() {
            return Ok(());
        }
        let open = rows.sessions().open_of(user.id)?;
        let is_here = |session: &Session| {
            session
                .device
                .as_ref()
                .is_some_and(|other| other.id == device.id)
        };
        if !open.iter().any(is_here) {
            draft.put(tx, user)?;
        }
        Ok(())
    }

    fn session(&self, app: &App, tenant: &Tenant, user: &User) -> Session {
        Session {
            id: self.draw.session_id,
            tenant_id: tenant.id,
            user_id: user.id,
            device: self.attempt.login.device.clone(),
            ip: Some(app.stored_ip(self.attempt.client.ip)),
            auth_time: self.now,
            created_at: self.now,
            last_active_at: self.now,
            generation: 0,
            rotated_at: self.now,
            salt: self.draw.salt,
            refresh_key: self.refresh_key,
            ended: None,
        }
    }

    /// Ends what the policy says, and what had expired by itself.
    fn end_others(
        &self,
        app: &App,
        tx: &dyn WriteTx,
        rows: &dyn TenantWrite,
        user: &User,
        settings: &TenantSettings,
    ) -> Result<Vec<Session>, StoreError> {
        let open = rows.sessions().open_of(user.id)?;
        let limits = &settings.session_limits;
        let (live, over): (Vec<Session>, Vec<Session>) = open
            .into_iter()
            .map(|session| app.with_last_use(session))
            .partition(|session| session.is_alive(limits, session.last_active_at, self.now));
        for session in &over {
            rows.sessions_mut()
                .end(session.id, self.now, EndReason::Expired)?;
            tx.invalidate(Scope::Session(session.id));
        }
        let policy = settings.session_policy;
        let ended = session::ends(&live, self.attempt.login.device.as_ref(), policy);
        for &id in &ended {
            rows.sessions_mut()
                .end(id, self.now, EndReason::Superseded)?;
            tx.invalidate(Scope::Session(id));
        }
        Ok(live
            .into_iter()
            .filter(|session| ended.contains(&session.id))
            .collect())
    }

    fn remember_device(
        &self,
        app: &App,
        tx: &dyn WriteTx,
        rows: &dyn TenantWrite,
        user: &User,
    ) -> Result<Option<Secret<String>>, StoreError> {
        if let Some(device) = &self.known.device {
            rows.devices_mut().touch(&device.secret_hash, self.now)?;
            return Ok(None);
        }
        let Some(new) = &self.draw.new_device else {
            return Ok(None);
        };
        let known = rows.devices().of(user.id)?;
        let excess = known.len().saturating_add(1).saturating_sub(DEVICES_LIMIT);
        for device in known.iter().take(excess) {
            rows.devices_mut().delete(&device.secret_hash)?;
            tx.counters_mut()
                .clear(&app.keys.device_counter(&device.secret_hash))?;
        }
        rows.devices_mut().insert(&KnownDevice {
            secret_hash: new.hash(),
            user_id: user.id,
            created_at: self.now,
            last_used_at: self.now,
        })?;
        Ok(Some(new.reveal()))
    }
}
