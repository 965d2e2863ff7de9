//! A change of limits that ends very many sessions: one short write for all of them, and their rows in
//! jobs of a few behind it, which may be cut off at any point.

use std::sync::Arc;
use std::time::Duration;

use authd::app::tenant::settings::{self, Edit};
use authd::app::{housekeeping, session, tenant};
use common::call;
use common::call::setting::{Set, Unset};
use common::id::{SessionId, TenantId, UserId};
use domain::session::Floors;
use domain::setting::{SetBy, Setting};
use rusqlite::Connection;
use store::{Claim, Priority};

use crate::desk::Desk;

/// More than two jobs of the 200 rows that one may change.
const MANY: u32 = 450;
const CHUNK: u32 = 200;
const MINUTE: Duration = Duration::from_mins(1);

/// A tenant with many open sessions, last used six minutes ago.
async fn crowd() -> (Desk, TenantId) {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    copies(&desk, acme, bob).await;
    desk.clock.advance(6 * MINUTE);
    (desk, acme)
}

fn id(n: u32) -> SessionId {
    let mut bytes = [0; 16];
    bytes[12..].copy_from_slice(&n.to_be_bytes());
    SessionId::from_bytes(bytes)
}

async fn copies(desk: &Desk, acme: TenantId, bob: UserId) {
    let first = desk.sign_in(acme, bob).await;
    desk.write(move |tx| {
        let rows = tx.tenant_mut(acme);
        let sessions = rows.sessions_mut();
        let mut session = sessions.by_id(first)?.unwrap();
        for n in 1..MANY {
            session.id = id(n);
            sessions.insert(&session)?;
        }
        Ok(())
    })
    .await;
}

/// The transaction of a change alone, as if the daemon were gone right behind it.
async fn cut_off(desk: &Desk, acme: TenantId, idle: Option<&str>) {
    let setting = Setting::SessionIdleTimeout;
    let edit = Edit {
        setting,
        value: idle.map(|text| setting.parse(text).unwrap()),
        by: SetBy::Operator,
    };
    let (app, now) = (Arc::clone(&desk.app), desk.app.now());
    let write = desk
        .app
        .store
        .write(Priority::Urgent, Claim::detached(), move |tx| {
            settings::apply(&app, tx, acme, &edit, now)
        });
    assert!(write.await.unwrap().is_some());
}

async fn shorten(desk: &Desk) -> call::Change {
    let request = Set {
        tenant: "acme".to_owned(),
        key: "session.idle_timeout".to_owned(),
        value: "5m".to_owned(),
        reason: None,
    };
    settings::set(&desk.app, &desk.admin(), request)
        .await
        .unwrap()
}

/// How many sessions are listed, and how many are counted.
async fn seen(desk: &Desk) -> (usize, u64) {
    let admin = desk.admin();
    let list = session::list(&desk.app, &admin, call::session::List::default());
    let usage = call::tenant::Usage {
        tenant: Some("acme".to_owned()),
        ..Default::default()
    };
    let usage = tenant::usage(&desk.app, &admin, usage);
    let listed = list.await.unwrap().items.len();
    let usage = usage.await.unwrap().items;
    (listed, usage.first().unwrap().sessions)
}

