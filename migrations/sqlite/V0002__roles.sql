-- Roles and permissions. What hangs on a role hangs on its id, so that one made again under the
-- same name inherits nothing; a permission that is undefined leaves every role that held it.

-- Permissions beside the built-in ones: system-wide (without a tenant), or a tenant's own.
CREATE TABLE permissions (
    name        TEXT NOT NULL,
    tenant_id   BLOB REFERENCES tenants (id),
    description TEXT,
    created_at  INTEGER NOT NULL,
    UNIQUE (tenant_id, name)
) STRICT;
-- Two rows without a tenant are never equal for the constraint above.
CREATE UNIQUE INDEX permissions_system_wide ON permissions (name) WHERE tenant_id IS NULL;

-- System roles (without a tenant), and those of tenants.
CREATE TABLE roles (
    id          BLOB PRIMARY KEY,
    tenant_id   BLOB REFERENCES tenants (id),
    name        TEXT NOT NULL,
    description TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    UNIQUE (tenant_id, name)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX roles_of_system ON roles (name) WHERE tenant_id IS NULL;

CREATE TABLE role_permissions (
    role_id    BLOB NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    -- A name of the catalogue, or ALL_PERMISSIONS.
    permission TEXT NOT NULL,
    PRIMARY KEY (role_id, permission)
) STRICT, WITHOUT ROWID;
CREATE INDEX role_permissions_by_name ON role_permissions (permission);

CREATE TABLE user_roles (
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id    BLOB NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    -- The user's tenant.
    tenant_id  BLOB NOT NULL,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, role_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_roles_by_role ON user_roles (role_id, tenant_id);

-- Finds the administrators of a tenant without reading all of its users.
CREATE INDEX users_admins ON users (tenant_id) WHERE is_tenant_admin = 1;

-- The built-in role; its id is the same everywhere.
INSERT INTO roles (id, tenant_id, name, description, created_at, updated_at) VALUES (
    x'019aa0000000700080000000000000a1',
    NULL,
    'superadmin',
    'Everything within the tenant; in the tenant "system" everything',
    CAST(strftime('%s', 'now') AS INTEGER) * 1000,
    CAST(strftime('%s', 'now') AS INTEGER) * 1000
);
INSERT INTO role_permissions (role_id, permission)
VALUES (x'019aa0000000700080000000000000a1', 'ALL_PERMISSIONS');
