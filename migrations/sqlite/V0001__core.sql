-- The core: tenants, users, passwords, sessions, counters, attempts, keys, audit.
-- Times are milliseconds since 1970. Ids are the sixteen bytes of a UUIDv7.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tenants (
    id         BLOB PRIMARY KEY,
    slug       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    time_zone  TEXT NOT NULL,
    plan       TEXT NOT NULL,
    ends_at    INTEGER,
    max_users  INTEGER CHECK (max_users >= 0),
    -- Rows of users, kept by triggers: counting a million rows for each new user would take too long.
    users      INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A slug, once used, is never given again; rows stay when their tenant is gone.
CREATE TABLE used_slugs (
    slug    TEXT PRIMARY KEY,
    used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    id              BLOB PRIMARY KEY,
    tenant_id       BLOB NOT NULL REFERENCES tenants (id),
    email           TEXT NOT NULL,
    email_verified  INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    given_name      TEXT,
    family_name     TEXT,
    display_name    TEXT,
    phone           TEXT,
    address         TEXT,
    locale          TEXT,
    employee_id     TEXT,
    kra_pin         TEXT,
    external_refs   TEXT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN ('invited', 'active', 'disabled')),
    is_tenant_admin INTEGER NOT NULL CHECK (is_tenant_admin IN (0, 1)),
    -- Key of the counter of this name; equal to what a login with the name computes.
    subject         BLOB NOT NULL,
    last_login_at   INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (tenant_id, email)
) STRICT, WITHOUT ROWID;
CREATE INDEX users_by_email ON users (email);
CREATE INDEX users_by_subject ON users (subject);
CREATE TRIGGER users_added AFTER INSERT ON users BEGIN
    UPDATE tenants SET users = users + 1 WHERE id = NEW.tenant_id;
END;
CREATE TRIGGER users_removed AFTER DELETE ON users BEGIN
    UPDATE tenants SET users = users - 1 WHERE id = OLD.tenant_id;
END;

CREATE TABLE credentials (
    user_id     BLOB PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    tenant_id   BLOB NOT NULL,
    hash        TEXT NOT NULL,
    -- The PHC string up to its salt: what a check costs.
    scheme      TEXT NOT NULL,
    version     INTEGER NOT NULL,
    -- NULL: chosen by its owner, or set to stand.
    expires_at  INTEGER,
    logins_left INTEGER,
    changed_at  INTEGER NOT NULL,
    CHECK ((expires_at IS NULL) = (logins_left IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX credentials_by_scheme ON credentials (scheme);

CREATE TABLE sessions (
    id             BLOB PRIMARY KEY,
    tenant_id      BLOB NOT NULL REFERENCES tenants (id),
    user_id        BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device_id      TEXT,
    device_name    TEXT,
    device_type    TEXT,
    ip             TEXT,
    auth_time      INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    last_active_at INTEGER NOT NULL,
    generation     INTEGER NOT NULL,
    rotated_at     INTEGER NOT NULL,
    salt           BLOB NOT NULL,
    refresh_key    INTEGER NOT NULL,
    ended_at       INTEGER,
    end_reason     TEXT,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_open_by_user ON sessions (user_id, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_open_by_tenant ON sessions (tenant_id, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE devices (
    secret_hash  BLOB PRIMARY KEY,
    tenant_id    BLOB NOT NULL,
    user_id      BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_by_user ON devices (user_id, last_used_at);

-- Counters of failed tries: the same table for known and unknown names, devices and sessions.
CREATE TABLE counters (
    key              BLOB PRIMARY KEY,
    kind             TEXT NOT NULL CHECK (kind IN ('subject', 'device', 'session')),
    tenant_id        BLOB,
    locked_until     INTEGER,
    locking_failures INTEGER NOT NULL DEFAULT 0,
    -- A lock by hand: 0 none, 1 until manual_until, 2 until cleared.
    manual           INTEGER NOT NULL DEFAULT 0 CHECK (manual IN (0, 1, 2)),
    manual_until     INTEGER,
    last_failure_at  INTEGER,
    last_ip          TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX counters_locked ON counters (locked_until) WHERE locked_until IS NOT NULL;
CREATE INDEX counters_manual ON counters (key) WHERE manual > 0;
CREATE INDEX counters_by_failure ON counters (last_failure_at);

-- Evaluated failures that count, and tries being evaluated (with the run of the daemon that opened
-- them). Rows go when the window is over; AUTOINCREMENT, so that a number never names a later try.
CREATE TABLE tries (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    counter BLOB NOT NULL,
    at      INTEGER NOT NULL,
    boot    BLOB
) STRICT;
CREATE INDEX tries_by_counter ON tries (counter, at);
CREATE INDEX tries_open ON tries (boot) WHERE boot IS NOT NULL;
CREATE INDEX tries_by_time ON tries (at) WHERE boot IS NULL;

-- The log of attempts. A folded row stands for all tries of its subject, hour and outcome.
CREATE TABLE attempts (
    id          BLOB PRIMARY KEY,
    at          INTEGER NOT NULL,
    tenant_id   BLOB,
    user_id     BLOB,
    subject     BLOB NOT NULL,
    ip          TEXT,
    outcome     TEXT NOT NULL,
    success     INTEGER NOT NULL CHECK (success IN (0, 1)),
    device_id   TEXT,
    device_name TEXT,
    device_type TEXT,
    request_id  BLOB,
    trace       TEXT NOT NULL,
    count       INTEGER NOT NULL DEFAULT 1,
    last_at     INTEGER NOT NULL,
    -- The hour (since 1970) that a folded row stands for; NULL for a row of one try.
    fold_hour   INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX attempts_folded ON attempts (subject, fold_hour, outcome) WHERE fold_hour IS NOT NULL;
-- With fold_hour, although it is always NULL here, so that counting reads the index alone.
CREATE INDEX attempts_alone ON attempts (subject, at, fold_hour) WHERE fold_hour IS NULL;
CREATE INDEX attempts_by_tenant ON attempts (tenant_id, id);
CREATE INDEX attempts_by_user ON attempts (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX attempts_by_last ON attempts (last_at);

CREATE TABLE denied_tokens (
    jti        TEXT PRIMARY KEY,
    tenant_id  BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX denied_tokens_by_end ON denied_tokens (expires_at);

CREATE TABLE keys (
    id         BLOB PRIMARY KEY,
    purpose    TEXT NOT NULL,
    number     INTEGER NOT NULL,
    algorithm  TEXT NOT NULL,
    state      TEXT NOT NULL,
    public     BLOB NOT NULL,
    wrapped    BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (purpose, number)
) STRICT, WITHOUT ROWID;

-- Rows are chained a tenant; chain '' (empty) is the installation's own.
CREATE TABLE audit (
    chain    BLOB NOT NULL,
    number   INTEGER NOT NULL,
    id       BLOB NOT NULL UNIQUE,
    at       INTEGER NOT NULL,
    actor    TEXT NOT NULL,
    action   TEXT NOT NULL,
    object   TEXT NOT NULL,
    payload  TEXT,
    salt     BLOB,
    digest   BLOB NOT NULL,
    previous BLOB NOT NULL,
    mac      BLOB NOT NULL,
    PRIMARY KEY (chain, number)
) STRICT, WITHOUT ROWID;
