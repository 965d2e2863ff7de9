-- The outbox (template and ids, never a secret), and tokens of mailed links by their hash.

CREATE TABLE outbox (
    id          BLOB PRIMARY KEY,
    -- No references: what was mailed counts for its address when tenant and user are gone, and a
    -- request for a name that nobody has writes a row too, and takes it back.
    tenant_id   BLOB NOT NULL,
    user_id     BLOB NOT NULL,
    template    TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    ip          TEXT,
    device      TEXT,
    -- Milliseconds from the moment at which the link is made.
    link_life   INTEGER,
    state       TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'dead')),
    tries       INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER NOT NULL,
    last_error  TEXT,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER,
    CHECK ((finished_at IS NULL) = (state = 'queued'))
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (next_try_at) WHERE state = 'queued';
CREATE INDEX outbox_dead ON outbox (id) WHERE state = 'dead';
CREATE INDEX outbox_sent ON outbox (finished_at) WHERE state = 'sent';
CREATE INDEX outbox_by_tenant ON outbox (tenant_id, id);
CREATE INDEX outbox_by_recipient ON outbox (recipient, created_at);

-- One a user: a newer one takes the place of the older (rule 22).
CREATE TABLE mailed_tokens (
    user_id    BLOB PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    tenant_id  BLOB NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    -- 0: printed for an administrator, which proves no mailbox.
    is_mailed  INTEGER NOT NULL CHECK (is_mailed IN (0, 1)),
    made_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mailed_tokens_by_end ON mailed_tokens (expires_at);
CREATE INDEX mailed_tokens_by_tenant ON mailed_tokens (tenant_id);
