//! Settings of tenants: each changes what it says for its tenant alone, from the next request on.
//! `acme` has a value of its own, `beta` does not; both have a user, Ada and Eve.

use std::sync::Arc;
use std::time::Duration;

use authd::app::tenant::settings::Edit;
use authd::app::{Error, housekeeping, mail, tenant, user};
use authd::mail::{Correspondent, Look};
use common::call::setting::{Set, Unset};
use common::call::user::{Create, SetPassword};
use common::call::{Change, Socket};
use common::time::Time;
use data_encoding::BASE64URL_NOPAD;
use domain::setting::{SetBy, Setting, StoredSetting};
use serde_json::{Value, json};
use store::{Claim, Priority, StoreError, WriteTx};

use crate::house::{ADA, Answer, Ask, GOOD, House, WRONG, post, refresh};
use crate::mailing::{Mailing, forgot};
use crate::support::{FakePost, Plan, given, new_tenant, new_user, operator, plan, reference};
use crate::world::World;

const EVE: &str = "eve@beta.test";
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Two tenants side by side.
struct Pair(House);

impl Pair {
    async fn new() -> Self {
        Self::of(House::new().await).await
    }

    /// With a way for mails.
    async fn mailing() -> Self {
        Self::of(
            House::with(Plan {
                post: Some(Arc::new(FakePost::default())),
                ..plan()
            })
            .await,
        )
        .await
    }

    async fn of(house: House) -> Self {
        house.tenant(new_tenant("beta")).await;
        house.user("beta", EVE).await;
        Self(house)
    }

    async fn set(&self, key: &str, value: &str) -> Change {
        let request = Set {
            tenant: "acme".to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
            reason: None,
        };
        let admin = operator(Socket::Admin);
        let set = tenant::settings::set(&self.0.app, &admin, request).await;
        set.unwrap()
    }

    async fn unset(&self, key: &str) -> Change {
        let request = Unset {
            tenant: "acme".to_owned(),
            key: key.to_owned(),
            reason: None,
        };
        let admin = operator(Socket::Admin);
        let unset = tenant::settings::unset(&self.0.app, &admin, request).await;
        unset.unwrap()
    }

    fn login(email: &str, password: &str) -> Ask {
        let tenant = if email == EVE { "beta" } else { "acme" };
        let body = json!({"tenant": tenant, "email": email, "password": password});
        post("/v1/auth/login", body)
    }

    /// What both get: Ada of `acme`, Eve of `beta`.
    async fn both(&self, ask: impl Fn(&str) -> Ask) -> [Answer; 2] {
        [self.0.ask(ask(ADA)).await, self.0.ask(ask(EVE)).await]
    }

    async fn sign_in(&self) -> [Answer; 2] {
        self.both(|email| Self::login(email, GOOD)).await
    }

    async fn fail(&self, times: usize) {
        for _ in 0..times {
            for answer in self.both(|email| Self::login(email, WRONG)).await {
                answer.is(401, "invalid_credentials");
            }
        }
    }

    async fn check(&self, [ada, eve]: &[Answer; 2]) -> [Answer; 2] {
        [
            self.0.check(ada.access()).await,
            self.0.check(eve.access()).await,
        ]
    }

    fn later(&self, time: Duration) {
        self.0.clock.advance(time);
    }

    async fn create(
        &self,
        of: &str,
        email: &str,
        change: impl Fn(&mut Create),
    ) -> Result<(), Error> {
        let mut request = new_user(of, email, GOOD);
        change(&mut request);
        let made = user::create(&self.0.app, &operator(Socket::Admin), request).await;
        made.map(drop)
    }

    async fn set_password(&self, of: &str, email: &str, new: &str) -> Result<(), Error> {
        let request = SetPassword {
            user: reference(of, email),
            password: given(new),
            permanent: true,
            reason: None,
        };
        let set = user::set_password(&self.0.app, &operator(Socket::Admin), request).await;
        set.map(drop)
    }
}

