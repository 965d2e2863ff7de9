//! The audit row of a change: drawn before the write, appended within it (rule 30). Every change
//! leaves exactly one row in the chain of its tenant; what changed nothing leaves none.
//!
//! A tenant's chain begins with its own `tenant.create`, so that an emptied chain shows. The
//! installation's chain is for acts that belong to no tenant.

mod beginning;
mod export;
mod heads;
mod list;
mod told;
mod verify;

use std::sync::Arc;

use common::call::Change;
use common::error::ErrorCode;
use common::id::AuditId;
use common::text;
use common::time::Time;
use domain::audit::{Actor, AuditEntry, AuditRow, digest_input};
use domain::tenant::Tenant;
use serde_json::{Value, json};
use store::{Claim, Priority, StoreError, WriteTx};

pub use beginning::{BEGINNING, begin};
pub use export::export;
pub use heads::{LoggedHeads, log_heads};
pub(in crate::app) use list::who;
pub use list::{list, show};
pub use told::event_views;
pub use verify::{broken_chains, mark, verify};

use crate::app::context::{Administrator, By};
use crate::app::permit::Permit;
use crate::app::{App, Error, Reach};
use crate::crypto::{self, KeyRing};

/// Longest reason for a change, in code points.
pub const REASON_LIMIT: usize = 500;

/// What an audit row needs beside the change itself. Drawn once, before the write, so that a
/// repeated closure writes the same row.
#[derive(Clone)]
pub struct Record {
    id: AuditId,
    at: Time,
    salt: [u8; 16],
    actor: Actor,
    reason: Option<String>,
    keys: Arc<KeyRing>,
    claim: Claim,
    administrator: Option<Arc<Administrator>>,
    reach: Reach,
}

/// A change, by its name and its object.
#[derive(Debug, Clone)]
pub struct Act {
    /// Stable name, such as `user.disable`.
    pub action: &'static str,
    /// The tenant whose chain tells it.
    pub tenant: Tenant,
    /// The object's id.
    pub object: String,
    /// The object as people call it.
    pub subject: String,
}

/// A change of something that may belong to no tenant, such as a system role.
#[derive(Debug, Clone)]
pub struct WideAct {
    /// Stable name, such as `role.delete`.
    pub action: &'static str,
    /// The tenant whose chain tells it; none for the installation's.
    pub tenant: Option<Tenant>,
    /// The object's id.
    pub object: String,
    /// The object as people call it.
    pub subject: String,
}

impl Act {
    /// Answer where the object already was as asked.
    pub fn unchanged(&self) -> Change {
        self.wide().unchanged()
    }

    pub(super) fn wide(&self) -> WideAct {
        WideAct {
            action: self.action,
            tenant: Some(self.tenant.clone()),
            object: self.object.clone(),
            subject: self.subject.clone(),
        }
    }
}

impl WideAct {
    /// Answer where the object already was as asked.
    pub fn unchanged(&self) -> Change {
        Change {
            action: self.action.to_owned(),
            changed: false,
            dry_run: false,
            id: Some(self.object.clone()),
            tenant: self.tenant.as_ref().map(|tenant| tenant.slug.to_string()),
            audit_id: None,
            subject: self.subject.clone(),
            sessions_ended: 0,
            blast: None,
            notes: Vec::new(),
            generated_password: None,
            client_secret: None,
            link: None,
            expires_at: None,
        }
    }
}

