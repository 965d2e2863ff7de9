//! Service clients, and the events that revoke.

use common::id::{ClientId, KeyId, RoleId};
use domain::client::{ClientScope, ClientSecretRow, ServiceClient};
use domain::event::{Range, Revocation, Revoked};
use domain::key::{KeyPurpose, KeyState, StoredKey};
use domain::role::Role;
use domain::session::EndReason;
use domain::tenant::{Tenant, TenantStatus};
use domain::user::UserStatus;

use super::{
    at, nothing_over, page, read, session, session_id, tenant, tenant_id, two_tenants, user_id,
    write,
};
use crate::error::StoreError;
use crate::resource::{ClientFilter, Denial, Over, WriteTx};
use crate::unit::Store;

pub(crate) fn client_id(n: u8) -> ClientId {
    ClientId::from_bytes([n; 16])
}

fn secret(n: u8, seconds: i64) -> ClientSecretRow {
    ClientSecretRow {
        number: u32::from(n),
        hash: [n; 32],
        created_at: at(seconds),
    }
}

pub(crate) fn client(n: u8, tenant: u8) -> ServiceClient {
    ServiceClient {
        id: client_id(n),
        tenant_id: tenant_id(tenant),
        name: format!("billing {n}"),
        scopes: vec![ClientScope::Introspect, ClientScope::Revoke],
        roles: Vec::new(),
        secrets: vec![secret(n, 0)],
        generation: at(0).millis(),
        expires_at: Some(at(900)),
        last_used_at: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

fn role(n: u8, tenant: u8) -> Role {
    Role {
        id: RoleId::from_bytes([n; 16]),
        tenant_id: Some(tenant_id(tenant)),
        name: format!("cashier{n}").parse().unwrap(),
        description: None,
        rights: vec!["orders:view".parse().unwrap()],
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn a_client_reads_back_in_its_tenant_alone(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        acme.roles_mut().insert(&role(1, 1))?;
        tx.tenant_mut(tenant_id(2))
            .roles_mut()
            .insert(&role(2, 2))?;
        let roles = [role(1, 1).id, role(2, 2).id];
        acme.clients_mut().insert(&client(1, 1), &roles)
    });
    write(store, |tx| {
        let whole = ServiceClient {
            roles: vec!["cashier1".parse().unwrap()],
            ..client(1, 1)
        };
        let (acme, beta) = (tx.tenant_mut(tenant_id(1)), tx.tenant_mut(tenant_id(2)));
        let id = client_id(1);
        assert_eq!(acme.clients().by_id(id)?, Some(whole.clone()));
        assert_eq!(acme.clients().by_name("billing 1")?, Some(whole.clone()));
        assert_eq!(acme.clients().names()?, ["billing 1"]);
        assert_eq!(tx.client(id)?, Some(whole));
        let orders = "orders:view".parse().unwrap();
        assert_eq!(acme.clients().rights_of(id)?, [orders]);
        // Another tenant has no way to it, neither to see nor to change.
        assert_eq!(beta.clients().by_id(id)?, None);
        assert_eq!(beta.clients().by_name("billing 1")?, None);
        assert!(beta.clients().rights_of(id)?.is_empty());
        beta.clients_mut()
            .set_secrets(id, &[secret(9, 9)], Some(9), at(9))?;
        beta.clients_mut().touch(id, at(9))?;
        let renamed = ServiceClient {
            name: "stolen".to_owned(),
            ..client(1, 1)
        };
        beta.clients_mut().update(&renamed, &[role(2, 2).id])?;
        assert!(!beta.clients_mut().delete(id, 9, at(9))?);
        let still = acme.clients().by_id(id)?.unwrap();
        assert_eq!((still.name.as_str(), still.roles.len()), ("billing 1", 1));
        assert_eq!(still.secrets, [secret(1, 0)]);
        assert_eq!(
            (still.last_used_at, still.generation),
            (None, at(0).millis())
        );
        Ok(())
    });
}

pub(crate) fn secrets_of_a_client_follow_one_another(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let clients = tx.tenant_mut(tenant_id(1));
        let clients = clients.clients_mut();
        clients.insert(&client(1, 1), &[])?;
        let two = [secret(2, 5), secret(1, 0)];
        clients.set_secrets(client_id(1), &two, None, at(5))?;
        let row = clients.by_id(client_id(1))?.unwrap();
        assert_eq!(row.secrets, two);
        assert_eq!((row.generation, row.updated_at), (at(0).millis(), at(5)));
        clients.set_secrets(client_id(1), &[secret(3, 6)], Some(7), at(6))?;
        let row = clients.by_id(client_id(1))?.unwrap();
        assert_eq!((row.secrets.len(), row.generation), (1, 7));
        // A use only moves forward.
        clients.touch(client_id(1), at(8))?;
        clients.touch(client_id(1), at(7))?;
        let row = clients.by_id(client_id(1))?.unwrap();
        assert_eq!(row.last_used_at, Some(at(8)));
        assert!(clients.delete(client_id(1), 8, at(9))?);
        assert!(!clients.delete(client_id(1), 9, at(9))?);
        assert_eq!(tx.client(client_id(1))?, None);
        // One of the same name inherits nothing.
        let again = ServiceClient {
            name: "billing 1".to_owned(),
            ..client(2, 1)
        };
        clients.insert(&again, &[])?;
        assert_eq!(
            clients.by_id(client_id(2))?.unwrap().secrets,
            [secret(2, 0)]
        );
        Ok(())
    });
}

