//! SECURITY.md held against the tree: its tests exist, its data inventory is the schema's.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{
    backticked, code, files, functions, is_test, read, rows, rust_files, section, without_tests,
};

#[test]
fn every_threat_names_tests_that_exist() {
    let known = functions();
    let table = rows(&section(&read("SECURITY.md"), "## Threats and their tests"));
    assert!(!table.is_empty());
    let mut missing = Vec::new();
    for row in &table {
        let tests = row.last().map(|cell| backticked(cell)).unwrap_or_default();
        assert!(!tests.is_empty(), "a threat without a test: {row:?}");
        missing.extend(tests.into_iter().filter(|test| !known.contains(test)));
    }
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}

#[test]
fn no_threat_is_told_twice() {
    let table = rows(&section(&read("SECURITY.md"), "## Threats and their tests"));
    let told: BTreeSet<_> = table.iter().filter_map(|row| row.first()).collect();
    assert_eq!(told.len(), table.len());
}

/// What a chapter says, and the line of the code that makes it so: neither goes without the other.
fn says(chapter: &str, claims: &[(&str, &str, &str)]) {
    // A sentence goes over the ends of lines.
    let chapter = chapter.split_whitespace().collect::<Vec<_>>().join(" ");
    for (path, line, said) in claims {
        assert!(chapter.contains(said), "it does not say {said:?}");
        assert!(
            read(path).contains(line),
            "{path} lacks {line:?}: is {said:?} true?"
        );
    }
}

#[test]
fn v5_1_1_v5_4_3_v15_1_4_the_chapter_on_pictures_says_what_holds() {
    let profile = "authd/src/config/profile.rs";
    let makes = "authd/src/picture/mod.rs";
    says(
        &section(&read("SECURITY.md"), "## Pictures"),
        &[
            (
                makes,
                "Neither JPEG nor PNG nor WebP",
                "JPEG, PNG or WebP by their first bytes",
            ),
            (
                profile,
                r#"default: Some("\"5MiB\"")"#,
                "`profile.picture_max` (5 MiB)",
            ),
            (
                profile,
                r#"default: Some("40000000")"#,
                "(40 million pixels)",
            ),
            (makes, "LONGEST_SIDE: u32 = 16_384", "no side over 16,384"),
            (
                makes,
                "BYTES_PER_PIXEL: u64 = 3",
                "three bytes of memory for each pixel",
            ),
            (
                "authd/src/picture/png.rs",
                "UNPACKED: u64 = 4 << 20",
                "more than 4 MiB",
            ),
            (
                "authd/domain/src/picture.rs",
                "SIDE_LIMIT: u32 = 512",
                "at most 512 by 512",
            ),
            ("Cargo.toml", "unsafe_code = \"forbid\"", "memory-safe Rust"),
            (
                "authd/src/picture/studio.rs",
                "LOWEST_PRIORITY: i32 = 19",
                "the lowest priority",
            ),
            (makes, "encoded anew", "encoded anew as JPEG"),
            (makes, "encoded anew", "stands in for a virus scanner"),
            (makes, "looked at before any decoder", "the riskiest thing"),
        ],
    );
}

#[test]
fn v6_1_1_the_chapter_on_locks_says_what_holds() {
    let readme = read("README.md");
    let lockout = "authd/src/config/lockout.rs";
    says(
        &section(&readme, "## How a lock works"),
        &[
            (
                lockout,
                "Setting::LockoutThreshold,\n        Some(\"5\")",
                "Five evaluated failures",
            ),
            (
                lockout,
                "Setting::LockoutWindow,\n        Some(\"\\\"15m\\\"\")",
                "within 15 minutes",
            ),
            (
                lockout,
                "Setting::LockoutDuration,\n        Some(\"\\\"15m\\\"\")",
                "lock a name for 15 minutes",
            ),
            (
                "authd/domain/src/lockout.rs",
                "until: last.plus(policy.duration)",
                "most recent *evaluated* failure",
            ),
            (
                "authd/src/app/login/settle.rs",
                "fn remove_guessed_device",
                "`device_secret`",
            ),
            (
                "authd/src/app/login_budget.rs",
                "failures_per_ip",
                "IPv4 address or IPv6 /64",
            ),
        ],
    );
}

/// Each place that checks a password, and the counter that its failures are on (ASVS 6.1.3): a new one
/// comes here with its own.
#[test]
fn v6_1_3_every_check_of_a_password_has_its_counter() {
    let known = BTreeMap::from([
        ("authd/src/app/login/mod.rs", "counter::admit"),
        ("authd/src/app/password_change.rs", "counter::admit"),
        ("authd/src/app/email_change/own.rs", "counter::admit"),
        ("authd/src/app/registration/complete.rs", "TRIES"),
    ]);
    let mut found = BTreeSet::new();
    for file in rust_files("authd/src") {
        if is_test(&file.path) {
            continue;
        }
        let text = code(&file.text);
        let text: String = text.split_whitespace().collect();
        let is_one = ["place.verify(", ".place.verify(", "pool.verify("]
            .iter()
            .any(|call| text.contains(call));
        if !is_one {
            continue;
        }
        let counter = known.get(file.path.as_str());
        let counter = counter.unwrap_or_else(|| panic!("{}: on which counter?", file.path));
        assert!(text.contains(counter), "{} counts by {counter}", file.path);
        found.insert(file.path);
    }
    assert_eq!(found.len(), known.len(), "{found:?}");
}

