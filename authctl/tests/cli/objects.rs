//! Objects for the daemon of the tests to answer with, made from the real types.

use common::call::Change;
use common::secret::{RevealedSecret, Secret};
use common::time::Time;
use common::view::{
    ApiStatus, AttemptView, BackupStatus, CacheStatus, Counts, DatabaseStatus, DeviceType,
    DeviceView, EmployeeView, KeyStatus, LockoutView, MailStatus, Name, Page, SessionView,
    StatusView, SubscriptionView, TenantStatus, TenantView, UserStatus, UserView, VersionView,
    Warning,
};

pub(crate) const USER: &str = "usr_01h455vb4pex5vsknk084sn02q";
pub(crate) const SESSION: &str = "ses_01h455vb4pex5vsknk084sn02q";
pub(crate) const AUDIT: &str = "aud_01h455vb4pex5vsknk084sn02q";

pub(crate) fn time(text: &str) -> Time {
    text.parse().unwrap()
}

fn then() -> Time {
    time("2026-11-20T08:12:00.000Z")
}

pub(crate) fn page<T>(items: Vec<T>) -> Page<T> {
    Page {
        items,
        next_cursor: None,
    }
}

pub(crate) fn user(email: &str, display: &str) -> UserView {
    UserView {
        id: USER.parse().unwrap(),
        tenant: Some("acme".to_owned()),
        email: Some(email.to_owned()),
        email_verified: true,
        name: Name {
            given: None,
            family: None,
            display: Some(display.to_owned()),
        },
        phone: None,
        address: None,
        locale: None,
        employee: EmployeeView::default(),
        external_refs: [("branch_id".to_owned(), "br_3".to_owned())].into(),
        roles: vec!["cashier".to_owned(), "viewer".to_owned()],
        is_tenant_admin: false,
        status: UserStatus::Active,
        picture_url: None,
        last_login_at: Some(then()),
        locked_until: None,
        created_at: then(),
        updated_at: then(),
    }
}

pub(crate) fn tenant() -> TenantView {
    TenantView {
        id: "ten_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        slug: "acme".to_owned(),
        name: "Acme Hotels".to_owned(),
        status: TenantStatus::Active,
        time_zone: "Africa/Nairobi".to_owned(),
        subscription: SubscriptionView {
            plan: "pro".to_owned(),
            ends_at: None,
            max_users: Some(100),
            users: 98,
        },
        created_at: then(),
        updated_at: then(),
        purge_at: None,
    }
}

pub(crate) fn session() -> SessionView {
    SessionView {
        id: SESSION.parse().unwrap(),
        user_id: Some(USER.parse().unwrap()),
        email: Some("bob@acme.test".to_owned()),
        tenant: Some("acme".to_owned()),
        current: None,
        device: Some(DeviceView {
            id: "d-77".to_owned(),
            name: Some("Pixel 9".to_owned()),
            kind: DeviceType::Mobile,
        }),
        ip: Some("203.0.113.7".to_owned()),
        created_at: then(),
        updated_at: then(),
        last_active_at: then(),
        expires_at: then(),
        authenticated_at: None,
        ended_at: None,
        end_reason: None,
    }
}

pub(crate) fn attempt() -> AttemptView {
    AttemptView {
        id: "att_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        at: then(),
        tenant: Some("acme".to_owned()),
        user_id: Some(USER.parse().unwrap()),
        email: Some("bob@acme.test".to_owned()),
        subject_hash: None,
        ip: Some("203.0.113.7".to_owned()),
        success: false,
        outcome: "wrong_password".to_owned(),
        device: None,
        count: 1,
        last_at: None,
        request_id: None,
        trace: Vec::new(),
        decision: None,
        correlation_id: None,
    }
}

pub(crate) fn lockout() -> LockoutView {
    LockoutView {
        email: Some("bob@acme.test".to_owned()),
        user_id: Some(USER.parse().unwrap()),
        subject_hash: None,
        tenant: Some("acme".to_owned()),
        failures: 5,
        window_seconds: 900,
        last_attempt_at: Some(then()),
        locked_until: Some(time("2999-01-01T00:00:00.000Z")),
        manual: false,
        last_ip: Some("203.0.113.7".to_owned()),
    }
}

pub(crate) fn change(action: &str, subject: &str) -> Change {
    Change {
        action: action.to_owned(),
        changed: true,
        dry_run: false,
        id: Some(USER.to_owned()),
        tenant: Some("acme".to_owned()),
        audit_id: Some(AUDIT.parse().unwrap()),
        subject: subject.to_owned(),
        sessions_ended: 0,
        blast: None,
        notes: Vec::new(),
        generated_password: None,
        client_secret: None,
        link: None,
        expires_at: None,
    }
}

pub(crate) fn generated(action: &str, password: &str) -> Change {
    let secret = Secret::new(password.to_owned());
    Change {
        generated_password: Some(RevealedSecret::new(&secret)),
        ..change(action, "alice@acme.test")
    }
}

pub(crate) fn version() -> VersionView {
    VersionView {
        version: common::VERSION.to_owned(),
        protocol: common::ADMIN_PROTOCOL,
        schema: 17,
    }
}

fn mail_status() -> MailStatus {
    MailStatus {
        transport: Some("smtp relay.example.net:587 starttls".to_owned()),
        paused: false,
        queued: 3,
        failed: 0,
        oldest_queued_at: None,
        last_sent_at: None,
        retrying: false,
        last_error: None,
    }
}

pub(crate) fn status() -> StatusView {
    StatusView {
        status: "running".to_owned(),
        version: "1.4.0".to_owned(),
        pid: 812,
        started_at: then(),
        config_files: vec![
            "/etc/authd/authd.toml".to_owned(),
            "b".to_owned(),
            "c".to_owned(),
        ],
        api: ApiStatus {
            public_url: "http://127.0.0.1:8440".to_owned(),
            listen: vec!["127.0.0.1:8440".to_owned()],
            requests_per_second: 214.2,
            p99_seconds: Some(0.038),
            error_rate: 0.001,
        },
        database: DatabaseStatus {
            backend: "sqlite".to_owned(),
            path: "/var/lib/authd/authd.db".to_owned(),
            bytes: 412 << 20,
            wal_bytes: 3 << 20,
            free_bytes: 18 << 30,
            schema: 17,
            pending: 0,
        },
        cache: CacheStatus {
            entries: 18402,
            hits: 971,
            misses: 29,
            redis: None,
        },
        keys: KeyStatus {
            total: 2,
            active_kid: "key_1".to_owned(),
            rotates_at: Some(time("2999-01-01T00:00:00.000Z")),
        },
        mail: mail_status(),
        counts: Counts {
            tenants: 38,
            tenants_suspended: 1,
            users: 12204,
            sessions: 3917,
            locked: 6,
        },
        backup: Some(BackupStatus {
            at: Time::from_millis(1_790_000_000_000),
            verified: true,
        }),
        warnings: vec![Warning {
            code: "tenant_near_limit".to_owned(),
            tenant: Some("acme".to_owned()),
            message: "tenant \"acme\" has 98 of 100 users".to_owned(),
        }],
    }
}

pub(crate) fn details(email: &str) -> common::call::user::Details {
    common::call::user::Details {
        user: user(email, "Bob"),
        sessions: Vec::new(),
        recent_attempts: Vec::new(),
    }
}
