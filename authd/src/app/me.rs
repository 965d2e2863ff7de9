//! The signed-in user's own account, to read.

use domain::user::User;

use crate::app::{App, Caller, Error};

/// The caller's own user.
///
/// # Errors
/// `not_found` if it was deleted this very moment; `unavailable`.
pub async fn show(app: &App, caller: &Caller) -> Result<User, Error> {
    let (tenant, user) = (caller.tenant_id, caller.user_id);
    app.store
        .read(move |tx| tx.tenant(tenant).users().by_id(user))
        .await
        .map_err(Error::from)?
        .ok_or_else(Error::not_found)
}