#[track_caller]
fn refused_and_not([acme, beta]: &[Answer; 2], status: u16, code: &str) {
    acme.is(status, code);
    assert_eq!(beta.status, 200, "{beta:?}");
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    let bytes = BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// Shows that a value of `acme` does what its key says, and nothing to `beta`. A new setting does
/// not compile without its line here.
async fn behaves(setting: Setting) {
    let pair = Pair::new().await;
    match setting {
        Setting::AttemptsRetention => attempts_are_kept(&pair).await,
        Setting::ClaimsExternalRefs => tokens_show_references(&pair).await,
        Setting::ClaimsPermissions => tokens_show_permissions(&pair).await,
        Setting::CorsOrigins => pages_may_read(&pair).await,
        Setting::DeviceSecretTtl => devices_are_known(&pair).await,
        Setting::EmployeesShowPassword => passwords_are_shown().await,
        Setting::LinksAllowedHosts => pages_are_on_hosts(&pair).await,
        Setting::LinksConfirmUrl | Setting::LinksResetUrl | Setting::LinksVerifyUrl => {
            links_lead(setting).await;
        }
        Setting::LockoutDuration => locks_last(&pair).await,
        Setting::LockoutThreshold => locks_come(&pair).await,
        Setting::LockoutWindow => failures_count(&pair).await,
        Setting::MailAccent
        | Setting::MailFrom
        | Setting::MailLanguage
        | Setting::MailReplyTo
        | Setting::MailSupport => mails_look_like(setting).await,
        Setting::PasswordGeneratedTtl => temporary_passwords_last(&pair).await,
        Setting::PasswordMinLength => passwords_are_long(&pair).await,
        Setting::RefsNames => references_have_names(&pair).await,
        Setting::RegistrationAllowedDomains => domains_may_register().await,
        Setting::RegistrationEnabled => people_may_register().await,
        Setting::RegistrationMaxPending => registrations_wait().await,
        Setting::SessionIdleTimeout => idle_sessions_end(&pair).await,
        Setting::SessionMaxAge => old_sessions_end(&pair).await,
        Setting::SessionPolicy => sessions_stand_side_by_side(&pair).await,
        Setting::TokenAccessTtl => tokens_live(&pair).await,
        Setting::TokenAudience => tokens_are_for(&pair).await,
    }
}

#[tokio::test]
async fn rule_20_every_setting_does_what_it_says_for_its_tenant_alone() {
    for setting in Setting::ALL {
        behaves(setting).await;
    }
}

/// What of a letter's look a setting is for.
fn looked_at(setting: Setting, look: &Look) -> Option<String> {
    let address = |of: &Option<Correspondent>| of.as_ref().map(|of| of.address.to_string());
    match setting {
        Setting::MailAccent => look.accent.clone(),
        Setting::MailFrom => address(&look.from),
        Setting::MailLanguage => look.language.clone(),
        Setting::MailReplyTo => address(&look.reply_to),
        _ => look.support.clone(),
    }
}

async fn mails_look_like(setting: Setting) {
    let Mailing { house, post } = Mailing::new().await;
    let pair = Pair::of(house).await;
    let value = match setting {
        Setting::MailAccent => "#a81c1c",
        Setting::MailLanguage => "sw",
        Setting::MailSupport => "Help: help@acme.test",
        _ => "desk@acme.test",
    };
    pair.set(setting.name(), value).await;
    let looks = async || {
        for (tenant, email) in [("acme", ADA), ("beta", EVE)] {
            pair.0.ask(forgot(tenant, email)).await.is(202, "");
        }
        mail::work(&pair.0.app).await.unwrap();
        let mut letters = post.take();
        letters.sort_by_key(|letter| letter.facts.tenant.clone());
        let looks = letters
            .iter()
            .map(|letter| looked_at(setting, &letter.look));
        looks.collect::<Vec<_>>()
    };
    let of_beta = looked_at(setting, &Look::default()).or_else(|| {
        // Of the installation of the tests.
        (setting == Setting::MailLanguage).then(String::new)
    });
    assert_eq!(looks().await, [Some(value.to_owned()), of_beta.clone()]);
    pair.unset(setting.name()).await;
    assert_eq!(looks().await, [of_beta.clone(), of_beta]);
}

async fn attempts_are_kept(pair: &Pair) {
    pair.set("attempts.retention", "1d").await;
    pair.fail(1).await;
    pair.later(2 * DAY);
    housekeeping::prune(&pair.0.app).await.unwrap();
    let tenants: Vec<_> = pair
        .0
        .attempts()
        .await
        .into_iter()
        .map(|row| row.first.tenant_id)
        .collect();
    assert_eq!(tenants.len(), 1);
    assert_ne!(tenants, [Some(pair.0.acme)]);
}

async fn tokens_show_references(pair: &Pair) {
    let request = Set {
        tenant: "acme".to_owned(),
        key: "claims.external_refs".to_owned(),
        value: "adm".to_owned(),
        reason: None,
    };
    let admin = operator(Socket::Admin);
    let refused = tenant::settings::set(&pair.0.app, &admin, request).await;
    let code = refused.unwrap_err().code;
    assert_eq!(code.as_str(), "validation_failed", "not in refs.names");
    let names = "adm,roles,sub,shop_id";
    pair.set("refs.names", names).await;
    pair.set("claims.external_refs", "adm,roles,sub").await;
    for (of, name) in [("acme", "adm"), ("beta", "branch_id")] {
        let email = format!("carrier@{of}.test");
        let made = pair.create(of, &email, |request| {
            let all = if of == "acme" { names } else { name };
            let all = all
                .split(',')
                .map(|name| (name.to_owned(), "true".to_owned()));
            request.external_refs = all.collect();
        });
        made.await.unwrap();
        pair.set_password(of, &email, GOOD).await.unwrap();
    }
    let body = |of: &str| {
        let email = format!("carrier@{of}.test");
        post(
            "/v1/auth/login",
            json!({"tenant": of, "email": email, "password": GOOD}),
        )
    };
    let signed_in = pair.0.ask(body("acme")).await;
    for answer in [pair.0.ask(refresh(signed_in.refresh())).await, signed_in] {
        // A85: whatever a reference is called, it stands in `ext` alone.
        let claims = claims(answer.access());
        assert_eq!(
            claims["ext"],
            json!({"adm": "true", "roles": "true", "sub": "true"})
        );
        assert_eq!(
            (&claims["adm"], &claims["roles"]),
            (&json!(false), &json!([]))
        );
        assert!(claims["sub"].as_str().unwrap().starts_with("usr_"));
        assert_eq!(pair.0.check(answer.access()).await.status, 200);
    }
    // A name that users may carry no more is shown no more.
    pair.set("refs.names", "sub").await;
    let answer = pair.0.ask(body("acme")).await;
    assert_eq!(claims(answer.access())["ext"], json!({"sub": "true"}));
    let answer = pair.0.ask(body("beta")).await;
    assert!(claims(answer.access()).get("ext").is_none());
}

/// The origin that may read each one's answer.
async fn readers(pair: &Pair, origin: &str) -> [Option<String>; 2] {
    let ask = |email: &str| Pair::login(email, GOOD).header("origin", origin);
    let answers = pair.both(ask).await;
    answers.map(|answer| {
        let value = answer.headers.get("access-control-allow-origin")?;
        Some(value.to_str().unwrap().to_owned())
    })
}

async fn pages_may_read(pair: &Pair) {
    let origin = "https://app.acme.test";
    pair.set("cors.origins", origin).await;
    assert_eq!(readers(pair, origin).await, [Some(origin.to_owned()), None]);
}

async fn pages_are_on_hosts(pair: &Pair) {
    let own = Edit {
        setting: Setting::CorsOrigins,
        value: Some(
            Setting::CorsOrigins
                .parse("https://app.acme.test:8443")
                .unwrap(),
        ),
        by: SetBy::Tenant,
    };
    let edit = async |tenant| {
        let (app, edit) = (Arc::clone(&pair.0.app), own.clone());
        let now = app.now();
        let write =
            move |tx: &dyn WriteTx| tenant::settings::apply(&app, tx, tenant, &edit, now).map(drop);
        let claim = Claim::detached();
        pair.0.app.store.write(Priority::Normal, claim, write).await
    };
    pair.set("links.allowed_hosts", "app.acme.test").await;
    edit(pair.0.acme).await.unwrap();
    let beta = pair.0.app.store.read(|tx| {
        let slug = "beta".parse().unwrap();
        Ok::<_, StoreError>(tx.tenants().by_slug(&slug)?.unwrap().id)
    });
    let refused = edit(beta.await.unwrap()).await.unwrap_err();
    assert_eq!(refused.code.as_str(), "validation_failed");
    let origin = "https://app.acme.test:8443";
    assert_eq!(readers(pair, origin).await, [Some(origin.to_owned()), None]);
    // A host that is allowed no more takes its pages along.
    pair.set("links.allowed_hosts", "b.acme.test").await;
    assert_eq!(readers(pair, origin).await, [None, None]);
}

async fn tokens_show_permissions(pair: &Pair) {
    pair.set("claims.permissions", "true").await;
    let shown = pair
        .sign_in()
        .await
        .map(|answer| claims(answer.access()).get("permissions").cloned());
    assert_eq!(shown, [Some(json!([])), None]);
}

async fn links_lead(setting: Setting) {
    let mut plan = plan();
    let post_box = Arc::new(FakePost::default());
    plan.post = Some(Arc::clone(&post_box) as _);
    Arc::make_mut(&mut plan.settings.tenant)
        .registration
        .enabled = true;
    let pair = Pair::of(House::with(plan).await).await;
    pair.set(setting.name(), "https://own.acme.test/page").await;
    let signed_in = pair.sign_in().await;
    let asks = ["acme", "beta"].map(|of| match setting {
        Setting::LinksConfirmUrl => {
            let answer = &signed_in[usize::from(of == "beta")];
            let body = json!({"new_email": format!("next@{of}.test"), "current_password": GOOD});
            post("/v1/me/email", body).with(answer.access())
        }
        Setting::LinksVerifyUrl => post(
            "/v1/auth/register",
            json!({"tenant": of, "email": format!("new@{of}.test"), "password": GOOD,
                "name": {"display": "Grace"}}),
        ),
        _ => {
            let email = if of == "acme" { ADA } else { EVE };
            post(
                "/v1/auth/password/forgot",
                json!({"tenant": of, "email": email}),
            )
        }
    });
    let mut pages = Vec::new();
    for ask in asks {
        pair.0.ask(ask).await.is(202, "");
        mail::work(&pair.0.app).await.unwrap();
        let letters = post_box.take();
        let link = letters.iter().find_map(|letter| letter.facts.link.as_ref());
        let (page, _) = link.unwrap().expose().split_once('#').unwrap();
        pages.push(page.to_owned());
    }
    assert_eq!(pages[0], "https://own.acme.test/page", "{setting}");
    assert!(pages[1].starts_with("http://127.0.0.1:8440/"), "{pages:?}");
}

async fn devices_are_known(pair: &Pair) {
    pair.set("device.secret_ttl", "1d").await;
    let on = |email: &str, secret: Option<&str>| {
        Pair::login(email, GOOD).device("phone", "mobile", secret)
    };
    let [ada, eve] = pair.both(|email| on(email, None)).await;
    pair.later(2 * DAY);
    let ada = pair.0.ask(on(ADA, ada.secret())).await;
    let eve = pair.0.ask(on(EVE, eve.secret())).await;
    assert!(ada.secret().is_some(), "forgotten: it gets a new one");
    assert_eq!(eve.secret(), None);
}

/// What an administrator makes over the API; authctl says for each account what it wants.
async fn passwords_are_shown() {
    let world = World::new().await;
    let request = Set {
        tenant: "acme".to_owned(),
        key: "employees.show_password".to_owned(),
        value: "true".to_owned(),
        reason: None,
    };
    let app = &world.house().app;
    tenant::settings::set(app, &operator(Socket::Admin), request)
        .await
        .unwrap();
    for (of, is_shown) in [("acme", true), ("globex", false)] {
        let admin = world.actor(of, &["flag"]).await;
        let body = json!({"email": format!("new@{of}.test")});
        let ask = post("/v1/users", body).with(&admin.token);
        let made = world.ask(ask).await;
        assert_eq!(made.status, 201);
        assert_eq!(made.body["generated_password"].is_string(), is_shown);
    }
}

async fn locks_last(pair: &Pair) {
    pair.set("lockout.duration", "1h").await;
    pair.fail(5).await;
    let locked = pair.sign_in().await;
    for (answer, seconds) in locked.iter().zip(["3600", "900"]) {
        answer.is(429, "login_locked");
        assert_eq!(answer.headers["retry-after"], seconds);
    }
    pair.later(16 * MINUTE);
    refused_and_not(&pair.sign_in().await, 429, "login_locked");
}

async fn locks_come(pair: &Pair) {
    pair.set("lockout.threshold", "2").await;
    pair.fail(2).await;
    refused_and_not(&pair.sign_in().await, 429, "login_locked");
    // Names that nobody has are counted in the same way.
    let nobody = || Pair::login("nobody@acme.test", WRONG);
    for _ in 0..2 {
        pair.0.ask(nobody()).await.is(401, "invalid_credentials");
    }
    pair.0.ask(nobody()).await.is(429, "login_locked");
}

async fn failures_count(pair: &Pair) {
    pair.set("lockout.window", "1h").await;
    pair.fail(4).await;
    pair.later(16 * MINUTE);
    housekeeping::prune(&pair.0.app).await.unwrap();
    pair.fail(1).await;
    refused_and_not(&pair.sign_in().await, 429, "login_locked");
}

async fn temporary_passwords_last(pair: &Pair) {
    pair.set("password.generated_ttl", "1h").await;
    pair.create("acme", "new@acme.test", |_| ()).await.unwrap();
    pair.create("beta", "new@beta.test", |_| ()).await.unwrap();
    pair.later(2 * Duration::from_hours(1));
    let login = |of: &str| {
        let email = format!("new@{of}.test");
        post(
            "/v1/auth/login",
            json!({"tenant": of, "email": email, "password": GOOD}),
        )
    };
    let answers = [
        pair.0.ask(login("acme")).await,
        pair.0.ask(login("beta")).await,
    ];
    refused_and_not(&answers, 401, "invalid_credentials");
    assert_eq!(answers[1].body["password_change_required"], true);
}

async fn passwords_are_long(pair: &Pair) {
    let change = pair.set("password.min_length", "9").await;
    assert!(change.notes.concat().contains("800-63B"), "{change:?}");
    pair.set_password("acme", ADA, "grey heron").await.unwrap();
    let refused = pair.set_password("beta", EVE, "grey heron").await;
    assert_eq!(refused.unwrap_err().code.as_str(), "password_rejected");
    let ada = pair.0.ask(Pair::login(ADA, "grey heron")).await;
    let own = |new: &str| {
        let body = json!({"current_password": "grey heron", "new_password": new});
        post("/v1/auth/password/change", body).with(ada.access())
    };
    pair.0
        .ask(own("8 herons"))
        .await
        .is(422, "password_rejected");
    assert_eq!(pair.0.ask(own("9 herons.")).await.status, 204);
    // One that the daemon makes is never shorter than the tenant asks for.
    pair.set("password.min_length", "40").await;
    let request = SetPassword {
        user: reference("acme", ADA),
        password: common::call::user::NewPassword::Generate,
        permanent: true,
        reason: None,
    };
    let made = user::set_password(&pair.0.app, &operator(Socket::Admin), request).await;
    let made = serde_json::to_value(made.unwrap()).unwrap();
    assert!(made["generated_password"].as_str().unwrap().len() >= 40);
}

async fn references_have_names(pair: &Pair) {
    pair.set("refs.names", "shop_id").await;
    let carries = |name: &'static str| {
        move |request: &mut Create| {
            request.external_refs = [(name.to_owned(), "7".to_owned())].into();
        }
    };
    pair.create("acme", "b@acme.test", carries("shop_id"))
        .await
        .unwrap();
    for (of, name) in [("acme", "branch_id"), ("beta", "shop_id")] {
        let refused = pair.create(of, "c@other.test", carries(name)).await;
        assert_eq!(refused.unwrap_err().code.as_str(), "validation_failed");
    }
    pair.create("beta", "b@beta.test", carries("branch_id"))
        .await
        .unwrap();
}

