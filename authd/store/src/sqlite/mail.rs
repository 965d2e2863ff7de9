//! The outbox, and tokens of mailed links.

use std::time::Duration;

use common::email::Email;
use common::id::{MessageId, TenantId, UserId};
use common::time::Time;
use domain::mail::{MailedToken, Message, MessageState, Occasion, Template};
use domain::user::User;
use rusqlite::params;
use rusqlite::types::Value;

use super::row::{Columns, Conditions, after_id, id_value, text_value};
use super::tx::{TenantTx, Tx};
use crate::error::StoreError;
use crate::resource::{
    MailedTokens, MessageFilter, Outbox, OutboxCounts, OutboxRead, PageRequest, TenantWrite,
};

/// The columns of a mail, in the order that [`read`] takes them.
const COLUMNS: &str = "id, tenant_id, user_id, template, recipient, happened_at, ip, device, \
    link_life, state, tries, next_try_at, last_error, created_at, finished_at";

fn read(columns: &mut Columns<'_, '_>) -> Result<Message, StoreError> {
    Ok(Message {
        id: columns.id("outbox.id")?,
        tenant_id: columns.id("outbox.tenant_id")?,
        user_id: columns.id("outbox.user_id")?,
        template: columns.parse("outbox.template", |name: String| Template::from_name(&name))?,
        recipient: columns.email("outbox.recipient")?,
        occasion: Occasion {
            at: columns.time("outbox.happened_at")?,
            ip: columns.take("outbox.ip")?,
            device: columns.take("outbox.device")?,
            link_life: columns.parse_optional("outbox.link_life", |millis: i64| {
                u64::try_from(millis).ok().map(Duration::from_millis)
            })?,
        },
        state: columns.parse("outbox.state", |name: String| {
            MessageState::from_name(&name)
        })?,
        tries: columns.take("outbox.tries")?,
        next_try_at: columns.time("outbox.next_try_at")?,
        last_error: columns.take("outbox.last_error")?,
        created_at: columns.time("outbox.created_at")?,
        finished_at: columns.time_optional("outbox.finished_at")?,
    })
}

/// Names of some of the templates, as a list of SQL texts.
fn names(which: fn(Template) -> bool) -> String {
    let names: Vec<String> = Template::ALL
        .into_iter()
        .filter(|template| which(*template))
        .map(|template| format!("'{}'", template.as_str()))
        .collect();
    names.join(", ")
}

