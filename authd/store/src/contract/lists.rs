//! The operator's lists: what they leave out, how they are sorted, and that pages join up.

use domain::attempt::Outcome;
use domain::lockout::{Boot, CounterKind};
use domain::session::{EndReason, Session};
use domain::tenant::{Tenant, TenantStatus};
use domain::user::{User, UserStatus};

use super::records::attempt;
use super::{at, key, page, read, session, session_id, tenant, tenant_id, user, user_id, write};
use crate::resource::{
    AttemptFilter, Counts, LockoutFilter, SessionFilter, TenantFilter, UserFilter,
};
use crate::unit::Store;

/// Three tenants (`acme`, `beta`, `system`); users 1 to 5 in `acme`, 6 in `beta`.
fn populate(store: &Store) {
    write(store, |tx| {
        let beta = Tenant {
            status: TenantStatus::Suspended,
            plan: "free".to_owned(),
            ends_at: None,
            ..tenant(2, "beta")
        };
        for tenant in [tenant(3, "system"), tenant(1, "acme"), beta] {
            tx.tenants_mut().insert(&tenant)?;
        }
        for n in (1..=5).rev() {
            let user = User {
                is_tenant_admin: n == 1,
                last_login_at: (n == 2).then(|| at(50)),
                // Who is new has had no time to sign in.
                created_at: at(if n == 5 { 50 } else { 0 }),
                status: if n == 3 {
                    UserStatus::Disabled
                } else {
                    UserStatus::Active
                },
                ..user(n, 1, &format!("user_{n}@acme.test"))
            };
            tx.tenant_mut(tenant_id(1)).users_mut().insert(&user)?;
        }
        let eve = user(6, 2, "user_1@acme.test");
        tx.tenant_mut(tenant_id(2)).users_mut().insert(&eve)
    });
}

fn tenants(store: &Store, filter: TenantFilter) -> Vec<(String, u32)> {
    let rows = read(store, move |tx| {
        tx.operator().tenants(&filter, &page(50, None))
    });
    rows.into_iter()
        .map(|row| (row.tenant.slug.to_string(), row.users))
        .collect()
}

fn named(rows: &[(&str, u32)]) -> Vec<(String, u32)> {
    rows.iter()
        .map(|&(slug, users)| (slug.to_owned(), users))
        .collect()
}

pub(crate) fn tenants_are_listed_by_slug(store: &Store) {
    populate(store);
    let all = named(&[("acme", 5), ("beta", 1), ("system", 0)]);
    assert_eq!(tenants(store, TenantFilter::default()), all);
    let suspended = TenantFilter {
        status: Some(TenantStatus::Suspended),
        ..TenantFilter::default()
    };
    assert_eq!(tenants(store, suspended), named(&[("beta", 1)]));
    let free = TenantFilter {
        plan: Some("free".to_owned()),
        ..TenantFilter::default()
    };
    assert_eq!(tenants(store, free), named(&[("beta", 1)]));
    let ending = TenantFilter {
        ending_before: Some(at(1000)),
        ..TenantFilter::default()
    };
    assert_eq!(tenants(store, ending), named(&[("acme", 5), ("system", 0)]));
    let rest = read(store, |tx| {
        let filter = TenantFilter::default();
        tx.operator().tenants(&filter, &page(1, Some("acme")))
    });
    assert_eq!(rest[0].tenant.slug.as_str(), "beta");
    assert_eq!(rest.len(), 1);
}

fn users(store: &Store, filter: UserFilter) -> Vec<u8> {
    let rows = read(store, move |tx| {
        tx.operator().users(&filter, &page(50, None))
    });
    rows.iter().map(|row| row.user.id.as_bytes()[0]).collect()
}

