//! Without a framework: what an adapter does, in as few lines as it can be said.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::error::Code;
use auth_core::guard::{
    AccessRule, CurrentCustomer, CurrentPrincipal, CurrentSession, CurrentUser, Fresh, Guard, MaybePrincipal, Member,
    RequestContext, RequirePermission, RequireRole, Requirement, Tenant, permission, public, signed_in,
};
use auth_core::http::{
    Incoming, Json, Reply, Route, dispatch, enforce, finish, not_found, preflight, read_json, refusal, request_origin,
    share,
};
use auth_core::session::SessionCheck;
use auth_core::{Auth, Cx, RequestInfo, Result};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response};
use serde_json::Value;

use super::Transport;
use crate::routes::{self, REMEMBERED, ReadReports, SuperAdmin};

#[derive(Debug)]
pub(super) struct Core {
    auth: Auth,
    application: Vec<Rule>,
}

/// A route of the application.
struct Rule {
    method: Method,
    path: &'static str,
    rule: AccessRule,
    answer: Answer,
}

/// Where the answer comes from.
#[derive(Clone, Copy)]
enum Answer {
    Handler(fn(Arc<Cx>) -> BoxFuture<'static, Result<Value>>),
    /// What stands in the path.
    Segment,
    /// The body.
    Invitation,
}

/// What stands in the named segments of a path.
type Segments = Vec<(String, String)>;

impl Core {
    pub(super) fn new(auth: Auth) -> Self {
        Self { auth, application: application() }
    }

    async fn endpoint(&self, path: &str, request: Request<Bytes>, peer: IpAddr) -> Response<Bytes> {
        let matched = |row: &Route| captured(row.path(), path).map(|captured| (row.clone(), captured));
        let (rows, captured): (Vec<Route>, Vec<_>) = self.auth.routes().iter().filter_map(matched).unzip();
        let (parts, body) = request.into_parts();
        let fits = body.len() <= self.auth.body_limit();
        let incoming = Incoming {
            method: parts.method,
            headers: parts.headers,
            query: parts.uri.query().map(str::to_owned),
            path_params: captured.into_iter().next().unwrap_or_default(),
            peer: Some(peer),
            body: if fits { Ok(body) } else { Err(Code::PayloadTooLarge.into()) },
        };
        dispatch(&self.auth, &rows, incoming).await
    }

    async fn handler(&self, rule: &Rule, segments: Segments, request: Request<Bytes>, peer: IpAddr) -> Response<Bytes> {
        let info = RequestInfo::new(request.method().clone(), rule.path, request.headers().clone(), Some(peer));
        let cx = Arc::new(self.auth.cx(info));
        let outcome = match enforce(&cx, &rule.rule, Ok(segments.clone())).await {
            Ok(()) => match rule.answer {
                Answer::Handler(handler) => handler(Arc::clone(&cx)).await,
                Answer::Segment => Ok(routes::account(&segments[0].1)),
                Answer::Invitation => read_json(&cx, request.body()).map(|invitation| routes::invite(&invitation)),
            },
            Err(refused) => Err(refused),
        };
        let mut response = match outcome {
            Ok(value) => Json(value).into_response(&cx).unwrap(),
            Err(refused) => refusal(&cx, &refused),
        };
        finish(&cx, response.headers_mut());
        response
    }
}

/// The segments that stand where the pattern has names, if the path is of it.
fn captured(pattern: &str, path: &str) -> Option<Segments> {
    let (patterns, segments): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    let mut captured = Vec::new();
    for (pattern, segment) in patterns.iter().zip(&segments) {
        match pattern.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => captured.push((name.to_owned(), (*segment).to_owned())),
            None if pattern == segment => {}
            Some(_) | None => return None,
        }
    }
    (patterns.len() == segments.len()).then_some(captured)
}

#[async_trait]
impl Transport for Core {
    async fn send(&self, request: Request<Bytes>, peer: IpAddr) -> Response<Bytes> {
        let path = request.uri().path();
        let is_routed = path.starts_with(self.auth.base_path())
            || self.application.iter().any(|rule| captured(rule.path, path).is_some());
        if is_routed && let Some(response) = preflight(&self.auth, request.method(), request.headers()) {
            return response;
        }
        let origin = request_origin(request.headers());
        let mut response = self.answer(request, peer).await;
        share(&self.auth, origin, response.headers_mut());
        response
    }
}

impl Core {
    async fn answer(&self, request: Request<Bytes>, peer: IpAddr) -> Response<Bytes> {
        let path = request.uri().path().to_owned();
        if let Some(below) = path.strip_prefix(self.auth.base_path()) {
            return self.endpoint(below, request, peer).await;
        }
        let of_method = self.application.iter().filter(|rule| rule.method == *request.method());
        match of_method.filter_map(|rule| Some((rule, captured(rule.path, &path)?))).next() {
            Some((rule, segments)) => self.handler(rule, segments, request, peer).await,
            None => not_found(),
        }
    }
}

fn principal(cx: Arc<Cx>) -> BoxFuture<'static, Result<Value>> {
    Box::pin(async move { Ok(routes::principal(&*CurrentPrincipal::check(&cx).await?)) })
}

fn customers(cx: Arc<Cx>) -> BoxFuture<'static, Result<Value>> {
    Box::pin(async move { Ok(routes::principal(&*CurrentCustomer::check(&cx).await?)) })
}

