//! Whether another try can help. Final is what a server says of this recipient or this message;
//! what it says of the operator's own affairs (sign-in, sender, relaying, policy) is not: the
//! operator can mend it while the letter waits.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use common::text::is_forbidden;
use lettre::transport::smtp::Error;

use crate::mail::{Letter, Undelivered};

/// Longest text of a server that is kept, in code points.
const LONGEST: usize = 300;

/// How far the conversation has come.
#[derive(Debug, Default)]
pub(super) struct Stage(AtomicU8);

impl Stage {
    pub(super) const CONNECTING: u8 = 1;
    pub(super) const ENCRYPTING: u8 = 2;
    pub(super) const SIGNING_IN: u8 = 3;
    pub(super) const SENDER: u8 = 4;
    pub(super) const RECIPIENT: u8 = 5;
    pub(super) const MESSAGE: u8 = 6;

    pub(super) fn set(&self, stage: u8) {
        self.0.store(stage, Ordering::Relaxed);
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.get() {
            Self::CONNECTING => "connecting",
            Self::ENCRYPTING => "encrypting the connection",
            Self::SIGNING_IN => "signing in",
            Self::SENDER => "naming the sender",
            Self::RECIPIENT => "naming the recipient",
            Self::MESSAGE => "handing over the message",
            _ => "looking for a connection",
        })
    }
}

/// What a failed conversation means for the letter.
pub(super) fn verdict(error: &Error, stage: &Stage) -> Undelivered {
    let code = error.status().map(u16::from);
    let said = said(error);
    let is_permanent = code.is_some_and(|code| is_final(code, &said, stage.get()));
    let reason = match code {
        Some(code) => format!("{code} {said}, while {stage}"),
        None => format!("{said}, while {stage}"),
    };
    Undelivered {
        is_permanent,
        reason,
    }
}

/// Whether an answer is about this recipient or this message, and not about how authd is set up.
fn is_final(code: u16, said: &str, stage: u8) -> bool {
    if !(500..600).contains(&code) || stage < Stage::RECIPIENT {
        return false;
    }
    // RFC 3463: 5.7 is security and policy (relaying, sender rules), 5.2.2 a full mailbox, 5.3 and
    // 5.4 the system and its network.
    let enhanced = said.split_whitespace().next().unwrap_or_default();
    let may_pass = ["5.7.", "5.3.", "5.4."]
        .iter()
        .any(|class| enhanced.starts_with(class))
        || enhanced == "5.2.2";
    // 500 to 504: one of both does not know a command; 530, 534, 535, 538: who signs in and how
    // (RFC 4954); 552: no room (RFC 5321, 4.5.3.1.10: to be taken as temporary). But 501 to a
    // recipient is about its spelling.
    let is_ours = matches!(code, 500 | 502..=504 | 530 | 534 | 535 | 538 | 552)
        || (code == 501 && stage != Stage::RECIPIENT);
    !may_pass && !is_ours
}

/// The error's own words: a server's text, or what failed on the way to it.
fn said(error: &Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    line(&innermost.to_string())
}

/// One line without characters that steer a screen.
pub(super) fn line(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if is_forbidden(c) { ' ' } else { c })
        .take(LONGEST)
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Takes the letter's own words out of the reason: servers repeat the address, and could repeat
/// more.
pub(super) fn without_the_letter(undelivered: Undelivered, letter: &Letter) -> Undelivered {
    let mut reason = undelivered.reason;
    let facts = &letter.facts;
    let secrets = [&facts.link, &facts.password].into_iter().flatten();
    let secrets = secrets.map(|secret| secret.expose().as_str());
    let token = facts.link.as_ref().and_then(|link| {
        let (_, token) = link.expose().split_once('#')?;
        Some(token)
    });
    for word in secrets.chain(token).chain([letter.to.as_str()]) {
        reason = without(&reason, word);
    }
    Undelivered {
        reason,
        ..undelivered
    }
}

/// The text with each occurrence of a word, in any case, replaced.
fn without(text: &str, word: &str) -> String {
    if word.is_empty() {
        return text.to_owned();
    }
    // ASCII folding keeps every byte's place.
    let (folded, word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for (at, found) in folded.match_indices(&word) {
        kept.push_str(text.get(from..at).unwrap_or_default());
        kept.push('…');
        from = at + found.len();
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r10_only_a_word_on_the_recipient_or_the_message_is_final() {
        for (code, said, stage, expected) in [
            (550, "5.1.1 no such user", Stage::RECIPIENT, true),
            (550, "no such user here", Stage::RECIPIENT, true),
            (501, "5.1.3 bad address", Stage::RECIPIENT, true),
            (553, "mailbox name not allowed", Stage::RECIPIENT, true),
            (556, "5.1.10 takes no mail", Stage::RECIPIENT, true),
            (554, "5.6.0 malformed", Stage::MESSAGE, true),
            (550, "rejected", Stage::MESSAGE, true),
            (535, "5.7.8 bad credentials", Stage::SIGNING_IN, false),
            (550, "5.7.1 sender not allowed", Stage::SENDER, false),
            (553, "sender not owned", Stage::SENDER, false),
            (530, "authentication required", Stage::RECIPIENT, false),
            (554, "5.7.1 relay access denied", Stage::RECIPIENT, false),
            (552, "5.2.2 mailbox full", Stage::RECIPIENT, false),
            (550, "5.2.2 over quota", Stage::RECIPIENT, false),
            (554, "no service", Stage::CONNECTING, false),
            (503, "bad sequence", Stage::RECIPIENT, false),
            (501, "syntax", Stage::MESSAGE, false),
            (450, "4.2.1 try later", Stage::RECIPIENT, false),
            (451, "greylisted", Stage::MESSAGE, false),
        ] {
            assert_eq!(is_final(code, said, stage), expected, "{code} {said}");
        }
    }

    #[test]
    fn rule_23_a_reason_holds_no_word_of_the_letter() {
        assert_eq!(
            without("550 <Bob@Acme.test>: no bob@acme.test", "bob@acme.test"),
            "550 <…>: no …"
        );
        assert_eq!(without("ünknown Ü", "x"), "ünknown Ü");
        assert_eq!(line("a\r\nb\u{202e}c\u{1b}[31m"), "a b c [31m");
    }
}