impl OutboxRead for Tx<'_> {
    fn page(&self, filter: &MessageFilter, page: &PageRequest) -> Result<Vec<Message>, StoreError> {
        let mut conditions = Conditions::new();
        conditions.and_some("tenant_id = ?", filter.tenant.map(id_value));
        let state = filter.state.map(MessageState::as_str);
        conditions.and_some("state = ?", state.map(text_value));
        let after: Option<MessageId> = after_id(page)?;
        conditions.and_some("id > ?", after.map(id_value));
        let sql = format!(
            "SELECT {COLUMNS} FROM outbox WHERE {} ORDER BY id LIMIT ?",
            conditions.sql()
        );
        let values: Vec<Value> = conditions.limited(page.limit);
        self.all(
            "outbox.page",
            &sql,
            rusqlite::params_from_iter(values),
            read,
        )
    }

    fn by_id(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM outbox WHERE id = ?1");
        self.one("outbox.by_id", &sql, params![id.as_bytes()], read)
    }

    fn due(&self, now: Time, limit: u32) -> Result<Vec<Message>, StoreError> {
        let sql = format!(
            "WITH due AS (SELECT id, user_id, recipient FROM outbox \
               WHERE state = 'queued' AND next_try_at <= ?1 ORDER BY next_try_at, id LIMIT ?2) \
             SELECT {COLUMNS} FROM outbox WHERE id IN (SELECT earlier.id FROM due \
               JOIN outbox earlier ON earlier.recipient = due.recipient \
               AND earlier.user_id = due.user_id AND earlier.id <= due.id \
               WHERE earlier.state = 'queued') ORDER BY id"
        );
        self.all("outbox.due", &sql, params![now.millis(), limit], read)
    }

    fn next_due_at(&self) -> Result<Option<Time>, StoreError> {
        let found = self.one(
            "outbox.next_due_at",
            "SELECT min(next_try_at) FROM outbox WHERE state = 'queued'",
            [],
            |columns| columns.time_optional("outbox.next_try_at"),
        )?;
        Ok(found.flatten())
    }

    fn capped_since(&self, recipient: &Email, since: Time) -> Result<u32, StoreError> {
        let sql = format!(
            "SELECT count(*) FROM outbox WHERE recipient = ?1 AND created_at > ?2 \
             AND template IN ({})",
            names(Template::is_capped)
        );
        let keys = params![recipient.as_str(), since.millis()];
        let found = self.one("outbox.capped_since", &sql, keys, |columns| {
            columns.take("outbox.capped_since")
        })?;
        Ok(found.unwrap_or(0))
    }

    fn told_since(
        &self,
        user: &User,
        template: Template,
        since: Time,
    ) -> Result<(u32, Option<Time>), StoreError> {
        let found = self.one(
            "outbox.told_since",
            "SELECT count(*), min(created_at) FROM outbox WHERE recipient = ?1 \
             AND created_at > ?2 AND template = ?3 AND user_id = ?4",
            params![
                user.email.as_str(),
                since.millis(),
                template.as_str(),
                user.id.as_bytes(),
            ],
            |columns| {
                let count = columns.take("outbox.told_since")?;
                Ok((count, columns.time_optional("outbox.created_at")?))
            },
        )?;
        Ok(found.unwrap_or_default())
    }

    fn counts(&self) -> Result<OutboxCounts, StoreError> {
        let found = self.one(
            "outbox.counts",
            "SELECT (SELECT count(*) FROM outbox WHERE state = 'queued'), \
             (SELECT count(*) FROM outbox WHERE state = 'dead'), \
             (SELECT min(created_at) FROM outbox WHERE state = 'queued'), \
             (SELECT max(finished_at) FROM outbox WHERE state = 'sent'), \
             (SELECT last_error FROM outbox WHERE state = 'queued' AND last_error IS NOT NULL \
             AND created_at >= coalesce((SELECT max(finished_at) FROM outbox \
             WHERE state = 'sent'), 0) ORDER BY next_try_at DESC LIMIT 1)",
            [],
            |columns| {
                let number = |count: i64| u64::try_from(count).ok();
                Ok(OutboxCounts {
                    queued: columns.parse("outbox.queued", number)?,
                    dead: columns.parse("outbox.dead", number)?,
                    oldest_queued_at: columns.time_optional("outbox.created_at")?,
                    last_sent_at: columns.time_optional("outbox.finished_at")?,
                    last_error: columns.take("outbox.last_error")?,
                })
            },
        )?;
        Ok(found.unwrap_or_default())
    }
}

impl Outbox for Tx<'_> {
    fn insert(&self, message: &Message) -> Result<(), StoreError> {
        let life = message
            .occasion
            .link_life
            .map(|life| i64::try_from(life.as_millis()).unwrap_or(i64::MAX));
        self.run(
            "outbox.insert",
            "INSERT INTO outbox (id, tenant_id, user_id, template, recipient, happened_at, ip, \
             device, link_life, state, tries, next_try_at, last_error, created_at, finished_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            params![
                message.id.as_bytes(),
                message.tenant_id.as_bytes(),
                message.user_id.as_bytes(),
                message.template.as_str(),
                message.recipient.as_str(),
                message.occasion.at.millis(),
                message.occasion.ip,
                message.occasion.device,
                life,
                message.state.as_str(),
                message.tries,
                message.next_try_at.millis(),
                message.last_error,
                message.created_at.millis(),
                message.finished_at.map(Time::millis),
            ],
        )
        .map(drop)
    }

    fn begin_try(&self, id: MessageId, next_try_at: Time) -> Result<bool, StoreError> {
        self.changed(
            "outbox.begin_try",
            "UPDATE outbox SET tries = tries + 1, next_try_at = ?2 \
             WHERE id = ?1 AND state = 'queued'",
            params![id.as_bytes(), next_try_at.millis()],
        )
    }

    fn failed(&self, id: MessageId, error: &str) -> Result<(), StoreError> {
        self.run(
            "outbox.failed",
            "UPDATE outbox SET last_error = ?2 WHERE id = ?1",
            params![id.as_bytes(), error],
        )
        .map(drop)
    }

    fn finish(
        &self,
        id: MessageId,
        state: MessageState,
        error: Option<&str>,
        at: Time,
    ) -> Result<bool, StoreError> {
        self.changed(
            "outbox.finish",
            "UPDATE outbox SET state = ?2, last_error = ?3, finished_at = ?4 \
             WHERE id = ?1 AND state = 'queued'",
            params![id.as_bytes(), state.as_str(), error, at.millis()],
        )
    }

    fn requeue(&self, id: MessageId, at: Time) -> Result<bool, StoreError> {
        self.changed(
            "outbox.requeue",
            "UPDATE outbox SET state = 'queued', tries = 0, next_try_at = ?2, finished_at = NULL \
             WHERE id = ?1 AND state <> 'sent'",
            params![id.as_bytes(), at.millis()],
        )
    }

    fn delete(&self, id: MessageId) -> Result<bool, StoreError> {
        self.changed(
            "outbox.delete",
            "DELETE FROM outbox WHERE id = ?1 AND state <> 'sent'",
            params![id.as_bytes()],
        )
    }
}

