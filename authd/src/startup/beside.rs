//! From the configuration to what stands beside the database. A start never waits for it.

use std::sync::Arc;

use common::secret::Secret;
use tokio::sync::watch;

use super::exit::Failure;
use super::mail::PasswordSource;
use super::surroundings::unseen;
#[cfg(feature = "redis")]
use crate::app::shared::Sealed;
use crate::app::shared::Shared;
#[cfg(feature = "redis")]
use crate::cache::redis::{Place, Redis, Way};
use crate::config::{Config, Fault};
use crate::crypto::{KeyRing, Random};

/// Begins to connect, where one is configured.
#[cfg(feature = "redis")]
pub(super) fn shared(
    config: &Config,
    keys: &Arc<KeyRing>,
    random: &Arc<dyn Random>,
    stopping: &watch::Receiver<bool>,
) -> Result<Shared, Failure> {
    use crate::config::RedisAddress;

    let Some(url) = &config.redis.url else {
        return Ok(Shared::default());
    };
    let way = match &url.address {
        RedisAddress::Unix(path) => Way::Unix(path.clone()),
        RedisAddress::Host { host, port, tls } if *tls => Way::Tls(host.clone(), *port),
        RedisAddress::Host { host, port, .. } => Way::Plain(host.clone(), *port),
    };
    let place = Place {
        way,
        address: url.to_string(),
        user: url.user.clone(),
        password: password(config)?,
        database: url.database,
        timeout: config.redis.timeout,
    };
    tracing::info!(
        event = "redis.used",
        redis = place.address,
        "beside the database"
    );
    let namespace = crate::app::shared::namespace(keys);
    let envelope = Arc::new(Sealed {
        keys: Arc::clone(keys),
        random: Arc::clone(random),
    });
    let redis = Redis::start(place, namespace.as_str(), envelope, stopping);
    Ok(Shared::by(keys, Arc::clone(&redis) as _, redis))
}

/// Nothing: the check of the configuration refuses one.
#[cfg(not(feature = "redis"))]
pub(super) fn shared(
    config: &Config,
    _keys: &Arc<KeyRing>,
    _random: &Arc<dyn Random>,
    _stopping: &watch::Receiver<bool>,
) -> Result<Shared, Failure> {
    password(config)?;
    Ok(Shared::default())
}

/// The password, where there is one.
fn password(config: &Config) -> Result<Option<Secret<String>>, Failure> {
    if config.redis.url.is_none() {
        return Ok(None);
    }
    source(config).load_if_there("Redis password")
}

fn source(config: &Config) -> PasswordSource {
    PasswordSource::named(config, &config.redis.password_credential)
}

/// What stands in the way: a password that is there and cannot be read. A Redis that is not there stops
/// no start.
pub(super) fn faults(config: &Config, faults: &mut Vec<Fault>) {
    if let Err(failure) = password(config) {
        let key = "redis.password_credential";
        let fault = Fault::new(failure.message()).of(key);
        faults.push(unseen(&config.redis.password_credential, key).unwrap_or(fault));
    }
}
