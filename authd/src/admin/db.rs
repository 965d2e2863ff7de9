//! Calls about the database as a whole: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::db::{Check, Migrations, Optimize, Status, Vacuum};
use common::view::{DatabaseView, MigrationView, Page};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, db};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<Status, _, _>(status)
        .on::<Migrations, _, _>(migrations)
        .on_job::<Check, _, _>(db::check)
        .on_job::<Optimize, _, _>(db::optimize)
        .on_job::<Vacuum, _, _>(db::vacuum)
}

async fn status(app: Arc<App>, operator: Operator, request: Status) -> Result<DatabaseView, Error> {
    db::status(&app, &operator, request).await
}

async fn migrations(
    app: Arc<App>,
    operator: Operator,
    request: Migrations,
) -> Result<Page<MigrationView>, Error> {
    db::migrations(&app, &operator, request).await
}
