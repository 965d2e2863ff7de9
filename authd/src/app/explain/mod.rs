//! Explaining to the operator: why a login ended as it did and what to do next, and by what a user may
//! do something. Nothing is decided here; the rules that decided, or would, are asked again.

mod attempts;
mod login;
mod permission;
mod standing;

pub use login::login;
pub use permission::permission;