/// What both tenants say to a registration.
async fn register(pair: &Pair, email: &str) -> [(u16, String); 2] {
    let ask = |tenant: &str| {
        let body = json!({"tenant": tenant, "email": email, "password": GOOD,
            "name": {"display": "Grace"}});
        post("/v1/auth/register", body)
    };
    let [acme, beta] = [pair.0.ask(ask("acme")).await, pair.0.ask(ask("beta")).await];
    [acme, beta].map(|answer| (answer.status, answer.code().to_owned()))
}

async fn people_may_register() {
    let pair = Pair::mailing().await;
    pair.set("registration.enabled", "true").await;
    let answers = register(&pair, "new@acme.test").await;
    assert_eq!(answers[0].0, 202);
    assert_eq!(answers[1], (403, "registration_closed".to_owned()));
    // A tenant that was opened may close itself, and one that is closed may not open itself.
    pair.unset("registration.enabled").await;
    assert_eq!(register(&pair, "b@acme.test").await[0].0, 403);
}

async fn domains_may_register() {
    let mut plan = plan();
    plan.post = Some(Arc::new(FakePost::default()));
    Arc::make_mut(&mut plan.settings.tenant)
        .registration
        .enabled = true;
    let pair = Pair::of(House::with(plan).await).await;
    pair.set("registration.allowed_domains", "acme.test,acme.example")
        .await;
    let answers = register(&pair, "new@elsewhere.test").await;
    assert_eq!(
        answers,
        [(422, "validation_failed".to_owned()), (202, String::new())]
    );
    assert_eq!(register(&pair, "new@acme.example").await[0].0, 202);
}

