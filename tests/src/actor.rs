//! Who uses an application: browsers with cookies, programs with bearer tokens, and those who pretend.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::jar::Jar;
use crate::reply::Reply;

/// Where everybody comes from unless said otherwise.
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));

/// Somebody who sends requests. Clones share their cookies.
#[derive(Clone, Debug)]
pub struct Actor {
    app: TestApp,
    jar: Arc<Mutex<Jar>>,
    bearer: Option<String>,
    software: Software,
    ip: IpAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Software {
    /// Keeps cookies and names its origin.
    Browser,
    /// Does neither.
    Program,
}

impl Actor {
    pub(crate) fn browser(app: TestApp) -> Self {
        Self { app, jar: Arc::default(), bearer: None, software: Software::Browser, ip: HOME }
    }

    pub(crate) fn program(app: TestApp) -> Self {
        Self { software: Software::Program, ..Self::browser(app) }
    }

    /// A program that uses this browser's session as a bearer token.
    pub fn bearer(&self) -> Self {
        self.app.program().with_bearer(&self.cookie().expect("a session cookie"))
    }

    /// The same, with this credential in `Authorization`.
    #[must_use]
    pub fn with_bearer(mut self, token: &str) -> Self {
        self.bearer = Some(token.to_owned());
        self
    }

    /// The same with other cookies: this value alone for the session.
    #[must_use]
    pub fn with_cookie(mut self, value: &str) -> Self {
        let mut jar = Jar::default();
        jar.set(self.cookie_name(), value);
        self.jar = Arc::new(Mutex::new(jar));
        self
    }

    /// The same from another address.
    #[must_use]
    pub fn from_ip(mut self, ip: &str) -> Self {
        self.ip = ip.parse().unwrap();
        self
    }

    /// Another browser with a copy of these cookies: whoever stole them.
    #[must_use]
    pub fn copied(&self) -> Self {
        let jar = self.jar.lock().unwrap().clone();
        Self { jar: Arc::new(Mutex::new(jar)), ..self.clone() }
    }

    /// The value of the session cookie.
    pub fn cookie(&self) -> Option<String> {
        self.jar.lock().unwrap().value(self.cookie_name()).map(str::to_owned)
    }

    /// The value of any cookie.
    pub fn cookie_called(&self, name: &str) -> Option<String> {
        self.jar.lock().unwrap().value(name).map(str::to_owned)
    }

    /// The same with another value of this cookie, or without it.
    #[must_use]
    pub fn with_cookie_called(self, name: &str, value: Option<&str>) -> Self {
        let other = self.copied();
        match value {
            Some(value) => other.jar.lock().unwrap().set(name, value),
            None => other.jar.lock().unwrap().remove(name),
        }
        other
    }

    fn cookie_name(&self) -> &'static str {
        if self.app.auth().base_url().starts_with("https") { "__Host-auth.session_token" } else { "auth.session_token" }
    }

    /// `GET` of any path.
    pub async fn get(&self, path: &str) -> Reply {
        self.request(Method::GET, path).send().await
    }

    /// `POST` of any path.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.request(Method::POST, path).json(&body).send().await
    }

    /// `GET` of an endpoint of the engine.
    pub async fn auth_get(&self, endpoint: &str) -> Reply {
        self.get(&format!("{}{endpoint}", self.app.auth().base_path())).await
    }

    /// `POST` of an endpoint of the engine.
    pub async fn auth_post(&self, endpoint: &str, body: Value) -> Reply {
        self.post(&format!("{}{endpoint}", self.app.auth().base_path()), body).await
    }

    /// Signs up under the usual name with the usual password.
    pub async fn sign_up(&self, email: &str) -> Reply {
        let body = json!({"name": "Ada", "email": email, "password": crate::PASSWORD});
        self.auth_post("/sign-up/email", body).await
    }

    /// Signs in.
    pub async fn sign_in(&self, email: &str, password: &str) -> Reply {
        self.auth_post("/sign-in/email", json!({"email": email, "password": password})).await
    }

    /// Changes the password.
    pub async fn change_password(&self, current: &str, new: &str) -> Reply {
        self.auth_post("/change-password", json!({"currentPassword": current, "newPassword": new})).await
    }

    /// What `get-session` says.
    pub async fn session(&self) -> Value {
        self.auth_get("/get-session").await.ok()
    }

    /// Whether this credential opens a guarded route.
    pub async fn is_signed_in(&self) -> bool {
        let reply = self.get("/me").await;
        match reply.status.as_u16() {
            200 => true,
            401 => false,
            other => panic!("GET /me is {other}: {}", reply.text()),
        }
    }

    /// A request to be shaped before it is sent.
    pub fn request(&self, method: Method, path: &str) -> Draft<'_> {
        let mut headers = HeaderMap::new();
        if self.software == Software::Browser && method != Method::GET {
            headers.insert(header::ORIGIN, self.app.auth().base_url().parse().unwrap());
        }
        if let Some(line) = self.jar.lock().unwrap().line() {
            headers.insert(header::COOKIE, line.parse().unwrap());
        }
        if let Some(token) = &self.bearer {
            headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        }
        Draft { actor: self, method, path: path.to_owned(), headers, body: Bytes::new() }
    }
}

/// A request that has not been sent.
#[derive(Debug)]
#[must_use]
pub struct Draft<'a> {
    actor: &'a Actor,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Draft<'_> {
    /// Sets a header in place of an earlier one.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    /// Adds a header beside an earlier one.
    pub fn another(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    /// Leaves a header out.
    pub fn without(mut self, name: &'static str) -> Self {
        self.headers.remove(name);
        self
    }

    /// A JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// A body of any kind.
    pub fn body(self, media_type: &str, body: impl Into<Bytes>) -> Self {
        let mut draft = self.header("content-type", media_type);
        draft.body = body.into();
        draft
    }

    /// Sends it; cookies of the response go into the browser's jar.
    pub async fn send(self) -> Reply {
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().unwrap();
        *request.headers_mut() = self.headers;
        let (parts, body) = self.actor.app.send(request, self.actor.ip).await.into_parts();
        if self.actor.software == Software::Browser {
            self.actor.jar.lock().unwrap().take_from(&parts.headers);
        }
        Reply { status: parts.status, headers: parts.headers, body }
    }
}
