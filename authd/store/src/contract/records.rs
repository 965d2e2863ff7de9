//! What is only ever added to: attempts, audit rows; and keys, facts and denied tokens.

use common::id::{AttemptId, AuditId, KeyId, RequestId};
use domain::attempt::{Attempt, Decision, DecisionView, Outcome, ROWS_PER_HOUR, Reason, Tally};
use domain::audit::{Actor, AuditEntry, mac_input};
use domain::device::{Device, DeviceType};
use domain::key::{KeyPurpose, KeyState, StoredKey};
use domain::lockout::{CounterKey, CounterKind, LockoutPolicy};

use super::{at, key, nothing_over, page, read, tenant_id, two_tenants, user_id, write};
use crate::error::StoreError;
use crate::resource::{
    AttemptFilter, AttemptsBy, AttemptsCount, AuditFilter, Denial, Over, PageRequest,
};
use crate::unit::Store;

pub(crate) fn attempt_id(n: u32) -> AttemptId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    AttemptId::from_bytes(bytes)
}

fn decision() -> DecisionView {
    let policy = LockoutPolicy {
        threshold: 5,
        window: std::time::Duration::from_mins(15),
        duration: std::time::Duration::from_mins(15),
    };
    DecisionView {
        failures: Some(2),
        locked_until: Some(at(9)),
        ..Decision::by_counter(Reason::PasswordWrong, CounterKind::Subject, &policy)
    }
}

/// The `n`-th try of user 1 in `acme`, `n` milliseconds into the hour.
pub(crate) fn attempt(n: u32, outcome: Outcome) -> Attempt {
    Attempt {
        id: attempt_id(n),
        at: at(0).plus(std::time::Duration::from_millis(n.into())),
        tenant_id: Some(tenant_id(1)),
        user_id: Some(user_id(1)),
        subject: key(1),
        ip: Some(format!("192.0.2.{}", n % 250)),
        outcome,
        device: Some(Device {
            id: "till-4".to_owned(),
            name: None,
            kind: DeviceType::Terminal,
        }),
        request_id: Some(RequestId::from_bytes([3; 16])),
        trace: vec!["reserved".to_owned(), "hash differs".to_owned()],
        decision: Some(decision()),
        correlation_id: Some("app-7".to_owned()),
    }
}

pub(crate) fn s07_attempts_read_back(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        for n in 1..=3 {
            tx.attempts_mut()
                .record(&attempt(n, Outcome::WrongPassword))?;
        }
        Ok(())
    });
    read(store, |tx| {
        let acme = tx.tenant(tenant_id(1));
        let first = acme.attempts().of(user_id(1), &page(2, None))?;
        assert_eq!(first.len(), 2);
        assert_eq!(first[0].first, attempt(3, Outcome::WrongPassword));
        assert_eq!((first[0].count, first[0].last_at), (1, None));
        let after = first[1].first.id.to_string();
        let rest = acme.attempts().of(user_id(1), &page(2, Some(&after)))?;
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].first.id, attempt_id(1));
        let beta = tx.tenant(tenant_id(2));
        assert_eq!(beta.attempts().of(user_id(1), &page(2, None))?, []);
        let tallies = acme.attempts().tallies_of(user_id(1), 2)?;
        let expected = [3, 2].map(|n| Tally {
            outcome: Outcome::WrongPassword,
            count: 1,
            last_at: attempt(n, Outcome::WrongPassword).at,
        });
        assert_eq!(tallies, expected);
        assert_eq!(beta.attempts().tallies_of(user_id(1), 2)?, []);
        assert!(
            acme.attempts()
                .of(user_id(1), &page(2, Some("nonsense")))
                .is_err()
        );
        let one = tx.operator().attempt(attempt_id(2))?.unwrap();
        assert_eq!(one.first, attempt(2, Outcome::WrongPassword));
        assert_eq!(tx.operator().attempt(attempt_id(9))?, None);
        Ok(())
    });
}

