//! Tenants, users, passwords, sessions and devices: what is written reads back, and only through
//! its own tenant.

use domain::device::KnownDevice;
use domain::session::EndReason;
use domain::user::{CredentialKind, UserStatus};

use super::{
    at, password, read, session, session_id, tenant, tenant_id, two_tenants, user, user_id, write,
};
use crate::error::StoreError;
use crate::resource::CredentialWrite;
use crate::unit::{Priority, Store};

pub(crate) fn tenants_read_back(store: &Store) {
    two_tenants(store);
    let slug = "acme".parse().unwrap();
    let free = "free".parse().unwrap();
    read(store, move |tx| {
        assert_eq!(tx.tenants().by_id(tenant_id(1))?, Some(tenant(1, "acme")));
        assert_eq!(tx.tenants().by_id(tenant_id(9))?, None);
        assert_eq!(tx.tenants().by_slug(&slug)?, Some(tenant(1, "acme")));
        assert!(tx.tenants().slug_used(&slug)?);
        assert!(!tx.tenants().slug_used(&free)?);
        Ok(())
    });
    let again = store.write_blocking(Priority::Normal, |tx| {
        tx.tenants_mut().insert(&tenant(3, "acme"))
    });
    assert!(matches!(again, Err(StoreError::Damaged { .. })));
}

pub(crate) fn a_profile_is_written_in_its_own_tenant_alone(store: &Store) {
    two_tenants(store);
    let bob = user(1, 1, "bob@acme.test");
    let changed = domain::user::User {
        name: domain::user::Name {
            given: None,
            family: Some("Otieno".to_owned()),
            display: Some("B. Otieno".to_owned()),
        },
        phone: None,
        locale: Some("sw-KE".to_owned()),
        employee: domain::user::Employee::default(),
        external_refs: std::collections::BTreeMap::new(),
        updated_at: at(10),
        ..bob
    };
    let written = domain::user::User {
        email: "other@acme.test".parse().unwrap(),
        is_tenant_admin: true,
        ..changed.clone()
    };
    write(store, move |tx| {
        // In its own tenant alone.
        assert!(
            !tx.tenant_mut(tenant_id(2))
                .users_mut()
                .set_profile(&written)?
        );
        assert!(
            tx.tenant_mut(tenant_id(1))
                .users_mut()
                .set_profile(&written)?
        );
        Ok(())
    });
    let read_back = read(store, |tx| {
        tx.tenant(tenant_id(1)).users().by_id(user_id(1))
    });
    assert_eq!(read_back, Some(changed));
}

pub(crate) fn users_read_back(store: &Store) {
    two_tenants(store);
    let bob = user(1, 1, "bob@acme.test");
    read(store, move |tx| {
        let users = tx.tenant(tenant_id(1));
        assert_eq!(users.users().by_id(user_id(1))?, Some(bob.clone()));
        assert_eq!(users.users().by_email(&bob.email)?, Some(bob));
        assert_eq!(users.users().count()?, 1);
        assert_eq!(tx.tenant(tenant_id(9)).users().count()?, 0);
        Ok(())
    });
    write(store, |tx| {
        let tenant = tx.tenant_mut(tenant_id(1));
        let users = tenant.users_mut();
        assert!(users.set_status(user_id(1), UserStatus::Disabled, at(7))?);
        users.set_last_login(user_id(1), at(9))?;
        users.set_last_login(user_id(1), at(8))
    });
    let bob = read(store, |tx| {
        tx.tenant(tenant_id(1)).users().by_id(user_id(1))
    })
    .unwrap();
    assert_eq!(bob.status, UserStatus::Disabled);
    assert_eq!(bob.updated_at, at(7));
    assert_eq!(bob.last_login_at, Some(at(9)));
    let again = store.write_blocking(Priority::Normal, |tx| {
        let twin = user(3, 1, "bob@acme.test");
        tx.tenant_mut(tenant_id(1)).users_mut().insert(&twin)
    });
    assert!(matches!(again, Err(StoreError::Damaged { .. })));
    let count = read(store, |tx| tx.tenant(tenant_id(1)).users().count());
    assert_eq!(count, 1);
}