pub(crate) fn a_client_is_changed_but_for_its_secrets_and_its_generation(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        for n in [1, 3] {
            acme.roles_mut().insert(&role(n, 1))?;
        }
        tx.tenant_mut(tenant_id(2))
            .roles_mut()
            .insert(&role(2, 2))?;
        acme.clients_mut().insert(&client(1, 1), &[role(1, 1).id])?;
        let changed = ServiceClient {
            name: "invoices".to_owned(),
            scopes: vec![ClientScope::Revocations],
            expires_at: None,
            updated_at: at(7),
            // Neither of these is looked at.
            secrets: Vec::new(),
            generation: 9,
            ..client(1, 1)
        };
        let roles = [role(3, 1).id, role(2, 2).id];
        acme.clients_mut().update(&changed, &roles)?;
        let expected = ServiceClient {
            roles: vec!["cashier3".parse().unwrap()],
            secrets: client(1, 1).secrets,
            generation: client(1, 1).generation,
            ..changed
        };
        assert_eq!(acme.clients().by_id(client_id(1))?, Some(expected));
        Ok(())
    });
}

pub(crate) fn a83_clients_count_among_the_members_of_a_role(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let more = Role {
            rights: vec!["audit:view".parse().unwrap()],
            ..role(3, 1)
        };
        let wide = Role {
            tenant_id: None,
            name: "system:helper".parse().unwrap(),
            ..role(4, 1)
        };
        acme.roles_mut().insert(&role(1, 1))?;
        acme.roles_mut().insert(&more)?;
        tx.system_roles_mut().insert(&wide)?;
        let held = |id: RoleId| -> Result<Vec<String>, StoreError> {
            let mut held = tx.tenant(tenant_id(1)).grants().rights_of_members(id)?;
            held.sort();
            Ok(held.iter().map(ToString::to_string).collect())
        };
        assert!(held(role(1, 1).id)?.is_empty());
        acme.clients_mut()
            .insert(&client(1, 1), &[role(1, 1).id, more.id, wide.id])?;
        // By the role itself and by every other one that the client has.
        for id in [role(1, 1).id, more.id, wide.id] {
            assert_eq!(held(id)?, ["audit:view", "orders:view"]);
        }
        let of_beta = tx.tenant(tenant_id(2));
        assert!(of_beta.grants().rights_of_members(wide.id)?.is_empty());
        let tenants = tx.system_roles().tenants_of_members(wide.id)?;
        assert_eq!(tenants, [tenant_id(1)]);
        Ok(())
    });
}

pub(crate) fn clients_are_listed_by_tenant_and_name(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        for (n, tenant) in [(3, 2), (2, 1), (1, 1)] {
            let rows = tx.tenant_mut(tenant_id(tenant));
            rows.clients_mut().insert(&client(n, tenant), &[])?;
        }
        Ok(())
    });
    read(store, |tx| {
        let list = |filter: &ClientFilter, after: Option<&str>| -> Result<Vec<String>, _> {
            let rows = tx.operator().clients(filter, &page(2, after))?;
            Ok(rows
                .iter()
                .map(|row| format!("{}/{}", row.tenant, row.client.name))
                .collect())
        };
        let all = ClientFilter::default();
        let first = list(&all, None)?;
        assert_eq!(first, ["acme/billing 1", "acme/billing 2"]);
        assert_eq!(list(&all, Some("acme/billing 2"))?, ["beta/billing 3"]);
        let beta = ClientFilter {
            tenant: Some(tenant_id(2)),
        };
        assert_eq!(list(&beta, None)?, ["beta/billing 3"]);
        let rows = tx.operator().clients(&beta, &page(2, None))?;
        assert_eq!(rows[0].client.secrets, [secret(3, 0)]);
        Ok(())
    });
}

