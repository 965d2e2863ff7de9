//! The order of the layers, and how each is read.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::*;

/// Files of which only some count, each over those before it in byte order.
const LAYERS: &[(&str, &str)] = &[
    (
        "authd.toml",
        "[api]\npublic_url = \"https://a.example\"\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\nmax_connections = 11\nworker_threads = 1\n",
    ),
    (
        "authd.toml.d/9-late.toml",
        "api.max_connections = 14\napi.worker_threads = 2\n",
    ),
    (
        "authd.toml.d/10-early.toml",
        "api.max_connections = 12\nlockout.threshold = 3\n",
    ),
    ("authd.toml.d/B.toml", "api.max_connections = 15\n"),
    ("authd.toml.d/A.toml", "api.max_connections = 13\n"),
    ("authd.toml.d/.hidden.toml", "nonsense"),
    ("authd.toml.d/20-old.toml.bak", "nonsense"),
];

#[test]
fn later_layers_win_and_arrays_replace() {
    let folder = folder(LAYERS);
    let loaded = load(&Source {
        dir: Some(folder.path().to_path_buf()),
        env: vec![
            (
                "AUTHD_API__LISTEN".to_owned(),
                "127.0.0.1:3, [::1]:3".to_owned(),
            ),
            ("AUTHD_LOCKOUT__THRESHOLD".to_owned(), "4".to_owned()),
            ("PATH".to_owned(), "/bin".to_owned()),
        ],
        set: vec![
            "lockout.threshold=6".to_owned(),
            "lockout.threshold=7".to_owned(),
        ],
        ..Source::default()
    })
    .unwrap();
    let names: Vec<String> = loaded
        .files
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        names,
        [
            "authd.toml",
            "10-early.toml",
            "9-late.toml",
            "A.toml",
            "B.toml"
        ]
    );
    let config = &loaded.config;
    assert_eq!(config.api.max_connections, 15);
    assert_eq!(config.api.worker_threads, 2);
    assert_eq!(
        config.api.listen,
        ["127.0.0.1:3".parse().unwrap(), "[::1]:3".parse().unwrap()]
    );
    assert_eq!(config.lockout.threshold, 7);
    assert_eq!(
        loaded.values.origin("api.worker_threads"),
        Origin::File {
            path: folder.path().join("authd.toml.d/9-late.toml"),
            line: 2,
            column: 5
        }
    );
    assert_eq!(
        loaded.values.origin("lockout.threshold"),
        Origin::Flag("lockout.threshold".to_owned())
    );
}

#[test]
fn dotted_keys_and_tables_are_the_same() {
    let folder = folder(&[(
        "authd.toml",
        "api.public_url = \"https://a.example\"\napi.timeout_overrides.\"/v1\" = \"1h 30m\"\n",
    )]);
    let dotted = load(&source(folder.path())).unwrap().config;
    let text = "[api]\npublic_url = \"https://a.example\"\n[api.timeout_overrides]\n\"/v1\" = \"1h 30m\"\n";
    fs::write(folder.path().join("authd.toml"), text).unwrap();
    let table = load(&source(folder.path())).unwrap().config;
    assert_eq!(dotted, table);
    assert_eq!(
        table.api.timeout_overrides.get("/v1"),
        Some(&Some(Duration::from_mins(90)))
    );
}

