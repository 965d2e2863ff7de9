//! The configuration as a whole: keys, layers, faults, and what is printed.

mod faults;
mod keys;
mod layers;
mod mail;
mod reloads;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

const URL: &str = "api.public_url=https://auth.example.com";

/// A folder with files, named below it.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn source(folder: &Path) -> Source {
    Source {
        dir: Some(folder.to_path_buf()),
        ..Source::default()
    }
}

fn with_settings(settings: &[&str]) -> Source {
    Source {
        set: settings.iter().map(|&text| text.to_owned()).collect(),
        // No folder of the machine that runs the tests.
        dev: None,
        file: None,
        dir: Some(std::env::temp_dir().join(".")),
        env: Vec::new(),
    }
}

fn load_settings(settings: &[&str]) -> Result<Loaded, Faults> {
    let folder = folder(&[]);
    let mut all = vec![URL];
    all.extend(settings);
    load(&Source {
        dir: Some(folder.path().to_path_buf()),
        ..with_settings(&all)
    })
}

fn load_environment(variables: &[(&str, &str)]) -> Result<Loaded, Faults> {
    let folder = folder(&[]);
    load(&Source {
        dir: Some(folder.path().to_path_buf()),
        env: variables
            .iter()
            .map(|&(name, text)| (name.to_owned(), text.to_owned()))
            .collect(),
        ..with_settings(&[URL])
    })
}

/// The faults of one main file that else is right, without the folder's name.
fn faults_of(text: &str) -> String {
    let folder = folder(&[("authd.toml", text)]);
    let faults = load(&source(folder.path())).unwrap_err();
    let shown = faults.to_string();
    shown.replace(&format!("{}/", folder.path().display()), "")
}
