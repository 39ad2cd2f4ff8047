//! Customers beside users: two pools that never meet.

use async_trait::async_trait;
use auth_core::api_key::{self, NewApiKey};
use auth_core::base::{Email, UserId};
use auth_core::customer::{self, Config};
use auth_core::error::Code;
use auth_core::guard::{AccessRule, Guard, MaybePrincipal};
use auth_core::hooks::Hooks;
use auth_core::http::enforce;
use auth_core::role;
use auth_core::user::{self, SignUp, User, user_by_email};
use auth_core::{Cx, RequestInfo, Result, Work, token};
use auth_tests::{Actor, PASSWORD, Stack, TestApp, flows};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};

flows![
    one_address_is_a_user_and_a_customer,
    a_wrong_password_of_one_does_not_lock_the_other,
    a_browser_holds_a_session_of_each,
    guards_tell_them_apart,
    a_route_that_says_nothing_is_not_for_customers,
    a_public_route_that_asks_who_it_is_meets_no_customers,
    of_rules_around_each_other_the_inner_one_says_whom_it_admits,
    what_is_for_users_is_not_done_to_customers,
    a_customer_s_token_counts_no_more_once_there_are_no_customers,
    a_session_of_one_is_nothing_to_the_endpoints_of_the_other,
    tokens_of_one_are_refused_by_the_other_and_not_used_up,
    signing_out_as_one_leaves_the_other,
    hooks_of_users_never_see_a_customer,
    an_id_of_one_is_nobody_s_in_the_other,
    a_disabled_customer_is_out_at_once,
    roles_of_a_customer_are_theirs_alone,
    without_the_setting_there_are_no_customers,
    several_sessions_of_one_pool_do_not_mix_with_the_other,
];

const ADA: &str = "ada@example.com";
const OTHER: &str = "Heron-Amber-Quartz-77";

async fn app(stack: Stack) -> TestApp {
    stack.app_with(|builder| builder.tokens(token::Config::default()).customers(Config::default())).await
}

async fn sign_up(browser: &Actor, password: &str) -> Value {
    let body = json!({"name": "Ada the customer", "email": ADA, "password": password});
    browser.auth_post("/customer/sign-up/email", body).await.ok()
}

async fn sign_in(browser: &Actor, password: &str) -> auth_tests::Reply {
    browser.auth_post("/customer/sign-in/email", json!({"email": ADA, "password": password})).await
}

/// Ada the user and Ada the customer, each in a browser of their own, the customer with another password.
async fn both(stack: Stack) -> (TestApp, Actor, Actor) {
    let app = app(stack).await;
    let user = app.signed_up(ADA).await;
    let customer = app.anon();
    sign_up(&customer, OTHER).await;
    (app, user, customer)
}

