-- Service clients: programs of a tenant that ask about its tokens, revoke them, and follow the feed.

CREATE TABLE clients (
    id           BLOB PRIMARY KEY,
    tenant_id    BLOB NOT NULL REFERENCES tenants (id),
    name         TEXT NOT NULL,
    -- Names of scopes with a blank between.
    scopes       TEXT NOT NULL,
    expires_at   INTEGER,
    -- Tokens of another generation are void: it moves when a secret ends.
    generation   INTEGER NOT NULL,
    last_used_at INTEGER,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    UNIQUE (tenant_id, name)
) STRICT, WITHOUT ROWID;

-- At most two a client, so that one can follow the other without a pause.
CREATE TABLE client_secrets (
    client_id  BLOB NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    -- The highest is the newest, whatever the clock said.
    number     INTEGER NOT NULL,
    hash       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE client_roles (
    client_id BLOB NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    role_id   BLOB NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    PRIMARY KEY (client_id, role_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_roles_by_role ON client_roles (role_id);
