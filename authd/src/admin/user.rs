//! Calls about users: each hands its request to the use case of the same name.

use std::sync::Arc;

use common::call::Change;
use common::call::user::{
    ChangeEmail, Create, Delete, Details, Disable, Enable, FileBytes, FlagCompromised, GetPicture,
    Grant, List, Permissions, PictureFile, RemovePicture, ResendInvitation, ResetPassword, Revoke,
    Set, SetPassword, SetPicture, Show,
};
use common::view::{HeldPermission, Page, UserView};

use crate::admin::routes::Routes;
use crate::app::{App, Error, Operator, email_change, password_reset, permission, user};

/// Adds this resource's calls.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .on::<Create, _, _>(create)
        .on::<List, _, _>(list)
        .on::<Show, _, _>(show)
        .on::<Disable, _, _>(disable)
        .on::<Enable, _, _>(enable)
        .on::<FlagCompromised, _, _>(flag_compromised)
        .on::<SetPassword, _, _>(set_password)
        .on::<ResetPassword, _, _>(reset_password)
        .on::<ResendInvitation, _, _>(resend_invitation)
        .on::<ChangeEmail, _, _>(change_email)
        .on::<Delete, _, _>(delete)
        .on::<Set, _, _>(set)
        .on::<Grant, _, _>(grant)
        .on::<Revoke, _, _>(revoke)
        .on::<Permissions, _, _>(permissions)
        .on_up_to::<SetPicture, _, _>(picture_body, set_picture)
        .on::<RemovePicture, _, _>(remove_picture)
        .on::<GetPicture, _, _>(picture)
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

async fn flag_compromised(
    app: Arc<App>,
    operator: Operator,
    request: FlagCompromised,
) -> Result<Change, Error> {
    user::flag_compromised(&app, &operator, request).await
}

async fn set_password(
    app: Arc<App>,
    operator: Operator,
    request: SetPassword,
) -> Result<Change, Error> {
    user::set_password(&app, &operator, request).await
}

async fn reset_password(
    app: Arc<App>,
    operator: Operator,
    request: ResetPassword,
) -> Result<Change, Error> {
    password_reset::send_or_print(&app, &operator, request).await
}

async fn resend_invitation(
    app: Arc<App>,
    operator: Operator,
    request: ResendInvitation,
) -> Result<Change, Error> {
    user::resend_invitation(&app, &operator, request).await
}

async fn change_email(
    app: Arc<App>,
    operator: Operator,
    request: ChangeEmail,
) -> Result<Change, Error> {
    email_change::change_of_user(&app, &operator, request).await
}

async fn delete(app: Arc<App>, operator: Operator, request: Delete) -> Result<Change, Error> {
    user::delete(&app, &operator, request).await
}

async fn set(app: Arc<App>, operator: Operator, request: Set) -> Result<Change, Error> {
    user::set(&app, &operator, request).await
}

async fn grant(app: Arc<App>, operator: Operator, request: Grant) -> Result<Change, Error> {
    user::grant(&app, &operator, request).await
}

async fn revoke(app: Arc<App>, operator: Operator, request: Revoke) -> Result<Change, Error> {
    user::revoke(&app, &operator, request).await
}

async fn permissions(
    app: Arc<App>,
    operator: Operator,
    request: Permissions,
) -> Result<Page<HeldPermission>, Error> {
    permission::of_user(&app, &operator, request).await
}

/// Most bytes of a body with a file: that of the configuration, as it is written there, and the rest.
fn picture_body(app: &App) -> usize {
    let rest = 64 * 1024;
    FileBytes::encoded(app.settings().picture.max_bytes).saturating_add(rest)
}

async fn set_picture(
    app: Arc<App>,
    operator: Operator,
    request: SetPicture,
) -> Result<Change, Error> {
    user::set_picture(&app, &operator, request).await
}

async fn remove_picture(
    app: Arc<App>,
    operator: Operator,
    request: RemovePicture,
) -> Result<Change, Error> {
    user::remove_picture(&app, &operator, request).await
}

async fn picture(
    app: Arc<App>,
    operator: Operator,
    request: GetPicture,
) -> Result<PictureFile, Error> {
    user::picture(&app, &operator, request).await
}
