//! Where `authd run --dev` keeps its files, and where authctl therefore looks for its sockets.
//! The one function for both; it reads the environment and touches no file.

use std::path::{Path, PathBuf};

/// Directory of the sockets of an installed daemon.
pub const SYSTEM_RUN_DIR: &str = "/run/authd";
/// Longest path that fits `sockaddr_un` with its closing zero.
pub const SOCKET_PATH_LIMIT: usize = 107;

/// Folders of a development daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevPaths {
    /// Configuration: `authd.toml` and `authd.toml.d`.
    pub config: PathBuf,
    /// Database and key files.
    pub data: PathBuf,
    /// Sockets, mode 0700.
    pub run: PathBuf,
}

/// The folders of a development daemon of the present user; none without a home.
pub fn dev() -> Option<DevPaths> {
    let dirs = directories::ProjectDirs::from("", "", "authd")?;
    let base = directories::BaseDirs::new()?;
    let data = dirs.data_dir().to_path_buf();
    let run = base
        .runtime_dir()
        .map_or_else(|| data.join("run"), |dir| dir.join("authd"));
    Some(DevPaths {
        config: dirs.config_dir().to_path_buf(),
        data,
        run,
    })
}

/// Sockets to try, the most capable first: system, then the user's runtime folder, then `--dev`'s.
pub fn socket_candidates() -> Vec<PathBuf> {
    let names = ["admin.sock", "monitor.sock", "helpdesk.sock"];
    let mut folders = vec![PathBuf::from(SYSTEM_RUN_DIR)];
    if let Some(dev) = dev() {
        folders.push(dev.run.clone());
        folders.push(dev.data.join("run"));
    }
    folders.dedup();
    folders
        .iter()
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .collect()
}

/// Whether a path is short enough to be a socket's.
pub fn fits_socket(path: &Path) -> bool {
    path.as_os_str().len() <= SOCKET_PATH_LIMIT
}