async fn one_address_is_a_user_and_a_customer(stack: Stack) {
    let (app, user, customer) = both(stack).await;
    let (of_user, of_customer) = (user.get("/principal").await.ok(), customer.get("/principal").await.ok());
    assert_ne!(of_user["id"], of_customer["id"]);
    assert_eq!((&of_user["kind"], &of_customer["kind"]), (&json!("user"), &json!("customer")));
    assert_eq!(of_customer["name"], "Ada the customer");
    // Each has a password of their own.
    app.anon().sign_in(ADA, OTHER).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    sign_in(&app.anon(), PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    sign_in(&app.anon(), OTHER).await.ok();
    // And each pool its own rule that an address is taken once.
    let body = json!({"name": "Ada", "email": ADA, "password": PASSWORD});
    let again = app.anon().auth_post("/customer/sign-up/email", body).await;
    again.refused(422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
}

async fn a_wrong_password_of_one_does_not_lock_the_other(stack: Stack) {
    let (app, ..) = both(stack).await;
    for attempt in 0..12 {
        let stranger = app.anon().from_ip(&format!("198.51.100.{attempt}"));
        sign_in(&stranger, "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    sign_in(&app.anon(), OTHER).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    app.anon().sign_in(ADA, PASSWORD).await.ok();
}

async fn a_browser_holds_a_session_of_each(stack: Stack) {
    let app = app(stack).await;
    let browser = app.signed_up(ADA).await;
    sign_up(&browser, OTHER).await;
    assert_eq!(browser.get("/users").await.ok()["kind"], "user");
    assert_eq!(browser.get("/cart").await.ok()["kind"], "customer");
    // A route that is for neither looks at the user's cookie first.
    assert_eq!(browser.get("/principal").await.ok()["kind"], "user");
    assert_eq!(browser.session().await["user"]["name"], "Ada");
    assert_eq!(browser.auth_get("/customer/get-session").await.ok()["user"]["name"], "Ada the customer");
}

async fn guards_tell_them_apart(stack: Stack) {
    let (app, user, customer) = both(stack).await;
    customer.get("/cart").await.ok();
    customer.get("/customers").await.ok();
    customer.get("/users").await.refused(403, "FORBIDDEN");
    user.get("/users").await.ok();
    user.get("/customers").await.refused(403, "FORBIDDEN");
    // There is no cookie of a customer here, and a user's is none.
    user.get("/cart").await.refused(401, "UNAUTHORIZED");
    user.bearer().get("/cart").await.refused(403, "FORBIDDEN");
    app.anon().get("/cart").await.refused(401, "UNAUTHORIZED");
}

/// Customers sign themselves up: what was written before there were any must not be theirs.
async fn a_route_that_says_nothing_is_not_for_customers(stack: Stack) {
    let (app, user, customer) = both(stack).await;
    role::define_role(&app.cx(), "PORTAL", "reader", ["reports:read"]).await.unwrap();
    let id = customer::customer_by_email(&app.cx(), &Email::parse(ADA).unwrap()).await.unwrap().unwrap().id;
    customer::grant_role(&app.cx(), id, "PORTAL", "reader").await.unwrap();
    let bearer = app.program().with_bearer(&session_token(&app.program(), "/customer").await);
    let pair = bearer.auth_post("/customer/token", json!({})).await.ok();
    let access = app.program().with_bearer(pair["accessToken"].as_str().unwrap());
    for path in ["/me", "/tenant", "/fresh", "/pair", "/stateless/session"] {
        // Their cookie is not looked at, and what they show themselves does not suffice.
        customer.get(path).await.refused(401, "UNAUTHORIZED");
        for shown in [&bearer, &access] {
            shown.get(path).await.refused(403, "FORBIDDEN");
        }
    }
    user.get("/me").await.ok();
}

/// It lets everybody in. Who asks there who it is was thinking of users.
async fn a_public_route_that_asks_who_it_is_meets_no_customers(stack: Stack) {
    let (app, user, customer) = both(stack).await;
    let bearer = app.program().with_bearer(&session_token(&app.program(), "/customer").await);
    assert_eq!(customer.get("/maybe").await.ok(), app.anon().get("/maybe").await.ok());
    bearer.get("/maybe").await.refused(403, "FORBIDDEN");
    for route in ["/products", "/shop"] {
        bearer.get(route).await.ok();
    }
    let [shown, kept] = [&bearer, &customer].map(async |actor: &Actor| actor.get("/shop").await.ok());
    let (shown, kept) = (shown.await, kept.await);
    assert!(shown == kept && shown != app.anon().get("/shop").await.ok() && shown != user.get("/shop").await.ok());
}

async fn of_rules_around_each_other_the_inner_one_says_whom_it_admits(stack: Stack) {
    let (app, ..) = both(stack).await;
    let token = session_token(&app.program(), "/customer").await;
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap());
    let request = || app.auth().cx(RequestInfo::new(Method::GET, "/cart", headers.clone(), None));
    let rule = AccessRule::default;
    let cx = request();
    enforce(&cx, &rule().public(), Ok(Vec::new())).await.unwrap();
    enforce(&cx, &rule().for_customers(), Ok(Vec::new())).await.unwrap();
    let cx = request();
    enforce(&cx, &rule().public().for_everybody(), Ok(Vec::new())).await.unwrap();
    enforce(&cx, &rule().public(), Ok(Vec::new())).await.unwrap();
    // However a handler asks.
    assert!(MaybePrincipal::check(&cx).await.unwrap_err().is(Code::Forbidden));
    assert!(cx.authentication().await.unwrap_err().is(Code::Forbidden));
    assert!(cx.tenant().await.unwrap_err().is(Code::Forbidden));
    let cx = request();
    assert!(enforce(&cx, &rule(), Ok(Vec::new())).await.unwrap_err().is(Code::Forbidden));
}

async fn what_is_for_users_is_not_done_to_customers(stack: Stack) {
    let (app, ..) = both(stack).await;
    let cx = app.cx();
    role::define_role(&cx, "ADMIN", "super_admin", ["reports:read"]).await.unwrap();
    let id = customer::customer_by_email(&cx, &Email::parse(ADA).unwrap()).await.unwrap().unwrap().id;
    let taken_for_a_user: UserId = id.to_string().parse().unwrap();
    let granted = role::grant_role(&cx, taken_for_a_user, "ADMIN", "super_admin").await;
    assert!(granted.unwrap_err().is(Code::UserNotFound));
    let key = api_key::create(&cx, NewApiKey::of_user(taken_for_a_user)).await;
    assert!(key.unwrap_err().is(Code::UserNotFound));
    assert!(user::disable_user(&cx, taken_for_a_user).await.unwrap_err().is(Code::UserNotFound));
}

async fn a_customer_s_token_counts_no_more_once_there_are_no_customers(stack: Stack) {
    let (app, ..) = both(stack).await;
    let token = session_token(&app.program(), "/customer").await;
    let pair = app.program().with_bearer(&token).auth_post("/customer/token", json!({})).await.ok();
    let without = app.restarted_with(stack.transport, |builder| builder.tokens(token::Config::default())).await;
    for credential in [&token, pair["accessToken"].as_str().unwrap()] {
        app.program().with_bearer(credential).get("/principal").await.ok();
        for path in ["/principal", "/stateless"] {
            without.program().with_bearer(credential).get(path).await.refused(401, "UNAUTHORIZED");
        }
    }
}

/// What the client of a pool keeps, as a bearer.
async fn session_token(actor: &Actor, prefix: &str) -> String {
    let password = if prefix.is_empty() { PASSWORD } else { OTHER };
    let body = json!({"email": ADA, "password": password});
    let reply = actor.auth_post(&format!("{prefix}/sign-in/email"), body).await.ok();
    reply["token"].as_str().unwrap().to_owned()
}

async fn a_session_of_one_is_nothing_to_the_endpoints_of_the_other(stack: Stack) {
    let (app, ..) = both(stack).await;
    for (own, foreign) in [("", "/customer"), ("/customer", "")] {
        let program = app.program().with_bearer(&session_token(&app.program(), own).await);
        for path in ["/list-sessions", "/list-accounts", "/token"] {
            program.auth_get(&format!("{own}{path}")).await.ok();
            program.auth_get(&format!("{foreign}{path}")).await.refused(401, "UNAUTHORIZED");
        }
        program.auth_get(&format!("{foreign}/get-session")).await.refused(401, "UNAUTHORIZED");
        let deeds = [
            ("/update-user", json!({"name": "Mallory"})),
            ("/change-password", json!({"currentPassword": OTHER, "newPassword": "Falcon-Copper-Meadow-12"})),
            ("/delete-user", json!({})),
            ("/revoke-sessions", json!({})),
            ("/token", json!({})),
        ];
        for (path, body) in deeds {
            program.auth_post(&format!("{foreign}{path}"), body).await.refused(401, "UNAUTHORIZED");
        }
        program.auth_post(&format!("{foreign}/sign-out"), json!({})).await.ok();
        program.auth_get(&format!("{own}/list-sessions")).await.ok();
    }
}

async fn tokens_of_one_are_refused_by_the_other_and_not_used_up(stack: Stack) {
    let (app, ..) = both(stack).await;
    for (own, foreign) in [("", "/customer"), ("/customer", "")] {
        let program = app.program().with_bearer(&session_token(&app.program(), own).await);
        let pair = program.auth_post(&format!("{own}/token"), json!({})).await.ok();
        let refresh = json!({"refreshToken": pair["refreshToken"]});
        let nobody = app.program();
        nobody.auth_post(&format!("{foreign}/token/refresh"), refresh.clone()).await.refused(401, "UNAUTHORIZED");
        nobody.auth_post(&format!("{foreign}/token/revoke"), refresh.clone()).await.ok();
        let access = app.program().with_bearer(pair["accessToken"].as_str().unwrap());
        access.auth_get(&format!("{foreign}/list-sessions")).await.refused(401, "UNAUTHORIZED");
        let (may, may_not) = if own.is_empty() { ("/users", "/customers") } else { ("/customers", "/users") };
        access.get(may).await.ok();
        access.get(may_not).await.refused(403, "FORBIDDEN");
        assert_eq!(access.get("/stateless").await.ok()["kind"], access.get(may).await.ok()["kind"]);
        nobody.auth_post(&format!("{own}/token/refresh"), refresh).await.ok();
    }
}

async fn signing_out_as_one_leaves_the_other(stack: Stack) {
    let app = app(stack).await;
    let browser = app.signed_up(ADA).await;
    sign_up(&browser, OTHER).await;
    browser.auth_post("/customer/sign-out", json!({})).await.ok();
    browser.get("/cart").await.refused(401, "UNAUTHORIZED");
    browser.get("/users").await.ok();
    sign_in(&browser, OTHER).await.ok();
    browser.auth_post("/sign-out", json!({})).await.ok();
    browser.get("/cart").await.ok();
    browser.get("/users").await.refused(403, "FORBIDDEN");
}

/// Gives everybody it meets a role, as one who forgot that there might be customers one day.
struct MakeAdmin;

#[async_trait]
impl Hooks for MakeAdmin {
    async fn on_signup(&self, cx: &Cx, work: &mut Work<'_>, user: &User, _: &SignUp) -> Result<()> {
        role::grant_role_within(cx, work, user.id, "ADMIN", "super_admin").await.map(drop)
    }
}

/// Names everybody it meets.
struct Shopper;

#[async_trait]
impl Hooks for Shopper {
    async fn before_signup(&self, _: &Cx, _: &mut Work<'_>, signup: &mut SignUp) -> Result<()> {
        signup.name = "A shopper".to_owned();
        Ok(())
    }
}

async fn hooks_of_users_never_see_a_customer(stack: Stack) {
    let hooked = |builder: auth_core::AuthBuilder| builder.hooks(MakeAdmin).customers(Config::default().hooks(Shopper));
    let app = stack.app_with(hooked).await;
    role::define_role(&app.cx(), "ADMIN", "super_admin", []).await.unwrap();
    let (user, customer) = (app.signed_up(ADA).await, app.anon());
    sign_up(&customer, OTHER).await;
    user.get("/staff").await.ok();
    customer.get("/staff").await.refused(403, "FORBIDDEN");
    assert_eq!(customer.get("/cart").await.ok()["name"], "A shopper");
    assert_eq!(user.get("/users").await.ok()["name"], "Ada");
}

async fn an_id_of_one_is_nobody_s_in_the_other(stack: Stack) {
    let (app, ..) = both(stack).await;
    let (cx, ada) = (app.cx(), Email::parse(ADA).unwrap());
    let user = user_by_email(&cx, &ada).await.unwrap().unwrap();
    let found = customer::customer_by_email(&cx, &ada).await.unwrap().unwrap();
    assert_ne!(user.id.as_uuid(), found.id.as_uuid());
    let (as_customer, as_user) = (
        auth_core::base::CustomerId::from_uuid(user.id.as_uuid()),
        auth_core::base::UserId::from_uuid(found.id.as_uuid()),
    );
    assert!(customer::customer_by_id(&cx, as_customer).await.unwrap().is_none());
    assert!(auth_core::user::user_by_id(&cx, as_user).await.unwrap().is_none());
    assert!(customer::disable_customer(&cx, as_customer).await.is_err());
    assert!(auth_core::user::disable_user(&cx, as_user).await.is_err());
    app.anon().sign_in(ADA, PASSWORD).await.ok();
    sign_in(&app.anon(), OTHER).await.ok();
}

async fn a_disabled_customer_is_out_at_once(stack: Stack) {
    let (app, user, customer) = both(stack).await;
    let id = customer::customer_by_email(&app.cx(), &Email::parse(ADA).unwrap()).await.unwrap().unwrap().id;
    customer::disable_customer(&app.cx(), id).await.unwrap();
    customer.get("/cart").await.refused(401, "UNAUTHORIZED");
    sign_in(&app.anon(), OTHER).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    user.get("/users").await.ok();
    customer::enable_customer(&app.cx(), id).await.unwrap();
    sign_in(&app.anon(), OTHER).await.ok();
}

async fn roles_of_a_customer_are_theirs_alone(stack: Stack) {
    let (app, user, customer) = both(stack).await;
    role::define_role(&app.cx(), "PORTAL", "reader", ["reports:read"]).await.unwrap();
    let id = customer::customer_by_email(&app.cx(), &Email::parse(ADA).unwrap()).await.unwrap().unwrap().id;
    assert!(customer::grant_role(&app.cx(), id, "PORTAL", "reader").await.unwrap());
    customer.get("/reports").await.ok();
    user.get("/reports").await.refused(403, "FORBIDDEN");
    assert!(customer::revoke_role(&app.cx(), id, "PORTAL", "reader").await.unwrap());
    customer.get("/reports").await.refused(403, "FORBIDDEN");
}

async fn without_the_setting_there_are_no_customers(stack: Stack) {
    let app = stack.app().await;
    let body = json!({"name": "Ada", "email": ADA, "password": PASSWORD});
    app.anon().auth_post("/customer/sign-up/email", body).await.nowhere();
    app.anon().auth_get("/customer/get-session").await.nowhere();
}

async fn several_sessions_of_one_pool_do_not_mix_with_the_other(stack: Stack) {
    let sessions = auth_core::session::Config::default().several_per_browser(5);
    let app = stack.app_with(|builder| builder.session(sessions).customers(Config::default())).await;
    let browser = app.signed_up(ADA).await;
    sign_up(&browser, OTHER).await;
    for (prefix, name) in [("", "Ada"), ("/customer", "Ada the customer")] {
        let listed = browser.auth_get(&format!("{prefix}/multi-session/list-device-sessions")).await.ok();
        let [row] = &**listed.as_array().unwrap() else { panic!("{listed}") };
        assert_eq!(row["user"]["name"], name);
    }
}
