//! Tokens of service clients (RFC 6749 4.4): short, of the client's own roles, and never renewed.

use std::time::Duration;

use common::secret::Secret;
use domain::role::RoleName;
use domain::token::ClientClaims;

use crate::app::tokens::audience;
use crate::app::{App, Error, ServiceCaller};

/// An access token of a service client.
#[derive(Debug)]
pub struct ClientToken {
    /// A JWT.
    pub token: Secret<String>,
    /// Time until it expires.
    pub expires_in: Duration,
}

/// Makes a token for a client that has proved itself.
///
/// # Errors
/// `internal` if a key or the random source fails: no token then.
pub fn issue(app: &App, caller: &ServiceCaller) -> Result<ClientToken, Error> {
    let now = app.now();
    let service = &caller.service;
    let ttl = service.token_ttl(now);
    let claims = ClientClaims {
        iss: app.settings().issuer.clone(),
        aud: audience(&caller.settings),
        sub: service.id,
        client_id: service.id,
        tid: caller.tenant.id,
        tenant: caller.tenant.slug.to_string(),
        jti: app.token_id()?,
        iat: now.seconds(),
        nbf: now.seconds(),
        exp: now.plus(ttl).seconds(),
        roles: service.roles.iter().map(RoleName::to_string).collect(),
        cgen: service.generation,
    };
    let token = app.keys.sign_client(&claims).map_err(Error::internal)?;
    Ok(ClientToken {
        token: Secret::new(token),
        expires_in: ttl,
    })
}
