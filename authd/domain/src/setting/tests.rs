//! The table of settings, and what holds where installation, operator and tenant differ.

use std::collections::HashSet;
use std::sync::Arc;

use common::time::Time;

use super::*;
use crate::lockout::LockoutPolicy;
use crate::password::PasswordPolicy;
use crate::registration::RegistrationPolicy;
use crate::session::{Floors, SessionLimits};

fn base() -> TenantSettings {
    let day = seconds(DAY);
    TenantSettings {
        attempts_retention: 180 * day,
        claimed_references: Vec::new(),
        claimed_permissions: false,
        cors_origins: Vec::new(),
        allowed_hosts: vec!["app.acme.test".to_owned()],
        pages: LinkPages {
            confirm: "https://auth.test/confirm-email".to_owned(),
            reset: "https://auth.test/reset-password".to_owned(),
            verify: "https://auth.test/verify-email".to_owned(),
        },
        device_ttl: 90 * day,
        show_password: false,
        lockout: LockoutPolicy {
            threshold: 5,
            window: seconds(900),
            duration: seconds(900),
        },
        mail: MailLook {
            accent: None,
            from: "accounts@acme.test".parse().ok(),
            language: "en".to_owned(),
            reply_to: None,
            support: None,
        },
        temporary_ttl: 3 * day,
        password_policy: PasswordPolicy {
            min_length: 15,
            max_length: 128,
        },
        reference_names: vec!["branch_id".to_owned()],
        registration: RegistrationPolicy {
            enabled: false,
            allowed_domains: vec!["a.test".to_owned(), "b.test".to_owned()],
            max_pending: 100,
        },
        session_limits: SessionLimits {
            idle_timeout: 7 * day,
            max_age: 30 * day,
            floors: Floors::NONE,
        },
        session_policy: SessionPolicy::Single,
        access_ttl: seconds(600),
        audience: vec!["apps".to_owned()],
    }
}

/// A value on each side of the one of [`base`]; for keys without an order just others.
const AROUND: [(Setting, &str, &str); 29] = [
    (Setting::AttemptsRetention, "30d", "365d"),
    (Setting::ClaimsExternalRefs, "branch_id", "adm,sub"),
    (Setting::ClaimsPermissions, "false", "true"),
    (
        Setting::CorsOrigins,
        "https://app.acme.test",
        "https://app.acme.test,http://localhost:5173",
    ),
    (Setting::DeviceSecretTtl, "30d", "365d"),
    (Setting::EmployeesShowPassword, "true", "true"),
    (Setting::LinksAllowedHosts, "", "app.acme.test,b.acme.test"),
    (
        Setting::LinksConfirmUrl,
        "https://app.acme.test/confirm",
        "https://app.acme.test:8443/confirm",
    ),
    (
        Setting::LinksResetUrl,
        "https://app.acme.test/reset?lang=sw",
        "https://b.acme.test/reset",
    ),
    (
        Setting::LinksVerifyUrl,
        "https://app.acme.test",
        "http://localhost:5173/",
    ),
    (Setting::LockoutDuration, "5m", "1h"),
    (Setting::LockoutThreshold, "3", "10"),
    (Setting::LockoutWindow, "5m", "1h"),
    (Setting::MailAccent, "#1d4fbf", "#a81c1c"),
    (
        Setting::MailFrom,
        "a@acme.test",
        "Acme <no-reply@acme.test>",
    ),
    (Setting::MailLanguage, "sw", "sw-KE"),
    (
        Setting::MailReplyTo,
        "help@acme.test",
        "Help <help@acme.test>",
    ),
    (
        Setting::MailSupport,
        "Help: 0700 000 000",
        "Help, day and night",
    ),
    (Setting::PasswordGeneratedTtl, "1h", "7d"),
    (Setting::PasswordMinLength, "8", "20"),
    (Setting::RefsNames, "", "branch_id,shop_id"),
    (
        Setting::RegistrationAllowedDomains,
        "a.test",
        "a.test,c.test",
    ),
    (Setting::RegistrationEnabled, "false", "true"),
    (Setting::RegistrationMaxPending, "20", "500"),
    (Setting::SessionIdleTimeout, "1h", "14d"),
    (Setting::SessionMaxAge, "1d", "90d"),
    (Setting::SessionPolicy, "per_device", "limit:3"),
    (Setting::TokenAccessTtl, "1m", "30m"),
    (Setting::TokenAudience, "orders", "orders,https://a.example"),
];

