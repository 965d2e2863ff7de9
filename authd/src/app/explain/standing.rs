//! How a name stands now: its lock, its account, its tenant, and the counters of its devices.

use common::time::Time;
use common::view::{DeviceStanding, LockStanding, NameStanding};
use domain::attempt::{AttemptRow, Outcome};
use domain::lockout::LockoutPolicy;
use domain::tenant::{Standing, Tenant};
use domain::user::{CredentialKind, User};
use store::ReadTx;

use super::login::is_closed;
use crate::app::names::{Found, Subject};
use crate::app::tenant::effective;
use crate::app::{App, Error, lockout};

pub(super) const LOCKED: &str = "locked";
pub(super) const LOCKED_BY_HAND: &str = "locked_by_hand";
pub(super) const DISABLED: &str = "disabled";
pub(super) const TENANT_SUSPENDED: &str = "tenant_suspended";
pub(super) const SUBSCRIPTION_ENDED: &str = "subscription_ended";
pub(super) const REGISTRATION_WAITS: &str = "registration_waits";
pub(super) const UNKNOWN: &str = "unknown_user";
pub(super) const NO_PASSWORD: &str = "no_password";
pub(super) const TEMPORARY_OVER: &str = "temporary_password_over";
const OPEN: &str = "open";

const PASSWORD_NONE: &str = "none";
const PASSWORD_TEMPORARY_OVER: &str = "temporary_over";

/// How a name stands at `now`; `rows` are its last attempts.
pub(super) fn of(
    app: &App,
    tx: &dyn ReadTx,
    subject: &Subject,
    rows: &[AttemptRow],
    now: Time,
) -> Result<NameStanding, Error> {
    let (tenant, found) = match subject {
        Subject::Known(found) => (&found.tenant, Some(found.as_ref())),
        Subject::Unknown { tenant, .. } => (tenant, None),
    };
    let settings = effective::of(app, tx, tenant.id)?;
    let user = found.map(|found| &found.user);
    let stands = tenant.standing(now, app.settings().expiry_grace);
    let base = NameStanding {
        only_match: false,
        lock: lock(app, tx, subject, &settings.lockout, (rows, now))?,
        status: user.map(|user| user.status),
        email_verified: user.map(|user| user.email_verified),
        password: None,
        registration_waits: false,
        tenant_status: tenant.status,
        tenant_ends_at: tenant.ends_at,
        tenant_ended: stands == Standing::Ended,
        devices: Vec::new(),
    };
    Ok(match (found, subject) {
        (Some(found), _) => NameStanding {
            password: Some(password(tx, found, now)?.to_owned()),
            devices: devices(app, tx, &found.user, &settings.lockout, now)?,
            ..base
        },
        (None, Subject::Unknown { email, .. }) => NameStanding {
            registration_waits: !tx
                .tenant(tenant.id)
                .waiting()
                .registrations_of(email, now)?
                .is_empty(),
            ..base
        },
        (None, Subject::Known(_)) => base,
    })
}

/// What would hinder a right password now, in the order in which a login asks.
pub(super) fn verdict(subject: &Subject, stands: &NameStanding) -> &'static str {
    if stands.lock.manual {
        return LOCKED_BY_HAND;
    }
    if stands.lock.locked {
        return LOCKED;
    }
    let Subject::Known(found) = subject else {
        return if stands.registration_waits {
            REGISTRATION_WAITS
        } else {
            UNKNOWN
        };
    };
    match stands.password.as_deref() {
        Some(PASSWORD_NONE) => return NO_PASSWORD,
        Some(PASSWORD_TEMPORARY_OVER) => return TEMPORARY_OVER,
        _ => {}
    }
    if is_suspended(&found.tenant) {
        return TENANT_SUSPENDED;
    }
    if stands.tenant_ended {
        return SUBSCRIPTION_ENDED;
    }
    if is_closed(found.user.status) {
        return DISABLED;
    }
    OPEN
}

fn is_suspended(tenant: &Tenant) -> bool {
    !tenant.slug.is_system() && tenant.status == domain::tenant::TenantStatus::Suspended
}

fn lock(
    app: &App,
    tx: &dyn ReadTx,
    subject: &Subject,
    policy: &LockoutPolicy,
    (rows, now): (&[AttemptRow], Time),
) -> Result<LockStanding, Error> {
    let view = lockout::standing(tx, app, subject, policy, now)?;
    let since = usize::try_from(view.failures)
        .ok()
        .and_then(|count| count.checked_sub(1))
        .and_then(|last| {
            let counted = rows.iter().filter(|row| counts_for_the_name(row));
            counted.map(|row| row.first.at).nth(last)
        });
    Ok(LockStanding {
        locked: view.manual || view.locked_until.is_some(),
        manual: view.manual,
        locked_until: view.locked_until,
        failures: view.failures,
        since,
        threshold: policy.threshold,
        window_seconds: policy.window.as_secs(),
        duration_seconds: policy.duration.as_secs(),
    })
}

/// Whether a try was an evaluated failure of the name's own counter.
fn counts_for_the_name(row: &AttemptRow) -> bool {
    let counter = row
        .first
        .decision
        .as_ref()
        .and_then(|d| d.counter.as_deref());
    matches!(
        row.first.outcome,
        Outcome::WrongPassword | Outcome::UnknownUser | Outcome::Unsettled
    ) && counter != Some("device")
}

fn password(tx: &dyn ReadTx, found: &Found, now: Time) -> Result<&'static str, Error> {
    let credential = tx.tenant(found.tenant.id).credentials().of(found.user.id)?;
    Ok(match credential {
        None => PASSWORD_NONE,
        Some(credential) if !credential.usable(now) => PASSWORD_TEMPORARY_OVER,
        Some(credential) => match credential.kind {
            CredentialKind::Own => "own",
            CredentialKind::Temporary { .. } => "temporary",
        },
    })
}

fn devices(
    app: &App,
    tx: &dyn ReadTx,
    user: &User,
    policy: &LockoutPolicy,
    now: Time,
) -> Result<Vec<DeviceStanding>, Error> {
    let known = tx.tenant(user.tenant_id).devices().of(user.id)?;
    known
        .into_iter()
        .map(|device| {
            let key = app.keys.device_counter(&device.secret_hash);
            let state = tx.counters().state(&key, now.minus(policy.window))?;
            Ok(DeviceStanding {
                last_used_at: device.last_used_at,
                failures: state.failures_at(policy, now),
                locked: state.locked(policy, now).is_some(),
            })
        })
        .collect()
}
