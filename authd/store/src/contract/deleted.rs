//! A deleted tenant: not there for anybody, restorable, and purged of all but its name.

use common::id::{AttemptId, RoleId};
use domain::attempt::{Attempt, Outcome};
use domain::device::KnownDevice;
use domain::lockout::ManualLock;
use domain::role::Role;
use domain::tenant::TenantStatus;

use super::{
    at, key, page, password, read, session, session_id, tenant, tenant_id, two_tenants, user_id,
    write,
};
use crate::resource::{
    AttemptFilter, LockoutFilter, SessionFilter, TenantFilter, TenantScope, UsageSince, UserFilter,
};
use crate::unit::Store;

/// Both tenants with a user who is signed in, has a device, a password, a role and an attempt.
fn furnished(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        for n in [1, 2] {
            let rows = tx.tenant_mut(tenant_id(n));
            rows.credentials_mut().set(&password(n, "$argon2id$x"), 0)?;
            rows.sessions_mut().insert(&session(n, n, n))?;
            rows.devices_mut().insert(&KnownDevice {
                secret_hash: [n; 32],
                user_id: user_id(n),
                created_at: at(0),
                last_used_at: at(0),
            })?;
            let role = Role {
                id: RoleId::from_bytes([n; 16]),
                tenant_id: Some(tenant_id(n)),
                name: "cashier".parse().unwrap(),
                description: None,
                rights: Vec::new(),
                created_at: at(0),
                updated_at: at(0),
            };
            rows.roles_mut().insert(&role)?;
            rows.grants_mut().grant(user_id(n), role.id, at(0))?;
            tx.attempts_mut().record(&Attempt {
                id: AttemptId::from_bytes([n; 16]),
                at: at(5),
                tenant_id: Some(tenant_id(n)),
                user_id: Some(user_id(n)),
                subject: key(n),
                ip: Some("203.0.113.7".to_owned()),
                outcome: Outcome::WrongPassword,
                device: None,
                request_id: None,
                trace: Vec::new(),
                decision: None,
                correlation_id: None,
            })?;
            let by_hand = ManualLock { until: None };
            tx.counters_mut()
                .lock_by_hand(&key(n), tenant_id(n), by_hand)?;
        }
        Ok(())
    });
}

/// What lists hold of the two: tenants, users, sessions, locks, roles, lines of usage.
fn listed(store: &Store) -> [usize; 6] {
    read(store, |tx| {
        let lists = tx.operator();
        let sessions = SessionFilter {
            tenant: None,
            user: None,
            device: None,
            ip: None,
            idle_since: None,
            active_after: at(-9),
            created_after: at(-9),
        };
        let locks = LockoutFilter {
            tenant: None,
            include_unknown: true,
            ip: None,
            at: at(9),
            since: at(0),
        };
        let usage = UsageSince {
            active_after: at(-9),
            created_after: at(-9),
            attempts: at(-9),
        };
        let roles = crate::resource::RoleFilter::default();
        Ok([
            lists
                .tenants(&TenantFilter::default(), &page(9, None))?
                .len(),
            lists.users(&UserFilter::default(), &page(9, None))?.len(),
            lists.sessions(&sessions, &page(9, None))?.len(),
            lists.lockouts(&locks, &page(9, None))?.len(),
            lists
                .roles(&roles, &page(9, None))?
                .iter()
                .filter(|row| row.role.tenant_id.is_some())
                .count(),
            lists.usage(None, &usage, &page(9, None))?.len(),
        ])
    })
}

