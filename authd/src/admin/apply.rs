//! Calls about a tenant as a file: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::apply::{Apply, Diff, Export, Wanted};
use common::view::TenantDiffView;

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, apply};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<Diff, _, _>(diff)
        .on::<Apply, _, _>(make)
        .on::<Export, _, _>(export)
}

async fn diff(app: Arc<App>, operator: Operator, request: Diff) -> Result<TenantDiffView, Error> {
    apply::diff(&app, &operator, request).await
}

async fn make(app: Arc<App>, operator: Operator, request: Apply) -> Result<Change, Error> {
    apply::apply(&app, &operator, request).await
}

async fn export(app: Arc<App>, operator: Operator, request: Export) -> Result<Wanted, Error> {
    apply::export(&app, &operator, request).await
}
