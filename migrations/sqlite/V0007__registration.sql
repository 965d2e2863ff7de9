-- Registrations that wait for the owner of their address, and new addresses of users that wait for
-- theirs. Neither is an account or a name to sign in with (rules 21 and 25).

CREATE TABLE registrations (
    -- The id that the user will have.
    id            BLOB PRIMARY KEY,
    tenant_id     BLOB NOT NULL REFERENCES tenants (id),
    email         TEXT NOT NULL,
    given_name    TEXT,
    family_name   TEXT,
    display_name  TEXT,
    phone         TEXT,
    address       TEXT,
    locale        TEXT,
    hash          TEXT NOT NULL,
    -- IPv4 address or IPv6 /64 that it came from: each may have a part of the places only.
    network       TEXT NOT NULL,
    -- NULL until its mail is sent; a mail that is sent again replaces it.
    token_hash    BLOB UNIQUE,
    -- Passwords that were tried with the token.
    tries         INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX registrations_by_address ON registrations (tenant_id, email, id);
CREATE INDEX registrations_by_network ON registrations (tenant_id, network, expires_at);
CREATE INDEX registrations_by_end ON registrations (expires_at);

-- One a user: a newer one takes the place of the older.
CREATE TABLE pending_emails (
    user_id    BLOB PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    tenant_id  BLOB NOT NULL,
    email      TEXT NOT NULL,
    token_hash BLOB UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_emails_by_end ON pending_emails (expires_at);
CREATE INDEX pending_emails_by_tenant ON pending_emails (tenant_id);
