//! Calls about tenants: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::tenant::{Create, List, Show};
use common::view::{Page, TenantView};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, tenant};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<Create, _, _>(create)
        .on::<List, _, _>(list)
        .on::<Show, _, _>(show)
}

async fn create(app: Arc<App>, operator: Operator, request: Create) -> Result<Change, Error> {
    tenant::create(&app, &operator, request).await
}

async fn list(app: Arc<App>, operator: Operator, request: List) -> Result<Page<TenantView>, Error> {
    tenant::list(&app, &operator, request).await
}

async fn show(app: Arc<App>, operator: Operator, request: Show) -> Result<TenantView, Error> {
    tenant::show(&app, &operator, request).await
}
