//! Values that a tenant has of its own.

use common::id::TenantId;
use common::time::Time;
use domain::session::Floors;
use domain::setting::{OwnSettings, SetBy, Setting, StoredSetting, Value};
use rusqlite::params;

use super::row::Columns;
use super::tx::{TenantTx, Tx};
use crate::error::StoreError;
use crate::resource::{Settings, SettingsRead};

/// All of a tenant.
pub(super) const ALL: &str = "SELECT key, set_by, value, updated_at FROM tenant_settings \
    WHERE tenant_id = ?1 ORDER BY key, set_by";

/// The row that has the floors stands among the values, so that reading these reads them: no key of
/// the configuration is spelt so, and a version that does not know it leaves it out.
const FLOORS: &str = "#floors";

/// One row.
enum Row {
    Value(StoredSetting),
    Floors(Floors),
    /// Of a key of a later version.
    Unknown,
}

fn read(columns: &mut Columns<'_, '_>) -> Result<Row, StoreError> {
    let key: String = columns.take("tenant_settings.key")?;
    let set_by = columns.parse("tenant_settings.set_by", |name: String| {
        SetBy::from_name(&name)
    })?;
    let text: String = columns.take("tenant_settings.value")?;
    let updated_at = columns.time("tenant_settings.updated_at")?;
    if key == FLOORS {
        return Ok(Row::Floors(floors(&text).ok_or(DAMAGED)?));
    }
    let Some(setting) = Setting::from_name(&key) else {
        return Ok(Row::Unknown);
    };
    Ok(Row::Value(StoredSetting {
        setting,
        value: value(setting, &text)?,
        set_by,
        updated_at,
    }))
}

const DAMAGED: StoreError = StoreError::Damaged {
    what: "tenant_settings.value",
};

/// Milliseconds of the three, in the order of their members.
fn floors(text: &str) -> Option<Floors> {
    let mut parts = text.split(' ').map(|part| part.parse().ok());
    let mut next = || parts.next().flatten().map(Time::from_millis);
    Some(Floors {
        active: next()?,
        created: next()?,
        device: next()?,
    })
}

fn text_of(floors: &Floors) -> String {
    let [active, created, device] =
        [floors.active, floors.created, floors.device].map(Time::millis);
    format!("{active} {created} {device}")
}

/// A value that cannot be read must not become the looser one of the installation.
fn value(setting: Setting, text: &str) -> Result<Value, StoreError> {
    setting.parse(text).map_err(|_| DAMAGED)
}

impl SettingsRead for TenantTx<'_> {
    fn all(&self) -> Result<OwnSettings, StoreError> {
        let key = params![self.id.as_bytes()];
        let mut own = OwnSettings {
            values: Vec::new(),
            floors: Floors::NONE,
        };
        for row in self.tx.all("settings.all", ALL, key, read)? {
            match row {
                Row::Value(value) => own.values.push(value),
                Row::Floors(floors) => own.floors = floors,
                Row::Unknown => {}
            }
        }
        Ok(own)
    }
}

impl Settings for TenantTx<'_> {
    fn set(&self, setting: &StoredSetting) -> Result<(), StoreError> {
        self.tx
            .run(
                "settings.set",
                "INSERT INTO tenant_settings (tenant_id, key, set_by, value, updated_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (tenant_id, key, set_by) \
                 DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
                params![
                    self.id.as_bytes(),
                    setting.setting.name(),
                    setting.set_by.as_str(),
                    setting.value.to_string(),
                    setting.updated_at.millis(),
                ],
            )
            .map(drop)
    }

    fn unset(&self, setting: Setting, set_by: SetBy) -> Result<bool, StoreError> {
        let removed = self.tx.run(
            "settings.unset",
            "DELETE FROM tenant_settings WHERE tenant_id = ?1 AND key = ?2 AND set_by = ?3",
            params![self.id.as_bytes(), setting.name(), set_by.as_str()],
        )?;
        Ok(removed > 0)
    }

    fn set_floors(&self, floors: &Floors, at: Time) -> Result<(), StoreError> {
        self.tx
            .run(
                "settings.set_floors",
                "INSERT INTO tenant_settings (tenant_id, key, set_by, value, updated_at) \
                 VALUES (?1, ?2, 'operator', ?3, ?4) ON CONFLICT (tenant_id, key, set_by) \
                 DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
                params![self.id.as_bytes(), FLOORS, text_of(floors), at.millis()],
            )
            .map(drop)
    }

    fn unset_floors(&self, floors: &Floors) -> Result<bool, StoreError> {
        let removed = self.tx.run(
            "settings.unset_floors",
            "DELETE FROM tenant_settings WHERE tenant_id = ?1 AND key = ?2 AND value = ?3",
            params![self.id.as_bytes(), FLOORS, text_of(floors)],
        )?;
        Ok(removed > 0)
    }
}

impl Tx<'_> {
    pub(super) fn tenants_with_settings(&self) -> Result<Vec<TenantId>, StoreError> {
        self.all(
            "operator.tenants_with_settings",
            "SELECT DISTINCT tenant_id FROM tenant_settings ORDER BY tenant_id",
            [],
            |columns| columns.id("tenant_settings.tenant_id"),
        )
    }

    pub(super) fn values_of_setting(&self, setting: Setting) -> Result<Vec<Value>, StoreError> {
        let values = self.all(
            "operator.setting_values",
            "SELECT DISTINCT value FROM tenant_settings WHERE key = ?1",
            params![setting.name()],
            |columns| {
                let text: String = columns.take("tenant_settings.value")?;
                Ok(setting.parse(&text).ok())
            },
        )?;
        Ok(values.into_iter().flatten().collect())
    }
}