pub(crate) fn roles_of_clients_go_with_the_role(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let (from, to) = (role(1, 1), role(2, 1));
        acme.roles_mut().insert(&from)?;
        acme.roles_mut().insert(&to)?;
        acme.clients_mut().insert(&client(1, 1), &[from.id])?;
        acme.roles_mut().reassign(from.id, to.id, at(1))?;
        acme.roles_mut().delete(from.id)?;
        let held = |tx: &dyn WriteTx| -> Result<_, StoreError> {
            Ok(tx.client(client_id(1))?.unwrap().roles)
        };
        assert_eq!(held(tx)?, [to.name]);
        acme.roles_mut().delete(to.id)?;
        assert!(held(tx)?.is_empty());
        Ok(())
    });
}

pub(crate) fn rule_19_clients_of_a_deleted_tenant_are_dead_and_stay_so(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        for n in [1, 2] {
            let rows = tx.tenant_mut(tenant_id(n));
            rows.clients_mut().insert(&client(n, n), &[])?;
        }
        assert!(tx.tenants_mut().delete(tenant_id(1), at(1), at(9))?);
        assert_eq!(tx.client(client_id(1))?, None);
        let listed = tx
            .operator()
            .clients(&ClientFilter::default(), &page(9, None))?;
        assert_eq!(listed.len(), 1);
        assert_eq!(tx.housekeeping().end_access(tenant_id(1), at(2), 9)?, 1);
        assert_eq!(tx.housekeeping().end_access(tenant_id(1), at(2), 9)?, 0);
        assert!(tx.tenants_mut().restore(tenant_id(1), at(3))?);
        assert!(tx.client(client_id(1))?.unwrap().secrets.is_empty());
        assert_eq!(tx.client(client_id(2))?.unwrap().secrets.len(), 1);
        tx.tenants_mut().delete(tenant_id(1), at(4), at(9))?;
        while tx.housekeeping().purge(tenant_id(1), 9)? > 0 {}
        let acme = tx.tenant(tenant_id(1));
        assert!(acme.clients().names()?.is_empty());
        Ok(())
    });
}

fn key(n: u8, purpose: KeyPurpose) -> StoredKey {
    StoredKey {
        id: KeyId::from_bytes([n; 16]),
        purpose,
        number: u32::from(n),
        algorithm: "EdDSA".to_owned(),
        state: KeyState::Retiring,
        public: vec![n],
        wrapped: vec![n],
        created_at: at(0),
        activates_at: at(0),
        retires_at: Some(at(3)),
        ends_at: Some(at(7)),
    }
}

/// What can be revoked, in `acme` or for all.
fn alive(store: &Store) {
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let sessions = acme.sessions_mut();
        for n in 1..=4 {
            sessions.insert(&session(n, 1, 1))?;
        }
        acme.clients_mut().insert(&client(1, 1), &[])?;
        acme.clients_mut().insert(&client(2, 1), &[])?;
        tx.keys_mut().insert(&key(1, KeyPurpose::Signing))?;
        tx.keys_mut().insert(&key(2, KeyPurpose::Refresh))
    });
}

/// Ends sessions and single tokens in every way.
fn end_sessions(tx: &dyn WriteTx) -> Result<(), StoreError> {
    let acme = tx.tenant_mut(tenant_id(1));
    let sessions = acme.sessions_mut();
    sessions.end(session_id(1), at(5), EndReason::Reused)?;
    // Ended once.
    sessions.end(session_id(1), at(6), EndReason::Revoked)?;
    let except = Some(session_id(3));
    sessions.end(session_id(4), at(5), EndReason::Superseded)?;
    sessions.end_of(user_id(1), except, at(5), EndReason::Revoked)?;
    sessions.end_some(at(5), EndReason::Revoked, 100)?;
    let denial = Denial {
        tenant: Some(tenant_id(1)),
        denied_at: at(5),
        expires_at: at(50),
        reason: None,
    };
    tx.deny("one", &denial)?;
    tx.deny("one", &denial)?;
    let nobodys = Denial {
        tenant: None,
        ..denial
    };
    tx.deny("any", &nobodys)
}

/// Closes users, clients, keys and tenants in every way.
fn close(tx: &dyn WriteTx) -> Result<(), StoreError> {
    let acme = tx.tenant_mut(tenant_id(1));
    let users = acme.users_mut();
    users.set_status(user_id(1), UserStatus::Disabled, at(5))?;
    users.set_status(user_id(1), UserStatus::Active, at(6))?;
    users.delete(user_id(1), at(6))?;
    let clients = acme.clients_mut();
    clients.set_secrets(client_id(1), &[secret(8, 5)], None, at(5))?;
    clients.set_secrets(client_id(1), &[secret(9, 5)], Some(9), at(5))?;
    clients.delete(client_id(2), 9, at(5))?;
    for (n, purpose) in [(2, KeyPurpose::Refresh), (1, KeyPurpose::Signing)] {
        let gone = StoredKey {
            state: KeyState::Gone,
            ..key(n, purpose)
        };
        tx.keys_mut().update(&gone)?;
    }
    let suspended = Tenant {
        status: TenantStatus::Suspended,
        updated_at: at(5),
        ..tenant(1, "acme")
    };
    tx.tenants_mut().update(&suspended)?;
    tx.tenants_mut().update(&suspended)?;
    tx.tenants_mut().delete(tenant_id(1), at(5), at(9))?;
    tx.tenants_mut().restore(tenant_id(1), at(6)).map(drop)
}

