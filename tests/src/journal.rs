//! A client that keeps a journal of what the daemon promised, and holds the daemon to it.
//!
//! Whatever happens to the daemon, the journal is the judge: passwords that were changed stand,
//! sessions that were ended are dead, tokens that were handed out work. What was under way when the
//! daemon died may have happened or not, wholly; what was refused has not happened.

use std::thread;

use harness::{Api, Login, PASSWORD, Request, Tokens};
use serde_json::json;

/// Small pseudo-random numbers; the seed is printed, so that a failure can be looked at again.
pub(crate) struct Dice(u64);

impl Dice {
    /// With a seed.
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
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
pub(crate) struct Journal {
    pub(crate) email: String,
    password: String,
    /// Sent, and not answered when the daemon died.
    pending_password: Option<String>,
    pending: Option<Act>,
    alive: Option<Tokens>,
    /// Access tokens whose session was ended, as the daemon said.
    dead: Vec<String>,
    pub(crate) acknowledged: u64,
    passwords_made: u64,
}

impl Journal {
    /// Of a user with the usual password.
    pub(crate) fn new(email: String) -> Self {
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

    /// Acts until the daemon is gone, or so many times.
    pub(crate) fn load(&mut self, api: Api, dice: &mut Dice, most: u32) {
        for _ in 0..most {
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

    /// Loads a daemon from all journals at once, while `meanwhile` has its way with it.
    pub(crate) fn load_all(
        journals: &mut [Self],
        api: Api,
        dice: &mut Dice,
        most: u32,
        meanwhile: impl FnOnce(),
    ) {
        thread::scope(|scope| {
            for journal in journals {
                let mut dice = Dice(dice.roll(u64::MAX));
                scope.spawn(move || journal.load(api, &mut dice, most));
            }
            meanwhile();
        });
    }

    /// Holds the daemon to its promises, then settles what was open.
    pub(crate) fn verify(&mut self, api: Api) {
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
