//! Caches: verified tokens and session state; they may be lost at any moment.