pub(crate) fn rule_1_a_deleted_tenant_is_not_there_until_it_is_restored(store: &Store) {
    furnished(store);
    assert_eq!(listed(store), [2; 6]);
    write(store, |tx| {
        assert!(tx.tenants_mut().delete(tenant_id(1), at(10), at(100))?);
        assert!(!tx.tenants_mut().delete(tenant_id(1), at(11), at(200))?);
        assert!(!tx.tenants_mut().delete(tenant_id(9), at(11), at(200))?);
        Ok(())
    });
    assert_eq!(listed(store), [1; 6]);
    read(store, |tx| {
        let slug = "acme".parse().unwrap();
        assert_eq!(tx.tenants().by_id(tenant_id(1))?, None);
        assert_eq!(tx.tenants().by_slug(&slug)?, None);
        assert!(tx.tenants().slug_used(&slug)?);
        assert!(tx.operator().user(user_id(1))?.is_none());
        assert!(tx.operator().role(RoleId::from_bytes([1; 16]))?.is_none());
        let address = "bob@acme.test".parse().unwrap();
        assert!(tx.operator().users_by_email(&address)?.is_empty());
        let counts = tx.operator().counts(at(9), at(-9), at(-9))?;
        assert_eq!((counts.tenants, counts.users), (1, 1));
        let row = tx.tenants().ever_by_slug(&slug)?.unwrap();
        assert_eq!(Some(row.clone()), tx.tenants().ever_by_id(tenant_id(1))?);
        assert_eq!(tx.tenants().deleted(9)?, std::slice::from_ref(&row));
        let deletion = row.deletion.unwrap();
        assert_eq!((deletion.at, deletion.purge_at), (at(10), at(100)));
        assert_eq!(row.users, 1);
        for (scope, status, found) in [
            (TenantScope::Present, Some(TenantStatus::Deleted), 0),
            (TenantScope::Restorable, Some(TenantStatus::Deleted), 1),
            (TenantScope::Restorable, Some(TenantStatus::Active), 1),
            (TenantScope::Restorable, None, 2),
        ] {
            let filter = TenantFilter {
                status,
                scope,
                ..TenantFilter::default()
            };
            let rows = tx.operator().tenants(&filter, &page(9, None))?;
            assert_eq!(rows.len(), found, "{filter:?}");
        }
        Ok(())
    });
    write(store, |tx| {
        // Not from the moment on when it is to be purged, and one that is there not at all.
        assert!(!tx.tenants_mut().restore(tenant_id(1), at(100))?);
        assert!(!tx.tenants_mut().restore(tenant_id(2), at(50))?);
        assert!(tx.tenants_mut().restore(tenant_id(1), at(99))?);
        Ok(())
    });
    assert_eq!(listed(store), [2; 6]);
    read(store, |tx| {
        let row = tx.tenants().ever_by_id(tenant_id(1))?.unwrap();
        assert_eq!((row.deletion, row.restored_at), (None, Some(at(99))));
        assert_eq!(row.tenant.status, tenant(1, "acme").status);
        assert!(tx.tenants().deleted(9)?.is_empty());
        Ok(())
    });
}

pub(crate) fn rule_19_access_to_a_tenant_ends_by_the_chunk(store: &Store) {
    furnished(store);
    write(store, |tx| {
        let housekeeping = tx.housekeeping();
        assert_eq!(housekeeping.end_access(tenant_id(1), at(10), 1)?, 1);
        assert_eq!(housekeeping.end_access(tenant_id(1), at(10), 1)?, 1);
        assert_eq!(housekeeping.end_access(tenant_id(1), at(10), 1)?, 0);
        Ok(())
    });
    read(store, |tx| {
        assert!(tx.session(session_id(1))?.unwrap().ended.is_some());
        assert!(tx.tenant(tenant_id(1)).devices().of(user_id(1))?.is_empty());
        // The other tenant has lost nothing.
        assert!(tx.session(session_id(2))?.unwrap().ended.is_none());
        assert_eq!(tx.tenant(tenant_id(2)).devices().of(user_id(2))?.len(), 1);
        Ok(())
    });
}

pub(crate) fn a_purged_tenant_leaves_its_name(store: &Store) {
    furnished(store);
    write(store, |tx| {
        tx.tenants_mut().delete(tenant_id(1), at(10), at(20))?;
        let mut rounds = 0;
        while tx.housekeeping().end_access(tenant_id(1), at(10), 1)? > 0 {}
        while tx.housekeeping().purge(tenant_id(1), 1)? > 0 {
            rounds += 1;
        }
        assert!(rounds > 3, "one row a round: {rounds}");
        tx.tenants_mut().set_purged(tenant_id(1), at(30))
    });
    assert_eq!(listed(store), [1; 6]);
    read(store, |tx| {
        let row = tx.tenants().ever_by_id(tenant_id(1))?.unwrap();
        assert_eq!(row.deletion.unwrap().purged_at, Some(at(30)));
        assert_eq!((row.users, row.tenant.name.as_str()), (0, "acme"));
        assert!(tx.tenants().slug_used(&row.tenant.slug)?);
        assert!(tx.tenants().deleted(9)?.is_empty());
        assert!(tx.session(session_id(1))?.is_none());
        let gone = tx.tenant(tenant_id(1));
        assert!(gone.users().by_id(user_id(1))?.is_none());
        assert!(gone.credentials().of(user_id(1))?.is_none());
        assert!(gone.roles().names()?.is_empty());
        assert_eq!(tx.counters().state(&key(1), at(0))?.manual, None);
        let attempts = tx
            .operator()
            .attempts(&AttemptFilter::default(), &page(9, None))?;
        assert_eq!(attempts.len(), 1);
        // The other tenant has lost nothing.
        let other = tx.tenant(tenant_id(2));
        assert_eq!(other.users().by_id(user_id(2))?.unwrap().roles.len(), 1);
        assert!(other.credentials().of(user_id(2))?.is_some());
        assert!(tx.session(session_id(2))?.unwrap().ended.is_none());
        assert!(tx.counters().state(&key(2), at(0))?.manual.is_some());
        Ok(())
    });
    write(store, |tx| {
        assert!(!tx.tenants_mut().restore(tenant_id(1), at(15))?);
        Ok(())
    });
}
