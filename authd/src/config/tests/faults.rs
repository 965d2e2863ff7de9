//! What is wrong is told with its place, all together.

use std::fs;

use super::*;

/// A line, the column of its fault, and part of what is told.
const REFUSED: &[(&str, usize, &str)] = &[
    (
        "api.behind_proxy = \"yes\"",
        20,
        "expected true or false, found a text",
    ),
    (
        "api.behind_proxy = 1",
        20,
        "expected true or false, found a whole number",
    ),
    ("api.max_connections = 7", 23, "from 8 to 1000000"),
    ("api.max_connections = -8", 23, "from 8 to 1000000"),
    (
        "api.max_connections = 8.5",
        23,
        "found a number with a fraction",
    ),
    ("api.max_connections = \"8\"", 23, "found a text"),
    (
        "api.max_connections = 1979-05-27",
        23,
        "found a date or time",
    ),
    ("api.request_timeout = 30", 23, "needs a unit"),
    (
        "api.request_timeout = \"30\"",
        23,
        "expected a duration with a unit",
    ),
    (
        "api.request_timeout = \"0s\"",
        23,
        "from \"100ms\" to \"10m\"",
    ),
    (
        "api.request_timeout = \"1d\"",
        23,
        "from \"100ms\" to \"10m\"",
    ),
    (
        "api.request_timeout = \"99999999999999999999d\"",
        23,
        "too large",
    ),
    ("api.max_body = 65536", 16, "needs a unit"),
    ("api.max_body = \"64KB\"", 16, "expected a size with a unit"),
    ("api.max_body = \"1GiB\"", 16, "from \"4KiB\" to \"16MiB\""),
    (
        "api.client_ip_header = \"x-forwarded\"",
        24,
        "expected one of \"none\"",
    ),
    ("log.target = \"jounal\"", 14, "did you mean \"journal\"?"),
    (
        "admin.socket_mode = 660",
        21,
        "a bare number is read as decimal",
    ),
    (
        "admin.socket_mode = 0o660",
        21,
        "a bare number is read as decimal",
    ),
    ("admin.socket_mode = \"660\"", 21, "with its leading zero"),
    (
        "admin.socket_mode = \"0666\"",
        21,
        "must not let everybody in",
    ),
    (
        "admin.socket = \"run/admin.sock\"",
        16,
        "expected an absolute path",
    ),
    (
        "admin.allow_uids = [1000, -1]",
        27,
        "expected names of users or uids",
    ),
    (
        "api.trusted_proxies = [\"10.0.0.1/8\"]",
        24,
        "would be \"10.0.0.0/8\"",
    ),
    (
        "api.trusted_proxies = [\"::1\", \"::1\"]",
        31,
        "names \"::1\" twice",
    ),
    (
        "api.trusted_proxies = \"::1\"",
        23,
        "expected a list of texts",
    ),
    (
        "session.policy = \"limit:0\"",
        18,
        "\"limit:N\" with N from 1 to 50",
    ),
    (
        "database.url = \"postgres://h/d\"",
        16,
        "PostgreSQL, which this build does not contain",
    ),
    (
        "api.timeout_overrides = { \"v1\" = \"1s\" }",
        34,
        "begins with /",
    ),
    (
        "api.timeout_overrides = { \"/v1\" = 5 }",
        35,
        "needs a unit",
    ),
    (
        "api.timeout_overrides = { \"/v1\" = \"never\" }",
        35,
        "or \"none\"",
    ),
    (
        "cors.origins = [\"https://a.example/\"]",
        17,
        "origins as browsers send them",
    ),
    ("cors.headers = [\"*\"]", 17, "names of headers"),
    ("cors.methods = [\"get\"]", 17, "GET, HEAD"),
    ("refs.names = [\"Branch\"]", 15, "expected names of 1 to 32"),
    ("tenant.time_zone = \"Mars/Phobos\"", 20, "time zone"),
    (
        "keys.wrap_credential = \"/etc/key\"",
        24,
        "name of a credential",
    ),
    (
        "default_tenant = \"Acme\"",
        18,
        "expected 2 to 63 characters",
    ),
    ("api = 5", 7, "\"api\" is a section, not a key"),
    (
        "tenant.default_plan = \"a\\u202eb\"",
        23,
        "control or direction-changing",
    ),
    ("token.access_ttl = \"61m\"", 20, "from \"10s\" to \"1h\""),
    ("password.min_length = 7", 23, "from 8 to 64"),
];

#[test]
fn rule_29_unknown_keys_stop_the_start_with_place_and_suggestion() {
    let shown = faults_of(
        "[api]\npublic_url = \"https://a.example\"\n  lisen = []\n\n[sesion]\nx = 1\n\n[lockout]\nidle_timeout = \"1d\"\n",
    );
    assert_eq!(
        shown,
        "authd: authd.toml:3:3: error: unknown key \"api.lisen\"\n  \
         Did you mean \"api.listen\"? Reference: man 5 authd.toml\n\
         authd: authd.toml:5:2: error: unknown section \"sesion\"\n  \
         Did you mean \"session\"? Reference: man 5 authd.toml\n\
         authd: authd.toml:9:1: error: unknown key \"lockout.idle_timeout\"\n  \
         Did you mean \"session.idle_timeout\"? Reference: man 5 authd.toml"
    );
}

