//! Every kind of mail in every language: nothing is missing, nothing of another language is left in it,
//! and a text fits its lines.

use authd::mail::{Letter, Templates, Words};
use domain::mail::Template;

use crate::desk::{LINK, letter, secret};

/// What is built in.
const LANGUAGES: [&str; 2] = ["en", "sw"];
/// Longest line of a text.
const LONGEST: usize = 72;

/// A letter with everything that its kind may have, or with nothing that it may lack.
fn sample(template: Template, language: &str, is_full: bool) -> Letter {
    let mut letter = letter(template);
    letter.locale = Some(language.to_owned());
    if template.has_link() || (template == Template::Invitation && is_full) {
        letter.facts.link = Some(secret(LINK));
    }
    if template == Template::Invitation && is_full {
        letter.facts.password = Some(secret("Kx7mQ-wmR2vTz8pLd4hN"));
    }
    if is_full {
        letter.look.accent = Some("#a81c1c".to_owned());
        letter.look.support = Some(format!("Help: {}", "0700 000 000, ".repeat(8)));
    } else {
        letter.facts.name = None;
        letter.facts.expires_at = None;
        letter.facts.ip = None;
        letter.facts.device = None;
    }
    letter
}

fn write(letter: &Letter) -> Words {
    Templates::new(None).write(letter).unwrap()
}

#[test]
fn s22_every_kind_is_there_in_every_language_as_text_and_html() {
    for template in Template::ALL {
        for is_full in [true, false] {
            let [english, swahili] = LANGUAGES.map(|tag| write(&sample(template, tag, is_full)));
            let name = template.as_str();
            assert_ne!(english.subject, swahili.subject, "{name}");
            assert!(english.html.contains("<html lang=\"en\">"), "{name}");
            assert!(swahili.html.contains("<html lang=\"sw\">"), "{name}");
            for words in [&english, &swahili] {
                holds(template, words, is_full);
            }
            // What one language says is in no mail of the other.
            for word in [
                "Hello",
                "Hujambo",
                "November",
                "Novemba",
                "This mail",
                "Barua pepe hii",
            ] {
                let is_english = english.text.contains(word) || english.html.contains(word);
                let is_swahili = swahili.text.contains(word) || swahili.html.contains(word);
                assert!(!(is_english && is_swahili), "{name} {word}");
            }
        }
    }
}

fn holds(template: Template, words: &Words, is_full: bool) {
    let name = template.as_str();
    assert!(
        words.subject.contains("Acme Hotels"),
        "{name}: {}",
        words.subject
    );
    for part in [&words.text, &words.html] {
        // A line may end within a name.
        let words = part.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("Acme Hotels"), "{name}: {part}");
        assert!(
            !part.contains("{{") && !part.contains("{%"),
            "{name}: {part}"
        );
        assert!(!part.contains("None"), "{name}: {part}");
        assert_eq!(
            part.contains("0700 000 000"),
            is_full,
            "{name}: the line for help"
        );
    }
    assert_eq!(
        words.html.contains("#a81c1c"),
        is_full,
        "{name}: the colour"
    );
    for line in words.text.lines() {
        let is_short = line.chars().count() <= LONGEST;
        assert!(is_short || line.trim() == LINK, "{name}: {line:?}");
        assert_eq!(line.trim_end(), line, "{name}");
    }
    assert!(!words.text.contains("\n\n\n"), "{name}: {}", words.text);
    assert_eq!(words.text.trim(), words.text, "{name}");
}

#[test]
fn a_mail_is_in_the_readers_language_else_the_tenants_else_english() {
    let is_swahili = |reader: Option<&str>, tenant: Option<&str>| {
        let mut letter = sample(Template::PasswordChanged, "en", true);
        letter.locale = reader.map(str::to_owned);
        letter.look.language = tenant.map(str::to_owned);
        write(&letter).text.starts_with("Hujambo Bob Otieno,")
    };
    for (reader, tenant, expected) in [
        (Some("sw"), None, true),
        (Some("sw-KE"), Some("en"), true),
        (Some("sw-Latn-TZ"), None, true),
        (Some("en-KE"), Some("sw"), false),
        (Some("fr"), Some("sw-TZ"), true),
        (None, Some("sw"), true),
        (None, None, false),
        (Some("fr"), None, false),
        (Some("swe"), None, false),
        (Some("../sw"), None, false),
    ] {
        assert_eq!(
            is_swahili(reader, tenant),
            expected,
            "{reader:?} {tenant:?}"
        );
    }
}

#[test]
fn a_day_has_the_months_name_where_it_is_known_and_figures_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("de");
    std::fs::create_dir(&place).unwrap();
    for part in ["subject.txt", "txt", "html"] {
        std::fs::write(place.join(format!("test.{part}")), "Am {{ at }}").unwrap();
    }
    let of = |language: &str| {
        let templates = Templates::new(Some(folder.path().to_path_buf()));
        templates
            .write(&sample(Template::Test, language, true))
            .unwrap()
            .text
    };
    assert!(of("en").contains("24 November 2026, 12:07 (Africa/Nairobi, UTC+03:00)"));
    assert!(of("sw").contains("24 Novemba 2026, 12:07 (Africa/Nairobi, UTC+03:00)"));
    assert_eq!(of("de"), "Am 2026-11-24, 12:07 (Africa/Nairobi, UTC+03:00)");
    // A language needs no other mail than the one that it has.
    let templates = Templates::new(Some(folder.path().to_path_buf()));
    let reset = templates.write(&sample(Template::PasswordReset, "de", true));
    assert!(reset.unwrap().text.starts_with("Hello"));
}
