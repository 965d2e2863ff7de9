//! Calls about backups: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::backup::{Create, List, Prune, Verify};
use common::view::{BackupView, Page};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, backup};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on_job::<Create, _, _>(backup::create)
        .on::<List, _, _>(list)
        .on_job::<Verify, _, _>(backup::verify)
        .on::<Prune, _, _>(prune)
}

async fn list(app: Arc<App>, operator: Operator, request: List) -> Result<Page<BackupView>, Error> {
    backup::list(&app, &operator, request).await
}

async fn prune(app: Arc<App>, operator: Operator, request: Prune) -> Result<Change, Error> {
    backup::prune(&app, &operator, request).await
}
