//! The outbox and the tokens of mailed links.

use std::time::Duration;

use common::id::MessageId;
use domain::mail::{MailedToken, Message, MessageState, Occasion, Template};
use domain::user::{User, UserStatus};

use super::{at, nothing_over, page, password, read, tenant_id, two_tenants, user_id, write};
use crate::error::StoreError;
use crate::resource::{MessageFilter, OutboxCounts, Over};
use crate::unit::Store;

const ARGON: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA";

/// The `n`-th mail, to user `user` of the tenant of the same number.
pub(crate) fn mail(n: u8, user: u8) -> Message {
    Message {
        id: MessageId::from_bytes([n; 16]),
        tenant_id: tenant_id(user),
        user_id: user_id(user),
        template: Template::PasswordReset,
        recipient: "bob@acme.test".parse().unwrap(),
        occasion: Occasion {
            at: at(-5),
            ip: Some("192.0.2.7".to_owned()),
            device: Some("Phone".to_owned()),
            link_life: Some(Duration::from_hours(1)),
        },
        state: MessageState::Queued,
        tries: 0,
        next_try_at: at(0),
        last_error: None,
        created_at: at(0),
        finished_at: None,
    }
}

fn notice(n: u8, user: u8) -> Message {
    Message {
        template: Template::PasswordChanged,
        ..mail(n, user)
    }
}

fn token(n: u8) -> MailedToken {
    MailedToken {
        hash: [n; 32],
        user_id: user_id(1),
        is_mailed: n.is_multiple_of(2),
        made_at: at(0),
        expires_at: at(3600),
    }
}

pub(crate) fn rule_22_a_newer_token_takes_the_place(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let rows = tx.tenant_mut(tenant_id(1));
        let tokens = rows.mailed_tokens_mut();
        tokens.put(&token(1))?;
        tokens.put(&token(2))?;
        assert_eq!(tx.mailed_token(&[1; 32])?, None);
        let newer = Some((tenant_id(1), token(2)));
        assert_eq!(tx.mailed_token(&[2; 32])?, newer);
        let over = Over {
            now: at(3599),
            ..nothing_over()
        };
        tx.housekeeping().prune(&over, 100)?;
        assert_eq!(tx.mailed_token(&[2; 32])?, newer);
        let over = Over {
            now: at(3600),
            ..nothing_over()
        };
        tx.housekeeping().prune(&over, 100)?;
        assert_eq!(tx.mailed_token(&[2; 32])?, None);
        Ok(())
    });
    // A user of another tenant is no user.
    write(store, |tx| {
        let rows = tx.tenant_mut(tenant_id(2));
        let foreign = rows.mailed_tokens_mut();
        assert!(foreign.put(&token(4)).is_err());
        Ok(())
    });
    read(store, |tx| {
        assert_eq!(tx.mailed_token(&[4; 32])?, None);
        Ok(())
    });
}

pub(crate) fn rule_22_links_die_with_any_change(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let rows = tx.tenant_mut(tenant_id(1));
        let is_alive = || Ok(tx.mailed_token(&[1; 32])?.is_some());
        let status = |status, at| rows.users_mut().set_status(user_id(1), status, at);
        let tokens = rows.mailed_tokens_mut();
        tokens.put(&token(1))?;
        status(UserStatus::Disabled, at(1))?;
        assert!(!is_alive()?, "the status");
        status(UserStatus::Active, at(2))?;
        assert!(!is_alive()?, "rule 19");
        tokens.put(&token(1))?;
        let version = rows
            .credentials()
            .of(user_id(1))?
            .map_or(0, |own| own.version);
        assert!(rows.credentials_mut().set(&password(1, ARGON), version)?);
        assert!(!is_alive()?, "the password");
        tokens.put(&token(1))?;
        assert!(!rows.credentials_mut().set(&password(1, ARGON), 77)?);
        assert!(is_alive()?, "nothing was set");
        assert!(tokens.delete_of(user_id(1))?);
        assert!(!tokens.delete_of(user_id(1))?);
        tokens.put(&token(1))?;
        rows.users_mut().delete(user_id(1), at(0))?;
        assert!(!is_alive()?, "the user");
        Ok(())
    });
}

pub(crate) fn rule_19_a_closed_tenants_links_die(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let outbox = tx.outbox_mut();
        for one in [mail(1, 1), mail(2, 2), notice(3, 1)] {
            outbox.insert(&one)?;
        }
        let rows = tx.tenant_mut(tenant_id(1));
        let tokens = rows.mailed_tokens_mut();
        tokens.put(&token(1))?;
        let other = MailedToken {
            user_id: user_id(2),
            ..token(2)
        };
        tx.tenant_mut(tenant_id(2))
            .mailed_tokens_mut()
            .put(&other)?;
        tokens.delete_all()?;
        assert_eq!(tx.mailed_token(&[1; 32])?, None);
        assert_eq!(tx.mailed_token(&[2; 32])?, Some((tenant_id(2), other)));
        let left: Vec<_> = outbox.due(at(0), 9)?.iter().map(|row| row.id).collect();
        assert_eq!(left, [mail(2, 2).id, notice(3, 1).id]);
        Ok(())
    });
}

