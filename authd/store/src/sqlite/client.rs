//! Service clients: of one tenant, and by id for one whose tenant is not known yet.

use common::id::{ClientId, RoleId, TenantId};
use common::time::Time;
use domain::client::{ClientScope, ClientSecretRow, ServiceClient};
use domain::rights::Right;
use domain::role::RoleName;
use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};

use super::row::{BAD_AFTER, Columns, Conditions, id_value, text_value};
use super::tx::{TenantTx, Tx};
use crate::error::StoreError;
use crate::resource::{ClientFilter, ClientRow, Clients, ClientsRead, PageRequest};

/// The columns of a client, in the order that [`read`] takes them. Roles have their prefix.
pub(super) const COLUMNS: &str = "c.id, c.tenant_id, c.name, c.scopes, c.generation, \
    c.expires_at, c.last_used_at, c.created_at, c.updated_at, \
    (SELECT group_concat(CASE WHEN r.tenant_id IS NULL THEN 'system:' ELSE '' END || r.name) \
    FROM client_roles m JOIN roles r ON r.id = m.role_id WHERE m.client_id = c.id)";

/// What the roles of a client grant.
pub(super) const RIGHTS_OF: &str = "SELECT DISTINCT p.permission FROM clients c \
    JOIN client_roles m ON m.client_id = c.id JOIN role_permissions p ON p.role_id = m.role_id \
    WHERE c.id = ?2 AND c.tenant_id = ?1";

/// Reads [`COLUMNS`]; the secrets stand in rows of their own.
fn read(columns: &mut Columns<'_, '_>) -> Result<ServiceClient, StoreError> {
    Ok(ServiceClient {
        id: columns.id("clients.id")?,
        tenant_id: columns.id("clients.tenant_id")?,
        name: columns.take("clients.name")?,
        scopes: columns.parse("clients.scopes", |text: String| scopes(&text))?,
        generation: columns.take("clients.generation")?,
        expires_at: columns.time_optional("clients.expires_at")?,
        last_used_at: columns.time_optional("clients.last_used_at")?,
        created_at: columns.time("clients.created_at")?,
        updated_at: columns.time("clients.updated_at")?,
        roles: columns.sorted::<RoleName>("client_roles.role_id")?,
        secrets: Vec::new(),
    })
}

fn scopes(text: &str) -> Option<Vec<ClientScope>> {
    text.split_ascii_whitespace()
        .map(ClientScope::from_name)
        .collect()
}

fn scope_names(client: &ServiceClient) -> String {
    let names: Vec<&str> = client.scopes.iter().map(|scope| scope.as_str()).collect();
    names.join(" ")
}

impl Tx<'_> {
    fn with_secrets(&self, client: ServiceClient) -> Result<ServiceClient, StoreError> {
        let secrets = self.all(
            "clients.secrets",
            "SELECT number, hash, created_at FROM client_secrets WHERE client_id = ?1 \
             ORDER BY number DESC",
            params![client.id.as_bytes()],
            |columns| {
                Ok(ClientSecretRow {
                    number: columns.take("client_secrets.number")?,
                    hash: columns.take("client_secrets.hash")?,
                    created_at: columns.time("client_secrets.created_at")?,
                })
            },
        )?;
        Ok(ServiceClient { secrets, ..client })
    }

    /// The client with an id, of whatever tenant that is there.
    pub(super) fn client_of_any_tenant(
        &self,
        id: ClientId,
    ) -> Result<Option<ServiceClient>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM clients c JOIN tenants t ON t.id = c.tenant_id \
             WHERE c.id = ?1 AND t.deleted_at IS NULL"
        );
        self.one("clients.any", &sql, params![id.as_bytes()], read)?
            .map(|client| self.with_secrets(client))
            .transpose()
    }

    /// A list of clients by tenant and name.
    pub(super) fn list_clients(
        &self,
        filter: &ClientFilter,
        page: &PageRequest,
    ) -> Result<Vec<ClientRow>, StoreError> {
        let mut asked = Conditions::new();
        asked.and_some("c.tenant_id = ?", filter.tenant.map(id_value));
        if let Some(after) = &page.after {
            let (slug, name) = after.split_once('/').ok_or(BAD_AFTER)?;
            asked.and(
                "(t.slug, c.name) > (?, ?)",
                [text_value(slug), text_value(name)],
            );
        }
        let sql = format!(
            "SELECT {COLUMNS}, t.slug FROM clients c JOIN tenants t ON t.id = c.tenant_id \
             WHERE t.deleted_at IS NULL AND {} ORDER BY t.slug, c.name LIMIT ?",
            asked.sql(),
        );
        let values = params_from_iter(asked.limited(page.limit));
        let rows = self.all("operator.clients", &sql, values, |columns| {
            Ok(ClientRow {
                client: read(columns)?,
                tenant: columns.slug("tenants.slug")?,
            })
        })?;
        rows.into_iter()
            .map(|row| {
                Ok(ClientRow {
                    client: self.with_secrets(row.client)?,
                    ..row
                })
            })
            .collect()
    }
}

