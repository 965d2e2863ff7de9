//! What a development daemon shows on the screen: that it is one, and the next three commands.

use std::path::PathBuf;

use super::Dev;
use crate::config::{Config, DatabaseUrl};
use crate::print::Printer;

/// A password that passes the policy, for the commands on the screen.
const EXAMPLE_PASSWORD: &str = "correct horse battery staple";

/// Shows the banner.
pub(super) fn banner(config: &Config, dev: &Dev) {
    let authctl = std::env::current_exe()
        .ok()
        .and_then(|exe| exe.parent().map(|folder| folder.join("authctl")))
        .filter(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from("authctl"));
    let authctl = authctl.display();
    let socket = match dev.ephemeral {
        Some(_) => format!(" --socket {}", config.admin.socket.display()),
        None => String::new(),
    };
    let url = &config.api.public_url;
    let DatabaseUrl::Sqlite(database) = &config.database.url;
    let mut out = Printer::stdout();
    out.line(format_args!(
        "
  *** DEVELOPMENT MODE: loopback only, no TLS, keys beside the data. Not for real accounts. ***

  API       {url}
  Data      {data}
  Sockets   {admin}

  Next: make a tenant, make a user, sign in.

    {authctl}{socket} tenant create acme
    echo '{EXAMPLE_PASSWORD}' | {authctl}{socket} -t acme user create --email alice@acme.test --password-stdin --permanent
    curl -s {url}/v1/auth/login -H 'content-type: application/json' -d '{{\"tenant\":\"acme\",\"email\":\"alice@acme.test\",\"password\":\"{EXAMPLE_PASSWORD}\"}}'

  Stop with Ctrl-C.
",
        data = database.display(),
        admin = config.admin.socket.display(),
    ));
    // A screen that is gone needs no banner.
    drop(out.finish());
}
