//! Calls about the running daemon: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::daemon::{Config, Drain, LogLevel, Maintenance, Reload, Steered};
use common::view::ConfigView;

use crate::admin::routes::Routes;
use crate::app::daemon::{self, Steering};
use crate::app::{App, Error, Operator};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes, steering: &Arc<dyn Steering>) -> Routes {
    let (for_config, for_reload, for_level) = (
        Arc::clone(steering),
        Arc::clone(steering),
        Arc::clone(steering),
    );
    routes
        .on::<Config, _, _>(move |_: Arc<App>, _: Operator, request: Config| {
            let steering = Arc::clone(&for_config);
            async move { Ok::<ConfigView, Error>(daemon::config(&*steering, &request)) }
        })
        .on::<Reload, _, _>(move |app: Arc<App>, operator: Operator, request: Reload| {
            let steering = Arc::clone(&for_reload);
            async move { daemon::reload(&app, &operator, &steering, request).await }
        })
        .on::<LogLevel, _, _>(
            move |app: Arc<App>, operator: Operator, request: LogLevel| {
                let steering = Arc::clone(&for_level);
                async move { daemon::log_level(&app, &operator, &steering, request).await }
            },
        )
        .on::<Drain, _, _>(drain)
        .on::<Maintenance, _, _>(maintenance)
}

async fn drain(app: Arc<App>, operator: Operator, request: Drain) -> Result<Steered, Error> {
    daemon::drain(&app, &operator, request).await
}

async fn maintenance(
    app: Arc<App>,
    operator: Operator,
    request: Maintenance,
) -> Result<Steered, Error> {
    daemon::maintenance(&app, &operator, request).await
}
