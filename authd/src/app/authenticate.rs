//! Who sends a request: from a bearer token to a caller whose session is alive now (rule 11).
//! The hot path: with warm caches it touches no disk.

use std::sync::Arc;

use common::error::ErrorCode;
use common::time::Time;
use common::view::UserStatus;
use domain::session::EndReason;
use domain::setting::Effective;
use domain::tenant::Standing;
use domain::token::{AccessClaims, Audience, PasswordChangeClaims};
use store::StoreError;

use crate::app::{App, Caller, Client, Error, access, client};
use crate::cache::{ClientState, SessionState, StateKey};
use crate::crypto::{self, Expected, TokenError, VerifiedToken};

/// A caller, and what the check endpoint shows of it.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The caller.
    pub caller: Caller,
    /// Session, user and tenant as they are now.
    pub state: Arc<SessionState>,
    /// Whether the tenant's grace runs.
    pub standing: Standing,
    /// When the token expires.
    pub expires_at: Time,
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

/// A token that is good now, and who stands behind it.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A user's session.
    User(Arc<SessionState>),
    /// A service client.
    Client(Arc<ClientState>),
}

/// What looking at a token gives; nobody counts as active by it.
#[derive(Debug, Clone)]
pub struct Looked {
    /// What the token says.
    pub token: Arc<VerifiedToken>,
    /// Who stands behind it.
    pub proof: Proof,
    /// Whether the tenant's grace runs.
    pub standing: Standing,
}

impl Looked {
    /// When the token expires.
    pub fn expires_at(&self) -> Time {
        let (_, exp) = self.token.period();
        Time::from_millis(exp.saturating_mul(1000))
    }
}

/// Proves a token, whoever's it is.
///
/// # Errors
/// Those of [`authenticate`] but `permission_denied`.
pub async fn look(app: &App, token: &str, now: Time) -> Result<Looked, Error> {
    let token = verify(app, token, now).await?;
    let (proof, standing) = match token.as_ref() {
        VerifiedToken::Access(claims) => {
            let state = state_of(app, claims).await?;
            is_for(&claims.aud, &state.settings)?;
            let standing = is_alive(app, &state, now)?;
            (Proof::User(state), standing)
        }
        VerifiedToken::Client(claims) => {
            let state = client::state_of(app, claims).await?;
            is_for(&claims.aud, &state.settings)?;
            let standing = client::is_alive(app, &state, claims, now)?;
            (Proof::Client(state), standing)
        }
        VerifiedToken::PasswordChange(_) => {
            return Err(Error::new(
                ErrorCode::PasswordChangeRequired,
                "this token is good for changing the password only",
            ));
        }
    };
    Ok(Looked {
        token,
        proof,
        standing,
    })
}

/// Whom the token may be for says its tenant, as it is now.
fn is_for(audience: &Audience, settings: &Effective) -> Result<(), Error> {
    if audience.names_one_of(&settings.audience) {
        return Ok(());
    }
    Err(invalid_token())
}

/// Proves a bearer token and its session.
///
/// # Errors
/// `invalid_token`, `token_expired`, `session_expired`, `session_revoked`, `session_superseded`,
/// `password_change_required`, `tenant_suspended`, `subscription_ended`, `unavailable`;
/// `permission_denied` for a token of a service client, which is no user.
pub async fn authenticate(app: &App, client: Client, token: &str) -> Result<Checked, Error> {
    let now = app.now();
    let looked = look(app, token, now).await?;
    user_of(app, client, &looked, now).ok_or_else(|| {
        Error::new(
            ErrorCode::PermissionDenied,
            "a service client is no user, and has neither account nor sessions",
        )
    })
}

