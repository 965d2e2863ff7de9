//! `user picture`: what is sent of a file, what is written to one, and how each ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::call::Change;
use common::call::user::{FileBytes, PictureFile};
use common::error::ErrorCode;
use serde_json::json;

use crate::daemon::{Reply, World};
use crate::objects;

fn change(action: &str, changed: bool) -> Change {
    Change {
        changed,
        ..objects::change(action, "bob@acme.test")
    }
}

#[test]
fn a_file_is_sent_whole_and_told_of() {
    let world = World::saying(&change("user.set_picture", true));
    let file = world.folder.path().join("face.png");
    fs::write(&file, [0, 255, 7]).unwrap();
    let ended = world.run(&format!(
        "user picture acme/bob@acme.test set {}",
        file.display()
    ));
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (
            Some(0),
            "Set the picture of user bob@acme.test in tenant acme.\n"
        ),
        "{ended:?}"
    );
    let asked = world.only();
    assert_eq!(asked.path, "/v1/user/picture/set");
    let user = json!({"tenant": "acme", "name": "bob@acme.test"});
    assert_eq!(asked.body, json!({"user": user, "content": "AP8H"}));
    let ended = world.run_with("-t acme user picture bob@acme.test set - --json", "abc");
    assert!(
        ended.out.contains("\"action\":\"user.set_picture\""),
        "{ended:?}"
    );
    assert_eq!(world.asked().pop().unwrap().body["content"], "YWJj");
}

#[test]
fn what_cannot_be_sent_asks_nothing() {
    let world = World::empty();
    let large = world.folder.path().join("large.png");
    fs::File::create(&large)
        .unwrap()
        .set_len((20 << 20) + 1)
        .unwrap();
    for (line, code, said) in [
        (
            "user picture bob set /no/such/file".to_owned(),
            1,
            "cannot read /no/such/file",
        ),
        (
            format!("user picture bob set {}", large.display()),
            2,
            "is larger than",
        ),
        ("user picture bob set".to_owned(), 2, "FILE"),
        ("user picture bob get".to_owned(), 2, "FILE"),
        (
            "user picture bob remove face.png".to_owned(),
            2,
            "takes no FILE",
        ),
        ("user picture bob show".to_owned(), 2, "show"),
    ] {
        let ended = world.run(&line);
        assert_eq!(ended.code, Some(code), "{line}: {ended:?}");
        assert!(ended.err.contains(said), "{line}: {}", ended.err);
    }
    assert!(world.asked().is_empty());
}

#[test]
fn a_refusal_ends_as_its_kind_does() {
    for (refused, code) in [
        (ErrorCode::BodyTooLarge, 2),
        (ErrorCode::ValidationFailed, 2),
        (ErrorCode::NotFound, 5),
        (ErrorCode::Overloaded, 10),
    ] {
        let world = World::new(move |_| Reply::problem(refused, "as it is"));
        let ended = world.run_with("user picture bob@acme.test set -", "x");
        assert_eq!(ended.code, Some(code), "{refused:?}: {ended:?}");
    }
    let world = World::saying(&change("user.remove_picture", false));
    let ended = world.run("user picture bob@acme.test remove");
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (
            Some(0),
            "User bob@acme.test has no picture in tenant acme; nothing changed.\n"
        ),
        "{ended:?}"
    );
}

#[test]
fn a_picture_is_written_to_a_new_file_or_to_standard_output() {
    let picture = PictureFile {
        media_type: "image/png".to_owned(),
        content: FileBytes(b"a picture".to_vec()),
    };
    let world = World::saying(&picture);
    let file = world.folder.path().join("face.png");
    let line = format!("user picture acme/bob@acme.test get {}", file.display());
    let ended = world.run(&line);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.err.contains("(image/png, 9 B)"), "{}", ended.err);
    assert_eq!(fs::read(&file).unwrap(), b"a picture");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let asked = world.only();
    assert_eq!(
        (asked.path.as_str(), asked.query.as_str()),
        ("/v1/user/picture/get", "tenant=acme&user=bob%40acme.test")
    );
    // None is overwritten, and then nothing is asked for either.
    assert_eq!(world.run(&line).code, Some(2));
    let ended = world.run("user picture acme/bob@acme.test get -");
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "a picture"));
    assert_eq!(world.asked().len(), 2);
    let gone = world.folder.path().join("no/such/file");
    let ended = world.run(&format!("user picture bob get {}", gone.display()));
    assert_eq!(ended.code, Some(1), "{ended:?}");
}
