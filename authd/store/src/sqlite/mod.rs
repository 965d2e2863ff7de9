//! SQLite: one writer thread that commits groups, readers beside it.
