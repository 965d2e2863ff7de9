//! May this token do that: the decision behind the check endpoint, for users and service clients.

use std::sync::Arc;

use common::error::ErrorCode;
use domain::rights::{Access, Decision};

use crate::app::authenticate::{Proof, look, used};
use crate::app::{App, Error};

/// What a check asks for beside a live session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// All of these.
    pub all: Vec<String>,
    /// At least one of these, if there are any.
    pub any: Vec<String>,
}

/// Proves a token and what it may do. Whoever is behind it is active by that.
///
/// # Errors
/// Those of [`look`]; `unknown_permission` for one that is in no catalogue; `permission_denied`.
pub async fn check(app: &Arc<App>, token: &str, wanted: &Wanted) -> Result<Proof, Error> {
    let now = app.now();
    let proof = look(app, token, now).await?.proof;
    used(app, &proof.who, now);
    let access = proof.who.access();
    let mut allowed_all = true;
    let mut allowed_any = wanted.any.is_empty();
    for name in &wanted.all {
        allowed_all &= allows(access, name)?;
    }
    for name in &wanted.any {
        allowed_any |= allows(access, name)?;
    }
    if allowed_all && allowed_any {
        Ok(proof)
    } else {
        Err(Error::new(
            ErrorCode::PermissionDenied,
            "whoever the token is of does not hold the permission",
        ))
    }
}

fn allows(access: &Access, name: &str) -> Result<bool, Error> {
    match access.decide(name) {
        Decision::Allowed => Ok(true),
        Decision::Denied => Ok(false),
        Decision::Unknown => {
            tracing::warn!(permission = %common::text::visible(name), "check of an unknown permission");
            Err(Error::new(
                ErrorCode::UnknownPermission,
                "the permission is malformed or in no catalogue",
            ))
        }
    }
}
