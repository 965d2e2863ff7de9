//! Redis beside the database. It hands out what it is given and judges nothing: who asks opens what
//! comes, and trusts no name, number or age of it. Needs Redis 6 or newer (RESP3).

mod bus;
mod link;
mod warning;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::time::Time;
use redis::{Pipeline, cmd};
use tokio::sync::{mpsc, watch};

use super::{Awaited, Beside, Connection, Envelope, Name, VALUE_LIMIT};
use bus::Channel;
use link::{Greeting, Link};

pub use link::{Place, Way};

/// Writes that wait for being handed over; one more is dropped.
const WRITES: usize = 1024;
/// Writes that are handed over at a time.
const BATCH: usize = 64;
/// Names that one step of a removal looks at.
const STEP: usize = 500;
/// Steps of a removal; a Redis with more names than that keeps some, until their time is over.
const STEPS: usize = 20_000;

/// What is to be written.
enum Write {
    Keep(String, Vec<u8>, Duration),
    Note(String, i64, u32, Duration),
    Publish(String, Vec<u8>),
}

impl Write {
    fn put(&self, batch: &mut Pipeline) {
        match self {
            Self::Keep(name, value, ttl) => {
                let set = batch.cmd("SET").arg(name).arg(value.as_slice());
                set.arg("PX").arg(millis(*ttl)).ignore();
            }
            Self::Note(name, at, limit, ttl) => {
                batch.cmd("LPUSH").arg(name).arg(*at).ignore();
                let last = limit.saturating_sub(1);
                batch.cmd("LTRIM").arg(name).arg(0).arg(last).ignore();
                batch.cmd("PEXPIRE").arg(name).arg(millis(*ttl)).ignore();
            }
            Self::Publish(channel, message) => {
                let publish = batch.cmd("PUBLISH").arg(channel);
                publish.arg(message.as_slice()).ignore();
            }
        }
    }
}

/// A Redis.
pub struct Redis {
    link: Arc<Link>,
    writes: mpsc::Sender<Write>,
    dropped: AtomicU64,
    channel: Arc<Channel>,
}

impl Redis {
    /// Begins to connect, and goes on with that for as long as the daemon runs. `namespace` keeps
    /// installations apart that share a Redis. Must be called within a runtime.
    pub fn start(
        place: Place,
        namespace: &str,
        envelope: Arc<dyn Envelope>,
        stopping: &watch::Receiver<bool>,
    ) -> Arc<Self> {
        let link = Arc::new(Link::new(&place));
        let (writes, queue) = mpsc::channel(WRITES);
        let channel = Arc::new(Channel::new(namespace, envelope));
        let hearing = Arc::clone(&channel);
        let redis = Arc::new(Self {
            channel: Arc::clone(&channel),
            link: Arc::clone(&link),
            writes,
            dropped: AtomicU64::new(0),
        });
        let greeting = Greeting {
            channel: channel.name().to_owned(),
            trial: Name::of(&[namespace, "trial"]).to_string(),
            pushed: Arc::new(move |info| hearing.heard(info)),
        };
        let keeper = Arc::clone(&link).keep(place, greeting, stopping.clone());
        tokio::spawn(keeper);
        tokio::spawn(hand_over(Arc::clone(&redis), queue, stopping.clone()));
        redis
    }

    fn write(&self, write: Write) {
        if self.writes.try_send(write).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Hands over what is to be written, several at a time.
async fn hand_over(
    redis: Arc<Redis>,
    mut queue: mpsc::Receiver<Write>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut writes = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            count = queue.recv_many(&mut writes, BATCH) => if count == 0 { return },
            _ = stopping.changed() => return,
        }
        let mut batch = Pipeline::with_capacity(writes.len());
        for write in &writes {
            write.put(&mut batch);
        }
        if redis.link.ask::<()>(&batch).await.is_none() {
            let count = u64::try_from(writes.len()).unwrap_or(u64::MAX);
            redis.dropped.fetch_add(count, Ordering::Relaxed);
        }
        writes.clear();
    }
}

impl Beside for Redis {
    fn values<'a>(&'a self, names: &'a [Name]) -> Awaited<'a, Vec<Option<Vec<u8>>>> {
        Box::pin(async move {
            let mut questions = Pipeline::with_capacity(names.len());
            for name in names {
                // The end is cut off by Redis: somebody may have put a mountain under the name.
                questions
                    .cmd("GETRANGE")
                    .arg(name.as_str())
                    .arg(0)
                    .arg(VALUE_LIMIT);
            }
            let found: Option<Vec<Vec<u8>>> = self.link.ask(&questions).await;
            let fits = |value: &Vec<u8>| !value.is_empty() && value.len() <= VALUE_LIMIT;
            match found {
                Some(found) if found.len() == names.len() => found
                    .into_iter()
                    .map(|value| Some(value).filter(fits))
                    .collect(),
                _ => vec![None; names.len()],
            }
        })
    }

    fn keep(&self, name: &Name, value: Vec<u8>, ttl: Duration) {
        if !value.is_empty() && value.len() <= VALUE_LIMIT && ttl > Duration::ZERO {
            self.write(Write::Keep(name.to_string(), value, ttl));
        }
    }

    fn note(&self, name: &Name, at: Time, limit: u32, ttl: Duration) {
        self.write(Write::Note(name.to_string(), at.millis(), limit, ttl));
    }

    fn noted<'a>(&'a self, name: &'a Name, limit: u32) -> Awaited<'a, Option<Time>> {
        Box::pin(async move {
            let mut question = Pipeline::new();
            let place = limit.checked_sub(1)?;
            question.cmd("LINDEX").arg(name.as_str()).arg(place);
            let (found,): (Option<Vec<u8>>,) = self.link.ask(&question).await?;
            let text = found.filter(|found| found.len() <= 20)?;
            let millis = std::str::from_utf8(&text).ok()?.parse().ok()?;
            Some(Time::from_millis(millis))
        })
    }

    fn remove<'a>(&'a self, prefix: &'a Name) -> Awaited<'a, Option<u64>> {
        Box::pin(async move {
            let pattern = format!("{prefix}:*");
            let (mut cursor, mut removed) = (0_u64, 0_u64);
            for _ in 0..STEPS {
                let mut step = Pipeline::new();
                let mut scan = cmd("SCAN");
                scan.arg(cursor).arg("MATCH").arg(&pattern);
                step.add_command(scan.arg("COUNT").arg(STEP).take());
                let ((next, names),): ((u64, Vec<Vec<u8>>),) = self.link.ask(&step).await?;
                if !names.is_empty() {
                    let mut unlink = Pipeline::new();
                    unlink.cmd("UNLINK").arg(names);
                    let (count,): (u64,) = self.link.ask(&unlink).await?;
                    removed = removed.saturating_add(count);
                }
                cursor = next;
                if cursor == 0 {
                    return Some(removed);
                }
            }
            None
        })
    }

    fn connection(&self) -> Connection {
        Connection {
            dropped: self.dropped.load(Ordering::Relaxed),
            heard_ago: self.channel.heard_ago(),
            ..self.link.connection()
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
