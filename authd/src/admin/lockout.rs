//! Calls about locked names: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::lockout::{Add, Clear, ClearAll, List, Show, Simulate};
use common::view::{LockoutView, Page};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, lockout};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<List, _, _>(list)
        .on::<Show, _, _>(show)
        .on::<Clear, _, _>(clear)
        .on::<ClearAll, _, _>(clear_all)
        .on::<Add, _, _>(add_lock)
        .on_job::<Simulate, _, _>(lockout::simulate)
}

async fn list(
    app: Arc<App>,
    operator: Operator,
    request: List,
) -> Result<Page<LockoutView>, Error> {
    lockout::list(&app, &operator, request).await
}

async fn show(app: Arc<App>, operator: Operator, request: Show) -> Result<LockoutView, Error> {
    lockout::show(&app, &operator, request).await
}

async fn clear(app: Arc<App>, operator: Operator, request: Clear) -> Result<Change, Error> {
    lockout::clear(&app, &operator, request).await
}

async fn clear_all(app: Arc<App>, operator: Operator, request: ClearAll) -> Result<Change, Error> {
    lockout::clear_all(&app, &operator, request).await
}

async fn add_lock(app: Arc<App>, operator: Operator, request: Add) -> Result<Change, Error> {
    lockout::add(&app, &operator, request).await
}
