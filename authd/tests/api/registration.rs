//! Registering: what waits beside the users, what completes it, and what nobody learns from it.

use std::sync::Arc;
use std::time::Duration;

use authd::app::{housekeeping, tenant};
use authd::mail::Letter;
use common::call::Socket;
use common::call::tenant::{Resume, Suspend};
use domain::mail::Template;
use domain::setting::TenantSettings;
use serde_json::{Value, json};

use crate::hold::{Gate, GatedRandom, hold};
use crate::house::{ADA, Answer, Ask, BETTER, GOOD, WRONG, login, post, send, until};
use crate::mailing::{Mailing, forgot};
use crate::support::{Plan, new_tenant, operator, plan};

pub(crate) const NEW: &str = "new@acme.test";

/// A plan in which people may register, and whatever else.
pub(crate) fn open_plan(change: impl FnOnce(&mut TenantSettings)) -> Plan {
    let mut plan = plan();
    let tenant = Arc::make_mut(&mut plan.settings.tenant);
    tenant.registration.enabled = true;
    change(tenant);
    plan
}

pub(crate) async fn open() -> Mailing {
    Mailing::with(open_plan(|_| ())).await
}

pub(crate) fn register(email: &str, password: &str) -> Ask {
    let body = json!({"tenant": "acme", "email": email, "password": password,
        "name": {"given": "Grace", "family": "Otieno"}});
    post("/v1/auth/register", body)
}

pub(crate) fn verify(token: &str, password: &str) -> Ask {
    let body = json!({"token": token, "password": password});
    post("/v1/auth/verify-email", body)
}

fn resend(tenant: &str, email: &str) -> Ask {
    let body = json!({"tenant": tenant, "email": email});
    post("/v1/auth/verify-email/resend", body)
}

fn with(mut ask: Ask, field: &str, value: Value) -> Ask {
    ask.body.as_mut().unwrap()[field] = value;
    ask
}

/// The token of a letter whose link leads to a page.
pub(crate) fn token(letter: &Letter, page: &str) -> String {
    let link = letter.facts.link.as_ref().unwrap().expose();
    let start = format!("http://127.0.0.1:8440/{page}#");
    link.strip_prefix(&start).unwrap().to_owned()
}

impl Mailing {
    /// Registers, and gives the token of the one mail that goes out for it.
    async fn registered(&self, email: &str, password: &str) -> String {
        self.house.ask(register(email, password)).await.is(202, "");
        let letters = self.delivered().await;
        assert_eq!(letters.len(), 1, "{email}");
        assert_eq!(letters[0].template, Template::EmailVerification);
        token(&letters[0], "verify-email")
    }

    /// Rows of registrations.
    fn rows_of_registrations(&self) -> i64 {
        let file = self.house.folder().join("authd.db");
        let database = rusqlite::Connection::open(file).unwrap();
        let count = "SELECT count(*) FROM registrations";
        database.query_row(count, [], |row| row.get(0)).unwrap()
    }

    async fn users(&self) -> u32 {
        let acme = self.house.acme;
        let count = self
            .house
            .app
            .store
            .read(move |tx| tx.tenant(acme).users().count());
        count.await.unwrap()
    }
}

/// What an outsider can compare, without the request's own id.
fn seen(answer: &Answer) -> (u16, Vec<String>, String) {
    let names = answer.headers.keys().map(ToString::to_string);
    let mut body = answer.body.clone();
    if body.is_object() {
        body["request_id"] = "req".into();
    }
    (answer.status, names.collect(), body.to_string())
}

