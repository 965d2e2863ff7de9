//! Calls about the audit log: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::audit::{Export, List, Mark, Show, Verify};
use common::view::{AuditChainView, AuditMarkView, AuditView, Page};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, audit};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<Verify, _, _>(verify)
        .on::<Mark, _, _>(mark)
        .on::<List, _, _>(list)
        .on::<Show, _, _>(show)
        .on::<Export, _, _>(export)
}

async fn verify(
    app: Arc<App>,
    operator: Operator,
    request: Verify,
) -> Result<Page<AuditChainView>, Error> {
    audit::verify(&app, &operator, request).await
}

async fn mark(app: Arc<App>, operator: Operator, request: Mark) -> Result<AuditMarkView, Error> {
    audit::mark(&app, &operator, request).await
}

async fn list(app: Arc<App>, operator: Operator, request: List) -> Result<Page<AuditView>, Error> {
    audit::list(&app, &operator, request).await
}

async fn show(app: Arc<App>, operator: Operator, request: Show) -> Result<AuditView, Error> {
    audit::show(&app, &operator, request).await
}

async fn export(
    app: Arc<App>,
    operator: Operator,
    request: Export,
) -> Result<Page<AuditView>, Error> {
    audit::export(&app, &operator, request).await
}
