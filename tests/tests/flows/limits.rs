//! Whoever asks too often waits: the limits of the endpoints, of all routes, and of single ones.

use std::time::Duration;

use auth_core::AuthBuilder;
use auth_core::http::{ForwardingHeader, TrustedProxies};
use auth_core::limit::{Config, Quota};
use auth_tests::{Actor, PASSWORD, Reply, Stack, TestApp, flows};
use futures_util::future::join_all;

use crate::MICROSECOND;

flows![
    somebody_who_is_known_has_one_bucket_over_all_routes,
    what_is_refused_for_want_of_a_credential_counts_by_address,
    a_public_route_counts_whoever_calls_it,
    whoever_has_an_account_is_a_stranger_where_that_is_said,
    a_route_with_a_limit_of_its_own_has_no_other,
    a_full_bucket_takes_no_place_in_another,
    a_route_without_limits_is_never_full,
    the_window_passes,
    a_forged_header_opens_no_new_bucket,
    an_ipv6_network_is_one_client,
    the_last_place_has_one_winner,
    endpoints_have_the_limits_of_the_protocol,
    a_client_that_is_refused_has_tried_nothing,
    without_counters_the_known_pass_and_the_unknown_do_not,
    processes_that_share_a_database_share_the_counters,
    nothing_is_counted_where_nothing_is_limited,
    no_method_opens_a_bucket_of_its_own,
    what_cannot_be_read_is_counted_too,
    a_route_counts_by_what_it_says,
    nobody_uses_up_what_a_route_keeps_for_others,
    a_handler_counts_by_what_it_knows,
    a_request_under_two_rules_is_counted_once,
];

const MINUTE: Duration = Duration::from_mins(1);

/// Three in a minute for whoever is signed in, two for everybody else.
fn limits() -> Config {
    Config::default().signed_in([Quota::per_minute(3).unwrap()]).anonymous([Quota::per_minute(2).unwrap()])
}

async fn limited(stack: Stack, change: impl FnOnce(AuthBuilder) -> AuthBuilder) -> TestApp {
    stack.app_with(|builder| change(builder.rate_limits(limits()))).await
}

/// Somebody who has signed up from an address of their own.
async fn signed_up(app: &TestApp, email: &str, ip: &str) -> Actor {
    let actor = app.anon().from_ip(ip);
    actor.sign_up(email).await.ok();
    actor
}

/// What a response says: the limit, what is left of it, and in how many seconds the bucket is empty again.
fn standing(app: &TestApp, reply: &Reply) -> (u64, u64, i64) {
    let number = |name: &str| reply.header(name).unwrap_or_else(|| panic!("{name} in {reply:?}")).parse().unwrap();
    let resets_at = i64::try_from(number("x-ratelimit-reset")).unwrap();
    (number("x-ratelimit-limit"), number("x-ratelimit-remaining"), resets_at - app.cx().now().as_seconds())
}

/// That there is no room for so many seconds: every header tells of the same bucket.
fn full(reply: &Reply, seconds: u64) {
    reply.refused(429, "TOO_MANY_REQUESTS");
    let date = |name: &str| reply.header(name).unwrap().parse::<u64>().unwrap();
    let start = auth_core::base::Timestamp::from_micros(1_780_000_000_123_456).as_seconds();
    assert!(date("x-ratelimit-reset") >= u64::try_from(start).unwrap() + seconds);
    for name in ["retry-after", "x-retry-after"] {
        assert_eq!(reply.header(name), Some(&*seconds.to_string()), "{name}");
    }
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("0"));
}

async fn somebody_who_is_known_has_one_bucket_over_all_routes(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    let ada = signed_up(&app, "ada@example.com", "192.0.2.1").await;
    let eve = signed_up(&app, "eve@example.com", "192.0.2.1").await;
    // The clock of tests stands within a second, and resets are rounded up.
    for (path, left) in [("/me", 2), ("/principal", 1), ("/me", 0)] {
        let reply = ada.get(path).await;
        reply.ok();
        assert_eq!(standing(&app, &reply), (3, left, 61), "{path}");
    }
    full(&ada.get("/users").await, 60);
    full(&ada.copied().from_ip("198.51.100.1").get("/me").await, 60);
    full(&ada.bearer().get("/me").await, 60);
    eve.get("/me").await.ok();
    app.anon().from_ip("192.0.2.1").get("/me").await.refused(401, "UNAUTHORIZED");
}

