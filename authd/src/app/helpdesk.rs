//! What `helpdesk.sock` reaches: users who need help, and never `system` or somebody who may do everything
//! in a tenant. Names are found as the operator's are, without a word about other people's.

use common::call::UserRef;
use common::error::ErrorCode;
use common::id::{TenantId, UserId};
use domain::tenant::Tenant;
use domain::user::User;
use store::{ReadTx, StoreError};

use crate::app::names::{self, Found, Subject};
use crate::app::{By, Error, Reach, Sight, access};

/// Finds a user to be helped.
///
/// # Errors
/// `not_found` and `validation_failed` as [`names::user`], without the nearest address;
/// `permission_denied` for who is out of reach.
pub fn user(tx: &dyn ReadTx, reference: &UserRef) -> Result<Found, Error> {
    let found = names::user(tx, reference).map_err(unsuggested)?;
    may_act_on(tx, &found.tenant, Some(&found.user))?;
    Ok(found)
}

/// Finds a name that can be locked, with a tenant also an address that no user has.
///
/// # Errors
/// As [`user`].
pub fn subject(tx: &dyn ReadTx, reference: &UserRef) -> Result<Subject, Error> {
    let subject = names::subject(tx, reference).map_err(unsuggested)?;
    match &subject {
        Subject::Known(found) => may_act_on(tx, &found.tenant, Some(&found.user))?,
        Subject::Unknown { tenant, .. } => may_act_on(tx, tenant, None)?,
    }
    Ok(subject)
}

/// The nearest name is somebody else's address, and names of tenants tell where somebody has an account:
/// this socket shows neither.
fn unsuggested(error: Error) -> Error {
    if error.code == ErrorCode::NotFound {
        return error.with_hint("List: authctl user list");
    }
    // Neither is said in which tenants an address is: one of them may be `system`.
    if error.fields.iter().any(|field| field.code == "ambiguous") {
        let why = "exists in several tenants: say which one by -t TENANT";
        return Error::field("/user", "ambiguous", why);
    }
    error
}

/// Refuses an act within `system`, and one on somebody who may do everything in a tenant.
///
/// # Errors
/// `permission_denied`; those of the store.
pub fn may_act_on(tx: &dyn ReadTx, tenant: &Tenant, user: Option<&User>) -> Result<(), Error> {
    if !is_out_of_reach(tx, tenant, user)? {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::PermissionDenied,
        "the helpdesk does not reach tenant system, nor administrators of a tenant",
    )
    .with_hint("Use sudo, or ask a member of authd-admin."))
}

fn is_out_of_reach(
    tx: &dyn ReadTx,
    tenant: &Tenant,
    user: Option<&User>,
) -> Result<bool, StoreError> {
    if tenant.slug.is_system() {
        return Ok(true);
    }
    user.map_or(Ok(false), |user| {
        Ok(access::rights(tx, tenant, user)?.has_all())
    })
}

/// Whether a row of a list is about what is out of reach, and so is left out of it. What cannot be
/// read is left out, too.
pub fn hides(
    tx: &dyn ReadTx,
    reach: Reach,
    tenant: Option<TenantId>,
    user: Option<UserId>,
) -> bool {
    let look = || -> Result<bool, StoreError> {
        let Some(id) = tenant else {
            return Ok(false);
        };
        let Some(tenant) = tx.tenants().by_id(id)? else {
            return Ok(false);
        };
        let user = match user {
            Some(user) => tx.tenant(id).users().by_id(user)?,
            None => None,
        };
        is_out_of_reach(tx, &tenant, user.as_ref())
    };
    reach == Reach::Shielded && look().unwrap_or(true)
}

/// Refuses what only the socket without limits does, though the call is carried.
///
/// # Errors
/// `permission_denied`.
pub fn refuse(by: By<'_>, what: &str) -> Result<(), Error> {
    if by.reach() != Reach::Shielded {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::PermissionDenied,
        format!("{what} needs the admin channel; this is helpdesk.sock"),
    )
    .with_hint("Use sudo, or ask a member of authd-admin."))
}

/// How an answer calls a user: by the address, or by the id where no address is shown.
pub fn naming(by: By<'_>) -> impl Fn(&User) -> String + Send + 'static {
    let by_id = by.administrator().is_none() && !Sight::of(by).names_users();
    move |user| {
        if by_id {
            user.id.to_string()
        } else {
            user.email.to_string()
        }
    }
}

/// What an answer calls a user.
pub fn name_of(by: By<'_>, user: &User) -> String {
    naming(by)(user)
}
