//! Tenants over the API: one's own, and any for administrators of `system`. What the operator has too
//! stands beside this; here are its members as entities.

use std::sync::Arc;

use common::call::tenant::Create;
use common::view::TenantView;
use domain::tenant::Tenant;
use schemars::JsonSchema;
use serde::Deserialize;
use store::TenantScope;

use super::change::{self, Asked, Wish, refuse_system};
use super::{Paths, find, make, view};
use crate::app::audit::Record;
use crate::app::entity::Expected;
use crate::app::patch::Patch;
use crate::app::{Administrator, App, By, Error};

/// Permission that setting a subscription needs, at its tenant's making too.
const SUBSCRIPTIONS: &str = "subscriptions:edit";

/// What the API is told of a new tenant.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TenantBody")]
pub struct Establish {
    #[schemars(regex(pattern = domain::tenant::SLUG_PATTERN))]
    slug: String,
    #[schemars(length(min = 1, max = domain::tenant::NAME_LIMIT))]
    name: Option<String>,
    time_zone: Option<String>,
    #[schemars(extend("x-permission" = "subscriptions:edit"))]
    subscription: Option<Begun>,
    #[schemars(length(max = common::email::LIMIT_BYTES))]
    admin_email: Option<String>,
}

/// A subscription of a new tenant; what is absent is as configured.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Begun {
    #[schemars(regex(pattern = super::PLAN_PATTERN))]
    plan: Option<String>,
    ends_at: Option<String>,
    max_users: Option<u32>,
}

/// A merge patch of a tenant.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "TenantPatch")]
pub struct Edit {
    #[schemars(length(min = 1, max = domain::tenant::NAME_LIMIT))]
    name: Patch<String>,
    time_zone: Patch<String>,
}

/// A whole subscription: none of its members may be left out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SubscriptionBody", extend("required" = ["plan", "ends_at", "max_users"]))]
pub struct Subscription {
    #[schemars(regex(pattern = super::PLAN_PATTERN))]
    plan: String,
    /// Null for no end.
    #[serde(deserialize_with = "Option::deserialize")]
    ends_at: Option<String>,
    /// Null for no limit.
    #[serde(deserialize_with = "Option::deserialize")]
    max_users: Option<u32>,
}

/// Makes a tenant, and its first administrator where an address for one is given.
///
/// # Errors
/// Those of [`super::create`]; `permission_denied` for a subscription.
pub async fn establish(
    app: &Arc<App>,
    administrator: &Administrator,
    wanted: Establish,
) -> Result<TenantView, Error> {
    let may_subscribe = match &wanted.subscription {
        Some(_) => Some(administrator.also(SUBSCRIPTIONS)?),
        None => None,
    };
    let administrator = may_subscribe.as_ref().unwrap_or(administrator);
    let (plan, ends, max_users) = match wanted.subscription {
        Some(begun) => (begun.plan, begun.ends_at, begun.max_users),
        None => (None, None, None),
    };
    let request = Create {
        slug: wanted.slug,
        name: wanted.name,
        plan,
        max_users,
        ends,
        time_zone: wanted.time_zone,
        admin_email: wanted.admin_email,
        print_link: false,
    };
    let by = By::Administrator(administrator);
    let (_, row) = make(app, by, request, Paths::NESTED).await?;
    Ok(view(&row))
}

/// Shows the tenant that is administered.
///
/// # Errors
/// `not_found`.
pub async fn own(app: &App, administrator: &Administrator) -> Result<TenantView, Error> {
    let id = administrator.tenant_id;
    app.store
        .read(move |tx| {
            let row = tx.tenants().ever_by_id(id)?;
            let row = row.filter(|row| row.deletion.is_none());
            Ok(view(&row.ok_or_else(Error::not_found)?))
        })
        .await
}

/// Renames the tenant that is administered.
///
/// # Errors
/// `not_found`, `precondition_failed`, `validation_failed`; `permission_denied` for `system`.
pub async fn edit_own(
    app: &Arc<App>,
    administrator: &Administrator,
    name: Patch<String>,
    expected: Expected,
) -> Result<TenantView, Error> {
    let id = administrator.tenant_id;
    let found = app.store.read(move |tx| tx.tenants().by_id(id)).await;
    let tenant = found.map_err(Error::from)?.ok_or_else(Error::not_found)?;
    let edit = Edit {
        name,
        time_zone: Patch::Keep,
    };
    patch(app, administrator, tenant, edit, expected).await
}

/// Shows any tenant.
///
/// # Errors
/// `not_found`.
pub async fn one(
    app: &App,
    administrator: &Administrator,
    id: String,
) -> Result<TenantView, Error> {
    let by = By::Administrator(administrator);
    let row = find(app, by, id, TenantScope::Present).await?;
    Ok(view(&row))
}

/// Changes name and time zone of any tenant.
///
/// # Errors
/// As [`edit_own`].
pub async fn edit(
    app: &Arc<App>,
    administrator: &Administrator,
    id: String,
    edit: Edit,
    expected: Expected,
) -> Result<TenantView, Error> {
    let by = By::Administrator(administrator);
    let row = find(app, by, id, TenantScope::Present).await?;
    patch(app, administrator, row.tenant, edit, expected).await
}

async fn patch(
    app: &Arc<App>,
    administrator: &Administrator,
    tenant: Tenant,
    edit: Edit,
    expected: Expected,
) -> Result<TenantView, Error> {
    let wish = Wish {
        name: given("/name", edit.name)?,
        time_zone: given("/time_zone", edit.time_zone)?,
        ..Wish::default()
    };
    let asked = Asked {
        expected,
        paths: Paths::OWN,
    };
    let record = Record::draw(app, administrator, app.now(), None)?;
    let (_, row) = change::change(app, record, tenant, wish, asked).await?;
    Ok(view(&row))
}

/// A member that every tenant has: it is changed, and never taken away.
fn given(path: &'static str, patch: Patch<String>) -> Result<Option<String>, Error> {
    match patch {
        Patch::Keep => Ok(None),
        Patch::Set(text) => Ok(Some(text)),
        Patch::Unset => Err(Error::field(path, "required", "every tenant has one")),
    }
}

/// Gives a tenant another subscription.
///
/// # Errors
/// `not_found`, `precondition_failed`; `validation_failed` for an end that is over, and for fewer
/// seats than there are users; `permission_denied` for `system`.
pub async fn subscribe(
    app: &Arc<App>,
    administrator: &Administrator,
    id: String,
    subscription: Subscription,
    expected: Expected,
) -> Result<TenantView, Error> {
    let by = By::Administrator(administrator);
    let tenant = find(app, by, id, TenantScope::Present).await?.tenant;
    refuse_system(&tenant, "given a subscription")?;
    let wish = Wish {
        plan: Some(subscription.plan),
        max_users: subscription.max_users.map_or(Patch::Unset, Patch::Set),
        ends: subscription.ends_at.map_or(Patch::Unset, Patch::Set),
        ..Wish::default()
    };
    let asked = Asked {
        expected,
        paths: Paths::OWN,
    };
    let record = Record::draw(app, by, app.now(), None)?;
    let (_, row) = change::change(app, record, tenant, wish, asked).await?;
    Ok(view(&row))
}
