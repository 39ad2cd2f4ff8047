//! Passwords that are known from breaches of other systems.

use std::borrow::Cow;
use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use bytes::Bytes;
use http::header::{HeaderValue, USER_AGENT};
use http::{Request, StatusCode};
use url::Url;
use zeroize::Zeroizing;

use super::{HttpClient, MAX_RESPONSE_BYTES, PortError};
use crate::crypto::password_hash::Password;

/// Knows which passwords have appeared in breaches, so that nobody chooses one
/// (NIST SP 800-63B-4 §3.1.1.2). It is asked when a password is set, never when one is checked.
#[async_trait]
pub trait BreachList: Send + Sync + 'static {
    /// Whether this password has appeared in a breach. The password must not leave the process, whole or hashed.
    ///
    /// # Errors
    /// [`PortError`] when the list did not answer. Whether the password is then accepted is the
    /// caller's configuration, so an implementation never guesses.
    async fn contains(&self, password: &Password) -> Result<bool, PortError>;
}

const PORT: &str = "breach list";
const PUBLIC_SERVICE: &str = "https://api.pwnedpasswords.com";
/// Hexadecimal digits that leave the process: one of 1,048,576 buckets.
const PREFIX_CHARS: usize = 5;
/// SHA-1 in hexadecimal.
const HASH_CHARS: usize = 40;

/// The *Pwned Passwords* list of Have I Been Pwned, asked by range
/// (<https://haveibeenpwned.com/API/v3#PwnedPasswords>).
///
/// Only the first five hexadecimal digits of the password's SHA-1 are sent. The service answers with
/// every hash of that bucket, and the comparison is made here, in constant time. Hundreds of
/// thousands of unrelated passwords share a bucket, so neither the service nor anyone who reads
/// along learns which one was meant (k-anonymity). The answer is asked for with padding, so that its
/// size does not betray the bucket.
///
/// Any answer but a complete, well-formed 200 is an error. At most 1 MiB is read. It needs an
/// [`HttpClient`]: one of the application's own, or `ReqwestClient` of the feature `http-client`.
pub struct PwnedPasswords<C> {
    client: C,
    base: Cow<'static, str>,
    user_agent: HeaderValue,
}

impl<C: HttpClient> PwnedPasswords<C> {
    /// Asks the public service.
    pub fn new(client: C) -> Self {
        let user_agent = HeaderValue::from_static(concat!("auth-core/", env!("CARGO_PKG_VERSION")));
        Self { client, base: Cow::Borrowed(PUBLIC_SERVICE), user_agent }
    }

    /// Asks a mirror instead: `<base>/range/<prefix>` must answer like the public service, with at
    /// least one line for every prefix. Use plain `http` on a trusted network only: whoever can
    /// change the answer can hide a breach.
    #[must_use]
    pub fn base_url(mut self, mut base: Url) -> Self {
        base.set_query(None);
        base.set_fragment(None);
        self.base = Cow::Owned(base.as_str().trim_end_matches('/').to_owned());
        self
    }

    /// Names the application to the service, which asks its consumers to identify themselves;
    /// `auth-core/<version>` by default.
    #[must_use]
    pub fn user_agent(self, user_agent: HeaderValue) -> Self {
        Self { user_agent, ..self }
    }

    async fn range(&self, prefix: &str) -> Result<Bytes, PortError> {
        let request = Request::get(format!("{}/range/{prefix}", self.base))
            .header(USER_AGENT, &self.user_agent)
            .header("add-padding", "true")
            .body(Bytes::new())
            .map_err(|error| PortError::new(PORT, error))?;
        let response = self.client.send(request).await.map_err(|error| PortError::new(PORT, error))?;
        if response.status() != StatusCode::OK {
            return Err(PortError::new(PORT, format!("status {}", response.status().as_u16())));
        }
        let body = response.into_body();
        if body.len() > MAX_RESPONSE_BYTES {
            return Err(PortError::new(PORT, "the answer is larger than 1 MiB"));
        }
        Ok(body)
    }
}

#[async_trait]
impl<C: HttpClient> BreachList for PwnedPasswords<C> {
    async fn contains(&self, password: &Password) -> Result<bool, PortError> {
        let hash = sha1_hex(password.expose());
        let (prefix, suffix) = hash.split_at(PREFIX_CHARS);
        let body = self.range(prefix).await?;
        appears_in(&body, suffix.as_bytes()).ok_or_else(|| PortError::new(PORT, "the answer is no list of hashes"))
    }
}

impl<C> fmt::Debug for PwnedPasswords<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The base URL may carry credentials of a mirror.
        f.write_str("PwnedPasswords")
    }
}

/// The hash under which the list files a password, in upper-case hexadecimal. Wiped like the password:
/// an unsalted SHA-1 is reversed in no time.
fn sha1_hex(password: &str) -> Zeroizing<String> {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let nibbles = hash.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    let mut hex = Zeroizing::new(String::with_capacity(HASH_CHARS));
    hex.extend(
        nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).map(|digit| digit.to_ascii_uppercase()),
    );
    hex
}

/// Whether the list has the suffix with a count above zero; zero marks padding. `None` when the body is not
/// wholly a list: an error page, or one cut short, must not read as "not breached".
fn appears_in(body: &[u8], suffix: &[u8]) -> Option<bool> {
    let mut found = false;
    let mut lines = 0_usize;
    for line in body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        let (listed, count) = read_line(line)?;
        // Neither the comparison nor the loop ends early, so the time tells nothing about the password.
        found |= verify_slices_are_equal(&listed, suffix).is_ok() & (count > 0);
        lines += 1;
    }
    (lines > 0).then_some(found)
}

