//! Everything cryptographic: hash pool, keys, tokens, randomness.
//! No primitive is written here, no rule is decided here, and a failure is never worked around.

mod error;
mod frame;
mod jwt;
mod kept_secret;
mod key_file;
mod keys;
mod pool;
mod random;
mod refresh;
mod signing;
mod wrap;

pub use error::{CryptoError, TokenError};
pub use frame::sha256;
pub use jwt::{Expected, VerifiedToken};
pub use kept_secret::{DeviceSecret, MailedSecret};
pub use key_file::{KeyFileError, read_private};
pub use keys::KeyRing;
pub use pool::{HashError, HashPool, HashSettings, Lane, NoPlace, Place, scheme_of};
pub use random::{Random, SeededRandom, SystemRandom, bytes, generated_password, new_id};
pub use refresh::RefreshToken;
pub use wrap::WrapKey;