pub(crate) fn users_are_listed_by_tenant_and_address(store: &Store) {
    populate(store);
    assert_eq!(users(store, UserFilter::default()), [1, 2, 3, 4, 5, 6]);
    let filter = |change: fn(&mut UserFilter)| {
        let mut filter = UserFilter::default();
        change(&mut filter);
        filter
    };
    let of_beta = filter(|f| f.tenant = Some(tenant_id(2)));
    assert_eq!(users(store, of_beta), [6]);
    let disabled = filter(|f| f.status = Some(UserStatus::Disabled));
    assert_eq!(users(store, disabled), [3]);
    let admins = filter(|f| f.tenant_admin = Some(true));
    assert_eq!(users(store, admins), [1]);
    let inactive = filter(|f| f.inactive_since = Some(at(50)));
    assert_eq!(users(store, inactive), [1, 3, 4, 6]);
    let inactive = filter(|f| f.inactive_since = Some(at(51)));
    assert_eq!(users(store, inactive), [1, 2, 3, 4, 5, 6]);
    let literal = filter(|f| f.email_contains = Some("r_2@".to_owned()));
    assert_eq!(users(store, literal), [2]);
    let with_refs = |refs: &[(&str, &str)]| UserFilter {
        external_refs: refs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..UserFilter::default()
    };
    assert_eq!(
        users(store, with_refs(&[("branch_id", "7")])),
        [1, 2, 3, 4, 5, 6]
    );
    for missing in [
        ("branch_id", "8"),
        ("branch_id", "7.0"),
        ("restaurant_id", "7"),
    ] {
        let filter = with_refs(&[("branch_id", "7"), missing]);
        assert_eq!(users(store, filter), [0_u8; 0], "{missing:?}");
    }
    for pattern in ["%", "r%2", "userx2", "\\"] {
        let filter = UserFilter {
            email_contains: Some(pattern.to_owned()),
            ..UserFilter::default()
        };
        assert_eq!(users(store, filter), [0_u8; 0], "{pattern}");
    }
    read(store, |tx| {
        let email = "user_1@acme.test".parse().unwrap();
        let found = tx.operator().users_by_email(&email)?;
        let tenants: Vec<_> = found.iter().map(|row| row.tenant.as_str()).collect();
        assert_eq!(tenants, ["acme", "beta"]);
        assert_eq!(
            tx.operator().user(user_id(6))?.unwrap().tenant.as_str(),
            "beta"
        );
        assert_eq!(tx.operator().user(user_id(9))?, None);
        Ok(())
    });
}

pub(crate) fn pages_of_users_join_up(store: &Store) {
    populate(store);
    for limit in 1..=7 {
        let mut seen = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let asked = page(limit, after.as_deref());
            let rows = read(store, move |tx| {
                tx.operator().users(&UserFilter::default(), &asked)
            });
            let Some(last) = rows.last() else { break };
            after = Some(format!("{}/{}", last.tenant, last.user.email));
            seen.extend(rows.iter().map(|row| row.user.id.as_bytes()[0]));
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6], "pages of {limit}");
    }
    let bad = store.read_blocking(|tx| {
        tx.operator()
            .users(&UserFilter::default(), &page(1, Some("acme")))
    });
    assert!(bad.is_err());
}

fn everything() -> SessionFilter {
    SessionFilter {
        tenant: None,
        user: None,
        device: None,
        ip: None,
        idle_since: None,
        active_after: at(-100),
        created_after: at(-100),
    }
}

fn sessions(store: &Store, filter: SessionFilter, after: Option<u8>) -> Vec<u8> {
    let after = after.map(|n| session_id(n).to_string());
    let rows = read(store, move |tx| {
        tx.operator().sessions(&filter, &page(50, after.as_deref()))
    });
    assert!(
        rows.iter()
            .all(|row| row.email.as_str() == "user_1@acme.test")
    );
    rows.iter()
        .map(|row| row.session.id.as_bytes()[0])
        .collect()
}

