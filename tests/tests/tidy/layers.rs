//! Who may import whom (ARCHITECTURE.md, section 4). Each room lists all that it may name: what is
//! not listed is refused, and so is a file that stands in no room.
//! Tests at the bottom of a file may reach further; they are not read here.

use std::collections::BTreeSet;

use crate::paths::{module_of, paths};
use crate::tree::{File, code, has_word, is_test, read, rust_files};

/// What the code of a room may name beside itself and the standard library.
struct Room {
    /// A folder, or the start of the names of a folder and of the file beside it.
    place: &'static str,
    /// Modules of the same crate.
    modules: &'static [&'static str],
    /// Crates of the workspace's list, or paths within them.
    crates: &'static [&'static str],
}

const ROOMS: &[Room] = &[
    Room {
        place: "common/src/",
        modules: &[],
        crates: &[
            "data_encoding",
            "directories",
            "idna",
            "jiff",
            "schemars",
            "serde",
            "serde_json",
            "strsim",
            "subtle",
            "thiserror",
            "unicode_normalization",
            "uuid",
            "zeroize",
        ],
    },
    Room {
        place: "authd/domain/src/",
        modules: &[],
        crates: &[
            "common",
            "serde",
            "serde_json",
            "thiserror",
            "unicode_normalization",
            "zeroize",
            "zxcvbn",
        ],
    },
    Room {
        place: "authd/store/src/sqlite/",
        modules: &["claim", "error", "resource", "unit"],
        crates: &[
            "common",
            "domain",
            "refinery",
            "rusqlite",
            "rustix",
            "serde",
            "serde_json",
            "tracing",
        ],
    },
    Room {
        place: "authd/store/src/",
        modules: &[],
        crates: &[
            "common",
            "domain",
            "serde",
            "serde_json",
            "thiserror",
            "tokio::sync::oneshot",
        ],
    },
    Room {
        place: "authd/src/config",
        modules: &[],
        crates: &["common", "domain", "ipnet", "jiff", "serde_json", "toml"],
    },
    Room {
        place: "authd/src/crypto",
        modules: &[],
        crates: &[
            "argon2",
            "aws_lc_rs",
            "common",
            "data_encoding",
            "domain",
            "jsonwebtoken",
            "rustix",
            "serde",
            "serde_json",
            "subtle",
            "thiserror",
            "tokio::sync",
            "tracing",
            "uuid",
            "zeroize",
        ],
    },
    Room {
        place: "authd/src/cache/redis/",
        modules: &["cache"],
        crates: &["arc_swap", "common", "redis", "tokio", "tracing"],
    },
    Room {
        place: "authd/src/cache",
        modules: &["crypto::VerifiedToken"],
        crates: &[
            "arc_swap",
            "common",
            "domain",
            "moka",
            "store::CommitListener",
            "store::Invalidation",
            "store::Scope",
            "tokio::sync::Mutex",
            "tokio::sync::MutexGuard",
            "tokio::sync::Notify",
            "tokio::sync::broadcast",
            "tokio::sync::watch",
        ],
    },
    Room {
        place: "authd/src/mail",
        modules: &[],
        crates: &[
            "common",
            "domain",
            "jiff",
            "lettre",
            "minijinja",
            "tokio",
            "tracing",
        ],
    },
    Room {
        place: "authd/src/backup",
        modules: &[],
        crates: &[
            "aws_lc_rs::digest",
            "common",
            "data_encoding",
            "flate2",
            "serde_json",
            "store::OpenError",
            "store::sqlite",
            "thiserror",
            "tracing",
        ],
    },
    Room {
        place: "authd/src/picture",
        modules: &[],
        crates: &[
            "domain",
            "flate2",
            "image",
            "png",
            "rustix",
            "thiserror",
            "tokio::sync",
        ],
    },
    Room {
        place: "authd/src/app",
        modules: &["backup", "cache", "crypto", "mail", "picture"],
        crates: &[
            "arc_swap",
            "common",
            "data_encoding",
            "domain",
            "ipnet",
            "jiff",
            "schemars",
            "serde",
            "serde_json",
            "store",
            "subtle",
            "tokio::select",
            "tokio::spawn",
            "tokio::task::spawn_blocking",
            "tokio::sync",
            "tokio::task::spawn_blocking",
            "tokio::time",
            "tracing",
        ],
    },
    Room {
        place: "authd/src/serve",
        modules: &[],
        crates: &[
            "axum",
            "bytes",
            "hyper",
            "hyper_util",
            "rustix",
            "tokio",
            "tower",
            "tracing",
        ],
    },
    Room {
        place: "authd/src/http",
        modules: &["app", "serve"],
        crates: &[
            "axum",
            "bytes",
            "common",
            "data_encoding",
            "domain",
            "http_body_util",
            "ipnet",
            "schemars",
            "serde",
            "serde_json",
            "store::Claim",
            "tokio",
            "tracing",
            "zeroize",
        ],
    },
    Room {
        place: "authd/src/admin",
        modules: &[
            "app",
            "http::body",
            "http::edge::RequestIds",
            "http::edge::Timeouts",
            "http::error",
            "http::extract",
            "http::passage",
            "serve",
        ],
        crates: &[
            "axum",
            "common",
            "domain",
            "hyper::body",
            "nix",
            "rustix",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tracing",
        ],
    },
    Room {
        place: "authd/src/log",
        modules: &["config"],
        crates: &[
            "common",
            "rustix",
            "serde_json",
            "thiserror",
            "tracing",
            "tracing_subscriber",
        ],
    },
    Room {
        place: "authd/src/print.rs",
        modules: &[],
        crates: &["common"],
    },
    Room {
        place: "authd/src/args",
        modules: &["config"],
        crates: &["clap", "common", "domain::key::SigningAlgorithm"],
    },
    Room {
        place: "authd/src/commands",
        modules: &["args", "config", "http::openapi", "log", "print", "startup"],
        crates: &["clap_complete", "common", "serde_json", "store::sqlite"],
    },
    Room {
        place: "authd/src/startup",
        modules: &[
            "admin", "app", "backup", "cache", "config", "crypto", "http", "mail", "print", "serve",
        ],
        crates: &[
            "axum::Router",
            "common",
            "domain",
            "listenfd",
            "nix",
            "rustix",
            "sd_notify",
            "serde_json",
            "store",
            "tokio",
            "tracing",
        ],
    },
    Room {
        place: "authd/src/lib.rs",
        modules: &[],
        crates: &[],
    },
    Room {
        place: "authd/src/main.rs",
        modules: &[],
        crates: &["clap::Error", "clap::Parser"],
    },
    Room {
        place: "authctl/src/",
        modules: &[],
        crates: &[
            "anstream",
            "bytes",
            "clap",
            "clap_complete",
            "common",
            "directories",
            "http",
            "http_body_util",
            "hyper",
            "hyper_util",
            "jiff",
            "nix",
            "rustix",
            "serde",
            "serde_json",
            "serde_urlencoded",
            "sha2",
            "tabled",
            "tokio",
            "toml",
            "zeroize",
        ],
    },
];

