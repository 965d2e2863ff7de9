//! Tenants, and the slugs that were ever given.

use common::id::TenantId;
use domain::tenant::{Slug, Tenant, TenantStatus};
use rusqlite::params;

use common::time::Time;

use super::row::Columns;
use super::tx::Tx;
use crate::error::StoreError;
use crate::resource::{Deletion, TenantRow, Tenants, TenantsRead};

/// The columns of a tenant, in the order that [`read`] takes them.
pub(super) const COLUMNS: &str = "t.id, t.slug, t.name, t.status, t.time_zone, t.plan, t.ends_at, \
    t.max_users, t.created_at, t.updated_at";

/// Reads [`COLUMNS`].
pub(super) fn read(columns: &mut Columns<'_, '_>) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: columns.id("tenants.id")?,
        slug: columns.slug("tenants.slug")?,
        name: columns.take("tenants.name")?,
        status: columns.parse("tenants.status", |text: String| status(&text))?,
        time_zone: columns.take("tenants.time_zone")?,
        plan: columns.take("tenants.plan")?,
        ends_at: columns.time_optional("tenants.ends_at")?,
        max_users: columns.take("tenants.max_users")?,
        created_at: columns.time("tenants.created_at")?,
        updated_at: columns.time("tenants.updated_at")?,
    })
}

/// The columns behind [`COLUMNS`] that [`read_row`] takes.
pub(super) const ROW_COLUMNS: &str =
    "t.users, t.deleted_at, t.purge_at, t.purged_at, t.restored_at";

/// Reads [`COLUMNS`] and [`ROW_COLUMNS`].
pub(super) fn read_row(columns: &mut Columns<'_, '_>) -> Result<TenantRow, StoreError> {
    Ok(TenantRow {
        tenant: read(columns)?,
        users: columns.take("tenants.users")?,
        deletion: deletion(columns)?,
        restored_at: columns.time_optional("tenants.restored_at")?,
    })
}

fn deletion(columns: &mut Columns<'_, '_>) -> Result<Option<Deletion>, StoreError> {
    let at = columns.time_optional("tenants.deleted_at")?;
    let purge_at = columns.time_optional("tenants.purge_at")?;
    let purged_at = columns.time_optional("tenants.purged_at")?;
    Ok(at.zip(purge_at).map(|(at, purge_at)| Deletion {
        at,
        purge_at,
        purged_at,
    }))
}

fn status(name: &str) -> Option<TenantStatus> {
    [TenantStatus::Active, TenantStatus::Suspended]
        .into_iter()
        .find(|status| status.as_str() == name)
}

pub(super) const BY_SLUG: &str = "SELECT t.id, t.slug, t.name, t.status, t.time_zone, t.plan, t.ends_at, t.max_users, \
     t.created_at, t.updated_at FROM tenants t WHERE t.slug = ?1 AND t.deleted_at IS NULL";

impl Tx<'_> {
    fn tenant_row(
        &self,
        operation: &'static str,
        condition: &str,
        params: impl rusqlite::Params,
    ) -> Result<Option<TenantRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS}, {ROW_COLUMNS} FROM tenants t WHERE {condition}");
        self.one(operation, &sql, params, read_row)
    }
}

