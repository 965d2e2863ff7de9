//! Who may import whom, for what the crates do not hold (ARCHITECTURE.md, section 4).
//! Tests at the bottom of a file may reach further; they are not read here.

use crate::tree::{File, code, has_word, is_test, rust_files};

/// What the code below a folder must not use.
struct Rule {
    folder: &'static str,
    /// Paths that start with one of these are refused.
    forbidden: &'static [&'static str],
    /// But these are not.
    except: &'static [&'static str],
}

const HTTP: &[&str] = &["axum", "hyper", "hyper_util", "tower", "http_body_util"];

const RULES: &[Rule] = &[
    Rule {
        folder: "common/src",
        forbidden: &[
            "axum",
            "hyper",
            "hyper_util",
            "http",
            "tokio",
            "rusqlite",
            "domain",
            "store",
            "std::net::TcpStream",
            "std::os::unix::net",
        ],
        except: &[],
    },
    Rule {
        folder: "authd/domain/src",
        forbidden: &[
            "axum",
            "hyper",
            "http",
            "tokio",
            "rusqlite",
            "store",
            "std::fs",
            "std::process",
            "std::thread",
            "std::env",
            "std::io",
            "std::net::TcpStream",
            "std::net::TcpListener",
            "std::net::UdpSocket",
            "std::os",
        ],
        except: &[],
    },
    Rule {
        folder: "authd/store/src",
        forbidden: &["axum", "hyper", "http", "authd", "argon2", "jsonwebtoken"],
        except: &[],
    },
    Rule {
        folder: "authd/src/config",
        forbidden: &[
            "axum",
            "hyper",
            "http",
            "tokio",
            "rusqlite",
            "store",
            "crate::app",
            "crate::http",
            "crate::admin",
            "crate::cache",
            "crate::crypto",
            "crate::serve",
            "crate::startup",
        ],
        except: &[],
    },
    Rule {
        folder: "authd/src/cache",
        forbidden: &[
            "axum",
            "hyper",
            "http",
            "rusqlite",
            "store",
            "crate::app",
            "crate::http",
            "crate::admin",
            "crate::config",
            "crate::serve",
            "crate::startup",
        ],
        except: &["store::Scope", "store::CommitListener"],
    },
    Rule {
        folder: "authd/src/crypto",
        forbidden: &[
            "axum",
            "hyper",
            "http",
            "rusqlite",
            "store",
            "crate::app",
            "crate::http",
            "crate::admin",
            "crate::cache",
            "crate::config",
            "crate::serve",
            "crate::startup",
        ],
        except: &[],
    },
    Rule {
        folder: "authd/src/app",
        forbidden: &[
            "axum",
            "hyper",
            "http",
            "rusqlite",
            "refinery",
            "clap",
            "toml",
            "tokio::net",
            "std::net::TcpStream",
            "std::net::TcpListener",
            "std::net::UdpSocket",
            "std::os::unix::net",
            "store::sqlite",
            "crate::http",
            "crate::admin",
            "crate::config",
            "crate::serve",
            "crate::startup",
        ],
        except: &[],
    },
    Rule {
        folder: "authd/src/http",
        forbidden: &[
            "rusqlite",
            "store",
            "moka",
            "argon2",
            "jsonwebtoken",
            "aws_lc_rs",
            "crate::cache",
            "crate::crypto",
            "crate::admin",
            "crate::startup",
        ],
        except: &["store::Claim"],
    },
    Rule {
        folder: "authd/src/admin",
        forbidden: &[
            "rusqlite",
            "store",
            "moka",
            "argon2",
            "jsonwebtoken",
            "aws_lc_rs",
            "crate::cache",
            "crate::crypto",
            "crate::http",
            "crate::startup",
        ],
        except: &[
            "store::Claim",
            "crate::http::body",
            "crate::http::edge",
            "crate::http::error",
            "crate::http::extract",
            "crate::http::passage",
        ],
    },
    Rule {
        folder: "authctl/src",
        forbidden: &["authd", "domain", "store", "axum", "rusqlite"],
        except: &[],
    },
];