pub(crate) fn no_row_is_reached_through_another_tenant(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        assert!(acme.credentials_mut().set(&password(1, "$a$b$c$d"), 0)?);
        acme.sessions_mut().insert(&session(1, 1, 1))?;
        acme.devices_mut().insert(&device(1, 1))
    });
    write(store, |tx| {
        let beta = tx.tenant_mut(tenant_id(2));
        let email = "bob@acme.test".parse().unwrap();
        assert_eq!(beta.users().by_id(user_id(1))?, None);
        assert_eq!(beta.users().by_email(&email)?, None);
        assert!(
            !beta
                .users_mut()
                .set_status(user_id(1), UserStatus::Disabled, at(1))?
        );
        beta.users_mut().set_last_login(user_id(1), at(1))?;
        assert!(beta.credentials().of(user_id(1))?.is_none());
        assert!(!beta.credentials_mut().set(&password(1, "$x"), 0)?);
        assert!(!beta.credentials_mut().set(&password(1, "$x"), 1)?);
        assert_eq!(beta.sessions().by_id(session_id(1))?, None);
        assert_eq!(beta.sessions().open_of(user_id(1))?, []);
        let sessions = beta.sessions_mut();
        assert!(!sessions.end(session_id(1), at(1), EndReason::Revoked)?);
        let ended = sessions.end_of(user_id(1), None, at(1), EndReason::Revoked)?;
        assert_eq!(ended, []);
        assert_eq!(sessions.end_some(at(1), EndReason::Revoked, 10)?, 0);
        assert!(!sessions.rotate(session_id(1), 0, at(1))?);
        sessions.touch(session_id(1), at(1))?;
        assert_eq!(beta.devices().by_hash(&[1; 32])?, None);
        assert_eq!(beta.devices().of(user_id(1))?, []);
        beta.devices_mut().touch(&[1; 32], at(1))?;
        beta.devices_mut().delete(&[1; 32])?;
        assert_eq!(beta.devices_mut().delete_of(user_id(1))?, 0);
        assert!(beta.sessions_mut().insert(&session(2, 1, 2)).is_err());
        assert!(beta.devices_mut().insert(&device(2, 1)).is_err());
        Ok(())
    });
    read(store, |tx| {
        let acme = tx.tenant(tenant_id(1));
        let bob = acme.users().by_id(user_id(1))?.unwrap();
        assert_eq!(bob, user(1, 1, "bob@acme.test"));
        assert_eq!(
            acme.sessions().by_id(session_id(1))?,
            Some(session(1, 1, 1))
        );
        assert_eq!(acme.devices().by_hash(&[1; 32])?, Some(device(1, 1)));
        assert_eq!(acme.credentials().of(user_id(1))?.unwrap().version, 1);
        Ok(())
    });
}

fn device(n: u8, user: u8) -> KnownDevice {
    KnownDevice {
        secret_hash: [n; 32],
        user_id: user_id(user),
        created_at: at(0),
        last_used_at: at(i64::from(n)),
    }
}

