//! The HTTP API: router, extractors, error shape; one file a resource; no rules of its own.