pub(crate) fn rule_5_a68_many_tries_fold_and_none_is_lost(store: &Store) {
    two_tenants(store);
    let tries = ROWS_PER_HOUR + 50;
    write(store, move |tx| {
        for n in 0..tries {
            tx.attempts_mut()
                .record(&attempt(n, Outcome::WrongPassword))?;
            let unknown = Attempt {
                id: attempt_id(10_000 + n),
                subject: key(9),
                user_id: None,
                tenant_id: None,
                ..attempt(n, Outcome::UnknownUser)
            };
            tx.attempts_mut().record(&unknown)?;
        }
        Ok(())
    });
    for (user, failed) in [(Some(user_id(1)), false), (None, true)] {
        let filter = AttemptFilter {
            user,
            failed,
            ..AttemptFilter::default()
        };
        let rows = read(store, move |tx| {
            tx.operator().attempts(&filter, &page(1000, None))
        });
        let rows: Vec<_> = rows
            .iter()
            .filter(|row| row.first.user_id == user)
            .collect();
        assert_eq!(rows.len(), 101, "both kinds of name fold at the same row");
        assert_eq!(
            rows.iter().map(|row| row.count).sum::<u64>(),
            u64::from(tries)
        );
        let folded = rows.iter().find(|row| row.last_at.is_some()).unwrap();
        assert_eq!(folded.count, 50);
        assert_eq!(folded.first.at, attempt(ROWS_PER_HOUR, Outcome::Locked).at);
        assert_eq!(folded.last_at, Some(attempt(tries - 1, Outcome::Locked).at));
        assert_eq!(folded.first.ip, attempt(tries - 1, Outcome::Locked).ip);
    }
    // The next hour begins anew.
    let next = Attempt {
        id: attempt_id(99_999),
        at: at(3600),
        ..attempt(0, Outcome::WrongPassword)
    };
    let row = write(store, move |tx| {
        tx.attempts_mut().record(&next)?;
        tx.operator().attempt(next.id)
    });
    assert_eq!(row.unwrap().last_at, None);
}

pub(crate) fn rule_5_tries_during_a_lock_fold_at_once(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        for n in 0..7 {
            tx.attempts_mut().record(&attempt(n, Outcome::Locked))?;
            tx.attempts_mut()
                .record(&attempt(100 + n, Outcome::RateLimited))?;
        }
        let all = AttemptFilter::default();
        let rows = tx.operator().attempts(&all, &page(10, None))?;
        assert_eq!(rows.len(), 2);
        assert!(
            rows.iter()
                .all(|row| row.count == 7 && row.last_at.is_some())
        );
        Ok(())
    });
}

pub(crate) fn attempts_are_pruned_by_their_last_try(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        for n in 0..5 {
            tx.attempts_mut()
                .record(&attempt(n, Outcome::WrongPassword))?;
            tx.attempts_mut()
                .record(&attempt(10 + n, Outcome::Locked))?;
        }
        let before = attempt(14, Outcome::Locked).at;
        let over = Over {
            attempts: before,
            ..nothing_over()
        };
        for left in [3, 2, 0] {
            assert_eq!(tx.housekeeping().prune(&over, 3)?, left);
        }
        let all = AttemptFilter::default();
        assert_eq!(tx.operator().attempts(&all, &page(10, None))?.len(), 1);
        Ok(())
    });
}

fn entry(n: u8, tenant: Option<u8>) -> AuditEntry {
    AuditEntry {
        id: AuditId::from_bytes([n; 16]),
        at: at(n.into()),
        tenant_id: tenant.map(tenant_id),
        actor: Actor {
            uid: Some(1000),
            user: Some("alice".to_owned()),
            pid: Some(7),
            channel: "admin".to_owned(),
            ..Actor::default()
        },
        action: "user.disable".to_owned(),
        object: "usr_x".to_owned(),
        payload: serde_json::json!({"before": {"n": 1.5}, "after": null}),
        salt: [n; 16],
    }
}

/// Stands for the keyed hash; a sum is enough to see what it was made over.
fn seal(bytes: &[u8]) -> [u8; 32] {
    let mut mac = [0_u8; 32];
    for (n, byte) in bytes.iter().enumerate() {
        mac[n % 32] = mac[n % 32].wrapping_mul(31).wrapping_add(*byte);
    }
    mac
}

