//! Lists and single objects in every format.

use common::tally::Spread;
use common::view::{Family, Page, StatsView, StatusView};
use serde_json::Value;

use crate::daemon::{Reply, World};
use crate::objects;

fn users() -> World {
    World::saying(&objects::page(vec![
        objects::user("alice@acme.test", "Alice Wanja"),
        objects::user("bob@acme.test", "Bob, Otieno"),
    ]))
}

#[test]
fn a_table_has_the_documented_columns_and_exact_times_off_a_terminal() {
    let world = users();
    let ended = world.run("-t acme user list");
    assert_eq!(
        ended.out,
        "USER             NAME         STATUS  LOCKED  ROLES           ADMIN  LAST LOGIN\n\
         alice@acme.test  Alice Wanja  active  -       cashier,viewer  no     2026-11-20T08:12:00.000Z\n\
         bob@acme.test    Bob, Otieno  active  -       cashier,viewer  no     2026-11-20T08:12:00.000Z\n"
    );
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let asked = world.only();
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("GET", "/v1/user/list")
    );
    assert_eq!(asked.query, "tenant=acme&limit=200");
    assert_eq!(asked.headers["authctl-protocol"], "1");
    assert_eq!(asked.headers["authctl-version"], common::VERSION);
}

#[test]
fn the_claim_of_sudo_is_passed_on() {
    let world = users();
    let ended = world
        .authctl()
        .env("SUDO_UID", "1001")
        .args(["user", "list"])
        .output();
    assert!(ended.unwrap().status.success());
    assert_eq!(world.only().headers["authctl-sudo-uid"], "1001");
}

#[test]
fn json_wraps_the_items_and_jsonl_gives_them_bare() {
    let world = users();
    let ended = world.run("user list --json");
    assert!(
        ended
            .out
            .starts_with("{\"kind\":\"user.list\",\"v\":1,\"items\":[{\"id\":\"usr_")
    );
    assert!(
        ended.out.ends_with("],\"next_cursor\":null}\n"),
        "{}",
        ended.out
    );
    let list: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(list["items"][1]["external_refs"]["branch_id"], "br_3");
    let lines = world.run("-o jsonl user list").out;
    assert_eq!(lines.lines().count(), 2);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["email"], "alice@acme.test");
    assert_eq!(list["items"][0], first);
}

#[test]
fn csv_is_rfc_4180_and_id_is_ids_alone() {
    let world = users();
    let ended = world.run("user list -o csv --columns user,name");
    assert_eq!(
        ended.out,
        "user,name\r\nalice@acme.test,Alice Wanja\r\nbob@acme.test,\"Bob, Otieno\"\r\n"
    );
    let ids = format!("{0}\n{0}\n", objects::USER);
    assert_eq!(world.run("user list -o id").out, ids);
    assert_eq!(world.run("user list -q").out, ids);
    let wide = world.run("user list -o wide --no-headers").out;
    assert!(
        wide.contains(objects::USER) && !wide.contains("LAST LOGIN"),
        "{wide}"
    );
}

#[test]
fn columns_are_chosen_and_sorted() {
    let world = users();
    let ended = world.run("user list --columns USER,last-login --sort -user");
    let first = ended.out.lines().nth(1).unwrap();
    assert!(first.starts_with("bob@acme.test"), "{}", ended.out);
    let ended = world.run("user list --columns nope");
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .err
            .contains("unknown column \"nope\"\n  Columns: user, id,")
    );
    assert_eq!(world.run("user list --sort nope").code, Some(2));
}

