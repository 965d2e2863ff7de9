//! What a sign-in or a refresh hands out, and how the tokens in it are made.

use std::collections::BTreeMap;
use std::time::Duration;

use common::secret::Secret;
use common::time::Time;
use domain::session::Session;
use domain::setting::TenantSettings;
use domain::tenant::Tenant;
use domain::token::{
    AccessClaims, Audience, PASSWORD_CHANGE_SECONDS, PasswordChangeClaims, ShowingClaims,
};
use domain::user::User;
use store::{ReadTx, StoreError};

use crate::app::{App, Error, access};

/// Bytes of a token's id.
pub const TOKEN_ID_BYTES: usize = 16;
/// `client_id` of tokens that the daemon's own sign-in makes (RFC 9068 2.2).
pub const FIRST_PARTY_CLIENT: &str = "authd";

/// Whose tokens are made.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The session, alive.
    pub session: &'a Session,
    /// Its tenant.
    pub tenant: &'a Tenant,
    /// What holds for that tenant.
    pub settings: &'a TenantSettings,
    /// Names of the permissions that the token shows, from [`shown_permissions`].
    pub permissions: Option<&'a [String]>,
}

/// A refresh token and its life.
#[derive(Debug)]
pub struct IssuedRefresh {
    /// The token.
    pub token: Secret<String>,
    /// Time until it expires if it is not used.
    pub expires_in: Duration,
}

/// What a sign-in or a refresh hands out.
#[derive(Debug)]
pub struct SignedIn {
    /// A JWT.
    pub access_token: Secret<String>,
    /// Time until it expires.
    pub expires_in: Duration,
    /// None with a password that must be changed.
    pub refresh: Option<IssuedRefresh>,
    /// None with a password that must be changed.
    pub session: Option<Session>,
    /// A secret for a device that brought none.
    pub device_secret: Option<Secret<String>>,
    /// The user.
    pub user: User,
    /// Sessions that this sign-in ended.
    pub ended_sessions: Vec<Session>,
    /// Whether the password is good for changing it only.
    pub password_change_required: bool,
}

impl App {
    /// Makes the pair of tokens of a live session at `now`; `token_id` comes from [`App::token_id`].
    ///
    /// # Errors
    /// `internal` if a key fails: no token then.
    pub fn issue(
        &self,
        owner: &Owner<'_>,
        user: User,
        token_id: String,
        now: Time,
    ) -> Result<SignedIn, Error> {
        let Owner {
            session,
            tenant,
            settings,
            permissions,
        } = *owner;
        let expires_at = session.expires_at(&settings.session_limits, now);
        let ttl = settings.access_ttl;
        let claims = AccessClaims {
            iss: self.settings().issuer.clone(),
            aud: audience(settings),
            sub: user.id,
            client_id: FIRST_PARTY_CLIENT.to_owned(),
            tid: tenant.id,
            tenant: tenant.slug.to_string(),
            sid: session.id,
            jti: token_id,
            iat: now.seconds(),
            nbf: now.seconds(),
            exp: now.plus(ttl).seconds(),
            auth_time: session.auth_time.seconds(),
            roles: user.roles.iter().map(ToString::to_string).collect(),
            adm: user.is_tenant_admin,
            ext: references(settings, &user),
        };
        let signed = match permissions {
            Some(names) => {
                let showing = ShowingClaims::new(&claims, names.to_vec());
                self.keys.sign_showing(&showing)
            }
            None => self.keys.sign_access(&claims),
        };
        let access_token = signed.map_err(Error::internal)?;
        let refresh = self
            .keys
            .refresh_token(session, session.generation)
            .map_err(Error::internal)?;
        Ok(SignedIn {
            access_token: Secret::new(access_token),
            expires_in: ttl,
            refresh: Some(IssuedRefresh {
                token: refresh,
                expires_in: expires_at.since(now),
            }),
            session: Some(session.clone()),
            device_secret: None,
            user,
            ended_sessions: Vec::new(),
            password_change_required: false,
        })
    }

    /// Makes the token that is good for changing a password only.
    ///
    /// # Errors
    /// `internal` if a key fails.
    pub fn issue_password_change(
        &self,
        user: User,
        credential_version: u64,
        token_id: String,
        now: Time,
    ) -> Result<SignedIn, Error> {
        let settings = self.settings();
        let claims = PasswordChangeClaims {
            iss: settings.issuer.clone(),
            aud: settings.password_change_audience(),
            sub: user.id,
            tid: user.tenant_id,
            jti: token_id,
            iat: now.seconds(),
            nbf: now.seconds(),
            exp: now.seconds().saturating_add(PASSWORD_CHANGE_SECONDS),
            cver: credential_version,
        };
        let token = self
            .keys
            .sign_password_change(&claims)
            .map_err(Error::internal)?;
        Ok(SignedIn {
            access_token: Secret::new(token),
            expires_in: Duration::from_secs(PASSWORD_CHANGE_SECONDS.unsigned_abs()),
            refresh: None,
            session: None,
            device_secret: None,
            user,
            ended_sessions: Vec::new(),
            password_change_required: true,
        })
    }

    /// A token's id: 128 random bits, no meaning. It is drawn before the write that earns the token,
    /// so that a random source that fails leaves nothing behind (G8).
    ///
    /// # Errors
    /// `internal` if the random source fails.
    pub fn token_id(&self) -> Result<String, Error> {
        let random: [u8; TOKEN_ID_BYTES] = self.random_bytes()?;
        Ok(data_encoding::BASE64URL_NOPAD.encode(&random))
    }
}

/// The permissions that a user's token shows, as the write sees them that earns it; none where the
/// tenant's tokens show none.
///
/// # Errors
/// Those of the store.
pub fn shown_permissions(
    tx: &dyn ReadTx,
    tenant: &Tenant,
    user: &User,
    settings: &TenantSettings,
) -> Result<Option<Vec<String>>, StoreError> {
    if !settings.claimed_permissions {
        return Ok(None);
    }
    access::rights(tx, tenant, user).map(|rights| Some(rights.names()))
}

/// The references that the tenant's tokens show, of those that the user carries.
fn references(settings: &TenantSettings, user: &User) -> BTreeMap<String, String> {
    let is_shown = |name: &String| {
        settings.claimed_references.contains(name) && settings.reference_names.contains(name)
    };
    let own = user.external_refs.iter();
    own.filter(|(name, _)| is_shown(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

pub(super) fn audience(settings: &TenantSettings) -> Audience {
    match settings.audience.as_slice() {
        [one] => Audience::One(one.clone()),
        many => Audience::Many(many.to_vec()),
    }
}
