//! Mails by name, the outbox's rows, and when a mail is tried again (rules 22 and 23). What mails say
//! is in `authd/src/mail`; nothing here holds a secret, a link or a text.

use std::time::Duration;

use common::email::Email;
use common::id::{MessageId, TenantId, UserId};
use common::time::Time;
pub use common::view::MessageState;

/// A mail that authd sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Template {
    /// Welcome of a user that an administrator made: a generated password (rules 23, 24).
    Invitation,
    /// Link for setting a new password.
    PasswordReset,
    /// The password was changed or reset.
    PasswordChanged,
    /// Too many failed sign-ins locked the account.
    AccountLocked,
    /// A sign-in from a device that was not seen before.
    NewDevice,
    /// A sign-in with the right password, after several wrong ones.
    SignInAfterFailures,
    /// Link for completing a registration (rule 21).
    EmailVerification,
    /// Somebody wanted an account with an address that has one.
    AddressInUse,
    /// Link for confirming a new address, to that address (rule 25).
    EmailConfirmation,
    /// Another address was asked for, to the present one.
    EmailChangeRequested,
    /// The address was changed, to the former one.
    EmailChanged,
    /// The tenant's subscription ends soon: for its administrators (rule 15).
    SubscriptionEnding,
    /// Answers `authctl mail test`.
    Test,
}

impl Template {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Invitation,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::AccountLocked,
        Self::NewDevice,
        Self::SignInAfterFailures,
        Self::EmailVerification,
        Self::AddressInUse,
        Self::EmailConfirmation,
        Self::EmailChangeRequested,
        Self::EmailChanged,
        Self::SubscriptionEnding,
        Self::Test,
    ];

    /// The stored name; also that of the template's files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::AccountLocked => "account_locked",
            Self::NewDevice => "new_device",
            Self::SignInAfterFailures => "sign_in_after_failures",
            Self::EmailVerification => "email_verification",
            Self::AddressInUse => "address_in_use",
            Self::EmailConfirmation => "email_confirmation",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChanged => "email_changed",
            Self::SubscriptionEnding => "subscription_ending",
            Self::Test => "test",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|template| template.as_str() == name)
    }

    /// Whether the mail counts against, and is held back by, the hourly cap of its address (rule 22).
    /// Those that a stranger can cause do; what tells the owner of a change that was made, and what an
    /// administrator sends, always goes out: filling the cap must not silence it. A reset that an
    /// administrator asks for goes out, too, and counts.
    pub const fn is_capped(self) -> bool {
        match self {
            Self::PasswordReset
            | Self::AccountLocked
            | Self::EmailVerification
            | Self::AddressInUse
            | Self::EmailConfirmation => true,
            Self::Invitation
            | Self::PasswordChanged
            | Self::NewDevice
            | Self::SignInAfterFailures
            | Self::EmailChangeRequested
            | Self::EmailChanged
            | Self::SubscriptionEnding
            | Self::Test => false,
        }
    }

    /// Whether the mail always carries a link with a token of its own.
    pub const fn has_link(self) -> bool {
        matches!(
            self,
            Self::PasswordReset | Self::EmailVerification | Self::EmailConfirmation
        )
    }
}

/// Failures from which on a sign-in after them is told to its owner (ASVS 6.3.5).
pub const FAILURES_TO_TELL: u64 = 5;

/// Time in which mails to one address are counted.
pub const CAP_WINDOW: Duration = Duration::from_secs(3600);
/// Longest wait between two tries.
pub const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3600);

/// What a mail tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasion {
    /// When it happened.
    pub at: Time,
    /// Address that it came from, as it is kept.
    pub ip: Option<String>,
    /// The device that it came from, in its client's words.
    pub device: Option<String>,
    /// Life of the link in the mail, from the moment at which it is made; none in a mail without one.
    pub link_life: Option<Duration>,
}

/// A row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `msg_…`; also what the `Message-ID` is made of.
    pub id: MessageId,
    /// Tenant of the user.
    pub tenant_id: TenantId,
    /// Whom it is about.
    pub user_id: UserId,
    /// Which mail.
    pub template: Template,
    /// Address that it goes to.
    pub recipient: Email,
    /// What it tells of.
    pub occasion: Occasion,
    /// Where it stands.
    pub state: MessageState,
    /// Tries that were begun.
    pub tries: u32,
    /// When it is due.
    pub next_try_at: Time,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When it was queued.
    pub created_at: Time,
    /// When it was sent or given up.
    pub finished_at: Option<Time>,
}

/// A token in a mailed link, by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailedToken {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// Whose password it sets.
    pub user_id: UserId,
    /// Whether it went to the user's address; one that was printed proves no mailbox.
    pub is_mailed: bool,
    /// When it was made.
    pub made_at: Time,
    /// When it ends.
    pub expires_at: Time,
}

impl MailedToken {
    /// Whether it can still be used.
    pub fn is_alive(&self, now: Time) -> bool {
        now < self.expires_at
    }
}

/// Wait after the `tries`-th try: `base`, doubled with each, with up to a quarter less or more, so
/// that mails that failed together are not all tried together. `random` is uniform.
pub fn wait_after(tries: u32, base: Duration, random: u32) -> Duration {
    let doubled = base.saturating_mul(
        1_u32
            .checked_shl(tries.saturating_sub(1))
            .unwrap_or(u32::MAX),
    );
    let bounded = doubled.min(LONGEST_WAIT);
    let share = u64::from(random)
        .saturating_mul(500)
        .checked_div(u64::from(u32::MAX));
    let share = share.and_then(|share| u32::try_from(share).ok());
    let thousandths = share.unwrap_or_default().saturating_add(750);
    let spread = bounded.saturating_mul(thousandths).checked_div(1000);
    spread.unwrap_or(bounded)
}

/// Whether a mail is given up after its `tries`-th try.
pub fn is_given_up(tries: u32, retry_max: u32) -> bool {
    tries > retry_max
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for template in Template::ALL {
            assert_eq!(Template::from_name(template.as_str()), Some(template));
        }
        assert_eq!(Template::from_name("reset"), None);
    }

    #[test]
    fn rule_23_waits_double_and_spread_by_a_quarter() {
        let base = Duration::from_secs(30);
        assert_eq!(wait_after(1, base, 0), Duration::from_millis(22_500));
        assert_eq!(wait_after(1, base, u32::MAX), Duration::from_millis(37_500));
        assert_eq!(wait_after(4, base, 0), Duration::from_secs(180));
        assert_eq!(wait_after(80, base, 0), LONGEST_WAIT * 3 / 4);
    }

    #[test]
    fn r9_an_hour_without_a_server_gives_no_mail_up() {
        let waits: Duration = (1..=8)
            .map(|tries| wait_after(tries, Duration::from_secs(30), 0))
            .sum();
        assert!(waits > Duration::from_secs(3600));
        assert!(!is_given_up(8, 8));
        assert!(is_given_up(9, 8));
    }

    #[test]
    fn waits_stay_within_their_bounds() {
        for tries in [0, 1, 2, 31, 32, 33, u32::MAX] {
            for seconds in [0, 1, 30, 86_400, u64::MAX / 4] {
                for random in [0, 1, u32::MAX / 2, u32::MAX] {
                    let wait = wait_after(tries, Duration::from_secs(seconds), random);
                    assert!(wait <= LONGEST_WAIT * 5 / 4, "{tries} {seconds} {random}");
                }
            }
        }
    }
}
