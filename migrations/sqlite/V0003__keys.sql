-- The life of keys, and what an operator says of a token that it denies.

-- When a key began to be used or will, when it ceased to be, and when it is gone or will be.
ALTER TABLE keys ADD COLUMN activates_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN retires_at INTEGER;
ALTER TABLE keys ADD COLUMN ends_at INTEGER;
UPDATE keys SET activates_at = created_at;
-- There is one key in use for each purpose, never two.
CREATE UNIQUE INDEX keys_active ON keys (purpose) WHERE state = 'active';

-- Without a tenant where an operator denied a token of which it knew nothing but the id.
ALTER TABLE denied_tokens RENAME TO denied_tokens_before;
CREATE TABLE denied_tokens (
    jti        TEXT PRIMARY KEY,
    tenant_id  BLOB,
    denied_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    reason     TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO denied_tokens (jti, tenant_id, denied_at, expires_at)
SELECT jti, tenant_id, max(0, expires_at - 600000), expires_at FROM denied_tokens_before;
DROP TABLE denied_tokens_before;
CREATE INDEX denied_tokens_by_end ON denied_tokens (expires_at);
