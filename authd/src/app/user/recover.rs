//! `authd recover`: the way back in for somebody whom guesses of strangers, or a colleague, have locked
//! out, while no daemon runs. It enables nothing: whoever is disabled stays so.

use std::sync::Arc;

use common::call::UserRef;
use common::id::TenantId;
use domain::audit::AuditEntry;
use domain::mail::MailedToken;
use domain::setting::TenantSettings;
use domain::tenant::Tenant;
use domain::user::{User, UserStatus};
use serde_json::{Value, json};
use store::{StoreError, WriteTx};

use crate::app::audit::append;
use crate::app::tenant::effective;
use crate::app::{Error, names};
use crate::crypto::KeyRing;

/// What was found, and what was done.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// The tenant.
    pub tenant: Tenant,
    /// The user.
    pub user: User,
    /// Whether failures were counted, or their lock stood.
    pub had_failures: bool,
    /// Whether a lock by hand stood.
    pub was_locked_by_hand: bool,
    /// Where the link for a new password leads.
    pub page: String,
}

impl Recovered {
    /// Whether signing in is refused all the same.
    pub fn is_disabled(&self) -> bool {
        self.user.status == UserStatus::Disabled
    }
}

/// Empties a user's counter and ends its locks, and writes that down whether there was one or not:
/// somebody has used the strongest door. Keeps the token of a link for a new password too, unless the
/// user is disabled. What was drawn beforehand is in `link` and `entry`; `base` is the installation's.
///
/// # Errors
/// Those of [`names::user`], and of the store.
pub fn recover(
    tx: &dyn WriteTx,
    (keys, base): (&KeyRing, &Arc<TenantSettings>),
    reference: &UserRef,
    link: &MailedToken,
    entry: &AuditEntry,
) -> Result<Recovered, Error> {
    let found = names::user(tx, reference)?;
    if found.user.status != UserStatus::Disabled {
        let token = MailedToken {
            user_id: found.user.id,
            ..*link
        };
        tx.tenant_mut(found.tenant.id)
            .mailed_tokens_mut()
            .put(&token)?;
    }
    let page = page(base, tx, found.tenant.id)?;
    let counters = tx.counters_mut();
    let had_failures = counters.clear(&found.user.subject)?;
    let was_locked_by_hand = counters.clear_manual(&found.user.subject)?;
    let entry = AuditEntry {
        tenant_id: Some(found.tenant.id),
        action: "user.recover".to_owned(),
        object: found.user.id.to_string(),
        payload: json!({
            "before": { "failures": had_failures, "locked_by_hand": was_locked_by_hand },
            "after": { "link_printed": found.user.status != UserStatus::Disabled },
            "reason": Value::Null,
        }),
        ..entry.clone()
    };
    append(tx, keys, &entry)?;
    Ok(Recovered {
        tenant: found.tenant,
        user: found.user,
        had_failures,
        was_locked_by_hand,
        page,
    })
}

/// The tenant's page for a new password. A setting that cannot be read closes the tenant, but not the
/// way back in.
fn page(
    base: &Arc<TenantSettings>,
    tx: &dyn WriteTx,
    tenant: TenantId,
) -> Result<String, StoreError> {
    match effective::read(Arc::clone(base), tx, tenant) {
        Ok(settings) => Ok(settings.pages.reset.clone()),
        Err(StoreError::Damaged { .. }) => Ok(base.pages.reset.clone()),
        Err(error) => Err(error),
    }
}
