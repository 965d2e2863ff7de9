//! Reads the tree and fails where it does not keep its own rules: layers, sizes, documents.
//! It runs nothing of the project; what can be seen by running belongs to the other tests.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "tests: what fails here is the message"
)]

mod documents;
mod layers;
mod packages;
mod paths;
mod rows;
mod security;
mod shape;
mod tree;