pub(crate) fn rule_22_earlier_mails_of_a_user_go_with_a_later_one(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let outbox = tx.outbox_mut();
        for one in [mail(1, 1), mail(2, 1), mail(3, 2), mail(4, 1)] {
            outbox.insert(&one)?;
        }
        assert!(outbox.begin_try(mail(1, 1).id, at(60))?);
        assert!(outbox.begin_try(mail(3, 2).id, at(60))?);
        assert!(outbox.begin_try(mail(4, 1).id, at(90))?);
        let due = |now| -> Result<Vec<_>, StoreError> {
            Ok(outbox.due(now, 1)?.iter().map(|row| row.id).collect())
        };
        assert_eq!(due(at(0))?, [mail(1, 1).id, mail(2, 1).id]);
        assert!(outbox.finish(mail(1, 1).id, MessageState::Sent, None, at(1))?);
        assert_eq!(due(at(0))?, [mail(2, 1).id]);
        Ok(())
    });
}

pub(crate) fn a51_mails_are_counted_by_mailbox(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let outbox = tx.outbox_mut();
        let (bob, eve) = (mail(1, 1).recipient, "eve@acme.test".parse().unwrap());
        outbox.insert(&mail(1, 1))?;
        outbox.insert(&mail(2, 2))?;
        outbox.insert(&notice(3, 1))?;
        assert_eq!(outbox.capped_since(&bob, at(-1))?, 2, "a notice is free");
        assert_eq!(outbox.capped_since(&bob, at(0))?, 0);
        assert_eq!(outbox.capped_since(&eve, at(-1))?, 0);
        outbox.finish(mail(1, 1).id, MessageState::Sent, None, at(9))?;
        assert!(!outbox.delete(mail(1, 1).id)?, "it was sent");
        // What was sent still counts; housekeeping forgets it after the hour.
        assert_eq!(outbox.capped_since(&bob, at(-1))?, 2);
        let over = Over {
            mails: at(9),
            ..nothing_over()
        };
        tx.housekeeping().prune(&over, 100)?;
        assert_eq!(outbox.capped_since(&bob, at(-1))?, 1);
        Ok(())
    });
}

pub(crate) fn a51_what_a_user_was_told_is_counted_by_kind_and_user(store: &Store) {
    two_tenants(store);
    write(store, |tx| {
        let user = |n: u8| {
            let found = tx.tenant(tenant_id(n)).users().by_id(user_id(n))?;
            let found = found.unwrap();
            Ok::<_, StoreError>(User {
                email: mail(1, 1).recipient,
                ..found
            })
        };
        let (bob, other) = (user(1)?, user(2)?);
        let outbox = tx.outbox_mut();
        let later = Message {
            created_at: at(5),
            ..notice(2, 1)
        };
        for one in [notice(1, 1), later, mail(3, 1), notice(4, 2)] {
            outbox.insert(&one)?;
        }
        let told = |user: &User, since| outbox.told_since(user, Template::PasswordChanged, since);
        assert_eq!(told(&bob, at(-1))?, (2, Some(at(0))));
        assert_eq!(told(&bob, at(0))?, (1, Some(at(5))));
        assert_eq!(told(&bob, at(5))?, (0, None));
        assert_eq!(told(&other, at(-1))?, (1, Some(at(0))));
        let moved = User {
            email: "eve@acme.test".parse().unwrap(),
            ..bob
        };
        assert_eq!(told(&moved, at(-1))?, (0, None));
        Ok(())
    });
}

pub(crate) fn rule_23_a_mail_is_tried_until_it_is_finished(store: &Store) {
    two_tenants(store);
    let id = mail(1, 1).id;
    write(store, move |tx| {
        let outbox = tx.outbox_mut();
        outbox.insert(&mail(1, 1))?;
        assert_eq!(outbox.by_id(id)?, Some(mail(1, 1)));
        assert_eq!(outbox.next_due_at()?, Some(at(0)));
        assert_eq!(outbox.due(at(-1), 10)?, []);
        assert_eq!(outbox.due(at(0), 10)?, [mail(1, 1)]);
        assert!(outbox.begin_try(id, at(30))?);
        assert_eq!(outbox.due(at(29), 10)?, [], "a try has begun");
        outbox.failed(id, "451 busy")?;
        let again = outbox.due(at(30), 10)?;
        assert_eq!(
            (again[0].tries, again[0].last_error.as_deref()),
            (1, Some("451 busy"))
        );
        let error = |counts: OutboxCounts| counts.last_error;
        assert_eq!(error(outbox.counts()?).as_deref(), Some("451 busy"));
        assert!(outbox.finish(id, MessageState::Dead, Some("550 no"), at(31))?);
        assert!(!outbox.finish(id, MessageState::Sent, None, at(32))?);
        assert!(!outbox.begin_try(id, at(60))?);
        assert_eq!(outbox.next_due_at()?, None);
        let counts = outbox.counts()?;
        assert_eq!(
            (counts.queued, counts.dead, counts.oldest_queued_at),
            (0, 1, None)
        );
        assert_eq!(error(counts), None, "it is tried no more");
        assert!(outbox.requeue(id, at(70))?);
        outbox.insert(&mail(2, 2))
    });
    read(store, move |tx| {
        let outbox = tx.outbox();
        let all = outbox.page(&MessageFilter::default(), &page(1, None))?;
        assert_eq!((all[0].id, all[0].tries, all[0].finished_at), (id, 0, None));
        let after = all[0].id.to_string();
        let rest = outbox.page(&MessageFilter::default(), &page(9, Some(&after)))?;
        assert_eq!(rest, [mail(2, 2)]);
        let dead = MessageFilter {
            tenant: Some(tenant_id(1)),
            state: Some(MessageState::Dead),
        };
        assert_eq!(outbox.page(&dead, &page(9, None))?, []);
        assert_eq!(outbox.counts()?.oldest_queued_at, Some(at(0)));
        Ok(())
    });
}
