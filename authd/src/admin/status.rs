//! Calls about the daemon itself: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::doctor::Doctor;
use common::call::events::Events;
use common::call::status::{Ping, Stats, Status, Version};
use common::view::VersionView;

use crate::admin::routes::Routes;
use crate::app::status::Running;
use crate::app::{App, Error, Operator, doctor, events, stats, status};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes, running: Arc<Running>) -> Routes {
    let of_stats = Arc::clone(&running);
    let of_doctor = Arc::clone(&running);
    routes
        .on_job::<Events, _, _>(events::events)
        .on_job::<Doctor, _, _>(move |app, operator, request, reporter| {
            doctor::doctor(app, Arc::clone(&of_doctor), operator, request, reporter)
        })
        .on::<Stats, _, _>(move |app: Arc<App>, _: Operator, _: Stats| {
            let running = Arc::clone(&of_stats);
            async move { Ok(stats::stats(&app, &running).await) }
        })
        .on::<Status, _, _>(move |app: Arc<App>, operator: Operator, request: Status| {
            let running = Arc::clone(&running);
            async move { status::status(&app, &running, &operator, request).await }
        })
        .on::<Ping, _, _>(ping)
        .on::<Version, _, _>(version)
}

async fn ping(app: Arc<App>, operator: Operator, request: Ping) -> Result<VersionView, Error> {
    status::ping(&app, &operator, request).await
}

async fn version(app: Arc<App>, _: Operator, _: Version) -> Result<VersionView, Error> {
    Ok(status::version(&app))
}
