//! Figures that are in memory, each family with its name: `authd_`, what it is, its unit.

use std::sync::atomic::Ordering;

use common::tally::float;
use common::view::Family;
use domain::key::KeyState;

use crate::app::App;
use crate::app::status::{self, Running};

/// What runs, since when, and whether it takes part.
pub(super) fn of_the_daemon(app: &App, running: &Running) -> Vec<Family> {
    let version = status::version(app);
    let (schema, protocol) = (version.schema.to_string(), version.protocol.to_string());
    let labels = [
        ("version", version.version.as_str()),
        ("schema", &schema),
        ("protocol", &protocol),
    ];
    let is_draining = app.draining.load(Ordering::Acquire);
    let is_closed = app.maintenance.peek().is_some();
    vec![
        Family::gauge("authd_build_info", "What runs; always 1.").labelled(&labels, 1.0),
        Family::gauge(
            "authd_start_time_seconds",
            "When the daemon started, in seconds since 1970.",
        )
        .with(running.started_at.seconds_f64()),
        Family::gauge("authd_draining", "Whether the daemon is about to end.").flag(is_draining),
        Family::gauge(
            "authd_maintenance",
            "Whether the API is closed for maintenance.",
        )
        .flag(is_closed),
        Family::counter(
            "authd_clock_jumps_total",
            "Times that the wall clock jumped back or ahead.",
        )
        .count(app.counts.clock_jumps.total()),
    ]
}

/// Sign-ins, locks, refreshes.
pub(super) fn of_sign_ins(app: &App) -> Vec<Family> {
    let counts = &app.counts;
    let mut logins = Family::counter("authd_logins_total", "Tries to sign in, by how they ended.");
    for (tenant, outcome, count) in counts.logins(app.settings().tenant_label) {
        let mut labels = vec![("outcome", outcome)];
        labels.extend(tenant.as_deref().map(|tenant| ("tenant", tenant)));
        logins = logins.labelled(&labels, float(count));
    }
    let refreshes = &counts.refreshes;
    let by_outcome = [
        ("success", &refreshes.done),
        ("reused", &refreshes.reused),
        ("refused", &refreshes.refused),
        ("failed", &refreshes.failed),
    ];
    vec![
        logins,
        Family::counter(
            "authd_lockouts_total",
            "Locks by wrong passwords, of names and of devices.",
        )
        .count(counts.lockouts.total()),
        by_outcome.into_iter().fold(
            Family::counter(
                "authd_refreshes_total",
                "Refreshes, by how they ended; reused: an old token came again, and its session ended.",
            ),
            |family, (outcome, counter)| {
                family.labelled(&[("outcome", outcome)], float(counter.total()))
            },
        ),
    ]
}

/// The hash threads and what waits for them.
pub(super) fn of_hashing(app: &App) -> Vec<Family> {
    let (work, settings) = (app.pool.work(), app.pool.settings());
    vec![
        Family::gauge("authd_hash_threads", "Threads that hash passwords.")
            .size(app.pool.threads()),
        Family::gauge("authd_hash_places", "Places in front of them.").size(settings.queue_length),
        Family::gauge(
            "authd_hash_places_taken",
            "Places that are taken, by those who wait and those who are served.",
        )
        .size(work.places_taken),
        Family::gauge("authd_hash_queue_length", "Hashes that wait for a thread.")
            .size(work.waiting),
        Family::counter(
            "authd_hash_refused_total",
            "Requests that found no place and were answered 503.",
        )
        .count(work.refused),
        Family::counter(
            "authd_hash_late_total",
            "Hashes that waited longer than password.queue_deadline and were not begun.",
        )
        .count(work.late),
        Family::histogram(
            "authd_hash_wait_seconds",
            "Time that a hash waited for a thread.",
        )
        .spread(&[], &work.waits),
        Family::histogram(
            "authd_hash_duration_seconds",
            "Time that a thread had a hash.",
        )
        .spread(&[], &work.works),
        Family::gauge(
            "authd_hash_memory_bytes",
            "Memory that the threads keep for the next hash.",
        )
        .size(app.pool.memory_bytes()),
    ]
}

/// Verified tokens and states of sessions.
pub(super) fn of_the_cache(app: &App) -> Vec<Family> {
    let stats = app.cache.stats();
    let log = app.follower.figures();
    let last = log.last_at.map(common::time::Time::seconds_f64);
    let outdated = stats.outdated;
    let by_scope = [
        ("all", outdated.all),
        ("tenant", outdated.tenants),
        ("user", outdated.users),
        ("session", outdated.sessions),
    ];
    vec![
        Family::gauge(
            "authd_cache_entries",
            "Verified tokens and states of sessions that are kept.",
        )
        .count(stats.entries),
        Family::counter(
            "authd_cache_hits_total",
            "Look-ups that were answered from memory: two a warm check.",
        )
        .count(stats.hits),
        Family::counter(
            "authd_cache_misses_total",
            "Look-ups that went to a signature or to the database.",
        )
        .count(stats.misses),
        by_scope.into_iter().fold(
            Family::counter(
                "authd_revocations_total",
                "Times that a change took or may have taken access away, by what it reached.",
            ),
            |family, (scope, count)| family.labelled(&[("scope", scope)], float(count)),
        ),
        Family::gauge(
            "authd_invalidation_number",
            "Number in the log of invalidations up to which they hold here.",
        )
        .count(log.applied),
        Family::gauge(
            "authd_invalidation_timestamp_seconds",
            "When the last invalidation that was seen was written, in seconds since 1970.",
        )
        .maybe(last),
        Family::counter(
            "authd_invalidation_gaps_total",
            "Times that entries of the log were missing and all caches were emptied.",
        )
        .count(log.gaps),
    ]
}

