//! What was shown, and must not be in the log.

use std::collections::BTreeSet;

use auth_tests::Reply;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// What must not be in the log.
#[derive(Default)]
pub(crate) struct Secrets(pub(crate) BTreeSet<String>);

impl Secrets {
    /// Each part of a token and of a stored hash: any of them by itself would be too much.
    pub(crate) fn keep(&mut self, secret: &str) {
        self.0.extend(secret.split(['.', '$']).filter(|part| part.len() >= 16).map(str::to_owned));
    }

    /// As bytes are usually written.
    pub(crate) fn keep_bytes(&mut self, secret: &[u8]) {
        let hex = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        self.0.extend([hex, format!("{secret:?}"), STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret)]);
    }

    /// What an answer gives to whoever asked.
    pub(crate) fn keep_shown(&mut self, reply: &Reply) {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let fields = ["token", "accessToken", "refreshToken", "csrfToken", "key"].map(|name| body[name].as_str());
        let headers = ["set-auth-token", "set-auth-jwt"].map(|name| reply.header(name));
        let cookies = reply.set_cookies().into_iter().map(|line| line.split(['=', ';']).nth(1));
        for secret in fields.into_iter().chain(headers).chain(cookies).flatten() {
            self.keep(secret);
        }
    }

    /// The beginning of a secret is enough to be sure of it, and most of one would let the rest be guessed.
    pub(crate) fn found_in(&self, log: &str) -> Option<&str> {
        self.0.iter().map(|secret| &secret[..secret.len().min(24)]).find(|part| log.contains(part))
    }
}