impl TenantTx<'_> {
    fn client_where(
        &self,
        operation: &'static str,
        condition: &'static str,
        value: &Value,
    ) -> Result<Option<ServiceClient>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM clients c WHERE c.tenant_id = ?1 AND {condition} = ?2");
        let values = params![self.id.as_bytes(), value];
        self.tx
            .one(operation, &sql, values, read)?
            .map(|client| self.tx.with_secrets(client))
            .transpose()
    }

    /// Roles of another tenant are not given.
    fn give_roles(&self, id: ClientId, roles: &[RoleId]) -> Result<(), StoreError> {
        for role in roles {
            self.tx.run(
                "clients.give_role",
                "INSERT OR IGNORE INTO client_roles (client_id, role_id) SELECT ?2, id FROM roles \
                 WHERE id = ?3 AND (tenant_id = ?1 OR tenant_id IS NULL)",
                params![self.id.as_bytes(), id.as_bytes(), role.as_bytes()],
            )?;
        }
        Ok(())
    }

    fn write_secrets(&self, id: ClientId, secrets: &[ClientSecretRow]) -> Result<(), StoreError> {
        for secret in secrets {
            self.tx.run(
                "clients.write_secret",
                "INSERT INTO client_secrets (client_id, number, hash, created_at) \
                 SELECT id, ?3, ?4, ?5 FROM clients WHERE tenant_id = ?1 AND id = ?2",
                params![
                    self.id.as_bytes(),
                    id.as_bytes(),
                    secret.number,
                    secret.hash,
                    secret.created_at.millis()
                ],
            )?;
        }
        Ok(())
    }

    fn set_generation(&self, id: ClientId, generation: i64, at: Time) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "clients.set_generation",
            "UPDATE clients SET generation = ?3, updated_at = ?4 \
             WHERE tenant_id = ?1 AND id = ?2",
            params![self.id.as_bytes(), id.as_bytes(), generation, at.millis()],
        )?;
        Ok(changed > 0)
    }
}

impl ClientsRead for TenantTx<'_> {
    fn by_id(&self, id: ClientId) -> Result<Option<ServiceClient>, StoreError> {
        self.client_where("clients.by_id", "c.id", &id_value(id))
    }

    fn by_name(&self, name: &str) -> Result<Option<ServiceClient>, StoreError> {
        self.client_where("clients.by_name", "c.name", &text_value(name))
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        self.tx.all(
            "clients.names",
            "SELECT name FROM clients WHERE tenant_id = ?1 ORDER BY name",
            params![self.id.as_bytes()],
            |columns| columns.take("clients.name"),
        )
    }

    fn rights_of(&self, id: ClientId) -> Result<Vec<Right>, StoreError> {
        let keys = params![self.id.as_bytes(), id.as_bytes()];
        self.tx
            .all("clients.rights_of", RIGHTS_OF, keys, |columns| {
                columns.parse("role_permissions.permission", |text: String| {
                    text.parse().ok()
                })
            })
    }
}

