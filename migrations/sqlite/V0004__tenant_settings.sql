-- Values that a tenant has of its own, in the spelling of the configuration. The operator's value
-- for a tenant and the tenant's own stand side by side: the latter holds where it is stricter.
CREATE TABLE tenant_settings (
    tenant_id  BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    key        TEXT NOT NULL,
    set_by     TEXT NOT NULL CHECK (set_by IN ('operator', 'tenant')),
    value      TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, key, set_by)
) STRICT, WITHOUT ROWID;
