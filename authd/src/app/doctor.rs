//! What the daemon itself can say about whether the installation is well. It only looks: nothing is
//! changed, no mail is sent, and no address of a person is told on a socket without such data.

use std::sync::Arc;
use std::time::Duration;

use common::call::doctor::Doctor;
use common::time::Time;
use common::units::format_duration_short;
use common::view::{CheckedView, DoctorView, Finding, RedisStatus, Section};
use domain::key::{KeyState, planned_end};
use store::{AttemptFilter, AttemptsBy, PageRequest, StoreError, sqlite};

use crate::app::backup::{aside, newest_whole, wrap_key_id};
use crate::app::db::Roominess;
use crate::app::job::Reporter;
use crate::app::status::{self, Running};
use crate::app::{App, Error, Operator, Sight};

/// Age from which a backup is told, and from which it fails.
const BACKUP_AGES: (Duration, Duration) = (Duration::from_hours(48), Duration::from_hours(8 * 24));
/// Time over which sign-ins are counted by address.
const SIGN_INS: Duration = Duration::from_hours(24);
/// Addresses that are counted; the one that most come from is among them.
const ADDRESSES: u32 = 200;
/// Sign-ins below which no share means anything.
const LEAST_SIGN_INS: u64 = 20;
/// Share of sign-ins from one address, in percent, that looks like a proxy.
const PROXY_PERCENT: u64 = 80;
/// How far the newest row may lie ahead of the clock.
const AHEAD: Duration = Duration::from_secs(5);

/// Looks at everything, or at one part.
///
/// # Errors
/// Those of the store; what can be told as a finding is no error.
pub async fn doctor(
    app: Arc<App>,
    running: Arc<Running>,
    operator: Operator,
    request: Doctor,
    reporter: Reporter,
) -> Result<DoctorView, Error> {
    let sight = Sight::of(&operator);
    let mut checks = Vec::new();
    for section in Section::ALL {
        if request.section.is_some_and(|wanted| wanted != section) {
            continue;
        }
        reporter.progress(section.title(), 0, None);
        let found = match section {
            // What authctl sees from outside.
            Section::Daemon | Section::Foreign | Section::Sockets | Section::Unit => None,
            Section::Proxy => Some(proxy(&app, &running, sight).await?),
            Section::Space => Some(space(&app)),
            Section::Smtp => Some(smtp(&app, sight).await),
            Section::Keys => Some(keys(&app).await?),
            Section::Signing => Some(signing(&app)),
            Section::Backup => Some(backup(&app).await?),
            Section::Database => Some(database(&app).await?),
            Section::Redis => Some(redis(status::redis(&app).as_ref())),
            Section::Clock => Some(clock(&app).await?),
        };
        checks.extend(found);
    }
    Ok(DoctorView {
        version: common::VERSION.to_owned(),
        hash_priority_lowered: app.pool.priority_lowered(),
        checks,
    })
}

/// Whether sign-ins come through a proxy whose word is not taken: then all clients share one address,
/// and the budget of failures an address is off for it.
async fn proxy(app: &App, running: &Running, sight: Sight) -> Result<CheckedView, Error> {
    let since = app.now().minus(SIGN_INS);
    let rows = app
        .store
        .read(move |tx| {
            tx.operator()
                .count_attempts(AttemptsBy::Ip, None, since, ADDRESSES)
        })
        .await
        .map_err(|error: StoreError| Error::from(error))?;
    let counted = rows.iter().map(|row| {
        let all = row.failed.saturating_add(row.succeeded);
        (all, row.ip.as_deref())
    });
    let counted: Vec<(u64, Option<&str>)> = counted.collect();
    let all = counted.iter().map(|(count, _)| count).sum();
    let most = counted.iter().max_by_key(|(count, _)| *count).copied();
    let forwarding = (running.warnings)()
        .iter()
        .any(|warning| warning.code == "proxy_untrusted");
    Ok(proxy_finding(forwarding, all, most, sight))
}

