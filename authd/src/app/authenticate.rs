//! Who sends a request: from a bearer token to a caller whose session is alive now (rule 11).
//! The hot path: with warm caches it touches no disk.

use std::sync::Arc;

use common::error::ErrorCode;
use common::time::Time;
use common::view::UserStatus;
use domain::rights::Access;
use domain::session::EndReason;
use domain::setting::Effective;
use domain::tenant::{Standing, Tenant};
use domain::token::{AccessClaims, Audience, PasswordChangeClaims};
use store::{PageRequest, StoreError};

use crate::app::shared::{self, TokenPlace};
use crate::app::{Agent, App, Caller, Client, Error, ServiceAgent, client, key};
use crate::cache::{ClientState, DENIED_LIMIT, Listed, Remembered, SessionState, StateKey};
use crate::crypto::{self, Expected, TokenError, VerifiedToken};

/// Who stands behind a token.
#[derive(Debug, Clone)]
pub enum Who {
    /// A user, with session and tenant as they are now.
    User(Arc<SessionState>),
    /// A service client.
    Client(Arc<ClientState>),
}

impl Who {
    /// The tenant.
    pub fn tenant(&self) -> &Tenant {
        match self {
            Self::User(state) => &state.tenant,
            Self::Client(state) => &state.tenant,
        }
    }

    /// What its roles come to.
    pub fn access(&self) -> &Access {
        match self {
            Self::User(state) => &state.access,
            Self::Client(state) => &state.access,
        }
    }
}

/// What a token proved, as the check endpoint shows it.
#[derive(Debug, Clone)]
pub struct Proof {
    /// Who stands behind it.
    pub who: Who,
    /// Whether the tenant's grace runs.
    pub standing: Standing,
    /// When the token expires.
    pub expires_at: Time,
}

/// What looking at a token gives; nobody counts as active by it.
#[derive(Debug, Clone)]
pub struct Looked {
    /// What the token says.
    pub token: Arc<VerifiedToken>,
    /// The proof.
    pub proof: Proof,
}

/// A caller, and what his token proved.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The caller.
    pub caller: Caller,
    /// The proof.
    pub proof: Proof,
}

/// What an ended session is answered with.
pub fn ended(reason: EndReason) -> Error {
    match reason {
        EndReason::Superseded => Error::new(
            ErrorCode::SessionSuperseded,
            "a login on another device ended this session",
        ),
        EndReason::Expired => Error::new(
            ErrorCode::SessionExpired,
            "the session passed its idle or absolute limit",
        ),
        EndReason::Revoked | EndReason::Reused => {
            Error::new(ErrorCode::SessionRevoked, "the session was ended")
        }
    }
}

/// Refuses a closed tenant.
///
/// # Errors
/// `tenant_suspended`, `subscription_ended`.
pub fn tenant_is_open(standing: Standing) -> Result<(), Error> {
    match standing {
        Standing::Active | Standing::Grace => Ok(()),
        Standing::Suspended => Err(Error::new(
            ErrorCode::TenantSuspended,
            "the tenant is suspended",
        )),
        Standing::Ended => Err(Error::new(
            ErrorCode::SubscriptionEnded,
            "the tenant's subscription and its grace have ended",
        )),
    }
}

/// Proves a token, whoever's it is.
///
/// # Errors
/// Those of [`authenticate`] but `permission_denied`.
pub async fn look(app: &App, token: &str, now: Time) -> Result<Looked, Error> {
    keys_are_current(app).await?;
    let hash = crypto::sha256(token.as_bytes());
    // Taken before the check: a key or a token that ends meanwhile makes the entry worthless.
    let ticket = app.cache.token_ticket();
    let known = known(app, &hash, now)?;
    let is_new = known.is_none();
    let (token, unshared) = match known {
        Some(known) => (known, None),
        None => verified(app, token, &hash, now).await?,
    };
    let who = match token.as_ref() {
        VerifiedToken::Access(claims) => Who::User(state_of(app, claims, is_new).await?),
        VerifiedToken::Client(claims) => Who::Client(client::state_of(app, claims, is_new).await?),
        VerifiedToken::PasswordChange(_) => {
            return Err(Error::new(
                ErrorCode::PasswordChangeRequired,
                "this token is good for changing the password only",
            ));
        }
    };
    if is_new {
        app.cache.put_token(ticket, hash, Arc::clone(&token));
    }
    let proof = prove(app, &token, who, now)?;
    if let Some(place) = unshared {
        shared::keep_token(app, &place, &token, now);
    }
    Ok(Looked { token, proof })
}

