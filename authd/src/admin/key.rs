//! Calls about signing keys: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::key::{Jwks, List, Retire, Revoke, Rotate};
use common::view::{KeyView, Page};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, key};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<List, _, _>(list)
        .on::<Jwks, _, _>(jwks)
        .on::<Rotate, _, _>(rotate)
        .on::<Retire, _, _>(retire)
        .on::<Revoke, _, _>(revoke)
}

async fn list(app: Arc<App>, operator: Operator, request: List) -> Result<Page<KeyView>, Error> {
    key::list(&app, &operator, request).await
}

async fn jwks(
    app: Arc<App>,
    _operator: Operator,
    _request: Jwks,
) -> Result<serde_json::Value, Error> {
    Ok(app.keys.jwks())
}

async fn rotate(app: Arc<App>, operator: Operator, request: Rotate) -> Result<Change, Error> {
    key::rotate(&app, &operator, request).await
}

async fn retire(app: Arc<App>, operator: Operator, request: Retire) -> Result<Change, Error> {
    key::retire(&app, &operator, request).await
}

async fn revoke(app: Arc<App>, operator: Operator, request: Revoke) -> Result<Change, Error> {
    key::revoke(&app, &operator, request).await
}
