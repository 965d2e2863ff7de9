//! A tenant and the rights of a user, as some node read them. They travel with the number of the log of
//! invalidations at their reading, and are judged in the snapshot that the session is read in: good is
//! what nothing was taken from since, as the log says in that snapshot. So they are as fresh as what
//! stands beside them, and a log that does not reach back so far makes them worthless.

use common::id::TenantId;
use common::time::Time;
use common::view::TenantStatus;
use domain::permission::Permission;
use domain::rights::{Access, Catalogue, Right, Rights};
use domain::session::Floors;
use domain::setting::{OwnSettings, SetBy, Setting, StoredSetting};
use domain::tenant::Tenant;
use domain::user::User;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use store::{Invalidation, ReadTx, Scope, StoreError};

use data_encoding::BASE64URL_NOPAD;

use super::Place;
use crate::app::{App, access};
use crate::cache::{Name, StateKey};

/// How long entries stay; they are worthless long before the log forgets.
const TTL: Duration = Duration::from_mins(15);
/// Most entries of the log that are looked through; what is older than so many changes is not used.
const CHANGES: u32 = 256;

/// A moment of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    number: u64,
    /// When the entry of that number was written: a database that was put back by hand has another
    /// entry of it.
    at: Time,
}

impl Mark {
    fn of(head: Option<&Invalidation>) -> Self {
        Self {
            number: head.map_or(0, |head| head.number),
            at: head.map_or(Time::default(), |head| head.at),
        }
    }
}

