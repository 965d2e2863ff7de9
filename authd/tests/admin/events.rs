//! The stream of events: in order, from where it is wanted, with no gap that is not told.

use std::sync::Arc;
use std::time::Duration;

use authd::app::job::{Event, line};
use authd::app::{Error, Operator, events, housekeeping, user};
use common::call::events::{Events, EventsEnd};
use common::call::user::Disable;
use common::error::ErrorCode;
use common::view::EventView;

use crate::desk::{Desk, reference};

async fn told(
    desk: &Desk,
    operator: Operator,
    request: Events,
) -> Result<(Vec<EventView>, EventsEnd), Error> {
    let (reporter, mut heard) = line();
    let app = Arc::clone(&desk.app);
    let work = tokio::spawn(events::events(app, operator, request, reporter));
    let mut rows = Vec::new();
    while let Some(event) = heard.recv().await {
        if let Event::Data(part) = event {
            rows.extend(read(&part));
        }
    }
    Ok((rows, work.await.unwrap()?))
}

fn read(part: &[u8]) -> Vec<EventView> {
    let lines = part.split(|&byte| byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn since(number: u64) -> Events {
    Events {
        since: Some(number),
        ..Events::default()
    }
}

fn kinds(rows: &[EventView]) -> Vec<&str> {
    rows.iter().map(|row| row.kind.as_str()).collect()
}

async fn disable(desk: &Desk, email: &str) {
    let request = Disable {
        user: reference("acme", email),
        reason: Some("canary".to_owned()),
    };
    let change = user::disable(&desk.app, &desk.admin(), request).await;
    assert!(change.unwrap().changed);
}

/// Tenant, user, session and the end of all.
async fn story(desk: &Desk) {
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    desk.sign_in(acme, bob).await;
    disable(desk, "bob@acme.test").await;
}

#[tokio::test]
async fn what_happens_is_told_in_order_and_again_from_any_number() {
    let desk = Desk::new();
    story(&desk).await;
    let (rows, end) = told(&desk, desk.admin(), Events::default()).await.unwrap();
    let all = kinds(&rows);
    assert_eq!(all[..2], ["tenant.create", "user.create"]);
    let mut rest = all[2..].to_vec();
    rest.sort_unstable();
    assert_eq!(rest, ["session.ended", "user.disable", "user.tokens_ended"]);
    assert!(rows.is_sorted_by(|a, b| a.seq < b.seq));
    assert_eq!(rows.last().unwrap().seq, end.upto);
    for row in &rows {
        let (behind, _) = told(&desk, desk.admin(), since(row.seq)).await.unwrap();
        let wanted: Vec<_> = rows.iter().filter(|other| other.seq > row.seq).collect();
        assert_eq!(behind.iter().collect::<Vec<_>>(), wanted);
    }
    let change = rows.iter().find(|row| row.kind == "user.disable").unwrap();
    assert_eq!(change.tenant.as_deref(), Some("acme"));
    assert_eq!(change.subject.email.as_deref(), Some("bob@acme.test"));
    assert_eq!(change.reason.as_deref(), Some("canary"));
    assert_eq!(change.actor.as_ref().unwrap().uid, Some(1001));
    assert!(change.audit_id.is_some());
    let ended = rows.iter().find(|row| row.kind == "session.ended").unwrap();
    assert_eq!(ended.subject.user_id, change.subject.user_id);
}

#[tokio::test]
async fn a_lock_by_failures_is_an_event_with_its_user() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let key = desk
        .app
        .keys
        .subject("acme", &"bob@acme.test".parse().unwrap());
    desk.lock(acme, key).await;
    let at = desk.app.now();
    desk.write(move |tx| tx.counters_mut().tell_lock(&key, at))
        .await;
    let lockouts = Events {
        kind: Some("lockout.*".to_owned()),
        ..Events::default()
    };
    let (rows, _) = told(&desk, desk.admin(), lockouts).await.unwrap();
    assert_eq!(kinds(&rows), ["lockout.started"]);
    assert_eq!(rows[0].subject.user_id, Some(bob));
    assert_eq!(rows[0].ip.as_deref(), Some("203.0.113.7"));
}

#[tokio::test]
async fn a94_the_monitor_socket_is_told_of_no_person() {
    let desk = Desk::new();
    story(&desk).await;
    let (rows, _) = told(&desk, desk.monitor(), Events::default())
        .await
        .unwrap();
    assert!(rows.len() >= 5);
    let text = serde_json::to_string(&rows).unwrap();
    for personal in ["bob@", "canary", "jane", "203.0.113"] {
        assert!(!text.contains(personal), "{text}");
    }
    assert!(rows.iter().all(|row| row.actor.is_none()));
}

#[tokio::test]
async fn types_tenants_and_times_narrow_the_stream() {
    let desk = Desk::new();
    story(&desk).await;
    let later = desk.app.now().plus(Duration::from_hours(1));
    desk.clock.set(later);
    desk.tenant("globex").await;
    let narrowed = |request| told(&desk, desk.admin(), request);
    let (rows, end) = narrowed(Events {
        kind: Some("user.*".to_owned()),
        ..Events::default()
    })
    .await
    .unwrap();
    assert!(rows.iter().all(|row| row.kind.starts_with("user.")));
    // What was passed over counts as told: the next conversation does not begin with it.
    assert!(rows.last().unwrap().seq < end.upto);
    let (rows, _) = narrowed(Events {
        tenant: Some("globex".to_owned()),
        ..Events::default()
    })
    .await
    .unwrap();
    assert_eq!(kinds(&rows), ["tenant.create"]);
    let (rows, _) = narrowed(Events {
        since_time: Some(later),
        ..Events::default()
    })
    .await
    .unwrap();
    assert_eq!(kinds(&rows), ["tenant.create"]);
    let never = narrowed(Events {
        tenant: Some("nobody".to_owned()),
        ..Events::default()
    });
    assert_eq!(never.await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn what_is_gone_is_a_gap_and_never_left_out() {
    let desk = Desk::new();
    story(&desk).await;
    let first = desk.app.now();
    desk.clock.set(first.plus(Duration::from_hours(24 * 8)));
    housekeeping::prune(&desk.app).await.unwrap();
    desk.tenant("globex").await;
    let (rows, end) = told(&desk, desk.admin(), Events::default()).await.unwrap();
    assert_eq!(kinds(&rows), ["tenant.create"]);
    for request in [
        since(0),
        since(end.upto + 1),
        Events {
            since_time: Some(first),
            ..Events::default()
        },
    ] {
        let error = told(&desk, desk.admin(), request).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::FeedGap);
        assert!(error.hint.unwrap().contains("authctl events --since"));
    }
    let (rows, _) = told(&desk, desk.admin(), since(end.upto)).await.unwrap();
    assert!(rows.is_empty());
}

#[tokio::test]
async fn whoever_follows_hears_what_comes_and_ends_the_work_by_going() {
    let desk = Desk::new();
    story(&desk).await;
    let (reporter, mut heard) = line();
    let follow = Events {
        follow: true,
        ..Events::default()
    };
    let app = Arc::clone(&desk.app);
    let work = tokio::spawn(events::events(app, desk.admin(), follow, reporter));
    // The first word is where it begins: what was before is not told.
    let Some(Event::Progress(from)) = heard.recv().await else {
        panic!("no beginning");
    };
    assert_eq!(from.stage, "from");
    desk.tenant("globex").await;
    let rows = loop {
        if let Event::Data(part) = heard.recv().await.unwrap() {
            break read(&part);
        }
    };
    assert_eq!(kinds(&rows), ["tenant.create"]);
    assert_eq!(rows[0].seq, from.done + 1);
    drop(heard);
    let ended = tokio::time::timeout(Duration::from_secs(20), work).await;
    assert!(ended.unwrap().unwrap().unwrap().upto >= rows[0].seq);
}
