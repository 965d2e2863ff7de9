//! What the operator changes of a tenant and of a counter, and what a tenant uses.

use common::id::AttemptId;
use domain::attempt::{Attempt, Outcome};
use domain::device::KnownDevice;
use domain::lockout::{Boot, CounterKind, ManualLock};
use domain::session::EndReason;
use domain::tenant::{Tenant, TenantStatus};

use super::{
    at, key, nothing_over, page, password, read, session, session_id, tenant, tenant_id,
    two_tenants, user, user_id, write,
};
use crate::resource::{Over, UsageRow, UsageSince};
use crate::unit::Store;

pub(crate) fn a_tenant_changes_all_but_its_name(store: &Store) {
    two_tenants(store);
    let changed = Tenant {
        name: "Acme Hotels".to_owned(),
        status: TenantStatus::Suspended,
        time_zone: "UTC".to_owned(),
        plan: "free".to_owned(),
        ends_at: None,
        max_users: Some(1),
        updated_at: at(50),
        ..tenant(1, "acme")
    };
    let written = Tenant {
        slug: "other".parse().unwrap(),
        created_at: at(40),
        ..changed.clone()
    };
    write(store, move |tx| {
        assert!(tx.tenants_mut().update(&written)?);
        assert!(!tx.tenants_mut().update(&tenant(9, "nine"))?);
        Ok(())
    });
    read(store, move |tx| {
        assert_eq!(tx.tenants().by_id(tenant_id(1))?, Some(changed));
        assert_eq!(tx.tenants().by_id(tenant_id(2))?, Some(tenant(2, "beta")));
        assert_eq!(tx.tenants().by_id(tenant_id(9))?, None);
        Ok(())
    });
}

pub(crate) fn a62_a_lock_by_hand_is_a_field_of_its_own(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let counters = tx.counters_mut();
        let lock = |until| ManualLock { until };
        counters.lock_by_hand(&key(1), tenant_id(1), lock(None))?;
        counters.lock_by_hand(&key(8), tenant_id(1), lock(Some(at(60))))?;
        // What failures and successes do leaves it alone.
        for second in 1..=5 {
            let acme = Some(tenant_id(1));
            let kind = CounterKind::Subject;
            let id = counters.reserve(&key(1), kind, acme, at(second), Boot([1; 16]))?;
            counters.fail(id, at(second), None)?;
        }
        counters.lock(&key(1), at(900), 5)?;
        counters.clear(&key(1))?;
        let state = counters.state(&key(1), at(0))?;
        assert_eq!((state.manual, state.locked_until), (Some(lock(None)), None));
        let lockout = counters.lockout(&key(1), at(5000))?.unwrap();
        assert_eq!(lockout.user_id, Some(user_id(1)));
        let over = |now| Over {
            failures: now,
            now,
            ..nothing_over()
        };
        tx.housekeeping().prune(&over(at(59)), 10)?;
        let other = counters.lockout(&key(8), at(0))?.unwrap();
        assert_eq!((other.tenant_id, other.user_id), (Some(tenant_id(1)), None));
        assert_eq!(other.state.manual, Some(lock(Some(at(60)))));
        tx.housekeeping().prune(&over(at(60)), 10)?;
        assert_eq!(counters.lockout(&key(8), at(0))?, None);
        // A later one replaces it.
        counters.lock_by_hand(&key(1), tenant_id(1), lock(Some(at(70))))?;
        let state = counters.state(&key(1), at(0))?;
        assert_eq!(state.manual, Some(lock(Some(at(70)))));
        assert!(counters.clear_manual(&key(1))?);
        assert!(!counters.clear_manual(&key(1))?);
        assert_eq!(counters.state(&key(1), at(0))?.manual, None);
        Ok(())
    });
}

