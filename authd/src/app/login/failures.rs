//! Whether a right password came after so many wrong ones that its owner should hear of it (ASVS
//! 6.3.5). Asked of successes alone, in their settling transaction: no refusal takes longer by it.

use domain::attempt::failures_since;
use domain::mail::FAILURES_TO_TELL;
use domain::user::{Credential, User};
use store::{StoreError, TenantWrite};

/// Rows of the log that are looked at: enough for the failures of some hours, of which locked tries
/// take one row each.
const ROWS: u32 = 32;

/// Whether the user's wrong passwords since the last sign-in, or since this password was set, are to
/// be told.
pub(super) fn are_to_tell(
    rows: &dyn TenantWrite,
    user: &User,
    credential: &Credential,
) -> Result<bool, StoreError> {
    let tallies = rows.attempts().tallies_of(user.id, ROWS)?;
    let since = user.last_login_at.max(Some(credential.changed_at));
    Ok(failures_since(&tallies, since) >= FAILURES_TO_TELL)
}
