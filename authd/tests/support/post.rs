//! A post that keeps what it is given, and refuses what it is told to.

use std::sync::Mutex;

use authd::mail::{Delivery, Letter, Post, Receipt, Undelivered};

/// Keeps letters.
#[derive(Default)]
pub(crate) struct FakePost {
    kept: Mutex<Vec<Letter>>,
    refusals: Mutex<Vec<Undelivered>>,
}

impl FakePost {
    /// What came since the last call.
    pub(crate) fn take(&self) -> Vec<Letter> {
        std::mem::take(&mut self.kept.lock().unwrap())
    }

    /// Refuses one letter more.
    pub(crate) fn refuse(&self, is_permanent: bool, reason: &str) {
        let reason = reason.to_owned();
        let refusal = Undelivered {
            is_permanent,
            reason,
        };
        self.refusals.lock().unwrap().push(refusal);
    }
}

impl Post for FakePost {
    fn deliver(&self, letter: Letter) -> Delivery<'_> {
        self.kept.lock().unwrap().push(letter);
        let refusal = self.refusals.lock().unwrap().pop();
        Box::pin(async move {
            match refusal {
                Some(refusal) => Err(refusal),
                None => Ok(Receipt {
                    answer: "250 ok".to_owned(),
                }),
            }
        })
    }

    fn description(&self) -> String {
        "fake".to_owned()
    }
}
