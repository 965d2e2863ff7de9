//! Calls about the log of attempts: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::attempt::{List, Prune, Show, Top};
use common::view::{AttemptTopView, AttemptView, Page};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, attempt};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<List, _, _>(list)
        .on::<Show, _, _>(show)
        .on::<Top, _, _>(top)
        .on::<Prune, _, _>(prune)
}

async fn list(
    app: Arc<App>,
    operator: Operator,
    request: List,
) -> Result<Page<AttemptView>, Error> {
    attempt::list(&app, &operator, request).await
}

async fn show(app: Arc<App>, operator: Operator, request: Show) -> Result<AttemptView, Error> {
    attempt::show(&app, &operator, request).await
}

async fn top(
    app: Arc<App>,
    operator: Operator,
    request: Top,
) -> Result<Page<AttemptTopView>, Error> {
    attempt::top(&app, &operator, request).await
}

async fn prune(app: Arc<App>, operator: Operator, request: Prune) -> Result<Change, Error> {
    attempt::prune(&app, &operator, request).await
}