fn row(setting: Setting, by: SetBy, text: &str) -> StoredSetting {
    StoredSetting {
        setting,
        value: setting.parse(text).unwrap(),
        set_by: by,
        updated_at: Time::default(),
    }
}

#[test]
fn the_table_is_complete_sorted_and_its_names_read_back() {
    let names: Vec<&str> = Setting::ALL.iter().map(|setting| setting.name()).collect();
    assert!(names.is_sorted());
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    for setting in Setting::ALL {
        assert_eq!(Setting::from_name(setting.name()), Some(setting));
        assert!(AROUND.iter().any(|(other, ..)| *other == setting));
    }
    assert_eq!(Setting::from_name("lockout.treshold"), None);
}

#[test]
fn every_setting_reads_its_own_value_back_and_reaches_a_place_of_its_own() {
    for (setting, low, high) in AROUND {
        for text in [low, high] {
            let value = setting.parse(text).unwrap();
            assert_eq!(value.to_string(), text, "{setting}");
            let changed = base().with(&[row(setting, SetBy::Operator, text)]);
            assert_eq!(changed.value(setting), value, "{setting}");
            for other in Setting::ALL.into_iter().filter(|other| *other != setting) {
                assert_eq!(
                    changed.value(other),
                    base().value(other),
                    "{setting} {other}"
                );
            }
        }
    }
}

#[test]
fn hard_bounds_hold_for_everybody() {
    for (setting, wrong) in [
        (
            Setting::LockoutThreshold,
            vec!["0", "101", "-1", "+5", "5.0", "", " 5", "five"],
        ),
        (Setting::PasswordMinLength, vec!["7", "65", "4294967304"]),
        (
            Setting::EmployeesShowPassword,
            vec!["", "yes", "1", "True", " true"],
        ),
        (
            Setting::SessionIdleTimeout,
            vec!["59s", "366d", "7", "", "1 fortnight"],
        ),
        (Setting::SessionMaxAge, vec!["4m", "366d"]),
        (Setting::TokenAccessTtl, vec!["9s", "61m"]),
        (
            Setting::SessionPolicy,
            vec!["limit:0", "limit:51", "Single", ""],
        ),
        (
            Setting::RefsNames,
            vec![
                "A",
                "a,a",
                "a,,b",
                "a-b",
                "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
            ],
        ),
        (
            Setting::RegistrationAllowedDomains,
            vec![
                "A.test",
                "a.test,a.test",
                "a@b.test",
                "a b.test",
                "@a.test",
                "a..test",
            ],
        ),
        (
            Setting::CorsOrigins,
            vec!["null", "https://a.test/", "https://A.test", "http://a.test"],
        ),
        (Setting::LinksAllowedHosts, vec!["A.test", "https://a.test"]),
    ] {
        refuses(setting, &wrong);
    }
}

fn refuses(setting: Setting, wrong: &[&str]) {
    for text in wrong {
        assert!(setting.parse(text).is_err(), "{setting} {text:?}");
    }
}

#[test]
fn hard_bounds_of_texts_hold_for_everybody() {
    for (setting, wrong) in [
        (
            Setting::MailAccent,
            vec!["", "red", "#FFFFFF", "#fff", "#1d4fbf;}"],
        ),
        (Setting::MailFrom, vec!["", "Acme", "a@b.test, c@d.test"]),
        (Setting::MailLanguage, vec!["", "EN", "../sw"]),
        (Setting::MailReplyTo, vec!["", "a@b.test\r\nBcc: c@d.test"]),
        (Setting::MailSupport, vec!["", " x", "a\nb"]),
        (Setting::RegistrationEnabled, vec!["", "yes", "1", "True"]),
        (Setting::ClaimsPermissions, vec!["", "all", "1", "True"]),
        (
            Setting::LinksResetUrl,
            vec![
                "",
                "javascript:alert(1)",
                "https://a.test/#t",
                "http://a.test/",
            ],
        ),
        (Setting::RegistrationMaxPending, vec!["0", "10001"]),
        (
            Setting::TokenAudience,
            vec!["", "a,a", "a\u{202e}b", "a\u{7}"],
        ),
    ] {
        refuses(setting, &wrong);
    }
}

