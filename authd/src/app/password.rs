//! Passwords that somebody wants to set: the policy, the own words, the lists, and hashing outside
//! of any transaction. Nothing here is logged or shown, but what the caller asked to have made.

use common::call::user::NewPassword;
use common::email::Email;
use common::secret::Secret;
use common::time::Time;
use common::view::Name;
use domain::password::{Password, PasswordRejection};
use domain::setting::TenantSettings;
use domain::tenant::Tenant;
use domain::user::{CredentialKind, TEMPORARY_LOGINS};

use crate::app::{App, Error};
use crate::crypto::{self, Lane};

/// The product's own name, which is no password either.
const PRODUCT: &str = "authd";

/// A password that an administrator sets, hashed and ready to be written.
pub struct Prepared {
    /// PHC string.
    pub hash: Secret<String>,
    /// What it is good for.
    pub kind: CredentialKind,
    /// The password itself where it was made here, to be shown once.
    pub generated: Option<Secret<String>>,
}

/// Words that a user's password may not be made of (rule 26).
pub fn own_words<'a>(email: &'a Email, name: &'a Name, tenant: &'a Tenant) -> Vec<&'a str> {
    let names = [&name.given, &name.family, &name.display];
    [
        email.local(),
        tenant.slug.as_str(),
        tenant.name.as_str(),
        PRODUCT,
    ]
    .into_iter()
    .chain(names.into_iter().filter_map(|part| part.as_deref()))
    .collect()
}

/// Checks a password that somebody wants to set.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(
    app: &App,
    settings: &TenantSettings,
    password: &Password,
    own_words: &[&str],
) -> Result<(), PasswordRejection> {
    password.accept(&settings.password_policy, own_words)?;
    if app.settings().breached.contains(password.expose()) {
        return Err(PasswordRejection::Common);
    }
    Ok(())
}

/// Makes or checks the password that an administrator sets, and hashes it on the lane that is kept
/// for such work.
///
/// # Errors
/// `password_rejected`, or `overloaded` without a place to hash.
pub async fn prepare(
    app: &App,
    settings: &TenantSettings,
    request: &NewPassword,
    permanent: bool,
    own_words: &[&str],
    now: Time,
) -> Result<Prepared, Error> {
    let (password, generated) = match request {
        NewPassword::Given(given) => {
            let rejected = |rejection| Error::password("/password/given", &rejection);
            let password = Password::new(given).map_err(rejected)?;
            check(app, settings, &password, own_words).map_err(rejected)?;
            (password, None)
        }
        NewPassword::Generate => {
            let least = settings.password_policy.min_length;
            let length = app.settings().generated_length.max(least);
            let made =
                crypto::generated_password(app.random.as_ref(), length).map_err(Error::internal)?;
            let password = Password::new(&made).map_err(Error::internal)?;
            (password, Some(made))
        }
    };
    let mut place = app
        .pool
        .place(Lane::Kept)
        .map_err(|_| Error::overloaded())?;
    let hash = place.hash(&password).await.map_err(Error::from)?;
    let kind = if permanent {
        CredentialKind::Own
    } else {
        CredentialKind::Temporary {
            expires_at: now.plus(settings.temporary_ttl),
            logins_left: TEMPORARY_LOGINS,
        }
    };
    Ok(Prepared {
        hash,
        kind,
        generated,
    })
}

/// What the administrator should know of a password that was set; none for one that stands.
pub fn note(kind: CredentialKind) -> Option<String> {
    match kind {
        CredentialKind::Own => None,
        CredentialKind::Temporary {
            expires_at,
            logins_left,
        } => Some(format!(
            "The password is good for changing it only, for {logins_left} logins, until {expires_at}."
        )),
    }
}

#[cfg(test)]
mod tests {
    use common::id::TenantId;
    use common::view::TenantStatus;

    use super::*;

    #[test]
    fn a12_own_words_are_the_persons_and_the_organisations() {
        let tenant = Tenant {
            id: TenantId::from_bytes([1; 16]),
            slug: "acme".parse().unwrap(),
            name: "Acme Hotels".to_owned(),
            status: TenantStatus::Active,
            time_zone: "UTC".to_owned(),
            plan: "free".to_owned(),
            ends_at: None,
            max_users: None,
            created_at: Time::default(),
            updated_at: Time::default(),
        };
        let name = Name {
            given: Some("Bob".to_owned()),
            family: Some("Otieno".to_owned()),
            display: None,
        };
        let email = "bob.o@x.test".parse().unwrap();
        assert_eq!(
            own_words(&email, &name, &tenant),
            ["bob.o", "acme", "Acme Hotels", "authd", "Bob", "Otieno"]
        );
    }

    #[test]
    fn rule_24_a_temporary_password_says_what_it_is_good_for() {
        assert_eq!(note(CredentialKind::Own), None);
        let note = note(CredentialKind::Temporary {
            expires_at: Time::from_millis(0),
            logins_left: 5,
        });
        assert!(
            note.unwrap()
                .contains("5 logins, until 1970-01-01T00:00:00.000Z")
        );
    }
}
