//! Reading an issuer's keys over HTTP: where they are, and what may be believed of the answer.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderValue, Request, Response, StatusCode};
use serde::Deserialize;
use url::Url;

use super::freshness::Freshness;
use crate::base::{Timestamp, json};
use crate::crypto::jwt::{Algorithm, JwkSet};
use crate::issuer::keys::KeySet;
use crate::ports::{HttpClient, PortError};

const PORT: &str = "issuer's key set";
/// What issuers publish has a few KiB.
const MOST_DOCUMENT_BYTES: usize = 256 * 1024;
/// OpenID Connect Discovery 1.0 §4.
const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

/// Where the keys of an issuer are, and over what way.
pub(super) struct Source {
    pub(super) client: Arc<dyn HttpClient>,
    pub(super) place: Place,
    pub(super) schemes: Schemes,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) key_issuers: KeyIssuers,
    /// Over everything that has to be read.
    pub(super) time_limit: Duration,
}

/// Where the keys are.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// At this address.
    At(Url),
    /// The issuer's metadata says it.
    Discovered {
        issuer: String,
        /// Where the metadata is.
        metadata: Url,
        /// The hosts, apart from the issuer's own, on which keys may be: `host`, or `host:port`.
        hosts: Vec<String>,
    },
}

/// Whether plain HTTP is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schemes {
    HttpsOnly,
    PlainHttpToo,
}

/// Whether the set says which key is good for whose tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyIssuers {
    Read,
    Ignored,
}

/// Keys that were read.
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    pub(super) freshness: Freshness,
    /// Where they were.
    pub(super) found_at: Url,
}

impl Source {
    /// Reads the keys at `known`, or at the place that is to be found first. At least one of them can be used.
    pub(super) async fn fetch(&self, known: Option<Url>, now: Timestamp) -> Result<Fetched, PortError> {
        let fetch = async {
            let found_at = match known {
                Some(known) => known,
                None => self.locate().await?,
            };
            self.read_keys(found_at, now).await
        };
        let in_time = tokio::time::timeout(self.time_limit, fetch).await;
        in_time.unwrap_or_else(|_| Err(failed(format!("no answer within {:?}", self.time_limit))))
    }

    async fn locate(&self) -> Result<Url, PortError> {
        let (issuer, metadata, hosts) = match &self.place {
            Place::At(url) => return Ok(url.clone()),
            Place::Discovered { issuer, metadata, hosts } => (issuer, metadata, hosts),
        };
        let answer = self.get(metadata).await?;
        let found: Metadata = json::parse_object(answer.body()).map_err(failed)?;
        // OpenID Connect Discovery 1.0 §4.3: the attack is metadata of another issuer, with that one's keys.
        if found.issuer != *issuer {
            return Err(failed("the metadata is that of another issuer"));
        }
        let url = Url::parse(&found.jwks_uri).map_err(failed)?;
        if !self.schemes.allow(&url) {
            return Err(failed("the metadata does not name an https address of keys"));
        }
        if host_and_port(&url) != host_and_port(metadata) && !hosts.iter().any(|host| is_on(&url, host)) {
            return Err(failed("the metadata names an address of keys on another host"));
        }
        Ok(url)
    }

    async fn read_keys(&self, url: Url, now: Timestamp) -> Result<Fetched, PortError> {
        let answer = self.get(&url).await?;
        let set = JwkSet::parse(answer.body()).map_err(failed)?;
        let mut keys = KeySet::published(&set, &self.algorithms);
        if keys.is_empty() {
            return Err(failed("none of its keys can be used"));
        }
        if self.key_issuers == KeyIssuers::Read {
            let mut issuers = key_issuers(answer.body())?;
            for key in keys.iter_mut() {
                key.issuer = key.key.kid().and_then(|kid| issuers.remove(kid));
            }
        }
        Ok(Fetched { keys, freshness: Freshness::of(answer.headers(), now), found_at: url })
    }

    /// Any answer but a 200 of a reasonable size is none. A redirect would let the other side choose where we ask.
    async fn get(&self, url: &Url) -> Result<Response<Bytes>, PortError> {
        let request = Request::get(url.as_str()).header(ACCEPT, HeaderValue::from_static("application/json"));
        let answer = self.client.send(request.body(Bytes::new()).map_err(failed)?).await?;
        if answer.status() != StatusCode::OK {
            return Err(failed(format!("status {}", answer.status().as_u16())));
        }
        if answer.body().len() > MOST_DOCUMENT_BYTES {
            return Err(failed(format!("the answer has more than {MOST_DOCUMENT_BYTES} bytes")));
        }
        Ok(answer)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Place {
    /// Where the metadata of an issuer is: a slash at the end of the issuer is not doubled (Discovery 1.0 §4).
    pub(super) fn discovered(issuer: &str, hosts: Vec<String>) -> Result<Self, url::ParseError> {
        let metadata = Url::parse(&format!("{}{DISCOVERY_PATH}", issuer.trim_end_matches('/')))?;
        Ok(Self::Discovered { issuer: issuer.to_owned(), metadata, hosts })
    }
}

impl Schemes {
    /// Whether the address is one that may be asked: with a host, and without a password that would end up in logs.
    pub(super) fn allow(self, url: &Url) -> bool {
        let is_allowed = match url.scheme() {
            "https" => true,
            "http" => self == Self::PlainHttpToo,
            _ => false,
        };
        is_allowed && url.has_host() && url.username().is_empty() && url.password().is_none()
    }
}

/// The members of the metadata that we need (Discovery 1.0 §3).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

fn host_and_port(url: &Url) -> (Option<&str>, Option<u16>) {
    (url.host_str(), url.port_or_known_default())
}

/// Whether an address is on this host: on its usual port, unless the host is given with another one.
fn is_on(url: &Url, host: &str) -> bool {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    url.host_str().is_some_and(|name| host.eq_ignore_ascii_case(&format!("{name}{port}")))
}

/// Which key is good for whose tokens: `issuer` of each key of a set that was read already.
fn key_issuers(document: &[u8]) -> Result<HashMap<String, String>, PortError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Key>,
    }
    #[derive(Deserialize)]
    struct Key {
        kid: Option<String>,
        issuer: Option<String>,
    }
    let set: Set = json::parse_object(document).map_err(failed)?;
    Ok(set.keys.into_iter().filter_map(|key| key.kid.zip(key.issuer)).collect())
}

fn failed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PortError {
    PortError::new(PORT, cause)
}