pub(crate) fn sessions_are_listed_while_they_live(store: &Store) {
    populate(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        acme.sessions_mut().insert(&session(1, 1, 1))?;
        acme.sessions_mut().insert(&session(2, 1, 1))?;
        acme.sessions_mut()
            .end(session_id(2), at(1), EndReason::Revoked)?;
        let other = Session {
            ip: Some("2001:db8::1".to_owned()),
            last_active_at: at(10),
            created_at: at(5),
            ..session(3, 6, 2)
        };
        tx.tenant_mut(tenant_id(2)).sessions_mut().insert(&other)
    });
    assert_eq!(sessions(store, everything(), None), [3, 1]);
    assert_eq!(sessions(store, everything(), Some(3)), [1]);
    let filter = |change: fn(&mut SessionFilter)| {
        let mut filter = everything();
        change(&mut filter);
        filter
    };
    for (filter, expected) in [
        (filter(|f| f.tenant = Some(tenant_id(1))), 1),
        (filter(|f| f.user = Some(user_id(6))), 3),
        (filter(|f| f.device = Some("device-3".to_owned())), 3),
        (filter(|f| f.ip = Some("192.0.2.7".to_owned())), 1),
        (filter(|f| f.idle_since = Some(at(10))), 1),
        (filter(|f| f.active_after = at(0)), 3),
        (filter(|f| f.created_after = at(0)), 3),
    ] {
        assert_eq!(
            sessions(store, filter.clone(), None),
            [expected],
            "{filter:?}"
        );
    }
}

fn locked(tenant: Option<u8>, include_unknown: bool, now: i64) -> LockoutFilter {
    LockoutFilter {
        tenant: tenant.map(tenant_id),
        include_unknown,
        ip: None,
        at: at(now),
        since: at(now - 900),
    }
}

fn lockouts(store: &Store, filter: LockoutFilter, after: Option<u8>) -> Vec<u8> {
    let after = after.map(|n| key(n).to_hex());
    let rows = read(store, move |tx| {
        tx.operator().lockouts(&filter, &page(50, after.as_deref()))
    });
    rows.iter()
        .map(|row| row.lockout.key.as_bytes()[0])
        .collect()
}

/// Locks user 1 and the unknown name 200 until second 900, and a device that is no name.
fn lock_some(store: &Store) {
    write(store, |tx| {
        let counters = tx.counters_mut();
        let kinds = [
            (1, CounterKind::Subject, Some(tenant_id(1))),
            (200, CounterKind::Subject, None),
            (201, CounterKind::Device, None),
            (2, CounterKind::Subject, Some(tenant_id(1))),
        ];
        for (n, kind, tenant) in kinds {
            let id = counters.reserve(&key(n), kind, tenant, at(0), Boot([0; 16]))?;
            counters.fail(id, at(0), Some("192.0.2.9"))?;
            if n != 2 {
                counters.lock(&key(n), at(900), 5)?;
            }
        }
        Ok(())
    });
}

pub(crate) fn rule_2_locked_names_are_listed(store: &Store) {
    populate(store);
    lock_some(store);
    assert_eq!(lockouts(store, locked(None, true, 899), None), [1, 200]);
    assert_eq!(lockouts(store, locked(None, true, 899), Some(1)), [200]);
    assert_eq!(lockouts(store, locked(None, false, 899), None), [1]);
    assert_eq!(lockouts(store, locked(Some(1), true, 899), None), [1]);
    assert_eq!(lockouts(store, locked(Some(2), true, 899), None), [0_u8; 0]);
    assert_eq!(lockouts(store, locked(None, true, 900), None), [0_u8; 0]);
    let elsewhere = LockoutFilter {
        ip: Some("192.0.2.10".to_owned()),
        ..locked(None, true, 1)
    };
    assert_eq!(lockouts(store, elsewhere, None), [0_u8; 0]);
    read(store, |tx| {
        let rows = tx
            .operator()
            .lockouts(&locked(None, true, 1), &page(50, None))?;
        assert_eq!(rows[0].tenant.as_ref().unwrap().as_str(), "acme");
        assert_eq!(rows[0].email.as_ref().unwrap().as_str(), "user_1@acme.test");
        assert_eq!(rows[0].lockout.user_id, Some(user_id(1)));
        assert_eq!(rows[0].lockout.locking_failures, 5);
        assert_eq!((&rows[1].tenant, &rows[1].email), (&None, &None));
        let bob = tx.operator().user(user_id(1))?.unwrap();
        assert_eq!(
            (bob.locked_until, bob.locked_for_good),
            (Some(at(900)), false)
        );
        Ok(())
    });
    let filter = |locked, now| UserFilter {
        locked: Some((locked, at(now))),
        ..UserFilter::default()
    };
    assert_eq!(users(store, filter(true, 899)), [1]);
    assert_eq!(users(store, filter(false, 899)), [2, 3, 4, 5, 6]);
    assert_eq!(users(store, filter(true, 900)), [0_u8; 0]);
    assert_eq!(users(store, filter(false, 900)), [1, 2, 3, 4, 5, 6]);
}