#[test]
fn filters_narrow_on_both_sides() {
    let world = users();
    let ended = world.run("user list -q --filter email~=BOB --filter roles=viewer");
    assert_eq!(ended.out.lines().count(), 1);
    assert!(world.only().query.contains("email_contains=BOB"));
    let world = users();
    world.run("user list -q --ref branch_id=7 --ref restaurant_id=r.1");
    let query = world.only().query;
    assert!(
        query.contains("external_ref=branch_id%3A7%2Crestaurant_id%3Ar.1"),
        "{query}"
    );
    assert_eq!(
        world
            .run("user list -q --filter email!=bob@acme.test")
            .out
            .lines()
            .count(),
        1
    );
    let ended = world.run("user list --filter emial=x");
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.err.contains("Did you mean \"email\"?"),
        "{}",
        ended.err
    );
}

#[test]
fn pages_are_fetched_until_the_limit() {
    let world = World::new(|asked| {
        let last = asked.query.contains("cursor=second");
        Reply::of(&Page {
            items: vec![objects::session()],
            next_cursor: (!last).then(|| "second".to_owned()),
        })
    });
    assert_eq!(world.run("session list -o id").out.lines().count(), 2);
    assert_eq!(world.asked().len(), 2);
    let ended = world.run("session list --limit 1 --json");
    assert!(
        ended.out.ends_with("\"next_cursor\":\"second\"}\n"),
        "{}",
        ended.out
    );
    assert!(world.asked()[2].query.contains("limit=1"));
}

#[test]
fn an_empty_list_is_its_headings_and_a_note() {
    let world = World::saying(&objects::page(Vec::<common::view::LockoutView>::new()));
    let ended = world.run("lockout list");
    assert_eq!(
        ended.out,
        "SUBJECT  TENANT  FAILURES  LAST-ATTEMPT  UNLOCKS-IN  LAST-IP\n"
    );
    assert_eq!(ended.err, "authctl: note: nobody is locked out\n");
    let ended = world.run("lockout list -o jsonl");
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""));
}

#[test]
fn every_list_asks_for_what_its_flags_say() {
    let world = World::saying(&objects::page(Vec::<Value>::new()));
    for (line, path, query) in [
        (
            "tenant list --status suspended --plan pro --ending 14d",
            "/v1/tenant/list",
            "status=suspended&plan=pro&ending_seconds=1209600&limit=200",
        ),
        (
            "user list --status disabled --locked --tenant-admin --inactive-since 90d",
            "/v1/user/list",
            "status=disabled&locked=true&tenant_admin=true&inactive_seconds=7776000&limit=200",
        ),
        (
            "lockout list --include-unknown --ip 10.0.0.0/8",
            "/v1/lockout/list",
            "include_unknown=true&ip=10.0.0.0%2F8&limit=200",
        ),
        (
            "attempt list --user acme/bob@acme.test --failed --since 2026-11-23T14:02:11Z",
            "/v1/attempt/list",
            "tenant=acme&user=bob%40acme.test&failed=true&since=2026-11-23T14%3A02%3A11.000Z&limit=200",
        ),
        (
            "session list --user bob@acme.test --device d-77 --ip 203.0.113.7 --idle-since 7d",
            "/v1/session/list",
            "user=bob%40acme.test&device=d-77&ip=203.0.113.7&idle_seconds=604800&limit=200",
        ),
        ("-t acme --limit 5 --all-tenants session list", "", ""),
    ] {
        let before = world.asked().len();
        let ended = world.run(line);
        if path.is_empty() {
            assert_eq!(ended.code, Some(2), "{line}");
            continue;
        }
        assert_eq!(ended.code, Some(0), "{line}: {}", ended.err);
        let asked = world.asked()[before].clone();
        assert_eq!(
            (asked.path.as_str(), asked.query.as_str()),
            (path, query),
            "{line}"
        );
    }
}

#[test]
fn all_tenants_goes_before_the_environment() {
    let world = users();
    let mut command = world.authctl();
    command
        .env("AUTHCTL_TENANT", "acme")
        .args(["user", "list", "--all-tenants"]);
    let out = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(out.starts_with("USER             TENANT  NAME"), "{out}");
    assert_eq!(world.only().query, "limit=200");
}

