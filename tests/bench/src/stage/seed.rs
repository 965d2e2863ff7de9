//! Fills a database that authd has made: tenants, users with one password, and sessions.
//!
//! Rows are copies of those of one real user and one real session, whatever columns they have, with
//! ids, names and salts of their own, all computed from a number: so tokens of any of them can be
//! made without a look into the database. The daemon must be stopped.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use authd::crypto::{KeyRing, WrapKey};
use common::id::{SessionId, TenantId, UserId};
use common::time::{Clock as _, SystemClock, Time};
use domain::session::Session;
use domain::token::AccessClaims;
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, params_from_iter};
use store::sqlite::Options;

use super::subject::Size;
use crate::Result;

/// The tenant of all users, if there are no others; else the first part of the others' names.
pub(crate) const TENANT: &str = "acme";
/// Rows that one transaction of the filling takes.
const GROUP: u64 = 200_000;
/// Sessions began within the last day.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// A user of the crowd, by number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person(pub(crate) u64);

impl Person {
    /// The login name.
    pub(crate) fn email(self) -> String {
        format!("user{}@acme.test", self.0)
    }

    fn id(self, base: u64) -> UserId {
        UserId::from_bytes(id(base, mix(self.0)))
    }
}

/// Many users and sessions, and the keys with which their tokens are made.
pub(crate) struct Crowd {
    base: u64,
    /// Tenants beside the first; the n-th user belongs to the n-th of them in turn, to the first one if
    /// there are none.
    tenants: u64,
    /// Users.
    pub(crate) users: u64,
    /// Sessions; the n-th belongs to user n modulo the users.
    pub(crate) sessions: u64,
    claims: AccessClaims,
    session: Session,
    keys: KeyRing,
}

impl Crowd {
    /// Fills the database in a folder, in which one user has signed in once: the claims that came of it.
    pub(crate) fn fill(data: &Path, claims: AccessClaims, size: Size) -> Result<Self> {
        let (keys, session) = secrets(data, claims.sid)?;
        let now = u64::try_from(SystemClock.now().millis())?;
        let crowd = Self {
            base: now - DAY,
            tenants: size.tenants,
            users: size.users,
            sessions: size.users * size.sessions_each,
            claims,
            session,
            keys,
        };
        let path = data.join("authd.db");
        let mut database = Connection::open(&path)?;
        crowd.insert(&mut database)?;
        drop(database);
        // Or the first commit that is measured would wait for all of these pages.
        File::open(path)?.sync_all()?;
        Ok(crowd)
    }

    fn insert(&self, database: &mut Connection) -> Result<()> {
        // Nothing reads it meanwhile, and a machine that stops in between has lost a draft.
        database.execute_batch(
            "PRAGMA foreign_keys = OFF; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; \
             PRAGMA cache_size = -262144;",
        )?;
        let indexes = drop_indexes(database)?;
        self.insert_people(database)?;
        self.insert_sessions(database)?;
        for index in indexes {
            database.execute_batch(&index)?;
        }
        Ok(database.execute_batch("PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL;")?)
    }

    fn insert_people(&self, database: &mut Connection) -> Result<()> {
        let owner = self.claims.sub.as_bytes();
        let user = Row::of(database, "users", "id", owner)?;
        let credential = Row::of(database, "credentials", "user_id", owner)?;
        let tenant = Row::of(database, "tenants", "id", self.claims.tid.as_bytes())?;
        in_groups(database, self.tenants, &tenant, |row, number| {
            let (id, slug) = self.tenant(number);
            row.set("id", blob(id.as_bytes()))?;
            row.set("slug", Value::Text(slug))?;
            // The triggers of the users' table count.
            row.set("users", Value::Integer(0))
        })?;
        in_groups(database, self.users, &user, |row, number| {
            let person = Person(number);
            let email = person.email().parse()?;
            let (tenant, slug) = self.tenant(number);
            let subject = self.keys.subject(&slug, &email);
            row.set("id", blob(person.id(self.base).as_bytes()))?;
            row.set("tenant_id", blob(tenant.as_bytes()))?;
            row.set("email", Value::Text(person.email()))?;
            row.set("subject", blob(subject.as_bytes()))
        })?;
        in_groups(database, self.users, &credential, |row, number| {
            row.set("user_id", blob(Person(number).id(self.base).as_bytes()))?;
            row.set("tenant_id", blob(self.tenant(number).0.as_bytes()))
        })
    }

