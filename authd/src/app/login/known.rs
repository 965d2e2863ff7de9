//! What is known of the name, tenant and device of a try, read in one snapshot before it is admitted.
//! What this takes longer for a known name than for an unknown one stays below the answer's floor.

use std::sync::Arc;
use std::time::Duration;

use common::time::Time;
use domain::attempt::{Decision, DecisionView, Outcome, Reason};
use domain::device::KnownDevice;
use domain::lockout::{CounterKey, CounterKind, CounterState};
use domain::setting::Effective;
use domain::tenant::{Slug, Tenant};
use domain::user::{Credential, User};
use store::{ReadTx, StoreError};

use super::Try;
use crate::app::counter::Counter;
use crate::app::tenant::effective;
use crate::app::{App, Error};

/// What is known of a try's name.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) tenant: Option<Tenant>,
    /// What holds for that tenant; for the name of none, what holds for the installation.
    pub(super) settings: Effective,
    pub(super) user: Option<User>,
    pub(super) credential: Option<Credential>,
    /// The device, if the secret is its own, unexpired, and bound to this user.
    pub(super) device: Option<KnownDevice>,
    /// State of the counter that the try goes to.
    state: CounterState,
}

impl Known {
    /// The counter that the try goes to: the device's own, or that of the name.
    pub(super) fn counter(&self, app: &App, subject: CounterKey) -> Counter {
        let (key, kind) = match &self.device {
            Some(device) => (
                app.keys.device_counter(&device.secret_hash),
                CounterKind::Device,
            ),
            None => (subject, CounterKind::Subject),
        };
        let tenant = self.tenant.as_ref().map(|tenant| tenant.id);
        Counter {
            key,
            kind,
            tenant,
            policy: self.settings.lockout,
        }
    }

    /// Counts the end of a try of this name.
    pub(super) fn count(&self, app: &App, outcome: Outcome) {
        let slug = self.tenant.as_ref().map(|tenant| &tenant.slug);
        app.counts.login(slug, outcome);
    }

    /// What is recorded of a lock that holds at `now`, by failures or by hand.
    pub(super) fn lock(&self, now: Time) -> DecisionView {
        let policy = &self.settings.lockout;
        let by_hand = self.state.manual.filter(|lock| lock.holds(now));
        let (reason, locked_until) = match by_hand {
            Some(lock) => (Reason::LockedByHand, lock.until),
            None => (Reason::LockedByFailures, self.state.locked_until),
        };
        DecisionView {
            locked_until,
            ..Decision::by_counter(reason, CounterKind::Subject, policy)
        }
    }

    /// Rest of the lock, if the counter is locked.
    pub(super) fn locked(&self, counter: &Counter, now: Time) -> Option<Duration> {
        // A device whose counter is locked is no device by now: it was not found above.
        if counter.kind == CounterKind::Device {
            return None;
        }
        self.state.locked(&counter.policy, now)
    }
}

/// Reads what is known.
pub(super) async fn look_up(app: &App, attempt: &Try) -> Result<Known, Error> {
    let slug: Option<Slug> = attempt.login.tenant.parse().ok();
    let email = attempt.login.email.clone();
    let secret = attempt.login.device_secret;
    let subject = attempt.subject;
    let device_key = secret.map(|hash| app.keys.device_counter(&hash));
    let now = attempt.started_at;
    let base = Arc::clone(&app.settings().tenant);
    app.store
        .read(move |tx| -> Result<Known, StoreError> {
            let tenant = match &slug {
                Some(slug) => tx.tenants().by_slug(slug)?,
                None => None,
            };
            // Known and unknown names of one tenant have one policy.
            let settings = match &tenant {
                Some(tenant) => effective::read(base, tx, tenant.id)?,
                None => Effective::of_installation(base),
            };
            let (policy, device_ttl) = (settings.lockout, settings.device_ttl);
            let device_floor = settings.session_limits.floors.device;
            let (user, credential) = match &tenant {
                Some(tenant) => user_of(tx, tenant, &email)?,
                None => (None, None),
            };
            let since = now.minus(policy.window);
            let device = match (&user, secret, device_key) {
                (Some(user), Some(hash), Some(key)) => tx
                    .tenant(user.tenant_id)
                    .devices()
                    .by_hash(&hash)?
                    .filter(|device| device.user_id == user.id)
                    .filter(|device| device.usable(now, device_ttl, device_floor))
                    .map(|device| Ok((device, tx.counters().state(&key, since)?)))
                    .transpose()?
                    .filter(|(_, state)| state.locked(&policy, now).is_none()),
                _ => None,
            };
            let state = tx.counters().state(&subject, since)?;
            let (device, state) = match device {
                // A lock by hand is an administrator's word: it holds for known devices too.
                Some((device, own)) if !state.manual.is_some_and(|lock| lock.holds(now)) => {
                    (Some(device), own)
                }
                _ => (None, state),
            };
            Ok(Known {
                tenant,
                settings,
                user,
                credential,
                device,
                state,
            })
        })
        .await
        .map_err(Error::from)
}

fn user_of(
    tx: &dyn ReadTx,
    tenant: &Tenant,
    email: &common::email::Email,
) -> Result<(Option<User>, Option<Credential>), StoreError> {
    let rows = tx.tenant(tenant.id);
    let user = rows.users().by_email(email)?;
    let credential = match &user {
        Some(user) => rows.credentials().of(user.id)?,
        None => None,
    };
    Ok((user, credential))
}
