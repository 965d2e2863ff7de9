//! `authd keys …` on the command line.

use std::path::PathBuf;

use clap::Subcommand;
use domain::key::SigningAlgorithm;

/// What to do with the keys.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Keys {
    /// List the keys, also where the wrap key is lost
    List,
    /// Make a signing key that takes over; tokens of the present one stay good
    Generate {
        #[expect(clippy::doc_markdown, reason = "help is no Markdown")]
        /// EdDSA, ES256 or RS256; token.algorithm where it is absent
        #[arg(long, value_name = "ALG", value_parser = algorithm)]
        alg: Option<SigningAlgorithm>,
    },
    /// Let a signing key from elsewhere take over
    Import {
        /// Its private half: PKCS#8, PEM or DER, of mode 0600
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the public halves (JWKS)
    ExportPublic,
    /// Put every key under another wrap key; nothing ends
    Rewrap {
        /// The new wrap key, of mode 0600, or - for standard input; else made
        #[arg(value_name = "FILE")]
        new: Option<PathBuf>,
    },
    /// Make every key anew: the wrap key is lost, and everybody is signed out
    Renew {
        /// The new wrap key, of mode 0600, or - for standard input; else made
        #[arg(value_name = "FILE")]
        new: Option<PathBuf>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

fn algorithm(name: &str) -> Result<SigningAlgorithm, String> {
    SigningAlgorithm::from_name(name).ok_or_else(|| "expected EdDSA, ES256 or RS256".to_owned())
}