/// Asks what is not decided by the token alone.
fn prove(app: &App, token: &VerifiedToken, who: Who, now: Time) -> Result<Proof, Error> {
    let standing = match (token, &who) {
        (VerifiedToken::Access(claims), Who::User(state)) => {
            is_for(&claims.aud, &state.settings)?;
            is_alive(app, state, now)?
        }
        (VerifiedToken::Client(claims), Who::Client(state)) => {
            is_for(&claims.aud, &state.settings)?;
            client::is_alive(app, state, claims, now)?
        }
        _ => return Err(invalid_token()),
    };
    let (_, exp) = token.period();
    Ok(Proof {
        who,
        standing,
        expires_at: Time::from_millis(exp.saturating_mul(1000)),
    })
}

/// Whom the token may be for says its tenant, as it is now.
fn is_for(audience: &Audience, settings: &Effective) -> Result<(), Error> {
    if audience.names_one_of(&settings.audience) {
        return Ok(());
    }
    Err(invalid_token())
}

/// Remembers that a token was used by whoever it is of.
pub(super) fn used(app: &App, who: &Who, now: Time) {
    match who {
        Who::User(state) => {
            state.touched(now);
            let session = &state.session;
            app.activity.touch(session.tenant_id, session.id, now);
        }
        Who::Client(state) => {
            let client = &state.client;
            app.client_uses.touch(client.tenant_id, client.id, now);
        }
    }
}

/// Proves a bearer token and its session.
///
/// # Errors
/// `invalid_token`, `token_expired`, `session_expired`, `session_revoked`, `session_superseded`,
/// `password_change_required`, `tenant_suspended`, `subscription_ended`, `unavailable`;
/// `permission_denied` for a token of a service client, which is no user.
pub async fn authenticate(app: &App, client: Client, token: &str) -> Result<Checked, Error> {
    let now = app.now();
    let Looked { proof, .. } = look(app, token, now).await?;
    let Who::User(state) = &proof.who else {
        return Err(Error::new(
            ErrorCode::PermissionDenied,
            "a service client is no user, and has neither account nor sessions",
        ));
    };
    used(app, &proof.who, now);
    let caller = caller(client, state);
    Ok(Checked { caller, proof })
}

/// Proves a bearer token, whoever's it is, for what takes permissions.
///
/// # Errors
/// Those of [`authenticate`] but `permission_denied`.
pub async fn agent(app: &App, client: Client, token: &str) -> Result<Agent, Error> {
    let now = app.now();
    let Looked { token, proof } = look(app, token, now).await?;
    used(app, &proof.who, now);
    match (&proof.who, token.as_ref()) {
        (Who::User(state), _) => Ok(Agent::User(caller(client, state))),
        (Who::Client(state), VerifiedToken::Client(claims)) => Ok(Agent::Client(ServiceAgent {
            client,
            id: state.client.id,
            tenant_id: state.client.tenant_id,
            token_id: claims.jti.clone(),
            generation: claims.cgen,
            access: Arc::clone(&state.access),
        })),
        (Who::Client(_), _) => Err(invalid_token()),
    }
}

fn caller(client: Client, state: &SessionState) -> Caller {
    Caller {
        client,
        user_id: state.session.user_id,
        tenant_id: state.session.tenant_id,
        session_id: state.session.id,
        auth_time: state.session.auth_time,
        is_tenant_admin: state.is_tenant_admin,
        access: Arc::clone(&state.access),
    }
}

/// What the caches, and at first sight a signature, prove of a user's bearer token without waiting
/// for anything. None where the database has to be asked, and for whatever is to be refused:
/// [`authenticate`] decides then.
pub fn at_once(app: &App, token: &str) -> Option<(Arc<Remembered>, Proof)> {
    let now = app.now();
    let hash = crypto::sha256(token.as_bytes());
    let recalled = app
        .cache
        .recall(&hash, &|state| is_made_of_settings(app, state));
    let remembered = recalled.or_else(|| at_first_sight(app, token, hash, now))?;
    is_in_period(app, &remembered.token, now).ok()?;
    let who = Who::User(Arc::clone(&remembered.state));
    let proof = prove(app, &remembered.token, who, now).ok()?;
    used(app, &proof.who, now);
    Some((remembered, proof))
}