#[tokio::test]
async fn rule_21_the_link_and_the_password_make_the_user() {
    let mailing = open().await;
    let ask = with(
        register("New@ACME.test", GOOD),
        "phone",
        json!("+254712345678"),
    );
    let ask = with(ask, "address", json!({"city": "Nairobi", "country": "KE"}));
    let ask = with(ask, "locale", json!("sw-KE"));
    let answer = mailing.house.ask(ask).await;
    answer.is(202, "");
    assert_eq!(answer.text, "");
    let letters = mailing.delivered().await;
    assert_eq!((letters.len(), letters[0].to.as_str()), (1, NEW));
    let left = letters[0]
        .facts
        .expires_at
        .unwrap()
        .since(mailing.house.app.now());
    assert_eq!(left, Duration::from_hours(48));
    let token = token(&letters[0], "verify-email");
    let done = mailing.house.ask(verify(&token, GOOD)).await;
    done.is(200, "");
    assert_eq!(done.body, json!({"tenant": "acme", "email": NEW}));
    let signed_in = mailing.house.ask(login(NEW, GOOD)).await;
    let user = &signed_in.body["user"];
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    assert_eq!(user["email_verified"], true);
    assert_eq!(user["status"], "active");
    assert_eq!(user["name"]["display"], "Grace Otieno");
    assert_eq!(user["phone"], "+254712345678");
    assert_eq!(user["address"]["city"], "Nairobi");
    assert_eq!(user["locale"], "sw-KE");
    assert_eq!(
        (&user["is_tenant_admin"], &user["roles"]),
        (&json!(false), &json!([]))
    );
    assert_eq!(signed_in.body["password_change_required"], false);
    mailing
        .house
        .ask(verify(&token, GOOD))
        .await
        .is(410, "link_expired");
    assert_eq!(mailing.rows_of_registrations(), 0);
}

#[tokio::test]
async fn a86_each_link_takes_its_own_password_and_the_first_completed_ends_the_others() {
    let mailing = open().await;
    let passwords = [GOOD, BETTER, "four white storks stand still"];
    let mut tokens = Vec::new();
    for password in passwords {
        tokens.push(mailing.registered(NEW, password).await);
    }
    for (token, own) in tokens.iter().zip(passwords) {
        for other in passwords.iter().filter(|other| **other != own) {
            let answer = mailing.house.ask(verify(token, other)).await;
            answer.is(401, "invalid_credentials");
            assert!(answer.headers.contains_key("www-authenticate"));
        }
    }
    // Three wrong ones more make five: not even the right one helps then.
    for _ in 0..3 {
        mailing
            .house
            .ask(verify(&tokens[0], WRONG))
            .await
            .is(401, "invalid_credentials");
    }
    mailing
        .house
        .ask(verify(&tokens[0], GOOD))
        .await
        .is(410, "link_expired");
    mailing
        .house
        .ask(verify(&tokens[1], BETTER))
        .await
        .is(200, "");
    mailing
        .house
        .ask(verify(&tokens[2], passwords[2]))
        .await
        .is(410, "link_expired");
    assert_eq!(mailing.rows_of_registrations(), 0);
    mailing.house.ask(login(NEW, BETTER)).await.is(200, "");
    mailing
        .house
        .ask(login(NEW, passwords[2]))
        .await
        .is(401, "invalid_credentials");
}

#[tokio::test]
async fn a86_a_fourth_replaces_the_oldest_when_its_mail_may_go_out() {
    let mailing = open().await;
    let first = mailing.registered(NEW, GOOD).await;
    for _ in 0..2 {
        mailing.registered(NEW, BETTER).await;
    }
    // The hour's mails are used up: nothing is sent, and nothing dies (rule 22).
    mailing.house.ask(register(NEW, WRONG)).await.is(202, "");
    assert!(mailing.delivered().await.is_empty());
    assert_eq!(mailing.rows_of_registrations(), 3);
    mailing
        .house
        .ask(verify(&first, WRONG))
        .await
        .is(401, "invalid_credentials");
    mailing.house.clock.advance(Duration::from_mins(61));
    let fourth = mailing.registered(NEW, "five black swans fly south").await;
    assert_eq!(mailing.rows_of_registrations(), 3);
    mailing
        .house
        .ask(verify(&first, GOOD))
        .await
        .is(410, "link_expired");
    mailing
        .house
        .ask(verify(&fourth, "five black swans fly south"))
        .await
        .is(200, "");
}

