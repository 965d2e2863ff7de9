//! What a purge leaves, held against the schema: no table that names tenants is forgotten (rule 19).

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::open_in;
use super::whole::lived_in;
use crate::contract::{at, tenant_id, write};

/// Tables whose rows name a tenant, as the schema has them.
fn tables_of_tenants(connection: &Connection) -> BTreeSet<String> {
    let sql = "SELECT s.name FROM sqlite_schema s, pragma_table_info(s.name) c \
        WHERE s.type = 'table' AND c.name = 'tenant_id'";
    let mut statement = connection.prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.collect::<Result<_, _>>().unwrap()
}

/// A row in each of them for the tenant of [`lived_in`], and some that are not its own.
const OF_ONE_TENANT: &str = "
    CREATE TEMP VIEW acme AS SELECT id, tenant_id, email FROM users
        WHERE tenant_id = x'01010101010101010101010101010101' LIMIT 1;
    INSERT INTO roles (id, tenant_id, name, created_at, updated_at)
        SELECT x'0a', tenant_id, 'cashier', 0, 0 FROM temp.acme;
    INSERT INTO user_roles SELECT id, x'0a', tenant_id, 0 FROM temp.acme;
    INSERT INTO role_permissions VALUES (x'0a', 'orders:view');
    INSERT INTO permissions SELECT 'orders:view', tenant_id, NULL, 0 FROM temp.acme;
    INSERT INTO permissions VALUES ('invoices:view', NULL, NULL, 0);
    INSERT INTO tenant_settings SELECT tenant_id, 'lockout.threshold', 'operator', '4', 0
        FROM temp.acme;
    INSERT INTO counters (key, kind, tenant_id, manual) SELECT x'0c', 'subject', tenant_id, 2
        FROM temp.acme;
    INSERT INTO attempts (id, at, tenant_id, subject, outcome, success, trace, last_at)
        SELECT x'0d', 0, tenant_id, x'0c', 'ok', 1, '', 0 FROM temp.acme;
    INSERT INTO denied_tokens SELECT 'jti', tenant_id, 0, 9, NULL FROM temp.acme;
    INSERT INTO outbox (id, tenant_id, user_id, template, recipient, happened_at, state,
        next_try_at, created_at) SELECT x'0e', tenant_id, id, 'invitation', email, 0, 'queued', 0, 0
        FROM temp.acme;
    INSERT INTO outbox (id, tenant_id, user_id, template, recipient, happened_at, state,
        next_try_at, created_at, finished_at) SELECT x'0f', tenant_id, id, 'invitation', email, 0,
        'sent', 0, 0, 1 FROM temp.acme;
    INSERT INTO mailed_tokens SELECT id, tenant_id, x'aa', 1, 0, 9 FROM temp.acme;
    INSERT INTO registrations (id, tenant_id, email, hash, network, created_at, expires_at)
        SELECT x'1a', tenant_id, 'new@acme.test', 'x', '192.0.2.1', 0, 9 FROM temp.acme;
    INSERT INTO pending_emails SELECT id, tenant_id, 'other@acme.test', x'ab', 0, 9 FROM temp.acme;
    INSERT INTO clients SELECT x'1b', tenant_id, 'till', 'introspect', NULL, 1, NULL, 0, 0
        FROM temp.acme;
    INSERT INTO client_secrets VALUES (x'1b', 1, x'bb', 0);
    INSERT INTO client_roles VALUES (x'1b', x'0a');";

/// What may outlive a purge, and why: it goes by its own time and gives nobody anything.
const OUTLIVES_A_PURGE: &[(&str, &str)] = &[
    ("counters", "manual = 0"),
    ("denied_tokens", "expires_at IS NOT NULL"),
    // What was sent counts for its address, an hour at most.
    ("outbox", "state = 'sent'"),
    // Ids alone, for the tenant's clients, of which there are none.
    ("events", "number > 0"),
];

/// A new table that names tenants is thought of here: the test wants a row of it, and wants it gone.
#[test]
fn rule_19_every_table_of_a_tenant_is_emptied_by_a_purge() {
    let folder = tempfile::tempdir().unwrap();
    lived_in(folder.path());
    let database = folder.path().join("authd.db");
    let connection = Connection::open(&database).unwrap();
    connection.execute_batch(OF_ONE_TENANT).unwrap();
    let acme = tenant_id(1);
    let tables = tables_of_tenants(&connection);
    let left = |table: &str, but: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table} WHERE tenant_id = ?1 AND NOT ({but})");
        connection
            .query_row(&sql, [acme.as_bytes()], |row| row.get(0))
            .unwrap()
    };
    for table in &tables {
        assert!(left(table, "0") > 0, "{table}: a row to be purged, please");
    }
    let others = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table} WHERE tenant_id IS NOT ?1");
        connection
            .query_row(&sql, [acme.as_bytes()], |row| row.get(0))
            .unwrap()
    };
    let before: Vec<i64> = tables.iter().map(|table| others(table)).collect();
    let (store, _) = open_in(folder.path()).unwrap();
    while write(&store, move |tx| {
        tx.housekeeping().end_access(acme, at(1), 3)
    }) > 0
    {}
    while write(&store, move |tx| tx.housekeeping().purge(acme, 3)) > 0 {}
    store.close();
    for table in &tables {
        let but = OUTLIVES_A_PURGE.iter().find(|(name, _)| name == table);
        assert_eq!(left(table, but.map_or("0", |(_, but)| but)), 0, "{table}");
    }
    let after: Vec<i64> = tables.iter().map(|table| others(table)).collect();
    assert_eq!(before, after, "and nothing of anybody else");
}
