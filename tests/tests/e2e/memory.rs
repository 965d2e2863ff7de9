//! Floods of logins and of pictures, side by side, under a limit of memory (R19): what there is no room
//! for is refused, and the daemon lives.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::{Api, Home, Login, OTHER_PASSWORD, PASSWORD, Request, WRONG_PASSWORD, parallel};

use crate::pictures::png_of;
use crate::scene::{alice, open};

/// What the daemon may have, in bytes.
const LIMIT: u64 = 256 << 20;
/// What is too little for four hashes side by side, in bytes.
const SHORT: u64 = 128 << 20;
/// Clients of each kind side by side.
const CLIENTS: usize = 16;
/// What each of them asks, one after the other.
const TIMES: usize = 2;
/// How long a client waits: one thread decodes, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// A group of processes with a limit of memory, where this machine lets a test make one. Page cache and
/// kernel memory count in it too, as in a service with `MemoryMax=`.
struct Group {
    folder: PathBuf,
    /// Files of the limit, and of what was killed for want of memory.
    limit: &'static str,
    events: &'static str,
}

impl Group {
    fn make() -> Option<Self> {
        let name = format!("authd-r19-{}", std::process::id());
        let kinds = [
            (
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.oom_control",
            ),
            ("/sys/fs/cgroup", "memory.max", "memory.events"),
        ];
        kinds.into_iter().find_map(|(root, limit, events)| {
            let folder = Path::new(root).join(&name);
            fs::create_dir(&folder).ok()?;
            let group = Self {
                folder,
                limit,
                events,
            };
            // Without the controller of memory the file is not there.
            fs::write(group.folder.join(group.limit), LIMIT.to_string()).ok()?;
            Some(group)
        })
    }

    /// How many processes were killed; they end otherwise as by any SIGKILL.
    fn killed(&self) -> u64 {
        let events = fs::read_to_string(self.folder.join(self.events)).unwrap_or_default();
        let line = events
            .lines()
            .find_map(|line| line.strip_prefix("oom_kill "));
        line.and_then(|count| count.trim().parse().ok())
            .unwrap_or(0)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its processes are gone; what is left is an empty folder of the kernel's.
        drop(fs::remove_dir(&self.folder));
    }
}

/// A home whose daemon has so much memory and no more. The limit of data holds on every machine: beyond
/// it an allocation fails, and a program in Rust aborts.
fn limited(group: Option<&Group>) -> Home {
    let join = group.map_or_else(
        || "true".to_owned(),
        |group| format!("echo $$ > {}/cgroup.procs", group.folder.display()),
    );
    let script = format!("{join} && exec /usr/bin/prlimit --data={LIMIT} \"$@\"");
    Home::new().through(&["/bin/sh", "-c", &script, "sh"])
}

/// One answer, or how the connection ended. Who sends a picture may find it closed behind a refusal that
/// did not wait for the rest.
fn ask(api: &Api, request: &Request) -> String {
    let mut connection = api.connect();
    connection.patience(PATIENCE);
    match connection.ask(&request.clone().header("Connection", "close")) {
        Ok(answer) => answer.outcome(),
        Err(error) => error.kind().to_string(),
    }
}

/// What came of all that a crowd asked.
fn flood(api: Api, tokens: Vec<String>, picture: Vec<u8>) -> Vec<String> {
    let outcomes = parallel(2 * CLIENTS, move |number| {
        (0..TIMES)
            .map(|time| {
                let request = if number % 2 == 0 {
                    let name = format!("nobody-{number}-{time}@acme.test");
                    let password = if time % 2 == 0 {
                        WRONG_PASSWORD
                    } else {
                        OTHER_PASSWORD
                    };
                    let login = Login::new("acme", &name, password);
                    Request::post("/v1/auth/login").json(login.body())
                } else {
                    Request::new("PUT", "/v1/me/picture")
                        .bearer(tokens.iter().cycle().nth(number / 2).expect("users"))
                        .header("Content-Type", "image/png")
                        .body(&picture)
                };
                ask(&api, &request)
            })
            .collect::<Vec<String>>()
    });
    outcomes.concat()
}

