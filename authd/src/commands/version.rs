//! `authd version`: what this binary is made of.

use std::io::Write;

use serde_json::json;

use super::{OK, finish};
use crate::args::Version;
use crate::print::Printer;

/// What the database part says about itself; given by whoever knows the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Storage {
    /// Version of `SQLite`.
    pub sqlite: Option<String>,
    /// Version of the schema that this build writes.
    pub schema: Option<u32>,
}

impl Storage {
    /// Of this build.
    pub fn built_in() -> Self {
        Self {
            sqlite: Some(store::sqlite::version().to_owned()),
            schema: Some(store::sqlite::known_schema()),
        }
    }
}

/// Prints; returns the exit status.
pub fn run<O: Write, E: Write>(
    args: Version,
    storage: &Storage,
    mut out: Printer<O>,
    errors: &mut Printer<E>,
) -> u8 {
    let revision = env!("BUILD_REVISION");
    let rustc = env!("BUILD_RUSTC");
    if args.json {
        out.line(json!({
            "version": common::VERSION,
            "revision": revision,
            "rustc": rustc,
            "features": ["sqlite"],
            "sqlite": storage.sqlite,
            "schema": storage.schema,
            "protocol": common::ADMIN_PROTOCOL,
        }));
    } else {
        out.line(format_args!("authd {} ({revision})", common::VERSION));
        if let Some(sqlite) = &storage.sqlite {
            out.line(format_args!("SQLite {sqlite}"));
        }
        if let Some(schema) = storage.schema {
            out.line(format_args!("schema {schema}"));
        }
        out.line(format_args!("admin protocol {}", common::ADMIN_PROTOCOL));
        out.line(rustc);
    }
    finish(out, errors, OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(json: bool) -> String {
        let storage = Storage {
            sqlite: Some("3.50.0".to_owned()),
            schema: Some(1),
        };
        let mut out = Vec::new();
        let mut errors = Printer::new(Vec::new());
        let status = run(
            Version { json },
            &storage,
            Printer::new(&mut out),
            &mut errors,
        );
        assert_eq!(status, 0);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_first_line_names_program_and_version() {
        assert!(print(false).starts_with(&format!("authd {} (", common::VERSION)));
    }

    #[test]
    fn json_is_one_object() {
        let object: serde_json::Value = serde_json::from_str(&print(true)).unwrap();
        assert_eq!(object["version"], common::VERSION);
        assert_eq!(object["protocol"], common::ADMIN_PROTOCOL);
        assert_eq!(object["sqlite"], "3.50.0");
        assert_eq!(object["schema"], 1);
        assert!(object["rustc"].as_str().unwrap().starts_with("rustc "));
    }
}
