//! `/v1/tenant…`: the tenant that one administers, its settings and its subscription.

use std::sync::Arc;

use axum::extract::State;
use common::call::setting::List;
use common::view::{Page, SettingView, SubscriptionView, TenantView};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::patch::Patch;
use crate::app::tenant::settings::{self, Wished};
use crate::app::{App, tenant};
use crate::http::authenticated::Administering;
use crate::http::body::{EntityAnswer, PatchBody};
use crate::http::conditional::IfMatch;
use crate::http::error::Refusal;
use crate::http::extract::{NoQuery, QueryParams};

/// Merge patch of one's own tenant: its name is all that it sets itself.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "OwnTenantPatch")]
pub(super) struct NameBody {
    #[schemars(length(min = 1, max = domain::tenant::NAME_LIMIT))]
    name: Patch<String>,
}

/// The part of a list that is wanted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Part {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Shows it.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    by: Administering,
    _: NoQuery,
) -> Result<EntityAnswer<TenantView>, Refusal> {
    Ok(EntityAnswer(tenant::own(&app, &by.0).await?))
}

/// Renames it.
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    by: Administering,
    _: NoQuery,
    IfMatch(expected): IfMatch,
    PatchBody(body): PatchBody<NameBody>,
) -> Result<EntityAnswer<TenantView>, Refusal> {
    let view = tenant::edit_own(&app, &by.0, body.name, expected).await?;
    Ok(EntityAnswer(view))
}

/// Its plan, end and seats.
pub(super) async fn subscription(
    State(app): State<Arc<App>>,
    by: Administering,
    _: NoQuery,
) -> Result<EntityAnswer<SubscriptionView>, Refusal> {
    let view = tenant::own(&app, &by.0).await?;
    Ok(EntityAnswer(view.subscription))
}

/// What holds for it, key by key. They are one entity: all of them have one tag.
pub(super) async fn settings(
    State(app): State<Arc<App>>,
    by: Administering,
    QueryParams(part): QueryParams<Part>,
) -> Result<EntityAnswer<Page<SettingView>>, Refusal> {
    let request = List {
        tenant: by.0.tenant_id.to_string(),
        limit: part.limit,
        cursor: part.cursor,
    };
    let page = settings::list(&app, &by.0, request).await?;
    Ok(EntityAnswer(page))
}

/// Sets values of its own, or takes them away.
pub(super) async fn edit_settings(
    State(app): State<Arc<App>>,
    by: Administering,
    _: NoQuery,
    IfMatch(expected): IfMatch,
    PatchBody(wished): PatchBody<Wished>,
) -> Result<EntityAnswer<Page<SettingView>>, Refusal> {
    let page = settings::patch(&app, &by.0, wished, expected).await?;
    Ok(EntityAnswer(page))
}