impl TenantsRead for Tx<'_> {
    fn by_id(&self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.one(
            "tenants.by_id",
            "SELECT t.id, t.slug, t.name, t.status, t.time_zone, t.plan, t.ends_at, t.max_users, \
             t.created_at, t.updated_at FROM tenants t WHERE t.id = ?1 AND t.deleted_at IS NULL",
            params![id.as_bytes()],
            read,
        )
    }

    fn by_slug(&self, slug: &Slug) -> Result<Option<Tenant>, StoreError> {
        self.one("tenants.by_slug", BY_SLUG, params![slug.as_str()], read)
    }

    fn ever_by_id(&self, id: TenantId) -> Result<Option<TenantRow>, StoreError> {
        self.tenant_row("tenants.ever_by_id", "t.id = ?1", params![id.as_bytes()])
    }

    fn ever_by_slug(&self, slug: &Slug) -> Result<Option<TenantRow>, StoreError> {
        self.tenant_row(
            "tenants.ever_by_slug",
            "t.slug = ?1",
            params![slug.as_str()],
        )
    }

    fn deleted(&self, limit: u32) -> Result<Vec<TenantRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, {ROW_COLUMNS} FROM tenants t \
             WHERE t.deleted_at IS NOT NULL AND t.purged_at IS NULL ORDER BY t.purge_at LIMIT ?1"
        );
        self.all("tenants.deleted", &sql, params![limit], read_row)
    }

    fn slug_used(&self, slug: &Slug) -> Result<bool, StoreError> {
        let found = self.one(
            "tenants.slug_used",
            "SELECT 1 FROM used_slugs WHERE slug = ?1",
            params![slug.as_str()],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }
}

impl Tenants for Tx<'_> {
    fn insert(&self, tenant: &Tenant) -> Result<(), StoreError> {
        use_slug(self, tenant)?;
        self.run(
            "tenants.insert",
            "INSERT INTO tenants (id, slug, name, status, time_zone, plan, ends_at, max_users, \
             created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                tenant.id.as_bytes(),
                tenant.slug.as_str(),
                tenant.name,
                tenant.status.as_str(),
                tenant.time_zone,
                tenant.plan,
                tenant.ends_at.map(Time::millis),
                tenant.max_users,
                tenant.created_at.millis(),
                tenant.updated_at.millis(),
            ],
        )
        .map(drop)
    }

    fn update(&self, tenant: &Tenant) -> Result<bool, StoreError> {
        let changed = self.run(
            "tenants.update",
            "UPDATE tenants SET name = ?2, status = ?3, time_zone = ?4, plan = ?5, ends_at = ?6, \
             max_users = ?7, updated_at = ?8 WHERE id = ?1",
            params![
                tenant.id.as_bytes(),
                tenant.name,
                tenant.status.as_str(),
                tenant.time_zone,
                tenant.plan,
                tenant.ends_at.map(Time::millis),
                tenant.max_users,
                tenant.updated_at.millis(),
            ],
        )?;
        Ok(changed > 0)
    }

    fn delete(&self, id: TenantId, at: Time, purge_at: Time) -> Result<bool, StoreError> {
        let changed = self.run(
            "tenants.delete",
            "UPDATE tenants SET deleted_at = ?2, purge_at = ?3, updated_at = ?2 \
             WHERE id = ?1 AND deleted_at IS NULL",
            params![id.as_bytes(), at.millis(), purge_at.millis()],
        )?;
        Ok(changed > 0)
    }

    fn restore(&self, id: TenantId, at: Time) -> Result<bool, StoreError> {
        let changed = self.run(
            "tenants.restore",
            "UPDATE tenants SET deleted_at = NULL, purge_at = NULL, restored_at = ?2, \
             updated_at = ?2 WHERE id = ?1 AND purge_at > ?2 AND purged_at IS NULL",
            params![id.as_bytes(), at.millis()],
        )?;
        Ok(changed > 0)
    }

    fn set_purged(&self, id: TenantId, at: Time) -> Result<(), StoreError> {
        self.run(
            "tenants.set_purged",
            "UPDATE tenants SET purged_at = ?2, name = slug, updated_at = ?2 \
             WHERE id = ?1 AND deleted_at IS NOT NULL",
            params![id.as_bytes(), at.millis()],
        )
        .map(drop)
    }
}

fn use_slug(tx: &Tx<'_>, tenant: &Tenant) -> Result<(), StoreError> {
    tx.run(
        "tenants.use_slug",
        "INSERT INTO used_slugs (slug, used_at) VALUES (?1, ?2)",
        params![tenant.slug.as_str(), tenant.created_at.millis()],
    )
    .map(drop)
}
