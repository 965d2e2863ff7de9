//! A real browser without a screen: Chromium, driven by chromedriver over the `WebDriver` protocol
//! (W3C), and by its own `DevTools` where the standard has no word for it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Connection, Request};
use crate::wait::eventually;

/// Of Debian's package chromium-driver.
const DRIVER: &str = "/usr/bin/chromedriver";
/// Of Debian's package chromium.
const BROWSER: &str = "/usr/bin/chromium";
/// The key under which an element's id stands (W3C `WebDriver`, 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Longest wait for what a page does.
const PATIENCE: Duration = Duration::from_secs(20);

/// One browser with one window; gone with its value.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _home: TempDir,
}

impl Browser {
    /// Starts one, with or without scripts.
    ///
    /// # Panics
    /// If chromium and chromedriver are not installed, or do not start.
    pub fn start(with_scripts: bool) -> Self {
        let home = tempfile::tempdir().expect("a folder for the browser");
        let mut driver = Command::new(DRIVER)
            .arg("--port=0")
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts; it is in Debian's package chromium-driver");
        let stdout = driver.stdout.take().expect("a pipe");
        let port = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, rest) = line.split_once("started successfully on port ")?;
                rest.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("chromedriver says its port");
        let mut browser = Self {
            driver,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            session: String::new(),
            _home: home,
        };
        let scripts = if with_scripts { 1 } else { 2 };
        let answer = browser.command(
            "POST",
            "/session",
            &json!({"capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": {
                    "binary": BROWSER,
                    "args": [
                        "--headless=new",
                        // Tests may run as root, where Chromium's own sandbox does not start.
                        "--no-sandbox",
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--disable-background-networking",
                        "--no-first-run",
                        "--window-size=1280,900",
                    ],
                    "prefs": {"profile.managed_default_content_settings.javascript": scripts},
                },
                "goog:loggingPrefs": {"browser": "ALL"},
            }}}),
        );
        let session = answer
            .get("sessionId")
            .and_then(Value::as_str)
            .expect("a session");
        session.clone_into(&mut browser.session);
        browser
    }

    /// Goes to an address and waits until it is loaded.
    pub fn open(&self, url: &str) {
        self.ask("POST", "/url", &json!({"url": url}));
    }

    /// What the address bar shows.
    ///
    /// # Panics
    /// If the browser is gone.
    pub fn address_bar(&self) -> String {
        let url = self.ask("GET", "/url", &Value::Null);
        url.as_str().expect("an address").to_owned()
    }

    /// Goes back in the history.
    pub fn back(&self) {
        self.ask("POST", "/back", &json!({}));
    }

    /// Runs a script in the page and gives its result.
    pub fn run(&self, script: &str) -> Value {
        let body = json!({"script": script, "args": []});
        self.ask("POST", "/execute/sync", &body)
    }

    /// What an element shows; empty if it is not shown.
    ///
    /// # Panics
    /// If there is none.
    pub fn text(&self, selector: &str) -> String {
        let text = self.ask("GET", &self.element(selector, "/text"), &Value::Null);
        text.as_str().expect("a text").to_owned()
    }

    /// Whether an element is shown.
    ///
    /// # Panics
    /// If there is none.
    pub fn is_shown(&self, selector: &str) -> bool {
        let path = self.element(selector, "/displayed");
        self.ask("GET", &path, &Value::Null)
            .as_bool()
            .expect("yes or no")
    }

    /// Clicks, as a person would.
    pub fn click(&self, selector: &str) {
        self.ask("POST", &self.element(selector, "/click"), &json!({}));
    }

    /// Types into an element, behind what is there.
    pub fn type_into(&self, selector: &str, text: &str) {
        let path = self.element(selector, "/value");
        self.ask("POST", &path, &json!({"text": text}));
    }

    /// The name that an element has for people who do not see it (WAI-ARIA).
    ///
    /// # Panics
    /// If there is none.
    pub fn spoken_name(&self, selector: &str) -> String {
        let path = self.element(selector, "/computedlabel");
        let name = self.ask("GET", &path, &Value::Null);
        name.as_str().expect("a name").to_owned()
    }

    /// Waits until an element shows a text.
    ///
    /// # Panics
    /// If it does not in time.
    pub fn wait_for(&self, selector: &str, text: &str) {
        eventually(text, PATIENCE, || {
            self.text(selector).contains(text).then_some(())
        });
    }

    /// Complaints of the browser since the last look: errors, and what a policy refused.
    ///
    /// # Panics
    /// If the browser is gone.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.ask("POST", "/se/log", &json!({"type": "browser"}));
        let entries = log.as_array().expect("a log");
        let grave = entries
            .iter()
            .filter(|entry| matches!(text(entry, "level"), Some("SEVERE" | "WARNING")));
        let messages = grave.filter_map(|entry| text(entry, "message"));
        messages.map(str::to_owned).collect()
    }

    /// Makes the window that wide, as a phone or a desktop, in light or dark.
    pub fn show_as(&self, width: u32, height: u32, is_dark: bool) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}),
        );
        let scheme = if is_dark { "dark" } else { "light" };
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        );
    }

    /// Asks for pages and answers in that language from now on.
    pub fn prefer(&self, language: &str) {
        self.devtools("Network.enable", &json!({}));
        self.devtools(
            "Network.setExtraHTTPHeaders",
            &json!({"headers": {"Accept-Language": language}}),
        );
    }

    /// Writes a picture of the window.
    ///
    /// # Panics
    /// If it cannot be made or written.
    pub fn picture(&self, path: &Path) {
        let picture = self.ask("GET", "/screenshot", &Value::Null);
        let picture = picture.as_str().expect("a picture").as_bytes();
        fs::write(path, BASE64.decode(picture).expect("base64")).expect("it is written");
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        let body = json!({"cmd": command, "params": parameters});
        self.ask("POST", "/goog/cdp/execute", &body);
    }

    fn element(&self, selector: &str, rest: &str) -> String {
        let body = json!({"using": "css selector", "value": selector});
        let found = self.ask("POST", "/element", &body);
        let id = found
            .get(ELEMENT)
            .and_then(Value::as_str)
            .expect("an element");
        format!("/element/{id}{rest}")
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.command(method, &format!("/session/{}{path}", self.session), body)
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut request = Request::new(method, path).header("Connection", "close");
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = Connection::open(self.address, None)
            .ask(&request)
            .expect("chromedriver answers");
        let value = answer.json().get("value").cloned().unwrap_or_default();
        assert_eq!(answer.status, 200, "{method} {path}: {value}");
        value
    }
}

/// A text member of an object.
fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser; the driver alone would leave it behind.
        let path = format!("/session/{}", self.session);
        let request = Request::new("DELETE", &path).header("Connection", "close");
        if let Ok(mut connection) = Connection::try_open(self.address, None) {
            drop(connection.ask(&request));
        }
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}
