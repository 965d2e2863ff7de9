//! What `authd run --dev` sets where nobody set anything: folders of the present user, loopback.
//! Only values; folders are made by the start.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use common::paths::DevPaths;

use super::fault::Origin;
use super::value::{Value, Values};

/// Folders of a development daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevDefaults {
    /// Configuration.
    pub config: PathBuf,
    /// Database and key files.
    pub data: PathBuf,
    /// Sockets.
    pub run: PathBuf,
}

impl DevDefaults {
    /// The folders of the present user; none without a home.
    pub fn of_user() -> Option<Self> {
        common::paths::dev().map(|DevPaths { config, data, run }| Self { config, data, run })
    }

    /// Folders below one that goes away at the end (`--ephemeral`).
    pub fn below(folder: &Path) -> Self {
        Self {
            config: folder.join("config"),
            data: folder.join("data"),
            run: folder.join("run"),
        }
    }

    /// Puts the values over the compiled-in ones, below every file.
    pub(super) fn apply(&self, values: &mut Values) {
        let text = |path: PathBuf| Value::Text(path.to_string_lossy().into_owned());
        let database = self.data.join("authd.db");
        let database = Value::Text(format!("sqlite:{}", database.to_string_lossy()));
        for (key, value) in [
            ("database.url", database),
            ("backup.dir", text(self.data.join("backups"))),
            ("admin.socket", text(self.run.join("admin.sock"))),
            ("admin.monitor_socket", text(self.run.join("monitor.sock"))),
            ("admin.socket_group", Value::Text(String::new())),
            ("admin.monitor_socket_group", Value::Text(String::new())),
            ("admin.helpdesk_socket_group", Value::Text(String::new())),
            // A second one beside it would find the port taken.
            ("metrics.listen", Value::Text(String::new())),
            ("mail.transport", Value::Text("log".to_owned())),
            ("mail.from", Value::Text("authd@localhost".to_owned())),
            ("mail.template_dir", text(self.config.join("templates"))),
        ] {
            values.set(key, value, Origin::Development);
        }
    }

    /// Makes the public address follow the first address listened on, unless somebody set it.
    pub(super) fn apply_public_url(values: &mut Values) {
        if values.is_set("api.public_url") {
            return;
        }
        let listen: Vec<SocketAddr> = values.each("api.listen", str::parse).unwrap_or_default();
        let address = listen
            .into_iter()
            .find(|address| address.ip().is_loopback())
            .unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8440));
        values.set(
            "api.public_url",
            Value::Text(format!("http://{address}")),
            Origin::Development,
        );
    }
}
