//! The configuration of mails against the real daemon: what stops a start, and what is told of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use harness::Home;

fn with_smtp() -> Home {
    Home::new()
        .setting("mail.transport", "\"smtp\"")
        .setting("mail.host", "\"127.0.0.1\"")
        .setting("mail.from", "\"Acme <no-reply@acme.test>\"")
}

#[test]
fn r41_mails_that_cannot_leave_stop_the_start_with_78() {
    let home = Home::new().setting("mail.transport", "\"smtp\"");
    let exit = home.authd(&["run"]);
    assert_eq!(exit.code, Some(78), "{}", exit.stderr);
    assert!(
        exit.stderr.contains("\"mail.host\" is not set"),
        "{}",
        exit.stderr
    );
    let home = Home::new()
        .setting("mail.transport", "\"log\"")
        .setting("mail.from", "\"a@acme.test\"");
    let exit = home.authd(&["run"]);
    assert_eq!(exit.code, Some(78), "{}", exit.stderr);
    assert!(exit.stderr.contains("for --dev alone"), "{}", exit.stderr);
}

#[test]
fn a91_the_smtp_password_is_a_credential_or_a_private_file() {
    let home = with_smtp().setting("mail.username", "\"authd\"");
    for command in ["run", "check-config"] {
        let exit = home.authd(&[command]);
        assert_eq!(exit.code, Some(78), "{}", exit.stderr);
        let told = exit.stderr.contains("the SMTP password is missing");
        assert!(
            told && exit.stderr.contains("authd.smtp-password"),
            "{}",
            exit.stderr
        );
    }
    let file = home.path("data/authd.smtp-password");
    fs::write(&file, "hunter2\n").expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("its mode");
    let exit = home.authd(&["check-config"]);
    assert_eq!(exit.code, Some(78), "{}", exit.stderr);
    assert!(exit.stderr.contains("chmod 0600"), "{}", exit.stderr);
    assert!(!exit.stderr.contains("hunter2"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("its mode");
    assert_eq!(home.authd(&["check-config"]).code, Some(0));
    let daemon = home.start();
    daemon.wait_for_log("smtp 127.0.0.1:587 starttls");
    assert!(!daemon.log().contains("hunter2"));
    // systemd shows credentials to the group as well.
    fs::remove_file(&file).expect("removed");
    let credentials = home.path("credentials");
    fs::create_dir(&credentials).expect("a folder");
    let credential = credentials.join("authd.smtp-password");
    fs::write(&credential, "hunter2").expect("written");
    fs::set_permissions(&credential, fs::Permissions::from_mode(0o440)).expect("its mode");
    let home = home.environment("CREDENTIALS_DIRECTORY", &credentials.display().to_string());
    assert_eq!(home.authd(&["check-config"]).code, Some(0));
}

#[test]
fn a_broken_template_is_named_with_its_line_and_stops_nothing() {
    let home = with_smtp();
    let folder = home.path("templates/acme/en");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("test.txt"), "first\n{% if %}\n").expect("written");
    let exit = home.authd(&["check-config"]);
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
    let place = format!("{}:2", folder.join("test.txt").display());
    assert!(exit.stderr.contains(&place), "{}", exit.stderr);
    assert!(exit.stderr.contains("warning"), "{}", exit.stderr);
    assert!(
        exit.stderr.contains("the built-in template stands in"),
        "{}",
        exit.stderr
    );
    drop(home.start());
}