/// A tenant with what it has of its own.
#[derive(Debug, Serialize, Deserialize)]
struct TenantValue {
    at: Time,
    slug: String,
    name: String,
    status: TenantStatus,
    time_zone: String,
    plan: String,
    ends_at: Option<Time>,
    max_users: Option<u32>,
    created_at: Time,
    updated_at: Time,
    own: Vec<SettingValue>,
    /// Of uses, of makings, of devices, in milliseconds: where there is none it is no date.
    floors: [i64; 3],
    defined: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SettingValue {
    key: String,
    value: String,
    set_by: String,
    updated_at: Time,
}

/// What a user's roles grant, by the names of rights.
#[derive(Debug, Serialize, Deserialize)]
struct RightsValue {
    at: Time,
    rights: Vec<String>,
}

/// A tenant, its own settings, and the permissions that exist in it.
#[derive(Debug, Clone)]
struct KnownTenant {
    tenant: Tenant,
    own: OwnSettings,
    catalogue: Catalogue,
}

/// What another node knew, before anybody has judged it.
#[derive(Debug, Default)]
pub(in crate::app) struct Found {
    names: Option<Names>,
    tenant: Option<(Mark, KnownTenant)>,
    rights: Option<(Mark, Vec<Right>)>,
}

#[derive(Debug, Clone)]
struct Names {
    tenant: Name,
    rights: Name,
}

impl Names {
    fn of(app: &App, place: &Place, key: &StateKey) -> Self {
        let version = common::VERSION.as_bytes();
        let named = |label: &str, parts: &[&[u8]]| {
            BASE64URL_NOPAD.encode(&app.keys.outside_name(label, parts))
        };
        let tenant = super::tenant_tag(app, key.tenant);
        let whole = named("tenant", &[version, key.tenant.as_bytes()]);
        let parts: [&[u8]; 3] = [version, key.tenant.as_bytes(), key.user.as_bytes()];
        let rights = named("rights", &parts);
        let namespace = place.namespace.as_str();
        Self {
            tenant: Name::of(&[namespace, "s", &tenant, &whole]),
            rights: Name::of(&[namespace, "s", &tenant, &rights]),
        }
    }
}

/// What is known of a session's tenant and user beside the database.
pub(in crate::app) async fn look(app: &App, key: &StateKey) -> Found {
    let Some(place) = &app.shared.place else {
        return Found::default();
    };
    let names = Names::of(app, place, key);
    let asked = [names.tenant.clone(), names.rights.clone()];
    let mut values = place.beside.values(&asked).await.into_iter();
    let shared = &app.shared;
    let tenant = shared.opened(
        app,
        &names.tenant,
        values.next().flatten(),
        |number, value| {
            let value: TenantValue = serde_json::from_slice(value).ok()?;
            let at = value.at;
            Some((Mark { number, at }, value.known(key.tenant)?))
        },
    );
    let rights = shared.opened(
        app,
        &names.rights,
        values.next().flatten(),
        |number, value| {
            let value: RightsValue = serde_json::from_slice(value).ok()?;
            let rights = value.rights.iter().map(|right| right.parse());
            let rights: Result<Vec<Right>, _> = rights.collect();
            let at = value.at;
            Some((Mark { number, at }, rights.ok()?))
        },
    );
    Found {
        names: Some(names),
        tenant,
        rights,
    }
}

/// What was read, and what of it is to be kept for others.
#[derive(Debug)]
pub(in crate::app) struct Read {
    pub(in crate::app) tenant: Tenant,
    pub(in crate::app) own: OwnSettings,
    pub(in crate::app) access: Access,
    unshared: Option<Unshared>,
}

#[derive(Debug)]
struct Unshared {
    mark: Mark,
    names: Names,
    tenant: Option<KnownTenant>,
    rights: Option<Vec<String>>,
    outdated: u64,
}

/// Reads a tenant and the rights of one of its users: what was found and is good, and the rest from
/// the database, all in one snapshot. None without the tenant.
///
/// # Errors
/// Those of the store.
pub(in crate::app) fn read(
    tx: &dyn ReadTx,
    found: &Found,
    tenant_id: TenantId,
    user: &User,
) -> Result<Option<Read>, StoreError> {
    let Some(names) = &found.names else {
        let Some(known) = read_tenant(tx, tenant_id)? else {
            return Ok(None);
        };
        let granted = tx.tenant(tenant_id).grants().rights_of(user.id)?;
        return Ok(Some(put_together(known, user, granted, None)));
    };
    let since = Since::read(tx, found)?;
    let tenant_scopes = [Scope::Global, Scope::Tenant(tenant_id)];
    let user_scopes = [
        Scope::Global,
        Scope::Tenant(tenant_id),
        Scope::User(user.id),
    ];
    let tenant = found.tenant.as_ref();
    let tenant = tenant.filter(|(mark, _)| since.is_unchanged(*mark, &tenant_scopes));
    let rights = found.rights.as_ref();
    let rights = rights.filter(|(mark, _)| since.is_unchanged(*mark, &user_scopes));
    let outdated = u64::from(tenant.is_none() && found.tenant.is_some())
        .saturating_add(u64::from(rights.is_none() && found.rights.is_some()));
    let (is_known, are_known) = (tenant.is_some(), rights.is_some());
    let known = match tenant {
        Some((_, known)) => known.clone(),
        None => match read_tenant(tx, tenant_id)? {
            Some(known) => known,
            None => return Ok(None),
        },
    };
    let granted = match rights {
        Some((_, rights)) => rights.clone(),
        None => tx.tenant(tenant_id).grants().rights_of(user.id)?,
    };
    let unshared = Unshared {
        mark: since.head,
        names: names.clone(),
        tenant: (!is_known).then(|| known.clone()),
        rights: (!are_known).then(|| granted.iter().map(ToString::to_string).collect()),
        outdated,
    };
    Ok(Some(put_together(known, user, granted, Some(unshared))))
}

fn read_tenant(tx: &dyn ReadTx, id: TenantId) -> Result<Option<KnownTenant>, StoreError> {
    let Some(tenant) = tx.tenants().by_id(id)? else {
        return Ok(None);
    };
    Ok(Some(KnownTenant {
        own: tx.tenant(id).settings().all()?,
        catalogue: access::catalogue(tx, Some(&tenant))?,
        tenant,
    }))
}

fn put_together(
    known: KnownTenant,
    user: &User,
    granted: Vec<Right>,
    unshared: Option<Unshared>,
) -> Read {
    let realm = access::realm(&known.tenant);
    Read {
        access: Access {
            roles: user.roles.clone(),
            rights: Rights::new(realm, user.is_tenant_admin, granted),
            catalogue: known.catalogue,
        },
        tenant: known.tenant,
        own: known.own,
        unshared,
    }
}

/// Keeps for others what had to be read.
pub(in crate::app) fn keep(app: &App, read: &Read) {
    let Some(unshared) = &read.unshared else {
        return;
    };
    for _ in 0..unshared.outdated {
        app.shared.refused.one();
    }
    let Mark { number, at } = unshared.mark;
    let put = |name: &Name, value: Result<Vec<u8>, serde_json::Error>| {
        if let Ok(value) = value {
            app.shared.keep(app, name, number, &value, TTL);
        }
    };
    if let Some(known) = &unshared.tenant {
        let value = TenantValue::of(known, at);
        put(&unshared.names.tenant, serde_json::to_vec(&value));
    }
    if let Some(rights) = &unshared.rights {
        let value = RightsValue {
            at,
            rights: rights.clone(),
        };
        put(&unshared.names.rights, serde_json::to_vec(&value));
    }
}

/// What the log says from the older of two marks on.
struct Since {
    /// Entries in their order; none if there were too many.
    entries: Option<Vec<Invalidation>>,
    head: Mark,
}

impl Since {
    fn read(tx: &dyn ReadTx, found: &Found) -> Result<Self, StoreError> {
        let log = tx.invalidations();
        let of_tenant = found.tenant.as_ref().map(|(mark, _)| mark.number);
        let of_rights = found.rights.as_ref().map(|(mark, _)| mark.number);
        let Some(oldest) = [of_tenant, of_rights].into_iter().flatten().min() else {
            return Ok(Self {
                entries: None,
                head: Mark::of(log.head()?.as_ref()),
            });
        };
        let entries = log.from(oldest, CHANGES)?;
        let is_whole = u32::try_from(entries.len()).is_ok_and(|count| count < CHANGES);
        let head = if is_whole && !entries.is_empty() {
            Mark::of(entries.last())
        } else {
            Mark::of(log.head()?.as_ref())
        };
        Ok(Self {
            entries: is_whole.then_some(entries),
            head,
        })
    }