impl Record {
    /// Draws what a row needs, and checks the reason.
    ///
    /// # Errors
    /// `validation_failed` for a reason that is no text, `internal` without random bytes.
    pub fn draw<'b>(
        app: &App,
        by: impl Into<By<'b>>,
        now: Time,
        reason: Option<&str>,
    ) -> Result<Self, Error> {
        let by = by.into();
        let reason = reason
            .map(|reason| text::sanitize(reason, REASON_LIMIT))
            .transpose()
            .map_err(|error| Error::field("/reason", "invalid_text", error.to_string()))?;
        Ok(Self {
            id: app.new_id(now)?,
            at: now,
            salt: app.random_bytes()?,
            actor: by.actor(),
            reason,
            keys: Arc::clone(&app.keys),
            claim: by.claim(),
            administrator: by.administrator().cloned().map(Arc::new),
            reach: by.reach(),
        })
    }

    /// The same for what the daemon does by itself.
    ///
    /// # Errors
    /// `internal` without random bytes.
    pub fn of_daemon(app: &App, now: Time) -> Result<Self, Error> {
        Ok(Self {
            id: app.new_id(now)?,
            at: now,
            salt: app.random_bytes()?,
            actor: Actor {
                channel: "daemon".to_owned(),
                ..Actor::default()
            },
            reason: None,
            keys: Arc::clone(&app.keys),
            claim: Claim::detached(),
            administrator: None,
            reach: Reach::Everywhere,
        })
    }

    /// Runs a change in one write transaction, with the leave of whoever makes it: the way for all
    /// changes that more than the operator may make. The row is appended by [`Permit::append`].
    ///
    /// # Errors
    /// Those of the reading of the [`Permit`] and of `work`.
    pub async fn write<T: Send + 'static>(
        self,
        app: &App,
        work: impl Fn(&dyn WriteTx, &Permit<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let claim = self.claim.clone();
        let grace = app.settings().expiry_grace;
        app.store
            .write(Priority::Urgent, claim, move |tx| {
                let permit = Permit::read(tx, &self, grace)?;
                work(tx, &permit)
            })
            .await
    }

    /// The same in a write of its own that is undone: whether the change would be let through.
    pub(super) fn rehearsing(self) -> Self {
        Self {
            claim: Claim::detached().rehearsing(),
            ..self
        }
    }

    /// The same in a write of its own, beside that of the request.
    pub(super) fn detached(self) -> Self {
        Self {
            claim: Claim::detached(),
            ..self
        }
    }

    /// When the change is made.
    pub const fn at(&self) -> Time {
        self.at
    }

    /// Whether it is the helpdesk's, which does not reach everybody.
    pub(super) fn is_shielded(&self) -> bool {
        self.reach == Reach::Shielded
    }

    pub(super) fn administrator(&self) -> Option<&Administrator> {
        self.administrator.as_deref()
    }

    /// Appends the row of an operator's or the daemon's change to its transaction. `before` and
    /// `after` hold no secret.
    ///
    /// # Errors
    /// `internal` for an administrator and the helpdesk, whose changes go through [`Record::write`]; those of the
    /// store.
    pub fn append(
        &self,
        tx: &dyn WriteTx,
        act: &Act,
        before: &Value,
        after: &Value,
    ) -> Result<Change, Error> {
        self.append_wide(tx, &act.wide(), before, after)
    }

    /// The same for what may belong to no tenant.
    ///
    /// # Errors
    /// As [`Record::append`].
    pub fn append_wide(
        &self,
        tx: &dyn WriteTx,
        act: &WideAct,
        before: &Value,
        after: &Value,
    ) -> Result<Change, Error> {
        if self.administrator.is_some() {
            return Err(Error::internal("a change without a permit"));
        }
        if self.is_shielded() {
            return Err(Error::internal("a change of the helpdesk without a permit"));
        }
        self.append_permitted(tx, act, before, after)
    }

    pub(super) fn append_permitted(
        &self,
        tx: &dyn WriteTx,
        act: &WideAct,
        before: &Value,
        after: &Value,
    ) -> Result<Change, Error> {
        let chain = act.tenant.as_ref().map(|tenant| tenant.id);
        let mut actor = self.actor.clone();
        // Whose user or client it was, wherever the chain is not that tenant's own.
        if let Some(administrator) = self.administrator() {
            let home = Some(administrator.agent.tenant_id());
            actor.tenant_id = home.filter(|_| home != chain);
        }
        let entry = AuditEntry {
            id: self.id,
            at: self.at,
            tenant_id: chain,
            actor,
            action: act.action.to_owned(),
            object: act.object.clone(),
            payload: json!({"before": before, "after": after, "reason": self.reason}),
            salt: self.salt,
        };
        let row = append(tx, &self.keys, &entry)?;
        Ok(Change {
            changed: true,
            audit_id: Some(row.entry.id),
            ..act.unchanged()
        })
    }
}

/// Puts an entry at the end of its chain.
///
/// # Errors
/// Those of the store.
pub fn append(
    tx: &dyn WriteTx,
    keys: &KeyRing,
    entry: &AuditEntry,
) -> Result<AuditRow, StoreError> {
    let digest = crypto::sha256(&digest_input(entry));
    tx.audit_mut()
        .append(entry, digest, &|bytes| keys.seal(bytes))
}

/// The refusal of a change whose ground moved while the slow part of it ran (G16).
pub fn moved() -> Error {
    Error::new(
        ErrorCode::Conflict,
        "it was changed by someone else meanwhile; nothing was done",
    )
}
