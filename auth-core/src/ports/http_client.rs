//! The one way in which the engine makes HTTP requests.

use async_trait::async_trait;
use bytes::Bytes;

use super::PortError;

/// Largest response body that a client should read, in bytes (1 MiB). What the engine asks for is far smaller.
pub const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// Sends HTTP requests that the engine has composed.
///
/// The application wraps the client it has already, and with it its proxy, its roots of trust and its
/// metrics; or it takes `ReqwestClient`, which the feature `http-client` brings. An implementation must
/// keep this contract, since the engine relies on it:
///
/// - **No redirects are followed.** A 3xx answer is returned as it is. A followed redirect would let the
///   other side choose where the request goes, an internal address for example.
/// - **There is a time limit** over the whole exchange, connecting included; a few seconds. People wait
///   for the answer, and a request that never ends would hold theirs open.
/// - **Reading stops** after [`MAX_RESPONSE_BYTES`], with an error rather than a shortened body. The cap
///   counts decompressed bytes.
/// - **Certificates are verified**, no cookies are kept, and headers are sent as given.
/// - Every status is an answer: only a failed exchange is an error.
///
/// ```
/// use auth_core::ports::{HttpClient, PortError};
/// use bytes::Bytes;
///
/// /// Answers everything with 404, for tests.
/// struct Nowhere;
///
/// #[async_trait::async_trait]
/// impl HttpClient for Nowhere {
///     async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, PortError> {
///         let answer = http::Response::builder().status(404).body(Bytes::new());
///         answer.map_err(|error| PortError::new("HTTP client", error))
///     }
/// }
/// ```
#[async_trait]
pub trait HttpClient: Send + Sync + 'static {
    /// Sends `request`, whose URI is absolute, and returns the whole response.
    ///
    /// # Errors
    /// [`PortError`] when there was no complete answer in time or it was too large.
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, PortError>;
}
