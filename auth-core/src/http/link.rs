//! What an endpoint answers that links out of mails lead to: a redirect, JSON for a program, or a page for a person.

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;

use super::page::{self, Form, Page, Step};
use super::reply::{Json, Reply, with_type};
use crate::cx::Cx;
use crate::error::{Code, Error, ErrorKind, Result};

/// The answer to somebody who follows a link.
#[derive(Debug)]
pub struct LinkReply<T>(Answer<T>);

#[derive(Debug)]
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

    /// What came of a link: on to where the link says, with the refusal as `error`; without that, a page for a person and
    /// the body or the refusal itself for a program. An outage is a refusal in any case.
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

/// Whether a person looks at what is answered, or their browser fetches it before they do: it is not a script that asks.
pub(crate) fn is_navigation(cx: &Cx) -> bool {
    let header = |name: &str| cx.request().headers.get(name).and_then(|value| value.to_str().ok());
    let is_ahead = ["sec-purpose", "purpose"].iter().any(|name| header(name).is_some_and(|it| it.contains("prefetch")));
    match header("sec-fetch-mode") {
        Some(mode) => mode == "navigate" || is_ahead,
        None => is_ahead || header("accept").is_some_and(|accept| accept.contains("text/html")),
    }
}

/// Refuses somebody who is not asked here, as the protocol has it for links: 401.
pub(crate) fn unauthorized(error: Error) -> Error {
    if error.kind() == ErrorKind::BadRequest { error.of_kind(ErrorKind::Unauthorized) } else { error }
}

/// The address with one more parameter in its query.
pub(crate) fn with_parameter(target: &str, name: &str, value: &str) -> String {
    let (address, fragment) = match target.split_once('#') {
        Some((address, fragment)) => (address, Some(fragment)),
        None => (target, None),
    };
    let joint = if !address.contains('?') {
        "?"
    } else if address.ends_with(['?', '&']) {
        ""
    } else {
        "&"
    };
    let parameter = Serializer::new(String::new()).append_pair(name, value).finish();
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{address}{joint}{parameter}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_added_where_the_query_is() {
        for (target, expected) in [
            ("/a", "/a?error=X%26y"),
            ("/a?", "/a?error=X%26y"),
            ("/a?b=c", "/a?b=c&error=X%26y"),
            ("/a?b=c&", "/a?b=c&error=X%26y"),
            ("https://a.test/#top?x", "https://a.test/?error=X%26y#top?x"),
        ] {
            assert_eq!(with_parameter(target, "error", "X&y"), expected);
        }
    }
}
