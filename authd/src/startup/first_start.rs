//! What the first start makes and every later one must find again: wrap key, keys, issuer and the
//! `system` tenant (rules 16 and 27; architecture.md, decision 9).

use common::id::TenantId;
use common::time::Time;
use domain::key::StoredKey;
use domain::tenant::{Slug, Tenant, TenantStatus};
use store::{Priority, Store, StoreError};

use super::exit::Failure;
use super::key_source::KeySource;
use super::pepper;
use crate::app::key::{WRAP_KEY_CHECK, WRAP_KEY_ID};
use crate::config::Config;
use crate::crypto::{self, KeyRing, Pepper, Random, WrapKey};

const ISSUER: &str = "issuer";

/// What every start takes from the database.
pub(super) struct Opened {
    pub(super) keys: KeyRing,
    pub(super) issuer: String,
    pub(super) hash_schemes: Vec<String>,
    pub(super) pepper: Option<Pepper>,
}

/// What the database says of earlier starts.
struct Facts {
    issuer: Option<String>,
    wrap_key_id: Option<String>,
    wrap_key_check: Option<Vec<u8>>,
    keys: Vec<StoredKey>,
    hash_schemes: Vec<String>,
    pepper_id: Option<String>,
    pepper_check: Option<Vec<u8>>,
}

/// Opens the keys, making them if the database is empty.
pub(super) async fn open(
    config: &Config,
    store: &Store,
    random: &dyn Random,
    now: Time,
) -> Result<Opened, Failure> {
    let source = KeySource::of(config);
    // The store's lock is held: nobody else is making a key here.
    source.forget_draft()?;
    let facts = read(store).await?;
    let Some(expected_id) = &facts.wrap_key_id else {
        source.settle("", &[])?;
        let wrap = source.load_or_make(random)?;
        make(config, store, random, &wrap, now).await?;
        let facts = read(store).await?;
        return finish(config, store, facts, &wrap).await;
    };
    let check = facts.wrap_key_check.as_deref().unwrap_or_default();
    source.settle(expected_id, check)?;
    let wrap = source.at_hand(expected_id, check)?;
    finish(config, store, facts, &wrap).await
}

async fn finish(
    config: &Config,
    store: &Store,
    facts: Facts,
    wrap: &WrapKey,
) -> Result<Opened, Failure> {
    let keys = KeyRing::open(&facts.keys, wrap).map_err(Failure::other)?;
    let issuer = facts.issuer.unwrap_or_default();
    let wanted = &config.token.issuer;
    if *wanted != issuer {
        return Err(Failure::config(
            format!(
                "token.issuer is {wanted:?}, but this database's tokens are issued by {issuer:?}"
            ),
            format!(
                "An issuer never changes. Set it in the configuration: token.issuer = {issuer:?}"
            ),
        ));
    }
    let known = facts.pepper_id.zip(facts.pepper_check);
    let pepper = pepper::open(config, store, known).await?;
    Ok(Opened {
        keys,
        issuer,
        hash_schemes: facts.hash_schemes,
        pepper,
    })
}

async fn read(store: &Store) -> Result<Facts, Failure> {
    let text =
        |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    store
        .read(move |tx| -> Result<Facts, StoreError> {
            let meta = tx.meta();
            Ok(Facts {
                issuer: text(meta.value(ISSUER)?),
                wrap_key_id: text(meta.value(WRAP_KEY_ID)?),
                wrap_key_check: meta.value(WRAP_KEY_CHECK)?,
                keys: tx.keys().all()?,
                hash_schemes: meta.hash_schemes()?,
                pepper_id: text(meta.value(pepper::ID)?),
                pepper_check: meta.value(pepper::CHECK)?,
            })
        })
        .await
        .map_err(Failure::other)
}

/// Writes everything that a first start makes, in one transaction.
async fn make(
    config: &Config,
    store: &Store,
    random: &dyn Random,
    wrap: &WrapKey,
    now: Time,
) -> Result<(), Failure> {
    let keys =
        KeyRing::first_keys(random, now, wrap, config.token.algorithm).map_err(Failure::other)?;
    let id: TenantId = crypto::new_id(random, now).map_err(Failure::other)?;
    let system = Tenant {
        id,
        slug: Slug::system(),
        name: "System".to_owned(),
        status: TenantStatus::Active,
        time_zone: "UTC".to_owned(),
        plan: "system".to_owned(),
        ends_at: None,
        max_users: None,
        created_at: now,
        updated_at: now,
    };
    let facts = [
        (ISSUER, config.token.issuer.clone().into_bytes()),
        (WRAP_KEY_ID, wrap.id().into_bytes()),
        (WRAP_KEY_CHECK, wrap.check_value().to_vec()),
    ];
    store
        .write(
            Priority::Normal,
            store::Claim::detached(),
            move |tx| -> Result<(), StoreError> {
                for (name, value) in &facts {
                    tx.meta_mut().set(name, value)?;
                }
                for key in &keys {
                    tx.keys_mut().insert(key)?;
                }
                tx.tenants_mut().insert(&system)
            },
        )
        .await
        .map_err(Failure::other)
}
