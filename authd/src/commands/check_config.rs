//! `authd check-config`: loads the configuration as a start would, looks at what a start would
//! stumble over beside it, and reports.

use std::io::Write;

use serde_json::{Value, json};

use super::{FAILURE, OK, finish};
use crate::args::CheckConfig;
use crate::config::{Fault, Faults, Loaded, Origin, Severity, Source, load};
use crate::print::Printer;
use crate::startup::surroundings;

/// Checks and reports; returns the exit status.
pub fn run<O: Write, E: Write>(
    args: CheckConfig,
    source: &Source,
    mut out: Printer<O>,
    errors: &mut Printer<E>,
) -> u8 {
    let result = load(source).and_then(|mut loaded| {
        let (faults, warnings): (Vec<_>, Vec<_>) = surroundings::faults(&loaded.config)
            .into_iter()
            .partition(|found| found.severity == Severity::Error);
        loaded.warnings.extend(warnings);
        if faults.is_empty() {
            Ok(loaded)
        } else {
            Err(Faults(faults))
        }
    });
    let status = match &result {
        Ok(loaded) if args.strict && !loaded.warnings.is_empty() => FAILURE,
        Ok(_) => OK,
        Err(_) => Faults::EXIT,
    };
    if args.json {
        out.line(report(&result));
    } else {
        match &result {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    errors.line(warning);
                }
                out.line(summary(loaded));
            }
            Err(faults) => errors.line(faults),
        }
    }
    finish(out, errors, status)
}

fn summary(loaded: &Loaded) -> String {
    let files = match loaded.files.len() {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    match loaded.warnings.len() {
        0 => format!("authd: configuration ok ({files})"),
        1 => format!("authd: configuration ok ({files}, 1 warning)"),
        count => format!("authd: configuration ok ({files}, {count} warnings)"),
    }
}

fn report(result: &Result<Loaded, Faults>) -> Value {
    let (files, faults, warnings) = match result {
        Ok(loaded) => (loaded.files.as_slice(), &[][..], loaded.warnings.as_slice()),
        Err(faults) => (&[][..], faults.0.as_slice(), &[][..]),
    };
    let files: Vec<String> = files
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    json!({
        "ok": result.is_ok(),
        "files": files,
        "faults": faults.iter().map(finding).collect::<Vec<_>>(),
        "warnings": warnings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn finding(fault: &Fault) -> Value {
    let (file, line, column) = match &fault.origin {
        Some(Origin::File { path, line, column }) => (Some(path), Some(line), Some(column)),
        Some(Origin::Path(path)) => (Some(path), None, None),
        _ => (None, None, None),
    };
    json!({
        "file": file.map(|path| path.to_string_lossy()),
        "line": line,
        "column": column,
        "origin": fault.origin.as_ref().map(ToString::to_string),
        "key": fault.key,
        "message": fault.message,
        "hint": fault.hint,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn check(text: &str, args: CheckConfig) -> (u8, String, String) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("authd.toml"), text).unwrap();
        let source = Source {
            dir: Some(folder.path().to_path_buf()),
            ..Source::default()
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut errors = Printer::new(&mut err);
        let status = run(args, &source, Printer::new(&mut out), &mut errors);
        errors.finish().unwrap();
        let prefix = format!("{}/", folder.path().display());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&prefix, "");
        (status, text(out), text(err))
    }

    const PLAIN: CheckConfig = CheckConfig {
        json: false,
        strict: false,
    };
    /// Needs no group of this machine.
    const GOOD: &str = "api.public_url = \"https://a.example\"\n\
        admin.socket_group = \"\"\nadmin.monitor_socket_group = \"\"\n";

    #[test]
    fn a_good_one_is_ok() {
        let (status, out, err) = check(GOOD, PLAIN);
        assert_eq!((status, err.as_str()), (0, ""));
        assert_eq!(out, "authd: configuration ok (1 file)\n");
    }

    #[test]
    fn r41_faults_go_to_stderr_with_exit_78() {
        let (status, out, err) = check("lockout.threshold = 0\n", PLAIN);
        assert_eq!((status, out.as_str()), (78, ""));
        assert!(
            err.starts_with("authd: authd.toml:1:21: error: \"lockout.threshold\""),
            "{err}"
        );
        assert!(err.contains("\"api.public_url\" is not set"), "{err}");
    }

    #[test]
    fn warnings_count_only_if_strict() {
        let text = format!("{GOOD}api.behind_proxy = true\n");
        let (status, out, err) = check(&text, PLAIN);
        assert_eq!(status, 0);
        assert_eq!(out, "authd: configuration ok (1 file, 1 warning)\n");
        assert!(err.starts_with("authd: authd.toml:4:5: warning: "), "{err}");
        let strict = CheckConfig {
            strict: true,
            ..PLAIN
        };
        assert_eq!(check(&text, strict).0, 1);
        assert_eq!(check(GOOD, strict).0, 0);
    }

    #[test]
    fn r41_what_stands_in_the_way_of_a_start_is_told_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        let (database, socket) = (folder.path().join("a.db"), folder.path().join("a.sock"));
        let text = format!(
            "{GOOD}database.url = \"sqlite:{}\"\nadmin.socket = \"{}\"\n",
            database.display(),
            socket.display()
        );
        assert_eq!(check(&text, PLAIN).0, 0);
        fs::write(&database, "no database").unwrap();
        fs::write(&socket, "no socket").unwrap();
        let (status, _, err) = check(&text, PLAIN);
        assert_eq!(status, 78);
        assert!(
            err.contains("a.db") && err.contains("not a database"),
            "{err}"
        );
        assert!(err.contains("a.sock exists and is not a socket"), "{err}");
        assert_eq!(fs::read(&database).unwrap(), b"no database");
        let group = GOOD.replacen("\"\"", "\"no-such-group\"", 1);
        let (status, _, err) = check(&group, PLAIN);
        assert_eq!(status, 0);
        assert!(
            err.contains("warning") && err.contains("no-such-group"),
            "{err}"
        );
    }

    #[test]
    fn json_is_one_object() {
        let json = CheckConfig {
            json: true,
            ..PLAIN
        };
        let (status, out, err) = check("log.levle = \"info\"\n", json);
        assert_eq!((status, err.as_str()), (78, ""));
        assert_eq!(out.lines().count(), 1);
        let report: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(report["ok"], false);
        let fault = &report["faults"][0];
        assert_eq!(fault["file"], "authd.toml");
        assert_eq!(fault["line"], 1);
        assert_eq!(fault["column"], 5);
        assert_eq!(fault["key"], "log.levle");
        assert_eq!(fault["message"], "unknown key \"log.levle\"");
        assert!(fault["hint"].as_str().unwrap().contains("log.level"));
        assert_eq!(report["faults"][1]["file"], Value::Null);
    }
}
