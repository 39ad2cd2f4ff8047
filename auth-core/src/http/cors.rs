//! Which pages of other origins may read what this program answers (Cross-Origin Resource Sharing, Fetch Standard
//! §3.3).
//!
//! It is written here and not taken from the frameworks' own middleware, because those differ where it counts: one
//! answers a preflight with 200 and the other refuses a foreign one with 400, and both stand outside the engine's
//! answers. This says nothing of who may *call*: a page that may not read the answer can still cause a request, and
//! that is what [`expect_origin`](super::expect_origin) is for.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use super::correlation;
use super::limits;
use super::origin::TrustedOrigins;
use crate::auth::Auth;

/// What a page of another origin may send and read. Unless said otherwise: the methods GET, POST, PUT, DELETE, PATCH
/// and OPTIONS, the headers `content-type`, `authorization`, `x-csrf-token` and `x-correlation-id`, with credentials,
/// and browsers may remember it for a day.
#[derive(Clone, Debug)]
#[must_use]
pub struct Cors {
    origins: Origins,
    methods: Vec<Method>,
    headers: Vec<HeaderName>,
    exposed: Vec<HeaderName>,
    with_credentials: bool,
    max_age: Duration,
}

#[derive(Clone, Debug)]
enum Origins {
    Trusted,
    Of(Vec<String>),
    Any { insecurely: bool },
}

impl Cors {
    /// Pages of the [trusted origins](crate::AuthBuilder::trusted_origins), which may call the endpoints as well.
    pub fn of_trusted_origins() -> Self {
        Self::of(Origins::Trusted)
    }

    /// Pages of these origins: exactly (`https://app.example.com`), or all hosts below one (`https://*.example.com`). With
    /// credentials they must be [trusted](crate::AuthBuilder::trusted_origins), too.
    /// `*` alone is [any page](Self::any_origin) there is, and then with credentials it is an error.
    pub fn of_origins<T: Into<String>>(origins: impl IntoIterator<Item = T>) -> Self {
        let origins: Vec<String> = origins.into_iter().map(Into::into).collect();
        Self::of(if origins.iter().any(|origin| origin == "*") {
            Origins::Any { insecurely: false }
        } else {
            Origins::Of(origins)
        })
    }

    /// Any page there is, without credentials: what is public anyway.
    pub fn any_origin() -> Self {
        Self::of(Origins::Any { insecurely: false }).without_credentials()
    }

    /// Any page there is may act as whoever looks at it, and read the answers. For development.
    pub fn any_origin_with_credentials_insecurely() -> Self {
        Self::of(Origins::Any { insecurely: true })
    }

    fn of(origins: Origins) -> Self {
        Self {
            origins,
            methods: vec![Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS],
            headers: ["content-type", "authorization", "x-csrf-token", correlation::HEADER]
                .map(HeaderName::from_static)
                .to_vec(),
            exposed: [correlation::HEADER, "retry-after", "x-retry-after"]
                .iter()
                .chain(&limits::HEADERS)
                .map(|name| HeaderName::from_static(name))
                .collect(),
            with_credentials: true,
            max_age: Duration::from_hours(24),
        }
    }

    /// Neither cookies nor an `Authorization` header that the browser has kept come along.
    pub fn without_credentials(self) -> Self {
        Self { with_credentials: false, ..self }
    }

    /// These methods and no others.
    pub fn allow_methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        Self { methods: methods.into_iter().collect(), ..self }
    }

    /// One more header that pages may send.
    pub fn allow_header(mut self, name: HeaderName) -> Self {
        self.headers.push(name);
        self
    }

    /// One more header that pages may read.
    pub fn expose_header(mut self, name: HeaderName) -> Self {
        self.exposed.push(name);
        self
    }

    /// How long a browser may remember the answer to a preflight: a day unless said otherwise, whole seconds.
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age, ..self }
    }

    /// Checks it, and writes its headers once and for all.
    pub(crate) fn check(&self, trusted: Option<&TrustedOrigins>, problems: &mut Vec<String>) -> Option<CorsPolicy> {
        let readers = match &self.origins {
            Origins::Trusted => Readers::Of(trusted?.clone()),
            Origins::Of(origins) => match TrustedOrigins::parse(None, origins) {
                // Whoever reads an answer that is somebody's can take their session over, by a one-time token.
                Ok(parsed) if self.with_credentials && !trusted?.covers(&parsed) => {
                    problems.push(format!(
                        "CORS lets pages of {origins:?} act as whoever looks at them: name them in trusted_origins() too, or \
                         say without_credentials()"
                    ));
                    return None;
                }
                Ok(parsed) => Readers::Of(parsed),
                Err(found) => {
                    problems.extend(found.into_iter().map(|problem| problem.replace("trusted origin", "CORS origin")));
                    return None;
                }
            },
            Origins::Any { insecurely: false } if self.with_credentials => {
                problems.push(
                    "CORS lets any page act as whoever looks at it: name the origins, or say without_credentials(), \
                     or any_origin_with_credentials_insecurely()"
                        .to_owned(),
                );
                return None;
            }
            Origins::Any { .. } => Readers::All,
        };
        Some(CorsPolicy {
            readers,
            with_credentials: self.with_credentials,
            methods: list(self.methods.iter().map(Method::as_str)),
            headers: list(self.headers.iter().map(HeaderName::as_str)),
            exposed: list(self.exposed.iter().map(HeaderName::as_str)),
            max_age: HeaderValue::from(self.max_age.as_secs()),
        })
    }
}

