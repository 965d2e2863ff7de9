//! The Debian packages' metadata against the tree: one version everywhere, and every file there.

use crate::tree::{read, root};

fn manifest(path: &str) -> toml::Table {
    read(path).parse().expect("a manifest")
}

fn deb(path: &str) -> toml::Value {
    manifest(path)
        .get("package")
        .and_then(|package| package.get("metadata"))
        .and_then(|metadata| metadata.get("deb"))
        .cloned()
        .expect("package.metadata.deb")
}

#[test]
fn the_packages_have_one_version() {
    let workspace = manifest("Cargo.toml");
    let version = workspace
        .get("workspace")
        .and_then(|workspace| workspace.get("package"))
        .and_then(|package| package.get("version"))
        .and_then(toml::Value::as_str)
        .expect("a version");
    let deb_version = format!("{version}-1");
    let depends = deb("authd/Cargo.toml");
    let depends = depends.get("depends").and_then(toml::Value::as_str);
    let same = format!("authd-ctl (= {deb_version})");
    assert!(depends.is_some_and(|text| text.contains(&same)), "{same}");
    let changelog = read("packaging/changelog");
    let newest = format!("authd ({deb_version}) ");
    assert!(changelog.starts_with(&newest), "{newest}");
}

#[test]
fn every_packaged_file_is_there() {
    for package in ["authd", "authctl"] {
        let deb = deb(&format!("{package}/Cargo.toml"));
        let assets = deb.get("assets").and_then(toml::Value::as_array);
        for asset in assets.expect("assets") {
            let source = asset
                .get(0)
                .and_then(toml::Value::as_str)
                .expect("a source");
            // What the build makes; a pattern stands for the files of its folder.
            if source.starts_with("target/") {
                continue;
            }
            let source = source.split('*').next().unwrap_or_default();
            assert!(root().join(package).join(source).exists(), "{source}");
        }
    }
}

#[test]
fn every_page_and_unit_is_packaged() {
    let manifests = read("authd/Cargo.toml") + &read("authctl/Cargo.toml");
    for folder in ["man", "packaging/systemd"] {
        let entries = std::fs::read_dir(root().join(folder)).expect("a folder");
        for entry in entries
            .filter_map(Result::ok)
            .filter(|e| e.path().is_file())
        {
            let path = format!("\"../{folder}/{}\"", entry.file_name().to_string_lossy());
            assert!(manifests.contains(&path), "{path} is in no package");
        }
    }
}