    /// Whether nothing was taken from the scopes since a mark, and the log shows all that was.
    fn is_unchanged(&self, mark: Mark, scopes: &[Scope]) -> bool {
        let Some(entries) = &self.entries else {
            return false;
        };
        let mut expected = mark.number;
        for entry in entries.iter().filter(|entry| entry.number >= mark.number) {
            if expected == 0 {
                // The log was empty then: its first entry has number 1.
                expected = 1;
            }
            if entry.number != expected {
                return false;
            }
            if entry.number == mark.number {
                if entry.at != mark.at {
                    return false;
                }
            } else if scopes.contains(&entry.scope) {
                return false;
            }
            expected = expected.saturating_add(1);
        }
        // Its own entry is still there, unless there was none.
        mark.number == 0 || expected > mark.number
    }
}

impl TenantValue {
    fn of(known: &KnownTenant, at: Time) -> Self {
        let tenant = &known.tenant;
        let floors = &known.own.floors;
        let own = known.own.values.iter().map(|own| SettingValue {
            key: own.setting.name().to_owned(),
            value: own.value.to_string(),
            set_by: own.set_by.as_str().to_owned(),
            updated_at: own.updated_at,
        });
        Self {
            at,
            slug: tenant.slug.to_string(),
            name: tenant.name.clone(),
            status: tenant.status,
            time_zone: tenant.time_zone.clone(),
            plan: tenant.plan.clone(),
            ends_at: tenant.ends_at,
            max_users: tenant.max_users,
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
            own: own.collect(),
            floors: [floors.active, floors.created, floors.device].map(Time::millis),
            defined: known.catalogue.defined().map(ToString::to_string).collect(),
        }
    }

