//! Registrations that wait, and new addresses of users.

use common::email::Email;
use common::secret::Secret;
use domain::lockout::CounterKey;
use domain::registration::{PendingEmail, Registration, Waiting};
use domain::user::{Address, Name, User, UserStatus};

use super::{
    at, key, mail, nothing_over, page, password, read, tenant_id, two_tenants, user, user_id, write,
};
use crate::resource::{Over, RegistrationFilter};
use crate::unit::Store;

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

/// A registration with every field set, over an hour after its number.
pub(crate) fn registration(n: u8, tenant: u8, address: &str) -> Registration {
    Registration {
        id: user_id(n),
        tenant_id: tenant_id(tenant),
        email: email(address),
        name: Name {
            given: Some("Grace".to_owned()),
            family: Some("Otieno".to_owned()),
            display: Some("Grace Otieno".to_owned()),
        },
        phone: Some("+254700000000".to_owned()),
        address: Some(Address {
            city: Some("Nairobi".to_owned()),
            ..Address::default()
        }),
        locale: Some("sw-KE".to_owned()),
        hash: Secret::new("$argon2id$x".to_owned()),
        network: "203.0.113.7".to_owned(),
        tries: 0,
        created_at: at(n.into()),
        expires_at: at(3600 + i64::from(n)),
    }
}

fn pending(n: u8, address: &str) -> PendingEmail {
    PendingEmail {
        user_id: user_id(n),
        email: email(address),
        created_at: at(0),
        expires_at: at(3600),
    }
}

/// What tells one registration from another; a hash has no equality.
fn told(found: &Registration) -> (String, String, String, u32) {
    let text = format!(
        "{:?} {:?} {:?} {:?}",
        found.name, found.phone, found.address, found.locale
    );
    let place = format!("{} {} {}", found.id, found.tenant_id, found.email);
    (place, text, found.network.clone(), found.tries)
}

pub(crate) fn rule_21_registrations_wait_beside_the_users(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let waiting = acme.waiting_mut();
        for n in [11, 12] {
            waiting.add_registration(&registration(n, 1, "new@acme.test"))?;
        }
        let far = Registration {
            network: "2001:db8::/64".to_owned(),
            ..registration(13, 1, "far@acme.test")
        };
        waiting.add_registration(&far)?;
        let beta = tx.tenant_mut(tenant_id(2));
        beta.waiting_mut()
            .add_registration(&registration(14, 2, "new@acme.test"))?;
        assert_eq!(acme.users().count()?, 1, "no seat is taken");
        let found = waiting.registration(user_id(11))?.unwrap();
        assert_eq!(told(&found), told(&registration(11, 1, "new@acme.test")));
        assert_eq!(found.hash.expose(), "$argon2id$x");
        assert_eq!((found.created_at, found.expires_at), (at(11), at(3611)));
        // Of another tenant there is none.
        assert!(waiting.registration(user_id(14))?.is_none());
        assert!(!beta.waiting_mut().delete_registration(user_id(11))?);
        assert!(!beta.waiting_mut().try_registration(user_id(11), 5)?);
        let of = |now| -> Result<Vec<_>, crate::error::StoreError> {
            let rows = waiting.registrations_of(&email("new@acme.test"), at(now))?;
            Ok(rows.into_iter().map(|row| row.id).collect())
        };
        assert_eq!(of(0)?, [user_id(11), user_id(12)]);
        assert_eq!(of(3611)?, [user_id(12)]);
        let counted = |of_tenant, of_network| Waiting {
            of_tenant,
            of_network,
        };
        assert_eq!(waiting.count("203.0.113.7", at(0))?, counted(3, 2));
        assert_eq!(waiting.count("2001:db8::/64", at(3612))?, counted(1, 1));
        assert_eq!(waiting.delete_registrations_of(&email("new@acme.test"))?, 2);
        assert!(beta.waiting().registration(user_id(14))?.is_some());
        assert!(waiting.delete_registration(user_id(13))?);
        assert!(!waiting.delete_registration(user_id(13))?);
        Ok(())
    });
}

