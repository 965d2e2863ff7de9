//! From the configuration to the post that takes letters, and what stands in its way.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::secret::Secret;
use common::time::Clock;
use domain::mailbox::Mailbox;

use super::exit::Failure;
use super::surroundings::unseen;
use crate::config::{Config, DatabaseUrl, Fault, MailTls, Origin, Transport};
use crate::crypto::read_private;
use crate::mail::{
    Authorities, Correspondent, Encryption, Folder, Log, Post, Server, Smtp, Stationery, Templates,
    check_templates,
};

/// Builds the post; none if no mail leaves.
pub(super) fn post(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<dyn Post>>, Failure> {
    let mail = &config.mail;
    if mail.transport == Transport::None {
        return Ok(None);
    }
    let stationery = stationery(config, clock)?;
    Ok(Some(match mail.transport {
        Transport::None => return Ok(None),
        Transport::Log => Arc::new(Log::new(stationery)),
        Transport::File => Arc::new(Folder::new(stationery, state_folder(config).join("mail"))),
        Transport::Smtp => {
            let server = server(config)?;
            let smtp = Smtp::new(stationery, server).map_err(|error| {
                Failure::config(
                    format!("the certificate authorities of this machine cannot be used: {error}"),
                    "Install ca-certificates, or name a file: SSL_CERT_FILE",
                )
            })?;
            Arc::new(smtp)
        }
    }))
}

fn stationery(config: &Config, clock: &Arc<dyn Clock>) -> Result<Stationery, Failure> {
    let mail = &config.mail;
    let from = mail.from.as_ref().ok_or_else(|| unset("mail.from"))?;
    Ok(Stationery {
        from: correspondent(from),
        reply_to: mail.reply_to.as_ref().map(correspondent),
        templates: Templates::new(Some(mail.template_dir.clone())),
        clock: Arc::clone(clock),
    })
}

fn correspondent(mailbox: &Mailbox) -> Correspondent {
    Correspondent {
        name: mailbox.name.clone(),
        address: mailbox.address.clone(),
    }
}

fn server(config: &Config) -> Result<Server, Failure> {
    let mail = &config.mail;
    let host = mail.host.clone().ok_or_else(|| unset("mail.host"))?;
    let credentials = match &mail.username {
        Some(user) => Some((user.clone(), PasswordSource::of(config).load()?)),
        None => None,
    };
    Ok(Server {
        host,
        port: mail.port,
        encryption: match mail.tls {
            MailTls::Starttls => Encryption::Starttls,
            MailTls::Implicit => Encryption::Implicit,
            MailTls::None => Encryption::None,
        },
        authorities: Authorities::System,
        credentials,
        timeout: mail.timeout,
    })
}

/// The check of the configuration comes before; this is its second line.
fn unset(key: &str) -> Failure {
    Failure::config(format!("\"{key}\" is not set"), format!("Set it: {key}"))
}

fn state_folder(config: &Config) -> &Path {
    let DatabaseUrl::Sqlite(path) = &config.database.url;
    path.parent().unwrap_or(Path::new("."))
}

/// What stands in the way of mails: the password stops a start, a broken template does not.
pub(super) fn faults(config: &Config, faults: &mut Vec<Fault>) {
    let mail = &config.mail;
    if mail.transport == Transport::Smtp && mail.username.is_some() {
        let source = PasswordSource::of(config);
        if let Err(failure) = source.load() {
            let key = "mail.password_credential";
            let fault = Fault::new(failure.message()).of(key);
            faults.push(unseen(&mail.password_credential, key).unwrap_or(fault));
        }
    }
    if mail.transport == Transport::None {
        return;
    }
    for broken in check_templates(&mail.template_dir) {
        let origin = match broken.line {
            Some(line) => Origin::File {
                path: broken.path,
                line,
                column: 1,
            },
            None => Origin::Path(broken.path),
        };
        let message = format!("{}; the built-in template stands in", broken.reason);
        faults.push(Fault::warning(message).at(origin).of("mail.template_dir"));
    }
}

/// How a password gets to its place.
const PASSWORD_HINT: &str =
    "Put it into a credential of the unit (authd(8), CREDENTIALS), or a file of mode 0600.";

/// Where a password is kept: a credential, else a file beside the database.
pub(super) struct PasswordSource {
    name: String,
    credentials_directory: Option<PathBuf>,
    path: PathBuf,
}

impl PasswordSource {
    fn of(config: &Config) -> Self {
        Self::named(config, &config.mail.password_credential)
    }

    /// The one of that name.
    pub(super) fn named(config: &Config, name: &str) -> Self {
        let name = name.to_owned();
        let credentials_directory = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let credential = credentials_directory
            .as_ref()
            .map(|folder| folder.join(&name))
            .filter(|path| path.exists());
        let path = credential.unwrap_or_else(|| state_folder(config).join(&name));
        Self {
            name,
            credentials_directory,
            path,
        }
    }

    fn load(&self) -> Result<Secret<String>, Failure> {
        self.load_if_there("SMTP password")?.ok_or_else(|| {
            let message = format!(
                "the SMTP password is missing: no credential {} and no file {}",
                self.name,
                self.path.display()
            );
            Failure::config(message, PASSWORD_HINT)
        })
    }

    /// The password, if there is such a credential or file.
    pub(super) fn load_if_there(&self, what: &str) -> Result<Option<Secret<String>>, Failure> {
        let read = read_private(&self.path, self.credentials_directory.as_deref());
        let read =
            read.map_err(|error| Failure::config(format!("{what}: {error}"), PASSWORD_HINT))?;
        let Some(text) = read else {
            return Ok(None);
        };
        // Editors end a line; passwords do not.
        let password = text.expose().trim_end_matches(['\r', '\n']);
        if password.is_empty() || password.contains(['\r', '\n', '\0']) {
            let message = format!("{what}: {} does not hold one line", self.path.display());
            return Err(Failure::config(message, PASSWORD_HINT));
        }
        Ok(Some(Secret::new(password.to_owned())))
    }
}
