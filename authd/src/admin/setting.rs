//! Calls about the settings of tenants: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::setting::{Get, List, Set, Unset};
use common::view::{Page, SettingView};

use crate::admin::routes::Routes;
use crate::app::tenant::settings;
use crate::app::{App, Error, Operator};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<List, _, _>(list)
        .on::<Get, _, _>(get)
        .on::<Set, _, _>(set)
        .on::<Unset, _, _>(unset)
}

async fn list(
    app: Arc<App>,
    operator: Operator,
    request: List,
) -> Result<Page<SettingView>, Error> {
    settings::list(&app, &operator, request).await
}

async fn get(app: Arc<App>, operator: Operator, request: Get) -> Result<SettingView, Error> {
    settings::get(&app, &operator, request).await
}

async fn set(app: Arc<App>, operator: Operator, request: Set) -> Result<Change, Error> {
    settings::set(&app, &operator, request).await
}

async fn unset(app: Arc<App>, operator: Operator, request: Unset) -> Result<Change, Error> {
    settings::unset(&app, &operator, request).await
}
