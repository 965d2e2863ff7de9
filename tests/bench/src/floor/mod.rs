//! Floors: what the machine gives without the work that is measured, each a process of its own.
//! None shares state with authd; the one of HTTP shares its accept loop and gate on purpose.

pub(crate) mod http;
pub(crate) mod verify;
