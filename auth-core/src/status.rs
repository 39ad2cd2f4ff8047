//! The two endpoints that belong to no feature: is it up, and what went wrong.

use http::Method;
use serde::{Deserialize, Serialize};

use crate::cx::Cx;
use crate::error::Result;
use crate::guard::Anyone;
use crate::http::{Endpoint, Html, Json, Route};

pub(crate) const ROUTES: &[Route] = &[Route::of::<Alive>(), Route::of::<ErrorPage>()];

/// `GET /ok`: the engine answers.
#[derive(Debug, Deserialize)]
pub struct Alive {}

/// `{"ok":true}`.
#[derive(Debug, Serialize)]
pub struct AliveReply {
    ok: bool,
}

impl Endpoint for Alive {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/ok";
    const NAME: &'static str = "ok";
    type Caller = Anyone;
    type Reply = Json<AliveReply>;

    async fn call(self, _: &Cx, _: Anyone) -> Result<Json<AliveReply>> {
        Ok(Json(AliveReply { ok: true }))
    }
}

/// `GET /error`: a page for people whom a link or a redirect has led astray.
#[derive(Debug, Deserialize)]
pub struct ErrorPage {
    /// A code such as `INVALID_TOKEN`; anything but letters, digits, `_` and `-` is not shown.
    pub error: Option<String>,
}

impl Endpoint for ErrorPage {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/error";
    const NAME: &'static str = "error";
    type Caller = Anyone;
    type Reply = Html;

    async fn call(self, _: &Cx, _: Anyone) -> Result<Html> {
        let shown = self.error.as_deref().filter(|code| is_code(code)).unwrap_or("UNKNOWN");
        Ok(Html(format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>Something went wrong</title><body style=\"font-family:system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem\">\
             <h1>Something went wrong</h1><p>The link may have expired or been used already. Go back and try again.</p>\
             <p>Code: <code>{shown}</code></p></body></html>"
        )))
    }
}

/// Nothing that could be markup: the code comes from the address bar.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}
