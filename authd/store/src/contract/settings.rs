//! Values that a tenant has of its own: each tenant sees its own rows alone, and its times are
//! those by which its rows are over.

use common::id::AttemptId;
use common::time::Time;
use domain::attempt::{Attempt, Outcome};
use domain::device::KnownDevice;
use domain::lockout::{Boot, CounterKind};
use domain::session::{EndReason, Floors};
use domain::setting::{SetBy, Setting, StoredSetting};

use super::{
    at, key, nothing_over, page, session, session_id, tenant_id, two_tenants, user_id, write,
};
use crate::error::StoreError;
use crate::resource::{AttemptFilter, Over, ReadTx, Whose, WriteTx};
use crate::unit::Store;

fn stored(setting: Setting, set_by: SetBy, text: &str) -> StoredSetting {
    StoredSetting {
        setting,
        value: setting.parse(text).unwrap(),
        set_by,
        updated_at: at(1),
    }
}

pub(crate) fn rule_20_settings_read_back(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let settings = acme.settings_mut();
        assert!(settings.all()?.is_empty());
        assert_eq!(tx.operator().tenants_with_settings()?, []);
        let mut expected = Vec::new();
        for (setting, text) in [
            (Setting::LockoutThreshold, "3"),
            (Setting::RefsNames, "branch_id,shop_id"),
            (Setting::SessionIdleTimeout, "36h"),
            (Setting::SessionPolicy, "limit:4"),
        ] {
            let row = stored(setting, SetBy::Operator, text);
            settings.set(&stored(setting, SetBy::Operator, text))?;
            settings.set(&row)?;
            expected.push(row);
        }
        // The two hands stand side by side; a later value of the same one replaces the earlier.
        let own = stored(Setting::LockoutThreshold, SetBy::Tenant, "2");
        settings.set(&stored(Setting::LockoutThreshold, SetBy::Tenant, "1"))?;
        settings.set(&own)?;
        expected.insert(1, own);
        assert_eq!(settings.all()?.values, expected);
        assert!(tx.tenant(tenant_id(2)).settings().all()?.is_empty());
        assert_eq!(tx.operator().tenants_with_settings()?, [tenant_id(1)]);
        let mut values = tx.operator().setting_values(Setting::LockoutThreshold)?;
        values.sort_by_key(ToString::to_string);
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["2", "3"]);
        assert_eq!(tx.operator().setting_values(Setting::LockoutWindow)?, []);
        let beta = tx.tenant_mut(tenant_id(2));
        let threshold = Setting::LockoutThreshold;
        assert!(!beta.settings_mut().unset(threshold, SetBy::Operator)?);
        assert!(settings.unset(threshold, SetBy::Operator)?);
        assert!(!settings.unset(threshold, SetBy::Operator)?);
        expected.remove(0);
        assert_eq!(settings.all()?.values, expected);
        Ok(())
    });
}

pub(crate) fn rule_19_floors_stand_beside_the_values(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let settings = acme.settings_mut();
        let floors = Floors {
            active: at(10),
            ..Floors::NONE
        };
        let higher = floors.or(Floors {
            active: at(5),
            created: at(7),
            device: at(9),
        });
        settings.set_floors(&floors, at(1))?;
        settings.set_floors(&higher, at(2))?;
        let own = settings.all()?;
        assert_eq!((own.values.as_slice(), own.floors), (&[][..], higher));
        assert_eq!(
            (higher.active, higher.created, higher.device),
            (at(10), at(7), at(9))
        );
        // Who has them goes by times of its own, and nobody else has them.
        assert!(!own.is_empty());
        assert_eq!(tx.operator().tenants_with_settings()?, [tenant_id(1)]);
        assert!(tx.tenant(tenant_id(2)).settings().all()?.is_empty());
        assert!(!settings.unset_floors(&floors)?, "they are higher by now");
        assert_eq!(settings.all()?.floors, higher);
        assert!(settings.unset_floors(&higher)?);
        assert!(settings.all()?.is_empty());
        Ok(())
    });
}

/// A failure, an attempt, a session and a device, all at one time, in each of the two tenants.
fn leave_traces(tx: &dyn WriteTx) -> Result<(), StoreError> {
    for n in 1..=2 {
        let tenant = tenant_id(n);
        let counters = tx.counters_mut();
        let kind = CounterKind::Subject;
        let id = counters.reserve(&key(n), kind, Some(tenant), at(100), Boot([1; 16]))?;
        counters.fail(id, at(100), None)?;
        tx.attempts_mut().record(&Attempt {
            id: AttemptId::from_bytes([n; 16]),
            at: at(100),
            tenant_id: Some(tenant),
            user_id: None,
            subject: key(n),
            ip: None,
            outcome: Outcome::UnknownUser,
            device: None,
            request_id: None,
            trace: Vec::new(),
            decision: None,
            correlation_id: None,
        })?;
        let rows = tx.tenant_mut(tenant);
        rows.sessions_mut().insert(&session(n, n, n))?;
        rows.devices_mut().insert(&KnownDevice {
            secret_hash: [n; 32],
            user_id: user_id(n),
            created_at: at(0),
            last_used_at: at(0),
        })?;
    }
    Ok(())
}