async fn registrations_wait() {
    let mut plan = plan();
    plan.post = Some(Arc::new(FakePost::default()));
    Arc::make_mut(&mut plan.settings.tenant)
        .registration
        .enabled = true;
    let pair = Pair::of(House::with(plan).await).await;
    pair.set("registration.max_pending", "10").await;
    for n in 0..3 {
        let answers = register(&pair, &format!("new{n}@acme.test")).await;
        assert_eq!([answers[0].0, answers[1].0], [202, 202]);
    }
    let listed = |tenant| {
        pair.0.app.store.read(move |tx| {
            let rows = tx.tenant(tenant);
            rows.waiting().count("203.0.113.7", Time::default())
        })
    };
    let beta = pair
        .0
        .app
        .store
        .read(|tx| tx.tenants().by_slug(&"beta".parse().unwrap()));
    let beta = beta.await.unwrap().unwrap().id;
    assert_eq!(
        listed(pair.0.acme).await.unwrap().of_tenant,
        1,
        "a tenth of ten"
    );
    assert_eq!(listed(beta).await.unwrap().of_tenant, 3);
}

async fn idle_sessions_end(pair: &Pair) {
    pair.set("session.idle_timeout", "5m").await;
    let signed_in = pair.sign_in().await;
    pair.later(4 * MINUTE);
    for answer in pair.check(&signed_in).await {
        assert_eq!(answer.status, 200);
    }
    pair.later(5 * MINUTE);
    refused_and_not(&pair.check(&signed_in).await, 401, "session_expired");
    let [ada, eve] = &signed_in;
    let refreshed = [
        pair.0.ask(refresh(ada.refresh())).await,
        pair.0.ask(refresh(eve.refresh())).await,
    ];
    refused_and_not(&refreshed, 401, "session_expired");
}

