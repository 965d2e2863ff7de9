//! Mails by name: which ones there are. What they say is in `authd/src/mail`, when they go out in
//! `authd/src/app`.

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
    /// Answers `authctl mail test`.
    Test,
}

impl Template {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Invitation,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::AccountLocked,
        Self::NewDevice,
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
            Self::Test => "test",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|template| template.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::Template;

    #[test]
    fn names_are_read_back() {
        for template in Template::ALL {
            assert_eq!(Template::from_name(template.as_str()), Some(template));
        }
        assert_eq!(Template::from_name("reset"), None);
    }
}
