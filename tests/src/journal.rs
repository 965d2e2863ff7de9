//! A client that keeps a journal of what the daemon promised, and holds the daemon to it.
//!
//! Whatever happens to the daemon, the journal is the judge: passwords that were changed stand,
//! sessions that were ended are dead, tokens that were handed out work. What was under way when the
//! daemon died may have happened or not, wholly; what was refused has not happened.

use std::thread;

use serde_json::json;

use crate::PASSWORD;
use crate::api::{Api, Login, Tokens};
use crate::http::{Request, Response};

/// Small pseudo-random numbers; the seed is printed, so that a failure can be looked at again.
pub struct Dice(u64);

impl Dice {
    /// With a seed.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
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
#[derive(Debug, Clone)]
pub struct Journal {
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
    history: Option<Vec<Page>>,
}

/// The journal while one act was under way, and the id of the answer that acknowledged it.
#[derive(Debug, Clone)]
struct Page {
    meanwhile: Box<Journal>,
    request_id: String,
}

impl Journal {
    /// Of a user with the usual password.
    pub fn new(email: String) -> Self {
        Self {
            email,
            password: PASSWORD.to_owned(),
            pending_password: None,
            pending: None,
            alive: None,
            dead: Vec::new(),
            acknowledged: 0,
            passwords_made: 0,
            history: None,
        }
    }

    /// Remembers what it was at each moment, for [`Journal::when`].
    #[must_use]
    pub fn with_history(self) -> Self {
        Self {
            history: Some(Vec::new()),
            ..self
        }
    }

    /// The journal of an earlier moment: when the answers with these request ids had left the daemon,
    /// and no others.
    ///
    /// # Panics
    /// If it keeps no history.
    #[must_use]
    pub fn when(&self, has_left: impl Fn(&str) -> bool) -> Self {
        let history = self.history.as_ref().expect("made with_history");
        let open = history.iter().find(|page| !has_left(&page.request_id));
        open.map_or_else(
            || Self {
                history: None,
                ..self.clone()
            },
            |page| (*page.meanwhile).clone(),
        )
    }

    /// The address with which it signs in.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Acts that were answered.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Acts until the daemon is gone, or so many times.
    pub fn load(&mut self, api: Api, dice: &mut Dice, most: u32) {
        for _ in 0..most {
            if self.act(api, dice).is_err() {
                return;
            }
        }
    }

    /// Acts once; the answer, whatever it says.
    ///
    /// # Errors
    /// If none came: the daemon is gone.
    pub fn act(&mut self, api: Api, dice: &mut Dice) -> std::io::Result<Response> {
        let act = match (&self.alive, dice.roll(8)) {
            (None, _) | (Some(_), 0 | 1) => Act::Login,
            (Some(_), 2 | 3) => Act::Logout,
            (Some(_), 4) => Act::ChangePassword,
            (Some(_), _) => Act::Refresh,
        };
        self.pending = Some(act);
        if act == Act::ChangePassword {
            self.passwords_made += 1;
            self.pending_password = Some(format!("{PASSWORD} verse {}", self.passwords_made));
        }
        let meanwhile = self.history.take().map(|history| (self.clone(), history));
        let answer = self.perform(api, act);
        if let Some((page, mut history)) = meanwhile {
            if let Ok(answer) = &answer {
                history.push(Page {
                    meanwhile: Box::new(page),
                    request_id: answer.header("x-request-id").unwrap_or_default().to_owned(),
                });
            }
            self.history = Some(history);
        }
        let answer = answer?;
        self.pending = None;
        self.pending_password = None;
        self.acknowledged += 1;
        Ok(answer)
    }

    fn perform(&mut self, api: Api, act: Act) -> std::io::Result<Response> {
        let Some(tokens) = self.alive.clone() else {
            return self.login(api);
        };
        match act {
            Act::Login => self.login(api),
            Act::Refresh => {
                let body = json!({"refresh_token": tokens.refresh});
                let answer = api.try_send(&Request::post("/v1/auth/refresh").json(&body))?;
                if answer.status == 200 {
                    self.alive = Some(Tokens::of(&answer));
                }
                Ok(answer)
            }
            Act::Logout => {
                let request = Request::post("/v1/auth/logout")
                    .bearer(&tokens.access)
                    .json(&json!({}));
                let answer = api.try_send(&request)?;
                if answer.status == 204 {
                    self.dead.push(tokens.access);
                    self.alive = None;
                }
                Ok(answer)
            }
            Act::ChangePassword => {
                let next = self.pending_password.clone().unwrap_or_default();
                let body = json!({"current_password": self.password, "new_password": next});
                let request = Request::post("/v1/auth/password/change")
                    .bearer(&tokens.access)
                    .json(&body);
                let answer = api.try_send(&request)?;
                if answer.status == 204 {
                    self.password = next;
                }
                Ok(answer)
            }
        }
    }

    fn login(&mut self, api: Api) -> std::io::Result<Response> {
        let login = Login::new("acme", &self.email, &self.password);
        let answer = api.try_send(&Request::post("/v1/auth/login").json(login.body()))?;
        if answer.status == 200 {
            let tokens = Tokens::of(&answer);
            if let Some(old) = self.alive.replace(tokens) {
                self.dead.push(old.access);
            }
        }
        Ok(answer)
    }

    /// Loads a daemon from all journals at once, while `meanwhile` has its way with it.
    pub fn load_all(
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
    ///
    /// # Panics
    /// If one was broken.
    pub fn verify(&mut self, api: Api) {
        if let Err(broken) = self.judge(api) {
            panic!("{}: {broken}", self.email);
        }
    }

    /// As [`Journal::verify`], for a test that wants to see a promise broken. A refresh that was under
    /// way is taken up again, so this has to come within `token.refresh_grace` of it.
    ///
    /// # Errors
    /// The promise that was broken.
    pub fn judge(&mut self, api: Api) -> Result<(), String> {
        for token in self.dead.drain(..) {
            let outcome = api.check(&token).outcome();
            if !outcome.starts_with("401 session_") {
                return Err(format!("a session that was ended: {outcome}"));
            }
        }
        let is_certain = matches!(
            self.pending,
            None | Some(Act::Refresh | Act::ChangePassword)
        );
        if let Some(tokens) = self.alive.take().filter(|_| is_certain) {
            let outcome = api.check(&tokens.access).outcome();
            if outcome != "200" {
                return Err(format!(
                    "a live session after {:?}: {outcome}",
                    self.pending
                ));
            }
            // A refresh under way may have rotated; within the grace the old token still answers.
            let refreshed = api.refresh(&tokens.refresh).outcome();
            if refreshed != "200" {
                return Err(format!("a refresh after {:?}: {refreshed}", self.pending));
            }
        }
        self.settle_password(api)
    }

    /// Finds out which password is right: one of those that may be, and no other.
    fn settle_password(&mut self, api: Api) -> Result<(), String> {
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
            return Err(format!("{} passwords are right", right.len()));
        };
        self.password.clone_from(password);
        self.pending = None;
        Ok(())
    }
}
