//! Calls about tenants: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::tenant::{Create, Delete, List, Restore, Resume, Set, Show, Suspend, Usage};
use common::view::{Page, TenantUsageView, TenantView};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, tenant};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<Create, _, _>(create)
        .on::<List, _, _>(list)
        .on::<Show, _, _>(show)
        .on::<Set, _, _>(set)
        .on::<Suspend, _, _>(suspend)
        .on::<Resume, _, _>(resume)
        .on::<Delete, _, _>(delete)
        .on::<Restore, _, _>(restore)
        .on::<Usage, _, _>(usage)
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

async fn set(app: Arc<App>, operator: Operator, request: Set) -> Result<Change, Error> {
    tenant::set(&app, &operator, request).await
}

async fn suspend(app: Arc<App>, operator: Operator, request: Suspend) -> Result<Change, Error> {
    tenant::suspend(&app, &operator, request).await
}

async fn resume(app: Arc<App>, operator: Operator, request: Resume) -> Result<Change, Error> {
    tenant::resume(&app, &operator, request).await
}

async fn delete(app: Arc<App>, operator: Operator, request: Delete) -> Result<Change, Error> {
    tenant::delete(&app, &operator, request).await
}

async fn restore(app: Arc<App>, operator: Operator, request: Restore) -> Result<Change, Error> {
    tenant::restore(&app, &operator, request).await
}

async fn usage(
    app: Arc<App>,
    operator: Operator,
    request: Usage,
) -> Result<Page<TenantUsageView>, Error> {
    tenant::usage(&app, &operator, request).await
}
