//! The engine's side of HTTP: endpoints written once, one pipeline for all of them.
//!
//! Start reading at [`Endpoint`], then [`dispatch`]. Adapters convert their framework's request into
//! [`Incoming`] and the answer back, and know nothing else.

mod client_ip;
mod cookie;
mod correlation;
mod cors;
mod credential;
mod csrf;
mod dispatch;
mod endpoint;
mod field;
mod gateway_errors;
mod input;
mod limits;
mod link;
mod origin;
mod page;
mod reply;
mod token_cookie;
mod token_text;

pub use crate::base::escape_html;

pub(crate) use client_ip::counting_unit;
pub use client_ip::{ForwardingHeader, TrustedProxies};
pub use cookie::CookieConfig;
pub(crate) use cookie::{
    clear_session_cookie, drop_kept_session, forget_session, give_session, is_marked_browser, kept_sessions,
    mark_browser, put_into_use,
};
pub(crate) use correlation::correlation_id;
pub(crate) use cors::CorsPolicy;
pub use cors::{Cors, preflight, request_origin, share};
pub use credential::CredentialSource;
pub(crate) use credential::{Credential, authenticate, renew_cookie, shown_session, slide};
pub use csrf::CsrfToken;
pub use dispatch::{Incoming, dispatch, enforce, finish, in_span, misplaced, not_found, refusal};
pub use endpoint::{Endpoint, Route};
pub use gateway_errors::GatewayErrors;
pub use input::{Media, read_json};
pub(crate) use input::{flag, shows_nothing};
pub use link::LinkReply;
pub(crate) use link::{Onward, is_navigation, unauthorized};
pub use origin::expect_origin;
pub(crate) use origin::{TrustedOrigins, is_bare_origin, is_loopback};
pub(crate) use page::PlainPages;
pub use page::{Form, Page, Pages, Step};
pub use reply::{Done, ErrorRenderer, Html, Json, NoContent, ProtocolErrors, Reply, ResponseTransformer};
pub(crate) use token_cookie::{
    TokenJar, clear_access_cookie, clear_token_cookies, delivery, expect_csrf, give_csrf_token, give_refresh_token,
    give_tokens, has_token_cookies, refresh_cookie, refresh_cookies,
};
pub use token_text::{ShownToken, TokenText};
