//! Looks through the operator's templates before a mail needs them: every file is filled in with
//! facts of all kinds, and what cannot be used is named with its place.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use common::email::Email;
use common::secret::Secret;
use common::time::Time;
use domain::mail::Template;

use super::templates::{Broken, Shelf};
use super::{Facts, Letter};

/// Everything that is wrong with the templates of a folder, which need not exist.
pub fn check_templates(folder: &Path) -> Vec<Broken> {
    let mut found = Vec::new();
    for first in folders(folder) {
        // A language, or a tenant with languages below it.
        check_shelf(folder, "", &first, &folder.join(&first), &mut found);
        for second in folders(&folder.join(&first)) {
            let place = folder.join(&first).join(&second);
            check_shelf(folder, &first, &second, &place, &mut found);
        }
    }
    found
}

fn folders(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// Fills in every template of which a file lies in that place.
fn check_shelf(folder: &Path, tenant: &str, language: &str, place: &Path, found: &mut Vec<Broken>) {
    let has_layout = place.join("layout.html").exists();
    for template in Template::ALL {
        let name = template.as_str();
        let is_here = ["subject.txt", "txt", "html"]
            .iter()
            .any(|part| place.join(format!("{name}.{part}")).exists());
        if !is_here && !has_layout {
            continue;
        }
        let shelf = Shelf {
            folder: Some(folder),
            tenant,
            language,
        };
        for letter in samples(template, tenant) {
            if let Some(letter) = letter
                && let Err(broken) = shelf.write(&letter)
                && !found.contains(&broken)
            {
                found.push(broken);
            }
        }
    }
}

/// Letters with everything that a mail of the kind can have, and with nothing that it may lack.
fn samples(template: Template, tenant: &str) -> Vec<Option<Letter>> {
    let secret = |text: &str| Some(Secret::new(text.to_owned()));
    let link = || secret("https://auth.example.com/reset-password#sample");
    let (links, passwords) = match template {
        Template::Invitation => (vec![None, link()], vec![secret("sample-password"), None]),
        Template::PasswordReset | Template::EmailVerification | Template::EmailConfirmation => {
            (vec![link(), link()], vec![None, None])
        }
        Template::PasswordChanged
        | Template::AccountLocked
        | Template::NewDevice
        | Template::AddressInUse
        | Template::EmailChangeRequested
        | Template::EmailChanged
        | Template::SubscriptionEnding
        | Template::Test => (vec![None, None], vec![None, None]),
    };
    let pairs = links.into_iter().zip(passwords).zip([true, false]);
    pairs
        .map(|((link, password), is_full)| {
            let text = |text: &str| is_full.then(|| text.to_owned());
            Some(Letter {
                message_id: "sample".to_owned(),
                template,
                to: Email::from_str("alice@example.com").ok()?,
                locale: None,
                facts: Facts {
                    tenant: tenant.to_owned(),
                    tenant_name: "Example".to_owned(),
                    time_zone: "UTC".to_owned(),
                    name: text("Alice"),
                    link,
                    password,
                    expires_at: is_full.then_some(Time::from_millis(0)),
                    at: Time::from_millis(0),
                    ip: text("192.0.2.7"),
                    device: text("phone"),
                },
            })
        })
        .collect()
}
