//! What came back, as a whole.

use std::fmt::Write;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde_json::Value;

/// Headers that carry meaning; the others follow from the transport.
const RELEVANT: [HeaderName; 9] = [
    header::CONTENT_TYPE,
    header::CACHE_CONTROL,
    header::PRAGMA,
    header::LOCATION,
    header::WWW_AUTHENTICATE,
    header::RETRY_AFTER,
    header::SET_COOKIE,
    header::CONTENT_SECURITY_POLICY,
    HeaderName::from_static("x-correlation-id"),
];

/// A response: status, headers, body.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
}

impl Reply {
    /// The body of a 200, which must be JSON.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        self.json()
    }

    /// Checks that the request was refused in just this way.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status.as_u16(), &*self.code()), (status, code), "{}", self.text());
        self
    }

    /// Checks that this is the answer to an unknown address: 404 and nothing else.
    #[track_caller]
    pub fn nowhere(&self) {
        assert_eq!((self.status.as_u16(), self.text()), (404, String::new()));
        assert_eq!(self.header("content-type"), None);
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {:?} is not JSON", self.status, self.text()))
    }

    /// The `code` of a refusal; empty when there is none.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// One header, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Every `Set-Cookie` line.
    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect()
    }

    /// Whether the response takes the session cookie back.
    pub fn clears_cookie(&self) -> bool {
        self.set_cookies().iter().any(|line| line.contains("session_token=;") && line.contains("Max-Age=0"))
    }

    /// The secret in the body of a sign-in or sign-up.
    #[track_caller]
    pub fn token(&self) -> String {
        self.ok()["token"].as_str().expect("a token").to_owned()
    }

    /// Status, meaningful headers and body in one text; ids, tokens and dates are replaced by what they are.
    pub fn snapshot(&self) -> String {
        let mut text = format!("{}\n", self.status.as_u16());
        for name in &RELEVANT {
            for value in self.headers.get_all(name) {
                writeln!(text, "{name}: {}", header_without_chance(name, value.to_str().unwrap())).unwrap();
            }
        }
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(mut body) => {
                remove_chance(&mut body);
                text + "\n" + &serde_json::to_string_pretty(&body).unwrap()
            }
            Err(_) => text + "\n" + &self.text(),
        }
    }

    /// Everything that a client can tell apart, but for the request's own name: status, headers in order of their
    /// names, body. Lengths and dates are the transport's.
    pub fn essence(&self) -> String {
        let own = ["x-correlation-id", "content-length", "date"];
        let mut lines: Vec<String> = self
            .headers
            .iter()
            .filter(|(name, _)| !own.contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        format!("{}\n{}\n\n{}", self.status.as_u16(), lines.join("\n"), self.text())
    }
}

fn header_without_chance(name: &HeaderName, value: &str) -> String {
    match value.split_once([';', '=']) {
        _ if name == "x-correlation-id" && value.starts_with("cor_") => "[correlation id]".to_owned(),
        Some((cookie, _)) if name == header::SET_COOKIE => {
            let (token, attributes) = value[cookie.len() + 1..].split_once(';').unwrap();
            format!("{cookie}={};{attributes}", what_it_is(token).unwrap_or(token))
        }
        Some(_) | None => value.to_owned(),
    }
}

fn remove_chance(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(kind) = what_it_is(text) {
                *text = kind.to_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(remove_chance),
        Value::Object(fields) => fields.values_mut().for_each(remove_chance),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Recognises what differs from run to run by its form.
fn what_it_is(text: &str) -> Option<&'static str> {
    let base64url = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    match text.len() {
        32 if text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => Some("[id]"),
        43 if text.bytes().all(base64url) => Some("[token]"),
        51 if text.starts_with("ak_live_") && text.bytes().all(base64url) => Some("[key]"),
        24 if text.ends_with('Z') && text.as_bytes()[10] == b'T' => Some("[date]"),
        _ => None,
    }
}