impl Tx<'_> {
    fn changed(
        &self,
        operation: &'static str,
        sql: &str,
        keys: impl rusqlite::Params,
    ) -> Result<bool, StoreError> {
        Ok(self.run(operation, sql, keys)? > 0)
    }

    pub(super) fn token_by_hash(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<(TenantId, MailedToken)>, StoreError> {
        self.one(
            "mailed_tokens.by_hash",
            "SELECT tenant_id, hash, user_id, is_mailed, made_at, expires_at FROM mailed_tokens \
             WHERE hash = ?1",
            params![hash],
            |columns| {
                let tenant = columns.id("mailed_tokens.tenant_id")?;
                let token = MailedToken {
                    hash: columns.take("mailed_tokens.hash")?,
                    user_id: columns.id("mailed_tokens.user_id")?,
                    is_mailed: columns.take("mailed_tokens.is_mailed")?,
                    made_at: columns.time("mailed_tokens.made_at")?,
                    expires_at: columns.time("mailed_tokens.expires_at")?,
                };
                Ok((tenant, token))
            },
        )
    }
}

impl MailedTokens for TenantTx<'_> {
    fn put(&self, token: &MailedToken) -> Result<(), StoreError> {
        let written = self.tx.run(
            "mailed_tokens.put",
            "INSERT INTO mailed_tokens (user_id, tenant_id, hash, is_mailed, made_at, expires_at) \
             SELECT id, tenant_id, ?3, ?4, ?5, ?6 FROM users WHERE tenant_id = ?1 AND id = ?2 \
             ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, \
             is_mailed = excluded.is_mailed, made_at = excluded.made_at, expires_at = excluded.expires_at",
            params![
                self.id.as_bytes(),
                token.user_id.as_bytes(),
                token.hash,
                token.is_mailed,
                token.made_at.millis(),
                token.expires_at.millis(),
            ],
        )?;
        // Nothing was selected: the owner is no user of this tenant.
        if written == 0 {
            return Err(StoreError::Damaged {
                what: "mailed_tokens.user_id",
            });
        }
        Ok(())
    }

    fn delete_of(&self, user: UserId) -> Result<bool, StoreError> {
        let deleted = self.tx.run(
            "mailed_tokens.delete_of",
            "DELETE FROM mailed_tokens WHERE tenant_id = ?1 AND user_id = ?2",
            params![self.id.as_bytes(), user.as_bytes()],
        )?;
        self.waiting_mut().delete_email(user)?;
        Ok(deleted > 0)
    }

    fn delete_all(&self) -> Result<(), StoreError> {
        for (operation, sql) in [
            (
                "mailed_tokens.delete_all",
                "DELETE FROM mailed_tokens WHERE tenant_id = ?1",
            ),
            (
                "registrations.delete_all",
                "DELETE FROM registrations WHERE tenant_id = ?1",
            ),
            (
                "pending_emails.delete_all",
                "DELETE FROM pending_emails WHERE tenant_id = ?1",
            ),
        ] {
            self.tx.run(operation, sql, params![self.id.as_bytes()])?;
        }
        let sql = format!(
            "DELETE FROM outbox WHERE tenant_id = ?1 AND state <> 'sent' AND template IN ({})",
            names(Template::has_link)
        );
        self.tx
            .run("outbox.delete_links", &sql, params![self.id.as_bytes()])
            .map(drop)
    }
}