/// The caller behind a token that was looked at, who is active by it; none for a service client.
pub(super) fn user_of(app: &App, client: Client, looked: &Looked, now: Time) -> Option<Checked> {
    let (Proof::User(state), VerifiedToken::Access(claims)) =
        (&looked.proof, looked.token.as_ref())
    else {
        return None;
    };
    let state = Arc::clone(state);
    state.touched(now);
    app.activity.touch(claims.tid, claims.sid, now);
    let caller = Caller {
        client,
        user_id: claims.sub,
        tenant_id: claims.tid,
        session_id: claims.sid,
        auth_time: state.session.auth_time,
        is_tenant_admin: state.is_tenant_admin,
        access: Arc::clone(&state.access),
    };
    Some(Checked {
        caller,
        state,
        standing: looked.standing,
        expires_at: looked.expires_at(),
    })
}

/// Proves a token that is good for changing a password only.
///
/// # Errors
/// `invalid_token` for every other kind, `token_expired`.
pub async fn password_change_claims(
    app: &App,
    token: &str,
) -> Result<Option<PasswordChangeClaims>, Error> {
    match verify(app, token, app.now()).await?.as_ref() {
        VerifiedToken::PasswordChange(claims) => Ok(Some(claims.clone())),
        VerifiedToken::Access(_) | VerifiedToken::Client(_) => Ok(None),
    }
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

async fn verify(app: &App, token: &str, now: Time) -> Result<Arc<VerifiedToken>, Error> {
    let hash = crypto::sha256(token.as_bytes());
    if let Some(verified) = app.cache.token(&hash) {
        let (begin, _) = verified.period();
        if begin > now.plus(app.settings.peek().clock_skew).seconds() {
            return Err(invalid_token());
        }
        if verified.is_expired(now) {
            return Err(expired_token());
        }
        return Ok(verified);
    }
    // Taken before the check: a key or a token that ends meanwhile makes the entry worthless.
    let ticket = app.cache.token_ticket();
    let verified = app
        .keys
        .verify(token, &expected(app), now)
        .map_err(|error| match error {
            TokenError::Invalid => invalid_token(),
            TokenError::Expired => expired_token(),
        })?;
    // A token for changing a password is looked up by the change itself.
    if !matches!(verified, VerifiedToken::PasswordChange(_)) {
        let jti = verified.id().to_owned();
        let denied: Result<bool, StoreError> = app.store.read(move |tx| tx.is_denied(&jti)).await;
        if denied? {
            return Err(invalid_token());
        }
    }
    let verified = Arc::new(verified);
    app.cache.put_token(ticket, hash, Arc::clone(&verified));
    Ok(verified)
}

/// The state of the token's session, from the cache or the database.
async fn state_of(app: &App, claims: &AccessClaims) -> Result<Arc<SessionState>, Error> {
    let key = StateKey {
        tenant: claims.tid,
        user: claims.sub,
        session: claims.sid,
    };
    if let Some(state) = app.cache.state(&key)
        // Made of what a reload has replaced since: the tenant's settings are put together anew.
        && state.settings.is_made_of(&app.settings.peek().tenant)
    {
        return Ok(state);
    }
    // Taken before the read: a change that commits meanwhile makes the entry worthless.
    let ticket = app.cache.ticket(&key);
    let (tenant_id, user_id, session_id) = (key.tenant, key.user, key.session);
    let base = Arc::clone(&app.settings().tenant);
    let found = app
        .store
        .read(move |tx| -> Result<_, StoreError> {
            let rows = tx.tenant(tenant_id);
            let tenant = tx.tenants().by_id(tenant_id)?;
            let user = rows.users().by_id(user_id)?;
            let session = rows.sessions().by_id(session_id)?;
            let Some(((tenant, user), session)) = tenant.zip(user).zip(session) else {
                return Ok(None);
            };
            let access = access::of(tx, &tenant, &user)?;
            let own = rows.settings().all()?;
            Ok(Some((tenant, user, session, access, own)))
        })
        .await
        .map_err(Error::from)?;
    let (tenant, user, session, access, own) = found.ok_or_else(invalid_token)?;
    if session.user_id != user.id {
        return Err(invalid_token());
    }
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
