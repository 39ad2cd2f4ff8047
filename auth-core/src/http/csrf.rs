//! Double submit against cross-site request forgery: what a page shows beside the cookies that its browser sends by
//! itself.
//!
//! A browser sends cookies along whoever asks for it, and tells the request's origin, which is checked as well
//! (`origin.rs`). The token is the second lock (OWASP CSRF Prevention, "signed double-submit cookie"): only a page that
//! may read our cookie or our answers can put it into the header `x-csrf-token`. A sibling host that plants a cookie of
//! its own gains nothing, because the token is made for one session.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use serde::{Serialize, Serializer};

use super::cookie::single_cookie;
use crate::base::SessionId;
use crate::cx::Cx;
use crate::error::{Code, Error, Result};

/// The header in which a page shows the token of its cookie.
const CSRF_HEADER: &str = "x-csrf-token";
const NONCE_BYTES: usize = 16;
const TAG_BYTES: usize = 32;

/// A token that proves a page to be one of ours, for one session: base64url of a nonce and of the tag of nonce and
/// session. It opens nothing by itself and is good for as long as the session and the secret are. `Debug` does not show
/// it.
#[derive(Clone)]
pub struct CsrfToken {
    text: String,
    nonce: [u8; NONCE_BYTES],
    tag: [u8; TAG_BYTES],
}

impl CsrfToken {
    /// A new one for a session; one for none is right for nobody's.
    pub(crate) fn new(cx: &Cx, session: Option<SessionId>) -> Self {
        let mut nonce = [0; NONCE_BYTES];
        cx.random().fill(&mut nonce);
        let tag = cx.auth().csrf_keys().tag(&nonce, session);
        let text = URL_SAFE_NO_PAD.encode([&nonce[..], &tag].concat());
        Self { text, nonce, tag }
    }

    /// The whole input, the exact length, the one canonical encoding.
    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; NONCE_BYTES + TAG_BYTES];
        // Neither more nor less fits: 48 bytes are 64 characters without a spare bit.
        let decoded = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let (mut nonce, mut tag) = ([0; NONCE_BYTES], [0; TAG_BYTES]);
        nonce.copy_from_slice(&bytes[..NONCE_BYTES]);
        tag.copy_from_slice(&bytes[NONCE_BYTES..]);
        (decoded == bytes.len()).then(|| Self { text: text.to_owned(), nonce, tag })
    }

    /// The token as a page shows it.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl Serialize for CsrfToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken([redacted])")
    }
}

/// The token that the browser keeps in the cookie of this name, if it is one of the session.
pub(super) fn kept(cx: &Cx, cookie: &str, session: SessionId) -> Option<CsrfToken> {
    let kept = single_cookie(cookie, &cx.request().headers).ok().flatten().and_then(CsrfToken::parse)?;
    cx.auth().csrf_keys().verify(&kept.nonce, session, &kept.tag).is_ok().then_some(kept)
}

/// Refuses a request whose cookie of this name and header do not hold one and the same token of the session.
///
/// # Errors
/// 403 [`Code::CsrfTokenInvalid`], whatever is wrong with either.
pub(super) fn expect_pair(cx: &Cx, cookie: &str, session: SessionId) -> Result<()> {
    let headers = &cx.request().headers;
    let kept = single_cookie(cookie, headers).ok().flatten().and_then(CsrfToken::parse);
    let shown = in_header(headers).and_then(CsrfToken::parse);
    let (Some(kept), Some(shown)) = (kept, shown) else { return Err(refused("no pair of CSRF tokens")) };
    verify_slices_are_equal(kept.text.as_bytes(), shown.text.as_bytes())
        .map_err(|_| refused("the CSRF tokens of cookie and header differ"))?;
    match cx.auth().csrf_keys().verify(&shown.nonce, session, &shown.tag) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::from(Code::CsrfTokenInvalid).caused_by(error)),
    }
}

/// The one value of the header; of two nothing tells which is meant.
fn in_header(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(CSRF_HEADER).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

fn refused(cause: &'static str) -> Error {
    Error::from(Code::CsrfTokenInvalid).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_whole_and_in_one_spelling() {
        let text = URL_SAFE_NO_PAD.encode([0xfb; NONCE_BYTES + TAG_BYTES]);
        let token = CsrfToken::parse(&text).unwrap();
        assert_eq!((token.nonce, token.tag), ([0xfb; NONCE_BYTES], [0xfb; TAG_BYTES]));
        assert_eq!(format!("{token:?}"), "CsrfToken([redacted])");
        let (short, long) = (URL_SAFE_NO_PAD.encode([0xfb; 47]), URL_SAFE_NO_PAD.encode([0xfb; 49]));
        for bad in ["", &text[1..], &format!("{text}="), &format!(" {text}"), &text.replace('-', "+"), &short, &long] {
            assert!(CsrfToken::parse(bad).is_none(), "{bad:?}");
        }
    }
}