#[test]
fn r19_under_a_limit_of_memory_floods_are_refused_and_nothing_is_killed() {
    let group = Group::make();
    let home = limited(group.as_ref())
        // Places go at once, so that who comes later is refused.
        .setting("password.queue_length", "8")
        // Each takes 19 MiB, on a machine of however many processors.
        .setting("password.max_concurrent_hashes", "4")
        .setting("timeouts.picture", "\"3m\"");
    let daemon = open(&home);
    let authctl = daemon.authctl();
    authctl.create_tenant("globex");
    let mut tokens = vec![daemon.api().tokens(&alice()).access];
    for (tenant, email) in [
        ("acme", "bob@acme.test"),
        ("globex", "eve@globex.test"),
        ("globex", "max@globex.test"),
    ] {
        authctl.create_user(tenant, email, PASSWORD);
        let login = Login::new(tenant, email, PASSWORD);
        tokens.push(daemon.api().tokens(&login).access);
    }
    // Four megapixels, eight bytes each: the six that have a place would take 192 MB whole, and the hashes
    // beside them 76 MiB.
    let picture = png_of([16, 6], 8, [2000, 2000], &[], 2000);
    assert!(picture.len() < 5 << 20, "{}", picture.len());
    let outcomes = flood(daemon.api(), tokens, picture);
    let count = |wanted: &str| outcomes.iter().filter(|one| *one == wanted).count();
    for outcome in &outcomes {
        let expected = [
            "200",
            "401 invalid_credentials",
            "503 overloaded",
            "connection reset",
            "broken pipe",
        ];
        assert!(expected.contains(&outcome.as_str()), "{outcome}");
    }
    assert!(count("503 overloaded") > 0, "the floods were none");
    assert!(count("401 invalid_credentials") > 0);
    assert!(count("200") > 0, "no picture was taken");
    let peak = daemon.peak_resident_bytes();
    assert!(peak < LIMIT, "{peak} bytes");
    // It goes on, with its old sessions and for new ones.
    harness::eventually("a login has a place", Duration::from_secs(60), || {
        (daemon.api().login(&alice()).status == 200).then_some(())
    });
    assert!(!daemon.log().contains("panicked"));
    let killed = group.as_ref().map_or(0, Group::killed);
    assert_eq!(daemon.stop().code, Some(0));
    assert_eq!(killed, 0);
}

/// Where there is no memory for a hash, a sign-in is refused as where there is no place for one, and
/// counts as no failure.
#[test]
fn r19_a_login_without_memory_for_its_hash_is_refused_and_not_counted() {
    // Each hash thread maps 33 MiB of its own, so the fourth of them at the latest finds none.
    let script = format!("exec /usr/bin/prlimit --data={SHORT} \"$@\"");
    let home = Home::new()
        .through(&["/bin/sh", "-c", &script, "sh"])
        .setting("password.queue_length", "64")
        .setting("password.max_concurrent_hashes", "4");
    let daemon = open(&home);
    let api = daemon.api();
    let outcomes = parallel(8, move |_| {
        let logins =
            (0..4).map(|_| ask(&api, &Request::post("/v1/auth/login").json(alice().body())));
        logins.collect::<Vec<String>>()
    });
    let outcomes = outcomes.concat();
    for outcome in &outcomes {
        assert!(
            ["200", "503 overloaded"].contains(&outcome.as_str()),
            "{outcome}"
        );
    }
    let refused = outcomes.iter().filter(|one| *one != "200").count();
    assert!(refused > 0, "there was memory for all of them");
    assert!(daemon.log().contains("no memory for a password hash"));
    // Five failures would have locked the name.
    harness::eventually("a login has memory", Duration::from_secs(60), || {
        (daemon.api().login(&alice()).status == 200).then_some(())
    });
    let counted = daemon.authctl().items(&["lockout", "list"]);
    assert!(counted.is_empty(), "{counted:?}");
    assert_eq!(daemon.stop().code, Some(0));
}
