//! The templates that are compiled in, by language and file name. A language need not have all of
//! them: for what it lacks stands the one of [`LANGUAGE`].

/// Language of a recipient who asked for none, or for one without templates.
pub(super) const LANGUAGE: &str = "en";

/// A file and its text.
type File = (&'static str, &'static str);

/// The built-in template of that name in a language.
pub(super) fn template(language: &str, name: &str) -> Option<&'static str> {
    let (_, files) = LANGUAGES.iter().find(|(tag, _)| *tag == language)?;
    find(files, name)
}

/// What the templates of all languages have in common.
pub(super) fn shared(name: &str) -> Option<&'static str> {
    find(SHARED, name)
}

/// The languages that something is built in for.
pub(super) fn languages() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().map(|(tag, _)| *tag)
}

fn find(files: &[File], name: &str) -> Option<&'static str> {
    let (_, text) = files.iter().find(|(known, _)| *known == name)?;
    Some(text)
}

macro_rules! language {
    ($tag:literal, $($kind:literal),+ $(,)?) => {
        ($tag, &[
            ("closing.html", include_str!(concat!("templates/", $tag, "/closing.html"))),
            $(
                (
                    concat!($kind, ".subject.txt"),
                    include_str!(concat!("templates/", $tag, "/", $kind, ".subject.txt")),
                ),
                (
                    concat!($kind, ".txt"),
                    include_str!(concat!("templates/", $tag, "/", $kind, ".txt")),
                ),
                (
                    concat!($kind, ".html"),
                    include_str!(concat!("templates/", $tag, "/", $kind, ".html")),
                ),
            )+
        ])
    };
}

const SHARED: &[File] = &[
    ("layout.html", include_str!("templates/layout.html")),
    ("support.txt", include_str!("templates/support.txt")),
];

const LANGUAGES: &[(&str, &[File])] = &[
    language![
        "en",
        "account_locked",
        "address_in_use",
        "email_change_requested",
        "email_changed",
        "email_confirmation",
        "email_verification",
        "invitation",
        "new_device",
        "password_changed",
        "password_reset",
        "sign_in_after_failures",
        "subscription_ending",
        "test",
    ],
    language![
        "sw",
        "account_locked",
        "address_in_use",
        "email_change_requested",
        "email_changed",
        "email_confirmation",
        "email_verification",
        "invitation",
        "new_device",
        "password_changed",
        "password_reset",
        "sign_in_after_failures",
        "subscription_ending",
        "test",
    ],
];