#[test]
fn rule_20_the_operator_may_loosen_and_the_tenant_only_tighten() {
    for (setting, low, high) in AROUND {
        let bound = base().value(setting.bounded_by());
        let rule = setting.rule();
        for text in [low, high] {
            let value = setting.parse(text).unwrap();
            assert_eq!(setting.judge(SetBy::Operator, &value, &bound), Ok(()));
        }
        let tenant = |text: &str| {
            let value = setting.parse(text).unwrap();
            let judged = setting.judge(SetBy::Tenant, &value, &bound);
            let holds = base().with(&[row(setting, SetBy::Tenant, text)]);
            // What is refused never holds either, should such a row stand there all the same.
            assert_eq!(
                judged.is_ok(),
                holds.value(setting) == value,
                "{setting} {text}"
            );
            judged
        };
        let looser = Err(match rule.stricter {
            Stricter::OnAllowedHosts => Refused::Host {
                hosts: bound.clone(),
            },
            _ => Refused::Looser {
                bound: bound.clone(),
            },
        });
        let (low, high) = (tenant(low), tenant(high));
        match (rule.class, rule.stricter) {
            (Class::Operator, _) => {
                assert_eq!((low, high), (Err(Refused::Class), Err(Refused::Class)));
            }
            (Class::Tenant, Stricter::Less | Stricter::Within | Stricter::OnAllowedHosts) => {
                assert_eq!((low, high), (Ok(()), looser));
            }
            (Class::Tenant, Stricter::More) => assert_eq!((low, high), (looser, Ok(()))),
            (Class::Tenant, Stricter::Neither) => assert_eq!((low, high), (Ok(()), Ok(()))),
        }
        // The value that holds is no looser than itself.
        if rule.class == Class::Tenant && setting.bounded_by() == setting {
            assert_eq!(setting.judge(SetBy::Tenant, &bound, &bound), Ok(()));
        }
    }
}

#[test]
fn rule_20_the_operators_later_word_bounds_what_the_tenant_chose_before() {
    let chosen = row(Setting::LockoutThreshold, SetBy::Tenant, "4");
    let tighter = row(Setting::LockoutThreshold, SetBy::Operator, "2");
    let looser = row(Setting::LockoutThreshold, SetBy::Operator, "9");
    let holds = |own: &[StoredSetting]| base().with(own).lockout.threshold;
    assert_eq!(holds(std::slice::from_ref(&chosen)), 4);
    assert_eq!(holds(&[chosen.clone(), tighter.clone()]), 2);
    assert_eq!(holds(&[tighter, chosen.clone()]), 2, "whatever the order");
    assert_eq!(holds(&[chosen.clone(), looser.clone()]), 4);
    let bounds = base().of_operator(&[chosen, looser]);
    assert_eq!(bounds.lockout.threshold, 9);
}

#[test]
fn what_holds_knows_what_it_was_made_of() {
    let base = Arc::new(base());
    let mut own = OwnSettings {
        values: Vec::new(),
        floors: Floors::NONE,
    };
    let plain = Effective::of_tenant(Arc::clone(&base), &own, Arc::new);
    assert_eq!(plain.lockout, base.lockout);
    own.floors.device = Time::from_millis(7);
    let floored = Effective::of_tenant(Arc::clone(&base), &own, Arc::new);
    assert_eq!(floored.session_limits.floors, own.floors, "without a value");
    own.values
        .push(row(Setting::LockoutThreshold, SetBy::Operator, "3"));
    let special = Effective::of_tenant(Arc::clone(&base), &own, Arc::new);
    assert_eq!(special.lockout.threshold, 3);
    assert_eq!(special.session_limits.floors, own.floors);
    let later = Arc::new((*base).clone());
    for effective in [plain, special] {
        assert!(effective.is_made_of(&base) && !effective.is_made_of(&later));
    }
}
