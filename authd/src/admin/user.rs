//! Calls about users: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::user::{Create, Delete, Details, Disable, Enable, List, SetPassword, Show};
use common::view::{Page, UserView};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, user};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<Create, _, _>(create)
        .on::<List, _, _>(list)
        .on::<Show, _, _>(show)
        .on::<Disable, _, _>(disable)
        .on::<Enable, _, _>(enable)
        .on::<SetPassword, _, _>(set_password)
        .on::<Delete, _, _>(delete)
}

async fn create(app: Arc<App>, operator: Operator, request: Create) -> Result<Change, Error> {
    user::create(&app, &operator, request).await
}

async fn list(app: Arc<App>, operator: Operator, request: List) -> Result<Page<UserView>, Error> {
    user::list(&app, &operator, request).await
}

async fn show(app: Arc<App>, operator: Operator, request: Show) -> Result<Details, Error> {
    user::show(&app, &operator, request).await
}

async fn disable(app: Arc<App>, operator: Operator, request: Disable) -> Result<Change, Error> {
    user::disable(&app, &operator, request).await
}

async fn enable(app: Arc<App>, operator: Operator, request: Enable) -> Result<Change, Error> {
    user::enable(&app, &operator, request).await
}

async fn set_password(
    app: Arc<App>,
    operator: Operator,
    request: SetPassword,
) -> Result<Change, Error> {
    user::set_password(&app, &operator, request).await
}

async fn delete(app: Arc<App>, operator: Operator, request: Delete) -> Result<Change, Error> {
    user::delete(&app, &operator, request).await
}