#[tokio::test]
async fn a86_v2_4_1_a_crowd_of_registrations_takes_no_seat_and_stays_under_its_caps() {
    let mailing = open().await;
    for n in 0..30 {
        let email = format!("guest{n}@acme.test");
        mailing.house.ask(register(&email, GOOD)).await.is(202, "");
    }
    assert_eq!(
        mailing.rows_of_registrations(),
        10,
        "a tenth of a hundred from one address"
    );
    assert_eq!(mailing.delivered().await.len(), 10);
    for n in 0..30 {
        // One /64 is one origin.
        let ask = register(&format!("six{n}@acme.test"), GOOD).from(&format!("2001:db8::{n:x}"));
        mailing.house.ask(ask).await.is(202, "");
    }
    assert_eq!(mailing.rows_of_registrations(), 20);
    for n in 0..100 {
        let ask = register(&format!("far{n}@acme.test"), GOOD).from(&format!("198.51.{n}.1"));
        mailing.house.ask(ask).await.is(202, "");
    }
    assert_eq!(mailing.rows_of_registrations(), 100);
    assert_eq!(mailing.users().await, 1, "Ada alone");
    // What is over makes room, before anybody sweeps.
    mailing.house.clock.advance(Duration::from_hours(48));
    mailing
        .house
        .ask(register("late@acme.test", GOOD))
        .await
        .is(202, "");
    assert_eq!(mailing.rows_of_registrations(), 101);
    housekeeping::prune(&mailing.house.app).await.unwrap();
    assert_eq!(mailing.rows_of_registrations(), 1);
}

/// Whoever knows all but one of a network's places learns nothing of an address by the last one.
#[tokio::test]
async fn g14_an_address_takes_the_same_places_whether_it_has_an_account_or_not() {
    for used_up in [false, true] {
        for email in [NEW, ADA, "bob@acme.test"] {
            let mailing = open().await;
            mailing.house.user("acme", "bob@acme.test").await;
            mailing.house.disable_named("bob@acme.test").await;
            if used_up {
                for _ in 0..3 {
                    mailing.house.ask(forgot("acme", email)).await.is(202, "");
                }
            }
            for n in 0..8 {
                let own = register(&format!("mine{n}@acme.test"), GOOD);
                mailing.house.ask(own).await.is(202, "");
            }
            // One place each time, three at most, and none of a fourth within the hour.
            mailing.house.ask(register(email, GOOD)).await.is(202, "");
            mailing.house.clock.advance(Duration::from_secs(1));
            mailing.delivered().await;
            for (n, mails) in [(8, 1), (9, 0)] {
                let own = register(&format!("mine{n}@acme.test"), GOOD);
                mailing.house.ask(own).await.is(202, "");
                let told = mailing.delivered().await;
                assert_eq!(told.len(), mails, "{email} {n} {used_up}");
            }
            assert_eq!(mailing.rows_of_registrations(), 10, "{email} {used_up}");
            for _ in 0..3 {
                let far = register(email, GOOD).from("198.51.100.1");
                mailing.house.ask(far).await.is(202, "");
            }
            assert_eq!(mailing.rows_of_registrations(), 12, "{email} {used_up}");
            // After the hour the fourth stands in the place of the oldest, and the network has one more.
            mailing.house.clock.advance(Duration::from_mins(61));
            let far = register(email, GOOD).from("198.51.100.1");
            mailing.house.ask(far).await.is(202, "");
            mailing.delivered().await;
            let own = register("mine10@acme.test", GOOD);
            mailing.house.ask(own).await.is(202, "");
            let told = mailing.delivered().await;
            assert_eq!(told.len(), 1, "{email} {used_up}");
        }
    }
}

