//! Calls about service clients: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::client::{Create, Delete, List, Rotate, Show};
use common::view::{ClientView, Page};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, client};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<List, _, _>(list)
        .on::<Show, _, _>(show)
        .on::<Create, _, _>(create)
        .on::<Rotate, _, _>(rotate)
        .on::<Delete, _, _>(delete)
}

async fn list(app: Arc<App>, operator: Operator, request: List) -> Result<Page<ClientView>, Error> {
    client::list(&app, &operator, request).await
}

async fn show(app: Arc<App>, operator: Operator, request: Show) -> Result<ClientView, Error> {
    client::show(&app, &operator, request).await
}

async fn create(app: Arc<App>, operator: Operator, request: Create) -> Result<Change, Error> {
    client::create(&app, &operator, request).await
}

async fn rotate(app: Arc<App>, operator: Operator, request: Rotate) -> Result<Change, Error> {
    client::rotate(&app, &operator, request).await
}

async fn delete(app: Arc<App>, operator: Operator, request: Delete) -> Result<Change, Error> {
    client::delete(&app, &operator, request).await
}
