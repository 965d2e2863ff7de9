//! `authd openapi`: the document of the HTTP API, as this binary answers.

use std::io::Write;
use std::path::Path;

use super::{FAILURE, OK, finish};
use crate::http::openapi;
use crate::print::Printer;

/// Prints the document, or writes it into a file; returns the exit status.
pub fn run<O: Write, E: Write>(
    file: Option<&Path>,
    mut out: Printer<O>,
    errors: &mut Printer<E>,
) -> u8 {
    let Some(file) = file else {
        out.text(&openapi::text());
        return finish(out, errors, OK);
    };
    match std::fs::write(file, openapi::text()) {
        Ok(()) => OK,
        Err(error) => {
            errors.line(format_args!(
                "authd: error: cannot write {}: {error}",
                file.display()
            ));
            FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn openapi(file: Option<&Path>) -> (u8, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut errors = Printer::new(&mut err);
        let status = run(file, Printer::new(&mut out), &mut errors);
        errors.finish().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status, text(out), text(err))
    }

    #[test]
    fn a_file_holds_what_is_printed_without_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("openapi.json");
        assert_eq!(openapi(Some(&file)), (OK, String::new(), String::new()));
        let (status, printed, _) = openapi(None);
        assert_eq!(status, OK);
        assert_eq!(std::fs::read_to_string(file).unwrap(), printed);
        let document: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (status, out, err) = openapi(Some(folder.path()));
        assert_eq!((status, out.as_str()), (FAILURE, ""));
        assert!(err.contains(&folder.path().display().to_string()), "{err}");
    }
}
