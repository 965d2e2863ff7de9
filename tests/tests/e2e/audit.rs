//! The audit log against somebody who has the file in hand, and the journal that knows better.

use std::fs;

use harness::Home;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::scene::{ALICE, open};

const OF_ACME: &str = "chain = (SELECT id FROM tenants WHERE slug = 'acme')";

#[test]
fn a93_a_tail_that_was_cut_shows_against_the_journal() {
    let home = Home::new();
    let daemon = open(&home);
    let authctl = daemon.authctl();
    authctl.ok(&["-t", "acme", "user", "disable", ALICE, "-y"]);
    let whole = authctl.items(&["audit", "verify"]);
    let of = |items: &[Value], tenant: &str| -> Value {
        let found = items.iter().find(|item| item["tenant"] == json!(tenant));
        found.cloned().unwrap_or_default()
    };
    assert_eq!(of(&whole, "acme")["entries"], json!(3));
    assert!(
        whole.iter().all(|item| item["ok"] == json!(true)),
        "{whole:?}"
    );
    let log = daemon.stop().stderr;
    let journal = home.path("journal");
    fs::write(&journal, &log).expect("a file");
    let heads = journal.to_str().expect("a path");

    let daemon = home.start();
    let authctl = daemon.authctl();
    let agreed = authctl.items(&["audit", "verify", "--heads", heads]);
    assert_eq!(of(&agreed, "acme")["journal"], json!("agrees"), "{log}");
    assert_eq!(
        authctl.run(&["audit", "verify", "--heads", heads]).code,
        Some(0)
    );
    daemon.stop();

    let database = Connection::open(home.database()).expect("the database");
    let cut = format!("DELETE FROM audit WHERE number = 3 AND {OF_ACME}");
    assert_eq!(database.execute(&cut, []).expect("a row"), 1);
    drop(database);
    let daemon = home.start();
    let authctl = daemon.authctl();
    // By itself the rest is whole; the journal knows that there was more.
    assert_eq!(authctl.run(&["audit", "verify", "acme"]).code, Some(0));
    let told = authctl.run_with_input(&["--json", "audit", "verify", "--heads", "-"], &log);
    assert_eq!(told.code, Some(11), "{told:?}");
    let list: Value = serde_json::from_str(&told.stdout).expect("a list");
    let items = list["items"].as_array().expect("items");
    assert_eq!(of(items, "acme")["journal"], json!("differs"));
    daemon.stop();

    let database = Connection::open(home.database()).expect("the database");
    let change = format!("UPDATE audit SET action = 'user.enable' WHERE number = 2 AND {OF_ACME}");
    assert_eq!(database.execute(&change, []).expect("a row"), 1);
    drop(database);
    let daemon = home.start();
    let broken = daemon.authctl().run(&["audit", "verify"]);
    assert_eq!(broken.code, Some(11), "{broken:?}");
    assert!(broken.stdout.contains("broken at 2"), "{broken:?}");
}
