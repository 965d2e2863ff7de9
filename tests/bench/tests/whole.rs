//! That the bench runs whole, with the smallest of rounds: no figure is judged, because a test shares
//! its machine. What it writes must be complete and of sound form.

use std::process::Command;

use serde_json::Value;

/// Every row of the table of targets.
const ROWS: [&str; 11] = [
    "P1", "P1b", "P1r", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9",
];

#[test]
fn every_row_of_the_targets_is_measured_and_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("results");
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        // Set by cargo, it would have the bench build what the tests have built.
        .env_remove("CARGO")
        .env("TMPDIR", folder.path())
        .args(["--quick", "--rounds", "1", "--seconds", "0.1"])
        .args(["--crowd", "100", "--settle", "0.1", "--out"])
        .arg(&out)
        .output()
        .expect("the bench starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaints}");

    let read = |name: &str| {
        let path = out.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let results: Value = serde_json::from_str(&read("results.json")).expect("JSON");
    let findings = results.pointer("/findings").and_then(Value::as_array);
    let findings = findings.expect("findings");
    let markdown = read("results.md");
    for row in ROWS {
        let of_row = findings.iter().filter(|finding| finding["row"] == row);
        assert!(of_row.count() > 0, "{row} is not measured");
        assert!(markdown.contains(&format!("\n| {row} | ")), "{row}");
        assert!(said.contains(&format!("\n{row} ")), "{row}");
    }
    for finding in findings {
        let figure = finding["figure"].as_f64().expect("a figure");
        // Less one fdatasync, a lone refresh may come out below nothing; memory may not have grown.
        let may_be_none = ["P3", "P4", "P5", "P9"]
            .iter()
            .any(|row| finding["row"] == *row);
        assert!(figure > 0.0 || may_be_none, "{finding}");
        assert!(figure.is_finite(), "{finding}");
    }
    let machine = results.pointer("/machine").expect("the machine");
    assert!(machine["fdatasync_ms"].as_f64().is_some_and(|ms| ms > 0.0));
    assert!(
        machine["processor"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    let plot = read("checks.svg");
    assert!(plot.starts_with("<svg") && plot.ends_with("</svg>\n"));
    assert_eq!(plot.matches("<polyline").count(), 4);
}

#[test]
fn a_row_that_is_no_row_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .env_remove("CARGO")
        .args(["--only", "P10"])
        .output()
        .expect("the bench starts");
    assert_eq!(output.status.code(), Some(2));
}