#[test]
fn environment_values_are_plain_texts_for_every_kind() {
    let config = load_environment(&[
        ("AUTHD_DEFAULT_TENANT", "acme"),
        ("AUTHD_API__BEHIND_PROXY", "true"),
        ("AUTHD_API__LISTEN", "0.0.0.0:80,[::]:80"),
        ("AUTHD_API__REQUEST_TIMEOUT", "20s"),
        ("AUTHD_API__MAX_BODY", "1MiB"),
        ("AUTHD_API__MAX_CONNECTIONS", "100"),
        ("AUTHD_API__TRUSTED_PROXIES", ""),
        ("AUTHD_API__TIMEOUT_OVERRIDES", "/v1/a=1m, /v1/b=none"),
        ("AUTHD_ADMIN__SOCKET_MODE", "0600"),
        ("AUTHD_ADMIN__ALLOW_UIDS", "0,alice"),
        ("AUTHD_SESSION__POLICY", "limit:3"),
        ("AUTHD_LOG__TARGET", "json"),
    ])
    .unwrap()
    .config;
    assert_eq!(config.default_tenant.unwrap().as_str(), "acme");
    assert_eq!(config.api.listen.len(), 2);
    assert_eq!(config.api.request_timeout, Duration::from_secs(20));
    assert_eq!(config.api.max_body, 1 << 20);
    assert_eq!(config.api.trusted_proxies, []);
    assert_eq!(config.api.timeout_overrides.get("/v1/b"), Some(&None));
    assert_eq!(config.admin.socket_mode, 0o600);
    assert_eq!(
        config.admin.allow_uids,
        [Account::Uid(0), Account::Name("alice".to_owned())]
    );
    assert_eq!(config.log.target, LogTarget::Json);
}