async fn what_is_refused_for_want_of_a_credential_counts_by_address(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    let nobody = app.anon();
    let reply = nobody.get("/me").await;
    reply.refused(401, "UNAUTHORIZED");
    assert_eq!(standing(&app, &reply), (2, 1, 61));
    nobody.with_cookie("stolen").get("/reports").await.refused(401, "UNAUTHORIZED");
    full(&app.program().with_bearer("guessed").get("/me").await, 60);
    full(&app.anon().get("/products").await, 60);
    app.anon().from_ip("198.51.100.1").get("/me").await.refused(401, "UNAUTHORIZED");
    // Whoever is known is not counted by their address.
    let ada = signed_up(&app, "ada@example.com", "198.51.100.2").await.from_ip("192.0.2.10");
    ada.get("/me").await.ok();
    // What is not allowed is counted as what is.
    ada.get("/reports").await.refused(403, "FORBIDDEN");
    ada.get("/reports").await.refused(403, "FORBIDDEN");
    full(&ada.get("/reports").await, 60);
}

/// Or one account would be enough to make a hundred others a minute.
async fn whoever_has_an_account_is_a_stranger_where_that_is_said(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    let ada = signed_up(&app, "ada@example.com", "192.0.2.1").await;
    let bearer = ada.bearer().from_ip("192.0.2.1");
    let reply = bearer.get("/join").await;
    reply.ok();
    assert_eq!(standing(&app, &reply), (2, 1, 61));
    app.anon().from_ip("192.0.2.1").get("/products").await.ok();
    for caller in [&bearer, &ada] {
        full(&caller.get("/join").await, 60);
    }
    // Everywhere else they have their own bucket, and none of it is used up.
    assert_eq!(standing(&app, &ada.get("/me").await), (3, 2, 61));
}

async fn a_public_route_counts_whoever_calls_it(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    let ada = signed_up(&app, "ada@example.com", "192.0.2.1").await;
    for left in [1, 0] {
        let reply = app.anon().get("/products").await;
        reply.ok();
        assert_eq!(standing(&app, &reply), (2, left, 61));
    }
    full(&app.anon().get("/products").await, 60);
    // A credential that is bad is none here, as everywhere on a public route.
    full(&app.anon().with_cookie("stolen").get("/products").await, 60);
    app.anon().from_ip("198.51.100.1").with_cookie("stolen").get("/products").await.ok();
    let reply = ada.get("/products").await;
    reply.ok();
    assert_eq!(standing(&app, &reply), (3, 2, 61));
}

async fn a_route_with_a_limit_of_its_own_has_no_other(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    let ada = signed_up(&app, "ada@example.com", "192.0.2.1").await;
    for _ in 0..3 {
        ada.get("/me").await.ok();
    }
    let reply = ada.get("/imports").await;
    reply.ok();
    assert_eq!(standing(&app, &reply), (2, 1, 61), "of two quotas the tightest is told");
    ada.get("/imports").await.ok();
    let reply = ada.get("/imports").await;
    full(&reply, 60);
    assert_eq!(standing(&app, &reply), (2, 0, 61), "the minute's is full, and not the hour's");
    full(&ada.get("/me").await, 60);
    app.advance(MINUTE);
    let reply = ada.get("/imports").await;
    reply.ok();
    assert_eq!(standing(&app, &reply), (3, 0, 3_541), "the hour's is the tightest now");
    full(&ada.get("/imports").await, 3_540);
}

async fn a_full_bucket_takes_no_place_in_another(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    let ada = signed_up(&app, "ada@example.com", "192.0.2.1").await;
    for _ in 0..2 {
        ada.get("/imports").await.ok();
    }
    for _ in 0..5 {
        full(&ada.get("/imports").await, 60);
    }
    app.advance(MINUTE);
    ada.get("/imports").await.ok();
}

async fn a_route_without_limits_is_never_full(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    for _ in 0..5 {
        let reply = app.anon().get("/health").await;
        reply.ok();
        assert_eq!(reply.header("x-ratelimit-limit"), None);
    }
    assert_eq!(standing(&app, &app.anon().get("/products").await).1, 1, "it was counted all the same");
}

async fn the_window_passes(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    app.anon().get("/products").await.ok();
    app.advance(MINUTE / 2);
    app.anon().get("/products").await.ok();
    for wait in [30, 20, 10] {
        full(&app.anon().get("/products").await, wait);
        app.advance(Duration::from_secs(10));
    }
    assert_eq!(standing(&app, &app.anon().get("/products").await).1, 1, "asking put the end off");
    app.advance(MINUTE - MICROSECOND);
    app.anon().get("/products").await.ok();
    full(&app.anon().get("/products").await, 1);
}