fn proxy_finding(
    forwarding: bool,
    all: u64,
    most: Option<(u64, Option<&str>)>,
    sight: Sight,
) -> CheckedView {
    let share = most.map_or(0, |(count, _)| {
        count.saturating_mul(100).checked_div(all).unwrap_or(0)
    });
    let address = most
        .and_then(|(_, ip)| ip)
        .filter(|_| sight.shows_personal())
        .unwrap_or("one address");
    if forwarding {
        let detail = if all < LEAST_SIGN_INS {
            "a private peer sends forwarding headers, and no proxy is trusted".to_owned()
        } else {
            format!("{share} % of logins come from {address} with forwarding headers")
        };
        return CheckedView::new(Section::Proxy, Finding::Warn, detail)
            .hint("api.trusted_proxies, api.client_ip_header");
    }
    if all >= LEAST_SIGN_INS && share >= PROXY_PERCENT {
        let detail = format!("{share} % of logins of the last day come from {address}");
        return CheckedView::new(Section::Proxy, Finding::Warn, detail)
            .hint("if that is your backend or proxy: api.trusted_proxies; see authd-hardening(7)");
    }
    CheckedView::new(
        Section::Proxy,
        Finding::Ok,
        "logins come from their own addresses",
    )
}

fn space(app: &App) -> CheckedView {
    let info = app.store.info();
    let wanted = app.settings().min_free;
    let folder = info.path.parent().unwrap_or(&info.path).display();
    let detail = format!(
        "{folder} {} MiB free of {} MiB wanted",
        info.free_bytes >> 20,
        wanted >> 20
    );
    match Roominess::of(info.free_bytes, wanted) {
        Roominess::Enough => CheckedView::new(Section::Space, Finding::Ok, detail),
        Roominess::Low => CheckedView::new(Section::Space, Finding::Warn, detail)
            .hint("authctl backup prune --keep 3, or grow the volume"),
        Roominess::Least => CheckedView::new(Section::Space, Finding::Fail, detail)
            .hint("sudo authd db rescue, then grow the volume"),
    }
}

/// Connects to the mail server, encrypts and signs in as for a mail, and says goodbye.
async fn smtp(app: &App, sight: Sight) -> CheckedView {
    let Some(post) = app.mail.open() else {
        return CheckedView::new(Section::Smtp, Finding::Skipped, "no mail leaves")
            .hint("mail.transport");
    };
    let way = post.description();
    match post.reach().await {
        Ok(()) => CheckedView::new(Section::Smtp, Finding::Ok, way),
        Err(why) => {
            // A server's words may name an account.
            let why = if sight.shows_personal() {
                why.reason
            } else {
                format!("{way}: not reached")
            };
            CheckedView::new(Section::Smtp, Finding::Fail, why)
                .hint("authctl mail test you@example.net")
        }
    }
}

/// Whether the wrap key that is at hand now, which may be another than at the start, opens the keys.
async fn keys(app: &Arc<App>) -> Result<CheckedView, Error> {
    let read = app.store.read(|tx| -> Result<_, StoreError> {
        let pepper = tx.meta().value(crate::app::key::PEPPER_ID)?;
        Ok((tx.keys().all()?, wrap_key_id(tx)?, pepper.is_some()))
    });
    let (stored, id, has_pepper) = read.await.map_err(Error::from)?;
    let open = Arc::clone(&app.backups.open_keys);
    let opened = aside(move || open(&stored).map(drop)).await?;
    let id = id.unwrap_or_else(|| "?".to_owned());
    Ok(match opened {
        Ok(()) => {
            let pepper = if has_pepper {
                "the pepper is the database's"
            } else {
                "no pepper"
            };
            let detail = format!("wrap key {id} opens the keys; {pepper}");
            CheckedView::new(Section::Keys, Finding::Ok, detail)
        }
        Err(why) => {
            let detail =
                format!("the wrap key at hand does not open the keys, which {id} wraps: {why}");
            CheckedView::new(Section::Keys, Finding::Fail, detail)
                .hint("put the former one back before the next start; see authd(8), CREDENTIALS")
        }
    })
}

fn signing(app: &App) -> CheckedView {
    let now = app.now();
    let keys = app.keys.signing();
    let active = keys.rows().iter().find(|key| key.state == KeyState::Active);
    let Some(active) = active else {
        return CheckedView::new(Section::Signing, Finding::Fail, "no key is active")
            .hint("authctl key rotate");
    };
    let age = now.since(active.activates_at);
    let end = planned_end(active, &app.settings().keys);
    let detail = format!("{} active for {}", keys.kid(), format_duration_short(age));
    // A day is more than any rotation is late by.
    if end.plus(Duration::from_hours(24)) < now {
        return CheckedView::new(
            Section::Signing,
            Finding::Warn,
            format!("{detail}, and should have been followed"),
        )
        .hint("authctl key rotate");
    }
    CheckedView::new(Section::Signing, Finding::Ok, detail)
}