/// The routes of [`crate::routes`].
fn application() -> Vec<Rule> {
    vec![
        Rule::get("/me", signed_in(), |cx| Box::pin(async move { Ok(routes::me(&*CurrentUser::check(&cx).await?)) })),
        Rule::get("/reports", permission("reports:read"), |_| Box::pin(async { Ok(routes::reports()) }))
            .for_everybody(),
        Rule::get("/products", public(), |_| Box::pin(async { Ok(routes::products()) })),
        Rule::get("/maybe", public(), |cx| {
            Box::pin(async move { Ok(routes::who(&MaybePrincipal::check(&cx).await?)) })
        }),
        Rule::get("/fresh", signed_in(), |cx| {
            Box::pin(async move {
                let user: Fresh<CurrentUser> = Fresh::check(&cx).await?;
                Ok(routes::me(&user))
            })
        }),
        Rule::get("/staff", signed_in(), |cx| {
            Box::pin(async move { RequireRole::<SuperAdmin>::check(&cx).await.map(|_| routes::staff()) })
        })
        .for_everybody(),
        Rule::get("/pair", signed_in(), |cx| {
            Box::pin(async move {
                let both = <(RequireRole<SuperAdmin>, RequirePermission<ReadReports>)>::check(&cx).await;
                both.map(|_| routes::pair())
            })
        }),
        Rule::get("/principal", signed_in(), principal).for_everybody(),
        Rule::get("/cached", signed_in(), principal).session_check(SessionCheck::Cached(REMEMBERED)).for_everybody(),
        Rule::get("/stateless", signed_in(), principal).session_check(SessionCheck::Stateless).for_everybody(),
        Rule::get("/stateless/reports", permission("reports:read"), principal)
            .session_check(SessionCheck::Stateless)
            .for_everybody(),
        Rule::get("/stateless/session", signed_in(), |cx| {
            Box::pin(async move { Ok(routes::session(&CurrentSession::check(&cx).await?)) })
        })
        .session_check(SessionCheck::Stateless),
        Rule::get("/tenant", signed_in(), |cx| Box::pin(async move { Ok(routes::tenant(&Tenant::check(&cx).await?)) })),
        Rule::get("/member", signed_in(), |cx| Box::pin(async move { Ok(routes::member(&Member::check(&cx).await?)) })),
        Rule::get("/users", signed_in(), |cx| {
            Box::pin(async move { Ok(routes::principal(&*CurrentUser::check(&cx).await?)) })
        })
        .for_everybody(),
        Rule::get("/customers", signed_in(), customers).for_everybody(),
        Rule { rule: AccessRule::default().for_customers(), ..Rule::get("/cart", signed_in(), customers) },
        Rule {
            rule: AccessRule::default().public().for_everybody(),
            ..Rule::get("/shop", public(), |cx| {
                Box::pin(async move { Ok(routes::who(&MaybePrincipal::check(&cx).await?)) })
            })
        },
        Rule::get("/context", signed_in(), |cx| {
            Box::pin(async move { Ok(routes::context(&RequestContext::check(&cx).await?)) })
        }),
        Rule { rule: AccessRule::default().policy("id", routes::may_see()), ..Rule::account(Method::GET) },
        Rule {
            rule: AccessRule::default().require(permission("users:delete")).policy("id", routes::may_delete()),
            ..Rule::account(Method::DELETE)
        },
        Rule::limited("/imports", AccessRule::default().rate_limit(routes::imports())),
        Rule::limited("/join", AccessRule::default().public().count_as_anonymous()),
        Rule::limited("/by-client", AccessRule::default().public().rate_limit(routes::by_client())),
        Rule::limited("/by-text", AccessRule::default().rate_limit(routes::by_text())),
        Rule::limited("/by-key", AccessRule::default().rate_limit(routes::by_key())),
        Rule {
            rule: AccessRule::default().public().unlimited(),
            ..Rule::get("/health", public(), |_| Box::pin(async { Ok(routes::health()) }))
        },
        Rule {
            method: Method::POST,
            answer: Answer::Invitation,
            ..Rule::get("/invite", signed_in(), |_| Box::pin(async { Ok(routes::health()) }))
        },
        Rule {
            method: Method::POST,
            ..Rule::get("/change", signed_in(), |_| Box::pin(async { Ok(routes::changed()) }))
        },
    ]
}

impl Rule {
    fn get(
        path: &'static str,
        requirement: Requirement,
        handler: fn(Arc<Cx>) -> BoxFuture<'static, Result<Value>>,
    ) -> Self {
        Self { method: Method::GET, path, rule: requirement.into(), answer: Answer::Handler(handler) }
    }

    fn limited(path: &'static str, rule: AccessRule) -> Self {
        Self { rule, ..Self::get(path, signed_in(), |_| Box::pin(async { Ok(routes::imported()) })) }
    }

    fn account(method: Method) -> Self {
        let never = Self::get("/accounts/{id}", signed_in(), |_| Box::pin(async { Ok(routes::health()) }));
        Self { method, answer: Answer::Segment, ..never }
    }

    fn session_check(self, check: SessionCheck) -> Self {
        Self { rule: self.rule.session_check(check), ..self }
    }

    fn for_everybody(self) -> Self {
        Self { rule: self.rule.for_everybody(), ..self }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
