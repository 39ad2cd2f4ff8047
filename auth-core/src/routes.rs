//! The one list of all endpoints.

use std::collections::HashSet;

use crate::config::Config;
use crate::http::{Route, TokenJar};
use crate::{
    account, anonymous, api_key, code, email, email_otp, magic_link, password, phone, session, tenant, token, user,
    username,
};

/// The rows that are always there.
const ALWAYS: [&[Route]; 4] = [crate::status::ROUTES, user::ROUTES, session::ROUTES, account::ROUTES];

/// The rows of every configured feature, once more for customers, then the application's own. Two rows of one address
/// are a problem.
pub(crate) fn routes(
    config: Option<&Config>,
    has_customers: bool,
    own: Vec<Route>,
    problems: &mut Vec<String>,
) -> Vec<Route> {
    let mut routes: Vec<Route> = ALWAYS.concat();
    if config.is_some_and(|config| config.password.is_some()) {
        routes.extend_from_slice(password::ROUTES);
    }
    if config.is_some_and(|config| config.has_mailer) {
        routes.extend_from_slice(email::ROUTES);
        routes.extend_from_slice(user::MAIL_ROUTES);
    }
    if config.is_some_and(|config| config.has_mailer && config.password.is_some()) {
        routes.extend_from_slice(password::MAIL_ROUTES);
    }
    if config.is_some_and(|config| config.tokens.is_some()) {
        routes.extend_from_slice(token::ROUTES);
    }
    if config.is_some_and(|config| config.tenancy.keeps_members()) {
        routes.extend_from_slice(tenant::ROUTES);
    }
    if config.and_then(|config| config.token_jar.as_ref()).is_some_and(TokenJar::holds_pairs) {
        routes.extend_from_slice(token::COOKIE_ROUTES);
    }
    if config.is_some_and(|config| config.one_time_tokens.is_some()) {
        routes.extend_from_slice(code::ROUTES);
    }
    if config.is_some_and(|config| config.magic_links.is_some()) {
        routes.extend_from_slice(magic_link::ROUTES);
    }
    if config.is_some_and(|config| config.email_otps.is_some()) {
        routes.extend_from_slice(email_otp::ROUTES);
    }
    if config.is_some_and(|config| config.email_otps.is_some() && config.password.is_some()) {
        routes.extend_from_slice(email_otp::PASSWORD_ROUTES);
    }
    if config.is_some_and(|config| config.usernames.is_some() && config.password.is_some()) {
        routes.extend_from_slice(username::ROUTES);
    }
    if config.is_some_and(|config| config.phones.is_some()) {
        routes.extend_from_slice(phone::ROUTES);
    }
    if config.is_some_and(|config| config.phones.is_some() && config.password.is_some()) {
        routes.extend_from_slice(phone::PASSWORD_ROUTES);
    }
    if config.is_some_and(|config| config.anonymous.is_some()) {
        routes.extend_from_slice(anonymous::ROUTES);
    }
    if config.is_some_and(|config| config.session.several.is_some()) {
        routes.extend_from_slice(session::SEVERAL_ROUTES);
    }
    if has_customers {
        let of_customers: Vec<Route> = routes.iter().filter_map(Route::for_customers).collect();
        routes.extend(of_customers);
    }
    // Keys are for users: whom an application serves does not program it.
    if config.is_some_and(|config| config.api_keys.is_some()) {
        routes.extend_from_slice(api_key::ROUTES);
    }
    if config.is_some_and(|config| config.has_link_endpoints_only) {
        routes.retain(Route::is_followed);
    }
    routes.extend(own);
    let mut seen = HashSet::new();
    for route in &routes {
        if !route.path().starts_with('/') || route.path().contains('*') {
            problems.push(format!("the endpoint path {:?} must start with / and have no wildcard", route.path()));
        }
        if !seen.insert((route.method(), route.path())) {
            problems.push(format!("two endpoints answer {} {}", route.method(), route.path()));
        }
    }
    routes
}