#[test]
fn layers_import_only_what_the_arrows_allow() {
    let mut complaints = Vec::new();
    for rule in RULES {
        for file in sources(rule.folder) {
            for path in paths(&code(&file.text)) {
                let starts = |prefix: &&&str| is_below(&path, prefix);
                if rule.forbidden.iter().any(|p| starts(&p))
                    && !rule.except.iter().any(|p| starts(&p))
                {
                    complaints.push(format!("{} uses {path}", file.path));
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn use_cases_hold_no_http_types() {
    for file in sources("authd/src/app") {
        let code = code(&file.text);
        for name in HTTP {
            assert!(!has_word(&code, name), "{} mentions {name}", file.path);
        }
    }
}

#[test]
fn the_domain_is_pure() {
    for file in sources("authd/domain/src") {
        let code = code(&file.text);
        for word in [
            "SystemTime",
            "Instant",
            "SystemClock",
            "rand",
            "println",
            "async",
        ] {
            assert!(!has_word(&code, word), "{} mentions {word}", file.path);
        }
    }
}

#[test]
fn sql_stays_in_the_backend() {
    for file in sources("") {
        let is_backend = file.path.starts_with("authd/store/src/sqlite")
            || file.path.starts_with("authd/store/tests")
            || file.path.starts_with("tests/");
        if !is_backend {
            let uses = paths(&code(&file.text));
            assert!(
                !uses.iter().any(|path| is_below(path, "rusqlite")),
                "{} uses rusqlite",
                file.path
            );
        }
    }
}

/// The files below a folder that are part of a program.
fn sources(folder: &str) -> impl Iterator<Item = File> {
    let files = rust_files(folder).into_iter();
    files.filter(|file| !is_test(&file.path))
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// All paths that a file imports or spells out.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code.to_owned();
    // Imports first, with their braces multiplied out.
    while let Some(start) = next_use(&rest) {
        let Some(length) = rest.get(start..).and_then(|text| text.find(';')) else {
            break;
        };
        let statement = rest.get(start..start + length).unwrap_or_default();
        let tree: String = statement
            .trim_start_matches("use ")
            .split_whitespace()
            .collect();
        expand("", &tree, &mut found);
        rest.replace_range(start..=start + length, "");
    }
    // Then paths within the code.
    let mut word = String::new();
    for c in rest.chars().chain(" ".chars()) {
        if c.is_alphanumeric() || c == '_' || c == ':' {
            word.push(c);
        } else {
            if word.contains("::") {
                found.push(word.trim_matches(':').to_owned());
            }
            word.clear();
        }
    }
    found
}

fn next_use(code: &str) -> Option<usize> {
    let mut at = 0;
    for line in code.split_inclusive('\n') {
        let trimmed = line.trim_start();
        let statement = ["pub use ", "pub(crate) use ", "pub(super) use ", "use "]
            .iter()
            .find(|start| trimmed.starts_with(*start));
        if let Some(start) = statement {
            let visibility = start.len() - "use ".len();
            return Some(at + (line.len() - trimmed.len()) + visibility);
        }
        at += line.len();
    }
    None
}

fn expand(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let mut depth = 0_usize;
    let mut item = String::new();
    for c in tree.chars().chain(",".chars()) {
        match c {
            ',' if depth == 0 => {
                expand_one(prefix, &item, found);
                item.clear();
                continue;
            }
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        item.push(c);
    }
}

fn expand_one(prefix: &str, item: &str, found: &mut Vec<String>) {
    if item.is_empty() {
        return;
    }
    if let Some((path, rest)) = item.split_once('{') {
        let inner = rest.strip_suffix('}').unwrap_or(rest);
        expand(&format!("{prefix}{path}"), inner, found);
    } else {
        let path = item.trim_end_matches("self").trim_end_matches("::");
        found.push(format!("{prefix}{path}").trim_end_matches("::").to_owned());
    }
}

#[test]
fn imports_are_multiplied_out() {
    let code = "use crate::{cache::{self, Cache}, crypto::Keys};\nlet x = store::Claim::new();\n";
    assert_eq!(
        paths(code),
        [
            "crate::cache",
            "crate::cache::Cache",
            "crate::crypto::Keys",
            "store::Claim::new"
        ]
    );
}