impl Clients for TenantTx<'_> {
    fn insert(&self, client: &ServiceClient, roles: &[RoleId]) -> Result<(), StoreError> {
        self.tx.run(
            "clients.insert",
            "INSERT INTO clients (id, tenant_id, name, scopes, expires_at, generation, \
             last_used_at, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                client.id.as_bytes(),
                self.id.as_bytes(),
                client.name,
                scope_names(client),
                client.expires_at.map(Time::millis),
                client.generation,
                client.last_used_at.map(Time::millis),
                client.created_at.millis(),
                client.updated_at.millis(),
            ],
        )?;
        self.give_roles(client.id, roles)?;
        self.write_secrets(client.id, &client.secrets)
    }

    fn update(&self, client: &ServiceClient, roles: &[RoleId]) -> Result<(), StoreError> {
        let changed = self.tx.run(
            "clients.update",
            "UPDATE clients SET name = ?3, scopes = ?4, expires_at = ?5, updated_at = ?6 \
             WHERE tenant_id = ?1 AND id = ?2",
            params![
                self.id.as_bytes(),
                client.id.as_bytes(),
                client.name,
                scope_names(client),
                client.expires_at.map(Time::millis),
                client.updated_at.millis(),
            ],
        )?;
        if changed == 0 {
            return Ok(());
        }
        self.tx.run(
            "clients.take_roles",
            "DELETE FROM client_roles WHERE client_id = ?1",
            params![client.id.as_bytes()],
        )?;
        self.give_roles(client.id, roles)
    }

    fn set_secrets(
        &self,
        id: ClientId,
        secrets: &[ClientSecretRow],
        generation: Option<i64>,
        at: Time,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "clients.end_secrets",
            "DELETE FROM client_secrets WHERE client_id = \
             (SELECT id FROM clients WHERE tenant_id = ?1 AND id = ?2)",
            params![self.id.as_bytes(), id.as_bytes()],
        )?;
        self.write_secrets(id, secrets)?;
        if let Some(generation) = generation {
            return self.set_generation(id, generation, at).map(drop);
        }
        self.tx
            .run(
                "clients.updated",
                "UPDATE clients SET updated_at = ?3 WHERE tenant_id = ?1 AND id = ?2",
                params![self.id.as_bytes(), id.as_bytes(), at.millis()],
            )
            .map(drop)
    }

    fn touch(&self, id: ClientId, at: Time) -> Result<(), StoreError> {
        self.tx
            .run(
                "clients.touch",
                "UPDATE clients SET last_used_at = max(coalesce(last_used_at, ?3), ?3) \
                 WHERE tenant_id = ?1 AND id = ?2",
                params![self.id.as_bytes(), id.as_bytes(), at.millis()],
            )
            .map(drop)
    }

    fn delete(&self, id: ClientId, generation: i64, at: Time) -> Result<bool, StoreError> {
        // The feed tells of the generation that ends.
        if !self.set_generation(id, generation, at)? {
            return Ok(false);
        }
        let deleted = self.tx.run(
            "clients.delete",
            "DELETE FROM clients WHERE tenant_id = ?1 AND id = ?2",
            params![self.id.as_bytes(), id.as_bytes()],
        )?;
        Ok(deleted > 0)
    }
}

/// Ends what a client proves itself with; `?2` rows at most.
pub(super) const END_SECRETS: &str = "DELETE FROM client_secrets WHERE client_id IN \
    (SELECT s.client_id FROM clients c JOIN client_secrets s ON s.client_id = c.id \
    WHERE c.tenant_id = ?1 LIMIT ?2)";

/// The clients of one tenant.
pub(super) const DELETE_CLIENTS: &str = "DELETE FROM clients WHERE id IN \
    (SELECT id FROM clients WHERE tenant_id = ?1 LIMIT ?2)";

impl Tx<'_> {
    pub(super) fn end_client_secrets(
        &self,
        tenant: TenantId,
        limit: u32,
    ) -> Result<u32, StoreError> {
        let values = params![tenant.as_bytes(), limit];
        self.count("purge.client_secrets", END_SECRETS, values)
    }
}
