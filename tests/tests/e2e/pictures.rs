//! Pictures against the real daemon: what bombs cost, and what it asks of the kernel for one.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use harness::{Api, Home, Recording, Request, Response};

use crate::scene::{ALICE, alice, open};

/// What a bomb may cost, in bytes of memory (V5.2.3).
const MOST: u64 = 64 << 20;

fn put(api: &Api, token: &str, kind: &str, file: &[u8]) -> Response {
    let request = Request::new("PUT", "/v1/me/picture")
        .bearer(token)
        .header("Content-Type", kind)
        .body(file);
    api.send(&request)
}

fn chunk(name: &[u8], content: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(name);
    crc.update(content);
    let length = u32::try_from(content.len()).expect("a small chunk");
    [
        &length.to_be_bytes()[..],
        name,
        content,
        &crc.sum().to_be_bytes(),
    ]
    .concat()
}

fn packed(zeros: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let block = vec![0; 1 << 16];
    let mut left = zeros;
    while left > 0 {
        let part = block.get(..left.min(block.len())).expect("a part of it");
        encoder.write_all(part).expect("it is in memory");
        left -= part.len();
    }
    encoder.finish().expect("it is in memory")
}

/// A black PNG, one byte a pixel, with chunks before its data.
fn png(width: u32, height: u32, further: &[Vec<u8>], lines: u32) -> Vec<u8> {
    png_of([8, 0], 1, [width, height], further, lines)
}

/// A PNG of zeros: depth and kind of colour, bytes a pixel, size, chunks before its data, and as many
/// lines of data.
pub(crate) fn png_of(
    kind: [u8; 2],
    bytes: usize,
    [width, height]: [u32; 2],
    further: &[Vec<u8>],
    lines: u32,
) -> Vec<u8> {
    let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
    head.extend(kind);
    head.extend([0, 0, 0]);
    let line = usize::try_from(width).expect("a width") * bytes + 1;
    let data = packed(line * usize::try_from(lines).expect("a height"));
    [
        &[0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A][..],
        &chunk(b"IHDR", &head),
        &further.concat(),
        &chunk(b"IDAT", &data),
        &chunk(b"IEND", &[]),
    ]
    .concat()
}

#[test]
fn v5_2_3_bombs_cost_no_memory() {
    let home = Home::new().setting("timeouts.picture", "\"5m\"");
    let daemon = open(&home);
    let api = daemon.api();
    let token = api.tokens(&alice()).access;
    assert_eq!(
        put(&api, &token, "image/png", &png(64, 64, &[], 64)).status,
        200
    );
    let before = daemon.peak_resident_bytes();
    let text = [&b"Comment\0\0"[..], &packed(256 << 20)].concat();
    let frames = [10_000_u32.to_be_bytes(), [0; 4]].concat();
    let bombs = [
        png(50_000, 50_000, &[], 600),
        png(20_000, 10, &[], 10),
        png(64, 64, &[chunk(b"zTXt", &text)], 64),
        png(64, 64, &[chunk(b"iCCP", &text)], 64),
        png(64, 64, &[chunk(b"acTL", &frames)], 64),
        // Lines that are not there.
        png(6000, 6000, &[], 3),
    ];
    for (number, bomb) in bombs.iter().enumerate() {
        assert!(bomb.len() < 1 << 20, "{number}: {}", bomb.len());
        let refused = put(&api, &token, "image/png", bomb);
        assert_eq!(refused.outcome(), "422 validation_failed", "{number}");
    }
    // What is taken costs a few lines of it: whole, this one would be 72 MB.
    let deep = png_of([16, 6], 8, [3000, 3000], &[], 3000);
    assert_eq!(put(&api, &token, "image/png", &deep).status, 200);
    let grown = daemon.peak_resident_bytes().saturating_sub(before);
    assert!(grown < MOST, "{grown} bytes");
    assert_eq!(daemon.stop().code, Some(0));
}

/// What an operator sends goes the way of what users send, within a limit that the sockets have for it
/// alone, and back again.
#[test]
fn s15_authctl_sets_fetches_and_removes_a_picture() {
    let home = Home::new().setting("profile.picture_max", "\"2MiB\"");
    let daemon = open(&home);
    let authctl = daemon.authctl();
    let whose = format!("acme/{ALICE}");
    let picture = |act: &[&str]| authctl.run(&[&["user", "picture", &whose], act].concat());
    let paths = ["face.png", "large.png", "back.jpg"].map(|name| home.path(name));
    let [face, large, back] = paths.each_ref().map(|path| path.to_str().expect("text"));
    let mut file = png(64, 64, &[], 64);
    // Larger than any other call may be; what stands behind a picture is not looked at.
    file.resize(2 << 20, 0);
    std::fs::write(face, &file).expect("written");
    std::fs::write(large, [&file[..], &vec![0; 2 << 20]].concat()).expect("written");
    assert_eq!(picture(&["get", back]).code, Some(5), "there is none");
    let set = picture(&["set", face]);
    assert_eq!(set.code, Some(0), "{set:?}");
    let refused = picture(&["set", large]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("too large"), "{refused:?}");
    let got = picture(&["get", back]);
    assert_eq!(got.code, Some(0), "{got:?}");
    let api = daemon.api();
    let me = api.me(&api.tokens(&alice()).access);
    let shown = api.send(&Request::get(&me.field("/picture_url")));
    assert_eq!(std::fs::read(back).expect("read"), shown.body);
    assert_eq!(picture(&["remove"]).code, Some(0));
    let again = picture(&["remove"]);
    assert!(again.stdout.contains("has no picture"), "{again:?}");
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn v1_2_5_v5_3_3_a_picture_makes_no_file_and_starts_no_program() {
    let home = Home::new();
    let recording = Recording::into(
        home.path("recording"),
        "execve,execveat,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,\
         symlink,symlinkat",
    );
    let wrapper = recording.wrapper();
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let home = home.through(&wrapper);
    let daemon = open(&home);
    let api = daemon.api();
    let token = api.tokens(&alice()).access;
    for name in ["../../canary.png", "/tmp/canary.png", "canary\0.png"] {
        let form = [
            format!(
                "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
            )
            .as_bytes(),
            &png(64, 64, &[], 64),
            b"\r\n--XX--\r\n",
        ]
        .concat();
        let answer = put(&api, &token, "multipart/form-data; boundary=XX", &form);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let address = answer.field("/picture_url");
        let shown = api.send(&Request::get(&address));
        assert_eq!(shown.header("content-type"), Some("image/jpeg"));
    }
    let pid = daemon.pid();
    assert_eq!(daemon.stop().code, Some(0));
    let calls = recording.calls(pid);
    let programs = calls
        .iter()
        .filter(|call| call.name.starts_with("execve") && call.done.is_some());
    assert_eq!(programs.count(), 1, "the daemon itself");
    let own = home.path("").display().to_string();
    for call in &calls {
        let names = String::from_utf8_lossy(&call.bytes);
        assert!(!names.contains("canary"), "{call:?}");
        let makes = !call.name.starts_with("open") && !call.name.starts_with("execve")
            || call.arguments.contains("O_CREAT");
        let is_own = names.starts_with(own.trim_end_matches('/'));
        let is_picture = names.contains(".png") || names.contains(".jp");
        assert!(!makes || (is_own && !is_picture), "{call:?}");
    }
}
