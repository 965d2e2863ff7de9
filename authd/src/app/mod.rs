//! The use cases: one file a resource, one function a verb. No sockets, no SQL, no HTTP.

pub mod context;
pub mod error;

pub use context::{Caller, Client, Operator};
pub use error::Error;