    fn known(self, id: TenantId) -> Option<KnownTenant> {
        let own = self.own.into_iter().map(|own| {
            let setting = Setting::from_name(&own.key)?;
            Some(StoredSetting {
                setting,
                value: setting.parse(&own.value).ok()?,
                set_by: SetBy::from_name(&own.set_by)?,
                updated_at: own.updated_at,
            })
        });
        let values: Option<Vec<StoredSetting>> = own.collect();
        let [active, created, device] = self.floors.map(Time::from_millis);
        let defined = self.defined.iter().map(|name| name.parse());
        let defined: Result<Vec<Permission>, _> = defined.collect();
        Some(KnownTenant {
            tenant: Tenant {
                id,
                slug: self.slug.parse().ok()?,
                name: self.name,
                status: self.status,
                time_zone: self.time_zone,
                plan: self.plan,
                ends_at: self.ends_at,
                max_users: self.max_users,
                created_at: self.created_at,
                updated_at: self.updated_at,
            },
            own: OwnSettings {
                values: values?,
                floors: Floors {
                    active,
                    created,
                    device,
                },
            },
            catalogue: Catalogue::new(defined.ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use common::id::UserId;

    use super::*;

    fn entry(number: u64, scope: Scope) -> Invalidation {
        let at = Time::from_millis(i64::try_from(number).unwrap() * 10);
        Invalidation { number, scope, at }
    }

    fn mark(number: u64) -> Mark {
        let at = Time::from_millis(i64::try_from(number).unwrap() * 10);
        Mark { number, at }
    }

    fn since(entries: &[Invalidation]) -> Since {
        Since {
            entries: Some(entries.to_vec()),
            head: Mark::of(entries.last()),
        }
    }

    #[test]
    fn a76_an_entry_is_good_while_nothing_was_taken_from_its_scopes() {
        let (own, other) = ([1; 16], [2; 16]);
        let own = Scope::Tenant(TenantId::from_bytes(own));
        let other = Scope::Tenant(TenantId::from_bytes(other));
        let user = Scope::User(UserId::from_bytes([1; 16]));
        let scopes = [Scope::Global, own];
        let good =
            |entries: &[Invalidation], number| since(entries).is_unchanged(mark(number), &scopes);
        let log = [entry(5, own), entry(6, other), entry(7, user)];
        assert!(good(&log, 5), "its own entry was before it");
        assert!(good(&log, 7));
        let log = [entry(5, other), entry(6, own), entry(7, other)];
        assert!(!good(&log, 5));
        assert!(good(&log, 6));
        assert!(!good(&[entry(5, other), entry(6, Scope::Global)], 5));
        // The log was pruned beyond it, has a hole, ends before it, or is another one.
        assert!(!good(&[entry(6, other)], 5));
        assert!(!good(&[entry(5, other), entry(7, other)], 5));
        assert!(!good(&[entry(4, other)], 5));
        assert!(!good(&[], 5));
        let elsewhere = Mark {
            at: Time::from_millis(51),
            ..mark(5)
        };
        assert!(!since(&[entry(5, other)]).is_unchanged(elsewhere, &scopes));
        // Nothing had been taken from anybody.
        assert!(good(&[], 0));
        assert!(good(&[entry(1, other)], 0));
        assert!(!good(&[entry(1, own)], 0));
        assert!(!good(&[entry(2, other)], 0));
        // Too many changes to look through.
        let unread = Since {
            entries: None,
            head: mark(900),
        };
        assert!(!unread.is_unchanged(mark(5), &scopes));
    }
}
