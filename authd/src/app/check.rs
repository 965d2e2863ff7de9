//! May this token do that: the decision behind the check endpoint.

use std::sync::Arc;

use common::error::ErrorCode;
use domain::rights::Decision;

use crate::app::authenticate::{Proof, authenticate};
use crate::app::{App, Client, Error};

/// What a check asks for beside a live session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// All of these.
    pub all: Vec<String>,
    /// At least one of these, if there are any.
    pub any: Vec<String>,
}

/// Proves a token and what it may do.
///
/// # Errors
/// Those of [`authenticate`]; `unknown_permission` for one that is in no catalogue;
/// `permission_denied`.
pub async fn check(
    app: &Arc<App>,
    client: Client,
    token: &str,
    wanted: &Wanted,
) -> Result<Proof, Error> {
    let proof = authenticate(app, client, token).await?.proof;
    if wanted.all.is_empty() && wanted.any.is_empty() {
        return Ok(proof);
    }
    let mut allowed_all = true;
    let mut allowed_any = wanted.any.is_empty();
    for name in &wanted.all {
        allowed_all &= allows(&proof, name)?;
    }
    for name in &wanted.any {
        allowed_any |= allows(&proof, name)?;
    }
    if allowed_all && allowed_any {
        Ok(proof)
    } else {
        Err(Error::new(
            ErrorCode::PermissionDenied,
            "the user does not hold the permission",
        ))
    }
}

fn allows(proof: &Proof, name: &str) -> Result<bool, Error> {
    match proof.state.access.decide(name) {
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
