//! Backups and the database as a whole, through the use cases.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use authd::app::job::{Event, line};
use authd::app::{Error, backup, db};
use common::call::backup::{Create, Goal, List, Prune, Verify};
use common::call::db::{Check, Optimize, Status, Vacuum};
use common::error::ErrorCode;
use common::view::{BackupMade, BackupView, CheckView};
use rusqlite::Connection;

use crate::desk::Desk;

fn folder(desk: &Desk) -> PathBuf {
    desk.app.settings().backup.folder.clone()
}

/// Makes a backup; hands back what came as data.
async fn create(desk: &Desk, goal: Goal, compress: bool) -> (Result<BackupMade, Error>, Vec<u8>) {
    let (reporter, mut events) = line();
    let request = Create {
        goal,
        compress: Some(compress),
    };
    let work = tokio::spawn(backup::create(
        Arc::clone(&desk.app),
        desk.admin(),
        request,
        reporter,
    ));
    let mut data = Vec::new();
    while let Some(event) = events.recv().await {
        if let Event::Data(part) = event {
            data.extend(part);
        }
    }
    (work.await.unwrap(), data)
}

async fn list(desk: &Desk) -> Vec<BackupView> {
    let page = backup::list(&desk.app, &desk.monitor(), List::default()).await;
    page.unwrap().items
}

async fn verify(desk: &Desk, name: &str) -> Result<CheckView, Error> {
    let (reporter, _events) = line();
    let request = Verify {
        name: name.to_owned(),
    };
    backup::verify(Arc::clone(&desk.app), desk.admin(), request, reporter).await
}

#[tokio::test]
async fn r31_a_backup_is_verified_listed_and_the_owners_alone() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    desk.user("acme", "bob@acme.test").await;
    let (made, data) = create(&desk, Goal::Folder, true).await;
    let made = made.unwrap();
    assert!(data.is_empty());
    assert!(made.backup.verified && made.backup.compressed);
    assert!(made.backup.wrap_key_id.is_some());
    let listed = list(&desk).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0], made.backup);
    let name = made.backup.name.unwrap();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder(&desk)), 0o700);
    assert_eq!(mode(folder(&desk).join(&name)), 0o600);
    assert_eq!(mode(folder(&desk).join(format!("{name}.json"))), 0o600);
    // Nothing on the way was left.
    assert_eq!(fs::read_dir(folder(&desk)).unwrap().count(), 2);
    let checked = verify(&desk, &name).await.unwrap();
    assert!(checked.ok && checked.remarks.is_empty(), "{checked:?}");
    // Its audit row is in the installation's chain, not in a tenant's.
    assert!(
        desk.audit(acme)
            .await
            .iter()
            .all(|row| row.entry.action != "backup.create")
    );
    let rows = desk
        .app
        .store
        .read(|tx| tx.audit().rows(None, 1, 10))
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].entry.id, made.audit_id);
    assert_eq!(rows[0].entry.action, "backup.create");
}

#[tokio::test]
async fn r31_a_backup_for_the_caller_is_the_database_with_its_own_audit_row() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    let (made, data) = create(&desk, Goal::Caller, false).await;
    let made = made.unwrap();
    assert_eq!(made.backup.bytes, data.len() as u64);
    assert!(made.folder.is_none() && !folder(&desk).exists());
    let copy = desk.database().with_file_name("taken.db");
    fs::write(&copy, &data).unwrap();
    let look = Connection::open(&copy).unwrap();
    let found: (u32, u32) = look
        .query_row(
            "SELECT (SELECT count(*) FROM tenants WHERE slug = 'acme'), \
             (SELECT count(*) FROM audit WHERE action = 'backup.create')",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(found, (1, 1));
    let state = desk.database().with_file_name("");
    let left: Vec<_> = fs::read_dir(state)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("partial"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn r7_a_backup_that_was_touched_or_cut_is_found() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    for compress in [true, false] {
        let (made, _) = create(&desk, Goal::Folder, compress).await;
        let name = made.unwrap().backup.name.unwrap();
        let path = folder(&desk).join(&name);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x10;
        for bad in [flipped, whole[..whole.len() / 2].to_vec(), b"PK".to_vec()] {
            fs::write(&path, &bad).unwrap();
            let checked = verify(&desk, &name).await.unwrap();
            assert!(!checked.ok, "{compress} {}", bad.len());
            assert!(!checked.problems.is_empty());
        }
        fs::write(&path, &whole).unwrap();
        assert!(verify(&desk, &name).await.unwrap().ok);
    }
    for name in ["authd-none.db", "../authd.db", "authd.db"] {
        let refused = verify(&desk, name).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
        assert!(refused.hint.unwrap().ends_with("authd db verify FILE"));
    }
}

#[tokio::test]
async fn rule_30_a_broken_audit_chain_makes_no_verified_backup() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    let connection = Connection::open(desk.database()).unwrap();
    connection
        .execute("UPDATE audit SET action = 'tenant.other'", [])
        .unwrap();
    let (made, data) = create(&desk, Goal::Folder, true).await;
    let refused = made.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unavailable);
    assert!(
        refused.developer_message.contains("audit chain"),
        "{}",
        refused.developer_message
    );
    assert!(data.is_empty());
    assert!(list(&desk).await.is_empty());
}

