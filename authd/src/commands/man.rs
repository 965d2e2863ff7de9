//! `authd man`: writes the manual pages that are built in, for machines that got the binary alone.

use std::io::{self, Write};
use std::path::Path;

use super::{FAILURE, OK, finish};
use crate::print::Printer;

/// The pages, by their place below a folder of manuals.
const PAGES: &[(&str, &str)] = &[
    (
        "man1/authctl-attempt.1",
        include_str!("../../../man/authctl-attempt.1"),
    ),
    (
        "man1/authctl-audit.1",
        include_str!("../../../man/authctl-audit.1"),
    ),
    (
        "man1/authctl-backup.1",
        include_str!("../../../man/authctl-backup.1"),
    ),
    (
        "man1/authctl-cache.1",
        include_str!("../../../man/authctl-cache.1"),
    ),
    (
        "man1/authctl-client.1",
        include_str!("../../../man/authctl-client.1"),
    ),
    (
        "man1/authctl-db.1",
        include_str!("../../../man/authctl-db.1"),
    ),
    (
        "man1/authctl-explain.1",
        include_str!("../../../man/authctl-explain.1"),
    ),
    (
        "man1/authctl-key.1",
        include_str!("../../../man/authctl-key.1"),
    ),
    (
        "man1/authctl-lockout.1",
        include_str!("../../../man/authctl-lockout.1"),
    ),
    (
        "man1/authctl-mail.1",
        include_str!("../../../man/authctl-mail.1"),
    ),
    (
        "man1/authctl-permission.1",
        include_str!("../../../man/authctl-permission.1"),
    ),
    (
        "man1/authctl-registration.1",
        include_str!("../../../man/authctl-registration.1"),
    ),
    (
        "man1/authctl-role.1",
        include_str!("../../../man/authctl-role.1"),
    ),
    (
        "man1/authctl-session.1",
        include_str!("../../../man/authctl-session.1"),
    ),
    (
        "man1/authctl-tenant.1",
        include_str!("../../../man/authctl-tenant.1"),
    ),
    (
        "man1/authctl-token.1",
        include_str!("../../../man/authctl-token.1"),
    ),
    (
        "man1/authctl-user.1",
        include_str!("../../../man/authctl-user.1"),
    ),
    ("man1/authctl.1", include_str!("../../../man/authctl.1")),
    (
        "man5/authd.toml.5",
        include_str!("../../../man/authd.toml.5"),
    ),
    (
        "man7/authctl-json.7",
        include_str!("../../../man/authctl-json.7"),
    ),
    ("man7/authd-api.7", include_str!("../../../man/authd-api.7")),
    (
        "man7/authd-hardening.7",
        include_str!("../../../man/authd-hardening.7"),
    ),
    (
        "man7/authd-permissions.7",
        include_str!("../../../man/authd-permissions.7"),
    ),
    ("man8/authd.8", include_str!("../../../man/authd.8")),
];

/// Writes all pages below a folder and says where; returns the exit status.
pub fn run<O: Write, E: Write>(dir: &Path, mut out: Printer<O>, errors: &mut Printer<E>) -> u8 {
    let mut status = OK;
    for (place, page) in PAGES {
        let path = dir.join(place);
        match write(&path, page) {
            Ok(()) => out.line(path.display()),
            Err(error) => {
                errors.line(format_args!(
                    "authd: error: cannot write {}: {error}",
                    path.display()
                ));
                status = FAILURE;
                break;
            }
        }
    }
    finish(out, errors, status)
}

fn write(path: &Path, page: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn man(dir: &Path) -> (u8, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut errors = Printer::new(&mut err);
        let status = run(dir, Printer::new(&mut out), &mut errors);
        errors.finish().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status, text(out), text(err))
    }

    #[test]
    fn all_pages_are_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../man");
        let mut there: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let mut own: Vec<_> = PAGES
            .iter()
            .map(|(place, _)| place.rsplit('/').next().unwrap().to_owned())
            .collect();
        there.sort();
        own.sort();
        assert_eq!(own, there);
    }

    #[test]
    fn every_page_has_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (status, out, err) = man(&folder.path().join("share/man"));
        assert_eq!((status, err.as_str()), (OK, ""));
        assert_eq!(out.lines().count(), PAGES.len());
        for path in out.lines() {
            let page = std::fs::read_to_string(path).unwrap();
            assert!(page.starts_with(".Dd "), "{path}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (status, out, err) = man(file.path());
        assert_eq!((status, out.as_str()), (FAILURE, ""));
        assert!(err.contains(&file.path().display().to_string()), "{err}");
    }
}
