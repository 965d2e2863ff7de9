//! Pictures: one a user, found by its address and through its own tenant alone, gone with its user.

use domain::picture::{Picture, PictureAddress, PictureKind};

use super::{at, page, read, tenant_id, two_tenants, user_id, write};
use crate::resource::UserFilter;
use crate::unit::Store;

pub(crate) fn picture(n: u8, kind: PictureKind) -> Picture {
    Picture {
        address: PictureAddress::from_bytes([n; 16]),
        kind,
        bytes: vec![n; 70_000],
        created_at: at(n.into()),
    }
}

pub(crate) fn v5_3_1_a_picture_takes_the_place_of_the_one_before(store: &Store) {
    two_tenants(store);
    let (first, second) = (picture(3, PictureKind::Jpeg), picture(4, PictureKind::Png));
    write(store, move |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        assert_eq!(acme.pictures().of(user_id(1))?, None);
        assert!(acme.pictures_mut().put(user_id(1), &first)?);
        assert_eq!(acme.pictures().of(user_id(1))?.as_ref(), Some(&first));
        assert_eq!(tx.picture(first.address)?.as_ref(), Some(&first));
        let user = acme.users().by_id(user_id(1))?.unwrap();
        assert_eq!(
            (user.picture, user.updated_at),
            (Some(first.address), at(3))
        );
        assert!(acme.pictures_mut().put(user_id(1), &second)?);
        assert_eq!(acme.pictures().of(user_id(1))?.as_ref(), Some(&second));
        assert_eq!(tx.picture(first.address)?, None);
        assert_eq!(tx.picture(second.address)?.as_ref(), Some(&second));
        // Lists show it, too.
        let rows = tx
            .operator()
            .users(&UserFilter::default(), &page(9, None))?;
        let shown: Vec<_> = rows.iter().map(|row| row.user.picture).collect();
        assert_eq!(shown, [Some(second.address), None]);
        // No other tenant reaches it.
        let beta = tx.tenant_mut(tenant_id(2));
        assert_eq!(beta.pictures().of(user_id(1))?, None);
        assert!(!beta.pictures_mut().put(user_id(1), &first)?);
        assert!(!beta.pictures_mut().delete(user_id(1), at(9))?);
        assert!(!acme.pictures_mut().put(user_id(9), &first)?);
        assert_eq!(acme.pictures().of(user_id(1))?.as_ref(), Some(&second));
        assert!(acme.pictures_mut().delete(user_id(1), at(8))?);
        assert!(!acme.pictures_mut().delete(user_id(1), at(9))?);
        let user = acme.users().by_id(user_id(1))?.unwrap();
        assert_eq!((user.picture, user.updated_at), (None, at(8)));
        assert_eq!(tx.picture(second.address)?, None);
        // A write that is made twice.
        acme.pictures_mut().put(user_id(1), &first).map(drop)
    });
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        acme.users_mut().delete(user_id(1), at(9))?;
        Ok(())
    });
    read(store, |tx| {
        assert_eq!(tx.picture(PictureAddress::from_bytes([3; 16]))?, None);
        Ok(())
    });
}

pub(crate) fn a_picture_of_a_deleted_tenant_is_not_there(store: &Store) {
    two_tenants(store);
    let address = PictureAddress::from_bytes([3; 16]);
    write(store, move |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let own = picture(3, PictureKind::Jpeg);
        acme.pictures_mut().put(user_id(1), &own)?;
        let other = picture(4, PictureKind::Jpeg);
        let beta = tx.tenant_mut(tenant_id(2));
        beta.pictures_mut().put(user_id(2), &other)?;
        tx.tenants_mut().delete(tenant_id(1), at(10), at(20))?;
        assert_eq!(tx.picture(address)?, None);
        tx.tenants_mut().restore(tenant_id(1), at(15))?;
        assert!(tx.picture(address)?.is_some());
        tx.tenants_mut().delete(tenant_id(1), at(16), at(20))?;
        while tx.housekeeping().purge(tenant_id(1), 1)? > 0 {}
        assert_eq!(tx.tenant(tenant_id(1)).pictures().of(user_id(1))?, None);
        let kept = PictureAddress::from_bytes([4; 16]);
        assert!(tx.picture(kept)?.is_some());
        Ok(())
    });
}
