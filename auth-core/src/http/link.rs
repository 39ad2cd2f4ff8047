//! What an endpoint answers that links out of mails lead to: a redirect, JSON for a program, or a page for a person.

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;

use super::page::{self, Form, Page, Step};
use super::reply::{Json, Reply, with_type};
use crate::base::with_parameter;
use crate::cx::Cx;
use crate::error::{Code, Error, ErrorKind, Result};

/// The answer to somebody who follows a link. `Debug` does not show where it leads: there may be a token in it.
pub struct LinkReply<T>(Answer<T>);

impl<T> fmt::Debug for LinkReply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkReply").finish_non_exhaustive()
    }
}

enum Answer<T> {
    /// On to this address, which was judged before the endpoint was called.
    Onward(String),
    Body(T),
    Page(Response<Bytes>),
}

impl<T> LinkReply<T> {
    /// On to this address.
    pub(crate) const fn onward(target: String) -> Self {
        Self(Answer::Onward(target))
    }

    /// The page with the button, for a person whose link is good.
    pub(crate) fn confirm(cx: &Cx, step: Step, account: &str, form: Form<'_>) -> Result<Self> {
        Self::page(cx, &Page::Confirm { step, account, form })
    }

    /// The page on which somebody chooses a password.
    pub(crate) fn new_password(cx: &Cx, form: Form<'_>) -> Result<Self> {
        Self::page(cx, &Page::NewPassword { form })
    }

    fn page(cx: &Cx, page: &Page<'_>) -> Result<Self> {
        Ok(Self(Answer::Page(page::response(cx, page)?)))
    }

    /// What came of a link: on to where the link says, with the refusal as `error`; without that, a page for a person
    /// and the body or the refusal itself for a program. An outage is a refusal in any case.
    pub(crate) fn outcome(cx: &Cx, step: Step, outcome: Result<T>, onward: Onward) -> Result<Self> {
        let Onward { success, failure } = onward;
        match (outcome, success, failure) {
            (Ok(_), Some(target), _) => Ok(Self::onward(target)),
            (Ok(_), None, _) if is_navigation(cx) => Self::page(cx, &Page::Done { step }),
            (Ok(body), None, _) => Ok(Self(Answer::Body(body))),
            (Err(error), ..) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal) => Err(error),
            (Err(error), _, Some(target)) => Ok(Self::onward(with_parameter(&target, "error", error.code()))),
            (Err(error), _, None) if is_navigation(cx) => Self::page(cx, &Page::Failed { error: &error }),
            (Err(error), _, None) => Err(error),
        }
    }
}

/// Where to go on to.
#[derive(Debug, Default)]
pub(crate) struct Onward {
    pub(crate) success: Option<String>,
    pub(crate) failure: Option<String>,
}

impl Onward {
    /// To one and the same place, whatever comes of it.
    pub(crate) fn to(target: Option<String>) -> Self {
        Self { failure: target.clone(), success: target }
    }
}

impl<T: Serialize + Send> Reply for LinkReply<T> {
    fn into_response(self, cx: &Cx) -> Result<Response<Bytes>> {
        match self.0 {
            Answer::Onward(target) => {
                // After a form, 303: the next request is a GET whatever the browser (RFC 9110 §15.4.4).
                let status = if cx.request().method == Method::GET { StatusCode::FOUND } else { StatusCode::SEE_OTHER };
                let mut response = with_type(status, "application/json", Bytes::new());
                let target = HeaderValue::from_str(&target).map_err(|_| Code::InvalidCallbackUrl)?;
                response.headers_mut().insert(header::LOCATION, target);
                response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
                Ok(response)
            }
            Answer::Body(body) => Json(body).into_response(cx),
            Answer::Page(response) => Ok(response),
        }
    }
}

/// Whether a person looks at what is answered, or their browser or a scanner fetches it before they do; else it is a
/// program that asks, a script of a trusted page among them. A picture of another page is no program.
pub(crate) fn is_navigation(cx: &Cx) -> bool {
    let header = |name: &str| cx.request().headers.get(name).and_then(|value| value.to_str().ok());
    let is_ahead = ["sec-purpose", "purpose"].iter().any(|name| header(name).is_some_and(|it| it.contains("prefetch")));
    let is_trusted = |origin: &str| cx.auth().trusts_origin(origin);
    match header("sec-fetch-mode") {
        _ if is_ahead => true,
        Some("cors" | "same-origin") => header("origin").is_some_and(|origin| !is_trusted(origin)),
        Some(_) => true,
        // Scanners of mail servers say that they are browsers.
        None => {
            header("accept").is_some_and(|accept| accept.contains("text/html"))
                || header("user-agent").is_some_and(|agent| agent.starts_with("Mozilla/"))
        }
    }
}

/// Refuses somebody who is not asked here, as the protocol has it for links: 401.
pub(crate) fn unauthorized(error: Error) -> Error {
    if error.kind() == ErrorKind::BadRequest { error.of_kind(ErrorKind::Unauthorized) } else { error }
}