/// One line: 35 hexadecimal digits, a colon, a decimal count.
fn read_line(line: &[u8]) -> Option<([u8; HASH_CHARS - PREFIX_CHARS], u64)> {
    let (listed, rest) = line.split_first_chunk()?;
    let count = rest.strip_prefix(b":")?;
    if !listed.iter().all(u8::is_ascii_hexdigit) || !count.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count = std::str::from_utf8(count).ok()?.parse().ok()?;
    Some((listed.map(|digit| digit.to_ascii_uppercase()), count))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    /// SHA-1 of `password` without its first five digits, 5BAA6.
    const PASSWORD: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
    const OTHER: &str = "0018A45C4D1DEF81644B54AB7F969B88D65";

    /// Answers with one response and keeps what was sent.
    struct Canned {
        status: u16,
        body: String,
        sent: Mutex<Vec<Request<Bytes>>>,
    }

    impl Canned {
        fn new(status: u16, body: impl Into<String>) -> Self {
            Self { status, body: body.into(), sent: Mutex::default() }
        }
    }

    #[async_trait]
    impl HttpClient for Canned {
        async fn send(&self, request: Request<Bytes>) -> Result<http::Response<Bytes>, PortError> {
            self.sent.lock().unwrap().push(request);
            Ok(http::Response::builder().status(self.status).body(Bytes::from(self.body.clone())).unwrap())
        }
    }

    struct Down;

    #[async_trait]
    impl HttpClient for Down {
        async fn send(&self, _: Request<Bytes>) -> Result<http::Response<Bytes>, PortError> {
            Err(PortError::new("HTTP client", "connection refused"))
        }
    }

    async fn answer(status: u16, body: impl Into<String>) -> Result<bool, PortError> {
        PwnedPasswords::new(Canned::new(status, body)).contains(&Password::new("password")).await
    }

    #[tokio::test]
    async fn a_listed_password_is_found_among_others() {
        assert!(answer(200, format!("{OTHER}:1\r\n{PASSWORD}:10434004\r\n{OTHER}:2")).await.unwrap());
        assert!(answer(200, format!("{}:3\n", PASSWORD.to_lowercase())).await.unwrap());
        assert!(!answer(200, format!("{OTHER}:1\r\n{OTHER}:2\r\n")).await.unwrap());
    }

    #[tokio::test]
    async fn padding_with_count_zero_is_ignored() {
        assert!(!answer(200, format!("{OTHER}:7\r\n{PASSWORD}:0")).await.unwrap());
    }

    #[tokio::test]
    async fn only_five_digits_of_the_hash_leave_the_process() {
        let list = PwnedPasswords::new(Canned::new(200, format!("{OTHER}:1")));
        list.contains(&Password::new("password")).await.unwrap();
        let sent = list.client.sent.lock().unwrap();
        let [request] = sent.as_slice() else { panic!("{} requests", sent.len()) };
        assert_eq!(request.uri(), "https://api.pwnedpasswords.com/range/5BAA6");
        assert_eq!(request.headers()["add-padding"], "true");
        assert!(request.body().is_empty());
        let shown = format!("{request:?}");
        assert!(!shown.contains("1E4C") && !shown.to_lowercase().contains("\"password"), "{shown}");
    }

    #[tokio::test]
    async fn a_mirror_is_asked_under_its_own_path_and_name() {
        let list = PwnedPasswords::new(Canned::new(200, format!("{OTHER}:1")))
            .base_url("https://mirror.example/pwned/?key=1#top".parse().unwrap())
            .user_agent(HeaderValue::from_static("shop"));
        list.contains(&Password::new("password")).await.unwrap();
        let sent = list.client.sent.lock().unwrap();
        assert_eq!(sent[0].uri(), "https://mirror.example/pwned/range/5BAA6");
        assert_eq!(sent[0].headers()[USER_AGENT], "shop");
    }

    #[tokio::test]
    async fn anything_but_a_complete_list_is_an_error() {
        let cut = format!("{OTHER}:1\r\n{}", &PASSWORD[..20]);
        for body in
            ["", "\r\n", "<html>Sign in to this network</html>", &cut, &format!("{OTHER}:"), &format!("{OTHER}:-1")]
        {
            assert_eq!(answer(200, body).await.unwrap_err().port(), "breach list", "{body}");
        }
        for status in [204, 301, 404, 429, 500] {
            assert!(answer(status, format!("{OTHER}:1")).await.is_err(), "{status}");
        }
    }

    #[tokio::test]
    async fn an_oversized_answer_is_an_error() {
        let line = format!("{OTHER}:1\r\n");
        assert!(answer(200, line.repeat(MAX_RESPONSE_BYTES / line.len() + 1)).await.is_err());
    }

    #[tokio::test]
    async fn an_outage_is_an_error_that_shows_no_password() {
        let error = PwnedPasswords::new(Down).contains(&Password::new("hunter2-hunter2")).await.unwrap_err();
        assert_eq!(error.to_string(), "the breach list failed");
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(body in any::<Vec<u8>>()) {
            let _ = appears_in(&body, PASSWORD.as_bytes());
        }
    }
}
