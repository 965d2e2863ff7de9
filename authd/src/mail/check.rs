//! Looks through the operator's templates before a mail needs them: every file is filled in with
//! facts of all kinds, and what cannot be used is named with its place.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use common::email::Email;
use common::secret::Secret;
use common::suggest::nearest;
use common::time::Time;
use domain::mail::Template;

use super::built_in;
use super::templates::{Broken, Shelf};
use super::{Facts, Letter, Look};

/// The parts of a mail, by the ends of their files' names; the longer one first.
const PARTS: [&str; 3] = [".subject.txt", ".txt", ".html"];

/// Everything that is wrong with the templates of a folder, which need not exist.
pub fn check_templates(folder: &Path) -> Vec<Broken> {
    let mut found = Vec::new();
    check_shared(folder, "", folder, &mut found);
    for first in folders(folder) {
        // A language, or a tenant with languages below it.
        let place = folder.join(&first);
        check_shelf(folder, "", &first, &place, &mut found);
        check_shared(folder, &first, &place, &mut found);
        for second in folders(&place) {
            let place = place.join(&second);
            check_shelf(folder, &first, &second, &place, &mut found);
        }
    }
    found
}

/// Fills in every template of the built-in languages where something lies that they all take up.
fn check_shared(folder: &Path, tenant: &str, place: &Path, found: &mut Vec<Broken>) {
    let has_any = ["layout.html", "support.txt"]
        .iter()
        .any(|name| place.join(name).exists());
    if !has_any {
        return;
    }
    for language in built_in::languages() {
        let shelf = Shelf {
            folder: Some(folder),
            tenant,
            language,
        };
        for template in Template::ALL {
            check_one(&shelf, template, found);
        }
    }
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

/// Fills in every template of which a file lies in that place, and names files of no mail.
fn check_shelf(folder: &Path, tenant: &str, language: &str, place: &Path, found: &mut Vec<Broken>) {
    let is_there = |name: &str| place.join(name).exists();
    let has_common = ["layout.html", "closing.html", "support.txt"]
        .into_iter()
        .any(is_there);
    let shelf = Shelf {
        folder: Some(folder),
        tenant,
        language,
    };
    for template in Template::ALL {
        let name = template.as_str();
        if has_common || PARTS.iter().any(|part| is_there(&format!("{name}{part}"))) {
            check_one(&shelf, template, found);
        }
    }
    check_names(place, found);
}

fn check_one(shelf: &Shelf<'_>, template: Template, found: &mut Vec<Broken>) {
    for letter in samples(template, shelf.tenant).into_iter().flatten() {
        if let Err(broken) = shelf.write(&letter)
            && !found.contains(&broken)
        {
            found.push(broken);
        }
    }
}

/// Names the files that look like a part of a mail and are none: a subject of no mail, and what is
/// called nearly like one. Others may be what the operator's own templates include.
fn check_names(place: &Path, found: &mut Vec<Broken>) {
    let Ok(entries) = fs::read_dir(place) else {
        return;
    };
    let names = entries.filter_map(Result::ok);
    let mut names: Vec<String> = names
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    for name in names {
        let end = PARTS.iter().find(|part| name.ends_with(*part));
        let Some((kind, end)) = end.and_then(|end| Some((name.strip_suffix(end)?, *end))) else {
            continue;
        };
        if Template::from_name(kind).is_some() || ["layout", "closing", "support"].contains(&kind) {
            continue;
        }
        let near = nearest(kind, Template::ALL.map(Template::as_str));
        if near.is_none() && end != ".subject.txt" {
            continue;
        }
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near}{end}?"));
        found.push(Broken {
            path: place.join(&name),
            line: None,
            reason: format!("no mail has this name{near}"),
        });
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
        | Template::SignInAfterFailures
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
                look: Look {
                    accent: text("#1d4fbf"),
                    support: text("Help: help@example.com"),
                    ..Look::default()
                },
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
