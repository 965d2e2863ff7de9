//! The operator's own templates: whose stand first, and what happens to broken ones.

use std::fs;
use std::path::Path;

use authd::mail::{Templates, check_templates};
use domain::mail::Template;
use tempfile::TempDir;

use crate::desk::{letter, reset};

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn templates(folder: &Path) -> Templates {
    Templates::new(Some(folder.to_path_buf()))
}

#[test]
fn a_tenants_template_stands_before_all_tenants_and_that_before_the_built_in_one() {
    let folder = folder(&[
        ("acme/en/test.txt", "of acme {{ tenant_name }}"),
        ("en/test.txt", "of all"),
        ("en/test.subject.txt", "Subject\nof all\n"),
        ("en/test.html", "<p>{{ tenant_name }}</p>"),
    ]);
    let templates = templates(folder.path());
    let mut test = letter(Template::Test);
    test.facts.tenant_name = "A & B".to_owned();
    let words = templates.write(&test).unwrap();
    assert_eq!(words.text, "of acme A & B");
    assert_eq!(words.subject, "Subject of all");
    assert_eq!(words.html, "<p>A &amp; B</p>");
    test.facts.tenant = "globex".to_owned();
    assert_eq!(templates.write(&test).unwrap().text, "of all");
    let built_in = Templates::new(None).write(&reset()).unwrap();
    assert_eq!(templates.write(&reset()).unwrap(), built_in);
    // An edit holds for the next mail.
    fs::write(folder.path().join("en/test.txt"), "edited").unwrap();
    assert_eq!(templates.write(&test).unwrap().text, "edited");
    assert_eq!(check_templates(folder.path()), []);
}

#[test]
fn a_language_is_used_where_it_has_all_parts() {
    let folder = folder(&[
        ("de/test.txt", "Guten Tag"),
        ("de/test.html", "<p>Guten Tag</p>"),
    ]);
    let templates = templates(folder.path());
    let mut test = letter(Template::Test);
    test.locale = Some("de-AT".to_owned());
    let english = templates.write(&test).unwrap();
    assert!(english.text.starts_with("This is a test mail"));
    fs::write(folder.path().join("de/test.subject.txt"), "Hallo").unwrap();
    let german = templates.write(&test).unwrap();
    assert_eq!(
        (german.subject.as_str(), german.text.as_str()),
        ("Hallo", "Guten Tag")
    );
    for other in ["fr", "../de", "de/../../x", "", "d"] {
        test.locale = Some(other.to_owned());
        assert_eq!(templates.write(&test).unwrap(), english, "{other}");
    }
}

#[test]
fn a_broken_template_is_named_with_its_line_and_the_built_in_one_stands_in() {
    let built_in = Templates::new(None).write(&reset()).unwrap();
    for (name, text, line, reason) in [
        (
            "en/password_reset.txt",
            "{{ link }}\n{% if %}",
            Some(2),
            "syntax error",
        ),
        (
            "en/password_reset.txt",
            "{{ link }}\n\n{{ lnik }}",
            Some(3),
            "undefined",
        ),
        ("en/password_reset.txt", "no link", None, "{{ link }}"),
        (
            "en/password_reset.html",
            "<p>no link</p>",
            None,
            "{{ link }}",
        ),
        (
            "acme/en/password_reset.subject.txt",
            " \n",
            None,
            "subject is empty",
        ),
        (
            "en/password_reset.html",
            "{% extends \"../../secret\" %}",
            Some(1),
            "not",
        ),
    ] {
        let folder = folder(&[(name, text)]);
        let words = templates(folder.path()).write(&reset()).unwrap();
        assert_eq!(words, built_in, "{name} {text}");
        let broken = check_templates(folder.path());
        assert!(!broken.is_empty(), "{name} {text}");
        assert_eq!(broken[0].path, folder.path().join(name), "{broken:?}");
        assert_eq!(broken[0].line, line, "{broken:?}");
        assert!(broken[0].reason.contains(reason), "{broken:?}");
    }
}

#[test]
fn a_slug_of_any_form_leads_nowhere_else() {
    let folder = folder(&[("outside/en/test.txt", "outside"), ("in/x", "")]);
    let mut test = letter(Template::Test);
    for slug in ["../outside", "/etc", "..", ".", "a/../outside"] {
        test.facts.tenant = slug.to_owned();
        let words = templates(&folder.path().join("in")).write(&test).unwrap();
        assert!(words.text.starts_with("This is a test mail"), "{slug}");
    }
}