async fn old_sessions_end(pair: &Pair) {
    pair.set("session.max_age", "5m").await;
    let signed_in = pair.sign_in().await;
    assert_eq!(signed_in[0].body["refresh_expires_in"], 300);
    pair.later(4 * MINUTE);
    for answer in pair.check(&signed_in).await {
        assert_eq!(answer.status, 200);
    }
    pair.later(2 * MINUTE);
    refused_and_not(&pair.check(&signed_in).await, 401, "session_expired");
}

async fn sessions_stand_side_by_side(pair: &Pair) {
    pair.set("session.policy", "single").await;
    let on =
        |id: &'static str| move |email: &str| Pair::login(email, GOOD).device(id, "desktop", None);
    let first = pair.both(on("a")).await;
    pair.both(on("b")).await;
    refused_and_not(&pair.check(&first).await, 401, "session_superseded");
}

async fn tokens_live(pair: &Pair) {
    pair.set("token.access_ttl", "1m").await;
    let signed_in = pair.sign_in().await;
    let lives = signed_in
        .each_ref()
        .map(|one| one.body["expires_in"].clone());
    assert_eq!(lives, [json!(60), json!(600)]);
    pair.later(2 * MINUTE);
    refused_and_not(&pair.check(&signed_in).await, 401, "token_expired");
    let [ada, _] = signed_in;
    let refreshed = pair.0.ask(refresh(ada.refresh())).await;
    assert_eq!(refreshed.body["expires_in"], 60);
}

