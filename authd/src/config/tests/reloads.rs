//! What a reload takes, keeps and refuses.

use super::*;

fn reloaded(before: &str, after: &str) -> Result<(Loaded, Reloaded), Faults> {
    let folder = folder(&[("authd.toml", before)]);
    let source = source(folder.path());
    let runs = load(&source).unwrap();
    fs::write(folder.path().join("authd.toml"), after).unwrap();
    reload(&source, &runs).map(|reloaded| (runs, reloaded))
}

fn names(reloaded: &Reloaded, change: Change) -> Vec<&'static str> {
    let of_kind = reloaded.changed.iter().filter(|c| c.change == change);
    of_kind.map(|changed| changed.key).collect()
}

const BASE: &str = "api.public_url = \"https://a.test\"\n";

#[test]
fn nothing_changed_is_no_change() {
    let (runs, reloaded) = reloaded(BASE, &format!("# a word\n{BASE}")).unwrap();
    assert_eq!(reloaded.changed, []);
    assert_eq!(reloaded.loaded.config, runs.config);
}

#[test]
fn reloadable_keys_are_taken_and_the_others_wait() {
    let after = format!(
        "{BASE}lockout.threshold = 3\napi.listen = [\"127.0.0.1:9000\"]\ntoken.access_ttl = \"5m\"\n"
    );
    let (runs, reloaded) = reloaded(BASE, &after).unwrap();
    assert_eq!(
        names(&reloaded, Change::Reload),
        ["token.access_ttl", "lockout.threshold"]
    );
    assert_eq!(names(&reloaded, Change::Restart), ["api.listen"]);
    let config = &reloaded.loaded.config;
    assert_eq!(config.lockout.threshold, 3);
    assert_eq!(config.api.listen, runs.config.api.listen);
    let ttl = &reloaded.changed[1];
    assert_eq!(
        (ttl.before.as_str(), ttl.after.as_str()),
        ("\"10m\"", "\"5m\"")
    );
}

#[test]
fn what_follows_a_key_that_waits_waits_with_it() {
    let (runs, reloaded) = reloaded(BASE, "api.public_url = \"https://b.test\"\n").unwrap();
    assert_eq!(names(&reloaded, Change::Restart), ["api.public_url"]);
    assert_eq!(names(&reloaded, Change::Reload), [""; 0]);
    assert_eq!(reloaded.loaded.config, runs.config);
}

#[test]
fn a_key_that_is_taken_away_falls_back_to_its_default() {
    let before = format!("{BASE}token.audience = [\"x\"]\nlockout.threshold = 3\n");
    let (_, reloaded) = reloaded(&before, BASE).unwrap();
    assert_eq!(
        names(&reloaded, Change::Reload),
        ["token.audience", "lockout.threshold"]
    );
    let config = &reloaded.loaded.config;
    assert_eq!(config.token.audience, ["https://a.test"]);
    assert_eq!(config.lockout.threshold, 5);
}

#[test]
fn a_fault_names_its_place_and_nothing_is_taken() {
    let faults = reloaded(BASE, &format!("{BASE}lockout.treshold = 3\n")).unwrap_err();
    assert!(
        faults.to_string().contains("authd.toml:2:9: error"),
        "{faults}"
    );
}

#[test]
fn new_values_are_checked_beside_those_that_stay() {
    // Alone the file is right; beside the database's wait, which needs a restart, it is not.
    let before = format!("{BASE}database.busy_timeout = \"20s\"\n");
    let after = format!("{BASE}database.busy_timeout = \"1s\"\napi.request_timeout = \"10s\"\n");
    let alone = folder(&[("authd.toml", &after)]);
    assert_eq!(load(&source(alone.path())).unwrap().warnings, []);
    let (_, reloaded) = reloaded(&before, &after).unwrap();
    assert_eq!(names(&reloaded, Change::Restart), ["database.busy_timeout"]);
    let [warning] = reloaded.loaded.warnings.as_slice() else {
        panic!("{:?}", reloaded.loaded.warnings);
    };
    assert_eq!(warning.key.as_deref(), Some("database.busy_timeout"));
}