/// Does whatever revokes; one a line of the feed, in this order.
fn revoke_all(store: &Store) -> Vec<Revoked> {
    alive(store);
    write(store, end_sessions);
    write(store, close);
    vec![
        Revoked::Session(session_id(1)),
        Revoked::Session(session_id(4)),
        Revoked::Session(session_id(2)),
        Revoked::Session(session_id(3)),
        Revoked::Token("one".to_owned()),
        Revoked::Token("any".to_owned()),
        Revoked::User(user_id(1)),
        Revoked::User(user_id(1)),
        Revoked::Client(client_id(1)),
        Revoked::Client(client_id(2)),
        Revoked::Key(KeyId::from_bytes([1; 16])),
        Revoked::Tenant(tenant_id(1)),
        Revoked::Tenant(tenant_id(1)),
        Revoked::Tenant(tenant_id(1)),
    ]
}

pub(crate) fn a79_whatever_revokes_is_in_the_feed_once(store: &Store) {
    two_tenants(store);
    let expected = revoke_all(store);
    read(store, move |tx| {
        let events = tx.events().of(tenant_id(1), 0, 99)?;
        let told: Vec<Revoked> = events.iter().map(|event| event.what.clone()).collect();
        assert_eq!(told, expected);
        assert!(events.is_sorted_by(|a, b| a.number < b.number));
        for event in &events {
            assert!([at(5), at(6), at(7)].contains(&event.at), "{event:?}");
        }
        let range = tx.events().range()?;
        let last = events.last().map(|event| event.number);
        assert_eq!((range.floor, Some(range.head)), (0, last));
        // Pages meet without a gap, and B sees what belongs to nobody alone.
        let mut paged: Vec<Revocation> = Vec::new();
        while let page = tx.events().of(
            tenant_id(1),
            paged.last().map_or(0, |event| event.number),
            3,
        )? && !page.is_empty()
        {
            paged.extend(page);
        }
        assert_eq!(paged, events);
        let others: Vec<Revoked> = tx
            .events()
            .of(tenant_id(2), 0, 99)?
            .into_iter()
            .map(|event| event.what)
            .collect();
        let key = Revoked::Key(KeyId::from_bytes([1; 16]));
        assert_eq!(others, [Revoked::Token("any".to_owned()), key]);
        Ok(())
    });
}

pub(crate) fn a79_numbers_of_events_are_never_given_twice(store: &Store) {
    two_tenants(store);
    let start = read(store, |tx| tx.events().range());
    assert_eq!(start, Range { floor: 0, head: 0 });
    let end = |n: u8, seconds: i64| {
        write(store, move |tx| {
            let acme = tx.tenant_mut(tenant_id(1));
            acme.sessions_mut().insert(&session(n, 1, 1))?;
            let id = session_id(n);
            acme.sessions_mut()
                .end(id, at(seconds), EndReason::Revoked)
                .map(drop)
        });
    };
    // The second was written while the clock was ahead: what is behind it waits with it.
    for (n, seconds) in [(1, 1), (2, 60), (3, 3)] {
        end(n, seconds);
    }
    let prune = |seconds: i64| {
        write(store, move |tx| {
            let over = Over {
                events: at(seconds),
                ..nothing_over()
            };
            tx.housekeeping().prune(&over, 10).map(drop)
        });
        read(store, |tx| tx.events().range())
    };
    assert_eq!(prune(0), Range { floor: 0, head: 3 });
    assert_eq!(prune(30), Range { floor: 1, head: 3 });
    assert_eq!(prune(90), Range { floor: 3, head: 3 });
    end(4, 91);
    let events = read(store, |tx| tx.events().of(tenant_id(1), 3, 9));
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].number, 4);
}

pub(crate) fn a79_what_is_undone_takes_no_number(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        acme.sessions_mut().insert(&session(1, 1, 1))
    });
    let undone = store.write_blocking(crate::unit::Priority::Normal, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        acme.sessions_mut()
            .end(session_id(1), at(5), EndReason::Revoked)?;
        Err::<(), _>(StoreError::Damaged { what: "test" })
    });
    assert!(undone.is_err());
    let range = read(store, |tx| tx.events().range());
    assert_eq!(range, Range { floor: 0, head: 0 });
}
