//! The use cases about the daemon itself, with a wheel that writes down how it is turned.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use authd::app::Error;
use authd::app::daemon::{
    Later, Prepared, Steering, config, drain, log_level, maintenance, reload,
};
use common::call::daemon::{Config, Drain, LogLevel, Maintenance, Reload};
use common::error::ErrorCode;
use common::view::{ConfigFaultView, ConfigValueView, ConfigView, KeyChangeView};
use serde_json::json;

use crate::desk::Desk;

/// Turns of the wheel, in order.
type Turns = Arc<Mutex<Vec<String>>>;

#[derive(Default)]
pub(crate) struct Wheel {
    turns: Turns,
    changes: Vec<KeyChangeView>,
    faults: Vec<ConfigFaultView>,
}

struct Turn {
    turns: Turns,
    changes: Vec<KeyChangeView>,
}

impl Prepared for Turn {
    fn changes(&self) -> Vec<KeyChangeView> {
        self.changes.clone()
    }
    fn warnings(&self) -> Vec<ConfigFaultView> {
        Vec::new()
    }
    fn apply(self: Box<Self>) {
        self.turns.lock().unwrap().push("applied".to_owned());
    }
}

impl Steering for Wheel {
    fn config(&self) -> ConfigView {
        let setting = |key: &str, is_default| ConfigValueView {
            key: key.to_owned(),
            value: None,
            from: String::new(),
            is_default,
            secret_is_set: None,
            needs_restart: false,
        };
        ConfigView {
            files: Vec::new(),
            settings: vec![setting("a", true), setting("b", false)],
            log_level: None,
        }
    }
    fn prepare(&self) -> Later<Result<Box<dyn Prepared>, Vec<ConfigFaultView>>> {
        let turn: Box<dyn Prepared> = Box::new(Turn {
            turns: Arc::clone(&self.turns),
            changes: self.changes.clone(),
        });
        let faults = self.faults.clone();
        Box::pin(async move {
            if faults.is_empty() {
                Ok(turn)
            } else {
                Err(faults)
            }
        })
    }
    fn level(&self) -> String {
        "info".to_owned()
    }
    fn check_level(&self, level: &str) -> Result<(), String> {
        if level == "loud" {
            return Err("is no level".to_owned());
        }
        Ok(())
    }
    fn set_level(&self, level: &str, term: Option<Duration>) {
        self.turns.lock().unwrap().push(format!("{level} {term:?}"));
    }
}

fn change(key: &str, needs_restart: bool) -> KeyChangeView {
    KeyChangeView {
        key: key.to_owned(),
        before: "5".to_owned(),
        after: "3".to_owned(),
        needs_restart,
    }
}

fn turned(wheel: Wheel) -> (Arc<dyn Steering>, Turns) {
    let turns = Arc::clone(&wheel.turns);
    (Arc::new(wheel), turns)
}

fn because(reason: &str) -> Reload {
    Reload {
        reason: Some(reason.to_owned()),
    }
}

#[tokio::test]
async fn rule_30_a_reload_leaves_one_row_with_what_took_effect() {
    let desk = Desk::new();
    let (steering, turns) = turned(Wheel {
        changes: vec![
            change("lockout.threshold", false),
            change("api.listen", true),
        ],
        ..Wheel::default()
    });
    let done = reload(&desk.app, &desk.admin(), &steering, because("stricter")).await;
    let done = done.unwrap();
    assert_eq!(done.changed.len(), 2);
    assert_eq!(*turns.lock().unwrap(), ["applied"]);
    let row = desk.audit_wide().await.pop().unwrap();
    assert_eq!(Some(row.entry.id), done.audit_id);
    assert_eq!(row.entry.action, "daemon.reload");
    assert_eq!(row.entry.actor.uid, Some(1001));
    assert_eq!(
        row.entry.payload,
        json!({"before": {"lockout.threshold": "5"}, "after": {"lockout.threshold": "3"},
            "reason": "stricter"})
    );
}

#[tokio::test]
async fn rule_30_what_only_waits_or_changes_nothing_leaves_no_row_and_is_applied() {
    let desk = Desk::new();
    for changes in [vec![], vec![change("api.listen", true)]] {
        let (steering, turns) = turned(Wheel {
            changes,
            ..Wheel::default()
        });
        let before = desk.audit_wide().await.len();
        let done = reload(&desk.app, &desk.admin(), &steering, Reload::default()).await;
        assert_eq!(done.unwrap().audit_id, None);
        assert_eq!(desk.audit_wide().await.len(), before);
        // A file that a key names may have another content.
        assert_eq!(*turns.lock().unwrap(), ["applied"]);
    }
}