#[tokio::test]
async fn older_backups_go_by_number_and_the_last_one_stays() {
    let desk = Desk::new();
    for _ in 0..5 {
        desk.clock.advance(std::time::Duration::from_secs(1));
        create(&desk, Goal::Folder, true).await.0.unwrap();
    }
    // backup.keep is 3.
    let names: Vec<_> = list(&desk)
        .await
        .into_iter()
        .map(|view| view.name)
        .collect();
    assert_eq!(names.len(), 3);
    let admin = desk.admin();
    let prune = |keep| backup::prune(&desk.app, &admin, Prune { keep });
    assert_eq!(
        prune(0).await.unwrap_err().code,
        ErrorCode::ValidationFailed
    );
    let change = prune(1).await.unwrap();
    assert!(change.changed);
    assert_eq!(change.notes.len(), 2);
    let left: Vec<_> = list(&desk)
        .await
        .into_iter()
        .map(|view| view.name)
        .collect();
    assert_eq!(left, names[..1]);
    assert!(!prune(1).await.unwrap().changed);
}

#[tokio::test]
async fn r4_without_room_nothing_is_begun() {
    let desk = Desk::with_min_free(u64::MAX / 2);
    let (made, _) = create(&desk, Goal::Folder, true).await;
    let refused = made.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unavailable);
    assert!(
        refused.developer_message.contains("no room"),
        "{}",
        refused.developer_message
    );
    assert!(refused.hint.unwrap().contains("db rescue"));
    assert_eq!(fs::read_dir(folder(&desk)).unwrap().count(), 0);
}

#[tokio::test]
async fn the_database_is_checked_and_gives_pages_back() {
    let desk = Desk::new();
    let view = db::status(&desk.app, &desk.monitor(), Status {})
        .await
        .unwrap();
    assert!(view.gives_back);
    assert_eq!(view.pending, 0);
    let (reporter, _events) = line();
    let checked = db::check(
        Arc::clone(&desk.app),
        desk.admin(),
        Check {},
        reporter.clone(),
    )
    .await
    .unwrap();
    assert!(checked.ok, "{checked:?}");
    let connection = Connection::open(desk.database()).unwrap();
    connection
        .execute_batch(
            "INSERT INTO meta VALUES ('filler', zeroblob(2000000)); \
             DELETE FROM meta WHERE name = 'filler';",
        )
        .unwrap();
    let app = || Arc::clone(&desk.app);
    let unused = db::status(&desk.app, &desk.admin(), Status {})
        .await
        .unwrap()
        .unused_bytes;
    assert!(unused > 1_900_000, "{unused}");
    let vacuumed = db::vacuum(app(), desk.admin(), Vacuum {}, reporter.clone())
        .await
        .unwrap();
    assert_eq!(vacuumed.bytes_given_back, unused);
    assert!(vacuumed.notes.is_empty());
    let after = db::optimize(app(), desk.admin(), Optimize {}, reporter)
        .await
        .unwrap();
    assert_eq!(after.unused_bytes, 0);
}