#[test]
fn all_faults_of_all_files_come_together() {
    let folder = folder(&[
        ("authd.toml", "[lockout]\nthreshold = 0\nwindow = 15\n"),
        ("authd.toml.d/10.toml", "[api]\nlisten = [\"here\", 5]\n"),
        ("authd.toml.d/20.toml", "[api\n"),
        ("authd.toml.d/30.toml", "log.level = \"inof\"\n"),
    ]);
    let faults = load(&Source {
        dir: Some(folder.path().to_path_buf()),
        env: vec![("AUTHD_API__LISTENN".to_owned(), String::new())],
        set: vec!["nonsense".to_owned(), "log.levle=info".to_owned()],
        ..Source::default()
    })
    .unwrap_err();
    let shown = faults.to_string();
    let shown = shown.replace(&format!("{}/", folder.path().display()), "");
    for expected in [
        "authd: authd.toml:2:13: error: \"lockout.threshold\" expected a whole number from 1 to 100",
        "authd: authd.toml:3:10: error: \"lockout.window\" needs a unit",
        "authd: authd.toml.d/10.toml:2:11: error: \"api.listen\" expected a socket address",
        "authd: authd.toml.d/10.toml:2:19: error: \"api.listen\" expected texts in quotes, found a whole number",
        "authd: authd.toml.d/20.toml:1:5: error: ",
        "authd: authd.toml.d/30.toml:1:13: error: \"log.level\" expected one of off, error,",
        "authd: environment AUTHD_API__LISTENN: error: names no key",
        "Did you mean AUTHD_API__LISTEN?",
        "authd: --set nonsense: error: expected KEY=VALUE",
        "authd: --set log.levle: error: unknown key \"log.levle\"",
        "Did you mean \"log.level\"?",
    ] {
        assert!(shown.contains(expected), "{expected}\nin\n{shown}");
    }
    // Not told: that the public address is missing, while a file could not be read.
    assert!(!shown.contains("api.public_url"), "{shown}");
    assert_eq!(Faults::EXIT, 78);
}

#[test]
fn places_count_code_points_and_bytes_that_are_no_text() {
    let shown = faults_of("[tenant]\ndefault_plan = \"ü\"; x\n");
    assert!(
        shown.starts_with("authd: authd.toml:2:19: error: "),
        "{shown}"
    );
    let folder = folder(&[]);
    fs::write(folder.path().join("authd.toml"), b"a = 1\nb = \"\xff\"\n").unwrap();
    let shown = load(&source(folder.path())).unwrap_err().to_string();
    assert!(
        shown.contains("authd.toml:2:6: error: expected text in UTF-8"),
        "{shown}"
    );
}

#[test]
fn every_kind_refuses_what_it_does_not_take() {
    for &(line, column, why) in REFUSED {
        let shown = faults_of(line);
        let place = format!("authd: authd.toml:1:{column}: error: ");
        let first = shown.lines().next().unwrap();
        assert!(first.starts_with(&place), "{line}\n{shown}");
        assert!(first.contains(why), "{line}\n{shown}");
    }
}

/// They stand in each token, which has to fit a header.
#[test]
fn s01_all_names_of_an_audience_take_a_bounded_part_of_a_token() {
    let names = |last: usize| {
        let lengths = [("a", 250), ("b", 250), ("c", 250), ("d", last)];
        let names = lengths.map(|(letter, length)| format!("\"{}\"", letter.repeat(length)));
        format!("token.audience=[{}]", names.join(","))
    };
    load_settings(&[&names(5)]).unwrap();
    let faults = load_settings(&[&names(6)]).unwrap_err().to_string();
    assert!(faults.contains("takes at most 768 bytes"), "{faults}");
}

#[test]
fn refs_names_are_sixteen_at_most() {
    let names: Vec<String> = (0..17).map(|n| format!("\"a{n}\"")).collect();
    let shown = faults_of(&format!("refs.names = [{}]", names.join(",")));
    assert!(
        shown.contains("authd.toml:1:14: error: \"refs.names\" takes at most 16"),
        "{shown}"
    );
}