#[tokio::test]
async fn g22_what_finds_no_place_costs_no_hash() {
    let gate = Arc::new(Gate::default());
    let mut plan = open_plan(|_| ());
    plan.hashing.threads = 1;
    plan.hashing.queue_length = 8;
    plan.hash_random = GatedRandom::behind(&gate);
    let mailing = Mailing::with(plan).await;
    for n in 0..10 {
        let email = format!("guest{n}@acme.test");
        mailing.house.ask(register(&email, GOOD)).await.is(202, "");
    }
    hold(&mailing.house.app, &gate).await;
    let waiting: Vec<_> = (0..4)
        .map(|n| {
            let ask = login(&format!("waiting{n}@acme.test"), WRONG);
            mailing.house.start(ask)
        })
        .collect();
    until(async || mailing.house.app.pool.places_taken() == 5).await;
    // No hash can be had: who would need one is told so, and who has no place is not.
    let far = register("far@acme.test", GOOD).from("198.51.100.1");
    mailing.house.ask(far).await.is(503, "overloaded");
    for email in ["guest10@acme.test", ADA] {
        mailing.house.ask(register(email, GOOD)).await.is(202, "");
    }
    gate.open();
    for answer in waiting {
        answer.await.unwrap().is(401, "invalid_credentials");
    }
    assert_eq!(mailing.rows_of_registrations(), 10);
}

