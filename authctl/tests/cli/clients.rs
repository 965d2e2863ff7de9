//! Service clients: what is sent, what is shown, and what is asked first.

use common::call::Change;
use common::secret::{RevealedSecret, Secret};
use common::view::ClientView;
use serde_json::json;

use crate::daemon::World;
use crate::objects::{self, time};

const CLIENT: &str = "cli_01h455vb4pex5vsknk084sn02q";
const SECRET: &str = "authd_cs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn client() -> ClientView {
    ClientView {
        id: CLIENT.parse().unwrap(),
        name: Some("billing".to_owned()),
        tenant: Some("acme".to_owned()),
        scopes: vec!["introspect".to_owned()],
        roles: Vec::new(),
        secrets: vec![time("2026-11-20T08:12:00.000Z")],
        expires_at: None,
        last_used_at: Some(time("2026-11-21T08:12:00.000Z")),
        created_at: time("2026-11-20T08:12:00.000Z"),
        updated_at: time("2026-11-20T08:12:00.000Z"),
    }
}

fn change(action: &str) -> Change {
    Change {
        id: Some(CLIENT.to_owned()),
        client_secret: Some(RevealedSecret::new(&Secret::new(SECRET.to_owned()))),
        notes: vec!["the secret is shown this once".to_owned()],
        ..objects::change(action, "billing")
    }
}

#[test]
fn clients_are_listed_without_secrets() {
    let world = World::saying(&objects::page(vec![client()]));
    let ended = world.run("-t acme client list --utc");
    let (head, row) = ended.out.split_once('\n').unwrap();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        words(head),
        "CLIENT NAME SCOPES ROLES SECRETS EXPIRES LAST USE"
    );
    assert_eq!(
        words(row),
        format!("{CLIENT} billing introspect - 1 - 2026-11-21T08:12:00.000Z")
    );
    assert_eq!(world.only().query, "tenant=acme&limit=200");
    let ended = world.run("client list --json");
    assert!(ended.out.contains("\"kind\":\"client.list\""));
}

#[test]
fn a_client_is_made_and_its_secret_stands_alone() {
    let world = World::saying(&change("client.create"));
    let ended = world.run(
        "-t acme client create billing --scope revoke --scope introspect --role cashier --expires 1h",
    );
    assert_eq!(ended.out, format!("{SECRET}\n"));
    assert!(
        ended.err.contains("Created client billing"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("shown this once"), "{}", ended.err);
    assert_eq!(
        world.only().body,
        json!({"tenant": "acme", "name": "billing", "scopes": ["revoke", "introspect"],
            "roles": ["cashier"], "expires_seconds": 3600})
    );
    let ended = world.run("client create acme/billing --json");
    let printed: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(printed["client_secret"], SECRET);
    let ended = world.run("client create billing");
    assert_eq!(ended.code, Some(2), "{}", ended.err);
}

#[test]
fn a_secret_is_rotated_and_a_client_deleted_after_a_question() {
    let world = World::saying(&change("client.rotate"));
    let ended = world.run(&format!("client rotate {CLIENT} --now --reason leaked"));
    assert_eq!(ended.out, format!("{SECRET}\n"));
    assert_eq!(
        world.only().body,
        json!({"client": {"tenant": null, "name": CLIENT}, "now": true, "reason": "leaked"})
    );
    let world = World::saying(&Change {
        client_secret: None,
        notes: Vec::new(),
        ..change("client.delete")
    });
    let ended = world.run(&format!("client delete {CLIENT}"));
    assert_eq!(ended.code, Some(12));
    assert!(world.asked().is_empty());
    let ended = world.run("-t acme client delete billing -y");
    assert_eq!(ended.out, "Deleted client billing in tenant acme.\n");
    assert_eq!(
        world.only().body,
        json!({"client": {"tenant": "acme", "name": "billing"}, "reason": null})
    );
}
