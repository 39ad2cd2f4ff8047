//! An endpoint is a request type that knows its address, who may call it and what it answers.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::{Method, Response};
use serde::de::DeserializeOwned;

use super::input::{Media, RawInput, decode};
use super::reply::Reply;
use crate::cx::Cx;
use crate::error::Result;
use crate::guard::Guard;
use crate::limit::EndpointLimit;
use crate::user::Pool;

/// One operation over HTTP. The request value *is* the endpoint: its fields are what the client sends, in the path and
/// the body, or for GET in the path and the query, where text becomes numbers and flags as the fields ask. A request
/// without fields is a `struct Name {}`. Who may call it is in its type and cannot be forgotten.
///
/// ```
/// use auth_core::prelude::*;
/// use serde::Deserialize;
///
/// /// Tells the caller's own name.
/// #[derive(Deserialize)]
/// struct MyName {}
///
/// impl Endpoint for MyName {
///     const METHOD: Method = Method::GET;
///     const PATH: &'static str = "/my-name";
///     const NAME: &'static str = "my_name";
///     type Caller = CurrentUser;
///     type Reply = Json<String>;
///
///     async fn call(self, _cx: &Cx, user: CurrentUser) -> Result<Json<String>> {
///         Ok(Json(user.display_name()))
///     }
/// }
/// ```
pub trait Endpoint: DeserializeOwned + Send + 'static {
    /// The method. A known path with another method is 404.
    const METHOD: Method;
    /// The path below the base path; `{name}` stands for one segment, there are no wildcards.
    const PATH: &'static str;
    /// The name in logs and documentation, `snake_case`.
    const NAME: &'static str;
    /// The body's media types; JSON alone by default.
    const MEDIA: Media = Media::Json;
    /// Whether links out of mails lead here, or the page behind one: such a request has no header of the application's,
    /// so none is asked for that names a tenant.
    const IS_FOLLOWED: bool = false;
    /// How often one client address may call it.
    const LIMIT: EndpointLimit = EndpointLimit::ORDINARY;
    /// Who may call it.
    type Caller: Guard;
    /// What it answers.
    type Reply: Reply;

    /// Does it.
    fn call(self, cx: &Cx, caller: Self::Caller) -> impl Future<Output = Result<Self::Reply>> + Send;
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>>> + Send + 'a>>;

/// A row of the endpoint table.
#[derive(Clone)]
pub struct Route {
    method: Method,
    path: Cow<'static, str>,
    name: &'static str,
    pool: Pool,
    is_followed: bool,
    limit: EndpointLimit,
    run: for<'a> fn(&'a Cx, RawInput) -> Running<'a>,
}

impl Route {
    /// The row of an endpoint.
    pub const fn of<E: Endpoint>() -> Self {
        Self {
            method: E::METHOD,
            path: Cow::Borrowed(E::PATH),
            name: E::NAME,
            pool: Pool::User,
            is_followed: E::IS_FOLLOWED,
            limit: E::LIMIT,
            run: |cx, raw| Box::pin(run::<E>(cx, raw)),
        }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path below the base path, with `{name}` for variable segments.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whose endpoint it is: a credential of the other pool is none here.
    pub const fn pool(&self) -> Pool {
        self.pool
    }

    /// The same endpoint for customers, below `/customer`; `None` for what is the same for everybody.
    pub(crate) fn for_customers(&self) -> Option<Self> {
        let path = Cow::Owned(format!("/customer{}", self.path));
        (!self.is_for_all()).then(|| Self { path, pool: Pool::Customer, ..self.clone() })
    }

    /// Whether it says the same to everybody, other programs among them.
    pub(super) fn is_for_all(&self) -> bool {
        matches!(&*self.path, "/ok" | "/error" | "/jwks")
    }

    /// Whether links out of mails lead to it, which carry no header of the application's.
    pub(crate) const fn is_followed(&self) -> bool {
        self.is_followed
    }

    /// How often one client address may call it.
    pub(super) const fn limit(&self) -> EndpointLimit {
        self.limit
    }

    /// The name in logs.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn run<'a>(&self, cx: &'a Cx, raw: RawInput) -> Running<'a> {
        (self.run)(cx, raw)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.method, self.path, self.name)
    }
}

/// The only generic step of the pipeline: who asks, what they ask, the answer.
async fn run<E: Endpoint>(cx: &Cx, raw: RawInput) -> Result<Response<Bytes>> {
    let caller = E::Caller::check(cx).await?;
    let endpoint: E = decode(raw, E::MEDIA, cx)?;
    endpoint.call(cx, caller).await?.into_response(cx)
}