pub(crate) fn attempts_are_listed_as_asked(store: &Store) {
    populate(store);
    write(store, |tx| {
        tx.attempts_mut()
            .record(&attempt(1, Outcome::WrongPassword))?;
        tx.attempts_mut().record(&attempt(2, Outcome::Success))?;
        let mut elsewhere = attempt(3, Outcome::UnknownUser);
        elsewhere.tenant_id = Some(tenant_id(2));
        elsewhere.user_id = None;
        elsewhere.subject = key(9);
        tx.attempts_mut().record(&elsewhere)
    });
    let list = |filter: AttemptFilter, after: Option<u32>| -> Vec<u8> {
        let after = after.map(|n| attempt(n, Outcome::Success).id.to_string());
        let rows = read(store, move |tx| {
            tx.operator().attempts(&filter, &page(50, after.as_deref()))
        });
        rows.iter().map(|row| row.first.id.as_bytes()[3]).collect()
    };
    let filter = |change: fn(&mut AttemptFilter)| {
        let mut filter = AttemptFilter::default();
        change(&mut filter);
        filter
    };
    assert_eq!(list(AttemptFilter::default(), None), [3, 2, 1]);
    assert_eq!(list(AttemptFilter::default(), Some(3)), [2, 1]);
    assert_eq!(list(filter(|f| f.tenant = Some(tenant_id(2))), None), [3]);
    assert_eq!(list(filter(|f| f.user = Some(user_id(1))), None), [2, 1]);
    assert_eq!(list(filter(|f| f.subject = Some(key(9))), None), [3]);
    assert_eq!(list(filter(|f| f.subject = Some(key(8))), None), [0_u8; 0]);
    assert_eq!(list(filter(|f| f.failed = true), None), [3, 1]);
    let from = filter(|f| f.ip = Some("192.0.2.2".to_owned()));
    assert_eq!(list(from, None), [2]);
    let since = filter(|f| f.since = Some(attempt(2, Outcome::Success).at));
    assert_eq!(list(since, None), [3, 2]);
    let named = filter(|f| f.correlation_id = Some("app-7".to_owned()));
    assert_eq!(list(named, None), [3, 2, 1]);
    let other = filter(|f| f.correlation_id = Some("app-8".to_owned()));
    assert_eq!(list(other, None), [0_u8; 0]);
}

pub(crate) fn everything_is_counted(store: &Store) {
    populate(store);
    lock_some(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        acme.sessions_mut().insert(&session(1, 1, 1))?;
        acme.sessions_mut().insert(&session(2, 1, 1))?;
        acme.sessions_mut()
            .end(session_id(2), at(1), EndReason::Revoked)
    });
    let counts = read(store, |tx| tx.operator().counts(at(1), at(-1), at(-1)));
    let expected = Counts {
        tenants: 2,
        tenants_suspended: 1,
        users: 6,
        sessions: 1,
        locked: 2,
    };
    assert_eq!(counts, expected);
    let counts = read(store, |tx| tx.operator().counts(at(900), at(0), at(-1)));
    assert_eq!((counts.sessions, counts.locked), (0, 0));
}