#[test]
fn tenants_attempts_and_sessions_have_their_tables() {
    let world = World::saying(&objects::page(vec![objects::tenant()]));
    assert_eq!(
        world.run("tenant list").out,
        "TENANT  NAME         STATUS  PLAN  USERS   ENDS\n\
         acme    Acme Hotels  active  pro   98/100  -\n"
    );
    let world = World::saying(&objects::page(vec![objects::attempt()]));
    let out = world.run("attempt list").out;
    assert!(
        out.starts_with("TIME                      TENANT  USER           IP "),
        "{out}"
    );
    let world = World::saying(&objects::page(vec![objects::session()]));
    let out = world.run("-t acme session list").out;
    let mut headings = out.lines().next().unwrap().split_whitespace();
    assert!(headings.by_ref().eq([
        "SESSION", "USER", "DEVICE", "TYPE", "IP", "STARTED", "ACTIVE"
    ]));
    let world = World::saying(&objects::page(vec![objects::lockout()]));
    let out = world.run("lockout list").out;
    assert!(out.contains("bob@acme.test  acme    5 "), "{out}");
}

#[test]
fn one_object_is_vertical_for_people() {
    let world = World::saying(&objects::tenant());
    let ended = world.run("tenant show acme");
    assert!(
        ended.out.starts_with("Tenant     acme\nID         ten_"),
        "{}",
        ended.out
    );
    assert_eq!(world.only().query, "tenant=acme");
    let ended = world.run("-t acme tenant show --json");
    assert!(
        ended
            .out
            .starts_with("{\"kind\":\"tenant\",\"v\":1,\"item\":{\"id\":\"ten_")
    );
    assert_eq!(
        world
            .bare()
            .args(["tenant", "show"])
            .output()
            .unwrap()
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn a_user_is_shown_with_sessions_and_attempts() {
    let details = common::call::user::Details {
        user: objects::user("bob@acme.test", "Bob Otieno"),
        sessions: vec![objects::session()],
        recent_attempts: vec![objects::attempt()],
    };
    let world = World::saying(&details);
    let out = world.run("user show acme/bob@acme.test").out;
    assert!(out.starts_with("User         bob@acme.test\n"), "{out}");
    assert!(out.contains("\nSessions\nSESSION ") && out.contains("\nRecent attempts\nTIME "));
    assert_eq!(world.only().query, "tenant=acme&user=bob%40acme.test");
    let out = world.run("user show bob@acme.test --json").out;
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["kind"], "user");
    assert_eq!(object["item"]["sessions"][0]["id"], objects::SESSION);
    let out = world.run("user show bob@acme.test --attempts").out;
    assert!(
        out.starts_with("TIME ") && !out.contains("SESSION"),
        "{out}"
    );
}

#[test]
fn the_daemon_fits_on_one_screen() {
    let world = World::saying(&objects::status());
    let out = world.run("status").out;
    assert!(
        out.starts_with("authd 1.4.0   running since 2026-11-20T08:12:00.000Z ("),
        "{out}"
    );
    assert!(
        out.contains("config /etc/authd/authd.toml + 2 drop-ins\n"),
        "{out}"
    );
    assert!(
        out.contains("  Cache     18 402 entries, 97.1 % hits; redis: not configured\n"),
        "{out}"
    );
    assert!(
        out.contains("  Keys      2 (1 active, rotates in "),
        "{out}"
    );
    assert!(
        out.ends_with("  WARNING   tenant \"acme\" has 98 of 100 users\n"),
        "{out}"
    );
    let out = world.run("status --json").out;
    assert!(out.starts_with("{\"kind\":\"status\",\"v\":1,\"item\":{\"status\":\"running\""));
    assert_eq!(world.run("status -o csv").code, Some(2));
}

#[test]
fn counters_are_a_list_or_the_page_that_prometheus_reads() {
    let times = Spread {
        bounds: vec![0.5],
        counts: vec![3, 1],
        sum: 2.25,
    };
    let view = StatsView {
        families: vec![
            Family::counter("authd_logins_total", "Tries.")
                .labelled(&[("outcome", "locked")], 12.0)
                .labelled(&[("outcome", "success")], 7.0),
            Family::histogram("authd_hash_wait_seconds", "Waits.").spread(&[], &times),
        ],
    };
    let world = World::saying(&view);
    let out = |line: &str| {
        let ended = world.run(line);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{line}");
        ended.out
    };
    assert_eq!(
        out("stats"),
        "NAME                                   VALUE\n\
         authd_logins_total{outcome=\"locked\"}   12\n\
         authd_logins_total{outcome=\"success\"}  7\n\
         authd_hash_wait_seconds_sum            2.25\n\
         authd_hash_wait_seconds_count          4\n"
    );
    assert_eq!(out("stats --prometheus"), view.to_string());
    let json = out("stats --json --filter name~=bucket --filter labels.le=0.5");
    assert_eq!(
        json,
        "{\"kind\":\"stats.list\",\"v\":1,\"items\":[{\"name\":\"authd_hash_wait_seconds_bucket\",\
         \"labels\":{\"le\":\"0.5\"},\"type\":\"histogram\",\"value\":3.0}],\"next_cursor\":null}\n"
    );
    assert_eq!(
        out("stats --sort=-value -o id --limit 1").lines().count(),
        1
    );
    assert_eq!(world.run("stats --prometheus --watch").code, Some(2));
    assert_eq!(world.run("stats --filter nmae=x").code, Some(2));
    assert!(world.asked().iter().all(|asked| asked.path == "/v1/stats"));
}

#[test]
fn a_state_is_not_said_to_hold_since_the_start() {
    let world = World::saying(&StatusView {
        status: "maintenance".to_owned(),
        ..objects::status()
    });
    let out = world.run("status").out;
    let line = out.lines().next().unwrap();
    assert!(
        line.starts_with("authd 1.4.0   running since 2026-11-20T08:12:00.000Z (")
            && line.contains(")   MAINTENANCE   pid 812 "),
        "{line}"
    );
    assert_eq!(world.run("status -q").out, "maintenance\n");
}

#[test]
fn versions_of_both_sides() {
    let world = World::saying(&objects::version());
    let mine = common::VERSION;
    assert_eq!(
        world.run("version").out,
        format!("authctl {mine}  authd {mine}  protocol 1  schema 17\n")
    );
    let out = world.run("ping").out;
    assert!(out.starts_with(&format!("authd {mine} is up (")), "{out}");
    let nobody = World::empty();
    assert_eq!(
        nobody.run("version --client").out,
        format!("authctl {mine}  protocol 1\n")
    );
    assert_eq!(nobody.run("version").code, Some(3));
}

#[test]
fn hostile_names_cannot_act_on_a_terminal_or_a_spreadsheet() {
    let world = World::saying(&objects::page(vec![objects::user(
        "bob@acme.test",
        "=cmd|\u{1b}[2J\u{202e}\u{200f}\r\nroot",
    )]));
    for format in ["table", "wide", "csv", "json", "jsonl"] {
        let out = world.run(&format!("user list -o {format}")).out;
        let hostile = |c: char| common::text::is_forbidden(c) && !"\r\n".contains(c);
        assert!(!out.contains(hostile), "{format}: {out:?}");
        let lines = if matches!(format, "json" | "jsonl") {
            1
        } else {
            2
        };
        assert_eq!(out.lines().count(), lines, "{format}: {out:?}");
    }
    assert!(
        world
            .run("user list -o csv --columns name")
            .out
            .contains("\r\n'=cmd")
    );
    let out = world.run("user list --json").out;
    let list: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        list["items"][0]["name"]["display"],
        "=cmd|\u{1b}[2J\u{202e}\u{200f}\r\nroot"
    );
}