#[test]
fn v16_1_1_the_inventory_of_the_log_names_every_event() {
    let chapter = section(&read("SECURITY.md"), "## Logging");
    let told: BTreeSet<String> = backticked(&chapter).into_iter().collect();
    let mut events = BTreeSet::new();
    for file in rust_files("authd/src") {
        let text = without_tests(&file.text).to_owned();
        for part in text.split("event = \"").skip(1) {
            events.extend(part.split('"').next().map(str::to_owned));
        }
    }
    assert!(events.len() > 10, "{events:?}");
    let missing: Vec<_> = events.difference(&told).collect();
    assert!(missing.is_empty(), "not in the inventory: {missing:?}");
}

#[test]
fn v1_4_2_sums_that_leave_their_type_are_no_wrapped_ones() {
    let manifest = read("Cargo.toml");
    let profile = manifest
        .split("[profile.")
        .find(|part| part.starts_with("release]"));
    assert!(profile.is_some_and(|text| text.contains("overflow-checks = true")));
}

#[test]
fn the_data_inventory_is_that_of_the_schema() {
    let table = rows(&section(&read("SECURITY.md"), "## Data"));
    let mut documented: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in &table {
        let [name, columns, class, kept] = row.as_slice() else {
            panic!("a row of four cells: {row:?}");
        };
        assert!(class.starts_with(['S', 'P', 'R', 'T']), "a class: {row:?}");
        assert!(!kept.is_empty(), "how long: {row:?}");
        let of_table = documented
            .entry(name.trim_matches('`').to_owned())
            .or_default();
        for column in backticked(columns) {
            assert!(of_table.insert(column.clone()), "{name} {column} twice");
        }
    }
    let actual = schema();
    let pairs = |tables: &BTreeMap<String, BTreeSet<String>>| -> BTreeSet<String> {
        let all = tables.iter().flat_map(|(table, columns)| {
            columns
                .iter()
                .map(move |column| format!("{table}.{column}"))
        });
        all.collect()
    };
    let (documented, actual) = (pairs(&documented), pairs(&actual));
    let missing: Vec<_> = actual.difference(&documented).collect();
    let surplus: Vec<_> = documented.difference(&actual).collect();
    assert!(missing.is_empty(), "not in the inventory: {missing:?}");
    assert!(surplus.is_empty(), "not in the schema: {surplus:?}");
}

/// Tables and columns as the migrations make them.
fn schema() -> BTreeMap<String, BTreeSet<String>> {
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files("migrations/sqlite") {
        let mut table: Option<String> = None;
        for line in file.text.lines() {
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                table = rest.split_whitespace().next().map(str::to_owned);
            } else if line.starts_with(')') {
                table = None;
            } else if let Some(rest) = line.strip_prefix("ALTER TABLE ") {
                let words: Vec<&str> = rest.split_whitespace().collect();
                if let [name, "ADD", "COLUMN", column, ..] = words.as_slice() {
                    let of_table = tables.entry((*name).to_owned()).or_default();
                    of_table.insert((*column).to_owned());
                }
            } else if let Some(table) = &table {
                let first = line.split_whitespace().next().unwrap_or_default();
                if first.starts_with(|c: char| c.is_ascii_lowercase()) {
                    let of_table = tables.entry(table.clone()).or_default();
                    of_table.insert(first.to_owned());
                }
            }
        }
    }
    tables
}

#[test]
fn crypto_comes_from_the_crates_of_the_inventory() {
    // Crates that compute cryptography and are not in the inventory.
    let others = [
        "ring",
        "openssl",
        "rsa",
        "ed25519-dalek",
        "p256",
        "chacha20poly1305",
        "aes-gcm",
        "hmac",
        "sha1",
        "md-5",
        "sodiumoxide",
    ];
    // In the lock file as an option of another crate, and not built: .cargo/deny.toml and .ci/run
    // refuse it in the tree itself.
    let options = [("ring", "rustls-webpki")];
    let lock = read("Cargo.lock");
    for name in others {
        let users = lock.split("[[package]]\n").filter_map(|package| {
            let (_, rest) = package.split_once("name = \"")?;
            let user = rest.split('"').next()?;
            let is_used = package.contains(&format!("\n \"{name}\",\n"));
            is_used.then_some(user)
        });
        let is_there = lock.contains(&format!("name = \"{name}\"\n"));
        let mut users = users.collect::<Vec<_>>();
        users.retain(|user| !options.contains(&(name, *user)));
        let is_option = options.iter().any(|(option, _)| *option == name);
        assert!(
            users.is_empty() && (is_option || !is_there),
            "{name} is in Cargo.lock and not in the inventory: {users:?}"
        );
    }
}
