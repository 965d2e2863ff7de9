//! Calls about registrations: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::registration::{Delete, List};
use common::view::{Page, RegistrationView};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, registration};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes.on::<List, _, _>(list).on::<Delete, _, _>(delete)
}

async fn list(
    app: Arc<App>,
    operator: Operator,
    request: List,
) -> Result<Page<RegistrationView>, Error> {
    registration::list(&app, &operator, request).await
}

async fn delete(app: Arc<App>, operator: Operator, request: Delete) -> Result<Change, Error> {
    registration::delete(&app, &operator, request).await
}
