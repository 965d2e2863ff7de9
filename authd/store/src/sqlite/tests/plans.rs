//! What a login, a check and a refresh read must not grow with the database (R37): every such
//! statement finds its rows by an index or the primary key.

use rusqlite::{Connection, StatementStatus};

use crate::resource::Whose;
use crate::sqlite::{
    Options, attempt, counter, credential, device, grant, housekeeping, meta, migrate, open,
    permission, picture, purge, session, setting, tenant, user, waiting,
};

/// The steps of a statement's plan, as they are meant for people.
pub(super) fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get("detail").unwrap());
    }
    steps
}

#[test]
fn r37_hot_statements_are_planned_once_whatever_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    migrate::create(&path, &migrate::known()).unwrap();
    let connection = open::connect(&Options::new(path), false).unwrap();
    for sql in [
        session::OF_ANY_TENANT,
        session::BY_ID,
        session::OPEN_OF,
        session::END_OF,
        user::BY_ID,
        user::BY_EMAIL,
        tenant::BY_SLUG,
        credential::OF,
        device::BY_HASH,
        counter::BY_KEY,
        counter::TRIES,
        setting::ALL,
        attempt::ALONE_IN_HOUR,
    ] {
        let mut statement = connection.prepare(sql).unwrap();
        for value in 1..=3 {
            for index in 1..=statement.parameter_count() {
                statement.raw_bind_parameter(index, value).unwrap();
            }
            let mut rows = statement.raw_query();
            while rows.next().unwrap().is_some() {}
        }
        let again = statement.get_status(StatementStatus::RePrepare);
        assert_eq!(again, 0, "{sql}");
    }
}

#[test]
fn r37_hot_statements_use_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    migrate::create(&path, &migrate::known()).unwrap();
    let connection = Connection::open(path).unwrap();
    let prune_tries = housekeeping::of(Whose::Installation, housekeeping::PRUNE_TRIES);
    let prune_counters = housekeeping::of(Whose::Installation, housekeeping::PRUNE_COUNTERS);
    let shorten_locks = housekeeping::of(Whose::Installation, housekeeping::SHORTEN_LOCKS);
    let expected = [
        (session::OF_ANY_TENANT, "USING PRIMARY KEY (id=?)"),
        (session::BY_ID, "USING PRIMARY KEY (id=?)"),
        (
            session::OPEN_OF,
            "USING INDEX sessions_open_by_user (user_id=?)",
        ),
        (session::END_OF, "INDEX sessions_open_by_user (user_id=?)"),
        (session::END_SOME, "sessions_open_by_tenant (tenant_id=?)"),
        (user::BY_ID, "USING PRIMARY KEY (id=?)"),
        (user::BY_EMAIL, "(tenant_id=? AND email=?)"),
        (tenant::BY_SLUG, "(slug=?)"),
        (credential::OF, "USING PRIMARY KEY (user_id=?)"),
        (device::BY_HASH, "USING PRIMARY KEY (secret_hash=?)"),
        (counter::BY_KEY, "USING PRIMARY KEY (key=?)"),
        (counter::TRIES, "USING INDEX tries_by_counter (counter=?)"),
        (prune_tries.as_str(), "USING INDEX tries_by_time (at<?)"),
        (
            prune_counters.as_str(),
            "INDEX counters_by_failure (last_failure_at<?)",
        ),
        (
            shorten_locks.as_str(),
            "INDEX counters_locked (locked_until>?)",
        ),
        (
            attempt::ALONE_IN_HOUR,
            "USING COVERING INDEX attempts_alone (subject=? AND at>? AND at<?)",
        ),
        (
            attempt::OF,
            "USING INDEX attempts_by_user (user_id=? AND id<?)",
        ),
        (attempt::TALLIES, "USING INDEX attempts_by_user (user_id=?)"),
        (
            meta::HASH_SCHEMES,
            "COVERING INDEX credentials_by_scheme (scheme>?)",
        ),
        (
            "SELECT id FROM users WHERE subject = ?1 LIMIT 1",
            "INDEX users_by_subject (subject=?)",
        ),
    ];
    for (sql, by) in expected {
        let plan = plan(&connection, sql);
        assert!(
            plan.iter().any(|step| step.contains(by)),
            "{sql}\n{plan:#?}"
        );
        let sorted = plan.iter().any(|step| step.contains("TEMP B-TREE"));
        assert!(!sorted, "{sql}\n{plan:#?}");
    }
}

#[test]
fn r37_a_picture_is_found_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    migrate::create(&path, &migrate::known()).unwrap();
    let connection = Connection::open(path).unwrap();
    for (sql, by) in [
        (picture::OF, "sqlite_autoindex_pictures_1 (user_id=?)"),
        (
            picture::BY_ADDRESS,
            "sqlite_autoindex_pictures_2 (address=?)",
        ),
    ] {
        let plan = plan(&connection, sql);
        assert!(
            plan.iter().any(|step| step.contains(by)),
            "{sql}\n{plan:#?}"
        );
    }
}

