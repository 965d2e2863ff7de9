//! Everything cryptographic: hash pool, keys, tokens, randomness.
//! No primitive is written here, no rule is decided here, and a failure is never worked around.

mod entry;
mod error;
mod frame;
mod jwt;
mod kept_secret;
mod key_file;
mod keys;
mod pem;
mod pepper;
mod pool;
mod random;
mod refresh;
mod signing;
mod signing_set;
mod wrap;

pub use error::{CryptoError, TokenError};
pub use frame::sha256;
pub use jwt::{Expected, Inspected, VerifiedToken};
pub use kept_secret::{ClientSecret, DeviceSecret, MailedSecret};
pub use key_file::{KeyFileError, private_bytes, read_private};
pub use keys::KeyRing;
pub use pem::pkcs8;
pub use pepper::Pepper;
pub use pool::{
    Calibration, HashError, HashPool, HashSettings, HashWork, Lane, NextHashing, NoPlace, Place,
    scheme_of,
};
pub use random::{
    DrawnAhead, Random, SeededRandom, SystemRandom, bytes, generated_password, new_id, new_ids,
};
pub use refresh::RefreshToken;
pub use signing_set::SigningSet;
pub use wrap::WrapKey;