/// Verifies a token that is new here, of a session whose state is known. The signature comes last:
/// only who knows a live session by all its ids can have it looked at twice, here and by
/// [`authenticate`].
fn at_first_sight(app: &App, token: &str, hash: [u8; 32], now: Time) -> Option<Arc<Remembered>> {
    let ticket = app.cache.token_ticket();
    let mut state = None;
    let is_worth = |claims: &AccessClaims| {
        state = app
            .cache
            .glance(&StateKey::of(claims))
            .filter(|(_, state)| is_made_of_settings(app, state));
        state.is_some() && app.cache.listed(&claims.jti) == Listed::Free
    };
    let claims = app
        .keys
        .verify_if_worth(token, &expected(app), now, is_worth)
        .ok()?;
    let token = Arc::new(VerifiedToken::Access(claims));
    app.cache.introduce(ticket, hash, token, state?)
}

/// Proves a token that is good for changing a password only.
///
/// # Errors
/// `invalid_token` for every other kind, `token_expired`.
pub fn password_change_claims(
    app: &App,
    token: &str,
) -> Result<Option<PasswordChangeClaims>, Error> {
    let now = app.now();
    let hash = crypto::sha256(token.as_bytes());
    let ticket = app.cache.token_ticket();
    let known = known(app, &hash, now)?;
    let is_new = known.is_none();
    let verified = known.map_or_else(|| signed(app, token, now), Ok)?;
    // One of a session is nobody's proof yet, and is not remembered here.
    let VerifiedToken::PasswordChange(claims) = verified.as_ref() else {
        return Ok(None);
    };
    let claims = claims.clone();
    if is_new {
        app.cache.put_token(ticket, hash, verified);
    }
    Ok(Some(claims))
}

pub(super) fn invalid_token() -> Error {
    Error::new(
        ErrorCode::InvalidToken,
        "not a valid access token of this issuer",
    )
}

fn expired_token() -> Error {
    Error::new(ErrorCode::TokenExpired, "the token has expired; refresh it")
}

/// What a token must say to be good here.
pub(super) fn expected(app: &App) -> Expected {
    let settings = app.settings();
    Expected {
        issuer: settings.issuer.clone(),
        password_change_audience: settings.password_change_audience(),
        skew: settings.clock_skew,
    }
}

/// A token that was verified before, if the cache knows it.
fn known(app: &App, hash: &[u8; 32], now: Time) -> Result<Option<Arc<VerifiedToken>>, Error> {
    let verified = app.cache.token(hash);
    if let Some(verified) = &verified {
        is_in_period(app, verified, now)?;
    }
    Ok(verified)
}

/// A token that is new here: verified by another node, or else by its signature, and then with the place
/// where the others find it.
async fn verified(
    app: &App,
    token: &str,
    hash: &[u8; 32],
    now: Time,
) -> Result<(Arc<VerifiedToken>, Option<TokenPlace>), Error> {
    // Asked before the check: what a key verified that ends meanwhile is looked for no more.
    let place = shared::token_place(app, hash).filter(|_| is_likely(app, token, now));
    let Some(place) = place else {
        return Ok((signed(app, token, now)?, None));
    };
    if let Some(found) = shared::token(app, &place).await {
        is_in_period(app, &found, now)?;
        return Ok((Arc::new(found), None));
    }
    Ok((signed(app, token, now)?, Some(place)))
}

/// Whether a token looks like one of ours, its signature aside: who sends anything at all has nobody
/// asked, and takes no place from those who have a token.
fn is_likely(app: &App, token: &str, now: Time) -> bool {
    let mut is_likely = false;
    let looked = app.keys.verify_if_worth(token, &expected(app), now, |_| {
        is_likely = true;
        false
    });
    drop(looked);
    is_likely
}

/// Without a lease the keys in memory may be none any more: then they are read again.
///
/// # Errors
/// `unavailable`.
pub(super) async fn keys_are_current(app: &App) -> Result<(), Error> {
    if app.follower.holds_lease() {
        return Ok(());
    }
    key::reload(app).await
}

/// Checks a token's signature and claims. Whether it was denied since, the database knows.
fn signed(app: &App, token: &str, now: Time) -> Result<Arc<VerifiedToken>, Error> {
    app.keys
        .verify(token, &expected(app), now)
        .map(Arc::new)
        .map_err(|error| match error {
            TokenError::Invalid => invalid_token(),
            TokenError::Expired => expired_token(),
        })
}

/// Checks the period of a token that was verified before.
fn is_in_period(app: &App, verified: &VerifiedToken, now: Time) -> Result<(), Error> {
    let (begin, _) = verified.period();
    if begin > now.plus(app.settings.peek().clock_skew).seconds() {
        return Err(invalid_token());
    }
    if verified.is_expired(now) {
        return Err(expired_token());
    }
    Ok(())
}

