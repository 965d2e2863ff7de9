//! Values from a TOML file: every fault has its line and column, and none hides another.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use common::suggest::nearest;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Origin};
use super::read;
use super::value::Values;
use super::{SECTIONS, all_keys, find};

/// Largest file that is read.
const LARGEST: u64 = 1 << 20;
/// Most faults of one file's grammar that are told; later ones tend to follow from the first.
const MOST_SYNTAX_FAULTS: usize = 5;

/// Puts a file's values over what is there; returns what is wrong with them.
///
/// # Errors
/// One fault if the file cannot be read or is not TOML, so that its keys are not known.
pub(super) fn apply(path: &Path, values: &mut Values) -> Result<Vec<Fault>, Vec<Fault>> {
    let text = text_of(path).map_err(|fault| vec![*fault])?;
    apply_text(path, &text, values)
}

/// As [`apply`], for a text that is already read.
pub(super) fn apply_text(
    path: &Path,
    text: &str,
    values: &mut Values,
) -> Result<Vec<Fault>, Vec<Fault>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let document = Document { path, text };
    if !errors.is_empty() {
        return Err(document.syntax(&errors));
    }
    let mut faults = Vec::new();
    document.walk("", table.get_ref(), values, &mut faults);
    // Tables are walked by name; people read from the top.
    faults.sort_by_key(|fault| match fault.origin {
        Some(Origin::File { line, column, .. }) => (line, column),
        _ => (0, 0),
    });
    Ok(faults)
}

/// The drop-in files of a folder, in byte order of their names; none if there is no folder.
///
/// # Errors
/// A fault if the folder cannot be read.
pub(super) fn drop_ins(folder: &Path) -> Result<Vec<PathBuf>, Box<Fault>> {
    let cannot = |error: &io::Error| {
        let fault = Fault::new(format!("cannot read the folder: {error}"));
        Box::new(fault.at(Origin::Path(folder.to_path_buf())))
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot(&error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| cannot(&error))?.file_name();
        let bytes = name.as_encoded_bytes();
        // As a shell's `*.toml`: an editor's hidden files are not meant.
        if bytes.ends_with(b".toml") && !bytes.starts_with(b".") {
            names.push(name);
        }
    }
    names.sort_by(|a, b| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// The fault of a key that does not exist, with the one that was most likely meant.
pub(super) fn unknown_key(name: &str) -> Fault {
    let fault = Fault::new(format!("unknown key \"{name}\"")).of(name);
    let near = nearest(name, all_keys().map(|key| key.name)).or_else(|| in_other_section(name));
    fault.hint(match near {
        Some(near) => format!("Did you mean \"{near}\"? Reference: man 5 authd.toml"),
        None => "Reference: man 5 authd.toml".to_owned(),
    })
}

/// The one key that has this name in another section.
fn in_other_section(name: &str) -> Option<&'static str> {
    let leaf = name.rsplit('.').next()?;
    let mut same = all_keys().filter(|key| key.leaf() == leaf);
    let found = same.next()?;
    same.next().is_none().then_some(found.name)
}

fn text_of(path: &Path) -> Result<String, Box<Fault>> {
    let at = Origin::Path(path.to_path_buf());
    let cannot = |error: io::Error| {
        Box::new(Fault::new(format!("cannot read the file: {error}")).at(at.clone()))
    };
    let file = fs::File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > LARGEST {
        let fault = Fault::new("is larger than 1 MiB, which no configuration is");
        return Err(Box::new(fault.at(at)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        let document = Document { path, text: &text };
        Box::new(Fault::new("expected text in UTF-8").at(document.place(valid)))
    })
}

struct Document<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Document<'_> {
    fn walk(
        &self,
        prefix: &str,
        table: &DeTable<'_>,
        values: &mut Values,
        faults: &mut Vec<Fault>,
    ) {
        for (name, value) in table {
            let full = match prefix {
                "" => name.get_ref().to_string(),
                section => format!("{section}.{}", name.get_ref()),
            };
            if let Some(key) = find(&full) {
                match read::from_toml(key.kind, value) {
                    Ok(checked) => values.set(key.name, checked, self.place(name.span().start)),
                    Err(refusals) => faults.extend(refusals.into_iter().map(|refusal| {
                        Fault::new(format!("\"{full}\" {}", refusal.why))
                            .of(key.name)
                            .at(self.place(refusal.span.start))
                    })),
                }
            } else if prefix.is_empty() && SECTIONS.iter().any(|section| section.name == full) {
                match value.get_ref() {
                    DeValue::Table(inner) => self.walk(&full, inner, values, faults),
                    _ => faults.push(self.no_section(&full, &value.span())),
                }
            } else {
                let is_table = matches!(value.get_ref(), DeValue::Table(_));
                let fault = if prefix.is_empty() && is_table {
                    unknown_section(&full)
                } else {
                    unknown_key(&full)
                };
                faults.push(fault.at(self.place(name.span().start)));
            }
        }
    }

    fn no_section(&self, name: &str, span: &Range<usize>) -> Fault {
        Fault::new(format!("\"{name}\" is a section, not a key"))
            .of(name)
            .at(self.place(span.start))
            .hint(format!(
                "Write [{name}] on a line of its own, and its keys below."
            ))
    }

    fn syntax(&self, errors: &[toml::de::Error]) -> Vec<Fault> {
        let mut lines = BTreeSet::new();
        let mut faults = Vec::new();
        for error in errors {
            let place = self.place(error.span().map_or(0, |span| span.start));
            let is_new = match &place {
                Origin::File { line, .. } => lines.insert(*line),
                _ => true,
            };
            if is_new && faults.len() < MOST_SYNTAX_FAULTS {
                faults.push(Fault::new(error.message().replace('\n', "; ")).at(place));
            }
        }
        faults
    }

    fn place(&self, offset: usize) -> Origin {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Origin::File {
            path: self.path.to_path_buf(),
            line: before.matches('\n').count() + 1,
            column: before.chars().count()
                - before
                    .get(..line_start)
                    .map_or(0, |head| head.chars().count())
                + 1,
        }
    }
}

fn unknown_section(name: &str) -> Fault {
    let known = SECTIONS.iter().map(|section| section.name);
    let fault = Fault::new(format!("unknown section \"{name}\"")).of(name);
    fault.hint(match nearest(name, known.filter(|name| !name.is_empty())) {
        Some(near) => format!("Did you mean \"{near}\"? Reference: man 5 authd.toml"),
        None => "Reference: man 5 authd.toml".to_owned(),
    })
}