#[test]
fn a_purge_looks_at_the_rows_of_its_tenant_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    migrate::create(&path, &migrate::known()).unwrap();
    let connection = Connection::open(path).unwrap();
    for (sql, by) in [
        (
            purge::END_SESSIONS,
            "INDEX sessions_open_by_tenant (tenant_id=?)",
        ),
        (
            purge::DELETE_DEVICES,
            "INDEX devices_by_tenant (tenant_id=?)",
        ),
        (
            purge::DELETE_REGISTRATIONS,
            "registrations_by_network (tenant_id=?)",
        ),
        (
            purge::DELETE_PENDING_EMAILS,
            "pending_emails_by_tenant (tenant_id=?)",
        ),
        (purge::DELETE_SESSIONS, "INDEX sessions_by_user (user_id=?)"),
        (
            purge::DELETE_PICTURES,
            "INDEX sqlite_autoindex_pictures_1 (user_id=?)",
        ),
        (purge::DELETE_USERS, "(tenant_id=?)"),
        (purge::CLEAR_LOCKS, "INDEX counters_manual"),
        (
            purge::DELETE_ATTEMPTS,
            "INDEX attempts_by_tenant (tenant_id=?)",
        ),
        (purge::ERASE_AUDIT, "INDEX audit_personal (chain=?)"),
    ] {
        let plan = plan(&connection, sql);
        assert!(
            plan.iter().any(|step| step.contains(by)),
            "{sql}\n{plan:#?}"
        );
        let sorted = plan.iter().any(|step| step.contains("TEMP B-TREE"));
        assert!(!sorted, "{sql}\n{plan:#?}");
    }
}

#[test]
fn r37_a_replay_steps_from_name_to_name_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    migrate::create(&path, &migrate::known()).unwrap();
    let connection = Connection::open(path).unwrap();
    for (sql, by) in [
        (
            attempt::NEXT_SUBJECT,
            "COVERING INDEX attempts_alone (subject>?)",
        ),
        (attempt::NEXT_SUBJECT, "INDEX attempts_folded (subject>?)"),
        (
            attempt::TRIES,
            "USING INDEX attempts_alone (subject=? AND at>?)",
        ),
        (
            attempt::TRIES,
            "USING INDEX attempts_folded (subject=? AND fold_hour>?)",
        ),
        (grant::CROWD, "INDEX user_roles_by_role (role_id=?)"),
    ] {
        let plan = plan(&connection, sql);
        assert!(
            plan.iter().any(|step| step.contains(by)),
            "{sql}\n{plan:#?}"
        );
    }
}

#[test]
fn r37_rights_administrators_and_what_waits_are_found_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authd.db");
    migrate::create(&path, &migrate::known()).unwrap();
    let connection = Connection::open(path).unwrap();
    for (sql, by) in [
        (user::BY_ID, "SEARCH m USING PRIMARY KEY (user_id=?)"),
        // DISTINCT sorts the few rows of one user.
        (grant::RIGHTS_OF, "SEARCH m USING PRIMARY KEY (user_id=?)"),
        (grant::RIGHTS_OF, "SEARCH p USING PRIMARY KEY (role_id=?)"),
        (
            grant::RIGHTS_OF_MEMBERS,
            "INDEX user_roles_by_role (role_id=? AND tenant_id=?)",
        ),
        (
            grant::RIGHTS_OF_MEMBERS,
            "SEARCH m USING PRIMARY KEY (user_id=? AND role_id=?)",
        ),
        (grant::RIGHTS_OF_MEMBERS, "INDEX users_admins (tenant_id=?)"),
        (
            grant::RIGHTS_OF_MEMBERS,
            "INDEX client_roles_by_role (role_id=? AND client_id=?)",
        ),
        (permission::ALL, "(tenant_id=?)"),
        (setting::ALL, "USING PRIMARY KEY (tenant_id=?)"),
        (
            session::OPEN_AFTER,
            "INDEX sessions_open_by_tenant (tenant_id=? AND id>?)",
        ),
        (
            housekeeping::PRUNE_ATTEMPTS_OF,
            "INDEX attempts_by_tenant (tenant_id=? AND id<?)",
        ),
        (waiting::BY_TOKEN, "(token_hash=?)"),
        (waiting::EMAIL_BY_TOKEN, "(token_hash=?)"),
        (
            waiting::BY_ADDRESS,
            "USING INDEX registrations_by_address (tenant_id=? AND email=?)",
        ),
        (
            waiting::COUNT,
            "USING COVERING INDEX registrations_by_network (tenant_id=?)",
        ),
        (grant::ADMIN_BY_FLAG, "INDEX users_admins (tenant_id=?)"),
        (
            grant::ADMIN_BY_ROLE,
            "INDEX user_roles_by_role (role_id=? AND tenant_id=?)",
        ),
    ] {
        let plan = plan(&connection, sql);
        assert!(
            plan.iter().any(|step| step.contains(by)),
            "{sql}\n{plan:#?}"
        );
    }
}
