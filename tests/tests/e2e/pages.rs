//! The page behind a mailed link, in a real browser: the token leaves the address bar first, nothing
//! is sent without a click, and people are told what came of it.

use std::path::PathBuf;

use harness::{Browser, Daemon, Home, StandIn, StandInAnswer};
use serde_json::json;

const TOKEN: &str = "Az09-_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const NEW: &str = "nine grey herons swim away";

struct Scene {
    browser: Browser,
    stand_in: StandIn,
    // The page comes from here.
    _daemon: Daemon,
    _home: Home,
}

fn scene(with_scripts: bool) -> Scene {
    let home = Home::new();
    let daemon = home.start();
    Scene {
        browser: Browser::start(with_scripts),
        stand_in: StandIn::before(daemon.address()),
        _daemon: daemon,
        _home: home,
    }
}

impl Scene {
    fn follow_the_link(&self) {
        let url = format!("/reset-password#{TOKEN}");
        self.browser.open("about:blank");
        self.browser.open(&self.stand_in.url(&url));
    }

    fn save(&self, password: &str) {
        self.browser.type_into("#password", password);
        self.browser.click("#save");
    }
}

#[test]
fn a87_the_token_leaves_the_address_bar_and_is_sent_by_a_click_alone() {
    let scene = scene(true);
    let browser = &scene.browser;
    scene.follow_the_link();
    assert_eq!(browser.address_bar(), scene.stand_in.url("/reset-password"));
    assert!(browser.is_shown("#form"));
    // Not in what scripts, the history or the page can tell either.
    assert_eq!(browser.run("return location.hash + history.state"), "null");
    let page = browser.run("return document.documentElement.outerHTML");
    assert!(!page.to_string().contains(TOKEN));
    browser.type_into("#password", NEW);
    assert_eq!(scene.stand_in.posted(), Vec::<serde_json::Value>::new());
    browser.click("#save");
    browser.wait_for("#heading", "Your new password is saved");
    let expected = json!({"token": TOKEN, "new_password": NEW});
    assert_eq!(scene.stand_in.posted(), [expected]);
    assert!(!browser.is_shown("#form"));
    assert_eq!(
        browser.run("return document.getElementById('password').value"),
        ""
    );
    for head in scene.stand_in.asked() {
        let is_post = head.starts_with("POST");
        assert!(!head.contains(TOKEN), "{head}");
        assert!(!head.to_lowercase().contains("referer:"), "{head}");
        assert!(
            !is_post || head.to_lowercase().contains("application/json"),
            "{head}"
        );
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
    // The way back does not bring the token back.
    browser.open("about:blank");
    browser.back();
    assert!(!browser.address_bar().contains(TOKEN));
}

/// What the other two pages send, each by a click: a password that proves who registered, or nothing.
#[test]
fn a87_every_page_sends_its_own_token_by_a_click_alone() {
    let scene = scene(true);
    let (browser, stand_in) = (&scene.browser, &scene.stand_in);
    let pages = [
        ("/verify-email", "Your account is ready", true),
        ("/confirm-email", "Your new address is confirmed", false),
    ];
    for (number, (page, done, asks)) in pages.into_iter().enumerate() {
        browser.open("about:blank");
        browser.open(&stand_in.url(&format!("{page}#{TOKEN}")));
        assert_eq!(browser.address_bar(), stand_in.url(page));
        assert!(browser.is_shown("#form"));
        let html = browser.run("return document.documentElement.outerHTML");
        assert!(!html.to_string().contains(TOKEN));
        assert_eq!(stand_in.posted().len(), number, "nothing before a click");
        let mut expected = json!({"token": TOKEN});
        if asks {
            browser.click("#save");
            browser.wait_for("#problem", "Enter a password.");
            browser.type_into("#password", NEW);
            expected["password"] = NEW.into();
        }
        browser.show_as(360, 640, true);
        let widest = browser.run("return document.documentElement.scrollWidth");
        assert!(
            widest.as_u64().unwrap_or(u64::MAX) <= 360,
            "{page}: {widest}"
        );
        picture(browser, &page[1..]);
        browser.click("#save");
        browser.wait_for("#heading", done);
        assert_eq!(stand_in.posted()[number], expected);
        assert!(!browser.is_shown("#form"));
        browser.open(&stand_in.url(page));
        browser.wait_for("#heading", "Open the link again");
    }
    let asked = stand_in.asked();
    for path in [
        "POST /v1/auth/verify-email ",
        "POST /v1/auth/confirm-email ",
    ] {
        assert!(asked.iter().any(|head| head.starts_with(path)), "{asked:?}");
    }
    assert!(asked.iter().all(|head| !head.contains(TOKEN)), "{asked:?}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// A page that asks for nothing says what went wrong, too, and can be tried again.
#[test]
fn a_confirmation_that_failed_is_told_and_can_be_tried_again() {
    let scene = scene(true);
    let (browser, stand_in) = (&scene.browser, &scene.stand_in);
    browser.open(&stand_in.url(&format!("/confirm-email#{TOKEN}")));
    let busy = json!({"status": 503, "code": "overloaded", "message": "Try again in a moment."});
    stand_in.answer(StandInAnswer::Answer(503, Some(busy)));
    browser.click("#save");
    browser.wait_for("#problem", "Try again in a moment.");
    assert_eq!(browser.run("return document.activeElement.id"), "save");
    stand_in.answer(StandInAnswer::HangUp);
    browser.click("#save");
    browser.wait_for("#problem", "cannot be reached");
    let dead = json!({"status": 410, "code": "link_expired", "message": "Ask for a new link."});
    stand_in.answer(StandInAnswer::Answer(410, Some(dead)));
    browser.click("#save");
    browser.wait_for("#heading", "This link does not work any more");
    assert_eq!(browser.text("#message"), "Ask for a new link.");
}

#[test]
fn people_are_told_what_came_of_it_and_can_try_again() {
    let scene = scene(true);
    let (browser, stand_in) = (&scene.browser, &scene.stand_in);
    scene.follow_the_link();
    browser.click("#save");
    browser.wait_for("#problem", "Enter a password.");
    assert!(stand_in.posted().is_empty());
    let refused = json!({
        "status": 422, "code": "password_rejected", "message": "Choose another password.",
        "fields": [{"path": "/new_password", "code": "too_short", "message": "Use at least 15 characters."}],
    });
    stand_in.answer(StandInAnswer::Answer(422, Some(refused)));
    scene.save("short");
    browser.wait_for("#problem", "Use at least 15 characters.");
    browser.show_as(360, 640, true);
    picture(browser, "reset-refused");
    assert_eq!(browser.run("return document.activeElement.id"), "password");
    let invalid = browser.run("return document.getElementById('password').ariaInvalid");
    assert_eq!(invalid, "true");
    stand_in.answer(StandInAnswer::HangUp);
    scene.save(" but longer now");
    browser.wait_for("#problem", "cannot be reached");
    let busy = json!({"status": 503, "code": "overloaded", "message": "Try again in a moment."});
    stand_in.answer(StandInAnswer::Answer(503, Some(busy)));
    browser.click("#save");
    browser.wait_for("#problem", "Try again in a moment.");
    stand_in.answer(StandInAnswer::Answer(502, None));
    browser.click("#save");
    browser.wait_for("#problem", "That did not work.");
    let dead = json!({"status": 410, "code": "link_expired", "message": "Ask for a new link."});
    stand_in.answer(StandInAnswer::Answer(410, Some(dead)));
    browser.click("#save");
    browser.wait_for("#heading", "This link does not work any more");
    assert_eq!(browser.text("#message"), "Ask for a new link.");
    picture(browser, "reset-dead");
    assert!(!browser.is_shown("#form"));
    let posted = stand_in.posted();
    assert!(
        posted.iter().all(|body| body["token"] == TOKEN),
        "{posted:?}"
    );
    assert_eq!(posted[1]["new_password"], "short but longer now");
}

/// The page, the script's words and the service's answers, all in the language of the browser.
#[test]
fn a_page_speaks_swahili_to_who_asks_for_it() {
    let scene = scene(true);
    let browser = &scene.browser;
    browser.prefer("sw-KE,sw;q=0.9,en;q=0.5");
    scene.follow_the_link();
    assert_eq!(browser.run("return document.documentElement.lang"), "sw");
    browser.wait_for("#heading", "Chagua nenosiri jipya");
    assert_eq!(browser.spoken_name("#password"), "Nenosiri jipya");
    browser.click("#save");
    browser.wait_for("#problem", "Andika nenosiri.");
    browser.click("#show");
    assert_eq!(browser.text("#show"), "Ficha");
    browser.click("#show");
    assert_eq!(browser.text("#show"), "Onyesha");
    browser.show_as(360, 640, false);
    let widest = browser.run("return document.documentElement.scrollWidth");
    assert!(widest.as_u64().unwrap_or(u64::MAX) <= 360, "{widest}");
    picture(browser, "reset-swahili");
    scene.save(NEW);
    browser.wait_for("#heading", "Nenosiri lako jipya limehifadhiwa");
    browser.open(&scene.stand_in.url("/reset-password"));
    browser.wait_for("#heading", "Fungua kiungo tena");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    // What the service itself answers to a page is in its language, too.
    let said = browser.run(
        "const request = new XMLHttpRequest(); request.open('GET', '/v1/me', false); \
         request.send(); return JSON.parse(request.responseText).message;",
    );
    assert_eq!(said, "Tafadhali ingia ili uendelee.");
}

#[test]
fn a_password_can_be_seen_pasted_and_kept_by_a_manager() {
    let scene = scene(true);
    let browser = &scene.browser;
    scene.follow_the_link();
    assert_eq!(browser.spoken_name("#password"), "New password");
    let of = |script: &str| {
        browser.run(&format!(
            "return document.getElementById('password').{script}"
        ))
    };
    assert_eq!(of("type"), "password");
    assert_eq!(of("autocomplete"), "new-password");
    browser.click("#show");
    assert_eq!(of("type"), "text");
    assert_eq!(browser.text("#show"), "Hide");
    browser.run(
        "const data = new DataTransfer(); data.setData('text/plain', 'x'); \
         const event = new ClipboardEvent('paste', {clipboardData: data, cancelable: true, bubbles: true}); \
         window.pasted = document.getElementById('password').dispatchEvent(event);",
    );
    assert_eq!(browser.run("return window.pasted"), true);
    scene.save(NEW);
    browser.wait_for("#heading", "Your new password is saved");
    assert_eq!(of("type"), "password");
}

#[test]
fn an_address_without_a_token_and_a_browser_without_scripts_are_told_what_to_do() {
    let scene = scene(true);
    scene.browser.open(&scene.stand_in.url("/reset-password"));
    scene.browser.wait_for("#heading", "Open the link again");
    assert!(!scene.browser.is_shown("#form"));
    drop(scene);
    let scene = self::scene(false);
    scene.follow_the_link();
    let text = scene.browser.text("main");
    assert!(text.contains("needs JavaScript"), "{text}");
    assert!(text.contains("the link in your mail still works"), "{text}");
    assert!(!scene.browser.is_shown("#form"));
    assert!(scene.stand_in.posted().is_empty());
}

#[test]
fn v3_4_3_the_policy_holds_in_the_browser() {
    let scene = scene(true);
    let browser = &scene.browser;
    scene.follow_the_link();
    assert_eq!(browser.complaints(), Vec::<String>::new());
    browser.run(
        "const script = document.createElement('script'); script.textContent = 'window.evil = 1'; \
         document.body.append(script); \
         const style = document.createElement('style'); style.textContent = 'main { display: none }'; \
         document.body.append(style); \
         const form = document.createElement('form'); form.action = '/v1/auth/login'; form.method = 'post'; \
         document.body.append(form); form.submit();",
    );
    assert_eq!(browser.run("return window.evil === undefined"), true);
    assert!(browser.is_shown("main"));
    assert!(scene.stand_in.posted().is_empty());
    let complaints = browser.complaints().join("\n");
    for directive in ["script-src", "style-src", "form-action"] {
        assert!(complaints.contains(directive), "{directive}\n{complaints}");
    }
}

#[test]
fn the_page_fits_a_phone_and_a_desktop_in_light_and_dark() {
    let scene = scene(true);
    let browser = &scene.browser;
    for (width, height) in [(360, 640), (1280, 800)] {
        for is_dark in [false, true] {
            browser.show_as(width, height, is_dark);
            scene.follow_the_link();
            let widest = browser.run("return document.documentElement.scrollWidth");
            assert!(
                widest.as_u64().unwrap_or(u64::MAX) <= u64::from(width),
                "{widest}"
            );
            let back =
                browser.run("return getComputedStyle(document.documentElement).backgroundColor");
            let expected = if is_dark {
                "rgb(20, 22, 27)"
            } else {
                "rgb(243, 244, 246)"
            };
            assert_eq!(back, expected);
            // WCAG 2.2, 2.5.8: at least 24; fingers want 44.
            let least = browser.run(
                "return Math.min(...['show', 'save', 'password'].map( \
                 (id) => document.getElementById(id).getBoundingClientRect().height))",
            );
            assert!(least.as_f64().unwrap_or(0.0) >= 44.0, "{least}");
            picture(
                browser,
                &format!("reset-{width}-{}", if is_dark { "dark" } else { "light" }),
            );
        }
    }
}

/// Pictures for people to look at, if a folder is named for them.
fn picture(browser: &Browser, name: &str) {
    if let Some(folder) = std::env::var_os("PICTURES") {
        browser.picture(&PathBuf::from(folder).join(format!("{name}.png")));
    }
}
