//! authd: the identity daemon. The binary is `main.rs`; tests start the same parts through here.
