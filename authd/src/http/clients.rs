//! `/v1/clients…`: the service clients of a tenant, for those who administer it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use common::call::client::{ClientRef, Delete, List, Rotate};
use common::secret::RevealedSecret;
use common::time::Time;
use common::view::{ClientView, Page};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::app::client::{self, Edit, Made, New};
use crate::http::authenticated::Administering;
use crate::http::body::{JsonAnswer, JsonBody, PatchBody, TaggedAnswer};
use crate::http::conditional::IfMatch;
use crate::http::error::Refusal;
use crate::http::extract::{NoQuery, QueryParams};

/// The part of the list that is wanted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Part {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Body of a new client.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientBody {
    #[schemars(length(min = 1, max = domain::client::NAME_LIMIT))]
    name: String,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    roles: Vec<String>,
    expires_at: Option<Time>,
}

/// How secrets follow one another.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RotateBody {
    now: bool,
}

/// A client with the secret that was just made for it, shown this once.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ClientMade")]
pub(super) struct MadeView {
    #[serde(flatten)]
    client: ClientView,
    client_secret: RevealedSecret,
}

impl From<Made> for MadeView {
    fn from(made: Made) -> Self {
        Self {
            client: made.client,
            client_secret: made.client_secret,
        }
    }
}

fn named(id: String) -> ClientRef {
    ClientRef {
        tenant: None,
        name: id,
    }
}

fn entity(view: ClientView) -> TaggedAnswer<ClientView> {
    TaggedAnswer {
        tagged: client::compared(&view),
        shown: view,
    }
}

/// Lists them by name.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    by: Administering,
    QueryParams(part): QueryParams<Part>,
) -> Result<JsonAnswer<Page<ClientView>>, Refusal> {
    let request = List {
        tenant: None,
        limit: part.limit,
        cursor: part.cursor,
    };
    Ok(JsonAnswer(client::list(&app, &by.0, request).await?))
}

/// Makes one. Without a tag: it would be one of the secret, and of nothing that is there afterwards.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    by: Administering,
    _: NoQuery,
    JsonBody(body): JsonBody<ClientBody>,
) -> Result<Response, Refusal> {
    let new = New {
        name: body.name,
        scopes: body.scopes,
        roles: body.roles,
        expires_at: body.expires_at,
    };
    let made: MadeView = client::make(&app, &by.0, new).await?.into();
    let place = [(LOCATION, format!("/v1/clients/{}", made.client.id))];
    Ok((StatusCode::CREATED, place, JsonAnswer(made)).into_response())
}

/// Shows one.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<TaggedAnswer<ClientView>, Refusal> {
    Ok(entity(client::one(&app, &by.0, named(id)).await?))
}

/// Changes one.
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
    IfMatch(expected): IfMatch,
    PatchBody(edit): PatchBody<Edit>,
) -> Result<TaggedAnswer<ClientView>, Refusal> {
    let view = client::edit(&app, &by.0, named(id), edit, expected).await?;
    Ok(entity(view))
}

/// Makes another secret for one.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
    body: Option<JsonBody<RotateBody>>,
) -> Result<Response, Refusal> {
    let request = Rotate {
        client: named(id),
        now: body.is_some_and(|body| body.0.now),
        reason: None,
    };
    let made: MadeView = client::renew(&app, &by.0, request).await?.into();
    Ok(JsonAnswer(made).into_response())
}

/// Removes one.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let request = Delete {
        client: named(id),
        reason: None,
    };
    client::delete(&app, &by.0, request).await?;
    Ok(StatusCode::NO_CONTENT)
}
