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
    "test.html",
    "test.subject.txt",
    "test.txt",
];
