//! An installation in process, which the test binaries of this folder share: a real database in a
//! folder of its own, a clock that stands still, random bytes from a seed. Every second write runs
//! twice, the first time undone, so that a closure that cannot be repeated shows.

mod installation;
mod post;

pub(crate) use installation::{
    Installation, NOW, Plan, given, new_tenant, new_user, operator, plan, reference,
};
pub(crate) use post::FakePost;
