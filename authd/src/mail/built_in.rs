//! The templates that are compiled in, by language and file name.

/// Language of a recipient who asked for none, or for one without templates.
pub(super) const LANGUAGE: &str = "en";

/// The built-in template of that name.
pub(super) fn template(language: &str, name: &str) -> Option<&'static str> {
    if language != LANGUAGE {
        return None;
    }
    let (_, text) = ENGLISH.iter().find(|(known, _)| *known == name)?;
    Some(text)
}

macro_rules! english {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("templates/en/", $name)))),+]
    };
}

const ENGLISH: &[(&str, &str)] = english![
    "account_locked.html",
    "account_locked.subject.txt",
    "account_locked.txt",
    "address_in_use.html",
    "address_in_use.subject.txt",
    "address_in_use.txt",
    "email_change_requested.html",
    "email_change_requested.subject.txt",
    "email_change_requested.txt",
    "email_changed.html",
    "email_changed.subject.txt",
    "email_changed.txt",
    "email_confirmation.html",
    "email_confirmation.subject.txt",
    "email_confirmation.txt",
    "email_verification.html",
    "email_verification.subject.txt",
    "email_verification.txt",
    "invitation.html",
    "invitation.subject.txt",
    "invitation.txt",
    "layout.html",
    "new_device.html",
    "new_device.subject.txt",
    "new_device.txt",
    "password_changed.html",
    "password_changed.subject.txt",
    "password_changed.txt",
    "password_reset.html",
    "password_reset.subject.txt",
    "password_reset.txt",
    "subscription_ending.html",
    "subscription_ending.subject.txt",
    "subscription_ending.txt",
    "test.html",
    "test.subject.txt",
    "test.txt",
];
