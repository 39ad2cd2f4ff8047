//! The middleware: judges a request before its handler and finishes its response.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use auth_core::guard::{AccessRule, check_rules};
use auth_core::http::{enforce, finish, in_span, preflight, refusal, request_origin, share};
use auth_core::{Auth, ConfigErrors, Cx};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tower_layer::Layer;
use tower_service::Service;

use crate::convert;
use crate::extract::Refusal;

/// Judges everything below it by one rule, and gives handlers their [`RequestCx`](crate::RequestCx).
///
/// [`Router`](crate::Router) puts one around every route. Use it directly around an [`axum::Router`] that comes from
/// elsewhere, with [`axum::Router::layer`].
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

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService { layer: self.clone(), inner }
    }
}

/// What [`AuthLayer`] makes.
#[derive(Clone, Debug)]
pub struct AuthService<S> {
    layer: AuthLayer,
    inner: S,
}

impl<S> Service<Request> for AuthService<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let layer = self.layer.clone();
        // The one that was polled ready must be the one that is called.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        Box::pin(async move {
            // Below another layer of this engine: one request has one context, and the outer layer finishes it. What
            // another engine has proved counts for nothing here.
            let outer =
                request.extensions().get::<Arc<Cx>>().cloned().filter(|cx| cx.auth().is_same_engine(&layer.auth));
            let is_outermost = outer.is_none();
            let cx = outer.unwrap_or_else(|| Arc::new(layer.auth.cx(convert::request_info(&request))));
            let segments = if layer.rule.reads_path() { convert::segments(&mut request).await } else { Ok(Vec::new()) };
            let answer = async {
                match enforce(&cx, &layer.rule, segments).await {
                    Ok(()) => {
                        request.extensions_mut().insert(Arc::clone(&cx));
                        Ok(rendered(&cx, inner.call(request).await?))
                    }
                    Err(error) => Ok::<_, Infallible>(convert::response(refusal(&cx, &error))),
                }
            };
            let mut response = in_span(&cx, answer).await?;
            if is_outermost {
                finish(&cx, response.headers_mut());
            }
            Ok(response)
        })
    }
}

/// Renders the refusal that a handler answered with, or the one of a guard that it overlooked with `Result<…>`.
fn rendered(cx: &Cx, mut response: Response) -> Response {
    let answered = response.extensions_mut().remove::<Refusal>().map(|Refusal(error)| error);
    let failed = response.status().is_client_error() || response.status().is_server_error();
    match answered.or_else(|| cx.refusal().filter(|_| !failed)) {
        Some(error) => convert::response(refusal(cx, &error)),
        None => response,
    }
}

/// Answers preflights, and says on every other answer which pages may read it.
pub(crate) async fn cors(State(auth): State<Auth>, request: Request, next: Next) -> Response {
    if let Some(response) = preflight(&auth, request.method(), request.headers()) {
        return convert::response(response);
    }
    let origin = request_origin(request.headers());
    let mut response = next.run(request).await;
    share(&auth, origin, response.headers_mut());
    response
}
