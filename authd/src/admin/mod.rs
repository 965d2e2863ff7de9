//! The admin channel: listener, peers, and one file a resource; no rules of its own.
