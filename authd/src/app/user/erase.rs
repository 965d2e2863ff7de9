//! Erasing a person from the log of attempts and the audit log, in parts that hold the writer for a
//! moment each. A part is done for good: who is cut off begins again and finds less to do.

use std::sync::Arc;

use common::id::{AttemptId, TenantId, UserId};
use store::{Claim, Priority, StoreError, WriteTx};

use crate::app::{App, Error};

/// Rows that one part looks at.
const PART: u32 = 500;

/// How far an erasure is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Erased {
    attempt: Option<AttemptId>,
    audit: u64,
}

impl Erased {
    /// Goes on by one part; false when nothing is left.
    pub(super) fn advance(
        &mut self,
        tx: &dyn WriteTx,
        tenant: TenantId,
        user: UserId,
    ) -> Result<bool, StoreError> {
        let rows = tx.housekeeping();
        if let Some(last) = rows.erase_attempts(tenant, user, self.attempt, PART)? {
            self.attempt = Some(last);
            return Ok(true);
        }
        match rows.erase_audit(tenant, &user.to_string(), self.audit, PART)? {
            Some(last) => self.audit = last,
            None => return Ok(false),
        }
        Ok(true)
    }
}

/// Erases all that there is by now.
///
/// # Errors
/// Those of the store.
pub(super) async fn erase(app: &Arc<App>, tenant: TenantId, user: UserId) -> Result<Erased, Error> {
    let mut erased = Erased::default();
    loop {
        let part = move |tx: &dyn WriteTx| -> Result<(Erased, bool), StoreError> {
            let mut then = erased;
            let goes_on = then.advance(tx, tenant, user)?;
            Ok((then, goes_on))
        };
        let (then, goes_on) = app
            .store
            .write(Priority::Normal, Claim::detached(), part)
            .await?;
        erased = then;
        if !goes_on {
            return Ok(erased);
        }
    }
}
