//! Attempts, locks, sessions and changes as administrators read them, and what they end and change of
//! others' sessions and pictures (rules 11, 16, 18; A9).

use std::time::Duration;

use serde_json::{Value, json};

use crate::house::{Answer, WRONG, get, post};
use crate::pictures::photo;
use crate::world::{Actor, World, request};

/// An id of the right form that nothing has.
const NOBODY: &str = "usr_00000000000000000000000009";

async fn read(world: &World, actor: &Actor, path: &str) -> Answer {
    world.ask(get(path).with(&actor.token)).await
}

async fn items(world: &World, actor: &Actor, path: &str) -> Vec<Value> {
    let answer = read(world, actor, path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.body["items"].as_array().unwrap().clone()
}

async fn delete(world: &World, actor: &Actor, path: &str) -> Answer {
    let ask = request("DELETE", path, None).with(&actor.token);
    world.ask(ask).await
}

/// Somebody who signs in a second later than whoever came before.
async fn actor(world: &World, tenant: &str, rights: &[&str]) -> Actor {
    world.house().clock.advance(Duration::from_secs(1));
    world.actor(tenant, rights).await
}

/// Fails to sign in, from an address of that name's own.
async fn fail(world: &World, tenant: &str, email: &str, times: u32) {
    let host = email.bytes().fold(7_u8, u8::wrapping_add);
    for _ in 0..times {
        world.house().clock.advance(Duration::from_secs(1));
        let body = json!({"tenant": tenant, "email": email, "password": WRONG});
        let ask = post("/v1/auth/login", body).from(&format!("198.51.100.{host}"));
        let answer = world.ask(ask).await;
        assert!([401, 429].contains(&answer.status), "{answer:?}");
    }
}

fn of<'a>(items: &'a [Value], member: &str) -> Vec<&'a Value> {
    items.iter().map(|item| &item[member]).collect()
}