/// The Redis beside the database; nothing without one.
pub(super) fn of_redis(app: &App) -> Vec<Family> {
    let Some(redis) = status::redis(app) else {
        return Vec::new();
    };
    let looks = [
        ("hit", redis.hits),
        ("miss", redis.misses),
        ("refused", redis.refused),
    ];
    let questions = [
        ("answered", redis.answered),
        ("failed", redis.failed),
        ("skipped", redis.skipped),
    ];
    let by = |family: Family, label: &str, counts: [(&str, u64); 3]| {
        counts.into_iter().fold(family, |family, (name, count)| {
            family.labelled(&[(label, name)], float(count))
        })
    };
    let lookups = Family::counter(
        "authd_redis_lookups_total",
        "Values looked for in Redis: good, not there, or forged, damaged or older than a change.",
    );
    let asked = Family::counter(
        "authd_redis_questions_total",
        "Questions to Redis: answered, without an answer in time, or not asked.",
    );
    vec![
        Family::gauge("authd_redis_up", "Whether Redis is asked at present.").flag(redis.connected),
        by(lookups, "result", looks),
        by(asked, "outcome", questions),
        Family::gauge(
            "authd_redis_heard_seconds",
            "Seconds since Redis last brought a notice of an invalidation.",
        )
        .maybe(redis.heard_seconds_ago.map(float)),
        Family::counter(
            "authd_redis_losses_total",
            "Times that the connection to Redis was lost.",
        )
        .count(redis.losses),
        Family::counter(
            "authd_redis_dropped_total",
            "Values, notes and notices that were not handed over.",
        )
        .count(redis.dropped),
    ]
}

/// Signing keys.
pub(super) fn of_keys(app: &App) -> Vec<Family> {
    let keys = status::keys(app);
    let signing = app.keys.signing();
    let active = signing
        .rows()
        .iter()
        .find(|key| key.state == KeyState::Active)
        .map(|key| key.activates_at.seconds_f64());
    let next = keys.rotates_at.map(common::time::Time::seconds_f64);
    vec![
        Family::gauge("authd_signing_keys", "Keys in the JWKS.").count(u64::from(keys.total)),
        Family::gauge(
            "authd_signing_key_activation_timestamp_seconds",
            "When the key that signs became active, in seconds since 1970.",
        )
        .maybe(active),
        Family::gauge(
            "authd_signing_key_rotation_timestamp_seconds",
            "When another key is to follow it, in seconds since 1970.",
        )
        .maybe(next),
    ]
}

/// The file and its writer.
pub(super) fn of_the_database(app: &App, answers: bool) -> Vec<Family> {
    let (info, work) = (app.store.info(), app.store.work());
    let mut families = vec![
        Family::gauge(
            "authd_database_up",
            "Whether the database answered what this page asked it.",
        )
        .flag(answers),
        Family::gauge("authd_database_size_bytes", "Size of the file.").count(info.bytes),
        Family::gauge(
            "authd_database_wal_size_bytes",
            "Size of the write-ahead log.",
        )
        .count(info.wal_bytes),
        Family::gauge(
            "authd_database_wal_held",
            "Whether a reader keeps that log from being moved, so that it grows.",
        )
        .flag(info.wal_held),
        Family::gauge("authd_database_free_bytes", "Free space beside it.").count(info.free_bytes),
        Family::gauge(
            "authd_database_min_free_bytes",
            "Free space that database.min_free wants.",
        )
        .count(app.settings().min_free),
    ];
    families.extend([
        Family::gauge(
            "authd_database_writes_queued",
            "Writes that wait for the writer.",
        )
        .count(work.writes_queued),
        Family::gauge(
            "authd_database_reads_queued",
            "Reads that wait for a reader.",
        )
        .count(work.reads_queued),
        Family::counter(
            "authd_database_commits_total",
            "Transactions that were committed, each a group of writes.",
        )
        .count(work.groups),
        Family::counter("authd_database_writes_total", "Writes in them.").count(work.writes),
        Family::counter(
            "authd_database_failed_commits_total",
            "Transactions that were not committed, or of which that is not known.",
        )
        .count(work.failed),
        Family::histogram(
            "authd_database_commit_duration_seconds",
            "Time of each COMMIT.",
        )
        .spread(&[], &work.commits),
        Family::counter(
            "authd_database_checkpoints_total",
            "Times that the write-ahead log was moved into the file.",
        )
        .count(work.checkpoints),
    ]);
    families
}

/// Mails that were tried.
pub(super) fn of_mail(app: &App) -> Vec<Family> {
    let mails = &app.counts.mails;
    let by_outcome = [
        ("sent", &mails.sent),
        ("retried", &mails.retried),
        ("given_up", &mails.given_up),
    ];
    let family = by_outcome.into_iter().fold(
        Family::counter(
            "authd_mails_total",
            "Tries to hand over a mail, by how they ended.",
        ),
        |family, (outcome, counter)| {
            family.labelled(&[("outcome", outcome)], float(counter.total()))
        },
    );
    vec![family]
}
