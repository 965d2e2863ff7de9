//! Calls about sessions: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::session::{List, Revoke, Show};
use common::view::{Page, SessionView};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, session};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<List, _, _>(list)
        .on::<Show, _, _>(show)
        .on::<Revoke, _, _>(revoke)
}

async fn list(
    app: Arc<App>,
    operator: Operator,
    request: List,
) -> Result<Page<SessionView>, Error> {
    session::list(&app, &operator, request).await
}

async fn show(app: Arc<App>, operator: Operator, request: Show) -> Result<SessionView, Error> {
    session::show(&app, &operator, request).await
}

async fn revoke(app: Arc<App>, operator: Operator, request: Revoke) -> Result<Change, Error> {
    session::revoke(&app, &operator, request).await
}
