//! Pictures of users: a place before anything of a file is read, the file made anew, and the write, which
//! looks again at what the request was let in by (G16).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use common::call::UserRef;
use common::error::ErrorCode;
use common::id::{TenantId, UserId};
use domain::picture::{Picture, PictureAddress};
use domain::user::User;
use serde_json::{Value, json};
use store::{Priority, WriteTx};

use crate::app::again::{self, Who};
use crate::app::audit::{Act, Record};
use crate::app::db::Roominess;
use crate::app::names::Found;
use crate::app::{Administrator, App, By, Caller, Error, access, permit, target};
use crate::picture::{Limits, Studio, StudioError};

/// Files that are read or made anew at a time: each is in memory whole.
const PLACES: usize = 6;
/// When to ask again where the disk is full.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// Where uploaded pictures are made anew.
pub struct Pictures {
    studio: Studio,
    taken: Arc<Mutex<Vec<(TenantId, UserId)>>>,
}

impl Pictures {
    /// With its thread.
    ///
    /// # Errors
    /// That of the system that makes no thread.
    pub fn start() -> Result<Self, std::io::Error> {
        Ok(Self {
            studio: Studio::start(PLACES)?,
            taken: Arc::default(),
        })
    }

    /// A place for one file of a user: one a user, and for one tenant fewer than half of those that are
    /// free, but the first. So what few tenants send slowly leaves places to the others.
    fn place(&self, tenant: TenantId, user: UserId) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = taken.iter().filter(|(other, _)| *other == tenant).count();
        let free = PLACES.saturating_sub(taken.len());
        let is_its_turn = of_tenant == 0 || of_tenant < free / 2;
        let is_free = free > 0 && is_its_turn && !taken.contains(&(tenant, user));
        is_free.then(|| {
            taken.push((tenant, user));
            Place {
                of: (tenant, user),
                taken: Arc::clone(&self.taken),
            }
        })
    }
}

/// A place, given back when it is dropped.
#[derive(Debug)]
struct Place {
    of: (TenantId, UserId),
    taken: Arc<Mutex<Vec<(TenantId, UserId)>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|other| *other != self.of);
    }
}

/// An upload that was let in: its file may be read now.
#[derive(Debug)]
pub struct Upload {
    place: Place,
    /// Most bytes of the file.
    pub max_bytes: usize,
    limits: Limits,
}

/// Lets an upload in, for the picture of that user, whoever sends it.
///
/// # Errors
/// `overloaded` without a place, `unavailable` where the disk is as good as full.
pub fn begin(app: &App, tenant: TenantId, user: UserId) -> Result<Upload, Error> {
    if app.room.is() == Roominess::Least {
        return Err(Error::new(
            ErrorCode::Unavailable,
            "no room for pictures beside the database; nothing was done",
        )
        .with_retry_after(ASK_AGAIN));
    }
    let settings = app.settings();
    let place = app.pictures.place(tenant, user);
    Ok(Upload {
        place: place.ok_or_else(Error::overloaded)?,
        max_bytes: settings.picture.max_bytes,
        limits: Limits {
            max_pixels: settings.picture.max_pixels,
        },
    })
}

/// Makes an uploaded file anew, under an address that nobody has.
///
/// # Errors
/// `validation_failed` for what is no picture, or too much of one; `overloaded`.
pub async fn develop(app: &App, upload: Upload, file: Vec<u8>) -> Result<Picture, Error> {
    let made = app.pictures.studio.make(file, upload.limits).await;
    let made = made.map_err(|error| match error {
        StudioError::Full => Error::overloaded(),
        StudioError::Refused(refused) => Error::field("/file", refused.code(), refused.to_string()),
        // A decoder that panics must not say that the service is at fault: the file is.
        StudioError::Failed(why) => {
            tracing::warn!(event = "picture.failed", why, "a picture was not made");
            Error::field("/file", "damaged_picture", "the picture is damaged")
        }
    })?;
    drop(upload.place);
    Ok(Picture {
        address: PictureAddress::from_bytes(app.random_bytes()?),
        kind: made.kind,
        bytes: made.bytes,
        created_at: app.now(),
    })
}

/// Puts a picture in the place of the one before, whose address dies.
///
/// # Errors
/// `not_found` if the tenant has no such user.
pub fn put(
    tx: &dyn WriteTx,
    tenant: TenantId,
    user: UserId,
    picture: &Picture,
) -> Result<User, Error> {
    let rows = tx.tenant_mut(tenant);
    if !rows.pictures_mut().put(user, picture)? {
        return Err(Error::not_found());
    }
    rows.users().by_id(user)?.ok_or_else(Error::not_found)
}

/// Gives the caller that picture; the answer is the user as it is then.
///
/// # Errors
/// Whatever ended the session meanwhile.
pub async fn put_own(app: &App, caller: &Caller, picture: Picture) -> Result<User, Error> {
    let now = app.now();
    let grace = app.settings().expiry_grace;
    let by = caller.clone();
    app.store
        .write(Priority::Normal, caller.client.claim.clone(), move |tx| {
            again::look(tx, Who::from(&by), now, grace)??;
            put(tx, by.tenant_id, by.user_id, &picture)
        })
        .await
}

