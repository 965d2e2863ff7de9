//! What has to change so that a tenant has what is wanted. The same state and the same wish make the same
//! steps, and a state that is as wished makes none.

use std::collections::{BTreeMap, BTreeSet};

use common::call::apply::Wanted;
use common::view::{DiffLineView, TenantDiffView};
use domain::permission::Permission;
use domain::rights::Right;
use domain::role::{Role, RoleName};
use domain::setting::{SetBy, Setting, StoredSetting, Value};
use domain::tenant::Tenant;
use store::{PageRequest, ReadTx, RoleFilter};

use super::all_of_it;
use crate::app::{Error, access, permission, role, tenant::settings};

/// What is wanted, read.
pub(super) struct Wish {
    settings: Vec<(Setting, Value)>,
    permissions: BTreeMap<Permission, Option<String>>,
    roles: BTreeMap<RoleName, WishedRole>,
}

struct WishedRole {
    /// As it is where it is absent; none where it is empty.
    description: Option<String>,
    rights: Option<Vec<Right>>,
}

impl WishedRole {
    /// The description that is wished for.
    fn described(&self) -> Option<String> {
        self.description.clone().filter(|text| !text.is_empty())
    }
}

/// One change.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A permission that is missing.
    Define(Permission, Option<String>),
    /// A value that differs.
    Set(Setting, Value),
    /// A role that is missing.
    Create {
        name: RoleName,
        description: Option<String>,
        rights: Vec<Right>,
    },
    /// A role that differs, as it is to be.
    Change(Box<(Role, Role)>),
    /// A role that is not wanted.
    Delete(Box<Role>),
    /// A permission that is not wanted.
    Undefine(Permission),
}

/// The steps, in the order in which they are made.
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    lines: Vec<DiffLineView>,
}

/// Reads what is wanted, as far as it can be without the tenant.
pub(super) fn parse(wanted: &Wanted) -> Result<Wish, Error> {
    let mut wish = Wish {
        settings: Vec::new(),
        permissions: BTreeMap::new(),
        roles: BTreeMap::new(),
    };
    for (key, value) in &wanted.settings {
        let setting = settings::named(key)?;
        wish.settings
            .push((setting, settings::read(setting, value)?));
    }
    for one in &wanted.permissions {
        let name = permission::parse(&one.name)?;
        if name.is_built_in() {
            return Err(permission::built_in(&name));
        }
        let description = role::parse_description(one.description.as_deref())?;
        if wish.permissions.insert(name.clone(), description).is_some() {
            return Err(twice("/wanted/permissions", name.as_str()));
        }
    }
    for one in &wanted.roles {
        let name: RoleName = one.name.parse().map_err(|error| role::bad_name(&error))?;
        if name.is_system() {
            let why = "a system role is the same for all tenants: authctl role create";
            return Err(Error::field("/wanted/roles", "invalid_role_name", why));
        }
        let parsed = |names: &Vec<String>| -> Result<Vec<Right>, Error> {
            let rights: BTreeSet<Right> = names
                .iter()
                .map(|name| permission::asked(name))
                .collect::<Result<_, _>>()?;
            Ok(rights.into_iter().collect())
        };
        let described = one.description.as_deref();
        let wished = WishedRole {
            description: described
                .map(|text| {
                    Ok::<_, Error>(role::parse_description(Some(text))?.unwrap_or_default())
                })
                .transpose()?,
            rights: one.permissions.as_ref().map(parsed).transpose()?,
        };
        if wish.roles.insert(name.clone(), wished).is_some() {
            return Err(twice("/wanted/roles", name.as_str()));
        }
    }
    Ok(wish)
}

fn twice(path: &'static str, name: &str) -> Error {
    Error::field(path, "twice", format!("{name} is there twice"))
}

