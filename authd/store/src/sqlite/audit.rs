//! The audit log: rows chained a tenant, and one chain for the installation.

use common::id::{AuditId, AuditKind, TenantId};
use domain::audit::{AuditEntry, AuditHead, AuditRow, mac_input};
use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};

use super::row::{Columns, Conditions, after_id, id_value, integer, json, text_value, time_value};
use super::tx::Tx;
use crate::error::StoreError;
use crate::resource::{Audit, AuditFilter, AuditRead, PageRequest};

/// The chain's name in its column: a tenant's id, or nothing for the installation.
fn chain(tenant: Option<TenantId>) -> Vec<u8> {
    tenant.map_or_else(Vec::new, |id| id.as_bytes().to_vec())
}

fn tenant(chain: &[u8]) -> Result<Option<TenantId>, StoreError> {
    if chain.is_empty() {
        return Ok(None);
    }
    chain
        .try_into()
        .map(|bytes| Some(TenantId::from_bytes(bytes)))
        .map_err(|_| StoreError::Damaged {
            what: "audit.chain",
        })
}

fn number(value: i64) -> Option<u64> {
    u64::try_from(value).ok()
}

fn read(columns: &mut Columns<'_, '_>) -> Result<AuditRow, StoreError> {
    let tenant_id = tenant(&columns.take::<Vec<u8>>("audit.chain")?)?;
    let number = columns.parse("audit.number", number)?;
    Ok(AuditRow {
        entry: AuditEntry {
            id: columns.id("audit.id")?,
            at: columns.time("audit.at")?,
            tenant_id,
            actor: columns.json("audit.actor")?,
            action: columns.take("audit.action")?,
            object: columns.take("audit.object")?,
            payload: columns.json_optional("audit.payload")?.unwrap_or_default(),
            salt: columns
                .take::<Option<[u8; 16]>>("audit.salt")?
                .unwrap_or_default(),
        },
        number,
        digest: columns.take("audit.digest")?,
        previous: columns.take("audit.previous")?,
        mac: columns.take("audit.mac")?,
    })
}

/// Steps from chain to chain by the key, however many rows each has.
pub(super) const CHAINS: &str = "WITH RECURSIVE found (chain) AS (SELECT min(chain) FROM audit \
    UNION ALL SELECT (SELECT min(a.chain) FROM audit a WHERE a.chain > found.chain) FROM found \
    WHERE found.chain IS NOT NULL) SELECT chain FROM found WHERE chain IS NOT NULL";

impl AuditRead for Tx<'_> {
    fn head(&self, of: Option<TenantId>) -> Result<AuditHead, StoreError> {
        let head = self.one(
            "audit.head",
            "SELECT number, mac FROM audit WHERE chain = ?1 ORDER BY number DESC LIMIT 1",
            params![chain(of)],
            |columns| {
                Ok(AuditHead {
                    number: columns.parse("audit.number", number)?,
                    mac: columns.take("audit.mac")?,
                })
            },
        )?;
        Ok(head.unwrap_or(AuditHead {
            number: 0,
            mac: [0; 32],
        }))
    }

    fn chains(&self) -> Result<Vec<Option<TenantId>>, StoreError> {
        self.all("audit.chains", CHAINS, [], |columns| {
            tenant(&columns.take::<Vec<u8>>("audit.chain")?)
        })
    }

    fn rows(
        &self,
        of: Option<TenantId>,
        from: u64,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.all(
            "audit.rows",
            "SELECT chain, number, id, at, actor, action, object, payload, salt, digest, \
             previous, mac FROM audit WHERE chain = ?1 AND number >= ?2 ORDER BY number LIMIT ?3",
            params![chain(of), integer(from, "audit.number")?, limit],
            read,
        )
    }

    fn by_id(&self, id: AuditId) -> Result<Option<AuditRow>, StoreError> {
        self.one(
            "audit.by_id",
            "SELECT chain, number, id, at, actor, action, object, payload, salt, digest, \
             previous, mac FROM audit WHERE id = ?1",
            params![id.as_bytes()],
            read,
        )
    }

    fn list(&self, filter: &AuditFilter, page: &PageRequest) -> Result<Vec<AuditRow>, StoreError> {
        let asked = conditions(filter, page)?;
        // Within one chain the numbers are the order, and its rows alone are looked at: no tenant's
        // list takes longer for the changes of others.
        let order = if filter.tenant.is_some() {
            "number"
        } else {
            "id"
        };
        let sql = format!(
            "SELECT chain, number, id, at, actor, action, object, payload, salt, digest, previous, \
             mac FROM audit WHERE {} ORDER BY {order} DESC LIMIT ?",
            asked.sql(),
        );
        let values = params_from_iter(asked.limited(page.limit));
        self.all("audit.list", &sql, values, read)
    }
}

