//! The ways for a development daemon: a file a letter, or a line in the log. Both show what is
//! secret in a letter; the configuration keeps them from an installed one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use common::text::visible;

use super::compose::{Stationery, plain};
use super::{Delivery, Letter, Post, Receipt, Undelivered};

/// Puts each letter into a file of a folder: `<message id>.eml`. A later try takes the place of the
/// one before it.
pub struct Folder {
    stationery: Stationery,
    folder: PathBuf,
}

impl Folder {
    /// Letters go to files of that folder, which is made when it is needed.
    pub fn new(stationery: Stationery, folder: PathBuf) -> Self {
        Self { stationery, folder }
    }

    fn put(&self, letter: &Letter) -> Result<Receipt, Undelivered> {
        let composed = self.stationery.compose(letter)?;
        let path = self
            .folder
            .join(format!("{}.eml", plain(&letter.message_id)));
        write(&path, &composed.bytes).map_err(|error| Undelivered {
            is_permanent: false,
            reason: format!("{}: {error}", self.folder.display()),
        })?;
        Ok(Receipt {
            answer: visible(&format!("written to {}", path.display())),
        })
    }
}

/// Appears as a whole or not at all, and to its owner alone.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let draft = path.with_extension("eml.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(bytes)?;
    fs::rename(draft, path)
}

impl Post for Folder {
    fn deliver(&self, letter: Letter) -> Delivery<'_> {
        Box::pin(async move { self.put(&letter) })
    }

    fn description(&self) -> String {
        format!("file {}", self.folder.display())
    }
}

/// Writes each letter to the log.
pub struct Log {
    stationery: Stationery,
}

impl Log {
    /// Letters go to the log.
    pub fn new(stationery: Stationery) -> Self {
        Self { stationery }
    }
}

impl Post for Log {
    fn deliver(&self, letter: Letter) -> Delivery<'_> {
        Box::pin(async move {
            let composed = self.stationery.compose(&letter)?;
            let facts = &letter.facts;
            let shown = |secret: &Option<common::secret::Secret<String>>| {
                secret.as_ref().map(|secret| secret.expose().clone())
            };
            tracing::info!(
                to = %letter.to,
                template = letter.template.as_str(),
                subject = %composed.words.subject,
                link = shown(&facts.link),
                password = shown(&facts.password),
                "mail"
            );
            Ok(Receipt {
                answer: "logged".to_owned(),
            })
        })
    }

    fn description(&self) -> String {
        "log".to_owned()
    }
}
