//! The HTTP API as an application would call it: signing in, refreshing, checking.
//! Thin: each function sends one request, and a test judges the answer.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use crate::http::{Connection, Request, Response};

/// A daemon's API; every request has a connection of its own.
#[derive(Debug, Clone, Copy)]
pub struct Api {
    address: SocketAddr,
    from: Option<IpAddr>,
}

/// What is sent to sign in.
#[derive(Debug, Clone)]
pub struct Login {
    body: Value,
}

impl Login {
    /// Tenant, address, password.
    pub fn new(tenant: &str, email: &str, password: &str) -> Self {
        let body = json!({"tenant": tenant, "email": email, "password": password});
        Self { body }
    }

    /// Names a device.
    #[must_use]
    pub fn device(mut self, id: &str) -> Self {
        self.insert("device", json!({"id": id, "name": id, "type": "mobile"}));
        self
    }

    /// Names a device and presents its secret.
    #[must_use]
    pub fn device_with_secret(mut self, id: &str, secret: &str) -> Self {
        self.insert(
            "device",
            json!({"id": id, "name": id, "type": "mobile", "secret": secret}),
        );
        self
    }

    fn insert(&mut self, name: &str, value: Value) {
        if let Value::Object(object) = &mut self.body {
            object.insert(name.to_owned(), value);
        }
    }

    /// The body.
    pub fn body(&self) -> &Value {
        &self.body
    }
}

/// What a sign-in or a refresh gave.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Access token.
    pub access: String,
    /// Refresh token; empty with a password that is good for changing it only.
    pub refresh: String,
    /// The session.
    pub session_id: String,
    /// The whole answer.
    pub answer: Value,
}

impl Tokens {
    /// Reads an answer.
    ///
    /// # Panics
    /// If it is no success.
    pub fn of(response: &Response) -> Self {
        assert_eq!(response.status, 200, "{}", response.text());
        Self {
            access: response.field("/access_token"),
            refresh: response.field("/refresh_token"),
            session_id: response.field("/session/id"),
            answer: response.json(),
        }
    }

    /// The claims of the access token, unverified.
    ///
    /// # Panics
    /// If it is no JWT.
    pub fn claims(&self) -> Value {
        part(&self.access, 1)
    }

    /// The header of the access token.
    ///
    /// # Panics
    /// If it is no JWT.
    pub fn header(&self) -> Value {
        part(&self.access, 0)
    }
}

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).expect("three parts");
    let bytes = data_encoding::BASE64URL_NOPAD
        .decode(text.as_bytes())
        .expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON in the token")
}

impl Api {
    /// At an address.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            address,
            from: None,
        }
    }

    /// The same, called from another address of this host, such as `127.0.0.9`.
    #[must_use]
    pub fn from(self, address: IpAddr) -> Self {
        Self {
            from: Some(address),
            ..self
        }
    }

    /// A connection for a test that looks at the wire.
    pub fn connect(&self) -> Connection {
        Connection::open(self.address, self.from)
    }

    /// Sends one request on a connection of its own.
    ///
    /// # Panics
    /// If no answer comes.
    pub fn send(&self, request: &Request) -> Response {
        self.try_send(request)
            .unwrap_or_else(|error| panic!("no answer to {request:?}: {error}"))
    }

    /// As [`Api::send`], for a daemon that may die meanwhile.
    ///
    /// # Errors
    /// If no whole answer comes.
    pub fn try_send(&self, request: &Request) -> std::io::Result<Response> {
        let closing = request.clone().header("Connection", "close");
        Connection::try_open(self.address, self.from)?.ask(&closing)
    }

    /// POSTs JSON.
    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.send(&Request::post(path).json(body))
    }

    /// GETs with a bearer token.
    pub fn get(&self, path: &str, token: &str) -> Response {
        self.send(&Request::get(path).bearer(token))
    }

    /// Signs in.
    pub fn login(&self, login: &Login) -> Response {
        self.post("/v1/auth/login", login.body())
    }

    /// Signs in and expects success.
    pub fn tokens(&self, login: &Login) -> Tokens {
        Tokens::of(&self.login(login))
    }

    /// Refreshes.
    pub fn refresh(&self, refresh_token: &str) -> Response {
        self.post("/v1/auth/refresh", &json!({"refresh_token": refresh_token}))
    }

    /// Checks a token as a proxy would.
    pub fn check(&self, token: &str) -> Response {
        self.get("/v1/auth/check", token)
    }

    /// Asks who the token's user is.
    pub fn me(&self, token: &str) -> Response {
        self.get("/v1/me", token)
    }

    /// Signs out.
    pub fn logout(&self, token: &str) -> Response {
        self.send(
            &Request::post("/v1/auth/logout")
                .bearer(token)
                .json(&json!({})),
        )
    }

    /// Changes the password.
    pub fn change_password(&self, token: &str, current: &str, new: &str) -> Response {
        self.send(
            &Request::post("/v1/auth/password/change")
                .bearer(token)
                .json(&json!({"current_password": current, "new_password": new})),
        )
    }
}