async fn tokens_are_for(pair: &Pair) {
    let former = pair.sign_in().await;
    pair.check(&former).await;
    pair.set("token.audience", "orders,till").await;
    refused_and_not(&pair.check(&former).await, 401, "invalid_token");
    let [ada, _] = &former;
    let refreshed = pair.0.ask(refresh(ada.refresh())).await;
    assert_eq!(claims(refreshed.access())["aud"], json!(["orders", "till"]));
    assert_eq!(pair.0.check(refreshed.access()).await.status, 200);
    let [_, eve] = pair.sign_in().await;
    assert_eq!(claims(eve.access())["aud"], "apps");
}

/// A warm state is outdated by the change, and what a limit has ended stays ended (rule 19).
#[tokio::test]
async fn rule_11_rule_19_shorter_limits_act_at_once_and_longer_ones_wake_nothing() {
    let pair = Pair::new().await;
    let signed_in = pair.sign_in().await;
    pair.later(6 * MINUTE);
    // Used now, and again later: the disk does not know it yet.
    let [ada, _] = &signed_in;
    let another = Pair::login(ADA, GOOD).device("till", "desktop", None);
    let second = pair.0.ask(another).await;
    pair.0.check(ada.access()).await;
    pair.later(2 * MINUTE);
    pair.0.check(second.access()).await;
    assert_eq!(
        pair.set("session.idle_timeout", "3m").await.sessions_ended,
        0
    );
    let change = pair.set("session.idle_timeout", "2m").await;
    assert_eq!(change.sessions_ended, 1);
    refused_and_not(&pair.check(&signed_in).await, 401, "session_expired");
    assert_eq!(pair.0.check(second.access()).await.status, 200);
    // By time alone, without anybody looking.
    pair.later(2 * MINUTE);
    let change = pair.unset("session.idle_timeout").await;
    assert_eq!(change.sessions_ended, 0, "it was over before");
    pair.0
        .check(second.access())
        .await
        .is(401, "session_expired");
    for token in [ada.refresh(), second.refresh()] {
        pair.0.ask(refresh(token)).await.is(401, "session_expired");
    }
}

