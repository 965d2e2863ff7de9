//! The log as a whole: forms, levels, hostile values.

use std::io::Write;
use std::sync::Mutex;

use common::time::Time;

use super::*;

/// 2026-11-23T14:02:11.123Z, for ever.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Time {
        "2026-11-23T14:02:11.123Z".parse().unwrap()
    }
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a few events look like.
fn said(level: &str, format: Format, events: impl FnOnce(&Logging)) -> String {
    let memory = Memory::default();
    let sink = Box::new(Stream(memory.clone()));
    let (subscriber, logging) = assemble(level, format, Arc::new(Stopped), sink).unwrap();
    tracing::subscriber::with_default(subscriber, || events(&logging));
    assert!(logging.flush(Duration::from_secs(10)));
    let bytes = memory.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn every_form_has_the_fields_of_event_and_spans() {
    let events = |_: &Logging| {
        let outer = tracing::info_span!("request", request_id = "req_1", attempt = 1);
        let _outer = outer.enter();
        let inner = tracing::info_span!("login", attempt = 2, outcome = tracing::field::Empty);
        let _inner = inner.enter();
        inner.record("outcome", "refused");
        tracing::warn!(target: "authd::app", ip = %"192.0.2.1", slow = true, "login failed");
    };
    assert_eq!(
        said("info", Format::Journal, events),
        "<4>login failed attempt=2 ip=192.0.2.1 outcome=refused request_id=req_1 slow=true\n"
    );
    assert_eq!(
        said("info", Format::Plain, events),
        "2026-11-23T14:02:11.123Z WARN  authd::app: login failed attempt=2 ip=192.0.2.1 outcome=refused request_id=req_1 slow=true\n"
    );
    assert_eq!(
        said("info", Format::Json, events),
        "{\"time\":\"2026-11-23T14:02:11.123Z\",\"level\":\"warn\",\"target\":\"authd::app\",\"message\":\"login failed\",\"attempt\":2,\"ip\":\"192.0.2.1\",\"outcome\":\"refused\",\"request_id\":\"req_1\",\"slow\":true}\n"
    );
}

#[test]
fn v16_4_1_hostile_values_stay_within_their_line() {
    let hostile = "a\r\nb\u{1b}[31m\u{2028}\u{202e}\u{7f}\u{85}\u{e0041}\" x=\\";
    for format in [Format::Journal, Format::Plain, Format::Json] {
        let shown = said("info", format, |_| {
            tracing::info!(agent = hostile, debug = ?hostile, "{hostile}");
        });
        assert_eq!(shown.lines().count(), 1, "{shown}");
        let line = shown.trim_end_matches('\n');
        assert!(!line.chars().any(common::text::is_forbidden), "{shown:?}");
        if format == Format::Json {
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(object["agent"], hostile);
            assert_eq!(object["message"], hostile);
        } else {
            assert!(line.contains("\\u{202e}"), "{shown}");
            // A value cannot pretend to be another field.
            assert!(line.contains("\\\" x=\\\\\""), "{shown}");
        }
    }
}

#[test]
fn reserved_names_and_long_values_do_no_harm() {
    let long = "é".repeat(5000);
    let shown = said("info", Format::Json, |_| {
        tracing::info!(level = "fake", time = 5, long = %long, "x");
    });
    let object: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(object["level"], "info");
    assert_eq!(object["long"].as_str().unwrap().chars().count(), 2049);
}

#[test]
fn levels_hold_and_can_be_changed() {
    let shown = said("warn,authd::http=debug", Format::Journal, |logging| {
        tracing::info!(target: "authd::app", "not this");
        tracing::debug!(target: "authd::http", "this");
        logging.set_level("debug").unwrap();
        tracing::debug!(target: "authd::app", "now this");
        tracing::info!(target: "refinery_core::runner", "never this");
        logging.set_level("debug,refinery_core=info").unwrap();
        tracing::info!(target: "refinery_core::runner", "if asked for");
        assert!(matches!(logging.set_level("loud"), Err(LogError::Level(_))));
        logging.set_level("off").unwrap();
        tracing::error!("nothing");
    });
    assert_eq!(shown, "<7>this\n<7>now this\n<6>if asked for\n");
}

#[test]
fn the_form_follows_target_and_journal() {
    assert_eq!(format_of(LogTarget::Auto, true), Format::Journal);
    assert_eq!(format_of(LogTarget::Auto, false), Format::Plain);
    assert_eq!(format_of(LogTarget::Stderr, true), Format::Plain);
    assert_eq!(format_of(LogTarget::Journal, false), Format::Journal);
    assert_eq!(format_of(LogTarget::Json, true), Format::Json);
}

/// Panics as a handler would, under the hook of the daemon, with a value in the text.
#[test]
fn v16_2_5_v13_4_2_a_panic_is_told_by_its_place_and_without_what_it_quotes() {
    const CANARY: &str = "thirteen quiet harbours wait";
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(panics::event));
    let shown = said("trace", Format::Json, |_| {
        let span = tracing::info_span!("request", request_id = "req_1");
        let _span = span.enter();
        let password = std::hint::black_box(CANARY);
        let faults: [fn(&str); 4] = [
            |password| panic!("no account takes {password:?}"),
            |password| {
                password.parse::<u8>().map_err(|_| password).unwrap();
            },
            |password| assert_eq!(password, "", "{password}"),
            |_| panic!("a text of the source"),
        ];
        for fault in faults {
            std::panic::catch_unwind(|| fault(password)).unwrap_err();
        }
    });
    std::panic::set_hook(before);
    assert!(!shown.contains("harbours"), "{shown}");
    assert!(!shown.contains("stack backtrace"), "{shown}");
    let lines: Vec<serde_json::Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4, "{shown}");
    for line in &lines {
        assert_eq!(line["level"], "error");
        assert_eq!(line["event"], "daemon.fault");
        assert_eq!(line["request_id"], "req_1");
        let place = line["place"].as_str().unwrap();
        assert!(place.contains("log/tests.rs:"), "{place}");
    }
    assert_eq!(lines[3]["reason"], "a text of the source");
}
