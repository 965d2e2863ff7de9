//! A user's picture, as the operator puts, removes and fetches it. The way of a file is that of the API.

use std::sync::Arc;

use common::call::user::{GetPicture, PictureFile, RemovePicture, SetPicture};
use common::call::{Change, UserRef};
use common::error::ErrorCode;
use common::id::UserId;
use store::WriteTx;

use crate::app::audit::{Act, Record};
use crate::app::permit::Permit;
use crate::app::picture::{self, told};
use crate::app::user::{act, again};
use crate::app::{App, Error, Operator, names};

/// Puts a picture in the place of the present one.
///
/// # Errors
/// Those of [`names::user`]; `body_too_large`, `validation_failed` for what is no picture;
/// `overloaded`, `unavailable`.
pub async fn set_picture(
    app: &Arc<App>,
    operator: &Operator,
    request: SetPicture,
) -> Result<Change, Error> {
    let (reference, file) = (request.user, request.content.0);
    let found = app.store.read(move |tx| names::user(tx, &reference));
    let found = found.await?;
    let id = found.user.id;
    let upload = picture::begin(app, found.tenant.id, id)?;
    if file.len() > upload.max_bytes {
        return Err(Error::new(
            ErrorCode::BodyTooLarge,
            format!("the file has more than {} bytes", upload.max_bytes),
        )
        .with_hint("Its limit: profile.picture_max"));
    }
    let made = picture::develop(app, upload, file).await?;
    let record = Record::draw(app, operator, app.now(), None)?;
    let act = act("user.set_picture", &found);
    record
        .write(app, move |tx, permit| {
            let had = has_one(tx, permit, &act, id)?;
            picture::put(tx, act.tenant.id, id, &made)?;
            permit.append(tx, &act, &told(had), &told(true))
        })
        .await
}

/// Removes the picture, if there is one.
///
/// # Errors
/// Those of [`names::user`].
pub async fn remove_picture(
    app: &Arc<App>,
    operator: &Operator,
    request: RemovePicture,
) -> Result<Change, Error> {
    let read = app.store.read(move |tx| names::user(tx, &request.user));
    let found = read.await?;
    let now = app.now();
    let record = Record::draw(app, operator, now, None)?;
    let (id, act) = (found.user.id, act("user.remove_picture", &found));
    record
        .write(app, move |tx, permit| {
            if !has_one(tx, permit, &act, id)? {
                return Ok(act.unchanged());
            }
            tx.tenant_mut(act.tenant.id)
                .pictures_mut()
                .delete(id, now)?;
            permit.append(tx, &act, &told(true), &told(false))
        })
        .await
}

fn has_one(tx: &dyn WriteTx, permit: &Permit<'_>, act: &Act, id: UserId) -> Result<bool, Error> {
    Ok(again(tx, permit, act, id)?.picture.is_some())
}

/// Hands the picture out.
///
/// # Errors
/// Those of [`names::user`]; `not_found` where there is none.
pub async fn picture(
    app: &Arc<App>,
    _operator: &Operator,
    request: GetPicture,
) -> Result<PictureFile, Error> {
    let reference = UserRef {
        tenant: request.tenant,
        name: request.user,
    };
    let read = app.store.read(move |tx| {
        let found = names::user(tx, &reference)?;
        let picture = tx.tenant(found.tenant.id).pictures().of(found.user.id)?;
        picture.ok_or_else(|| {
            let mut error = Error::not_found();
            error.developer_message = format!("user {} has no picture", found.user.email).into();
            error
        })
    });
    let picture = read.await?;
    Ok(PictureFile {
        media_type: picture.kind.media_type().to_owned(),
        content: common::call::user::FileBytes(picture.bytes),
    })
}
