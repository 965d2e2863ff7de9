//! The layers in their order: compiled-in, `--dev`, file, drop-ins, environment, `--set`; the
//! later wins. Then the checks of the whole. All faults come together.

use std::path::{Path, PathBuf};

use super::fault::{Fault, Faults, Origin, Severity};
use super::links::OWN_PAGES;
use super::value::{Value, Values};
use super::{
    Config, DevDefaults, FILE_NAME, SYSTEM_FOLDER, all_keys, check, environment, file, flag, read,
};

/// What to load from; everything that the process gives is in here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// The main file, which must exist; `authd.toml` of the folder, which need not, if none.
    pub file: Option<PathBuf>,
    /// The folder, which must exist; that of the file, of `--dev` or of the system if none.
    pub dir: Option<PathBuf>,
    /// Environment variables; those with another prefix are not looked at.
    pub env: Vec<(String, String)>,
    /// `key=value`, as given to `--set`.
    pub set: Vec<String>,
    /// What `--dev` sets.
    pub dev: Option<DevDefaults>,
}

/// A configuration that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The same by key, with their origins.
    pub values: Values,
    /// The files read, in order.
    pub files: Vec<PathBuf>,
    /// What the operator should look at.
    pub warnings: Vec<Fault>,
}

/// Loads and checks a configuration.
///
/// # Errors
/// Every fault of every layer.
pub fn load(source: &Source) -> Result<Loaded, Faults> {
    let mut faults = Vec::new();
    let mut values = compiled_in(&mut faults);
    if let Some(dev) = &source.dev {
        dev.apply(&mut values);
    }
    let (files, all_read) = read_files(source, &mut values, &mut faults);
    faults.extend(environment::apply(&source.env, &mut values));
    faults.extend(flag::apply(&source.set, &mut values));
    if source.dev.is_some() {
        DevDefaults::apply_public_url(&mut values);
    }
    derive(&mut values);

    let mut warnings = Vec::new();
    // Without all files it is not known what is missing.
    if all_read {
        for finding in check::whole(&values, source.dev.is_some()) {
            let is_known = faults.iter().any(|fault| fault.key == finding.key);
            match finding.severity {
                Severity::Warning => warnings.push(finding),
                Severity::Error if !is_known => faults.push(finding),
                Severity::Error => {}
            }
        }
    }
    if !faults.is_empty() {
        return Err(Faults(faults));
    }
    let config = Config::build(&values).map_err(|fault| Faults(vec![fault]))?;
    Ok(Loaded {
        config,
        values,
        files,
        warnings,
    })
}

/// The defaults of all keys.
pub(super) fn compiled_in(faults: &mut Vec<Fault>) -> Values {
    let mut values = Values::default();
    for key in all_keys() {
        values.set(key.name, Value::Unset, Origin::Default);
        let Some(text) = key.default else { continue };
        let value = toml::de::DeValue::parse(text)
            .ok()
            .and_then(|value| read::from_toml(key.kind, &value).ok());
        match value {
            Some(value) => values.set(key.name, value, Origin::Default),
            None => faults.push(Fault::new(format!(
                "the default of \"{}\" is wrong",
                key.name
            ))),
        }
    }
    values
}

/// Reads the main file and the drop-ins; says which, and whether that was all.
fn read_files(
    source: &Source,
    values: &mut Values,
    faults: &mut Vec<Fault>,
) -> (Vec<PathBuf>, bool) {
    let folder = folder_of(source);
    let mut paths = Vec::new();
    let mut all_read = true;
    if let Some(file) = &source.file {
        paths.push(file.clone());
    } else {
        let main = folder.join(FILE_NAME);
        // A file that may not be looked at is there for all we know: reading it will tell.
        if main.try_exists().unwrap_or(true) {
            paths.push(main);
        }
    }
    if source.dir.is_some() && !folder.is_dir() {
        let fault = Fault::new("is no folder that can be read");
        faults.push(fault.at(Origin::Path(folder.clone())));
        all_read = false;
    }
    match file::drop_ins(&folder.join(format!("{FILE_NAME}.d"))) {
        Ok(drop_ins) => paths.extend(drop_ins),
        Err(fault) => {
            faults.push(*fault);
            all_read = false;
        }
    }
    for path in &paths {
        match file::apply(path, values) {
            Ok(found) => faults.extend(found),
            Err(found) => {
                faults.extend(found);
                all_read = false;
            }
        }
    }
    (paths, all_read)
}

fn folder_of(source: &Source) -> PathBuf {
    if let Some(dir) = &source.dir {
        return dir.clone();
    }
    if let Some(file) = &source.file {
        return match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
    }
    match &source.dev {
        Some(dev) => dev.config.clone(),
        None => Path::new(SYSTEM_FOLDER).to_path_buf(),
    }
}

/// Fills keys that follow another one unless set.
pub(super) fn derive(values: &mut Values) {
    if !values.is_set("token.issuer")
        && let Ok(Some(url)) = values.optional("api.public_url")
    {
        let origin = Origin::Derived("api.public_url");
        values.set("token.issuer", Value::Text(url), origin);
    }
    for (key, path) in OWN_PAGES {
        if !values.is_set(key)
            && let Ok(Some(url)) = values.optional("api.public_url")
        {
            let origin = Origin::Derived("api.public_url");
            values.set(key, Value::Text(format!("{url}{path}")), origin);
        }
    }
    if !values.is_set("token.audience")
        && let Ok(Some(issuer)) = values.optional("token.issuer")
    {
        let origin = Origin::Derived("token.issuer");
        values.set("token.audience", Value::List(vec![issuer]), origin);
    }
}
