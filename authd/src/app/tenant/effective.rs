//! What holds for one tenant now: the installation's values and its own, read in the transaction
//! that goes by them. The checks of tokens have it with their cached state instead.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use common::id::TenantId;
use common::time::Time;
use domain::setting::{Effective, Setting, TenantSettings, Value};
use store::{ReadTx, StoreError};

use crate::app::App;

/// What holds for a tenant.
///
/// # Errors
/// Those of the store.
pub fn of(app: &App, tx: &dyn ReadTx, tenant: TenantId) -> Result<Effective, StoreError> {
    read(Arc::clone(&app.settings().tenant), tx, tenant)
}

/// What holds for a tenant over these values of the installation.
///
/// # Errors
/// Those of the store.
pub fn read(
    base: Arc<TenantSettings>,
    tx: &dyn ReadTx,
    tenant: TenantId,
) -> Result<Effective, StoreError> {
    let own = tx.tenant(tenant).settings().all()?;
    Ok(Effective::of_tenant(base, &own, Arc::new))
}

/// How many sessions of a tenant are alive by its own times.
///
/// # Errors
/// Those of the store.
pub fn alive_sessions(
    base: Arc<TenantSettings>,
    tx: &dyn ReadTx,
    tenant: TenantId,
    now: Time,
) -> Result<u64, StoreError> {
    let limits = read(base, tx, tenant)?.session_limits;
    let active = now.minus(limits.idle_timeout).max(limits.floors.active);
    let created = now.minus(limits.max_age).max(limits.floors.created);
    tx.tenant(tenant).sessions().alive_count(active, created)
}

/// Longest time that any tenant has for a setting, or the installation: what no tenant's rows are
/// older than.
///
/// # Errors
/// Those of the store.
pub fn longest(
    tx: &dyn ReadTx,
    base: &TenantSettings,
    setting: Setting,
) -> Result<Duration, StoreError> {
    let own = tx.operator().setting_values(setting)?;
    let times = own
        .into_iter()
        .chain([base.value(setting)])
        .filter_map(|value| match value {
            Value::Duration(time) => Some(time),
            _ => None,
        });
    Ok(times.max().unwrap_or_default())
}

/// What holds for the tenants of a list, each read once.
pub struct Effectives {
    base: Arc<TenantSettings>,
    known: RefCell<HashMap<TenantId, Effective>>,
}

impl Effectives {
    /// Knows none yet.
    pub fn new(app: &App) -> Self {
        Self {
            base: Arc::clone(&app.settings().tenant),
            known: RefCell::default(),
        }
    }

    /// What holds for a tenant that was asked for before.
    pub fn known(&self, tenant: TenantId) -> Option<Effective> {
        self.known.borrow().get(&tenant).cloned()
    }

    /// What holds for a tenant; for the name of none, what holds for the installation.
    ///
    /// # Errors
    /// Those of the store.
    pub fn of(&self, tx: &dyn ReadTx, tenant: Option<TenantId>) -> Result<Effective, StoreError> {
        let Some(tenant) = tenant else {
            return Ok(Effective::of_installation(Arc::clone(&self.base)));
        };
        if let Some(found) = self.known.borrow().get(&tenant) {
            return Ok(found.clone());
        }
        let found = read(Arc::clone(&self.base), tx, tenant)?;
        self.known.borrow_mut().insert(tenant, found.clone());
        Ok(found)
    }
}