pub(crate) fn rule_21_tries_are_counted_before_they_are_evaluated(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let waiting = acme.waiting_mut();
        waiting.add_registration(&registration(11, 1, "new@acme.test"))?;
        for _ in 0..5 {
            assert!(waiting.try_registration(user_id(11), 5)?);
        }
        assert!(!waiting.try_registration(user_id(11), 5)?);
        waiting.untry_registration(user_id(11))?;
        assert_eq!(waiting.registration(user_id(11))?.unwrap().tries, 4);
        assert!(waiting.try_registration(user_id(11), 5)?);
        Ok(())
    });
}

pub(crate) fn rule_22_a_registration_has_one_living_token(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let waiting = acme.waiting_mut();
        waiting.add_registration(&registration(11, 1, "new@acme.test"))?;
        assert!(waiting.set_registration_token(user_id(11), &[1; 32])?);
        assert!(waiting.set_registration_token(user_id(11), &[2; 32])?);
        assert!(!waiting.set_registration_token(user_id(12), &[3; 32])?);
        assert!(tx.registration(&[1; 32])?.is_none());
        assert_eq!(tx.registration(&[2; 32])?.unwrap().id, user_id(11));
        let over = |now| Over {
            now: at(now),
            ..nothing_over()
        };
        tx.housekeeping().prune(&over(3610), 100)?;
        assert!(tx.registration(&[2; 32])?.is_some());
        tx.housekeeping().prune(&over(3611), 100)?;
        assert!(tx.registration(&[2; 32])?.is_none());
        Ok(())
    });
}

pub(crate) fn rule_25_a_new_address_waits_and_dies_with_any_change(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        let waiting = acme.waiting_mut();
        let is_alive = || Ok(waiting.email_of(user_id(1))?.is_some());
        let first = pending(1, "bob@next.test");
        waiting.put_email(&first)?;
        assert!(waiting.set_email_token(user_id(1), &[1; 32])?);
        let found = Some((tenant_id(1), first.clone()));
        assert_eq!(tx.pending_email(&[1; 32])?, found);
        assert_eq!(waiting.email_of(user_id(1))?, Some(first.clone()));
        let beta = tx.tenant_mut(tenant_id(2));
        assert_eq!(beta.waiting().email_of(user_id(1))?, None);
        assert!(!beta.waiting_mut().delete_email(user_id(1))?);
        // A newer one has no token before its mail.
        waiting.put_email(&pending(1, "bob@third.test"))?;
        assert_eq!(tx.pending_email(&[1; 32])?, None);
        acme.users_mut()
            .set_status(user_id(1), UserStatus::Active, at(1))?;
        assert!(!is_alive()?, "the status");
        waiting.put_email(&first)?;
        assert!(acme.credentials_mut().set(&password(1, "$argon2id$x"), 0)?);
        assert!(!is_alive()?, "the password");
        waiting.put_email(&first)?;
        let over = Over {
            now: at(3600),
            ..nothing_over()
        };
        tx.housekeeping().prune(&over, 100)?;
        assert!(!is_alive()?, "time");
        waiting.put_email(&first)?;
        acme.users_mut().delete(user_id(1), at(3600))?;
        assert!(!is_alive()?, "the user");
        Ok(())
    });
    write(store, |tx| {
        let foreign = tx.tenant_mut(tenant_id(2));
        assert!(
            foreign
                .waiting_mut()
                .put_email(&pending(1, "x@y.test"))
                .is_err()
        );
        Ok(())
    });
}

