//! Calls about single tokens: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::token::{Denylist, Inspect, Revoke};
use common::view::{DeniedTokenView, Page, TokenView};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, token};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<Inspect, _, _>(inspect)
        .on::<Revoke, _, _>(revoke)
        .on::<Denylist, _, _>(denylist)
}

async fn inspect(app: Arc<App>, operator: Operator, request: Inspect) -> Result<TokenView, Error> {
    token::inspect(&app, &operator, request).await
}

async fn revoke(app: Arc<App>, operator: Operator, request: Revoke) -> Result<Change, Error> {
    token::revoke(&app, &operator, request).await
}

async fn denylist(
    app: Arc<App>,
    operator: Operator,
    request: Denylist,
) -> Result<Page<DeniedTokenView>, Error> {
    token::denylist(&app, &operator, request).await
}