async fn backup(app: &Arc<App>) -> Result<CheckedView, Error> {
    let newest = match newest_whole(app).await {
        Ok(newest) => newest,
        Err(error) => {
            let detail = error.developer_message.into_owned();
            return Ok(CheckedView::new(Section::Backup, Finding::Fail, detail)
                .hint("backup.dir must be there and readable for authd"));
        }
    };
    let read = app.store.read(wrap_key_id).await.map_err(Error::from)?;
    let Some(newest) = newest else {
        return Ok(
            CheckedView::new(Section::Backup, Finding::Warn, "none in backup.dir")
                .hint("sudo systemctl enable --now authd-backup.timer, or: authctl backup create"),
        );
    };
    let age = app.now().since(newest.created_at);
    let is_ours = newest.wrap_key_id.is_none() || newest.wrap_key_id == read;
    Ok(backup_finding(age, newest.verified, is_ours))
}

fn backup_finding(age: Duration, verified: bool, is_ours: bool) -> CheckedView {
    let detail = format!(
        "{} old, {}, wrapped by {}",
        format_duration_short(age),
        if verified { "verified" } else { "not verified" },
        if is_ours {
            "the key at hand"
        } else {
            "another key than the one at hand"
        }
    );
    let (told, failed) = BACKUP_AGES;
    let result = if age > failed || !verified {
        Finding::Fail
    } else if age > told || !is_ours {
        Finding::Warn
    } else {
        return CheckedView::new(Section::Backup, Finding::Ok, detail);
    };
    CheckedView::new(Section::Backup, result, detail).hint("authctl backup create")
}

/// Every page once, without the cross-check of indexes that `db check` makes.
async fn database(app: &App) -> Result<CheckedView, Error> {
    let info = app.store.info();
    let path = info.path.clone();
    let problem = aside(move || sqlite::quick_problem(&path)).await?;
    let schema = format!("schema {}", info.schema);
    Ok(match problem {
        Ok(None) if info.pending > 0 => CheckedView::new(
            Section::Database,
            Finding::Warn,
            format!("{schema}, {} migrations pending", info.pending),
        )
        .hint("sudo systemctl restart authd"),
        Ok(None) => CheckedView::new(
            Section::Database,
            Finding::Ok,
            format!("pages sound (quick), {schema}"),
        ),
        Ok(Some(problem)) => CheckedView::new(Section::Database, Finding::Fail, problem)
            .hint("authctl db check, then see authd(8), BACKUP AND RESTORE"),
        Err(error) => CheckedView::new(
            Section::Database,
            Finding::Fail,
            common::error::chain(&error),
        )
        .hint("authctl db check"),
    })
}

/// A clock that went back leaves rows of the future behind.
/// Redis is never needed: that it is away is worth a look, and no more.
fn redis(redis: Option<&RedisStatus>) -> CheckedView {
    let Some(redis) = redis else {
        return CheckedView::new(Section::Redis, Finding::Skipped, "none is configured");
    };
    let lasts = format_duration_short(Duration::from_secs(redis.for_seconds));
    if !redis.connected {
        let reason = redis.reason.as_deref().unwrap_or("no reason is known");
        let detail = format!("{} is not asked since {lasts}: {reason}", redis.address);
        return CheckedView::new(Section::Redis, Finding::Warn, detail)
            .hint("look at that server; authd goes on without it");
    }
    let mut detail = format!(
        "{} up for {lasts}, {} hits, {} misses, {} refused",
        redis.address, redis.hits, redis.misses, redis.refused
    );
    if let Some(ago) = redis.heard_seconds_ago {
        detail.push_str(", last invalidation heard ");
        detail.push_str(&format_duration_short(Duration::from_secs(ago)));
        detail.push_str(" ago");
    }
    CheckedView::new(Section::Redis, Finding::Ok, detail)
}

async fn clock(app: &App) -> Result<CheckedView, Error> {
    let now = app.now();
    let ahead = AttemptFilter {
        since: Some(now.plus(AHEAD)),
        ..AttemptFilter::default()
    };
    let page = PageRequest {
        limit: 1,
        after: None,
    };
    let rows = app
        .store
        .read(move |tx| tx.operator().attempts(&ahead, &page))
        .await
        .map_err(|error: StoreError| Error::from(error))?;
    Ok(clock_finding(
        now,
        rows.first().map(|row| row.last_at.unwrap_or(row.first.at)),
    ))
}