/// Tokens and device secrets that a change has ended, while no row says so yet: the transaction alone.
#[tokio::test]
async fn rule_19_what_a_change_ends_is_over_before_its_rows_say_so() {
    let pair = Pair::new().await;
    let on = |secret: Option<&str>| Pair::login(ADA, GOOD).device("phone", "mobile", secret);
    let first = pair.0.ask(on(None)).await;
    let ada = pair.0.ask(on(first.secret())).await;
    assert_eq!(ada.secret(), None, "known");
    pair.later(2 * DAY);
    let edit = |setting: Setting, text: Option<&str>| {
        let edit = Edit {
            setting,
            value: text.map(|text| setting.parse(text).unwrap()),
            by: SetBy::Operator,
        };
        let (app, acme, now) = (Arc::clone(&pair.0.app), pair.0.acme, pair.0.app.now());
        pair.0.write(move |tx| {
            tenant::settings::apply(&app, tx, acme, &edit, now)
                .map(drop)
                .map_err(|_| StoreError::Panicked)
        })
    };
    edit(Setting::SessionMaxAge, Some("1d")).await;
    pair.0
        .ask(refresh(ada.refresh()))
        .await
        .is(401, "session_expired");
    edit(Setting::SessionMaxAge, None).await;
    pair.0
        .ask(refresh(ada.refresh()))
        .await
        .is(401, "session_expired");
    edit(Setting::DeviceSecretTtl, Some("1d")).await;
    edit(Setting::DeviceSecretTtl, None).await;
    let again = pair.0.ask(on(first.secret())).await;
    assert!(again.secret().is_some(), "it gets a new one");
    let known = pair.0.ask(on(again.secret())).await;
    assert_eq!(known.secret(), None, "which lies above the floor");
}

#[tokio::test]
async fn rule_19_a_longer_life_of_devices_wakes_none() {
    let pair = Pair::new().await;
    pair.set("device.secret_ttl", "1d").await;
    let on = |secret: Option<&str>| Pair::login(ADA, GOOD).device("phone", "mobile", secret);
    let ada = pair.0.ask(on(None)).await;
    pair.later(2 * DAY);
    pair.unset("device.secret_ttl").await;
    assert!(pair.0.ask(on(ada.secret())).await.secret().is_some());
}