async fn a_forged_header_opens_no_new_bucket(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    let from = async |app: &TestApp, name: &'static str, value: String| {
        app.anon().request(http::Method::GET, "/products").header(name, &value).send().await.status
    };
    let mut passed = 0;
    for n in 0..20 {
        for (name, value) in [
            ("x-forwarded-for", format!("203.0.113.{n}")),
            ("forwarded", format!("for=203.0.113.{n}")),
            ("x-real-ip", format!("203.0.113.{n}")),
        ] {
            passed += usize::from(from(&app, name, value).await == 200);
        }
    }
    assert_eq!(passed, 2);
    // Behind a proxy, what it appended counts, and not what the client wrote before that.
    let proxies = TrustedProxies::parse(["192.0.2.0/24"], ForwardingHeader::XForwardedFor).unwrap();
    let app = limited(stack, |builder| builder.trusted_proxies(proxies)).await;
    for (value, status) in [
        ("203.0.113.1, 198.51.100.7", 200),
        ("203.0.113.2, 198.51.100.7", 200),
        ("203.0.113.3, 198.51.100.7", 429),
        ("198.51.100.7, 198.51.100.8", 200),
    ] {
        assert_eq!(from(&app, "x-forwarded-for", value.to_owned()).await, status, "{value}");
    }
}

async fn an_ipv6_network_is_one_client(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    for ip in ["2001:db8::1", "2001:db8::ffff:2"] {
        app.anon().from_ip(ip).get("/products").await.ok();
    }
    full(&app.anon().from_ip("2001:db8::3").get("/products").await, 60);
    app.anon().from_ip("2001:db8:0:1::1").get("/products").await.ok();
}

async fn the_last_place_has_one_winner(stack: Stack) {
    for counted in [limits(), limits().in_database()] {
        let app = stack.app_with(|builder| builder.rate_limits(counted)).await;
        app.anon().get("/products").await.ok();
        let replies = join_all((0..16).map(async |_| app.anon().get("/products").await.status)).await;
        let passed = replies.iter().filter(|status| **status == 200).count();
        let refused = replies.iter().filter(|status| **status == 429).count();
        assert_eq!((passed, refused), (1, 15));
    }
}

async fn endpoints_have_the_limits_of_the_protocol(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    signed_up(&app, "ada@example.com", "192.0.2.1").await;
    for left in [2, 1, 0] {
        let reply = app.anon().sign_in("ada@example.com", PASSWORD).await;
        reply.ok();
        assert_eq!(standing(&app, &reply), (3, left, 11));
    }
    full(&app.anon().sign_in("ada@example.com", PASSWORD).await, 10);
    app.anon().from_ip("198.51.100.1").sign_in("ada@example.com", PASSWORD).await.ok();
    // Each path has a bucket of its own, and routes of the application have others.
    app.anon().sign_up("eve@example.com").await.ok();
    app.anon().get("/products").await.ok();
    for _ in 0..100 {
        app.anon().auth_get("/get-session").await.ok();
    }
    full(&app.anon().auth_get("/get-session").await, 10);
    app.advance(Duration::from_secs(10));
    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
}

async fn a_client_that_is_refused_has_tried_nothing(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    signed_up(&app, "ada@example.com", "192.0.2.1").await;
    for _ in 0..20 {
        app.anon().sign_in("ada@example.com", "wrong").await;
    }
    app.advance(Duration::from_secs(10));
    // Three of the twenty have counted against the account, which ten would have locked.
    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
}

async fn without_counters_the_known_pass_and_the_unknown_do_not(stack: Stack) {
    let app = stack.app_with(|builder| builder.rate_limits(limits().in_database())).await;
    let ada = signed_up(&app, "ada@example.com", "192.0.2.1").await;
    app.tap().die_for("take_place");
    for _ in 0..5 {
        ada.get("/me").await.ok();
        ada.get("/products").await.ok();
        ada.get("/join").await.refused(503, "SERVICE_UNAVAILABLE");
        ada.get("/reports").await.refused(403, "FORBIDDEN");
        app.anon().get("/me").await.refused(401, "UNAUTHORIZED");
        app.anon().get("/products").await.refused(503, "SERVICE_UNAVAILABLE");
        app.anon().get("/health").await.ok();
        app.anon().auth_get("/get-session").await.ok();
        app.anon().sign_in("ada@example.com", PASSWORD).await.refused(503, "SERVICE_UNAVAILABLE");
        ada.change_password(PASSWORD, "Marble-Falcon-Quiet-77").await.refused(503, "SERVICE_UNAVAILABLE");
    }
    app.tap().revive();
    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
}

async fn processes_that_share_a_database_share_the_counters(stack: Stack) {
    let shared = |builder: AuthBuilder| builder.rate_limits(limits().in_database());
    let app = stack.app_with(shared).await;
    let other = app.restarted_with(stack.transport, shared).await;
    app.anon().get("/products").await.ok();
    other.anon().get("/products").await.ok();
    for process in [&app, &other] {
        full(&process.anon().get("/products").await, 60);
    }
}