pub(crate) fn rule_30_audit_rows_are_chained(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let audit = tx.audit_mut();
        assert_eq!(audit.head(None)?.number, 0);
        assert_eq!(audit.head(None)?.mac, [0; 32]);
        let first = audit.append(&entry(1, None), [7; 32], &seal)?;
        let other = audit.append(&entry(2, Some(1)), [8; 32], &seal)?;
        let second = audit.append(&entry(3, None), [9; 32], &seal)?;
        assert_eq!((first.number, other.number, second.number), (1, 1, 2));
        assert_eq!(first.previous, [0; 32]);
        assert_eq!(second.previous, first.mac);
        let covered = mac_input(&second.entry, 2, &first.mac, &[9; 32]);
        assert_eq!(second.mac, seal(&covered));
        assert_eq!(audit.head(None)?.mac, second.mac);
        assert_eq!(audit.rows(None, 1, 10)?, [first, second.clone()]);
        assert_eq!(audit.rows(None, 2, 10)?, std::slice::from_ref(&second));
        assert_eq!(audit.rows(None, 1, 0)?, []);
        assert_eq!(audit.rows(Some(tenant_id(1)), 1, 10)?, [other]);
        assert_eq!(audit.by_id(second.entry.id)?, Some(second));
        assert_eq!(audit.chains()?, [None, Some(tenant_id(1))]);
        Ok(())
    });
}

pub(crate) fn rule_16_a_chain_is_listed_by_its_own_numbers(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let audit = tx.audit_mut();
        // Ids are drawn before the write, so they may be in another order.
        for (n, tenant) in [
            (9, Some(1)),
            (5, Some(2)),
            (2, Some(1)),
            (7, None),
            (3, Some(1)),
        ] {
            audit.append(&entry(n, tenant), [n; 32], &seal)?;
        }
        let list = |tenant: Option<u8>, after: Option<u8>, limit: u32| {
            let filter = AuditFilter {
                tenant: tenant.map(tenant_id),
                ..AuditFilter::default()
            };
            let page = PageRequest {
                limit,
                after: after.map(|n| AuditId::from_bytes([n; 16]).to_string()),
            };
            let rows = audit.list(&filter, &page)?;
            let ids = rows.iter().map(|row| row.entry.id.as_bytes()[0]);
            Ok::<Vec<u8>, StoreError>(ids.collect())
        };
        assert_eq!(list(Some(1), None, 9)?, [3, 2, 9]);
        assert_eq!(list(Some(1), None, 2)?, [3, 2]);
        assert_eq!(list(Some(1), Some(2), 9)?, [9]);
        let nothing: [u8; 0] = [];
        assert_eq!(list(Some(1), Some(9), 9)?, nothing);
        let elsewhere = list(Some(1), Some(5), 9)?;
        assert_eq!(elsewhere, nothing, "a place in another chain");
        assert_eq!(list(None, None, 9)?, [9, 7, 5, 3, 2]);
        assert_eq!(list(None, Some(7), 9)?, [5, 3, 2]);
        Ok(())
    });
}

fn stored_key(n: u8, number: u32, state: KeyState) -> StoredKey {
    StoredKey {
        id: KeyId::from_bytes([n; 16]),
        purpose: KeyPurpose::Signing,
        number,
        algorithm: "EdDSA".to_owned(),
        state,
        public: vec![1, 2],
        wrapped: vec![3, 4, 5],
        created_at: at(0),
        activates_at: at(1),
        retires_at: None,
        ends_at: None,
    }
}

fn denial(tenant: Option<common::id::TenantId>, expires: i64) -> Denial {
    Denial {
        tenant,
        denied_at: at(1),
        expires_at: at(expires),
        reason: tenant.map(|_| "lost".to_owned()),
    }
}

