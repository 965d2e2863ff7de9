//! Telling a service about a token (RFC 7662). Whatever is not good, and whatever is not of its own
//! tenant, is nothing but inactive; looking at a token makes nobody active.

use std::sync::Arc;

use domain::client::ClientScope;
use domain::token::{AccessClaims, ClientClaims};

use crate::app::authenticate::{Looked, Who, look};
use crate::app::{App, Error, ServiceCaller};
use crate::crypto::VerifiedToken;

/// A token that is good.
#[derive(Debug, Clone)]
pub struct Active {
    /// What it says.
    pub token: Arc<VerifiedToken>,
    /// Roles of whoever stands behind it, as they are now.
    pub roles: Vec<String>,
    /// Whether that is a user who may do everything within the tenant, as it is now.
    pub is_tenant_admin: bool,
}

impl Active {
    /// The claims of a user's token.
    pub fn user(&self) -> Option<&AccessClaims> {
        match self.token.as_ref() {
            VerifiedToken::Access(claims) => Some(claims),
            _ => None,
        }
    }

    /// The claims of a service client's token.
    pub fn client(&self) -> Option<&ClientClaims> {
        match self.token.as_ref() {
            VerifiedToken::Client(claims) => Some(claims),
            _ => None,
        }
    }
}

/// Looks at a token for a client; none if it is not active, for whatever reason.
///
/// # Errors
/// `permission_denied` without the scope; `unavailable`: nothing is known of the token then.
pub async fn introspect(
    app: &App,
    caller: &ServiceCaller,
    token: &str,
) -> Result<Option<Active>, Error> {
    caller.may(ClientScope::Introspect)?;
    let looked = match look(app, token, app.now()).await {
        Ok(looked) => looked,
        // What cannot be known is no answer; what is refused is the one answer.
        Err(error) if error.code.status() >= 500 => return Err(error),
        Err(_) => return Ok(None),
    };
    if looked.token.tenant() != caller.tenant.id {
        return Ok(None);
    }
    Ok(Some(active(looked)))
}

fn active(looked: Looked) -> Active {
    let who = &looked.proof.who;
    let is_tenant_admin = match who {
        Who::User(state) => state.is_tenant_admin,
        Who::Client(_) => false,
    };
    let roles = &who.access().roles;
    Active {
        roles: roles.iter().map(ToString::to_string).collect(),
        is_tenant_admin,
        token: looked.token,
    }
}
