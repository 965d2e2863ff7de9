//! Calls about the caches: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::cache::{Flush, Stats};
use common::call::daemon::Steered;

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, cache};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<Stats, _, _>(|app: Arc<App>, _: Operator, _: Stats| async move {
            Ok::<_, Error>(cache::stats(&app))
        })
        .on::<Flush, _, _>(flush)
}

async fn flush(app: Arc<App>, operator: Operator, request: Flush) -> Result<Steered, Error> {
    cache::flush(&app, &operator, request).await
}
