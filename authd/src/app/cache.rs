//! What is kept to answer faster, as the operator looks at it and empties it.

use std::sync::Arc;

use common::call::cache::Flush;
use common::call::daemon::Steered;
use common::tally::float;
use common::view::{CacheView, Page};
use serde_json::json;
use store::Scope;

use crate::app::daemon::{Steps, steer};
use crate::app::{App, Error, Operator, status, target};

/// Shows the caches.
pub fn stats(app: &App) -> Page<CacheView> {
    let memory = app.cache.stats();
    let mut items = vec![CacheView {
        cache: "memory".to_owned(),
        entries: Some(memory.entries),
        hits: memory.hits,
        misses: memory.misses,
        ratio: ratio(memory.hits, memory.misses),
        bytes: None,
        state: "up".to_owned(),
        heard_seconds_ago: None,
    }];
    if let Some(redis) = status::redis(app) {
        let misses = redis.misses.saturating_add(redis.refused);
        items.push(CacheView {
            cache: "redis".to_owned(),
            entries: None,
            hits: redis.hits,
            misses,
            ratio: ratio(redis.hits, misses),
            bytes: Some(app.shared.kept_bytes()),
            state: redis.reason.unwrap_or_else(|| "up".to_owned()),
            heard_seconds_ago: redis.heard_seconds_ago,
        });
    }
    Page {
        items,
        next_cursor: None,
    }
}

fn ratio(hits: u64, misses: u64) -> Option<f64> {
    let all = hits.saturating_add(misses);
    (all > 0).then(|| float(hits) / float(all))
}

/// Forgets everything, or what is kept of a tenant.
///
/// # Errors
/// `not_found` for the tenant, `validation_failed` for a reason that is no text; those of the store.
pub async fn flush(app: &Arc<App>, operator: &Operator, request: Flush) -> Result<Steered, Error> {
    let tenant = match request.tenant {
        Some(name) => {
            let reach = crate::app::By::Operator(operator).reach();
            let find = app.store.read(move |tx| target::tenant(tx, reach, &name));
            Some(find.await?)
        }
        None => None,
    };
    let slug = tenant.as_ref().map(|tenant| tenant.slug.to_string());
    let steps = Steps {
        action: "cache.flush",
        reason: request.reason,
        changes: true,
        before: json!({}),
        after: json!({ "tenant": slug }),
    };
    let id = tenant.map(|tenant| tenant.id);
    steer(app, operator, steps, move |app| {
        match id {
            Some(id) => app.cache.committed(&[Scope::Tenant(id)]),
            None => app.cache.flush(),
        }
        tracing::info!(event = "cache.flush", tenant = slug, "caches emptied");
        // In Redis it takes as long as there are names; what is left there is good all the same.
        let app = Arc::clone(app);
        tokio::spawn(async move {
            if let Some(count) = app.shared.flush(&app, id).await {
                tracing::info!(event = "cache.flush", count, "entries taken out of Redis");
            }
        });
    })
    .await
}