/// Removes the caller's picture; its address dies.
///
/// # Errors
/// `not_found` if there is none; whatever ended the session meanwhile.
pub async fn remove_own(app: &App, caller: &Caller) -> Result<(), Error> {
    let now = app.now();
    let grace = app.settings().expiry_grace;
    let by = caller.clone();
    app.store
        .write(Priority::Normal, caller.client.claim.clone(), move |tx| {
            again::look(tx, Who::from(&by), now, grace)??;
            let rows = tx.tenant_mut(by.tenant_id);
            if rows.pictures_mut().delete(by.user_id, now)? {
                Ok(())
            } else {
                Err(Error::not_found())
            }
        })
        .await
}

/// The user of the administered tenant whose picture is to be put or removed, looked up before
/// anything of a file is read; the write looks again.
///
/// # Errors
/// `not_found`; `permission_denied` for a stronger user (rule 18).
pub async fn whose(app: &App, administrator: &Administrator, id: String) -> Result<Found, Error> {
    let reach = By::Administrator(administrator).reach();
    let rights = administrator.agent.access().rights.clone();
    let read = app.store.read(move |tx| {
        let reference = UserRef {
            tenant: None,
            name: id,
        };
        let found = target::user(tx, reach, &reference)?;
        let theirs = access::rights(tx, &found.tenant, &found.user)?;
        if rights.covers(&theirs) {
            Ok(found)
        } else {
            Err(permit::stronger())
        }
    });
    read.await
}

/// Gives that user a picture; the answer is the user as it is then.
///
/// # Errors
/// `not_found`, `permission_denied`.
pub async fn put_of(
    app: &App,
    administrator: &Administrator,
    found: Found,
    picture: Picture,
) -> Result<User, Error> {
    let record = Record::draw(app, administrator, app.now(), None)?;
    let (id, act) = (found.user.id, act("user.set_picture", found));
    let write = record.write(app, move |tx, permit| {
        permit.may_act_on(tx, &act.tenant, id)?;
        let before = tx.tenant(act.tenant.id).users().by_id(id)?;
        let had = before.is_some_and(|user| user.picture.is_some());
        let user = put(tx, act.tenant.id, id, &picture)?;
        permit.append(tx, &act, &told(had), &told(true))?;
        Ok(user)
    });
    write.await
}

/// Removes that user's picture; its address dies.
///
/// # Errors
/// `not_found` if there is none, `permission_denied`.
pub async fn remove_of(
    app: &App,
    administrator: &Administrator,
    found: Found,
) -> Result<(), Error> {
    let now = app.now();
    let record = Record::draw(app, administrator, now, None)?;
    let (id, act) = (found.user.id, act("user.remove_picture", found));
    let write = record.write(app, move |tx, permit| {
        permit.may_act_on(tx, &act.tenant, id)?;
        let rows = tx.tenant_mut(act.tenant.id);
        if !rows.pictures_mut().delete(id, now)? {
            return Err(Error::not_found());
        }
        permit.append(tx, &act, &told(true), &told(false))?;
        Ok(())
    });
    write.await
}

fn act(action: &'static str, found: Found) -> Act {
    Act {
        action,
        object: found.user.id.to_string(),
        subject: found.user.email.to_string(),
        tenant: found.tenant,
    }
}

/// What an audit row tells of a picture: not its address, for whoever has that may fetch it.
pub(super) fn told(has_one: bool) -> Value {
    json!({"picture": has_one})
}

/// The caller's picture.
///
/// # Errors
/// `not_found` if there is none.
pub async fn own(app: &App, caller: &Caller) -> Result<Picture, Error> {
    let (tenant, user) = (caller.tenant_id, caller.user_id);
    app.store
        .read(move |tx| tx.tenant(tenant).pictures().of(user))
        .await
        .map_err(Error::from)?
        .ok_or_else(Error::not_found)
}

/// The picture at an address, for everybody who has it.
///
/// # Errors
/// `not_found` for any other text.
pub async fn at(app: &App, address: &str) -> Result<Picture, Error> {
    let address: PictureAddress = address.parse().map_err(|_| Error::not_found())?;
    app.store
        .read(move |tx| tx.picture(address))
        .await
        .map_err(Error::from)?
        .ok_or_else(Error::not_found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v15_2_2_places_are_bounded_for_all_for_a_tenant_and_for_a_user() {
        let pictures = Pictures::start().unwrap();
        let tenant = |n: u8| TenantId::from_bytes([n; 16]);
        let user = |n: u8| UserId::from_bytes([n; 16]);
        // What few tenants send slowly leaves places to the others.
        let (mut held, mut of) = (Vec::new(), Vec::new());
        for n in 1..=5 {
            let before = held.len();
            held.extend((0..10).filter_map(|m| pictures.place(tenant(n), user(m))));
            of.push(held.len() - before);
        }
        assert_eq!(of, [2, 1, 1, 1, 1]);
        assert!(pictures.place(tenant(6), user(1)).is_none());
        // What is given back is free, and a user has one.
        held.truncate(1);
        assert!(pictures.place(tenant(1), user(0)).is_none());
        assert!(pictures.place(tenant(1), user(1)).is_some());
    }
}
