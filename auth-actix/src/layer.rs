//! The middleware: judges a request before its handler and finishes its response.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::HttpMessage;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::middleware::Next;
use auth_core::guard::{AccessRule, check_rules};
use auth_core::http::{enforce, finish, in_span, preflight, refusal, request_origin, share};
use auth_core::{Auth, ConfigErrors, Cx};

use crate::convert;
use crate::extract::Refusal;

/// Judges everything below it by one rule, and gives handlers their [`RequestCx`](crate::RequestCx).
///
/// [`Router`](crate::Router) puts one around every route. Use it directly around a scope or resource that comes from
/// elsewhere, with `wrap`.
#[derive(Clone, Debug)]
pub struct AuthLayer {
    auth: Auth,
    rule: Arc<AccessRule>,
}

impl AuthLayer {
    /// A layer that lets through who fulfils `rule`: a [`Requirement`](auth_core::guard::Requirement), or an
    /// [`AccessRule`] that also says how far a credential is believed.
    ///
    /// # Errors
    /// [`ConfigErrors`] when nobody can fulfil it, or it asks for an unknown role guard.
    pub fn new(auth: Auth, rule: impl Into<AccessRule>) -> Result<Self, ConfigErrors> {
        let rule = rule.into();
        check_rules(&auth, [("of a layer", &rule)])?;
        Ok(Self::checked(auth, rule))
    }

    pub(crate) fn checked(auth: Auth, rule: AccessRule) -> Self {
        Self { auth, rule: Arc::new(rule) }
    }
}

impl<S, B> Transform<S, ServiceRequest> for AuthLayer
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = actix_web::Error;
    type Transform = AuthService<S>;
    type InitError = ();
    type Future = Ready<Result<AuthService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(AuthService { layer: self.clone(), inner: Rc::new(inner) }))
    }
}

/// What [`AuthLayer`] makes.
#[derive(Debug)]
pub struct AuthService<S> {
    layer: AuthLayer,
    inner: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for AuthService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>>>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (layer, inner) = (self.layer.clone(), Rc::clone(&self.inner));
        Box::pin(async move {
            // Below another layer of this engine: one request has one context, and the outer layer finishes it. What
            // another engine has proved counts for nothing here.
            let outer =
                request.extensions().get::<Arc<Cx>>().cloned().filter(|cx| cx.auth().is_same_engine(&layer.auth));
            let is_outermost = outer.is_none();
            let cx = outer.unwrap_or_else(|| Arc::new(layer.auth.cx(convert::request_info(request.request()))));
            let segments = if layer.rule.reads_path() { convert::segments(request.request()) } else { Ok(Vec::new()) };
            let answer = async {
                match enforce(&cx, &layer.rule, segments).await {
                    Err(error) => {
                        Ok::<_, actix_web::Error>(request.into_response(convert::response(refusal(&cx, &error))))
                    }
                    Ok(()) => {
                        request.extensions_mut().insert(Arc::clone(&cx));
                        // Handlers answer their own errors; one that comes here is from a middleware further in.
                        Ok(rendered(&cx, inner.call(request).await?.map_into_boxed_body()))
                    }
                }
            };
            let mut response = in_span(&cx, answer).await?;
            if is_outermost {
                let mut headers = http::HeaderMap::new();
                finish(&cx, &mut headers);
                convert::extend(response.headers_mut(), &headers);
            }
            Ok(response)
        })
    }
}

/// Renders the refusal that a handler answered with, or the one of a guard that it overlooked with `Option<…>`.
fn rendered(cx: &Cx, response: ServiceResponse) -> ServiceResponse {
    let answered =
        response.response().error().and_then(|error| error.as_error::<Refusal>()).map(|found| found.0.clone());
    let failed = response.status().is_client_error() || response.status().is_server_error();
    match answered.or_else(|| cx.refusal().filter(|_| !failed)) {
        Some(error) => response.into_response(convert::response(refusal(cx, &error))),
        None => response,
    }
}

/// Answers preflights, and says on every other answer which pages may read it.
pub(crate) async fn cors(
    auth: Auth,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, actix_web::Error> {
    if !auth.has_cors() {
        return next.call(request).await;
    }
    let asked = convert::asked(request.request());
    if let Some(response) = preflight(&auth, &asked.0, &asked.1) {
        return Ok(request.into_response(convert::response(response)));
    }
    let mut response = next.call(request).await?;
    let mut headers = http::HeaderMap::new();
    share(&auth, request_origin(&asked.1), &mut headers);
    convert::extend(response.headers_mut(), &headers);
    Ok(response)
}
