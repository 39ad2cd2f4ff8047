//! Tokens in cookies, shown well and badly.

use std::time::Duration;

use auth_tests::{Actor, Reply};
use http::Method;

use crate::{ADA, Visit, WRONG, cut, text};

pub(crate) async fn tokens(visit: &mut Visit<'_>) {
    let browser = visit.signed_in(ADA).await;
    visit.get(&browser, "/csrf").await.ok();
    let token = text(&post(visit, &browser, "/token", "").await.ok(), "csrfToken");
    for bad in ["", WRONG, cut(&token)] {
        post(visit, &browser, "/token/refresh", bad).await.refused(403, "CSRF_TOKEN_INVALID");
    }
    let stolen = browser.copied();
    let token = text(&post(visit, &browser, "/token/refresh", &token).await.ok(), "csrfToken");
    visit.app.advance(Duration::from_secs(5));
    post(visit, &stolen, "/token/refresh", &token).await.refused(403, "CSRF_TOKEN_INVALID");
    let token = text(&visit.get(&stolen, "/csrf").await.ok(), "csrfToken");
    post(visit, &stolen, "/token/refresh", &token).await.refused(401, "UNAUTHORIZED");
    post(visit, &browser, "/token/revoke", &token).await.ok();
}

/// A `POST` of a page that asks for cookies, with the CSRF token that it has.
async fn post(visit: &mut Visit<'_>, browser: &Actor, endpoint: &str, token: &str) -> Reply {
    let path = format!("/api/auth{}{endpoint}", visit.prefix);
    let draft = browser.request(Method::POST, &path).header("x-access-token-type", "cookie");
    let reply = draft.header("x-csrf-token", token).send().await;
    visit.noted(Method::POST, endpoint, reply)
}
