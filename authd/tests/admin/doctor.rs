//! What the daemon finds when it is asked whether it is well.

use std::sync::Arc;

use authd::app::job::{Event, line};
use authd::app::{Operator, doctor};
use common::call::doctor::Doctor;
use common::view::{CheckedView, Finding, Section};

use crate::desk::{Desk, running};
use crate::support::FakePost;

async fn look(desk: &Desk, operator: Operator, section: Option<Section>) -> Vec<CheckedView> {
    let (reporter, mut events) = line();
    let app = Arc::clone(&desk.app);
    let looked = doctor::doctor(app, running(), operator, Doctor { section }, reporter).await;
    while let Some(event) = events.recv().await {
        assert!(matches!(event, Event::Progress(_)), "{event:?}");
    }
    looked.unwrap().checks
}

fn of(checks: &[CheckedView], section: Section) -> &CheckedView {
    let mut found = checks.iter().filter(|check| check.section == section);
    let one = found.next().unwrap();
    assert!(found.next().is_none());
    one
}

#[tokio::test]
async fn a_new_installation_is_well_and_wants_a_backup() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    let checks = look(&desk, desk.admin(), None).await;
    for section in [
        Section::Proxy,
        Section::Space,
        Section::Keys,
        Section::Signing,
        Section::Database,
        Section::Clock,
    ] {
        let check = of(&checks, section);
        assert_eq!(check.result, Finding::Ok, "{check:?}");
        assert!(check.hint.is_none(), "{check:?}");
    }
    for section in [Section::Smtp, Section::Redis] {
        assert_eq!(of(&checks, section).result, Finding::Skipped);
    }
    let backup = of(&checks, Section::Backup);
    assert_eq!(backup.result, Finding::Warn, "{backup:?}");
    assert!(
        backup
            .hint
            .as_ref()
            .unwrap()
            .contains("authctl backup create")
    );
}

#[tokio::test]
async fn one_section_is_looked_at_alone() {
    let desk = Desk::new();
    let checks = look(&desk, desk.monitor(), Some(Section::Database)).await;
    assert_eq!(checks.len(), 1);
    assert_eq!(checks[0].check, "database");
    // What authctl looks at from outside is nothing to the daemon.
    assert!(
        look(&desk, desk.admin(), Some(Section::Unit))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn r4_little_room_and_a_post_that_answers_are_told() {
    let desk = Desk::with_min_free(u64::MAX);
    let checks = look(&desk, desk.admin(), Some(Section::Space)).await;
    assert_eq!(checks[0].result, Finding::Fail, "{checks:?}");
    assert!(checks[0].hint.as_ref().unwrap().contains("authd db rescue"));

    let desk = Desk::with_post(&Arc::new(FakePost::default()));
    let checks = look(&desk, desk.admin(), Some(Section::Smtp)).await;
    assert_eq!(checks[0].result, Finding::Ok, "{checks:?}");
}
