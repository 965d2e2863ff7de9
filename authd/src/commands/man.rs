//! `authd man`: writes the manual pages that are built in, for machines that got the binary alone.

use std::io::{self, Write};
use std::path::Path;

use super::{FAILURE, OK, finish};
use crate::print::Printer;

/// The pages, by their place below a folder of manuals.
const PAGES: &[(&str, &str)] = &[
    ("man1/authctl.1", include_str!("../../../man/authctl.1")),
    (
        "man5/authd.toml.5",
        include_str!("../../../man/authd.toml.5"),
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
