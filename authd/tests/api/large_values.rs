//! Values that were made to be slow to read: what they take grows as their length does.

use std::time::{Duration, Instant};

use common::email::Email;
use domain::profile;
use serde_json::json;

use crate::house::{House, post};

/// Bytes of a value that no body can hold.
const LARGE: usize = 100_000;
/// Times that each is read: the fastest says what it takes, whatever else the machine does.
const RUNS: usize = 7;
/// What the longest may take, and the ratio to one of an eighth of its length.
const LONGEST: Duration = Duration::from_millis(50);
const RATIO: u32 = 8 * 6;
/// Below this nothing is measured but the clock.
const NOISE: Duration = Duration::from_micros(50);

/// Each repeats a part that makes a backtracking reader try again and again, before an end that fits
/// or does not.
fn adversarial(part: &str, end: &str, bytes: usize) -> String {
    let mut text = part.repeat(bytes / part.len());
    text.push_str(end);
    text
}

fn fastest(read: impl Fn(&str) -> bool, text: &str) -> Duration {
    let runs = (0..RUNS).map(|_| {
        let started = Instant::now();
        std::hint::black_box(read(text));
        started.elapsed()
    });
    runs.min().unwrap()
}

#[test]
fn v1_3_12_reading_a_value_takes_as_long_as_the_value_is() {
    type Read = fn(&str) -> bool;
    let email: Read = |text| text.parse::<Email>().is_ok();
    let phone: Read = |text| profile::phone(text).is_ok();
    let locale: Read = |text| profile::locale(text).is_ok();
    let values: [(Read, &str, &str); 12] = [
        (email, "a", "@example.com"),
        (email, "a.", "a@example.com"),
        (email, "a@", "example.com"),
        (email, "\"a\\", "\"@example.com"),
        (email, "x@a.", "example"),
        (email, "x@xn--", ".com"),
        (email, "\u{1e9e}\u{301}", "@example.com"),
        (email, " ", "a@example.com"),
        (phone, "+", "254700000000"),
        (phone, "+2547", "x"),
        (phone, "(0) - ", "1"),
        (locale, "en-", "x"),
    ];
    for (read, part, end) in values {
        let whole = fastest(read, &adversarial(part, end, LARGE));
        let eighth = fastest(read, &adversarial(part, end, LARGE / 8));
        assert!(whole < LONGEST, "{part:?}: {whole:?}");
        let limit = eighth.max(NOISE) * RATIO;
        assert!(whole < limit, "{part:?}: {eighth:?}, then {whole:?}");
    }
}

#[tokio::test]
async fn v1_3_12_a_value_of_100_kb_is_refused_and_what_fits_is_read_to_its_end() {
    let house = House::new().await;
    let body = |bytes| {
        json!({
            "tenant": "acme",
            "email": adversarial("a.", "a@acme.test", bytes),
            "password": "seven blue herons walk home",
        })
    };
    let refused = house.ask(post("/v1/auth/login", body(LARGE))).await;
    refused.is(413, "body_too_large");
    let refused = house.ask(post("/v1/auth/login", body(60_000))).await;
    refused.is(422, "validation_failed");
}
