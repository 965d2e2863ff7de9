//! The keys: their definitions, their defaults, and the forms in which they are printed.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use domain::setting::Setting;

use super::*;

#[test]
fn keys_are_unique_sorted_and_in_their_sections() {
    let mut names = Vec::new();
    for section in SECTIONS {
        let own: Vec<&str> = section.keys.iter().map(|key| key.name).collect();
        assert!(own.is_sorted(), "{}", section.name);
        for key in section.keys {
            assert_eq!(key.section(), section.name);
            assert!(
                !key.doc.is_empty() && !key.doc.contains('\n'),
                "{}",
                key.name
            );
        }
        names.extend(own);
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn rule_20_keys_with_a_class_are_the_settings_of_tenants() {
    let with_class: Vec<&str> = all_keys()
        .filter(|key| key.class != Class::Installation)
        .map(|key| key.name)
        // The one that is a field of the tenant itself: tenant set --time-zone.
        .filter(|name| *name != "tenant.time_zone")
        .collect();
    let mut sorted = with_class.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, Setting::ALL.map(Setting::name));
    for setting in Setting::ALL {
        let class = find(setting.name()).and_then(|key| key.class.name());
        assert_eq!(class, Some(setting.rule().class.as_str()), "{setting}");
    }
}

/// Texts that some setting takes, and texts that none does.
const TEXTS: &str = "|0|1|5|8|15|64|65|100|101|007|+5|-1| 5|5.0|10s|59s|1m|5m|15m|1h 30min|61m|1d|72h|30d|\
    31d|366d|730d|3650d|3651d|soon|single|per_device|limit:3|limit:51|Single|branch_id|\
    branch_id,shop_id| a , b |a,a|a,,b|A|a-b|https://api.example.com|https://a.example,orders|*|null|http://a.example|https://A.example|\
    https://a.example:443|app.example.com|App.example.com|\
    a@b.example|Acme <a@b.example>|A, B <a@b.example>|#1d4fbf|#FFF|en|sw-KE|SW|\
    a\u{202e}b|a\nb|a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p|a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q";

/// A tenant's value is read by the rules of the configuration, and refused in its words.
#[test]
fn rule_20_tenants_and_the_configuration_read_the_same_values() {
    let mut taken = 0;
    for setting in Setting::ALL {
        let key = find(setting.name()).unwrap();
        for text in TEXTS.split('|') {
            // The configuration has its own words for a list without anybody in it.
            if setting == Setting::TokenAudience && text.is_empty() {
                assert!(setting.parse(text).is_err());
                continue;
            }
            let ours = setting.parse(text).map(as_toml);
            let theirs = read::from_text(key.kind, text).map(|value| value.to_toml());
            taken += usize::from(ours.is_ok());
            if text.chars().any(common::text::is_forbidden) {
                // What nobody sees is refused by the configuration before the form.
                assert!(ours.is_err() && theirs.is_err(), "{setting} {text:?}");
            } else {
                let ours = ours.map_err(|error| error.to_string());
                assert_eq!(ours, theirs, "{setting} {text:?}");
            }
        }
    }
    assert!(taken > 60, "{taken}");
}

fn as_toml(value: domain::setting::Value) -> String {
    match value {
        domain::setting::Value::Names(names) => Value::List(names).to_toml(),
        domain::setting::Value::Number(number) => number.to_string(),
        other => format!("\"{other}\""),
    }
}

#[test]
fn every_default_is_within_its_bounds() {
    let mut faults = Vec::new();
    load::compiled_in(&mut faults);
    assert_eq!(faults, Vec::new());
}

#[test]
fn every_key_feeds_a_field() {
    let loaded = load_settings(&[]).unwrap();
    for key in all_keys() {
        let mut values = loaded.values.clone();
        values.forget(key.name);
        let fault = Config::build(&values).expect_err(key.name);
        assert_eq!(fault.key.as_deref(), Some(key.name));
    }
}

#[test]
fn defaults_are_those_of_the_reference() {
    let config = load_settings(&[]).unwrap().config;
    assert_eq!(config.default_tenant, None);
    assert_eq!(config.api.listen, ["127.0.0.1:8440".parse().unwrap()]);
    assert_eq!(config.api.request_timeout, Duration::from_secs(30));
    assert_eq!(config.api.max_body, 64 << 10);
    assert_eq!(config.admin.socket, PathBuf::from("/run/authd/admin.sock"));
    assert_eq!(config.admin.socket_group.as_deref(), Some("authd-admin"));
    assert_eq!(config.admin.socket_mode, 0o660);
    assert_eq!(
        config.database.url,
        DatabaseUrl::Sqlite(PathBuf::from("/var/lib/authd/authd.db"))
    );
    assert_eq!(config.token.issuer, "https://auth.example.com");
    assert_eq!(config.token.audience, ["https://auth.example.com"]);
    assert_eq!(config.token.access_ttl, Duration::from_mins(10));
    assert_eq!(config.lockout.threshold, 5);
    assert_eq!(config.lockout.window, Duration::from_mins(15));
    assert_eq!(config.lockout.duration, Duration::from_mins(15));
    assert_eq!(config.password.min_length, 15);
    assert_eq!(config.password.memory, 19 << 20);
    assert_eq!(
        config.session.policy,
        domain::session::SessionPolicy::Single
    );
    assert_eq!(config.attempts.store_ip, StoreIp::Full);
    assert_eq!(config.password.reset_ttl, Duration::from_hours(1));
    assert_eq!(
        config.links.reset_url,
        "https://auth.example.com/reset-password"
    );
    assert_eq!(config.mail.transport, Transport::None);
    assert_eq!(
        (config.mail.tls, config.mail.port),
        (MailTls::Starttls, 587)
    );
    assert_eq!(config.mail.per_address_hourly, 3);
    assert_eq!((config.mail.retry_max, config.mail.rate), (8, 120));
    assert_eq!(config.log.target, LogTarget::Auto);
}

#[test]
fn what_is_in_effect_loads_to_the_same() {
    let loaded = load_settings(&[
        "default_tenant=acme",
        "api.listen=127.0.0.1:1,[::1]:2",
        "api.timeout_overrides={ \"/v1/a\" = \"90s\", \"/v1/\\\"b\" = \"none\" }",
        "admin.allow_uids=0,alice",
        "admin.socket_group=",
        "password.breached_list=/var/lib/authd/breached.txt",
        "tenant.default_plan=\"gold \\\"plus\\\"\"",
        "session.policy=limit:3",
        "api.max_body=65537B",
        "lockout.window=1h 30m",
    ])
    .unwrap();
    for with_origins in [false, true] {
        let text = effective(&loaded.values, with_origins);
        let folder = folder(&[("authd.toml", &text)]);
        let again = load(&source(folder.path())).unwrap();
        assert_eq!(again.config, loaded.config, "{text}");
        assert_eq!(text.contains("# from --set default_tenant"), with_origins);
        assert_eq!(text.contains("# default"), with_origins);
    }
}

#[test]
fn the_printed_defaults_are_the_defaults() {
    let text = defaults();
    for key in all_keys() {
        assert!(text.contains(key.doc), "{}", key.name);
    }
    // As printed everything is a comment; without the marks every key is set, the unset ones to
    // their examples.
    let bare = text.replace("\n#", "\n").replace("\n ", "\n# ");
    let plain = load_settings(&[]).unwrap();
    let folder = folder(&[("authd.toml", &text)]);
    let source = Source {
        set: vec![URL.to_owned()],
        ..source(folder.path())
    };
    assert_eq!(load(&source).unwrap().config, plain.config);
    fs::write(folder.path().join("authd.toml"), bare).unwrap();
    let loaded = load(&source).unwrap();
    for key in all_keys() {
        let entry = loaded.values.entry(key.name).unwrap();
        if key.name != "api.public_url" {
            assert!(matches!(entry.origin, Origin::File { .. }), "{}", key.name);
        }
        if key.default.is_some() {
            let default = plain.values.entry(key.name).unwrap();
            assert_eq!(entry.value, default.value, "{}", key.name);
        }
    }
}

#[test]
fn the_schema_names_every_key() {
    let schema = json_schema();
    let top = &schema["properties"];
    for key in all_keys() {
        let property = match key.section() {
            "" => &top[key.leaf()],
            section => &top[section]["properties"][key.leaf()],
        };
        assert!(property["description"].is_string(), "{}", key.name);
        assert_eq!(
            property.get("default").is_some(),
            key.default.is_some(),
            "{}",
            key.name
        );
    }
    assert_eq!(schema["additionalProperties"], false);
}
