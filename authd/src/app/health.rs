//! Whether the daemon can answer: one read of the database.

use crate::app::{App, Error};

/// Reads one fact from the database.
///
/// # Errors
/// `unavailable` if the database does not answer.
pub async fn probe(app: &App) -> Result<(), Error> {
    app.store
        .read(|tx| tx.meta().value("issuer").map(drop))
        .await
        .map_err(Error::from)
}
