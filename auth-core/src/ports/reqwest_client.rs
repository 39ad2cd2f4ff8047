//! The HTTP client that ships with the library, behind the feature `http-client`.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::HeaderValue;

use super::{HttpClient, MAX_RESPONSE_BYTES, PortError};

const PORT: &str = "HTTP client";
/// People wait for the answer.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// An [`HttpClient`] over `reqwest`: HTTP/1.1, TLS by rustls, the roots of trust of the operating system.
///
/// It keeps the contract to the letter. No redirect is followed, no cookie is kept, nothing is decompressed. An
/// exchange takes at most 5 seconds, from resolving the name to the last byte of the body, and reading ends after
/// [`MAX_RESPONSE_BYTES`]. Addresses must be `https`. A proxy that the environment names (`HTTPS_PROXY`, `NO_PROXY`) is
/// used. Each exchange has a connection of its own. It needs the tokio runtime.
///
/// ```
/// use auth_core::ports::{PwnedPasswords, ReqwestClient};
///
/// let breached = PwnedPasswords::new(ReqwestClient::new()?);
/// # Ok::<(), auth_core::ports::PortError>(())
/// ```
#[derive(Clone)]
pub struct ReqwestClient(reqwest::Client);

impl ReqwestClient {
    /// The client as described above.
    ///
    /// # Errors
    /// [`PortError`] when the system's roots of trust cannot be read.
    pub fn new() -> Result<Self, PortError> {
        Self::builder().build()
    }

    /// Another time limit, another name, or plain HTTP on a developer's machine.
    pub fn builder() -> ReqwestClientBuilder {
        ReqwestClientBuilder {
            time_limit: TIME_LIMIT,
            schemes: Schemes::HttpsOnly,
            user_agent: HeaderValue::from_static(concat!("auth-core/", env!("CARGO_PKG_VERSION"))),
        }
    }
}

impl fmt::Debug for ReqwestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client's own form tells of proxies, which may have passwords.
        f.write_str("ReqwestClient")
    }
}

#[async_trait]
impl HttpClient for ReqwestClient {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, PortError> {
        let request = request.try_into().map_err(failed)?;
        let mut response = self.0.execute(request).await.map_err(failed)?;
        let too_large = || PortError::new(PORT, format!("the answer has more than {MAX_RESPONSE_BYTES} bytes"));
        // What the other side announces may be wrong, so the bytes are counted as well.
        if response.content_length().is_some_and(|length| length > MAX_RESPONSE_BYTES as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::new(body.freeze());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

/// Without the address: a query may hold a code or a token.
fn failed(error: reqwest::Error) -> PortError {
    PortError::new(PORT, error.without_url())
}

/// Settings of a [`ReqwestClient`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ReqwestClientBuilder {
    time_limit: Duration,
    schemes: Schemes,
    user_agent: HeaderValue,
}

/// Where requests may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Schemes {
    HttpsOnly,
    PlainHttpToo,
}

impl ReqwestClientBuilder {
    /// The time that a whole exchange may take, 5 seconds by default. Requests of people wait for it.
    pub fn time_limit(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    /// How the program names itself to others, `auth-core/<version>` by default.
    pub fn user_agent(self, user_agent: HeaderValue) -> Self {
        Self { user_agent, ..self }
    }

    /// Lets requests go over plain HTTP, where whoever is on the way reads and changes them. For loopback and the
    /// private network of a developer's machine; never in production.
    pub fn allow_plain_http_insecurely(self) -> Self {
        Self { schemes: Schemes::PlainHttpToo, ..self }
    }

    /// The client with these settings.
    ///
    /// # Errors
    /// [`PortError`] when the system's roots of trust cannot be read.
    pub fn build(self) -> Result<ReqwestClient, PortError> {
        let client = reqwest::Client::builder()
            .https_only(self.schemes == Schemes::HttpsOnly)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // A connection that was kept may have been closed by the other side, and then the next request on it fails
            // for no fault of anybody's. Requests are rare: each has a connection of its own.
            .pool_max_idle_per_host(0)
            .connect_timeout(self.time_limit)
            .timeout(self.time_limit)
            .user_agent(self.user_agent)
            .build();
        client.map(ReqwestClient).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn plain_http_is_refused_before_anything_is_sent() {
        let request = http::Request::get("http://127.0.0.1:9/keys?code=s3cret").body(Bytes::new()).unwrap();
        let error = ReqwestClient::new().unwrap().send(request).await.unwrap_err();
        assert_eq!(error.to_string(), "the HTTP client failed");
        let shown = format!("{error:?}");
        assert!(shown.contains("Builder") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn debug_says_nothing_about_proxies() {
        assert_eq!(format!("{:?}", ReqwestClient::new().unwrap()), "ReqwestClient");
    }
}