/// Paths of the standard library that reach out of the process, and the rooms that have none of it.
const OUTSIDE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
];
/// The process's own number tells nothing of the outside.
const OWN_NUMBER: &str = "std::process::id";
const INSIDE: &[&str] = &["authd/domain/src/", "authd/src/app", "authd/src/cache"];

/// Where the process's environment is read: where it starts, and where its kind is found out.
const ENVIRONMENT: &[&str] = &[
    "authctl/src/",
    "authd/src/args.rs",
    "authd/src/commands/run.rs",
    "authd/src/log.rs",
    "authd/src/startup/",
];

#[test]
fn layers_import_only_what_the_arrows_allow() {
    let crates = workspace_crates();
    let mut complaints = Vec::new();
    for file in sources() {
        let Some(room) = room_of(&file.path) else {
            complaints.push(format!("{} stands in no room", file.path));
            continue;
        };
        for path in paths(&code(&file.text), &module_of(&file.path)) {
            if !allows(room, &path, &crates) {
                complaints.push(format!("{} uses {path}", file.path));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_inner_rooms_do_not_reach_outside() {
    let mut complaints = Vec::new();
    for file in sources() {
        let is_inside = INSIDE.iter().any(|place| file.path.starts_with(place));
        let may_ask = ENVIRONMENT.iter().any(|place| file.path.starts_with(place));
        for path in paths(&code(&file.text), &module_of(&file.path)) {
            let is_outside =
                path != OWN_NUMBER && OUTSIDE.iter().any(|outside| is_below(&path, outside));
            let asks = is_below(&path, "std::env") || is_below(&path, "env");
            if (is_inside && is_outside) || (asks && !may_ask) {
                complaints.push(format!("{} uses {path}", file.path));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_domain_is_pure() {
    for file in sources().filter(|file| file.path.starts_with("authd/domain/src/")) {
        let code = code(&file.text);
        for word in [
            "SystemTime",
            "Instant",
            "SystemClock",
            "thread",
            "rand",
            "println",
            "async",
        ] {
            assert!(!has_word(&code, word), "{} mentions {word}", file.path);
        }
    }
}

#[test]
fn no_import_goes_round_the_paths() {
    for file in sources() {
        let code = code(&file.text);
        for way in ["extern crate", "#[path", "include!"] {
            assert!(!code.contains(way), "{} has {way}", file.path);
        }
    }
}

/// Whether a room may name a path.
fn allows(room: &Room, path: &str, crates: &BTreeSet<String>) -> bool {
    let is_listed = |list: &[&str], path: &str| list.iter().any(|listed| is_below(path, listed));
    if let Some(within) = path.strip_prefix("crate::") {
        let own = module_of(room.place);
        let is_own = own == "crate" || is_below(path, &own);
        return is_own || is_listed(room.modules, within);
    }
    if path == "crate" {
        return module_of(room.place) == "crate";
    }
    let first = path.split("::").next().unwrap_or_default();
    !crates.contains(first) || is_listed(room.crates, path)
}

/// The room of a file: the longest place that its path starts with.
fn room_of(path: &str) -> Option<&'static Room> {
    let rooms = ROOMS.iter().filter(|room| path.starts_with(room.place));
    rooms.max_by_key(|room| room.place.len())
}

/// Names of the crates that the workspace lists, as code spells them.
fn workspace_crates() -> BTreeSet<String> {
    let manifest = read("Cargo.toml");
    let table = manifest.split("\n[").find_map(|part| {
        let body = part.strip_prefix("workspace.dependencies]")?;
        Some(body.to_owned())
    });
    let names = table.unwrap_or_default();
    let names = names.lines().filter_map(|line| line.split_once(" = "));
    let names: BTreeSet<String> = names.map(|(name, _)| name.replace('-', "_")).collect();
    assert!(names.contains("hyper_util"), "{names:?}");
    names
}

/// The files that are part of a program.
fn sources() -> impl Iterator<Item = File> {
    let is_program = |file: &File| {
        file.path.contains("/src/") && !file.path.starts_with("tests/") && !is_test(&file.path)
    };
    rust_files("").into_iter().filter(is_program)
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[test]
fn what_is_smuggled_is_found() {
    let crates = workspace_crates();
    let smuggled = [
        ("authd/src/app/me.rs", "use axum::Router;"),
        ("authd/src/app/me.rs", "use ::rusqlite as database;"),
        (
            "authd/src/app/login/mod.rs",
            "use super::super::http::error::Refusal;",
        ),
        ("authd/src/app/me.rs", "use crate as root;"),
        (
            "authd/src/app/me.rs",
            "use crate::{self as root, app::App};",
        ),
        (
            "authd/src/app/me.rs",
            "fn f() { tokio::net::TcpListener::bind(1); }",
        ),
        (
            "authd/src/http/me.rs",
            "pub(in crate::http) use store::Store;",
        ),
        (
            "authd/src/http/me.rs",
            "use crate::{app::App, crypto::Keys};",
        ),
        ("authd/src/serve/gate.rs", "use crate::app::App;"),
        ("authd/src/serve/gate.rs", "use store::Claim;"),
        ("authd/store/src/unit.rs", "use rusqlite::Connection;"),
        ("authd/domain/src/user.rs", "use tokio::time::sleep;"),
        ("common/src/id.rs", "use hyper::Request;"),
        ("authctl/src/main.rs", "use store::Store;"),
    ];
    for (file, text) in smuggled {
        let room = room_of(file).expect(file);
        let found = paths(text, &module_of(file));
        let is_refused = found.iter().any(|path| !allows(room, path, &crates));
        assert!(is_refused, "{file}: {text} was let in as {found:?}");
    }
}
