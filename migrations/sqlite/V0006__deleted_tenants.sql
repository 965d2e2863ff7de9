-- Tenants that are deleted: closed at once, restorable until a moment, purged behind it.

-- Beside the status, which a restored tenant has again.
ALTER TABLE tenants ADD COLUMN deleted_at INTEGER;
ALTER TABLE tenants ADD COLUMN purge_at INTEGER CHECK ((deleted_at IS NULL) = (purge_at IS NULL));
-- What is left of a purged one is its name, for the logs.
ALTER TABLE tenants ADD COLUMN purged_at INTEGER CHECK (purged_at IS NULL OR deleted_at IS NOT NULL);
-- Tokens that were made before are void.
ALTER TABLE tenants ADD COLUMN restored_at INTEGER;
CREATE INDEX tenants_deleted ON tenants (purge_at) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

CREATE INDEX devices_by_tenant ON devices (tenant_id);
-- Ended ones too: they go with their user, without a look at everybody's.
CREATE INDEX sessions_by_user ON sessions (user_id);