/// Whether a state was put together of the settings that hold now; a reload replaces them.
fn is_made_of_settings(app: &App, state: &SessionState) -> bool {
    state.settings.is_made_of(&app.settings.peek().tenant)
}

/// Refuses a token that was denied; for one that is new where the state behind it is not.
pub(super) async fn is_not_denied(app: &App, jti: &str) -> Result<(), Error> {
    if is_denied(app, jti).await? {
        return Err(invalid_token());
    }
    Ok(())
}

/// Whether a token was denied by its id. The whole list is read where it changed since, and kept while
/// it is short.
async fn is_denied(app: &App, jti: &str) -> Result<bool, StoreError> {
    if app.cache.listed(jti) == Listed::Unread {
        // Taken before the read: a token that is denied meanwhile makes the list worthless.
        let ticket = app.cache.token_ticket();
        let page = PageRequest {
            limit: DENIED_LIMIT,
            after: None,
        };
        // All that are there, however old: the list means the same as the look-up below.
        let all = Time::from_millis(-1);
        let denied: Result<_, StoreError> = app.store.read(move |tx| tx.denials(all, &page)).await;
        let ids = denied?.into_iter().map(|(jti, _)| jti).collect();
        app.cache.put_denied(ticket, ids);
    }
    match app.cache.listed(jti) {
        Listed::Denied => Ok(true),
        Listed::Free => Ok(false),
        Listed::TooMany | Listed::Unread => {
            let jti = jti.to_owned();
            app.store.read(move |tx| tx.is_denied(&jti)).await
        }
    }
}

/// The state of the token's session, from the cache or the database. A token that is new here is
/// looked for among the denied ones, in the same snapshot if one is needed.
async fn state_of(
    app: &App,
    claims: &AccessClaims,
    is_new: bool,
) -> Result<Arc<SessionState>, Error> {
    let key = StateKey::of(claims);
    let cached = app.cache.state(&key);
    if let Some(state) = cached.filter(|state| is_made_of_settings(app, state)) {
        if is_new {
            is_not_denied(app, &claims.jti).await?;
        }
        return Ok(state);
    }
    let jti = is_new.then(|| claims.jti.clone());
    let shared = shared::state::look(app, &key).await;
    // Taken before the read: a change that commits meanwhile makes the entry worthless.
    let ticket = app.cache.ticket(&key);
    let (tenant_id, user_id, session_id) = (key.tenant, key.user, key.session);
    let base = Arc::clone(&app.settings().tenant);
    let found = app
        .store
        .read(move |tx| -> Result<_, StoreError> {
            if jti.map_or(Ok(false), |jti| tx.is_denied(&jti))? {
                return Ok(None);
            }
            let rows = tx.tenant(tenant_id);
            let user = rows.users().by_id(user_id)?;
            let session = rows.sessions().by_id(session_id)?;
            let Some((user, session)) = user.zip(session) else {
                return Ok(None);
            };
            let read = shared::state::read(tx, &shared, tenant_id, &user)?;
            Ok(read.map(|read| (user, session, read)))
        })
        .await
        .map_err(Error::from)?;
    let (user, session, read) = found.ok_or_else(invalid_token)?;
    if session.user_id != user.id {
        return Err(invalid_token());
    }
    shared::state::keep(app, &read);
    let shared::state::Read {
        tenant,
        own,
        access,
        ..
    } = read;
    let session = app.with_last_use(session);
    let state = Arc::new(SessionState::new(
        session,
        user.status,
        user.is_tenant_admin,
        app.cache.share(access),
        tenant,
        Effective::of_tenant(base, &own, |settings| app.cache.share_settings(settings)),
    ));
    app.cache.put_state(ticket, Arc::clone(&state));
    Ok(state)
}

/// Checks what becomes true by time alone at every hit (G20).
fn is_alive(app: &App, state: &SessionState, now: Time) -> Result<Standing, Error> {
    if let Some((_, reason)) = state.session.ended {
        return Err(ended(reason));
    }
    let limits = &state.settings.session_limits;
    if !state.session.is_alive(limits, state.last_active(), now) {
        return Err(ended(EndReason::Expired));
    }
    if state.user_status == UserStatus::Disabled {
        return Err(ended(EndReason::Revoked));
    }
    let standing = state.tenant.standing(now, app.settings.peek().expiry_grace);
    tenant_is_open(standing)?;
    Ok(standing)
}