/// The roles of a tenant, by name.
pub(super) fn roles(tx: &dyn ReadTx, tenant: &Tenant) -> Result<Vec<Role>, Error> {
    let filter = RoleFilter {
        tenant: Some(tenant.id),
        system: Some(false),
        granting: None,
    };
    let page = PageRequest {
        limit: all_of_it(),
        after: None,
    };
    let rows = tx.operator().roles(&filter, &page)?;
    Ok(rows.into_iter().map(|row| row.role).collect())
}

/// The settings in an order in which each holds with those before it: names of references come before
/// claims that say them, unless the claims already fit the present names.
fn in_order<'a>(wish: &'a Wish, own: &[StoredSetting]) -> Vec<&'a (Setting, Value)> {
    let names = |value: &Value| match value {
        Value::Names(names) => names.clone(),
        _ => Vec::new(),
    };
    let present = own
        .iter()
        .find(|row| row.setting == Setting::RefsNames && row.set_by == SetBy::Operator)
        .map(|row| names(&row.value));
    let claims = wish
        .settings
        .iter()
        .find(|(setting, _)| *setting == Setting::ClaimsExternalRefs)
        .map(|(_, value)| names(value));
    let fit = claims
        .zip(present)
        .is_some_and(|(claims, present)| claims.iter().all(|name| present.contains(name)));
    let mut ordered: Vec<_> = wish.settings.iter().collect();
    if !fit {
        ordered.sort_by_key(|(setting, _)| *setting != Setting::RefsNames);
    }
    ordered
}

/// Refuses roles that would grant what neither exists nor is wanted.
fn know(
    tx: &dyn ReadTx,
    tenant: &Tenant,
    wish: &Wish,
    leaving: &BTreeSet<&Permission>,
) -> Result<(), Error> {
    let catalogue = access::catalogue(tx, Some(tenant))?;
    let rights = wish.roles.values().filter_map(|role| role.rights.as_ref());
    for right in rights.flatten() {
        let Right::One(name) = right else { continue };
        let stays = catalogue.contains(name) && !leaving.contains(name);
        let exists = stays || wish.permissions.contains_key(name);
        if !(exists && permission::exists_in(name, Some(tenant))) {
            return Err(permission::unknown(tx, Some(tenant), name.as_str())?);
        }
    }
    Ok(())
}

impl Plan {
    /// Compares a wish with what a tenant has.
    pub(super) fn of(
        tx: &dyn ReadTx,
        tenant: &Tenant,
        wish: &Wish,
        prune: bool,
    ) -> Result<Self, Error> {
        let mut plan = Self {
            steps: Vec::new(),
            lines: Vec::new(),
        };
        let rows = tx.tenant(tenant.id);
        let defined = rows.permissions().all()?;
        let present: BTreeSet<&Permission> = defined.iter().map(|one| &one.name).collect();
        for (name, description) in &wish.permissions {
            if !present.contains(name) {
                plan.add("permission", name.as_str(), None);
                plan.steps
                    .push(Step::Define(name.clone(), description.clone()));
            }
        }
        plan.set(tx, tenant, wish)?;
        let found = roles(tx, tenant)?;
        let mut leaving = present.clone();
        leaving.retain(|name| prune && !wish.permissions.contains_key(*name));
        know(tx, tenant, wish, &leaving)?;
        for (name, wished) in &wish.roles {
            match found.iter().find(|role| role.name == *name) {
                None => plan.create(name, wished),
                Some(role) => plan.change(role, wished, &leaving),
            }
        }
        if prune {
            for role in found
                .iter()
                .filter(|role| !wish.roles.contains_key(&role.name))
            {
                plan.remove("role", role.name.as_str(), None);
                plan.steps.push(Step::Delete(Box::new(role.clone())));
            }
            for one in &defined {
                if !wish.permissions.contains_key(&one.name) {
                    plan.remove("permission", one.name.as_str(), None);
                    plan.steps.push(Step::Undefine(one.name.clone()));
                }
            }
        }
        Ok(plan)
    }

