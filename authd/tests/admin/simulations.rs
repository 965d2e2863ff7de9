//! `lockout simulate` over a real log: both policies, names of users, folded rows, and flat parts.

use std::sync::Arc;

use authd::app::job::line;
use authd::app::lockout;
use common::call::lockout::Simulate;
use common::error::ErrorCode;
use common::id::{AttemptId, TenantId, UserId};
use common::view::SimulationView;
use domain::attempt::{Attempt, Decision, Outcome, Reason};
use domain::lockout::{CounterKey, CounterKind, LockoutPolicy};

use crate::desk::Desk;

fn request(threshold: Option<u32>) -> Simulate {
    Simulate {
        tenant: None,
        since: common::time::Time::from_millis(0),
        threshold,
        window_seconds: None,
        duration_seconds: None,
    }
}

async fn simulate(desk: &Desk, request: Simulate) -> Result<SimulationView, ErrorCode> {
    let (reporter, mut events) = line();
    let hears = tokio::spawn(async move { while events.recv().await.is_some() {} });
    let found = lockout::simulate(Arc::clone(&desk.app), desk.admin(), request, reporter).await;
    hears.await.unwrap();
    found.map_err(|error| error.code)
}

/// So many tries of a name, one a second from a second of the present hour on.
#[derive(Clone, Copy)]
struct Tries {
    name: u8,
    user: Option<UserId>,
    outcome: Outcome,
    from: u64,
    count: u64,
    on_device: bool,
}

async fn write(desk: &Desk, tenant: TenantId, tries: Tries) {
    let start = desk.app.now();
    desk.write(move |tx| {
        for n in 0..tries.count {
            let mut id = [tries.name; 16];
            id[..8].copy_from_slice(&(tries.from + n).to_be_bytes());
            let policy = LockoutPolicy {
                threshold: 5,
                window: std::time::Duration::from_mins(15),
                duration: std::time::Duration::from_mins(15),
            };
            let decision = Decision::by_counter(
                Reason::PasswordWrong,
                if tries.on_device {
                    CounterKind::Device
                } else {
                    CounterKind::Subject
                },
                &policy,
            );
            tx.attempts_mut().record(&Attempt {
                id: AttemptId::from_bytes(id),
                at: start.plus(std::time::Duration::from_secs(tries.from + n)),
                tenant_id: Some(tenant),
                user_id: tries.user,
                subject: CounterKey::from_bytes([tries.name; 32]),
                ip: None,
                outcome: tries.outcome,
                device: None,
                request_id: None,
                trace: Vec::new(),
                decision: Some(decision),
                correlation_id: None,
            })?;
        }
        Ok(())
    })
    .await;
}

/// A log with what matters: a lock, a name close to one, a device, a flood in another tenant.
async fn fill(desk: &Desk) {
    let acme = desk.tenant("acme").await;
    let other = desk.tenant("other").await;
    let bob = desk.user("acme", "bob@acme.test").await;
    let one = Tries {
        name: 1,
        user: Some(bob),
        outcome: Outcome::WrongPassword,
        from: 0,
        count: 5,
        on_device: false,
    };
    // A user who was locked and tried on; a stranger who was close to it; a device's own counter.
    write(desk, acme, one).await;
    let refused = Tries {
        outcome: Outcome::Locked,
        from: 5,
        count: 50,
        ..one
    };
    write(desk, acme, refused).await;
    let stranger = Tries {
        name: 2,
        user: None,
        outcome: Outcome::UnknownUser,
        count: 4,
        ..one
    };
    write(desk, acme, stranger).await;
    let device = Tries {
        name: 1,
        from: 100,
        count: 3,
        on_device: true,
        ..one
    };
    write(desk, acme, device).await;
    // Another tenant, where more than an hour holds in single rows was tried within a part of it.
    let flood = Tries {
        name: 3,
        user: None,
        outcome: Outcome::UnknownUser,
        count: 700,
        ..one
    };
    write(desk, other, flood).await;
}

#[tokio::test]
async fn two_policies_are_replayed_side_by_side() {
    let desk = Desk::new();
    fill(&desk).await;
    let found = simulate(&desk, request(Some(3))).await.unwrap();
    let [present, asked] = found.policies.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(
        (present.policy.as_str(), present.threshold),
        ("present", Some(5))
    );
    assert_eq!((asked.policy.as_str(), asked.threshold), ("asked", Some(3)));
    assert_eq!(
        (present.locks, present.names, present.real_users),
        (2, 2, 1)
    );
    assert_eq!(present.guesses_let_through, 5 + 4 + 5);
    assert_eq!((asked.locks, asked.names, asked.real_users), (3, 3, 1));
    assert_eq!(asked.guesses_let_through, 3 + 3 + 3);
    assert_eq!((found.attempts, found.names), (762, 3));
    assert_eq!((found.folded_rows, found.folded_attempts), (2, 600 + 50));
    assert_eq!((found.taken_for_wrong, found.on_devices), (50, 3));
    let lenient = simulate(&desk, request(Some(20))).await.unwrap();
    // What a lock refused is let through by a policy that would not have locked, up to its own lock.
    assert_eq!(lenient.policies[1].guesses_let_through, 20 + 4 + 20);
    let narrowed = Simulate {
        tenant: Some("other".to_owned()),
        ..request(Some(3))
    };
    let found = simulate(&desk, narrowed).await.unwrap();
    assert_eq!((found.attempts, found.policies[1].names), (700, 1));
    let late = Simulate {
        since: desk.app.now().plus(std::time::Duration::from_secs(3600)),
        ..request(Some(3))
    };
    assert_eq!(simulate(&desk, late).await.unwrap().attempts, 0);
}

#[tokio::test]
async fn a_policy_that_could_not_be_set_is_not_simulated() {
    let desk = Desk::new();
    for threshold in [0, 101] {
        let refused = simulate(&desk, request(Some(threshold))).await;
        assert_eq!(refused, Err(ErrorCode::ValidationFailed));
    }
    let window = Simulate {
        window_seconds: Some(1),
        ..request(None)
    };
    assert_eq!(
        simulate(&desk, window).await,
        Err(ErrorCode::ValidationFailed)
    );
}