/// How many rows say that their session has ended by time.
fn ended(desk: &Desk) -> u32 {
    let connection = Connection::open(desk.database()).unwrap();
    let sql = "SELECT count(*) FROM sessions WHERE end_reason = 'expired'";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

async fn floors(desk: &Desk, acme: TenantId) -> Floors {
    let read = desk
        .app
        .store
        .read(move |tx| tx.tenant(acme).settings().all());
    read.await.unwrap().floors
}

#[tokio::test]
async fn rule_11_a_shorter_limit_is_one_row_however_many_it_ends() {
    let (desk, acme) = crowd().await;
    let jobs = |desk: &Desk| desk.app.store.work().writes;
    let before = jobs(&desk);
    cut_off(&desk, acme, Some("5m")).await;
    assert_eq!(jobs(&desk) - before, 1);
    assert_eq!(ended(&desk), 0, "no row was touched");
    assert_eq!(seen(&desk).await, (0, 0), "and all are over");
    // Longer limits wake none, also while no row says anything.
    cut_off(&desk, acme, None).await;
    assert_eq!(seen(&desk).await, (0, 0));
    // No job ends more than its share: three for the sessions, one that finds no device below the
    // floor, one for the floors.
    let before = jobs(&desk);
    settings::settle(&desk.app, acme).await.unwrap();
    assert_eq!(jobs(&desk) - before, u64::from(MANY.div_ceil(CHUNK)) + 2);
    assert_eq!(ended(&desk), MANY);
    assert_eq!(floors(&desk, acme).await, Floors::NONE);
    assert_eq!(seen(&desk).await, (0, 0));
}

#[tokio::test]
async fn rule_19_what_a_crash_leaves_between_two_chunks_is_over_and_is_ended_by_the_next_round() {
    let (desk, acme) = crowd().await;
    let connection = Connection::open(desk.database()).unwrap();
    // The second chunk fails, and with it all that would come behind it.
    let stop = format!(
        "CREATE TRIGGER stop BEFORE UPDATE ON sessions WHEN OLD.id = x'{:032x}' \
         BEGIN SELECT RAISE(ABORT, 'stop'); END",
        CHUNK + 50
    );
    connection.execute_batch(&stop).unwrap();
    let change = shorten(&desk).await;
    assert!(change.changed && change.audit_id.is_some());
    assert_eq!(change.sessions_ended, MANY);
    assert_eq!(ended(&desk), CHUNK);
    assert_eq!(seen(&desk).await, (0, 0));
    assert_ne!(floors(&desk, acme).await, Floors::NONE);
    // A round that fails in the same way does not hold up the other tenants.
    housekeeping::prune(&desk.app).await.unwrap();
    assert_eq!(ended(&desk), CHUNK);
    assert_eq!(seen(&desk).await, (0, 0));
    connection.execute_batch("DROP TRIGGER stop").unwrap();
    housekeeping::prune(&desk.app).await.unwrap();
    assert_eq!(ended(&desk), MANY);
    assert_eq!(floors(&desk, acme).await, Floors::NONE);
}

/// A last use that is in memory only keeps its session, through the settling and behind it.
#[tokio::test]
async fn a_use_that_is_not_on_disk_yet_is_put_above_the_floor() {
    let (desk, acme) = crowd().await;
    let (kept, now) = (id(7), desk.app.now());
    desk.app.activity.touch(acme, kept, now);
    let change = shorten(&desk).await;
    assert_eq!(change.sessions_ended, MANY - 1);
    assert_eq!((ended(&desk), seen(&desk).await), (MANY - 1, (1, 1)));
    assert_eq!(floors(&desk, acme).await, Floors::NONE);
    let read = desk
        .app
        .store
        .read(move |tx| tx.tenant(acme).sessions().by_id(kept));
    assert_eq!(read.await.unwrap().unwrap().last_active_at, now);
}

/// A rehearsal counts, and leaves neither floors nor ended rows.
#[tokio::test]
async fn a96_a_rehearsed_limit_counts_and_ends_nothing() {
    let (desk, acme) = crowd().await;
    let request = Set {
        tenant: "acme".to_owned(),
        key: "session.max_age".to_owned(),
        value: "5m".to_owned(),
        reason: None,
    };
    let rehearsed = settings::set(&desk.app, &desk.rehearsing(), request).await;
    assert_eq!(rehearsed.unwrap().sessions_ended, MANY);
    assert_eq!((ended(&desk), floors(&desk, acme).await), (0, Floors::NONE));
    assert_eq!(seen(&desk).await.1, u64::from(MANY));
    // A value that changes no limit ends nothing, and one that is taken away neither.
    let request = Unset {
        tenant: "acme".to_owned(),
        key: "session.max_age".to_owned(),
        reason: None,
    };
    let nothing = settings::unset(&desk.app, &desk.admin(), request).await;
    assert!(!nothing.unwrap().changed);
}