pub(crate) fn rule_25_an_address_is_given_with_its_counter(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let acme = tx.tenant_mut(tenant_id(1));
        acme.waiting_mut().put_email(&pending(1, "bob@next.test"))?;
        let changed = User {
            email: email("bob@next.test"),
            subject: CounterKey::from_bytes([77; 32]),
            updated_at: at(9),
            ..user(1, 1, "bob@acme.test")
        };
        assert!(acme.users_mut().set_email(&changed)?);
        let foreign = tx.tenant_mut(tenant_id(2));
        assert!(!foreign.users_mut().set_email(&changed)?);
        let found = acme.users().by_email(&email("bob@next.test"))?.unwrap();
        assert_eq!((found.id, found.subject), (user_id(1), changed.subject));
        assert!(found.email_verified && found.updated_at == at(9));
        assert!(acme.users().by_email(&email("bob@acme.test"))?.is_none());
        assert_eq!(acme.waiting().email_of(user_id(1))?, None);
        assert_ne!(found.subject, key(1));
        Ok(())
    });
}

pub(crate) fn rule_19_what_waits_ends_with_its_tenant(store: &Store) {
    for closes in [true, false] {
        if closes {
            two_tenants(store);
        }
        write(store, move |tx| {
            for n in [1, 2] {
                let rows = tx.tenant_mut(tenant_id(n));
                let waiting = registration(10 + n, n, "new@acme.test");
                rows.waiting_mut().delete_registration(waiting.id)?;
                rows.waiting_mut().add_registration(&waiting)?;
                rows.waiting_mut()
                    .put_email(&pending(n, "next@acme.test"))?;
            }
            let link = domain::mail::Message {
                template: domain::mail::Template::EmailVerification,
                ..mail(9, 1)
            };
            tx.outbox_mut().insert(&link)?;
            if closes {
                tx.tenant_mut(tenant_id(1))
                    .mailed_tokens_mut()
                    .delete_all()?;
            } else {
                let housekeeping = tx.housekeeping();
                while housekeeping.end_access(tenant_id(1), at(9), 1)? > 0 {}
            }
            assert!(tx.outbox().by_id(link.id)?.is_none(), "{closes}");
            for (n, left) in [(1, 0), (2, 1)] {
                let rows = tx.tenant(tenant_id(n));
                assert_eq!(rows.waiting().count("203.0.113.7", at(0))?.of_tenant, left);
                assert_eq!(rows.waiting().email_of(user_id(n))?.is_some(), left == 1);
            }
            Ok(())
        });
    }
}

pub(crate) fn registrations_are_listed_by_the_page(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        for (n, tenant, address) in [
            (11, 1, "new@acme.test"),
            (12, 2, "new@acme.test"),
            (13, 1, "far@acme.test"),
        ] {
            tx.tenant_mut(tenant_id(tenant))
                .waiting_mut()
                .add_registration(&registration(n, tenant, address))?;
        }
        Ok(())
    });
    let listed = |filter: RegistrationFilter, limit, after: Option<u8>| {
        read(store, move |tx| {
            let after = after.map(|n| user_id(n).to_string());
            let rows = tx
                .operator()
                .registrations(&filter, &page(limit, after.as_deref()))?;
            let rows = rows.iter();
            Ok(rows
                .map(|row| format!("{} {}", row.tenant, row.registration.email))
                .collect::<Vec<_>>())
        })
    };
    let all = RegistrationFilter {
        at: at(0),
        ..RegistrationFilter::default()
    };
    let [first, second, third] = [
        "acme new@acme.test",
        "beta new@acme.test",
        "acme far@acme.test",
    ];
    assert_eq!(listed(all.clone(), 2, None), [first, second]);
    assert_eq!(listed(all.clone(), 2, Some(12)), [third]);
    let of_address = RegistrationFilter {
        email: Some(email("new@acme.test")),
        ..all.clone()
    };
    assert_eq!(listed(of_address, 9, None), [first, second]);
    let one = RegistrationFilter {
        id: Some(user_id(12)),
        ..all.clone()
    };
    assert_eq!(listed(one, 9, None), [second]);
    let later = RegistrationFilter {
        tenant: Some(tenant_id(1)),
        at: at(3611),
        ..all.clone()
    };
    assert_eq!(listed(later, 9, None), [third]);
    write(store, |tx| {
        tx.tenants_mut()
            .delete(tenant_id(1), at(9), at(99))
            .map(drop)
    });
    assert_eq!(listed(all, 9, None), [second]);
}