fn attempt(n: u8, tenant: u8, outcome: Outcome, second: i64) -> Attempt {
    Attempt {
        id: AttemptId::from_bytes([n; 16]),
        at: at(second),
        tenant_id: Some(tenant_id(tenant)),
        user_id: None,
        subject: key(n),
        ip: None,
        outcome,
        device: None,
        request_id: None,
        trace: Vec::new(),
        decision: None,
        correlation_id: None,
    }
}

pub(crate) fn usage_is_counted_a_tenant(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        for n in 1..=3 {
            acme.sessions_mut().insert(&session(n, 1, 1))?;
        }
        acme.sessions_mut()
            .end(session_id(3), at(1), EndReason::Revoked)?;
        assert_eq!(acme.sessions().open_count()?, 2);
        assert_eq!(tx.tenant(tenant_id(2)).sessions().open_count()?, 0);
        for (n, outcome, second) in [
            (1, Outcome::Success, 10),
            (2, Outcome::Success, 2),
            (3, Outcome::WrongPassword, 10),
            (4, Outcome::UnknownUser, 11),
        ] {
            tx.attempts_mut().record(&attempt(n, 1, outcome, second))?;
        }
        // Tries during a lock are one row from the second on, and each counts.
        for second in 20..23 {
            let locked = attempt(5, 1, Outcome::Locked, second);
            tx.attempts_mut().record(&locked)?;
        }
        Ok(())
    });
    let since = UsageSince {
        active_after: at(-1),
        created_after: at(-1),
        attempts: at(10),
    };
    let expected = |slug: &str, sessions, logins, failed| UsageRow {
        id: tenant_id(if slug == "acme" { 1 } else { 2 }),
        tenant: slug.parse().unwrap(),
        users: 1,
        max_users: Some(100),
        sessions,
        logins,
        failed,
    };
    read(store, move |tx| {
        let rows = tx.operator().usage(None, &since, &page(10, None))?;
        assert_eq!(rows, [expected("acme", 2, 1, 5), expected("beta", 0, 0, 0)]);
        let rows = tx.operator().usage(None, &since, &page(10, Some("acme")))?;
        assert_eq!(rows, [expected("beta", 0, 0, 0)]);
        let one = Some(tenant_id(1));
        let idle = UsageSince {
            active_after: at(0),
            ..since
        };
        let rows = tx.operator().usage(one, &idle, &page(10, None))?;
        assert_eq!(rows, [expected("acme", 0, 1, 5)]);
        Ok(())
    });
}

pub(crate) fn g9_a_deleted_user_takes_all_but_its_attempts(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        assert!(acme.credentials_mut().set(&password(1, "$a$b$c$d"), 0)?);
        acme.sessions_mut().insert(&session(1, 1, 1))?;
        acme.devices_mut().insert(&KnownDevice {
            secret_hash: [1; 32],
            user_id: user_id(1),
            created_at: at(0),
            last_used_at: at(0),
        })?;
        let tried = Attempt {
            user_id: Some(user_id(1)),
            ..attempt(1, 1, Outcome::Success, 1)
        };
        tx.attempts_mut().record(&tried)?;
        let beta = tx.tenant_mut(tenant_id(2));
        assert!(!beta.users_mut().delete(user_id(1), at(0))?);
        assert!(acme.users_mut().delete(user_id(1), at(0))?);
        assert!(!acme.users_mut().delete(user_id(1), at(0))?);
        assert_eq!(acme.users().count()?, 0);
        assert_eq!(tx.session(session_id(1))?, None);
        assert_eq!(acme.devices().by_hash(&[1; 32])?, None);
        assert_eq!(acme.attempts().of(user_id(1), &page(10, None))?.len(), 1);
        // The address is free, and whoever has it next starts from nothing.
        acme.users_mut().insert(&user(3, 1, "bob@acme.test"))?;
        assert!(acme.credentials().of(user_id(3))?.is_none());
        assert_eq!(acme.attempts().of(user_id(3), &page(10, None))?, []);
        Ok(())
    });
}
