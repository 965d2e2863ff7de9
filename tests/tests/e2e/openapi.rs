//! The real daemon against its own OpenAPI document, as schemathesis reads it: requests made from the
//! document, within it and outside of it. An answer of 5xx is a fault, and so is a status, a content
//! type, a header or a member that the document does not have.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use harness::{Daemon, Exit, Home, Login, PASSWORD};
use serde_json::Value;

/// The version that the checks are read from; another one may check more.
const VERSION: &str = "4.32.5";
const PYTHON: &str = "/usr/bin/python3";
/// What is looked at in every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";
/// What would end the session that the others need: asked by nobody.
const OF_SESSIONS: &str = "^/v1/auth/(logout|password/change)$|^/v1/me/email$";
const OF_SERVICES: &str = "^/oauth2/|^/v1/revocations$";
/// Longest run.
const LIMIT: Duration = Duration::from_secs(170);

const ANN: &str = "ann@acme.test";

/// schemathesis, installed once for all runs into the folder of builds.
fn schemathesis() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("schemathesis-{VERSION}"));
    let program = folder.join("bin/st");
    let done = folder.join("installed");
    if done.exists() {
        return program;
    }
    assert!(
        Path::new(PYTHON).exists(),
        "{PYTHON} is missing: apt-get install python3-venv"
    );
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("an installation that was cut off goes");
    }
    let mut make = Command::new(PYTHON);
    make.args(["-m", "venv"]).arg(&folder);
    let made = Exit::of(make, "", LIMIT);
    assert_eq!(
        made.code,
        Some(0),
        "no environment for Python: apt-get install python3-venv: {made:?}"
    );
    let mut install = Command::new(folder.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check"]);
    install.arg(format!("schemathesis=={VERSION}"));
    let installed = Exit::of(install, "", LIMIT);
    assert_eq!(
        installed.code,
        Some(0),
        "schemathesis {VERSION} cannot be had from PyPI, so the API was not checked: {installed:?}"
    );
    fs::write(done, "").expect("a mark");
    program
}

/// Runs it with who asks and which paths.
fn run(program: &Path, home: &Home, daemon: &Daemon, arguments: &[&str]) {
    let document = format!("http://{}/openapi.json", daemon.address());
    let mut command = Command::new(program);
    command.arg("run").arg(document).args(arguments);
    command.args(["--phases", "examples,coverage,fuzzing"]);
    command.args(["--max-examples", "3", "--max-time", "40", "--workers", "1"]);
    command.args(["--seed", "1", "--no-shrink", "--continue-on-failure"]);
    command.args(["--generation-database", "none", "--request-timeout", "35"]);
    command.args(["--warnings", "off", "--no-color", "--checks", CHECKS]);
    command.current_dir(home.path(""));
    let ended = Exit::of(command, "", LIMIT);
    assert_eq!(ended.code, Some(0), "{arguments:?}:\n{}", ended.stdout);
    assert!(
        ended.stdout.contains("generated"),
        "nothing was asked:\n{}",
        ended.stdout
    );
}

fn open(home: &Home) -> Daemon {
    let daemon = home.start();
    let authctl = daemon.authctl();
    authctl.create_tenant("acme");
    authctl.create_user_with("acme", ANN, PASSWORD, &["--tenant-admin"]);
    daemon
}

/// With a post, so that what needs one is not refused; nobody answers there.
fn home() -> Home {
    Home::new()
        .setting("mail.transport", "\"smtp\"")
        .setting("mail.host", "\"127.0.0.1\"")
        .setting("mail.port", "2")
        .setting("mail.tls", "\"none\"")
        .setting("mail.from", "\"Acme <no-reply@acme.test>\"")
}

#[test]
fn v2_2_1_a_tenant_admin_gets_no_answer_that_the_document_does_not_know() {
    let program = schemathesis();
    let home = home();
    let daemon = open(&home);
    let tokens = daemon.api().tokens(&Login::new("acme", ANN, PASSWORD));
    let header = format!("Authorization: Bearer {}", tokens.access);
    let others = format!("{OF_SESSIONS}|{OF_SERVICES}");
    let arguments = ["--header", &header, "--exclude-path-regex", &others];
    run(&program, &home, &daemon, &arguments);
    // What was asked did not end the session, so it was asked by an administrator to the end.
    assert_eq!(daemon.api().check(&tokens.access).status, 200);
    run(
        &program,
        &home,
        &daemon,
        &["--include-path-regex", OF_SESSIONS],
    );

    let authctl = daemon.authctl();
    let mut create = vec!["-t", "acme", "client", "create", "services"];
    for scope in ["introspect", "revoke", "revocations"] {
        create.extend(["--scope", scope]);
    }
    let client = authctl.json(&create);
    let member = |name: &str| client.get(name).and_then(Value::as_str).expect("a text");
    let auth = format!("{}:{}", member("id"), member("client_secret"));
    let arguments = ["--auth", &auth, "--include-path-regex", OF_SERVICES];
    run(&program, &home, &daemon, &arguments);
    assert_eq!(daemon.stop().code, Some(0));
}
