//! Calls about permissions: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::permission::{Check, Define, List, Undefine, Verdict, WhoCan};
use common::view::{HolderView, Page, PermissionView};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, permission};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<List, _, _>(list)
        .on::<Check, _, _>(check)
        .on::<Define, _, _>(define)
        .on::<Undefine, _, _>(undefine)
        .on::<WhoCan, _, _>(who_can)
}

async fn list(
    app: Arc<App>,
    operator: Operator,
    request: List,
) -> Result<Page<PermissionView>, Error> {
    permission::list(&app, &operator, request).await
}

async fn check(app: Arc<App>, operator: Operator, request: Check) -> Result<Verdict, Error> {
    permission::check(&app, &operator, request).await
}

async fn define(app: Arc<App>, operator: Operator, request: Define) -> Result<Change, Error> {
    permission::define(&app, &operator, request).await
}

async fn undefine(app: Arc<App>, operator: Operator, request: Undefine) -> Result<Change, Error> {
    permission::undefine(&app, &operator, request).await
}

async fn who_can(
    app: Arc<App>,
    operator: Operator,
    request: WhoCan,
) -> Result<Page<HolderView>, Error> {
    permission::who_can(&app, &operator, request).await
}
