//! kill -9 under a write load: nothing that was acknowledged may be missing afterwards (R1).
//!
//! Each client keeps a journal of what the daemon promised. After the restart the journal is the
//! judge: passwords that were changed stand, sessions that were ended are dead, tokens that were
//! handed out work. What was under way when the daemon died may have happened or not, wholly.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Api, Home, Login, PASSWORD, Request, Tokens};
use rusqlite::Connection as Database;
use serde_json::json;

const ROUNDS: u64 = 10;
const CLIENTS: u64 = 8;

/// Small pseudo-random numbers; the seed is printed, so that a failure can be looked at again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // SplitMix64: any generator would do.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Login,
    Refresh,
    Logout,
    ChangePassword,
}

/// What one client was promised.
struct Journal {
    email: String,
    password: String,
    /// Sent, and not answered when the daemon died.
    pending_password: Option<String>,
    pending: Option<Act>,
    alive: Option<Tokens>,
    /// Access tokens whose session was ended, as the daemon said.
    dead: Vec<String>,
    acknowledged: u64,
    passwords_made: u64,
}

impl Journal {
    fn new(email: String) -> Self {
        Self {
            email,
            password: PASSWORD.to_owned(),
            pending_password: None,
            pending: None,
            alive: None,
            dead: Vec::new(),
            acknowledged: 0,
            passwords_made: 0,
        }
    }

    /// Acts until the daemon is gone.
    fn load(&mut self, api: Api, dice: &mut Dice) {
        loop {
            let act = match (&self.alive, dice.roll(8)) {
                (None, _) | (Some(_), 0 | 1) => Act::Login,
                (Some(_), 2 | 3) => Act::Logout,
                (Some(_), 4) => Act::ChangePassword,
                (Some(_), _) => Act::Refresh,
            };
            self.pending = Some(act);
            if self.perform(api, act).is_err() {
                return;
            }
            self.pending = None;
            self.pending_password = None;
            self.acknowledged += 1;
        }
    }

    fn perform(&mut self, api: Api, act: Act) -> std::io::Result<()> {
        let Some(tokens) = self.alive.clone() else {
            return self.login(api);
        };
        match act {
            Act::Login => self.login(api)?,
            Act::Refresh => {
                let body = json!({"refresh_token": tokens.refresh});
                let answer = api.try_send(&Request::post("/v1/auth/refresh").json(&body))?;
                if answer.status == 200 {
                    self.alive = Some(Tokens::of(&answer));
                }
            }
            Act::Logout => {
                let request = Request::post("/v1/auth/logout")
                    .bearer(&tokens.access)
                    .json(&json!({}));
                if api.try_send(&request)?.status == 204 {
                    self.dead.push(tokens.access);
                    self.alive = None;
                }
            }
            Act::ChangePassword => {
                self.passwords_made += 1;
                let next = format!("{PASSWORD} verse {}", self.passwords_made);
                self.pending_password = Some(next.clone());
                let body = json!({"current_password": self.password, "new_password": next});
                let request = Request::post("/v1/auth/password/change")
                    .bearer(&tokens.access)
                    .json(&body);
                if api.try_send(&request)?.status == 204 {
                    self.password = next;
                }
            }
        }
        Ok(())
    }

    fn login(&mut self, api: Api) -> std::io::Result<()> {
        let login = Login::new("acme", &self.email, &self.password);
        let answer = api.try_send(&Request::post("/v1/auth/login").json(login.body()))?;
        if answer.status == 200 {
            let tokens = Tokens::of(&answer);
            if let Some(old) = self.alive.replace(tokens) {
                self.dead.push(old.access);
            }
        }
        Ok(())
    }

    /// Holds the daemon to its promises, then settles what was open.
    fn verify(&mut self, api: Api) {
        for token in self.dead.drain(..) {
            let outcome = api.check(&token).outcome();
            assert!(
                outcome.starts_with("401 session_"),
                "{}: {outcome}",
                self.email
            );
        }
        let is_certain = matches!(
            self.pending,
            None | Some(Act::Refresh | Act::ChangePassword)
        );
        if let Some(tokens) = self.alive.take().filter(|_| is_certain) {
            let outcome = api.check(&tokens.access).outcome();
            assert_eq!(outcome, "200", "{} after {:?}", self.email, self.pending);
            // A refresh under way may have rotated; within the grace the old token still answers.
            let refreshed = api.refresh(&tokens.refresh);
            assert_eq!(refreshed.status, 200, "{}", refreshed.text());
        }
        let candidates = [Some(self.password.clone()), self.pending_password.take()];
        let right: Vec<String> = candidates
            .into_iter()
            .flatten()
            .filter(|password| {
                let login = Login::new("acme", &self.email, password);
                api.login(&login).status == 200
            })
            .collect();
        let [password] = right.as_slice() else {
            panic!("{}: {} passwords are right", self.email, right.len());
        };
        self.password.clone_from(password);
        self.pending = None;
    }
}

#[test]
fn r1_nothing_acknowledged_is_lost_to_kill_9() {
    let seed = RandomState::new().build_hasher().finish();
    eprintln!("seed {seed}");
    let mut dice = Dice(seed);
    let home = Home::new();
    let daemon = crate::scene::open(&home);
    let authctl = daemon.authctl();
    let mut journals: Vec<Journal> = (0..CLIENTS)
        .map(|number| {
            let email = format!("client{number}@acme.test");
            authctl.create_user("acme", &email, PASSWORD);
            Journal::new(email)
        })
        .collect();

    let mut daemon = Some(daemon);
    for round in 0..ROUNDS {
        let running = daemon.take().unwrap_or_else(|| home.start());
        let api = running.api();
        let clients: Vec<_> = journals
            .into_iter()
            .map(|mut journal| {
                let mut dice = Dice(dice.roll(u64::MAX));
                thread::spawn(move || {
                    journal.load(api, &mut dice);
                    journal
                })
            })
            .collect();
        // Not a wait for something: the moment of the kill is the experiment.
        thread::sleep(Duration::from_millis(200 + dice.roll(800)));
        running.kill();
        journals = clients
            .into_iter()
            .map(|client| client.join().expect("a client panicked"))
            .collect();

        let started = Instant::now();
        let after = home.start();
        assert!(started.elapsed() < Duration::from_secs(5), "round {round}");
        for journal in &mut journals {
            journal.verify(after.api());
        }
        daemon = Some(after);
    }
    let acknowledged: u64 = journals.iter().map(|journal| journal.acknowledged).sum();
    eprintln!("{acknowledged} acknowledged acts in {ROUNDS} rounds");
    assert!(acknowledged > ROUNDS * CLIENTS, "the load was no load");

    drop(daemon);
    let database = Database::open(home.database()).expect("a database");
    let verdict: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a verdict");
    assert_eq!(verdict, "ok");
    let orphans: i64 = database
        .query_row(
            "SELECT count(*) FROM sessions WHERE user_id NOT IN (SELECT id FROM users)",
            [],
            |row| row.get(0),
        )
        .expect("a count");
    assert_eq!(orphans, 0);
}