    fn insert_sessions(&self, database: &mut Connection) -> Result<()> {
        let session = Row::of(database, "sessions", "id", self.claims.sid.as_bytes())?;
        in_groups(database, self.sessions, &session, |row, number| {
            let session = self.session(number);
            row.set("id", blob(session.id.as_bytes()))?;
            row.set("tenant_id", blob(session.tenant_id.as_bytes()))?;
            row.set("user_id", blob(session.user_id.as_bytes()))?;
            row.set("salt", blob(&session.salt))?;
            for name in ["auth_time", "created_at", "last_active_at", "rotated_at"] {
                row.set(name, Value::Integer(session.created_at.millis()))?;
            }
            Ok(())
        })
    }

    /// Id and slug of a user's tenant.
    fn tenant(&self, user: u64) -> (TenantId, String) {
        match user.checked_rem(self.tenants) {
            None => (self.claims.tid, TENANT.to_owned()),
            Some(number) => (
                TenantId::from_bytes(id(self.base, mix(number ^ 0x7e4a))),
                format!("{TENANT}-{number}"),
            ),
        }
    }

    fn session(&self, number: u64) -> Session {
        let began = self.base + number * DAY / self.sessions.max(1);
        let at = Time::from_millis(i64::try_from(began).unwrap_or(i64::MAX));
        let (high, low) = (mix(number ^ 0x5a17), mix(number ^ 0x5a18));
        let salt = u128::from(high) << 64 | u128::from(low);
        Session {
            id: SessionId::from_bytes(id(began, mix(!number))),
            user_id: Person(number % self.users).id(self.base),
            tenant_id: self.tenant(number % self.users).0,
            auth_time: at,
            created_at: at,
            last_active_at: at,
            rotated_at: at,
            salt: salt.to_be_bytes(),
            ..self.session.clone()
        }
    }

    /// An access token of a session; another `serial` makes another token.
    pub(crate) fn access(&self, number: u64, serial: u64) -> Result<String> {
        let session = self.session(number);
        let (_, slug) = self.tenant(number % self.users);
        let now = SystemClock.now();
        let token_id = u128::from(mix(number)) << 64 | u128::from(mix(serial));
        let claims = AccessClaims {
            sub: session.user_id,
            tid: session.tenant_id,
            tenant: slug,
            sid: session.id,
            jti: data_encoding::BASE64URL_NOPAD.encode(&token_id.to_be_bytes()),
            iat: now.seconds(),
            nbf: now.seconds(),
            exp: now.plus(Duration::from_secs(3600)).seconds(),
            auth_time: session.auth_time.seconds(),
            ..self.claims.clone()
        };
        Ok(self.keys.sign_access(&claims)?)
    }

    /// The first refresh token of a session.
    pub(crate) fn refresh(&self, number: u64) -> Result<String> {
        let session = self.session(number);
        let token = self.keys.refresh_token(&session, session.generation)?;
        Ok(token.expose().clone())
    }

    /// The public half of the key that signs, as it stands in the JWKS.
    pub(crate) fn public_key(&self) -> Result<String> {
        let keys = self.keys.jwks();
        let key = keys.pointer("/keys/0/x").and_then(|x| x.as_str());
        Ok(key.ok_or("no Ed25519 key")?.to_owned())
    }
}

