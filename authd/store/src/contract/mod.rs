//! What every backend has to do, as functions over an empty store; a backend's tests call each.
//! Nothing here knows which backend it is.

mod clients;
mod counters;
mod deleted;
mod invalidations;
mod lists;
mod mail;
mod pictures;
mod records;
mod roles;
mod settings;
mod states;
mod tenants;
mod waiting;

pub(crate) use clients::*;
pub(crate) use counters::*;
pub(crate) use deleted::*;
pub(crate) use invalidations::*;
pub(crate) use lists::*;
pub(crate) use mail::*;
pub(crate) use pictures::*;
pub(crate) use records::*;
pub(crate) use roles::*;
pub(crate) use settings::*;
pub(crate) use states::*;
pub(crate) use tenants::*;
pub(crate) use waiting::*;

use std::collections::BTreeMap;

use common::id::{SessionId, TenantId, UserId};
use common::secret::Secret;
use common::time::Time;
use domain::device::{Device, DeviceType};
use domain::lockout::CounterKey;
use domain::session::Session;
use domain::tenant::{Tenant, TenantStatus};
use domain::user::{Address, CredentialKind, Employee, Name, User, UserStatus};

use crate::error::StoreError;
use crate::resource::{CredentialWrite, Over, PageRequest, ReadTx, Whose, WriteTx};
use crate::unit::{Priority, Store};

/// A time so many seconds after one fixed moment.
pub(crate) fn at(seconds: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + seconds * 1000)
}

/// Moments at which nothing is over.
pub(crate) fn nothing_over() -> Over {
    let start = Time::from_millis(0);
    Over {
        whose: Whose::Installation,
        now: start,
        failures: start,
        session_failures: start,
        attempts: start,
        idle_sessions: start,
        old_sessions: start,
        ended_sessions: start,
        devices: start,
        mails: start,
        events: start,
        invalidations: start,
    }
}

pub(crate) fn tenant_id(n: u8) -> TenantId {
    TenantId::from_bytes([n; 16])
}

pub(crate) fn user_id(n: u8) -> UserId {
    UserId::from_bytes([n; 16])
}

pub(crate) fn session_id(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

pub(crate) fn key(n: u8) -> CounterKey {
    CounterKey::from_bytes([n; 32])
}

pub(crate) fn tenant(n: u8, slug: &str) -> Tenant {
    Tenant {
        id: tenant_id(n),
        slug: slug.parse().unwrap(),
        name: format!("Tenant {n}"),
        status: TenantStatus::Active,
        time_zone: "Africa/Nairobi".to_owned(),
        plan: "pro".to_owned(),
        ends_at: Some(at(1000)),
        max_users: Some(100),
        created_at: at(0),
        updated_at: at(1),
    }
}

/// A user with every field set, whose counter is `key(n)`.
pub(crate) fn user(n: u8, tenant: u8, email: &str) -> User {
    User {
        id: user_id(n),
        tenant_id: tenant_id(tenant),
        email: email.parse().unwrap(),
        email_verified: true,
        name: Name {
            given: Some("Bob".to_owned()),
            family: Some("Kamau".to_owned()),
            display: None,
        },
        phone: Some("+254700000000".to_owned()),
        address: Some(Address {
            city: Some("Nairobi".to_owned()),
            ..Address::default()
        }),
        locale: Some("en-KE".to_owned()),
        employee: Employee {
            employee_id: Some("E-7".to_owned()),
            kra_pin: Some("A123456789B".to_owned()),
        },
        external_refs: BTreeMap::from([("branch_id".to_owned(), "7".to_owned())]),
        status: UserStatus::Active,
        is_tenant_admin: false,
        roles: Vec::new(),
        picture: None,
        subject: key(n),
        last_login_at: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn session(n: u8, user: u8, tenant: u8) -> Session {
    Session {
        id: session_id(n),
        tenant_id: tenant_id(tenant),
        user_id: user_id(user),
        device: Some(Device {
            id: format!("device-{n}"),
            name: Some("Phone".to_owned()),
            kind: DeviceType::Mobile,
        }),
        ip: Some("192.0.2.7".to_owned()),
        auth_time: at(0),
        created_at: at(0),
        last_active_at: at(0),
        generation: 0,
        rotated_at: at(0),
        salt: [n; 16],
        refresh_key: 1,
        ended: None,
    }
}

pub(crate) fn password(user: u8, hash: &str) -> CredentialWrite {
    CredentialWrite {
        user_id: user_id(user),
        hash: Secret::new(hash.to_owned()),
        kind: CredentialKind::Own,
        changed_at: at(5),
    }
}

pub(crate) fn page(limit: u32, after: Option<&str>) -> PageRequest {
    PageRequest {
        limit,
        after: after.map(str::to_owned),
    }
}

/// Writes, and expects it to be kept.
pub(crate) fn write<T: Send + 'static>(
    store: &Store,
    work: impl Fn(&dyn WriteTx) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write_blocking(Priority::Normal, work).unwrap()
}

/// Reads, and expects it to succeed.
pub(crate) fn read<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&dyn ReadTx) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.read_blocking(work).unwrap()
}

/// Two tenants with a user each: user 1 in `acme` (1), user 2 in `beta` (2).
pub(crate) fn two_tenants(store: &Store) {
    write(store, |tx| {
        tx.tenants_mut().insert(&tenant(1, "acme"))?;
        tx.tenants_mut().insert(&tenant(2, "beta"))?;
        let acme = tx.tenant_mut(tenant_id(1));
        acme.users_mut().insert(&user(1, 1, "bob@acme.test"))?;
        let beta = tx.tenant_mut(tenant_id(2));
        beta.users_mut().insert(&user(2, 2, "eve@beta.test"))
    });
}