#[test]
fn g12_a_variable_that_names_no_key_stops_the_start() {
    for (name, text, expected) in [
        ("AUTHD_", "", "names no key"),
        ("AUTHD_SOCKET", "x", "names no key"),
        ("AUTHD_api__listen", "x", "names no key"),
        ("AUTHD_API.LISTEN", "x", "names no key"),
        ("AUTHD_API_LISTEN", "x", "Did you mean AUTHD_API__LISTEN?"),
        ("AUTHD_API__REQUEST_TIMEOUT", "30", "with a unit"),
        ("AUTHD_API__REQUEST_TIMEOUT", "\u{FFFD}s", "UTF-8"),
        ("AUTHD_API__BEHIND_PROXY", "1", "expected true or false"),
        (
            "AUTHD_API__MAX_CONNECTIONS",
            "+9",
            "expected a whole number",
        ),
        ("AUTHD_API__MAX_CONNECTIONS", "", "expected a whole number"),
        ("AUTHD_API__TIMEOUT_OVERRIDES", "/v1", "PREFIX=DURATION"),
        ("AUTHD_API__TIMEOUT_OVERRIDES", "/v1=1s,/v1=2s", "twice"),
    ] {
        let shown = load_environment(&[(name, text)]).unwrap_err().to_string();
        let place = format!("authd: environment {name}: error: ");
        assert!(shown.starts_with(&place), "{shown}");
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
}

#[test]
fn v13_3_credentials_are_not_named_in_the_environment() {
    let shown = load_environment(&[("AUTHD_KEYS__WRAP_CREDENTIAL", "x")])
        .unwrap_err()
        .to_string();
    assert!(
        shown.contains("is not taken from the environment"),
        "{shown}"
    );
    assert!(load_settings(&["keys.wrap_credential=other"]).is_ok());
}

#[test]
fn settings_are_toml_or_plain_text() {
    let config = load_settings(&[
        "api.listen=127.0.0.1:1,127.0.0.1:2",
        "api.request_timeout=\"20s\"",
        "api.header_timeout = 5s",
        "api.max_connections=1_000",
        "api.timeout_overrides={ \"/v1\" = \"1m\" }",
        "admin.socket_mode=0600",
        "admin.allow_uids=[1, \"alice\"]",
        "refs.names=[]",
        "session.policy=per_device",
        "token.audience=[\"a\", \"b\"]",
    ])
    .unwrap()
    .config;
    assert_eq!(config.api.listen.len(), 2);
    assert_eq!(config.api.request_timeout, Duration::from_secs(20));
    assert_eq!(config.api.header_timeout, Duration::from_secs(5));
    assert_eq!(config.api.max_connections, 1000);
    assert_eq!(config.admin.socket_mode, 0o600);
    assert_eq!(config.admin.allow_uids.len(), 2);
    assert!(config.refs.names.is_empty());
    assert_eq!(config.token.audience, ["a", "b"]);
    for (setting, expected) in [
        ("api.request_timeout=30", "needs a unit"),
        ("api.max_connections=many", "expected a whole number"),
        ("admin.socket_mode=660", "leading zero"),
        ("api.behind_proxy=yes", "expected true or false"),
        ("=5", "unknown key"),
    ] {
        let shown = load_settings(&[setting]).unwrap_err().to_string();
        assert!(shown.starts_with("authd: --set "), "{shown}");
        assert!(shown.contains(expected), "{shown}");
    }
}

#[test]
fn named_files_and_folders_must_be_there() {
    let folder = folder(&[]);
    let missing = folder.path().join("missing.toml");
    let shown = load(&Source {
        file: Some(missing.clone()),
        ..Source::default()
    })
    .unwrap_err()
    .to_string();
    assert!(
        shown.starts_with(&format!(
            "authd: {}: error: cannot read the file: ",
            missing.display()
        )),
        "{shown}"
    );
    assert!(load(&source(&missing)).is_err());
    // A folder instead of a file.
    fs::create_dir(folder.path().join("authd.toml")).unwrap();
    assert!(
        load(&source(folder.path()))
            .unwrap_err()
            .to_string()
            .contains("cannot read the file")
    );
}

#[test]
fn a_named_file_brings_the_drop_ins_beside_it() {
    let folder = folder(&[
        ("authd.toml", "api.public_url = \"https://a.example\""),
        ("authd.toml.d/1.toml", "lockout.threshold = 9"),
    ]);
    let loaded = load(&Source {
        file: Some(folder.path().join("authd.toml")),
        ..Source::default()
    })
    .unwrap();
    assert_eq!(loaded.config.lockout.threshold, 9);
    assert_eq!(loaded.files.len(), 2);
}

#[test]
fn development_defaults_stand_below_every_setting() {
    let folder = folder(&[("config/authd.toml", "lockout.threshold = 8\n")]);
    let dev = Source {
        dev: Some(DevDefaults::below(folder.path())),
        ..Source::default()
    };
    let config = load(&dev).unwrap().config;
    assert_eq!(config.lockout.threshold, 8);
    assert_eq!(config.api.public_url, "http://127.0.0.1:8440");
    assert_eq!(config.token.issuer, "http://127.0.0.1:8440");
    assert_eq!(config.admin.socket, folder.path().join("run/admin.sock"));
    assert_eq!(config.admin.socket_group, None);
    assert_eq!(
        config.database.url,
        DatabaseUrl::Sqlite(folder.path().join("data/authd.db"))
    );
    let config = load(&Source {
        set: vec![
            "api.listen=[::1]:99".to_owned(),
            "database.url=sqlite:/x/y.db".to_owned(),
        ],
        ..dev
    })
    .unwrap()
    .config;
    assert_eq!(config.api.public_url, "http://[::1]:99");
    assert_eq!(
        config.database.url,
        DatabaseUrl::Sqlite(PathBuf::from("/x/y.db"))
    );
}

#[test]
fn the_container_file_says_what_the_configuration_takes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/container/Containerfile");
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| line.trim().trim_end_matches(" \\"));
    let lines = lines.map(|line| line.trim_start_matches("ENV "));
    let mut variables: Vec<(&str, &str)> = lines
        .filter(|line| line.starts_with("AUTHD_"))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name, value.trim_matches('"')))
        .collect();
    assert!(variables.len() >= 5, "{variables:?}");
    variables.push(("AUTHD_API__PUBLIC_URL", "https://auth.example.com"));
    let config = load_environment(&variables).unwrap().config;
    assert_eq!(config.api.listen, ["0.0.0.0:8440".parse().unwrap()]);
    assert!(config.api.behind_proxy);
    assert_eq!(config.admin.socket_group, None);
    assert!(text.contains("USER 65532:65532") && text.contains("\"healthcheck\"]"));
}