/// The keys of a database, and a session of it.
fn secrets(data: &Path, session: SessionId) -> Result<(KeyRing, Session)> {
    struct Nobody;
    impl store::CommitListener for Nobody {
        fn committed(&self, _: &[store::Scope]) {}
    }
    let wrap = WrapKey::load(&data.join("authd.wrap-key"), None)?.ok_or("no wrap key")?;
    let options = Options::new(data.join("authd.db"));
    let (store, _) = store::sqlite::open(options, Arc::new(Nobody), Box::new(|_| {}))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let found = runtime.block_on(store.read(move |tx| {
        let session = tx.session(session)?;
        Ok::<_, store::StoreError>((tx.keys().all()?, session))
    }));
    store.close();
    let (keys, session) = found?;
    let session = session.ok_or("the session is gone")?;
    Ok((KeyRing::open(&keys, &wrap)?, session))
}

/// Drops the indexes that filling would keep in order row by row; what makes them again.
fn drop_indexes(database: &Connection) -> Result<Vec<String>> {
    let mut statement = database.prepare(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL \
         AND tbl_name IN ('users', 'credentials', 'sessions')",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let indexes = rows.collect::<std::result::Result<Vec<(String, String)>, _>>()?;
    for (name, _) in &indexes {
        database.execute_batch(&format!("DROP INDEX \"{name}\""))?;
    }
    Ok(indexes.into_iter().map(|(_, sql)| sql).collect())
}

/// A row that others are made after.
#[derive(Clone)]
struct Row {
    table: &'static str,
    columns: Vec<String>,
    values: Vec<Value>,
}

impl Row {
    fn of(database: &Connection, table: &'static str, key: &str, id: &[u8]) -> Result<Self> {
        let mut statement = database.prepare(&format!("SELECT * FROM {table} WHERE {key} = ?1"))?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let values = statement.query_row([id], |row| {
            (0..columns.len()).map(|index| row.get(index)).collect()
        })?;
        Ok(Self {
            table,
            columns,
            values,
        })
    }

    fn set(&mut self, name: &str, value: Value) -> Result<()> {
        let place = self.columns.iter().position(|column| column == name);
        let place = place.and_then(|at| self.values.get_mut(at));
        *place.ok_or_else(|| format!("{} has no column {name}", self.table))? = value;
        Ok(())
    }

    fn statement<'a>(&self, database: &'a Connection) -> Result<Statement<'a>> {
        let places = vec!["?"; self.columns.len()].join(", ");
        let (table, columns) = (self.table, self.columns.join(", "));
        let text = format!("INSERT INTO {table} ({columns}) VALUES ({places})");
        Ok(database.prepare(&text)?)
    }
}

/// Inserts rows that `change` makes of a template, many in a transaction.
fn in_groups(
    database: &mut Connection,
    count: u64,
    template: &Row,
    change: impl Fn(&mut Row, u64) -> Result<()>,
) -> Result<()> {
    let mut row = template.clone();
    let mut number = 0;
    while number < count {
        let transaction = database.transaction()?;
        let mut statement = row.statement(&transaction)?;
        let end = count.min(number + GROUP);
        while number < end {
            change(&mut row, number)?;
            statement.execute(params_from_iter(&row.values))?;
            number += 1;
        }
        drop(statement);
        transaction.commit()?;
    }
    Ok(())
}

fn blob(bytes: &[u8]) -> Value {
    Value::Blob(bytes.to_vec())
}

/// Sixteen bytes of a `UUIDv7` (RFC 9562 5.7): milliseconds, then what a number gives.
fn id(millis: u64, noise: u64) -> [u8; 16] {
    let time = u128::from(millis) << 80;
    let version = 7_u128 << 76;
    let high = u128::from(noise >> 52) << 64;
    let variant = 2_u128 << 62;
    let low = u128::from(mix(noise) >> 2);
    (time | version | high | variant | low).to_be_bytes()
}

/// A number that looks random, one to one (splitmix64's last steps).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_version_7_and_differ() {
        let ids: Vec<[u8; 16]> = (0..1000).map(|n| id(1_700_000_000_000, mix(n))).collect();
        for bytes in &ids {
            assert_eq!((bytes[6] >> 4, bytes[8] >> 6), (7, 2));
        }
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}