fn clock_finding(now: Time, newest: Option<Time>) -> CheckedView {
    match newest.filter(|&newest| newest > now.plus(AHEAD)) {
        Some(newest) => CheckedView::new(
            Section::Clock,
            Finding::Warn,
            format!(
                "the newest login attempt is {} ahead of the clock",
                format_duration_short(newest.since(now))
            ),
        )
        .hint("timedatectl status"),
        None => CheckedView::new(
            Section::Clock,
            Finding::Ok,
            "nothing in the database is ahead of it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_is_not_trusted_is_told_with_its_share() {
        let most = Some((94, Some("10.0.0.5")));
        let told = proxy_finding(true, 100, most, Sight::Whole);
        assert_eq!(told.result, Finding::Warn);
        assert_eq!(
            told.detail,
            "94 % of logins come from 10.0.0.5 with forwarding headers"
        );
        assert!(told.hint.unwrap().contains("api.trusted_proxies"));
        // One address alone is suspicious too, and few logins are not.
        assert_eq!(
            proxy_finding(false, 100, most, Sight::Whole).result,
            Finding::Warn
        );
        assert_eq!(
            proxy_finding(false, 10, Some((10, Some("::1"))), Sight::Whole).result,
            Finding::Ok
        );
        assert_eq!(
            proxy_finding(false, 0, None, Sight::Whole).result,
            Finding::Ok
        );
    }

    #[test]
    fn a94_the_monitor_socket_is_told_no_address_of_logins() {
        let most = Some((94, Some("203.0.113.7")));
        for forwarding in [true, false] {
            let told = proxy_finding(forwarding, 100, most, Sight::Masked);
            assert!(!told.detail.contains("203.0.113"), "{}", told.detail);
            assert!(told.detail.contains("one address"), "{}", told.detail);
        }
    }

    #[test]
    fn a_backup_is_judged_by_age_soundness_and_key() {
        let hours = Duration::from_hours;
        for (age, verified, is_ours, result) in [
            (hours(12), true, true, Finding::Ok),
            (hours(49), true, true, Finding::Warn),
            (hours(12), true, false, Finding::Warn),
            (hours(12), false, true, Finding::Fail),
            (hours(9 * 24), true, true, Finding::Fail),
        ] {
            let told = backup_finding(age, verified, is_ours);
            assert_eq!(told.result, result, "{}", told.detail);
            assert_eq!(told.hint.is_some(), result != Finding::Ok);
        }
    }

    #[test]
    fn r12_a_redis_that_is_away_is_worth_a_look_and_no_failure() {
        assert_eq!(redis(None).result, Finding::Skipped);
        let up = RedisStatus {
            address: "redis://127.0.0.1:6379".to_owned(),
            connected: true,
            for_seconds: 90,
            reason: None,
            hits: 7,
            misses: 2,
            refused: 1,
            answered: 10,
            failed: 0,
            skipped: 0,
            dropped: 0,
            losses: 0,
            heard_seconds_ago: Some(5),
        };
        let check = redis(Some(&up));
        assert_eq!(check.result, Finding::Ok);
        assert!(check.hint.is_none(), "{check:?}");
        for part in ["7 hits", "2 misses", "1 refused", "heard 5s ago"] {
            assert!(check.detail.contains(part), "{check:?}");
        }
        let down = RedisStatus {
            connected: false,
            reason: Some("connection refused".to_owned()),
            ..up
        };
        let check = redis(Some(&down));
        assert_eq!(check.result, Finding::Warn);
        assert!(check.detail.contains("connection refused"), "{check:?}");
    }

    #[test]
    fn rows_of_the_future_tell_of_a_clock_that_went_back() {
        let now = Time::from_millis(1_000_000);
        let newest = |millis| clock_finding(now, Some(Time::from_millis(millis))).result;
        assert_eq!(newest(1_000_000), Finding::Ok);
        assert_eq!(newest(1_004_000), Finding::Ok);
        assert_eq!(newest(1_060_000), Finding::Warn);
        assert_eq!(clock_finding(now, None).result, Finding::Ok);
    }
}
