//! Backups from the client's side: what was cut off is no backup.

use std::fs;

use crate::daemon::{Reply, World};

/// An answer that begins as a daemon's does: a frame of progress, one of data, and no end.
const CUT: &str = "HTTP/1.1 200 OK\r\nauthd-version: 0.1.0\r\nauthd-protocol: 1\r\n\
    content-type: application/vnd.authd.frames\r\nconnection: close\r\n\r\n\
    P\0\0\0\u{2}{}D\0\0\0\u{3}abc";
/// The same with an end that tells of another file.
const OTHER: &str = "HTTP/1.1 200 OK\r\nauthd-version: 0.1.0\r\nauthd-protocol: 1\r\n\
    content-type: application/vnd.authd.frames\r\nconnection: close\r\n\r\n\
    D\0\0\0\u{3}abcE\0\0\u{1}\u{18}{\"backup\":{\"name\":null,\"created_at\":\"2026-11-23T02:00:00.000Z\",\
    \"bytes\":3,\"schema\":2,\"wrap_key_id\":null,\"sha256\":\"00\",\"verified\":true,\
    \"compressed\":true,\"version\":null},\
    \"audit_id\":\"aud_01h455vb4pex5vsknk084sn02q\",\"pruned\":[],\"not_in_it\":[],\
    \"copy_apart\":\"\",\"folder\":null}                             ";
/// The daemon's refusal as the last frame.
const REFUSED: &str = "HTTP/1.1 200 OK\r\nauthd-version: 0.1.0\r\nauthd-protocol: 1\r\n\
    content-type: application/vnd.authd.frames\r\nconnection: close\r\n\r\n\
    F\0\0\0\u{2}{}";

#[test]
fn r31_a_stream_that_was_cut_is_no_backup() {
    for (answer, said) in [
        (CUT, "the last part is missing"),
        (REFUSED, "broke off"),
        (OTHER, "damaged"),
    ] {
        let world = World::new(move |_| Reply::Raw(answer));
        let file = world.folder.path().join("a.db");
        let ended = world.run(&format!("backup create {}", file.display()));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains(said), "{said}: {ended:?}");
        assert!(!file.exists());
        let left: Vec<_> = fs::read_dir(world.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_string_lossy().contains("partial"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_file_that_cannot_be_made_is_named_as_it_was_typed() {
    let world = World::new(|_| Reply::Raw(CUT));
    for command in ["backup create", "audit export"] {
        let file = world.folder.path().join("no/such/file");
        let ended = world.run(&format!("{command} {}", file.display()));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let start = format!("authctl: error: cannot write {}: ", file.display());
        assert!(ended.err.starts_with(&start), "{}", ended.err);
        assert!(
            ended.err.contains("\n  Name one in a folder"),
            "{}",
            ended.err
        );
    }
    assert!(world.asked().is_empty());
}

#[test]
fn no_file_is_overwritten() {
    let world = World::new(|_| Reply::Raw(CUT));
    let file = world.folder.path().join("a.db");
    fs::write(&file, "mine").unwrap();
    let ended = world.run(&format!("backup create {}", file.display()));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(world.asked().is_empty());
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}
