//! Pictures: what is uploaded, read within a limit of its own, and what is fetched, with headers that let
//! a browser do nothing but show it.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use common::error::ErrorCode;
use common::view::UserView;
use domain::picture::{Picture, PictureKind};

use crate::app::picture::{self, Upload};
use crate::app::{App, Error, user};
use crate::http::authenticated::{Administering, Authenticated};
use crate::http::body::{self, BodyLimit, EntityAnswer};
use crate::http::error::Refusal;
use crate::http::extract::NoQuery;
use crate::http::multipart;

/// What a raw body may say to be; what it is, its bytes say.
pub(super) const TYPES: &[&str] = &[
    "image/jpeg",
    "image/png",
    "image/webp",
    "application/octet-stream",
];
/// A picture opened by itself may run nothing and load nothing.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'",
);
/// An address never means another picture.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Puts a picture in the place of the user's present one.
pub(super) async fn put_own(
    State(app): State<Arc<App>>,
    caller: Authenticated,
    _: NoQuery,
    request: Request,
) -> Result<EntityAnswer<UserView>, Refusal> {
    let caller = caller.0;
    let upload = picture::begin(&app, caller.tenant_id, caller.user_id)?;
    let file = receive(request, &upload).await?;
    let picture = picture::develop(&app, upload, file).await?;
    let changed = picture::put_own(&app, &caller, picture).await?;
    Ok(EntityAnswer(user::own(&changed)))
}

/// The user's picture.
pub(super) async fn show_own(
    State(app): State<Arc<App>>,
    caller: Authenticated,
    _: NoQuery,
) -> Result<Response, Refusal> {
    Ok(answer(picture::own(&app, &caller.0).await?))
}

/// Removes it.
pub(super) async fn remove_own(
    State(app): State<Arc<App>>,
    caller: Authenticated,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    picture::remove_own(&app, &caller.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a picture in the place of the present one of a user who is administered.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
    request: Request,
) -> Result<EntityAnswer<UserView>, Refusal> {
    let found = picture::whose(&app, &by.0, id).await?;
    let upload = picture::begin(&app, found.tenant.id, found.user.id)?;
    let file = receive(request, &upload).await?;
    let picture = picture::develop(&app, upload, file).await?;
    let changed = picture::put_of(&app, &by.0, found, picture).await?;
    // Nothing is masked: who may do this may edit users.
    Ok(EntityAnswer(user::own(&changed)))
}

/// Removes it.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    by: Administering,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<StatusCode, Refusal> {
    let found = picture::whose(&app, &by.0, id).await?;
    picture::remove_of(&app, &by.0, found).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The picture at an address, for whoever has it. What hangs behind the address as a query is not
/// looked at.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(address): Path<String>,
) -> Result<Response, Refusal> {
    let mut response = answer(picture::at(&app, &address).await?);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, FOR_EVER);
    // Applications on other origins embed it.
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    Ok(response)
}

/// Reads an uploaded file: a raw body, or the one part of a form.
async fn receive(request: Request, upload: &Upload) -> Result<Vec<u8>, Refusal> {
    let headers = request.headers();
    let boundary = multipart::boundary(headers)?;
    if boundary.is_none() && !is_picture(headers) {
        return Err(Refusal(Error::new(
            ErrorCode::UnsupportedMediaType,
            "the content type must be image/jpeg, image/png, image/webp, \
             application/octet-stream or multipart/form-data",
        )));
    }
    let around = boundary.as_ref().map_or(0, |_| multipart::OVERHEAD);
    let limit = BodyLimit(upload.max_bytes.saturating_add(around));
    let mut bytes = body::receive(request, limit).await?;
    let bytes = std::mem::take(&mut *bytes);
    let file = match boundary {
        Some(boundary) => multipart::file(bytes, &boundary)?,
        None => bytes,
    };
    if file.len() > upload.max_bytes {
        return Err(Refusal(BodyLimit::exceeded()));
    }
    Ok(file)
}

fn is_picture(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    value
        .to_str()
        .is_ok_and(|value| TYPES.iter().any(|known| known.eq_ignore_ascii_case(value)))
}

/// A picture with the type that was made, whatever was uploaded or asked for.
fn answer(picture: Picture) -> Response {
    let name = match picture.kind {
        PictureKind::Jpeg => "inline; filename=\"picture.jpg\"",
        PictureKind::Png => "inline; filename=\"picture.png\"",
    };
    let kind = HeaderValue::from_static(picture.kind.media_type());
    let mut response = picture.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(name));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}
