//! Calls about mails: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::mail::{
    Pause, QueueDelete, QueueList, QueueRetry, QueueShow, Resume, Status, Test,
};
use common::view::{MailStatus, MessageView, Page};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, mail};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<Status, _, _>(status)
        .on::<Test, _, _>(test)
        .on::<Pause, _, _>(pause)
        .on::<Resume, _, _>(resume)
        .on::<QueueList, _, _>(queue_list)
        .on::<QueueShow, _, _>(queue_show)
        .on::<QueueRetry, _, _>(queue_retry)
        .on::<QueueDelete, _, _>(queue_delete)
}

async fn status(app: Arc<App>, operator: Operator, request: Status) -> Result<MailStatus, Error> {
    mail::status(&app, &operator, request).await
}

async fn test(app: Arc<App>, operator: Operator, request: Test) -> Result<Change, Error> {
    mail::test(&app, &operator, request).await
}

async fn pause(app: Arc<App>, operator: Operator, request: Pause) -> Result<Change, Error> {
    mail::pause(&app, &operator, request).await
}

async fn resume(app: Arc<App>, operator: Operator, request: Resume) -> Result<Change, Error> {
    mail::resume(&app, &operator, request).await
}

async fn queue_list(
    app: Arc<App>,
    operator: Operator,
    request: QueueList,
) -> Result<Page<MessageView>, Error> {
    mail::queue_list(&app, &operator, request).await
}

async fn queue_show(
    app: Arc<App>,
    operator: Operator,
    request: QueueShow,
) -> Result<MessageView, Error> {
    mail::queue_show(&app, &operator, request).await
}

async fn queue_retry(
    app: Arc<App>,
    operator: Operator,
    request: QueueRetry,
) -> Result<Change, Error> {
    mail::queue_retry(&app, &operator, request).await
}

async fn queue_delete(
    app: Arc<App>,
    operator: Operator,
    request: QueueDelete,
) -> Result<Change, Error> {
    mail::queue_delete(&app, &operator, request).await
}
