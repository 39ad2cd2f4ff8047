//! The one list of all endpoints.

use std::collections::HashSet;

use crate::config::Config;
use crate::http::Route;
use crate::{account, password, session, user};

/// The rows that are always there.
const ALWAYS: [&[Route]; 4] = [crate::status::ROUTES, user::ROUTES, session::ROUTES, account::ROUTES];

/// The rows of every configured feature, then the application's own. Two rows of one address are a problem.
pub(crate) fn routes(config: Option<&Config>, own: Vec<Route>, problems: &mut Vec<String>) -> Vec<Route> {
    let passwords = config.is_some_and(|config| config.password.is_some());
    let mut routes: Vec<Route> = ALWAYS.concat();
    if passwords {
        routes.extend_from_slice(password::ROUTES);
    }
    if config.is_some_and(|config| config.session.several.is_some()) {
        routes.extend_from_slice(session::SEVERAL_ROUTES);
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