#[tokio::test]
async fn a86_v2_3_4_of_fifty_completions_one_gets_the_last_seat() {
    let mut plan = open_plan(|tenant| tenant.registration.max_pending = 1000);
    plan.settings.default_max_users = 2;
    plan.hashing.queue_length = 200;
    let mailing = Mailing::with(plan).await;
    let mut tokens = Vec::new();
    for n in 0..50 {
        tokens.push(
            mailing
                .registered(&format!("guest{n}@acme.test"), GOOD)
                .await,
        );
    }
    let asks: Vec<_> = tokens
        .iter()
        .map(|token| mailing.house.start(verify(token, GOOD)))
        .collect();
    let mut statuses = Vec::new();
    for ask in asks {
        let answer = ask.await.unwrap();
        if answer.status != 200 {
            answer.is(409, "user_limit_reached");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(mailing.users().await, 2);
    // Whoever found no seat goes on waiting, and has lost no try by it.
    let loser = statuses.iter().position(|status| *status == 409).unwrap();
    for _ in 0..6 {
        let again = mailing.house.ask(verify(&tokens[loser], GOOD)).await;
        again.is(409, "user_limit_reached");
    }
}

#[tokio::test]
async fn v6_5_1_of_many_guesses_side_by_side_five_are_evaluated() {
    let mut plan = open_plan(|_| ());
    plan.hashing.queue_length = 200;
    let mailing = Mailing::with(plan).await;
    let token = mailing.registered(NEW, GOOD).await;
    let asks: Vec<_> = (0..20)
        .map(|_| mailing.house.start(verify(&token, WRONG)))
        .collect();
    let mut wrong = 0;
    for ask in asks {
        let answer = ask.await.unwrap();
        wrong += usize::from(answer.status == 401);
        assert!([401, 410].contains(&answer.status), "{answer:?}");
    }
    assert_eq!(wrong, 5);
    mailing
        .house
        .ask(verify(&token, GOOD))
        .await
        .is(410, "link_expired");
}

#[tokio::test]
async fn a50_v4d_whoever_registers_a_strangers_address_gains_nothing() {
    for victim_first in [true, false] {
        let mailing = open().await;
        let (mut own, mut strangers) = (String::new(), String::new());
        for step in [victim_first, !victim_first] {
            if step {
                own = mailing.registered(NEW, GOOD).await;
            } else {
                strangers = mailing.registered(NEW, BETTER).await;
            }
        }
        for password in [GOOD, BETTER] {
            mailing
                .house
                .ask(login(NEW, password))
                .await
                .is(401, "invalid_credentials");
        }
        // Nor does the stranger's password complete what the owner began.
        mailing
            .house
            .ask(verify(&own, BETTER))
            .await
            .is(401, "invalid_credentials");
        // The owner of the mailbox follows either link, with the one password that is known to it.
        mailing
            .house
            .ask(verify(&strangers, GOOD))
            .await
            .is(401, "invalid_credentials");
        mailing.house.ask(verify(&own, GOOD)).await.is(200, "");
        mailing
            .house
            .ask(verify(&strangers, BETTER))
            .await
            .is(410, "link_expired");
        mailing
            .house
            .ask(login(NEW, BETTER))
            .await
            .is(401, "invalid_credentials");
        let owner = mailing.house.ask(login(NEW, GOOD)).await;
        owner.is(200, "");
        assert_eq!(owner.body["ended_sessions"], json!([]), "nobody was in");
        let id = owner.body["user"]["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(mailing.house.sessions(id).await.len(), 1);
    }
}

#[tokio::test]
async fn a66_v2_3_1_what_waits_answers_sign_in_and_reset_as_an_unknown_name() {
    let mailing = open().await;
    let token = mailing.registered(NEW, GOOD).await;
    for (number, email) in (1..=5).zip([NEW; 5]) {
        let pending = mailing.house.ask(login(email, GOOD)).await;
        let unknown = mailing.house.ask(login("nobody@acme.test", GOOD)).await;
        pending.is(401, "invalid_credentials");
        assert_eq!(seen(&pending), seen(&unknown), "try {number}");
    }
    mailing
        .house
        .ask(login(NEW, GOOD))
        .await
        .is(429, "login_locked");
    assert_eq!(mailing.house.count(NEW, "unknown_user").await, 5);
    mailing.house.ask(forgot("acme", NEW)).await.is(202, "");
    assert!(mailing.delivered().await.is_empty());
    // Neither harms the registration.
    mailing.house.ask(verify(&token, GOOD)).await.is(200, "");
}

#[tokio::test]
async fn v6_3_8_r11_known_unknown_disabled_and_waiting_addresses_get_the_same_answer() {
    let mailing = open().await;
    mailing.house.user("acme", "bob@acme.test").await;
    mailing.house.disable_named("bob@acme.test").await;
    mailing.registered("wait@acme.test", GOOD).await;
    let unknown = mailing.house.ask(register(NEW, GOOD)).await;
    unknown.is(202, "");
    for email in [
        ADA,
        "bob@acme.test",
        "wait@acme.test",
        "\u{ff21}da@acme.test",
    ] {
        let answer = mailing.house.ask(register(email, GOOD)).await;
        assert_eq!(seen(&answer), seen(&unknown), "{email}");
    }
    let nobody = mailing.house.ask(resend("acme", "nobody@acme.test")).await;
    nobody.is(202, "");
    for ask in [
        resend("acme", ADA),
        resend("acme", "bob@acme.test"),
        resend("acme", "wait@acme.test"),
        resend("no-such-tenant", NEW),
    ] {
        assert_eq!(seen(&mailing.house.ask(ask).await), seen(&nobody));
    }
    // Whether a tenant is closed or is not there, either.
    let mut closed = Vec::new();
    for tenant in ["no-such-tenant", "system", "", "Not A Slug"] {
        let answer = mailing
            .house
            .ask(with(register(NEW, GOOD), "tenant", json!(tenant)))
            .await;
        answer.is(403, "registration_closed");
        closed.push(seen(&answer));
    }
    assert!(closed.iter().all(|other| other == &closed[0]), "{closed:?}");
}

/// Nobody's clock tells a known address from an unknown one: both answers wait for the floor.
#[tokio::test]
async fn v6_3_8_no_answer_comes_before_the_floor() {
    let mailing = open().await;
    let floor = Duration::from_millis(80);
    mailing.house.app.login_floor.set(floor);
    for ask in [
        register(ADA, GOOD),
        register(NEW, GOOD),
        register("b@other.test", "short"),
        with(register(NEW, GOOD), "tenant", json!("no-such-tenant")),
        resend("acme", NEW),
        resend("acme", "nobody@acme.test"),
    ] {
        let answer = mailing.house.ask(ask).await;
        let is_hashed = answer.status == 202 || answer.status == 403 || answer.took >= floor;
        assert!(
            is_hashed && (answer.took >= floor || answer.status == 422),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn rule_21_a_known_address_is_told_and_nothing_comes_of_it() {
    let mailing = open().await;
    for _ in 0..4 {
        mailing
            .house
            .ask(register("ADA@acme.test", BETTER))
            .await
            .is(202, "");
    }
    let told = mailing.delivered().await;
    assert_eq!(told.len(), 3, "the cap of the address holds (A51)");
    for letter in &told {
        assert_eq!(
            (letter.template, letter.to.as_str()),
            (Template::AddressInUse, ADA)
        );
        assert!(letter.facts.link.is_none() && letter.facts.password.is_none());
    }
    // What waits holds places as that of any address does, and is nobody's to complete.
    assert_eq!(mailing.rows_of_registrations(), 3);
    mailing.house.clock.advance(Duration::from_mins(61));
    mailing.house.ask(resend("acme", ADA)).await.is(202, "");
    assert!(mailing.delivered().await.is_empty());
    mailing
        .house
        .ask(login(ADA, BETTER))
        .await
        .is(401, "invalid_credentials");
    mailing.house.ask(login(ADA, GOOD)).await.is(200, "");
}

#[tokio::test]
async fn a47_a86_no_word_of_the_caller_stands_in_a_mail() {
    let mailing = open().await;
    let name =
        json!({"given": "canary {{ link }}", "family": "canary\u{00a0}\"<b>", "display": "canary"});
    let ask = with(register(NEW, GOOD), "name", name.clone());
    let ask = with(ask, "address", json!({"line1": "canary"}));
    mailing.house.ask(ask).await.is(202, "");
    mailing
        .house
        .ask(with(register(ADA, GOOD), "name", name))
        .await
        .is(202, "");
    let letters = mailing.delivered().await;
    assert_eq!(letters.len(), 2);
    for letter in letters {
        let words = authd::mail::Templates::new(None).write(&letter).unwrap();
        let all = [words.subject, words.text, words.html].concat();
        assert!(!all.contains("canary"), "{all}");
    }
    for forged in [
        json!({"given": "a\r\nBcc: eve@evil.test"}),
        json!({"given": "a\u{202e}b"}),
        json!({"display": "x".repeat(101)}),
        json!({}),
    ] {
        let answer = mailing
            .house
            .ask(with(register(NEW, GOOD), "name", forged))
            .await;
        answer.is(422, "validation_failed");
    }
}

#[tokio::test]
async fn a46_the_link_leads_to_the_configured_page_whatever_the_request_says() {
    let mailing = open().await;
    let ask = register(NEW, GOOD)
        .header("host", "evil.test")
        .header("x-forwarded-host", "evil.test")
        .header("forwarded", "host=evil.test;proto=http");
    mailing.house.ask(ask).await.is(202, "");
    let letters = mailing.delivered().await;
    assert_eq!(letters.len(), 1);
    // Panics for any other page.
    token(&letters[0], "verify-email");
}

#[tokio::test]
async fn a49_only_what_the_contract_names_is_taken() {
    let mailing = open().await;
    for field in [
        "is_admin",
        "is_tenant_admin",
        "isTenantAdmin",
        "tenant_id",
        "roles",
        "role_ids",
        "permissions",
        "email_verified",
        "id",
        "created_at",
        "status",
    ] {
        let ask = with(register(NEW, GOOD), field, json!(true));
        mailing.house.ask(ask).await.is(400, "unknown_field");
        let mut nested = register(NEW, GOOD);
        nested.body.as_mut().unwrap()["name"][field] = json!(true);
        mailing.house.ask(nested).await.is(400, "unknown_field");
    }
    for email in [
        json!(["v@x.test", "a@y.test"]),
        json!({"a": 1}),
        Value::Null,
    ] {
        let ask = with(register(NEW, GOOD), "email", email);
        mailing.house.ask(ask).await.is(400, "malformed_request");
    }
    for email in ["v@x.test,a@y.test", "v@x a@y.test", "v", ""] {
        let ask = with(register(NEW, GOOD), "email", json!(email));
        mailing.house.ask(ask).await.is(422, "validation_failed");
    }
    for token in [json!(null), json!({}), json!([]), json!(true), json!(7)] {
        let body = json!({"token": token, "password": GOOD});
        let answer = mailing.house.ask(post("/v1/auth/verify-email", body)).await;
        answer.is(400, "malformed_request");
    }
    mailing
        .house
        .ask(verify("", GOOD))
        .await
        .is(410, "link_expired");
    assert!(mailing.delivered().await.is_empty());
    assert_eq!(mailing.rows_of_registrations(), 0);
}

#[tokio::test]
async fn v6_2_4_a_common_short_or_own_password_is_refused_for_every_address() {
    let mailing = open().await;
    for password in [
        "short",
        "leaked herons of yesterday",
        "grace otieno acme",
        "aaaaaaaaaaaaaaaaaaaa",
    ] {
        for email in [NEW, ADA] {
            let answer = mailing.house.ask(register(email, password)).await;
            answer.is(422, "password_rejected");
            assert_eq!(answer.body["fields"][0]["path"], "/password");
        }
    }
    assert_eq!(mailing.rows_of_registrations(), 0);
    assert!(mailing.delivered().await.is_empty());
}

#[tokio::test]
async fn rule_22_a_link_dies_with_time_and_with_a_newer_mail() {
    let mailing = open().await;
    let first = mailing.registered(NEW, GOOD).await;
    mailing.house.ask(resend("acme", NEW)).await.is(202, "");
    let letters = mailing.delivered().await;
    assert_eq!(letters.len(), 1);
    let second = token(&letters[0], "verify-email");
    mailing
        .house
        .ask(verify(&first, GOOD))
        .await
        .is(410, "link_expired");
    // A new mail gives no new tries.
    for _ in 0..4 {
        mailing
            .house
            .ask(verify(&second, WRONG))
            .await
            .is(401, "invalid_credentials");
    }
    mailing.house.ask(resend("acme", NEW)).await.is(202, "");
    let third = token(&mailing.delivered().await[0], "verify-email");
    mailing
        .house
        .ask(verify(&third, WRONG))
        .await
        .is(401, "invalid_credentials");
    mailing
        .house
        .ask(verify(&third, GOOD))
        .await
        .is(410, "link_expired");
    mailing.house.clock.advance(Duration::from_hours(2));
    let late = mailing.registered(NEW, GOOD).await;
    mailing.house.clock.advance(Duration::from_hours(48));
    mailing
        .house
        .ask(verify(&late, GOOD))
        .await
        .is(410, "link_expired");
}

#[tokio::test]
async fn rule_23_a_mail_that_waits_holds_no_secret_and_a_retry_ends_the_link_before() {
    let mailing = open().await;
    mailing.post.refuse(false, "450 later");
    mailing.house.ask(register(NEW, GOOD)).await.is(202, "");
    let file = std::fs::read(mailing.house.folder().join("authd.db-wal")).unwrap();
    let first = token(&mailing.delivered().await[0], "verify-email");
    for secret in [GOOD, first.as_str()] {
        let found = file
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found, "{secret}");
    }
    mailing.house.clock.advance(Duration::from_mins(5));
    let second = token(&mailing.delivered().await[0], "verify-email");
    mailing
        .house
        .ask(verify(&first, GOOD))
        .await
        .is(410, "link_expired");
    mailing.house.ask(verify(&second, GOOD)).await.is(200, "");
}

#[tokio::test]
async fn rule_21_a_closed_tenant_takes_none_and_completes_none() {
    let mailing = open().await;
    let token = mailing.registered(NEW, GOOD).await;
    let admin = operator(Socket::Admin);
    let app = &mailing.house.app;
    let suspend = Suspend {
        tenant: "acme".to_owned(),
        reason: None,
    };
    tenant::suspend(app, &admin, suspend).await.unwrap();
    mailing
        .house
        .ask(register("b@acme.test", GOOD))
        .await
        .is(403, "registration_closed");
    mailing
        .house
        .ask(verify(&token, GOOD))
        .await
        .is(410, "link_expired");
    let resume = Resume {
        tenant: "acme".to_owned(),
        reason: None,
    };
    tenant::resume(app, &admin, resume).await.unwrap();
    // What was mailed before the tenant was closed is not good again (rule 19).
    mailing
        .house
        .ask(verify(&token, GOOD))
        .await
        .is(410, "link_expired");
    let again = mailing.registered(NEW, GOOD).await;
    let mut settings = (*app.settings()).clone();
    Arc::make_mut(&mut settings.tenant).registration.enabled = false;
    app.settings.set(settings);
    mailing
        .house
        .ask(verify(&again, GOOD))
        .await
        .is(403, "registration_closed");
    mailing.house.ask(resend("acme", NEW)).await.is(202, "");
    assert!(mailing.delivered().await.is_empty());
}

#[tokio::test]
async fn rule_21_a_domain_that_was_closed_meanwhile_completes_nothing() {
    let mailing = open().await;
    let token = mailing.registered("grace@else.test", GOOD).await;
    let app = &mailing.house.app;
    let allow = |domains: &[&str]| {
        let mut settings = (*app.settings()).clone();
        Arc::make_mut(&mut settings.tenant)
            .registration
            .allowed_domains = domains.iter().map(ToString::to_string).collect();
        app.settings.set(settings);
    };
    let before = mailing.users().await;
    allow(&["acme.test"]);
    mailing
        .house
        .ask(verify(&token, GOOD))
        .await
        .is(403, "registration_closed");
    assert_eq!(mailing.users().await, before);
    // It went on waiting, and no try was counted.
    allow(&["acme.test", "else.test"]);
    mailing.house.ask(verify(&token, GOOD)).await.is(200, "");
    assert_eq!(mailing.users().await, before + 1);
}

#[tokio::test]
async fn an_address_that_an_administrator_gave_away_meanwhile_completes_nothing() {
    let mailing = open().await;
    let token = mailing.registered(NEW, GOOD).await;
    mailing.house.user("acme", NEW).await;
    mailing
        .house
        .ask(verify(&token, GOOD))
        .await
        .is(410, "link_expired");
    assert_eq!(mailing.users().await, 2);
}

#[tokio::test]
async fn one_address_registers_with_two_tenants() {
    let mailing = open().await;
    mailing.house.tenant(new_tenant("beta")).await;
    let acme = mailing.registered(NEW, GOOD).await;
    let ask = with(register(NEW, BETTER), "tenant", json!("beta"));
    mailing.house.ask(ask).await.is(202, "");
    let letters = mailing.delivered().await;
    assert_eq!(letters[0].facts.tenant, "beta");
    let beta = token(&letters[0], "verify-email");
    mailing.house.ask(verify(&beta, BETTER)).await.is(200, "");
    // The other tenant's goes on.
    mailing.house.ask(verify(&acme, GOOD)).await.is(200, "");
}

#[tokio::test]
async fn r11_without_a_way_for_mails_registration_is_closed() {
    let house = crate::house::House::with(open_plan(|_| ())).await;
    house
        .ask(register(NEW, GOOD))
        .await
        .is(403, "registration_closed");
    house.ask(resend("acme", NEW)).await.is(202, "");
}

#[tokio::test]
async fn rule_28_a_registration_that_timed_out_is_not_there() {
    let mailing = open().await;
    let router = crate::house::router(&mailing.house.app, Some(Duration::from_nanos(1)));
    send(&router, register(NEW, GOOD))
        .await
        .is(503, "request_timeout");
    assert_eq!(mailing.rows_of_registrations(), 0);
    assert!(mailing.waiting().await.is_empty());
}