pub(crate) fn keys_and_facts_read_back(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let active = stored_key(1, 1, KeyState::Active);
        let gone = stored_key(2, 2, KeyState::Gone);
        tx.keys_mut().insert(&active)?;
        tx.keys_mut().insert(&gone)?;
        assert!(
            tx.keys_mut()
                .insert(&stored_key(3, 1, KeyState::Active))
                .is_err()
        );
        assert!(
            tx.keys_mut()
                .insert(&stored_key(3, 3, KeyState::Active))
                .is_err(),
            "one key of a purpose is active"
        );
        assert_eq!(tx.keys().all()?, std::slice::from_ref(&active));
        assert_eq!(tx.keys().by_id(gone.id)?, Some(gone.clone()));
        let purpose = KeyPurpose::Signing;
        let mut ended = active.clone();
        ended.end(at(5));
        assert!(tx.keys_mut().update(&ended)?);
        assert!(!tx.keys_mut().update(&stored_key(9, 9, KeyState::Active))?);
        assert_eq!(tx.keys().of(purpose, 9, 9)?, [gone.clone(), ended.clone()]);
        assert_eq!(tx.keys().of(purpose, 9, 1)?, [gone]);
        assert_eq!(tx.keys().of(purpose, 2, 9)?, [ended]);
        assert_eq!(tx.keys().of(KeyPurpose::Audit, 9, 9)?, []);
        assert_eq!(tx.keys().all()?, []);
        assert_eq!(tx.meta().value("issuer")?, None);
        tx.meta_mut().set("issuer", b"a")?;
        tx.meta_mut().set("issuer", b"b")?;
        assert_eq!(tx.meta().value("issuer")?.as_deref(), Some(b"b".as_slice()));
        assert_eq!(tx.meta().hash_schemes()?, Vec::<String>::new());
        assert!(!tx.is_denied("jti")?);
        let first = denial(Some(tenant_id(1)), 9);
        tx.deny("jti", &first)?;
        tx.deny("jti", &denial(None, 8))?;
        tx.deny("other", &denial(None, 7))?;
        assert!(tx.is_denied("jti")?);
        assert_eq!(tx.denial("jti")?, Some(first.clone()));
        assert_eq!(tx.denial("none")?, None);
        let page = |after: Option<&str>| PageRequest {
            limit: 9,
            after: after.map(str::to_owned),
        };
        let (one, two) = (
            ("jti".to_owned(), first),
            ("other".to_owned(), denial(None, 7)),
        );
        assert_eq!(tx.denials(at(6), &page(None))?, [one.clone(), two.clone()]);
        assert_eq!(tx.denials(at(7), &page(None))?, [one]);
        assert_eq!(tx.denials(at(6), &page(Some("jti")))?, [two]);
        Ok(())
    });
}

pub(crate) fn attempts_are_counted_by_what_they_share(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let (failed, ok) = (Outcome::WrongPassword, Outcome::Success);
        for (n, outcome) in [(1, failed), (2, failed), (3, ok)] {
            tx.attempts_mut().record(&Attempt {
                ip: Some("203.0.113.7".to_owned()),
                ..attempt(n, outcome)
            })?;
        }
        tx.attempts_mut().record(&Attempt {
            tenant_id: None,
            user_id: None,
            subject: CounterKey::from_bytes([9; 32]),
            ip: Some("198.51.100.9".to_owned()),
            ..attempt(4, Outcome::WrongPassword)
        })
    });
    let count = |by, tenant: Option<u8>, since, limit| {
        let counted = read(store, move |tx| {
            let tenant = tenant.map(tenant_id);
            tx.operator().count_attempts(by, tenant, since, limit)
        });
        let figures = |row: &AttemptsCount| (row.failed, row.succeeded, row.subjects);
        let figures: Vec<(u64, u64, u64)> = counted.iter().map(figures).collect();
        (counted, figures)
    };
    let (rows, figures) = count(AttemptsBy::Ip, None, at(0), 9);
    assert_eq!(figures, [(2, 1, 1), (1, 0, 1)]);
    assert_eq!(rows[1].ip.as_deref(), Some("198.51.100.9"));
    let (rows, figures) = count(AttemptsBy::Subject, None, at(0), 9);
    assert_eq!(figures, [(2, 1, 1), (1, 0, 1)]);
    assert_eq!(rows[0].user, Some(user_id(1)));
    assert_eq!(rows[0].tenant, Some(tenant_id(1)));
    assert_eq!(rows[1].user, None);
    assert_eq!(rows[1].subject, Some(CounterKey::from_bytes([9; 32])));
    let (rows, figures) = count(AttemptsBy::Tenant, Some(1), at(0), 9);
    assert_eq!(figures, [(2, 1, 1)]);
    assert_eq!(rows[0].tenant, Some(tenant_id(1)));
    assert_eq!(count(AttemptsBy::Tenant, None, at(0), 1).1, [(2, 1, 1)]);
    assert_eq!(count(AttemptsBy::Ip, None, at(1_000_000), 9).1, []);
}