async fn nothing_is_counted_where_nothing_is_limited(stack: Stack) {
    let app = stack.app_with(|builder| builder.rate_limits(Config::default().in_database())).await;
    let ada = signed_up(&app, "ada@example.com", "192.0.2.1").await;
    app.tap().take_calls();
    ada.get("/me").await.ok();
    assert_eq!(app.tap().take_calls(), ["session_by_token"]);
    app.anon().get("/products").await.ok();
    assert!(app.tap().take_calls().is_empty());
}

async fn no_method_opens_a_bucket_of_its_own(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    let ada = signed_up(&app, "ada@example.com", "192.0.2.1").await;
    for method in ["GET", "HEAD"] {
        let reply = ada.request(method.parse().unwrap(), "/imports").send().await;
        assert!(matches!(reply.status.as_u16(), 200 | 404 | 405), "{method}: {reply:?}");
    }
    ada.get("/imports").await;
    for method in ["GET", "A1", "A2", "POST", "PATCH"] {
        let reply = ada.request(method.parse().unwrap(), "/imports").send().await;
        assert!(matches!(reply.status.as_u16(), 404 | 405 | 429), "{method}: {reply:?}");
    }
    full(&ada.get("/imports").await, 60);
}

async fn what_cannot_be_read_is_counted_too(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    let nobody = app.anon();
    nobody.get("/accounts/%ff").await.refused(401, "UNAUTHORIZED");
    nobody.get("/accounts/1").await.refused(401, "UNAUTHORIZED");
    full(&nobody.get("/accounts/1").await, 60);
}

async fn a_route_counts_by_what_it_says(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    let ada = signed_up(&app, "ada@example.com", "192.0.2.1").await;
    // By client: whoever is signed in shares it with everybody at their address.
    for actor in [&ada, &app.anon().from_ip("192.0.2.1")] {
        actor.get("/by-client").await.ok();
    }
    full(&ada.get("/by-client").await, 60);
    ada.clone().from_ip("192.0.2.2").get("/by-client").await.ok();
    // By a text in the request, and without one by what is said of all routes.
    let by =
        async |text: &'static str| ada.request(http::Method::GET, "/by-text").header("x-device", text).send().await;
    for text in ["a", "b", "a", "b"] {
        by(text).await.ok();
    }
    full(&by("a").await, 60);
    by("c").await.ok();
    let reply = ada.get("/by-text").await;
    reply.ok();
    assert_eq!(standing(&app, &reply), (3, 2, 61));
    // By API key: each has its own, and who has none is counted as everywhere.
    let key = async || {
        let created = ada.auth_post("/api-key/create", serde_json::json!({"name": "k"})).await.ok();
        created["key"].as_str().unwrap().to_owned()
    };
    let (one, other) = (key().await, key().await);
    let with =
        async |key: &str| app.program().request(http::Method::GET, "/by-key").header("x-api-key", key).send().await;
    for key in [&one, &other, &one, &other] {
        with(key).await.ok();
    }
    full(&with(&one).await, 60);
    let nobody = app.anon().from_ip("198.51.100.9");
    for _ in 0..2 {
        nobody.get("/by-key").await.refused(401, "UNAUTHORIZED");
    }
    full(&nobody.get("/by-key").await, 60);
}

async fn nobody_uses_up_what_a_route_keeps_for_others(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    let ada = signed_up(&app, "ada@example.com", "192.0.2.1").await;
    let by = async |actor: &Actor| actor.request(http::Method::GET, "/by-text").header("x-device", "hers").send().await;
    for n in 0..4 {
        by(&app.anon().from_ip(&format!("198.51.100.{n}"))).await.refused(401, "UNAUTHORIZED");
    }
    by(&ada).await.ok();
}

async fn a_handler_counts_by_what_it_knows(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    let cx = app.cx();
    let quotas = [Quota::per_minute(2).unwrap()];
    let take = async |name, text| auth_core::limit::take(&cx, name, text, &quotas).await;
    take("reset", "ada@example.com").await.unwrap();
    take("reset", "ada@example.com").await.unwrap();
    let refused = take("reset", "ada@example.com").await.unwrap_err();
    assert_eq!((refused.retry_after_seconds(), refused.quota()), (Some(60), Some(quotas[0])));
    take("reset", "eve@example.com").await.unwrap();
    take("invite", "ada@example.com").await.unwrap();
}

async fn a_request_under_two_rules_is_counted_once(stack: Stack) {
    let app = limited(stack, |builder| builder).await;
    let cx = app.auth().cx(auth_core::RequestInfo::new(
        http::Method::GET,
        "/inner",
        http::HeaderMap::new(),
        Some("192.0.2.77".parse().unwrap()),
    ));
    let rule = auth_core::guard::AccessRule::default().public();
    for _ in 0..5 {
        auth_core::http::enforce(&cx, &rule, Ok(Vec::new())).await.unwrap();
    }
    let reply = app.anon().from_ip("192.0.2.77").get("/products").await;
    assert_eq!(standing(&app, &reply), (2, 0, 61));
}