fn conditions(filter: &AuditFilter, page: &PageRequest) -> Result<Conditions, StoreError> {
    let mut asked = Conditions::new();
    asked.and_some("chain = ?", filter.tenant.map(id_value));
    if let Some(actor) = filter.actor.as_deref() {
        asked.and(
            "(actor ->> '$.user' = ? OR CAST(actor ->> '$.uid' AS TEXT) = ? \
             OR actor ->> '$.user_id' = ? OR actor ->> '$.client_id' = ?)",
            [(); 4].map(|()| text_value(actor)),
        );
    }
    if let Some(action) = filter.action.as_deref() {
        if action.ends_with('.') {
            let length = i64::try_from(action.chars().count()).unwrap_or(i64::MAX);
            asked.and(
                "substr(action, 1, ?) = ?",
                [Value::Integer(length), text_value(action)],
            );
        } else {
            asked.and("action = ?", [text_value(action)]);
        }
    }
    asked.and_some("object = ?", filter.object.as_deref().map(text_value));
    asked.and_some("at >= ?", filter.since.map(time_value));
    asked.and_some("at < ?", filter.until.map(time_value));
    let after = after_id::<AuditKind>(page)?.map(id_value);
    match (filter.tenant, after) {
        (Some(tenant), Some(after)) => asked.and(
            "number < (SELECT number FROM audit WHERE id = ? AND chain = ?)",
            [after, id_value(tenant)],
        ),
        (_, after) => asked.and_some("id < ?", after),
    }
    Ok(asked)
}

impl Audit for Tx<'_> {
    fn append(
        &self,
        entry: &AuditEntry,
        digest: [u8; 32],
        seal: &dyn Fn(&[u8]) -> [u8; 32],
    ) -> Result<AuditRow, StoreError> {
        let head = self.head(entry.tenant_id)?;
        let number = head.number.saturating_add(1);
        let row = AuditRow {
            entry: entry.clone(),
            number,
            digest,
            previous: head.mac,
            mac: seal(&mac_input(entry, number, &head.mac, &digest)),
        };
        insert(self, &row)?;
        self.run(
            "audit.event",
            "INSERT INTO events (at, kind, tenant_id, subject) VALUES (?1, 'audit', ?2, ?3)",
            params![
                entry.at.millis(),
                entry.tenant_id.map(|id| *id.as_bytes()),
                entry.id.as_bytes(),
            ],
        )?;
        Ok(row)
    }
}

fn insert(tx: &Tx<'_>, row: &AuditRow) -> Result<(), StoreError> {
    tx.run(
        "audit.insert",
        "INSERT INTO audit (chain, number, id, at, actor, action, object, payload, salt, digest, \
         previous, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            chain(row.entry.tenant_id),
            integer(row.number, "audit.number")?,
            row.entry.id.as_bytes(),
            row.entry.at.millis(),
            json(&row.entry.actor, "audit.actor")?,
            row.entry.action,
            row.entry.object,
            json(&row.entry.payload, "audit.payload")?,
            row.entry.salt,
            row.digest,
            row.previous,
            row.mac,
        ],
    )
    .map(drop)
}