    fn set(&mut self, tx: &dyn ReadTx, tenant: &Tenant, wish: &Wish) -> Result<(), Error> {
        if wish.settings.is_empty() {
            return Ok(());
        }
        let own = tx.tenant(tenant.id).settings().all()?;
        for (setting, value) in in_order(wish, &own.values) {
            let of = own
                .values
                .iter()
                .find(|row| row.setting == *setting && row.set_by == SetBy::Operator);
            if of.is_some_and(|row| row.value == *value) {
                continue;
            }
            if let Some(row) = of {
                self.remove("setting", setting.name(), Some(row.value.to_string()));
            }
            self.add("setting", setting.name(), Some(value.to_string()));
            self.steps.push(Step::Set(*setting, value.clone()));
        }
        Ok(())
    }

    /// The differences.
    pub(super) fn into_lines(self) -> Vec<DiffLineView> {
        self.lines
    }

    /// Whether these are the differences.
    pub(super) fn says(&self, lines: &[DiffLineView]) -> bool {
        self.lines == lines
    }

    fn create(&mut self, name: &RoleName, wished: &WishedRole) {
        let rights = wished.rights.clone().unwrap_or_default();
        self.add("role", name.as_str(), None);
        for right in &rights {
            self.add("role", name.as_str(), Some(right.as_str().to_owned()));
        }
        self.steps.push(Step::Create {
            name: name.clone(),
            description: wished.described(),
            rights,
        });
    }

    fn change(&mut self, role: &Role, wished: &WishedRole, leaving: &BTreeSet<&Permission>) {
        let mut edited = role.clone();
        if wished.rights.is_none() {
            // A permission that goes is taken from the roles that grant it.
            let lost = role
                .rights
                .iter()
                .filter(|right| matches!(right, Right::One(name) if leaving.contains(name)));
            for right in lost {
                self.remove("role", role.name.as_str(), Some(right.as_str().to_owned()));
            }
        }
        if let Some(rights) = &wished.rights {
            let (before, after): (BTreeSet<_>, BTreeSet<_>) =
                (role.rights.iter().collect(), rights.iter().collect());
            if before != after {
                edited.rights.clone_from(rights);
                for right in before.difference(&after) {
                    self.remove("role", role.name.as_str(), Some(right.as_str().to_owned()));
                }
                for right in after.difference(&before) {
                    self.add("role", role.name.as_str(), Some(right.as_str().to_owned()));
                }
            }
        }
        let description = wished.described();
        if wished.description.is_some() && description != role.description {
            let told = |text: &Option<String>| text.as_ref().map(|text| format!("{text:?}"));
            if let Some(text) = told(&role.description) {
                self.remove("role", role.name.as_str(), Some(text));
            }
            if let Some(text) = told(&description) {
                self.add("role", role.name.as_str(), Some(text));
            }
            edited.description = description;
        }
        if edited != *role {
            self.steps
                .push(Step::Change(Box::new((role.clone(), edited))));
        }
    }

    fn add(&mut self, kind: &str, name: &str, detail: Option<String>) {
        self.line("+", kind, name, detail);
    }

    fn remove(&mut self, kind: &str, name: &str, detail: Option<String>) {
        self.line("-", kind, name, detail);
    }

    fn line(&mut self, sign: &str, kind: &str, name: &str, detail: Option<String>) {
        self.lines.push(DiffLineView {
            sign: sign.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            detail,
        });
    }

    /// Roles and permissions that go.
    pub(super) fn removed(&self) -> u32 {
        let goes = |step: &&Step| matches!(step, Step::Delete(_) | Step::Undefine(_));
        u32::try_from(self.steps.iter().filter(goes).count()).unwrap_or(u32::MAX)
    }

    /// The differences as they are shown.
    pub(super) fn view(self, tenant: &Tenant) -> TenantDiffView {
        let removed = self.removed();
        TenantDiffView {
            tenant: tenant.slug.to_string(),
            lines: self.lines,
            removed,
        }
    }

    /// The differences in lines.
    pub(super) fn told(&self, tenant: &Tenant) -> Vec<String> {
        let slug = tenant.slug.as_str();
        self.lines.iter().map(|line| line.to_line(slug)).collect()
    }
}
