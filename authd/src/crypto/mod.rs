//! Everything cryptographic: hash pool, keys, tokens, randomness.
