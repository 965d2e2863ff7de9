-- What happened, numbered in the order of commits: there is one writer, and a number is taken within
-- its transaction. Numbers are never given twice, also when all rows are gone.

CREATE TABLE events (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    -- NULL: of no tenant, so every tenant's.
    tenant_id BLOB,
    -- An id's sixteen bytes, or the text of a token's id.
    subject   ANY NOT NULL
) STRICT;
CREATE INDEX events_by_tenant ON events (tenant_id, number);
INSERT INTO sqlite_sequence (name, seq) VALUES ('events', 0);

-- Whatever revokes is seen here, by which statement it may come: none can forget to say so.
CREATE TRIGGER event_of_session AFTER UPDATE OF ended_at ON sessions
WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL BEGIN
    INSERT INTO events (at, kind, tenant_id, subject)
    VALUES (NEW.ended_at, 'session', NEW.tenant_id, NEW.id);
END;
CREATE TRIGGER event_of_denied_token AFTER INSERT ON denied_tokens BEGIN
    INSERT INTO events (at, kind, tenant_id, subject)
    VALUES (NEW.denied_at, 'jti', NEW.tenant_id, NEW.jti);
END;
-- A user that is deleted is disabled before.
CREATE TRIGGER event_of_user AFTER UPDATE OF status ON users
WHEN OLD.status <> 'disabled' AND NEW.status = 'disabled' BEGIN
    INSERT INTO events (at, kind, tenant_id, subject)
    VALUES (NEW.updated_at, 'user', NEW.tenant_id, NEW.id);
END;
CREATE TRIGGER event_of_tenant AFTER UPDATE OF status, deleted_at, restored_at ON tenants
WHEN (OLD.status <> 'suspended' AND NEW.status = 'suspended')
    OR (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
    OR OLD.restored_at IS NOT NEW.restored_at
BEGIN
    INSERT INTO events (at, kind, tenant_id, subject)
    VALUES (NEW.updated_at, 'tenant', NEW.id, NEW.id);
END;
CREATE TRIGGER event_of_client AFTER UPDATE OF generation ON clients BEGIN
    INSERT INTO events (at, kind, tenant_id, subject)
    VALUES (NEW.updated_at, 'client', NEW.tenant_id, NEW.id);
END;
CREATE TRIGGER event_of_key AFTER UPDATE OF state ON keys
WHEN NEW.purpose = 'signing' AND OLD.state <> 'gone' AND NEW.state = 'gone' BEGIN
    INSERT INTO events (at, kind, tenant_id, subject)
    VALUES (coalesce(NEW.ends_at, NEW.retires_at, NEW.activates_at), 'key', NULL, NEW.id);
END;
