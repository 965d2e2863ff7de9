//! The counters, for `authctl stats` and Prometheus: numbers of the installation, with labels of which
//! there are few, and never anything about a person.

mod families;
mod standing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use common::view::{Family, StatsView};

use crate::app::status::Running;
use crate::app::{App, health};

use self::standing::LastStanding;

/// Time in which a database that is well answers a small read.
const PROBE: Duration = Duration::from_secs(1);

/// Counters of parts that the use cases know nothing of.
type Source = Arc<dyn Fn() -> Vec<Family> + Send + Sync>;

/// Where figures come from that are not in [`App`].
#[derive(Default)]
pub struct Figures {
    source: Option<Source>,
    standing: LastStanding,
}

impl Figures {
    /// Those of the servers and the process.
    pub fn of(source: impl Fn() -> Vec<Family> + Send + Sync + 'static) -> Self {
        Self {
            source: Some(Arc::new(source)),
            standing: LastStanding::default(),
        }
    }
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Figures").finish_non_exhaustive()
    }
}

/// All counters. What is counted in the database is about a minute old; it is left out where the
/// database has not answered yet, for the rest is wanted most then.
pub async fn stats(app: &Arc<App>, running: &Running) -> StatsView {
    let probe = tokio::time::timeout(PROBE, health::probe(app)).await;
    let answers = matches!(probe, Ok(Ok(())));
    let standing = running.figures.standing.get(app).await;
    let mut families = families::of_the_daemon(app, running);
    families.extend(running.figures.source.iter().flat_map(|source| source()));
    families.extend(families::of_sign_ins(app));
    families.extend(families::of_hashing(app));
    families.extend(families::of_the_cache(app));
    families.extend(families::of_redis(app));
    families.extend(families::of_keys(app));
    families.extend(families::of_the_database(app, answers));
    families.extend(families::of_mail(app));
    if let Some(standing) = standing {
        families.extend(standing.families(app.now()));
    }
    StatsView { families }
}