#[tokio::test]
async fn a9_attempts_are_seen_in_their_own_tenant_alone() {
    let world = World::new().await;
    let viewer = actor(&world, "acme", &["login_attempts:view"]).await;
    let admin = actor(&world, "acme", &["flag"]).await;
    let eve = actor(&world, "globex", &["flag"]).await;
    fail(&world, "acme", &admin.email, 1).await;
    fail(&world, "acme", "canary-nobody@acme.test", 1).await;
    fail(&world, "globex", &eve.email, 1).await;
    fail(&world, "nowhere", &admin.email, 1).await;
    let all = items(&world, &viewer, "/v1/login-attempts").await;
    assert_eq!(of(&all, "user_id")[1..], [&admin.id, &admin.id, &viewer.id]);
    assert_eq!(all[0]["user_id"], Value::Null);
    assert_eq!(of(&all, "success"), [false, false, true, true]);
    // Neither what was typed, nor who without leave to see users, nor how it was decided.
    let text = read(&world, &viewer, "/v1/login-attempts").await.text;
    for hidden in ["canary", "@", "trace", "request_id", "\"tenant\""] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    let named = items(&world, &admin, "/v1/login-attempts").await;
    assert_eq!(named[1]["email"], admin.email.as_str());
    assert_eq!(
        of(&items(&world, &eve, "/v1/login-attempts").await, "user_id"),
        [&eve.id, &eve.id]
    );
    let own = format!("/v1/users/{}/login-attempts", admin.id);
    assert_eq!(items(&world, &viewer, &own).await, &all[1..3]);
    for (query, count) in [
        (format!("user={}", admin.id), 2),
        (format!("user={}&failed=true", admin.id), 1),
        ("failed=true".to_owned(), 2),
        ("ip=203.0.113.7".to_owned(), 2),
        ("ip=203.0.113.8".to_owned(), 0),
        ("since=2100-01-01T00:00:00Z".to_owned(), 0),
    ] {
        let path = format!("/v1/login-attempts?{query}");
        assert_eq!(items(&world, &viewer, &path).await.len(), count, "{path}");
    }
    // Whoever is of another tenant, and who there is not, are answered alike; nobody is found by an
    // address.
    for name in [&*eve.id, NOBODY, &*admin.email, "%27%20OR%201%3D1--"] {
        let path = format!("/v1/login-attempts?user={name}");
        read(&world, &viewer, &path).await.is(404, "not_found");
    }
    for (query, status, code) in [
        ("nothing=1", 400, "unknown_parameter"),
        ("tenant=acme", 400, "unknown_parameter"),
        ("subject=1", 400, "unknown_parameter"),
        ("failed=maybe", 400, "malformed_request"),
        ("ip=here", 422, "validation_failed"),
    ] {
        let path = format!("/v1/login-attempts?{query}");
        read(&world, &viewer, &path).await.is(status, code);
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_list_its_filters_and_its_reader_alone() {
    let world = World::new().await;
    let first = actor(&world, "acme", &["flag"]).await;
    let second = actor(&world, "acme", &["flag"]).await;
    for name in ["a@acme.test", "b@acme.test", "c@acme.test"] {
        fail(&world, "acme", name, 5).await;
    }
    let lists = [
        ("/v1/login-attempts?failed=false", "user", second.id.clone()),
        ("/v1/sessions?ip=203.0.113.7", "user", second.id.clone()),
        (
            "/v1/lockouts?include_unknown=true",
            "ip",
            "198.51.100.0/24".to_owned(),
        ),
        ("/v1/audit?action=user.", "object", second.id.clone()),
    ];
    let mut cursors = Vec::new();
    for (path, filter, value) in &lists {
        let whole = items(&world, &first, &format!("{path}&limit=200")).await;
        assert!(whole.len() > 1, "{path}: {whole:?}");
        let mut walked = Vec::new();
        let mut next = format!("{path}&limit=1");
        loop {
            let page = read(&world, &first, &next).await;
            walked.extend(page.body["items"].as_array().unwrap().clone());
            let Some(cursor) = page.body["next_cursor"].as_str() else {
                break;
            };
            next = format!("{path}&limit=1&cursor={cursor}");
            assert!(walked.len() <= whole.len(), "{path}: it has no end");
        }
        assert_eq!(walked, whole, "{path}");
        let page = read(&world, &first, &format!("{path}&limit=1")).await;
        let cursor = page.body["next_cursor"].as_str().unwrap().to_owned();
        let mine = format!("{path}&cursor={cursor}");
        assert_eq!(read(&world, &first, &mine).await.status, 200);
        read(&world, &second, &mine).await.is(400, "invalid_cursor");
        let other = format!("{mine}&{filter}={value}");
        read(&world, &first, &other).await.is(400, "invalid_cursor");
        for limit in [0, 201] {
            let path = format!("{path}&limit={limit}");
            read(&world, &first, &path)
                .await
                .is(422, "validation_failed");
        }
        cursors.push((path, cursor));
    }
    for (path, _) in &cursors {
        for (from, cursor) in &cursors {
            if path != from {
                let path = format!("{path}&cursor={cursor}");
                read(&world, &first, &path).await.is(400, "invalid_cursor");
            }
        }
    }
}

#[tokio::test]
async fn rule_16_locks_are_seen_in_their_own_tenant_alone() {
    let world = World::new().await;
    let viewer = actor(&world, "acme", &["lockouts:view"]).await;
    let admin = actor(&world, "acme", &["flag"]).await;
    let eve = actor(&world, "globex", &["flag"]).await;
    fail(&world, "acme", &admin.email, 5).await;
    fail(&world, "acme", "canary-nobody@acme.test", 5).await;
    fail(&world, "globex", &eve.email, 5).await;
    let known = items(&world, &viewer, "/v1/lockouts").await;
    assert_eq!(of(&known, "user_id"), [&admin.id]);
    assert_eq!(
        (&known[0]["failures"], &known[0]["email"]),
        (&json!(5), &Value::Null)
    );
    let all = read(&world, &viewer, "/v1/lockouts?include_unknown=true").await;
    assert_eq!(all.body["items"].as_array().unwrap().len(), 2);
    assert!(
        !all.text.contains("canary") && !all.text.contains('@'),
        "{}",
        all.text
    );
    let named = items(&world, &admin, "/v1/lockouts").await;
    assert_eq!(named[0]["email"], admin.email.as_str());
    assert_eq!(
        of(&items(&world, &eve, "/v1/lockouts").await, "user_id"),
        [&eve.id]
    );
    let other = items(&world, &viewer, "/v1/lockouts?ip=203.0.113.0/24").await;
    assert!(other.is_empty(), "{other:?}");
}

#[tokio::test]
async fn rule_11_an_administrator_ends_one_session_or_all_of_a_user() {
    let world = World::new().await;
    let viewer = actor(&world, "acme", &["sessions:view"]).await;
    let ender = actor(&world, "acme", &["sessions:delete"]).await;
    let target = actor(&world, "acme", &[]).await;
    let eve = actor(&world, "globex", &[]).await;
    let all = items(&world, &viewer, "/v1/sessions").await;
    assert_eq!(of(&all, "user_id"), [&target.id, &ender.id, &viewer.id]);
    assert!(
        all.iter()
            .all(|one| one.get("email").is_none() && one["ip"] == "203.0.113.7")
    );
    let own = format!("/v1/users/{}/sessions", target.id);
    assert_eq!(items(&world, &viewer, &own).await, &all[..1]);
    let by_user = format!("/v1/sessions?user={}", target.id);
    assert_eq!(items(&world, &viewer, &by_user).await, &all[..1]);
    let foreign = format!("/v1/sessions?user={}", eve.id);
    read(&world, &viewer, &foreign).await.is(404, "not_found");

    let session = all[0]["id"].as_str().unwrap();
    let before = world.traces().await;
    let of_eve = world.ask(get("/v1/me/sessions").with(&eve.token)).await;
    let of_eve = of_eve.body["items"][0]["id"].as_str().unwrap().to_owned();
    for path in [
        format!("/v1/users/{}/sessions/{session}", viewer.id),
        format!("/v1/users/{}/sessions/{of_eve}", eve.id),
        format!("{own}/{of_eve}"),
        format!("{own}/ses_00000000000000000000000009"),
        format!("{own}/x"),
    ] {
        delete(&world, &ender, &path).await.is(404, "not_found");
    }
    assert_eq!(world.traces().await, before);
    let one = format!("{own}/{session}");
    delete(&world, &ender, &one).await.is(204, "");
    read(&world, &target, "/v1/me")
        .await
        .is(401, "session_revoked");
    delete(&world, &ender, &one).await.is(404, "not_found");
    let row = world.row("session.revoke").await;
    assert_eq!(row.entry.object, session);
    assert_eq!(row.entry.actor.user_id.unwrap().to_string(), ender.id);
    assert_eq!(read(&world, &eve, "/v1/me").await.status, 200);

    let token = world.sign_in("acme", &target.email).await;
    let traces = world.traces().await;
    delete(&world, &ender, &own).await.is(204, "");
    world
        .ask(get("/v1/me").with(&token))
        .await
        .is(401, "session_revoked");
    let after = world.traces().await;
    let count = |(chains, _): &(Vec<u64>, usize)| chains.iter().sum::<u64>();
    assert_eq!(count(&after), count(&traces) + 1);
    // What has ended already leaves no row.
    delete(&world, &ender, &own).await.is(204, "");
    assert_eq!(world.traces().await, after);
}

#[tokio::test]
async fn a83_nobody_signs_out_a_stronger_one() {
    let world = World::new().await;
    let ender = actor(&world, "acme", &["sessions:delete"]).await;
    for rights in [&["flag"][..], &["sessions:delete", "users:view"]] {
        let stronger = actor(&world, "acme", rights).await;
        let session = world.session_of(&stronger.id).await.unwrap();
        let traces = world.traces().await;
        let own = format!("/v1/users/{}/sessions", stronger.id);
        for path in [&own, &format!("{own}/{session}")] {
            delete(&world, &ender, path)
                .await
                .is(403, "permission_denied");
        }
        assert_eq!(world.traces().await, traces);
        assert_eq!(read(&world, &stronger, "/v1/me").await.status, 200);
    }
}

#[tokio::test]
async fn rule_30_changes_are_read_in_their_own_tenant_without_persons_of_others() {
    let world = World::new().await;
    let viewer = actor(&world, "acme", &["audit:view"]).await;
    let admin = actor(&world, "acme", &["flag"]).await;
    let eve = actor(&world, "globex", &["flag"]).await;
    let wide = ["users:edit", "tenants:edit"];
    let wide = actor(&world, "system", &wide).await;
    let wide_viewer = ["audit:view", "tenants:view"];
    let wide_viewer = actor(&world, "system", &wide_viewer).await;
    let target = world.invited("acme", &[]).await;
    let change = |act: &str| format!("/v1/users/{target}/{act}");
    let ask = request("POST", &change("disable"), None).with(&admin.token);
    world.ask(ask).await.is(204, "");
    let path = change("enable?tenant=acme");
    let ask = request("POST", &path, None).with(&wide.token);
    world.ask(ask).await.is(204, "");

    let all = items(&world, &viewer, "/v1/audit?limit=200").await;
    assert!(all.iter().all(|row| row["tenant"] == "acme"), "{all:?}");
    assert!(
        all.windows(2)
            .all(|two| two[0]["number"].as_u64() > two[1]["number"].as_u64())
    );
    assert_eq!(all.last().unwrap()["number"], 1);
    // Of somebody from elsewhere it says where from, of an operator which door, and no more.
    let (enabled, disabled, created) = (&all[0], &all[1], &all[2]);
    assert_eq!(enabled["action"], "user.enable");
    assert_eq!(enabled["actor"]["user_id"], Value::Null);
    assert!(enabled["actor"]["tenant_id"].is_string());
    assert_eq!(disabled["actor"]["user_id"], admin.id.as_str());
    assert_eq!(created["actor"]["channel"], "admin");
    let text = read(&world, &viewer, "/v1/audit?limit=200").await.text;
    assert!(!text.contains('@') && !text.contains(&wide.id), "{text}");
    for row in &all {
        for hidden in ["uid", "user", "sudo_uid", "pid"] {
            assert_eq!(row["actor"][hidden], Value::Null, "{row}");
        }
    }
    let named = items(&world, &admin, "/v1/audit?limit=1").await;
    assert!(named[0]["email"].as_str().unwrap().ends_with("@acme.test"));
    let seen = items(&world, &wide_viewer, "/v1/audit?tenant=acme&limit=1").await;
    assert_eq!(seen[0]["actor"]["user_id"], wide.id.as_str());

    for (query, count) in [
        (format!("actor={}", admin.id), 1),
        (format!("actor={}", wide.id), 0),
        (format!("actor={NOBODY}"), 0),
        ("action=user.disable".to_owned(), 1),
        (format!("object={target}&action=user."), 3),
        (format!("object={}", eve.id), 0),
        ("since=2100-01-01T00:00:00Z".to_owned(), 0),
        ("until=2000-01-01T00:00:00Z".to_owned(), 0),
    ] {
        let path = format!("/v1/audit?{query}");
        assert_eq!(items(&world, &viewer, &path).await.len(), count, "{path}");
    }
    let path = format!("/v1/audit?tenant=acme&actor={}", wide.id);
    assert_eq!(items(&world, &wide_viewer, &path).await.len(), 1);
    for name in ["root", "0", "1000", ""] {
        let path = format!("/v1/audit?actor={name}");
        read(&world, &viewer, &path).await.is(404, "not_found");
    }
}

#[tokio::test]
async fn s15_an_administrator_puts_and_removes_the_picture_of_a_weaker_user() {
    let world = World::new().await;
    let editor = actor(&world, "acme", &["users:edit"]).await;
    let target = world.invited("acme", &[]).await;
    let stronger = actor(&world, "acme", &["flag"]).await;
    let eve = actor(&world, "globex", &[]).await;
    let put = async |id: &str, bytes: &[u8]| {
        let path = format!("/v1/users/{id}/picture");
        let ask = request("PUT", &path, None).bytes("image/jpeg", bytes);
        world.ask(ask.with(&editor.token)).await
    };
    let traces = world.traces().await;
    put(&target, b"no picture")
        .await
        .is(422, "validation_failed");
    put(&stronger.id, &photo(8))
        .await
        .is(403, "permission_denied");
    put(&eve.id, &photo(8)).await.is(404, "not_found");
    assert_eq!(world.traces().await, traces);
    let answer = put(&target, &photo(8)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let address = answer.body["picture_url"].as_str().unwrap();
    assert_eq!(world.ask(get(address)).await.status, 200);
    let row = world.row("user.set_picture").await;
    assert_eq!(row.entry.object, target);
    assert_eq!(row.entry.actor.user_id.unwrap().to_string(), editor.id);
    let bits = address.rsplit('/').next().unwrap();
    assert!(!row.entry.payload.to_string().contains(bits), "{row:?}");
    let own = format!("/v1/users/{target}/picture");
    delete(&world, &editor, &own).await.is(204, "");
    world.ask(get(address)).await.is(404, "not_found");
    delete(&world, &editor, &own).await.is(404, "not_found");
    assert_eq!(world.row("user.remove_picture").await.entry.object, target);
    let strong = format!("/v1/users/{}/picture", stronger.id);
    delete(&world, &editor, &strong)
        .await
        .is(403, "permission_denied");
}