#[tokio::test]
async fn a_shorter_lock_ends_sooner_for_who_is_locked_now() {
    let pair = Pair::new().await;
    pair.fail(5).await;
    pair.set("lockout.duration", "5m").await;
    let [ada, eve] = pair.sign_in().await;
    assert_eq!(ada.headers["retry-after"], "300");
    assert_eq!(eve.headers["retry-after"], "900");
    pair.unset("lockout.duration").await;
    pair.later(5 * MINUTE);
    assert_eq!(pair.sign_in().await[0].status, 200);
}

/// What a reload of the configuration replaces holds at the next request for every tenant: with and
/// without values of its own, with warm caches.
#[tokio::test]
async fn a_reload_reaches_tenants_with_values_of_their_own() {
    let pair = Pair::new().await;
    pair.set("lockout.threshold", "3").await;
    let signed_in = pair.sign_in().await;
    pair.later(6 * MINUTE);
    for answer in pair.check(&signed_in).await {
        assert_eq!(answer.status, 200);
    }
    pair.later(6 * MINUTE);
    let mut settings = (*pair.0.app.settings()).clone();
    let tenant = Arc::make_mut(&mut settings.tenant);
    tenant.session_limits.idle_timeout = 5 * MINUTE;
    pair.0.app.settings.set(settings);
    let [ada, eve] = &signed_in;
    for token in [ada.refresh(), eve.refresh()] {
        pair.0.ask(refresh(token)).await.is(401, "session_expired");
    }
    let again = pair.sign_in().await;
    pair.check(&again).await;
    pair.later(5 * MINUTE);
    for answer in pair.check(&again).await {
        answer.is(401, "session_expired");
    }
    // Its own value stands over the new ones.
    pair.fail(3).await;
    refused_and_not(&pair.sign_in().await, 429, "login_locked");
}

/// The tenant's own hand, through the same transaction as the operator's.
#[tokio::test]
async fn rule_20_a85_the_tenant_itself_may_only_become_stricter() {
    let pair = Pair::new().await;
    pair.set("lockout.threshold", "4").await;
    let own = |setting: Setting, text: &str| {
        let edit = Edit {
            setting,
            value: Some(setting.parse(text).unwrap()),
            by: SetBy::Tenant,
        };
        let (app, acme) = (Arc::clone(&pair.0.app), pair.0.acme);
        async move {
            let now = app.now();
            let store = app.store.clone();
            store
                .write(Priority::Normal, Claim::detached(), move |tx| {
                    tenant::settings::apply(&app, tx, acme, &edit, now)
                })
                .await
        }
    };
    let looser = own(Setting::LockoutThreshold, "5").await.unwrap_err();
    assert_eq!(looser.code.as_str(), "validation_failed");
    assert!(looser.developer_message.contains("looser"), "{looser:?}");
    let closed = own(Setting::SessionPolicy, "single").await.unwrap_err();
    assert_eq!(closed.code.as_str(), "permission_denied");
    own(Setting::LockoutThreshold, "2").await.unwrap().unwrap();
    assert!(own(Setting::LockoutThreshold, "2").await.unwrap().is_none());
    pair.fail(2).await;
    refused_and_not(&pair.sign_in().await, 429, "login_locked");
    // The operator's value stays beside it, and says when it has no effect.
    let change = pair.set("lockout.threshold", "9").await;
    assert!(change.notes.concat().contains("stricter and holds: 2"));
}

/// A value that cannot be read closes the tenant rather than to fall back to a looser one.
#[tokio::test]
async fn g8_a_damaged_value_refuses_and_never_loosens() {
    let pair = Pair::new().await;
    let file = pair.0.folder().join("authd.db");
    let row = StoredSetting {
        setting: Setting::LockoutThreshold,
        value: Setting::LockoutThreshold.parse("2").unwrap(),
        set_by: SetBy::Operator,
        updated_at: pair.0.app.now(),
    };
    let acme = pair.0.acme;
    pair.0
        .write(move |tx| tx.tenant_mut(acme).settings_mut().set(&row))
        .await;
    let connection = rusqlite::Connection::open(file).unwrap();
    connection
        .execute("UPDATE tenant_settings SET value = 'many'", [])
        .unwrap();
    let [ada, eve] = pair.sign_in().await;
    ada.is(500, "internal");
    assert_eq!(eve.status, 200);
    // And is mended by hand.
    pair.unset("lockout.threshold").await;
    assert_eq!(pair.sign_in().await[0].status, 200);
}
