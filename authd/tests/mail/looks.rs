//! How the HTML of a mail looks in a real browser: it fits a phone, also with a long link, and
//! follows the reader's light or dark.

use std::path::PathBuf;

use authd::mail::{Letter, Templates};
use domain::mail::Template;
use harness::Browser;

use crate::desk::{LINK, letter, secret};

#[test]
fn every_mail_fits_a_phone_and_a_desktop_in_light_and_dark() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start(true);
    for template in Template::ALL {
        for language in ["en", "sw"] {
            let words = Templates::new(None)
                .write(&sample(template, language))
                .unwrap();
            let path = folder.path().join("mail.html");
            std::fs::write(&path, &words.html).unwrap();
            for (width, is_dark) in [(360, false), (360, true), (1000, false)] {
                browser.show_as(width, 740, is_dark);
                browser.open(&format!("file://{}", path.display()));
                fits(&browser, width, is_dark);
                // Pictures for people to look at, if a folder is named for them.
                if let Some(pictures) = std::env::var_os("PICTURES") {
                    let shade = if is_dark { "dark" } else { "light" };
                    let name = format!("{}-{language}-{width}-{shade}.png", template.as_str());
                    browser.picture(&PathBuf::from(pictures).join(name));
                }
            }
        }
    }
}

/// A mail of a tenant with a colour in one language, of one without in the other.
fn sample(template: Template, language: &str) -> Letter {
    let mut letter = letter(template);
    letter.locale = Some(language.to_owned());
    letter.facts.link = Some(secret(&format!("{LINK}{}", "x".repeat(200))));
    if template == Template::Invitation {
        letter.facts.password = Some(secret("Kx7mQ-wmR2vTz8pLd4hN"));
    }
    letter.facts.device = Some("W".repeat(64));
    if language == "sw" {
        letter.look.accent = Some("#ffd54a".to_owned());
        letter.look.support = Some("Msaada: +254 700 000 000, help@acme.test".to_owned());
    }
    letter
}

fn fits(browser: &Browser, width: u32, is_dark: bool) {
    let widest = browser.run("return document.documentElement.scrollWidth");
    assert!(widest.as_u64().unwrap() <= u64::from(width), "{widest}");
    let back = if is_dark {
        "rgb(20, 22, 27)"
    } else {
        "rgb(243, 244, 246)"
    };
    let found = browser.run("return getComputedStyle(document.body).backgroundColor");
    assert_eq!(found, back);
    let loaded = browser.run("return performance.getEntriesByType('resource').length");
    assert_eq!(loaded, 0);
}