/// Whether tenant `n` still has its failure, attempt, open session and device.
fn left(tx: &dyn ReadTx, n: u8) -> Result<[bool; 4], StoreError> {
    let rows = tx.tenant(tenant_id(n));
    let all = AttemptFilter {
        tenant: Some(tenant_id(n)),
        ..AttemptFilter::default()
    };
    Ok([
        tx.counters().lockout(&key(n), at(0))?.is_some(),
        !tx.operator().attempts(&all, &page(10, None))?.is_empty(),
        rows.sessions()
            .by_id(session_id(n))?
            .is_some_and(|session| session.ended.is_none()),
        rows.devices().by_hash(&[n; 32])?.is_some(),
    ])
}

pub(crate) fn rule_20_rows_are_over_by_their_own_tenants_times(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        leave_traces(tx)?;
        let row = stored(Setting::LockoutThreshold, SetBy::Operator, "3");
        tx.tenant_mut(tenant_id(1)).settings_mut().set(&row)?;
        let over = |whose, moment: Time| Over {
            whose,
            failures: moment,
            attempts: moment,
            idle_sessions: moment,
            devices: moment,
            now: moment,
            ..nothing_over()
        };
        let (all, none) = ([true; 4], [false; 4]);
        let own = Whose::Tenant(tenant_id(1));
        tx.housekeeping().prune(&over(own, at(-1)), 10)?;
        assert_eq!((left(tx, 1)?, left(tx, 2)?), (all, all));
        // The installation's times are not those of a tenant with its own.
        tx.housekeeping()
            .prune(&over(Whose::Installation, at(200)), 10)?;
        assert_eq!((left(tx, 1)?, left(tx, 2)?), (all, none));
        tx.housekeeping()
            .prune(&over(Whose::Tenant(tenant_id(2)), at(200)), 10)?;
        assert_eq!(left(tx, 1)?, all);
        tx.housekeeping().prune(&over(own, at(200)), 10)?;
        assert_eq!(left(tx, 1)?, none);
        Ok(())
    });
}

pub(crate) fn rule_20_locks_are_shortened_by_tenant(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        leave_traces(tx)?;
        let row = stored(Setting::LockoutThreshold, SetBy::Operator, "3");
        tx.tenant_mut(tenant_id(1)).settings_mut().set(&row)?;
        for n in 1..=2 {
            tx.counters_mut().lock(&key(n), at(1000), 5)?;
        }
        let until = |n| Ok::<_, StoreError>(tx.counters().state(&key(n), at(0))?.locked_until);
        let housekeeping = tx.housekeeping();
        assert_eq!(
            housekeeping.shorten_locks(Whose::Installation, at(500), 9)?,
            1
        );
        assert_eq!((until(1)?, until(2)?), (Some(at(1000)), Some(at(500))));
        let own = Whose::Tenant(tenant_id(1));
        assert_eq!(housekeeping.shorten_locks(own, at(700), 9)?, 1);
        assert_eq!((until(1)?, until(2)?), (Some(at(700)), Some(at(500))));
        Ok(())
    });
}

pub(crate) fn rule_20_sessions_and_devices_of_one_tenant_are_found(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        leave_traces(tx)?;
        let acme = tx.tenant_mut(tenant_id(1));
        for n in 3..=5 {
            acme.sessions_mut().insert(&session(n, 1, 1))?;
        }
        acme.sessions_mut()
            .end(session_id(4), at(0), EndReason::Revoked)?;
        let found = |after: Option<u8>, limit| {
            let open = acme.sessions().open_after(after.map(session_id), limit)?;
            Ok::<_, StoreError>(open.iter().map(|session| session.id).collect::<Vec<_>>())
        };
        let [one, three, five] = [1, 3, 5].map(session_id);
        assert_eq!(found(None, 9)?, [one, three, five]);
        assert_eq!(found(None, 2)?, [one, three]);
        assert_eq!(found(Some(1), 9)?, [three, five]);
        assert_eq!(found(Some(5), 9)?, []);
        for id in [three, five] {
            acme.sessions_mut().end(id, at(0), EndReason::Revoked)?;
        }
        assert_eq!(acme.sessions().alive_count(at(-1), at(-1))?, 1);
        assert_eq!(acme.sessions().alive_count(at(0), at(-1))?, 0);
        assert_eq!(acme.sessions().alive_count(at(-1), at(0))?, 0);
        assert_eq!(acme.devices_mut().delete_unused(at(-1), 9)?, 0);
        assert_eq!(acme.devices_mut().delete_unused(at(0), 0)?, 0);
        assert_eq!(acme.devices_mut().delete_unused(at(0), 9)?, 1);
        assert_eq!((left(tx, 1)?[3], left(tx, 2)?[3]), (false, true));
        Ok(())
    });
}
