//! A program that does nothing: what the start of one costs.

fn main() {}
