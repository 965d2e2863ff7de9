//! How the HTML of a mail looks in a real browser: it fits a phone, also with a long link, and
//! follows the reader's light or dark.

use std::path::PathBuf;

use authd::mail::Templates;
use domain::mail::Template;
use harness::Browser;

use crate::desk::{LINK, letter, secret};

#[test]
fn every_mail_fits_a_phone_in_light_and_dark() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start(true);
    for template in Template::ALL {
        let mut letter = letter(template);
        letter.facts.link = Some(secret(&format!("{LINK}{}", "x".repeat(200))));
        if template == Template::Invitation {
            letter.facts.password = Some(secret("Kx7mQ-wmR2vTz8pLd4hN"));
        }
        letter.facts.device = Some("W".repeat(64));
        let words = Templates::new(None).write(&letter).unwrap();
        let path = folder.path().join("mail.html");
        std::fs::write(&path, &words.html).unwrap();
        for (is_dark, back) in [(false, "rgb(243, 244, 246)"), (true, "rgb(20, 22, 27)")] {
            browser.show_as(360, 740, is_dark);
            browser.open(&format!("file://{}", path.display()));
            let widest = browser.run("return document.documentElement.scrollWidth");
            assert!(widest.as_u64().unwrap() <= 360, "{template:?}: {widest}");
            let found = browser.run("return getComputedStyle(document.body).backgroundColor");
            assert_eq!(found, back);
            let loaded = browser.run("return performance.getEntriesByType('resource').length");
            assert_eq!(loaded, 0, "{template:?}");
            // Pictures for people to look at, if a folder is named for them.
            if let Some(pictures) = std::env::var_os("PICTURES") {
                let name = format!("mail-{}-{is_dark}.png", template.as_str());
                browser.picture(&PathBuf::from(pictures).join(name));
            }
        }
    }
}
