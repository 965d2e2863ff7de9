//! Calls about roles: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::role::{Allow, Create, Delete, Deny, List, Set, Show};
use common::view::{Page, RoleView};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, role};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<List, _, _>(list)
        .on::<Show, _, _>(show)
        .on::<Create, _, _>(create)
        .on::<Set, _, _>(set)
        .on::<Allow, _, _>(allow)
        .on::<Deny, _, _>(deny)
        .on::<Delete, _, _>(delete)
}

async fn list(app: Arc<App>, operator: Operator, request: List) -> Result<Page<RoleView>, Error> {
    role::list(&app, &operator, request).await
}

async fn show(app: Arc<App>, operator: Operator, request: Show) -> Result<RoleView, Error> {
    role::show(&app, &operator, request).await
}

async fn create(app: Arc<App>, operator: Operator, request: Create) -> Result<Change, Error> {
    role::create(&app, &operator, request).await
}

async fn set(app: Arc<App>, operator: Operator, request: Set) -> Result<Change, Error> {
    role::set(&app, &operator, request).await
}

async fn allow(app: Arc<App>, operator: Operator, request: Allow) -> Result<Change, Error> {
    role::allow(&app, &operator, request).await
}

async fn deny(app: Arc<App>, operator: Operator, request: Deny) -> Result<Change, Error> {
    role::deny(&app, &operator, request).await
}

async fn delete(app: Arc<App>, operator: Operator, request: Delete) -> Result<Change, Error> {
    role::delete(&app, &operator, request).await
}
