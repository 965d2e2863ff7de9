//! Calls that explain: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::explain::{Login, Permission};
use common::view::{LoginExplanation, PermissionExplanation};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, explain};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<Login, _, _>(login)
        .on::<Permission, _, _>(permission)
}

async fn login(
    app: Arc<App>,
    operator: Operator,
    request: Login,
) -> Result<LoginExplanation, Error> {
    explain::login(&app, &operator, request).await
}

async fn permission(
    app: Arc<App>,
    operator: Operator,
    request: Permission,
) -> Result<PermissionExplanation, Error> {
    explain::permission(&app, &operator, request).await
}
