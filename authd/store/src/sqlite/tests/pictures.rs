//! Pictures in a file: many of them one after the other leave the room of one.

use domain::picture::{Picture, PictureAddress, PictureKind};
use rusqlite::Connection;

use super::open_in;
use crate::contract::{at, tenant_id, two_tenants, user_id, write};
use crate::sqlite::{Draft, layout, migrate};

fn picture(n: u16) -> Picture {
    let mut address = [0; 16];
    address[..2].copy_from_slice(&n.to_be_bytes());
    Picture {
        address: PictureAddress::from_bytes(address),
        kind: PictureKind::Jpeg,
        // Each of another length.
        bytes: vec![7; 60_000 + usize::from(n) * 40],
        created_at: at(n.into()),
    }
}

#[test]
fn v5_2_4_a_thousand_pictures_one_after_the_other_take_the_room_of_one() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open_in(folder.path()).unwrap();
    two_tenants(&store);
    // In groups, as a busy writer commits them.
    for first in (0..1000_u16).step_by(50) {
        write(&store, move |tx| {
            let acme = tx.tenant_mut(tenant_id(1));
            for n in first..first + 50 {
                assert!(acme.pictures_mut().put(user_id(1), &picture(n))?);
            }
            Ok(())
        });
    }
    let path = folder.path().join("authd.db");
    let bound = |most: u64| {
        let layout = layout(&path).unwrap();
        let bytes = layout.pages * layout.page_bytes;
        assert!(bytes < most, "{bytes}");
        layout
    };
    let full = bound(2 << 20);
    assert!(full.gives_back);
    write(&store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        assert!(acme.pictures_mut().delete(user_id(1), at(2000))?);
        while tx.housekeeping().give_back(64)? == 64 {}
        Ok(())
    });
    assert!(bound(1 << 20).pages < full.pages);
    store.close();
    let file = Connection::open(path).unwrap();
    let rows: u32 = file
        .query_row("SELECT count(*) FROM pictures", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn rule_19_an_address_that_died_since_a_backup_stays_dead() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    let (store, _) = open_in(folder.path()).unwrap();
    two_tenants(&store);
    write(&store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        acme.pictures_mut().put(user_id(1), &picture(1)).map(drop)
    });
    store.close();
    let draft = Draft::open(&path).unwrap();
    draft.begin().unwrap();
    let pictured = draft.pictured().unwrap();
    assert_eq!(pictured, [user_id(1)]);
    let fresh = PictureAddress::from_bytes([9; 16]);
    draft.readdress(user_id(1), fresh).unwrap();
    draft.finish().unwrap();
    let (store, _) = open_in(folder.path()).unwrap();
    write(&store, move |tx| {
        assert_eq!(tx.picture(picture(1).address)?, None);
        assert_eq!(tx.picture(fresh)?.unwrap().bytes, picture(1).bytes);
        Ok(())
    });
    store.close();
}

#[test]
fn a_database_of_an_older_schema_gets_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    let before: Vec<_> = migrate::known()
        .into_iter()
        .filter(|step| step.version() < 8)
        .collect();
    migrate::create(&path, &before).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "INSERT INTO tenants (id, slug, name, status, time_zone, plan, created_at, updated_at) \
         VALUES (x'01010101010101010101010101010101', 'acme', 'Acme', 'active', 'UTC', 'pro', \
         0, 0);
         INSERT INTO users (id, tenant_id, email, email_verified, external_refs, status, \
         is_tenant_admin, subject, created_at, updated_at) \
         VALUES (x'01010101010101010101010101010101', x'01010101010101010101010101010101', \
         'bob@acme.test', 1, '{}', 'active', 0, zeroblob(32), 0, 0);",
    )
    .unwrap();
    drop(old);
    let (store, _) = open_in(folder.path()).unwrap();
    write(&store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        assert_eq!(acme.users().by_id(user_id(1))?.unwrap().picture, None);
        assert!(acme.pictures_mut().put(user_id(1), &picture(1))?);
        assert!(tx.picture(picture(1).address)?.is_some());
        Ok(())
    });
    store.close();
}