/// Methods and header names are visible ASCII.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> HeaderValue {
    let text = names.collect::<Vec<_>>().join(", ");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// [`Cors`], checked.
#[derive(Debug)]
pub(crate) struct CorsPolicy {
    readers: Readers,
    with_credentials: bool,
    methods: HeaderValue,
    headers: HeaderValue,
    exposed: HeaderValue,
    max_age: HeaderValue,
}

#[derive(Debug)]
enum Readers {
    Of(TrustedOrigins),
    All,
}

impl CorsPolicy {
    /// Whether pages of this origin may read the answer.
    fn lets_read(&self, origin: &HeaderValue) -> bool {
        match &self.readers {
            Readers::Of(origins) => origin.to_str().is_ok_and(|origin| origins.trusts_origin(origin)),
            Readers::All => true,
        }
    }

    /// Which page may read the answer. What depends on the origin says so to caches, whichever origin it was (RFC 9110
    /// §12.5.5).
    fn share(&self, page: Option<HeaderValue>, answer: &mut HeaderMap) -> bool {
        if matches!(self.readers, Readers::All) && !self.with_credentials {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            return true;
        }
        answer.append(header::VARY, HeaderValue::from_static("origin"));
        let Some(origin) = page.filter(|origin| self.lets_read(origin)) else { return false };
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.with_credentials {
            answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        true
    }
}

/// The answer to a preflight, which is asked before a page of another origin may send what it wants to: 204, without
/// looking at credentials and without being counted. `None` for every other request, and where there is no [`Cors`].
pub fn preflight(auth: &Auth, method: &Method, request: &HeaderMap) -> Option<Response<Bytes>> {
    let cors = auth.config().cors.as_ref()?;
    let asks = request.contains_key(header::ORIGIN) && request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if *method != Method::OPTIONS || !asks {
        return None;
    }
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answer = response.headers_mut();
    if cors.share(request_origin(request), answer) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, cors.methods.clone());
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, cors.headers.clone());
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, cors.max_age.clone());
    }
    let asked = HeaderValue::from_static("access-control-request-method, access-control-request-headers");
    answer.append(header::VARY, asked);
    Some(response)
}

/// The origin of the page that sends the request, for [`share`]. A request that names two is nobody's.
pub fn request_origin(request: &HeaderMap) -> Option<HeaderValue> {
    let mut origins = request.get_all(header::ORIGIN).iter();
    origins.next().filter(|_| origins.next().is_none()).cloned()
}

/// Says on every other answer, a refusal as well, whether pages of the [origin](request_origin) may read it.
pub fn share(auth: &Auth, origin: Option<HeaderValue>, answer: &mut HeaderMap) {
    if let Some(cors) = &auth.config().cors
        && cors.share(origin, answer)
    {
        // Beside what an endpoint or the application exposes.
        answer.append(header::ACCESS_CONTROL_EXPOSE_HEADERS, cors.exposed.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(cors: &Cors) -> Result<CorsPolicy, Vec<String>> {
        let mut problems = Vec::new();
        let trusted = TrustedOrigins::parse(None, &["https://app.example.com".to_owned()]).unwrap();
        cors.check(Some(&trusted), &mut problems).ok_or(problems)
    }

    fn shared(cors: &Cors, origins: &[&str]) -> HeaderMap {
        let mut request = HeaderMap::new();
        for origin in origins {
            request.append(header::ORIGIN, origin.parse().unwrap());
        }
        let mut answer = HeaderMap::new();
        policy(cors).unwrap().share(request_origin(&request), &mut answer);
        answer
    }

    #[test]
    fn a_page_reads_what_its_origin_may() {
        let cors = Cors::of_trusted_origins();
        let answer = shared(&cors, &["https://app.example.com"]);
        assert_eq!(answer[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example.com");
        assert_eq!(answer[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(answer[header::VARY], "origin");
        let twice = ["https://app.example.com", "https://app.example.com"];
        for foreign in [&["https://evil.test"][..], &["null"], &["https://app.example.com.evil.test"], &twice, &[]] {
            let answer = shared(&cors, foreign);
            assert!(!answer.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{foreign:?}");
            assert_eq!(answer[header::VARY], "origin", "a cache would give it to others");
        }
        let answer = shared(&Cors::any_origin(), &["https://evil.test"]);
        assert_eq!(answer[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!answer.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
        let answer = shared(&Cors::any_origin_with_credentials_insecurely(), &["https://evil.test"]);
        assert_eq!(answer[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://evil.test");
    }

    #[test]
    fn any_origin_with_credentials_has_to_be_meant() {
        assert!(policy(&Cors::of_origins(["*"])).unwrap_err()[0].contains("insecurely"));
        assert!(policy(&Cors::of_origins(["https://a.test", "*"])).is_err());
        assert!(policy(&Cors::of_origins(["*"]).without_credentials()).is_ok());
        assert!(policy(&Cors::of_origins(["https://*"])).unwrap_err()[0].contains("CORS origin"));
    }

    #[test]
    fn who_reads_what_is_somebodys_is_trusted() {
        let of = |origin: &str| Cors::of_origins([origin]);
        assert!(policy(&of("https://app.example.com")).is_ok());
        for other in ["https://blog.example.com", "https://*.example.com", "http://localhost:1"] {
            assert!(policy(&of(other)).unwrap_err()[0].contains("trusted_origins()"), "{other}");
            assert!(policy(&of(other).without_credentials()).is_ok());
        }
    }
}
