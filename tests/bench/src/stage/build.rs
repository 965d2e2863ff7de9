//! Builds what is measured when cargo started the bench, so that one command is enough: as it ships,
//! with the profile of the bench itself.

use std::path::Path;
use std::process::Command;

use super::process::said;
use crate::Result;

/// Builds the daemon, authctl, and the rest of the bench; nothing if cargo did not start it.
pub(crate) fn build() -> Result<()> {
    let Some(cargo) = std::env::var_os("CARGO") else {
        return Ok(());
    };
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::file_name);
    let profile = match folder.map(|name| name.to_string_lossy()) {
        Some(name) if name != "debug" => name.into_owned(),
        _ => "dev".to_owned(),
    };
    // Apart, because features are united over all packages of one build.
    for packages in [
        ["-p", "authd", "-p", "authctl", "-F", "authd/redis"].as_slice(),
        &["-p", "authd-bench"],
    ] {
        let mut command = Command::new(&cargo);
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command.args(["build", "--locked", "--bins", "--profile", &profile]);
        command.args(packages);
        said(command)?;
    }
    Ok(())
}