#[tokio::test]
async fn r24_a_wrong_configuration_is_the_answer_and_nothing_is_applied() {
    let desk = Desk::new();
    let fault = ConfigFaultView {
        at: Some("/etc/authd/authd.toml:2:9".to_owned()),
        message: "unknown key".to_owned(),
        hint: None,
    };
    let (steering, turns) = turned(Wheel {
        faults: vec![fault.clone()],
        ..Wheel::default()
    });
    let before = desk.audit_wide().await.len();
    let done = reload(&desk.app, &desk.admin(), &steering, Reload::default()).await;
    assert_eq!(done.unwrap().faults, [fault]);
    assert_eq!(*turns.lock().unwrap(), [""; 0]);
    assert_eq!(desk.audit_wide().await.len(), before);
}

#[tokio::test]
async fn rule_30_no_row_no_change() {
    let desk = Desk::new();
    let (steering, turns) = turned(Wheel {
        changes: vec![change("lockout.threshold", false)],
        ..Wheel::default()
    });
    desk.app.store.close();
    let refused = reload(&desk.app, &desk.admin(), &steering, Reload::default()).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::Unavailable);
    let level = LogLevel {
        level: "debug".to_owned(),
        seconds: None,
        reason: None,
    };
    let refused = log_level(&desk.app, &desk.admin(), &steering, level).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::Unavailable);
    assert_eq!(*turns.lock().unwrap(), [""; 0]);
    let close = Maintenance {
        on: true,
        message: None,
        reason: None,
    };
    assert!(maintenance(&desk.app, &desk.admin(), close).await.is_err());
    assert_eq!(*desk.app.maintenance.get(), None);
}

#[tokio::test]
async fn a_level_is_checked_recorded_and_set_for_its_time() {
    let desk = Desk::new();
    let (steering, turns) = turned(Wheel::default());
    let ask = |level: &str, seconds| LogLevel {
        level: level.to_owned(),
        seconds,
        reason: None,
    };
    let code = |result: Result<_, Error>| result.map(drop).unwrap_err().fields.remove(0).path;
    for (level, seconds, path) in [
        ("loud", None, "/level"),
        ("debug", Some(0), "/seconds"),
        ("debug", Some(7 * 86_400 + 1), "/seconds"),
    ] {
        let refused = log_level(&desk.app, &desk.admin(), &steering, ask(level, seconds)).await;
        assert_eq!(code(refused), path);
    }
    assert_eq!(*turns.lock().unwrap(), [""; 0]);
    let same = log_level(&desk.app, &desk.admin(), &steering, ask("info", None)).await;
    assert!(!same.unwrap().0.changed);
    let set = log_level(&desk.app, &desk.admin(), &steering, ask("debug", Some(600))).await;
    assert!(set.unwrap().0.changed);
    assert_eq!(*turns.lock().unwrap(), ["debug Some(600s)"]);
    let row = desk.audit_wide().await.pop().unwrap();
    assert_eq!(row.entry.action, "daemon.log_level");
    assert_eq!(row.entry.payload["after"]["seconds"], 600);
}

#[tokio::test]
async fn draining_and_maintenance_are_recorded_and_undone() {
    let desk = Desk::new();
    for on in [true, true, false] {
        let before = desk.app.draining.load(Ordering::Acquire);
        let request = Drain { on, reason: None };
        let done = drain(&desk.app, &desk.admin(), request).await.unwrap().0;
        assert_eq!(done.changed, before != on);
        assert_eq!(desk.app.draining.load(Ordering::Acquire), on);
    }
    let ask = |on, message: Option<&str>| Maintenance {
        on,
        message: message.map(str::to_owned),
        reason: None,
    };
    let close = ask(true, Some("back at nine"));
    maintenance(&desk.app, &desk.admin(), close).await.unwrap();
    assert_eq!(desk.app.maintenance.get().as_deref(), Some("back at nine"));
    let row = desk.audit_wide().await.pop().unwrap();
    assert_eq!(row.entry.payload["after"]["message"], "back at nine");
    for wrong in [ask(true, Some("")), ask(false, Some("open"))] {
        assert!(maintenance(&desk.app, &desk.admin(), wrong).await.is_err());
    }
    maintenance(&desk.app, &desk.admin(), ask(false, None))
        .await
        .unwrap();
    assert_eq!(*desk.app.maintenance.get(), None);
}

#[test]
fn only_what_was_set_is_shown_if_asked_for() {
    let keys = |changed| -> Vec<String> {
        let view = config(&Wheel::default(), &Config { changed });
        view.settings.into_iter().map(|s| s.key).collect()
    };
    assert_eq!(keys(false), ["a", "b"]);
    assert_eq!(keys(true), ["b"]);
}
