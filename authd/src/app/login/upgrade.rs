//! A new hash for an old one, when the login has shown the password: parameters were raised, or a
//! pepper was added (rule 26). Nobody waits for it, and a password that changes meanwhile stands.

use std::sync::Arc;

use common::id::{TenantId, UserId};
use domain::password::Password;
use store::{Claim, Priority, StoreError};

use super::Try;
use super::known::Known;
use crate::app::{App, Error};
use crate::crypto::{HashError, Lane, Place};

/// A hash to be made anew.
pub(super) struct Upgrade {
    tenant: TenantId,
    user: UserId,
    /// Version of the password that was shown.
    version: u64,
    password: Password,
}

impl Upgrade {
    /// What is to be done for a try whose password was right, if anything.
    pub(super) fn of(app: &App, attempt: &Try, known: &Known) -> Option<Self> {
        let user = known.user.as_ref()?;
        let credential = known.credential.as_ref()?;
        app.pool.is_behind(&credential.hash).then(|| Self {
            tenant: user.tenant_id,
            user: user.id,
            version: credential.version,
            password: attempt.login.password.clone(),
        })
    }

    /// Begins it in a task of its own. Where there is no room the next login tries again.
    pub(super) fn begin(self, app: &Arc<App>) {
        let Ok(place) = app.pool.place(Lane::Spare) else {
            return;
        };
        let app = Arc::clone(app);
        tokio::spawn(async move {
            if let Err(error) = self.run(&app, place).await {
                tracing::warn!(code = %error.code, "an old password hash was not renewed; the next login tries again");
            }
        });
    }

    async fn run(self, app: &App, mut place: Place) -> Result<(), Error> {
        let hash = match place.hash(&self.password).await {
            Ok(hash) => hash,
            Err(HashError::TooLate) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let (tenant, user, version) = (self.tenant, self.user, self.version);
        let written = app
            .store
            .write(
                Priority::Background,
                Claim::detached(),
                move |tx| -> Result<bool, StoreError> {
                    let rows = tx.tenant_mut(tenant);
                    rows.credentials_mut().rehash(user, &hash, version)
                },
            )
            .await;
        // Only now is there room for the next: few passwords are in memory at a time.
        drop(place);
        written.map(drop).map_err(Error::from)
    }
}
