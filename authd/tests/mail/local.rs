//! The ways of a development daemon.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use authd::mail::{Folder, Log, Post};
use harness::Received;

use crate::desk::{LINK, reset, stationery};

#[tokio::test]
async fn a_file_a_letter_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("data/mail");
    let post = Folder::new(stationery(None), place.clone());
    post.deliver(reset()).await.unwrap();
    post.deliver(reset()).await.unwrap();
    let mut other = reset();
    other.message_id = "../../msg_2".to_owned();
    post.deliver(other).await.unwrap();
    let mut names: Vec<_> = fs::read_dir(&place)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["msg_01jd0000000000000000000000.eml", "msg_2.eml"]);
    let path = place.join(&names[0]);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        fs::metadata(&place).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let received = Received {
        from: String::new(),
        to: Vec::new(),
        raw: fs::read(path).unwrap(),
        is_encrypted: false,
        user: None,
        connection: 0,
    };
    assert_eq!(received.links(), [LINK]);
    assert_eq!(post.description(), format!("file {}", place.display()));
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let failed = Folder::new(stationery(None), file.join("mail"))
        .deliver(reset())
        .await
        .unwrap_err();
    assert!(
        !failed.is_permanent && !failed.reason.contains("bob"),
        "{failed}"
    );
}

#[tokio::test]
async fn the_log_takes_every_letter() {
    let post = Log::new(stationery(None));
    let receipt = post.deliver(reset()).await.unwrap();
    assert_eq!(
        (receipt.answer.as_str(), post.description().as_str()),
        ("logged", "log")
    );
}
