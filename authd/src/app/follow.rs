//! Reads the log of invalidations behind what has been applied, for the follower in `cache`, which decides.
//! A node that is alone reads it once; one that shares its database reads it several times a second,
//! and at once where the bus or an own commit says that something is there.

use std::sync::Arc;
use std::time::Duration;

use store::StoreError;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::app::{App, Error, key};
use crate::cache::{Bus, LEASE, Notice, Taken};

/// Time between two looks that nobody asked for: several within a lease, so that one may fail.
pub const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Shortest time between two looks, however much the bus says.
const LOOK_LEAST: Duration = Duration::from_millis(5);
/// Entries of a page.
const PAGE: u32 = 500;
/// Pages of a look. Who is further behind forgets everything, which is sooner done.
const PAGES: u32 = 16;
/// Latest entries that are read at the beginning: what was kept outside of this process since the first
/// of them can be told to be good.
const TAIL: u32 = 10_000;
/// Shortest time between two warnings that the log cannot be read.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// Looks at the log once: applies what is behind, and renews the lease.
///
/// # Errors
/// `unavailable`; the lease runs out, and the database is asked instead of memory.
pub async fn look(app: &App) -> Result<(), Error> {
    let _turn = app.follower.turn().await;
    let looked = read_on(app).await;
    if looked.is_err() {
        app.follower.failed();
    }
    looked
}

async fn read_on(app: &App) -> Result<(), Error> {
    let follower = &app.follower;
    for _ in 0..PAGES {
        // Before the page is read: so much of the lease is over when it is renewed.
        let moment = follower.moment();
        let Some(place) = follower.place() else {
            return begin(app).await;
        };
        let page = app
            .store
            .read(move |tx| -> Result<_, StoreError> {
                tx.invalidations().from(place.number(), PAGE)
            })
            .await?;
        if follower.ends_keys(&page) {
            // Before tokens are forgotten: what is verified then is verified by the keys that are left.
            key::reload(app).await?;
        }
        let is_full = u32::try_from(page.len()).is_ok_and(|rows| rows >= PAGE);
        match follower.take(place, &page) {
            Taken::Gap => {
                tracing::warn!(
                    from = place.number(),
                    "entries of the log of invalidations are missing; all that was in memory is forgotten"
                );
                return begin(app).await;
            }
            Taken::Applied if !is_full => {
                follower.renew(moment);
                return Ok(());
            }
            Taken::Applied => {}
        }
    }
    begin(app).await
}

/// Begins at the end of the log, with nothing in memory.
///
/// # Errors
/// `unavailable`.
pub async fn begin(app: &App) -> Result<(), Error> {
    let moment = app.follower.moment();
    let tail = app
        .store
        .read(|tx| -> Result<_, StoreError> {
            let log = tx.invalidations();
            let Some(head) = log.head()? else {
                return Ok(Vec::new());
            };
            let first = head.number.saturating_sub(u64::from(TAIL));
            log.from(first.saturating_add(1), TAIL)
        })
        .await?;
    if app.follower.is_shared() {
        key::reload(app).await?;
    }
    app.follower.begin(&tail);
    app.follower.renew(moment);
    Ok(())
}

/// Follows the log until the daemon ends. A node that is alone has nobody to follow.
pub async fn run(app: Arc<App>, bus: Option<Arc<dyn Bus>>, mut stopping: watch::Receiver<bool>) {
    if !app.follower.is_shared() {
        return;
    }
    let mut notices = bus.map(|bus| bus.subscribe());
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut complaint = Complaint::default();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.follower.due() => {}
            () = news(&app, &mut notices) => {}
            _ = stopping.changed() => return,
        }
        let begun = Instant::now();
        complaint.hear(look(&app).await, begun);
        tokio::select! {
            () = sleep_until(begun + LOOK_LEAST) => {}
            _ = stopping.changed() => return,
        }
    }
}

/// Waits for a notice of something that has not been applied, or that some were lost.
async fn news(app: &App, notices: &mut Option<Receiver<Notice>>) {
    while let Some(receiver) = notices {
        match receiver.recv().await {
            Ok(notice) if app.follower.is_news(&notice) => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            // The timer goes on alone.
            Err(RecvError::Closed) => *notices = None,
        }
    }
    std::future::pending::<()>().await;
}

/// Says that the log cannot be read: once a minute, and once when it can again.
#[derive(Default)]
struct Complaint {
    last: Option<Instant>,
}

impl Complaint {
    fn hear(&mut self, looked: Result<(), Error>, now: Instant) {
        match (looked, self.last) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => {
                self.last = None;
                tracing::info!("the log of invalidations is read again");
            }
            (Err(_), Some(last)) if now.duration_since(last) < WARN_EVERY => {}
            (Err(error), _) => {
                self.last = Some(now);
                tracing::warn!(
                    code = %error.code,
                    cause = ?error.cause,
                    lease = ?LEASE,
                    "the log of invalidations cannot be read; without a lease every request asks the database"
                );
            }
        }
    }
}
