//! `authd print-config`: the defaults, what is in effect, or the schema.

use std::io::Write;

use super::{OK, finish};
use crate::args::PrintConfig;
use crate::config::{Faults, Source, defaults, effective, json_schema, load};
use crate::print::Printer;

/// Prints; returns the exit status.
pub fn run<O: Write, E: Write>(
    args: PrintConfig,
    source: &Source,
    mut out: Printer<O>,
    errors: &mut Printer<E>,
) -> u8 {
    if args.defaults {
        out.text(&defaults());
    } else if args.schema {
        out.line(format_args!("{:#}", json_schema()));
    } else {
        match load(source) {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    errors.line(warning);
                }
                out.text(&effective(&loaded.values, args.show_origin));
            }
            Err(faults) => {
                errors.line(faults);
                return finish(out, errors, Faults::EXIT);
            }
        }
    }
    finish(out, errors, OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(args: PrintConfig, set: &[&str]) -> (u8, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let source = Source {
            dir: Some(folder.path().to_path_buf()),
            set: set.iter().map(|&text| text.to_owned()).collect(),
            ..Source::default()
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut errors = Printer::new(&mut err);
        let status = run(args, &source, Printer::new(&mut out), &mut errors);
        errors.finish().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status, text(out), text(err))
    }

    const EFFECTIVE: PrintConfig = PrintConfig {
        defaults: false,
        effective: true,
        show_origin: false,
        schema: false,
    };

    #[test]
    fn defaults_and_schema_need_no_configuration() {
        let wrong = ["nonsense"];
        let (status, out, _) = print(
            PrintConfig {
                defaults: true,
                ..EFFECTIVE
            },
            &wrong,
        );
        assert_eq!(status, 0);
        assert!(out.contains("\n#listen = [\"127.0.0.1:8440\"]\n"), "{out}");
        let (status, out, _) = print(
            PrintConfig {
                schema: true,
                ..EFFECTIVE
            },
            &wrong,
        );
        assert_eq!(status, 0);
        assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok());
    }

    #[test]
    fn what_is_in_effect_is_printed_only_if_it_is_right() {
        let (status, out, err) = print(EFFECTIVE, &[]);
        assert_eq!((status, out.as_str()), (78, ""));
        assert!(err.contains("api.public_url"), "{err}");
        let (status, out, err) = print(
            PrintConfig {
                show_origin: true,
                ..EFFECTIVE
            },
            &["api.public_url=https://a.example"],
        );
        assert_eq!((status, err.as_str()), (0, ""));
        let line = "public_url = \"https://a.example\"  # from --set api.public_url\n";
        assert!(out.contains(line), "{out}");
        assert!(
            out.contains("issuer = \"https://a.example\"  # from api.public_url\n"),
            "{out}"
        );
    }
}
