//! What `packaging/examples` shows to developers of applications, run with the real programs.
//! A program that is missing fails its tests.

mod apps;
mod proxies;
mod readme;
mod verifiers;

use std::fs;
use std::path::{Path, PathBuf};

use harness::{Daemon, PASSWORD};

/// Debian's Python, which has the packages, whatever else is in the path.
const PYTHON: &str = "/usr/bin/python3";
/// Node, and where Debian puts its libraries.
const NODE: &str = "/usr/bin/node";
const NODE_LIBRARIES: &str = "/usr/share/nodejs";

/// One who may not see orders, one who may everything and has no role, one of another tenant who may
/// see orders there.
const BOB: &str = "bob@acme.test";
const ANN: &str = "ann@acme.test";
const EVE: &str = "eve@globex.test";

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../packaging/examples")
        .join(name)
}

fn text_of(name: &str) -> String {
    let path = example(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Lets Alice see orders, and brings the others in.
fn cast(daemon: &Daemon) {
    let authctl = daemon.authctl();
    authctl.create_user("acme", BOB, PASSWORD);
    authctl.create_user_with("acme", ANN, PASSWORD, &["--tenant-admin"]);
    authctl.create_tenant("globex");
    authctl.create_user("globex", EVE, PASSWORD);
    for line in [
        "-t acme permission define orders:view",
        "-t acme role create cashier --permission orders:view",
        "user grant acme/alice@acme.test cashier",
        "-t globex permission define orders:view",
        "-t globex role create cashier --permission orders:view",
        "user grant globex/eve@globex.test cashier",
    ] {
        authctl.ok(&line.split(' ').collect::<Vec<_>>());
    }
}
