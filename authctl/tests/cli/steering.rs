//! `daemon …`: what is sent, and what is said of the answer.

use common::view::{ConfigFaultView, ConfigValueView, ConfigView, KeyChangeView, ReloadView};
use serde_json::{Value, json};

use crate::daemon::World;
use crate::objects;

fn setting(key: &str, value: Option<&str>, from: &str) -> ConfigValueView {
    ConfigValueView {
        key: key.to_owned(),
        value: value.map(str::to_owned),
        from: from.to_owned(),
        is_default: from == "default",
        secret_is_set: None,
        needs_restart: false,
    }
}

fn view() -> ConfigView {
    ConfigView {
        files: vec!["/etc/authd/authd.toml".to_owned()],
        settings: vec![
            setting("default_tenant", Some("\"acme\""), "--set default_tenant"),
            setting("api.behind_proxy", Some("false"), "default"),
            ConfigValueView {
                secret_is_set: Some(true),
                ..setting(
                    "keys.wrap_credential",
                    Some("\"authd.wrap-key\""),
                    "default",
                )
            },
            setting("password.breached_list", None, "default"),
            setting(
                "log.level",
                Some("\"info\""),
                "/etc/authd/authd.toml.d/20-log.toml:3",
            ),
        ],
        log_level: Some("debug".to_owned()),
    }
}

fn reloaded(faults: Vec<ConfigFaultView>) -> ReloadView {
    let change = |key: &str, needs_restart| KeyChangeView {
        key: key.to_owned(),
        before: "1".to_owned(),
        after: "2".to_owned(),
        needs_restart,
    };
    let is_wrong = !faults.is_empty();
    ReloadView {
        faults,
        changed: if is_wrong {
            Vec::new()
        } else {
            vec![
                change("lockout.threshold", false),
                change("api.listen", true),
            ]
        },
        warnings: Vec::new(),
        audit_id: None,
    }
}

fn fault(line: u32) -> ConfigFaultView {
    ConfigFaultView {
        at: Some(format!("/etc/authd/authd.toml:{line}:1")),
        message: "unknown key \"lockout.treshold\"".to_owned(),
        hint: Some("Did you mean \"lockout.threshold\"?".to_owned()),
    }
}

#[test]
fn the_configuration_is_a_file_with_where_each_value_came_from() {
    let world = World::saying(&view());
    let ended = world.run("daemon config --changed");
    assert_eq!(
        ended.out,
        "default_tenant = \"acme\"  # from --set default_tenant\n\
         \n[api]\n\
         behind_proxy = false  # default\n\
         \n[keys]\n\
         wrap_credential = \"authd.wrap-key\"  # default (set)\n\
         \n[log]\n\
         level = \"info\"  # from /etc/authd/authd.toml.d/20-log.toml:3\n\
         # level = \"debug\"  # set by hand, holds now\n"
    );
    let asked = world.only();
    assert_eq!(
        (asked.path.as_str(), asked.query.as_str()),
        ("/v1/daemon/config", "changed=true")
    );
    let json: Value = serde_json::from_str(&world.run("daemon config --json").out).unwrap();
    assert_eq!(json["kind"], "daemon.config");
    assert_eq!(json["item"]["settings"][2]["secret_is_set"], true);
    assert_eq!(world.run("daemon config -o csv").code, Some(2));
}

#[test]
fn a_reload_says_what_changed_and_what_waits() {
    let world = World::saying(&reloaded(Vec::new()));
    let ended = world.run("daemon reload --wait --reason stricter");
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (
            Some(0),
            "Reloaded: 2 keys changed, 1 needs a restart (api.listen).\n"
        )
    );
    assert_eq!(world.only().body, json!({"reason": "stricter"}));
    let json: Value = serde_json::from_str(&world.run("daemon reload --json").out).unwrap();
    assert_eq!(json["item"]["changed"][1]["needs_restart"], true);
}

#[test]
fn a_wrong_configuration_ends_with_1_and_names_the_line() {
    let world = World::saying(&reloaded(vec![fault(2), fault(7)]));
    let ended = world.run("daemon reload");
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert_eq!(
        ended.err,
        "authctl: error: cannot reload: /etc/authd/authd.toml:2:1: unknown key \
         \"lockout.treshold\"\n  Did you mean \"lockout.threshold\"?\n  One more fault: sudo authd \
         check-config. The former configuration holds.\n"
    );
}

#[test]
fn levels_readiness_and_maintenance_are_set() {
    for (words, path, body, said) in [
        (
            "daemon log-level debug --for 10m",
            "/v1/daemon/log-level",
            json!({"level": "debug", "seconds": 600, "reason": null}),
            "Set the level of the log to debug for 10m.\n",
        ),
        (
            "daemon log-level info",
            "/v1/daemon/log-level",
            json!({"level": "info", "seconds": null, "reason": null}),
            "Set the level of the log to info.\n",
        ),
        (
            "daemon drain",
            "/v1/daemon/drain",
            json!({"on": true, "reason": null}),
            "Closed readiness: /readyz says no, requests are still answered.\n",
        ),
        (
            "daemon drain --off",
            "/v1/daemon/drain",
            json!({"on": false, "reason": null}),
            "Opened readiness: /readyz says yes.\n",
        ),
        (
            "daemon maintenance on --message soon --reason disk",
            "/v1/daemon/maintenance",
            json!({"on": true, "message": "soon", "reason": "disk"}),
            "Closed the API for maintenance; health, keys and checks answer.\n",
        ),
        (
            "daemon maintenance off",
            "/v1/daemon/maintenance",
            json!({"on": false, "message": null, "reason": null}),
            "Opened the API.\n",
        ),
    ] {
        let change = common::call::Change {
            tenant: None,
            ..objects::change("daemon", "authd")
        };
        let world = World::saying(&change);
        let ended = world.run(words);
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), said), "{words}");
        let asked = world.only();
        assert_eq!((asked.path.as_str(), &asked.body), (path, &body), "{words}");
    }
}
