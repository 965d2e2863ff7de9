//! Tells the binary which revision and which compiler it was made with (`authd version`).
//! The names do not begin with `AUTHD_`: cargo hands them to what it runs, too, and there a stray
//! name with that prefix stops the start.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    let revision = env::var("SOURCE_REVISION")
        .ok()
        .or_else(|| output("git", &["rev-parse", "--short=12", "HEAD"]))
        .unwrap_or_else(|| "unknown".to_owned());
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let compiler = output(&compiler, &["--version"]).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=BUILD_REVISION={revision}");
    println!("cargo::rustc-env=BUILD_RUSTC={compiler}");
    println!("cargo::rerun-if-env-changed=SOURCE_REVISION");
    println!("cargo::rerun-if-changed=build.rs");
    // The log of HEAD changes with every commit and checkout, in worktrees as well.
    if let Some(log) = output("git", &["rev-parse", "--git-path", "logs/HEAD"])
        && Path::new(&log).exists()
    {
        println!("cargo::rerun-if-changed={log}");
    }
}

/// The first line that a program prints; none if it fails.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}