pub(crate) fn passwords_are_compared_and_swapped(store: &Store) {
    two_tenants(store);
    let argon = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";
    write(store, move |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let credentials = acme.credentials_mut();
        assert!(credentials.of(user_id(1))?.is_none());
        assert!(!credentials.set(&password(1, argon), 1)?);
        assert!(credentials.set(&password(1, argon), 0)?);
        assert!(!credentials.set(&password(1, argon), 0)?);
        let temporary = CredentialWrite {
            kind: CredentialKind::Temporary {
                expires_at: at(60),
                logins_left: 1,
            },
            ..password(1, "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA")
        };
        assert!(credentials.set(&temporary, 1)?);
        assert!(!credentials.set(&temporary, 1)?);
        let stored = credentials.of(user_id(1))?.unwrap();
        assert_eq!(stored.version, 2);
        assert_eq!(stored.hash.expose(), temporary.hash.expose());
        assert_eq!(stored.kind, temporary.kind);
        assert_eq!(stored.changed_at, at(5));
        credentials.use_temporary(user_id(1))?;
        credentials.use_temporary(user_id(1))?;
        let stored = credentials.of(user_id(1))?.unwrap();
        assert!(!stored.usable(at(1)));
        let elsewhere = tx.tenant_mut(tenant_id(2));
        elsewhere.credentials_mut().outdate(user_id(1))?;
        assert_eq!(credentials.of(user_id(1))?.unwrap().version, 2);
        credentials.outdate(user_id(1))?;
        let outdated = credentials.of(user_id(1))?.unwrap();
        assert_eq!(outdated.version, 3);
        assert_eq!(outdated.hash.expose(), stored.hash.expose());
        assert!(!credentials.set(&temporary, 2)?);
        let beta = tx.tenant_mut(tenant_id(2));
        assert!(beta.credentials_mut().set(&password(2, argon), 0)?);
        assert_eq!(
            tx.meta().hash_schemes()?,
            [
                "$argon2id$v=19$m=19456,t=2,p=1",
                "$argon2id$v=19$m=8,t=1,p=1"
            ]
        );
        Ok(())
    });
}

pub(crate) fn sessions_live_and_end(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let sessions = acme.sessions_mut();
        for n in 1..=4 {
            sessions.insert(&session(n, 1, 1))?;
        }
        assert_eq!(tx.session(session_id(2))?, Some(session(2, 1, 1)));
        assert_eq!(tx.session(session_id(9))?, None);
        let open = sessions.open_of(user_id(1))?;
        let open: Vec<_> = open.iter().map(|session| session.id).collect();
        assert_eq!(open, [4, 3, 2, 1].map(session_id));
        assert!(sessions.rotate(session_id(1), 0, at(10))?);
        assert!(!sessions.rotate(session_id(1), 0, at(11))?);
        sessions.touch(session_id(1), at(30))?;
        sessions.touch(session_id(1), at(20))?;
        let first = sessions.by_id(session_id(1))?.unwrap();
        assert_eq!((first.generation, first.rotated_at), (1, at(10)));
        assert_eq!(first.last_active_at, at(30));
        assert!(sessions.end(session_id(1), at(40), EndReason::Reused)?);
        assert!(!sessions.end(session_id(1), at(41), EndReason::Revoked)?);
        assert!(!sessions.rotate(session_id(1), 1, at(42))?);
        let first = sessions.by_id(session_id(1))?.unwrap();
        assert_eq!(first.ended, Some((at(40), EndReason::Reused)));
        let but = Some(session_id(3));
        let mut ended = sessions.end_of(user_id(1), but, at(50), EndReason::Superseded)?;
        ended.sort();
        assert_eq!(ended, [2, 4].map(session_id));
        let open = sessions.open_of(user_id(1))?;
        assert_eq!(open, [session(3, 1, 1)]);
        assert_eq!(sessions.end_some(at(60), EndReason::Expired, 10)?, 1);
        assert_eq!(sessions.open_of(user_id(1))?, []);
        Ok(())
    });
}

pub(crate) fn devices_come_and_go(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let devices = acme.devices_mut();
        for n in 1..=3 {
            devices.insert(&device(n, 1))?;
        }
        assert_eq!(devices.by_hash(&[2; 32])?, Some(device(2, 1)));
        devices.touch(&[1; 32], at(9))?;
        devices.touch(&[1; 32], at(8))?;
        let order: Vec<u8> = devices
            .of(user_id(1))?
            .iter()
            .map(|device| device.secret_hash[0])
            .collect();
        assert_eq!(order, [2, 3, 1]);
        devices.delete(&[2; 32])?;
        assert_eq!(devices.by_hash(&[2; 32])?, None);
        assert_eq!(devices.delete_of(user_id(1))?, 2);
        assert_eq!(devices.of(user_id(1))?, []);
        Ok(())
    });
}
