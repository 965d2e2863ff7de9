//! Passwords: length in code points after NFC, and what is too easily guessed (rule 26, D14).
//! No composition rules, no periodic change (SP 800-63B-4 3.1.1.2).

use common::secret::Secret;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroize;

/// Most code points of any password.
pub const MAX_CODE_POINTS: usize = 128;
/// Most bytes of any password, before and after normalising.
pub const MAX_BYTES: usize = 1024;

/// How long a new password must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PasswordPolicy {
    /// Fewest code points, 8 to 128.
    pub min_length: usize,
    /// Most code points, up to 128.
    pub max_length: usize,
}

/// Why a new password was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRejection {
    /// Too few code points.
    #[error("Use at least {min} characters.")]
    TooShort {
        /// Fewest code points.
        min: usize,
    },
    /// Too many code points or bytes.
    #[error("Use at most {max} characters.")]
    TooLong {
        /// Most code points.
        max: usize,
    },
    /// On a list of common passwords, or made of such words and repetitions.
    #[error(
        "This password is among the first that are tried. Choose another one, like a few unrelated words."
    )]
    Common,
    /// Made of the user's, the tenant's or the product's own words.
    #[error(
        "This password contains your own name or that of your organisation and little else. Choose another one."
    )]
    OwnWords,
    /// The same as the present one.
    #[error("The new password must differ from the present one.")]
    Unchanged,
}

impl PasswordRejection {
    /// Stable reason for the `fields` of an error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::Common => "too_common",
            Self::OwnWords => "own_words",
            Self::Unchanged => "unchanged",
        }
    }

    /// The number of code points that the rule is about.
    pub const fn limit(&self) -> Option<usize> {
        match self {
            Self::TooShort { min } => Some(*min),
            Self::TooLong { max } => Some(*max),
            Self::Common | Self::OwnWords | Self::Unchanged => None,
        }
    }
}

/// A password as it is hashed: NFC, within the hard limits. Never shown.
#[derive(Debug, Clone)]
pub struct Password(Secret<String>);

impl Password {
    /// Normalises a password as given.
    ///
    /// # Errors
    /// [`PasswordRejection::TooLong`] over 128 code points or 1024 bytes; nothing is ever cut.
    pub fn new(given: &Secret<String>) -> Result<Self, PasswordRejection> {
        let too_long = PasswordRejection::TooLong {
            max: MAX_CODE_POINTS,
        };
        if given.expose().len() > MAX_BYTES {
            return Err(too_long);
        }
        let mut normal: String = given.expose().nfc().collect();
        if normal.len() > MAX_BYTES || normal.chars().count() > MAX_CODE_POINTS {
            normal.zeroize();
            return Err(too_long);
        }
        Ok(Self(Secret::new(normal)))
    }

    /// The bytes to hash.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Checks a password that somebody wants to set.
    ///
    /// `own_words` are the user's, the tenant's and the product's names.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn accept(
        &self,
        policy: &PasswordPolicy,
        own_words: &[&str],
    ) -> Result<(), PasswordRejection> {
        let length = self.expose().chars().count();
        if length < policy.min_length {
            return Err(PasswordRejection::TooShort {
                min: policy.min_length,
            });
        }
        if length > policy.max_length {
            return Err(PasswordRejection::TooLong {
                max: policy.max_length,
            });
        }
        if is_own_words(self.expose(), own_words) {
            return Err(PasswordRejection::OwnWords);
        }
        if is_common(self.expose()) {
            return Err(PasswordRejection::Common);
        }
        Ok(())
    }
}

/// Guesses below which a password counts as common: what an online attacker gets through in years
/// under the lockout, and an offline one in seconds.
const COMMON_GUESSES_LOG10: f64 = 7.0;

fn is_common(password: &str) -> bool {
    zxcvbn::zxcvbn(password, &[]).guesses_log10() < COMMON_GUESSES_LOG10
}

/// Letters that must remain beside one's own words.
const OTHER_LETTERS: usize = 6;

/// Whether little is left when the own words, digits and punctuation are taken away.
fn is_own_words(password: &str, own_words: &[&str]) -> bool {
    let mut rest = password.to_lowercase();
    let before = rest.len();
    let mut words: Vec<String> = own_words
        .iter()
        .flat_map(|word| {
            let whole = word.to_lowercase();
            let parts: Vec<String> = whole
                .split(|c: char| !c.is_alphanumeric())
                .map(ToOwned::to_owned)
                .collect();
            std::iter::once(whole).chain(parts)
        })
        .filter(|word| word.chars().count() >= 3)
        .collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in &words {
        rest = rest.replace(word.as_str(), "");
    }
    let is_own =
        rest.len() < before && rest.chars().filter(|c| c.is_alphabetic()).count() < OTHER_LETTERS;
    rest.zeroize();
    is_own
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: PasswordPolicy = PasswordPolicy {
        min_length: 15,
        max_length: 128,
    };

    fn check(text: &str) -> Result<(), PasswordRejection> {
        Password::new(&Secret::new(text.to_owned()))?
            .accept(&POLICY, &["bob.otieno", "acme-hotels", "authd"])
    }

    #[test]
    fn a12_length_counts_code_points() {
        assert_eq!(check("tr0ub4dor-n3ver"), Ok(()));
        assert_eq!(
            check("tr0ub4dor-n3ve"),
            Err(PasswordRejection::TooShort { min: 15 })
        );
        assert_eq!(check("🦀🐙🦑🐚🐠🐟🐬🐳🐋🦈🐊🐅🐆🦓🦍"), Ok(()));
        assert_eq!(
            check("🦀🐙🦑🐚🐠🐟🐬🐳🐋🦈🐊🐅🐆🦓"),
            Err(PasswordRejection::TooShort { min: 15 })
        );
        let long: String = ('a'..='z').cycle().step_by(7).take(128).collect();
        assert_eq!(check(&long), Ok(()));
        assert_eq!(
            check(&format!("{long}x")),
            Err(PasswordRejection::TooLong { max: 128 })
        );
    }

    #[test]
    fn a12_no_composition_rule_but_a_blocklist() {
        for good in [
            "correct horse battery staple",
            "83749201837465920",
            "漢字仮名交じり文を使う人の合言葉です",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for common in [
            "passwordpassword1",
            "123456789012345",
            "qwertyuiopasdfgh",
            "aaaaaaaaaaaaaaaaaaaa",
            "password12345678",
        ] {
            assert_eq!(check(common), Err(PasswordRejection::Common), "{common}");
        }
        for own in [
            "bob.otieno-12345",
            "acmehotelsacme2026",
            "AUTHD-authd-2026!",
            "otieno@acme-hotels1",
        ] {
            assert_eq!(check(own), Err(PasswordRejection::OwnWords), "{own}");
        }
    }

    #[test]
    fn a12_both_spellings_of_an_accent_are_one_password() {
        let composed = Password::new(&Secret::new("caf\u{e9}".to_owned())).unwrap();
        let decomposed = Password::new(&Secret::new("cafe\u{301}".to_owned())).unwrap();
        assert_eq!(composed.expose(), decomposed.expose());
        let spaced = Password::new(&Secret::new(" caf\u{e9} ".to_owned())).unwrap();
        assert_ne!(composed.expose(), spaced.expose());
    }

    #[test]
    fn a14_a_megabyte_is_refused_unread() {
        let huge = Secret::new("x".repeat(1 << 20));
        assert!(matches!(
            Password::new(&huge),
            Err(PasswordRejection::TooLong { .. })
        ));
    }
}