#[test]
fn v12_2_1_no_other_address_than_loopback_without_tls() {
    for listen in [
        "0.0.0.0:80",
        "[::]:80",
        "192.0.2.1:80",
        "127.0.0.1:1,10.0.0.1:1",
    ] {
        let shown = load_settings(&[&format!("api.listen={listen}")])
            .unwrap_err()
            .to_string();
        assert!(
            shown.contains("which is not loopback, and there is no TLS"),
            "{shown}"
        );
        assert!(shown.contains("--set api.listen"), "{shown}");
    }
    for listen in [
        "127.0.0.1:0",
        "[::1]:80",
        "127.9.9.9:80",
        "[::ffff:127.0.0.1]:80",
    ] {
        load_settings(&[&format!("api.listen={listen}")]).unwrap();
    }
    load_settings(&["api.listen=0.0.0.0:80", "api.behind_proxy=true"]).unwrap();
    load_settings(&["api.listen=[]"]).unwrap();
}

#[test]
fn r41_the_whole_is_checked_and_the_key_named() {
    let long = format!("admin.socket=/{}", "a".repeat(107));
    for (settings, key) in [
        (vec!["default_tenant=system"], "default_tenant"),
        (vec!["api.listen=[::1]:80,[0::1]:80"], "api.listen"),
        (vec!["api.trusted_proxies=0.0.0.0/0"], "api.trusted_proxies"),
        (vec![long.as_str()], "admin.socket"),
        (
            vec!["admin.monitor_socket=/run/authd/admin.sock"],
            "admin.monitor_socket",
        ),
        (vec!["session.idle_timeout=31d"], "session.idle_timeout"),
        (vec!["session.idle_timeout=1m"], "session.touch_interval"),
        (
            vec!["session.max_age=9m", "session.idle_timeout=5m"],
            "token.access_ttl",
        ),
        (vec!["token.audience=[]"], "token.audience"),
        (vec!["password.min_length=30"], "password.generated_length"),
        (vec!["password.memory=18MiB"], "password.iterations"),
        (vec!["password.iterations=1"], "password.iterations"),
    ] {
        let faults = load_settings(&settings).unwrap_err();
        let keys: Vec<_> = faults
            .0
            .iter()
            .filter_map(|fault| fault.key.as_deref())
            .collect();
        assert_eq!(keys, [key], "{settings:?}\n{faults}");
        let first = faults.to_string().lines().next().unwrap().to_owned();
        assert!(first.contains(&format!("\"{key}\"")), "{first}");
    }
    load_settings(&["password.memory=12MiB", "password.iterations=3"]).unwrap();
}

#[test]
fn r41_the_public_address_is_required() {
    let folder = folder(&[]);
    let shown = load(&source(folder.path())).unwrap_err().to_string();
    assert!(
        shown.starts_with("authd: error: \"api.public_url\" is not set\n  "),
        "{shown}"
    );
    // A wrong one is told once, as what it is.
    let faults = load(&Source {
        set: vec!["api.public_url=auth.example.com".to_owned()],
        ..source(folder.path())
    })
    .unwrap_err();
    assert_eq!(faults.0.len(), 1, "{faults}");
}

#[test]
fn warnings_do_not_stop_the_start() {
    for (settings, key) in [
        (vec!["api.behind_proxy=true"], "api.behind_proxy"),
        (vec!["api.trusted_proxies=::1"], "api.trusted_proxies"),
        (
            vec!["api.client_ip_header=forwarded"],
            "api.client_ip_header",
        ),
        (
            vec!["api.request_timeout=5s", "password.queue_deadline=4s"],
            "database.busy_timeout",
        ),
    ] {
        let loaded = load_settings(&settings).unwrap();
        let keys: Vec<_> = loaded
            .warnings
            .iter()
            .filter_map(|fault| fault.key.as_deref())
            .collect();
        assert_eq!(keys, [key], "{settings:?}");
        assert!(loaded.warnings[0].to_string().contains(": warning: "));
    }
    assert_eq!(load_settings(&[]).unwrap().warnings, []);
}

#[test]
fn hostile_names_are_shown_escaped() {
    let shown = faults_of("\"a\\u001b[31m\\nb\" = 1\n");
    assert!(
        shown.contains("unknown key \"a\\u{1b}[31m\\u{a}b\""),
        "{shown:?}"
    );
}

#[test]
fn a85_tokens_show_references_that_users_may_carry() {
    let refused = load_settings(&["claims.external_refs=branch_id,adm"]).unwrap_err();
    let shown = refused.to_string();
    assert!(
        shown.contains("\"claims.external_refs\" has \"adm\""),
        "{shown}"
    );
    load_settings(&["claims.external_refs=adm", "refs.names=adm"]).unwrap();
}

#[test]
fn v3_4_2_credentials_and_every_origin_do_not_go_together() {
    let refused = load_settings(&["cors.origins=*", "cors.credentials=true"]).unwrap_err();
    let shown = refused.to_string();
    assert!(
        shown.contains("\"cors.credentials\" is true, and"),
        "{shown}"
    );
    for fine in [
        ["cors.origins=*", "cors.credentials=false"],
        ["cors.origins=https://a.example", "cors.credentials=true"],
    ] {
        load_settings(&fine).unwrap();
    }
}
