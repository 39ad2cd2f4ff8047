//! Whose mailbox it is: the link after signing up, and what depends on it.

use std::time::Duration;

use auth_core::email;
use auth_core::guard::Tenancy;
use auth_core::http::{ForwardingHeader, TrustedProxies};
use auth_tests::{Actor, Mailbox, PASSWORD, Stack, TestApp, flows};
use http::Method;
use serde_json::{Value, json};

flows![
    a_link_proves_the_mailbox_once,
    a_link_goes_on_to_where_it_was_asked_to,
    a_person_sees_a_page_first_and_nothing_happens,
    the_button_of_the_page_proves_the_mailbox,
    a_newer_link_kills_the_older_one_and_an_expired_one_says_so,
    strangers_are_told_nothing_and_the_owner_everything,
    only_an_account_that_is_not_proved_gets_mail,
    a_mailbox_is_not_filled,
    whoever_must_prove_their_mailbox_has_no_session_before,
    signing_up_with_a_taken_address_looks_like_signing_up,
    a_proof_opens_a_session_where_that_is_wanted,
    an_address_of_a_refused_provider_is_refused,
    without_a_mailer_there_are_no_such_endpoints,
    links_are_on_the_configured_address_whatever_the_request_says,
    a_link_is_followed_without_the_header_that_names_the_tenant,
];

const ADA: &str = "ada@example.com";

async fn app(stack: Stack) -> (TestApp, Mailbox) {
    app_with(stack, email::Config::default().verify_at_sign_up()).await
}

async fn app_with(stack: Stack, config: email::Config) -> (TestApp, Mailbox) {
    let mail = Mailbox::default();
    (stack.app_with(|builder| mail.connect(builder).email(config)).await, mail)
}

async fn is_verified(actor: &Actor) -> bool {
    actor.session().await["user"]["emailVerified"].as_bool().unwrap()
}

async fn a_link_proves_the_mailbox_once(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    assert!(!is_verified(&ada).await);
    let path = mail.path(&app, "verify-email", ADA).await;
    assert!(path.starts_with("/api/auth/verify-email?token=ve_"), "{path}");
    // Elsewhere than where they signed up, and without a session.
    let followed = app.anon().get(&path).await;
    assert_eq!(followed.ok(), json!({"status": true, "user": null}));
    assert!(is_verified(&ada).await && followed.set_cookies().is_empty());
    app.anon().get(&path).await.refused(401, "INVALID_TOKEN");
    assert!(app.events().take().contains(&"email_verified"));
}

async fn a_link_goes_on_to_where_it_was_asked_to(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    mail.take(&app).await;
    let body = json!({"email": ADA, "callbackURL": "/welcome?from=mail#top"});
    app.anon().auth_post("/send-verification-email", body).await.ok();
    let path = mail.path(&app, "verify-email", ADA).await;
    let followed = app.anon().get(&path).await;
    assert_eq!((followed.status.as_u16(), followed.header("location")), (302, Some("/welcome?from=mail#top")));
    assert!(followed.text().is_empty());
    let again = app.anon().get(&path).await;
    assert_eq!(again.header("location"), Some("/welcome?from=mail&error=INVALID_TOKEN#top"));
    // A link is not believed to say where to go on to.
    let foreign = path.replace("%2Fwelcome%3Ffrom%3Dmail%23top", "https%3A%2F%2Fevil.test");
    app.anon().get(&foreign).await.refused(403, "INVALID_CALLBACK_URL");
    let body = json!({"email": ADA, "callbackURL": "//evil.test"});
    app.anon().auth_post("/send-verification-email", body).await.refused(403, "INVALID_CALLBACK_URL");
}

/// A browser, or whatever pretends to be one: a scanner of a mail server, a preview, a browser that fetches ahead.
async fn opened(app: &TestApp, path: &str) -> auth_tests::Reply {
    app.anon().request(Method::GET, path).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8").send().await
}

async fn a_person_sees_a_page_first_and_nothing_happens(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    let path = mail.path(&app, "verify-email", ADA).await;
    let page = opened(&app, &path).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(
        page.text().contains(ADA) && page.text().contains("<form method=\"post\" action=\"/api/auth/verify-email\">")
    );
    assert!(!page.text().contains("<script") && page.header("cache-control") == Some("no-store"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
    for (name, value) in
        [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("sec-fetch-mode", "navigate")]
    {
        let ahead = app.anon().request(Method::GET, &path).header(name, value).send().await;
        assert!(ahead.text().contains("<form"), "{name}: {value}");
    }
    assert!(!is_verified(&ada).await);
    let odd = opened(&app, "/api/auth/verify-email?token=ve_nonsense").await;
    assert_eq!(odd.status.as_u16(), 401);
    assert!(odd.text().contains("INVALID_TOKEN") && odd.header("content-type") == Some("text/html; charset=utf-8"));
    // A picture in another page is none, nor is a scanner that calls itself a browser.
    for (name, value) in [("sec-fetch-mode", "no-cors"), ("user-agent", "Mozilla/5.0 (compatible; MailScanner)")] {
        let odd = app.anon();
        let odd = odd.request(Method::GET, &path).header(name, value).send().await;
        assert!(odd.text().contains("<form"), "{name}: {value}");
    }
    let foreign = app.anon();
    let foreign =
        foreign.request(Method::GET, &path).header("sec-fetch-mode", "cors").header("origin", "https://evil.test");
    assert!(foreign.send().await.text().contains("<form"));
    assert!(!is_verified(&ada).await);
    // A script is a program.
    let script = app.anon();
    let script = script.request(Method::GET, &path).header("accept", "text/html").header("sec-fetch-mode", "cors");
    script.send().await.ok();
    assert!(is_verified(&ada).await);
}

async fn the_button_of_the_page_proves_the_mailbox(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    let token = mail.token(&app, "verify-email", ADA).await;
    let press = async |origin: &str, form: String| {
        let presser = app.anon();
        let draft = presser
            .request(Method::POST, "/api/auth/verify-email")
            .header("origin", origin)
            .header("accept", "text/html");
        draft.body("application/x-www-form-urlencoded", form).send().await
    };
    press("https://evil.test", format!("token={token}")).await.refused(403, "INVALID_ORIGIN");
    assert!(!is_verified(&ada).await);
    let pressed = press(app.auth().base_url(), format!("token={token}&callbackURL=%2Fnext")).await;
    assert_eq!((pressed.status.as_u16(), pressed.header("location")), (303, Some("/next")));
    assert!(is_verified(&ada).await);
    let again = press(app.auth().base_url(), format!("token={token}")).await;
    assert!(again.status.as_u16() == 401 && again.text().contains("INVALID_TOKEN"));
}

async fn a_newer_link_kills_the_older_one_and_an_expired_one_says_so(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    let older = mail.path(&app, "verify-email", ADA).await;
    app.anon().auth_post("/send-verification-email", json!({"email": ADA})).await.ok();
    let newer = mail.path(&app, "verify-email", ADA).await;
    app.anon().get(&older).await.refused(401, "INVALID_TOKEN");
    app.advance(Duration::from_hours(1));
    app.anon().get(&newer).await.refused(401, "TOKEN_EXPIRED");
    assert!(!is_verified(&ada).await);
}

async fn strangers_are_told_nothing_and_the_owner_everything(stack: Stack) {
    let (app, mail) = app(stack).await;
    let ada = app.signed_up(ADA).await;
    mail.take(&app).await;
    let mut answers = Vec::new();
    for email in [ADA, "nobody@example.com"] {
        answers.push(app.anon().auth_post("/send-verification-email", json!({"email": email})).await.essence());
    }
    assert_eq!(answers[0], answers[1]);
    let body = json!({"email": "grace@example.com"});
    ada.auth_post("/send-verification-email", body).await.refused(400, "EMAIL_MISMATCH");
    let path = mail.path(&app, "verify-email", ADA).await;
    app.anon().get(&path).await.ok();
    ada.auth_post("/send-verification-email", json!({"email": ADA})).await.refused(400, "EMAIL_ALREADY_VERIFIED");
    app.anon()
        .auth_post("/send-verification-email", json!({"email": "no address"}))
        .await
        .refused(400, "VALIDATION_ERROR");
}

async fn only_an_account_that_is_not_proved_gets_mail(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    let path = mail.path(&app, "verify-email", ADA).await;
    app.anon().get(&path).await.ok();
    app.signed_up("disabled@example.com").await;
    mail.take(&app).await;
    let id = app.user_id("disabled@example.com").await;
    auth_core::user::disable_user(&app.cx(), id).await.unwrap();
    for email in [ADA, "disabled@example.com", "nobody@example.com"] {
        app.anon().auth_post("/send-verification-email", json!({"email": email})).await.ok();
    }
    assert_eq!(mail.take(&app).await, Vec::<Value>::new());
}

/// Nor is the link worth less that is out when somebody asks again and again.
async fn a_mailbox_is_not_filled(stack: Stack) {
    let proxies = TrustedProxies::parse(["192.0.2.0/24"], ForwardingHeader::XForwardedFor).unwrap();
    let mail = Mailbox::default();
    let app = stack.app_with(|builder| mail.connect(builder).trusted_proxies(proxies)).await;
    let ada = app.signed_up(ADA).await;
    let ask = async |from: &str, email: &str| {
        let stranger = app.anon();
        let draft = stranger.request(Method::POST, "/api/auth/send-verification-email").header("x-forwarded-for", from);
        draft.json(&json!({"email": email})).send().await
    };
    // One client may ask five times, whosever mailbox it is; and so may others, up to ten together.
    for email in [ADA, "nobody@example.com"] {
        for _ in 0..5 {
            ask("198.51.100.1", email).await.ok();
        }
        let refused = ask("198.51.100.1", email).await;
        assert!(refused.refused(429, "TOO_MANY_ATTEMPTS").header("retry-after").is_some());
    }
    for client in 2..5 {
        for _ in 0..3 {
            ask(&format!("198.51.100.{client}"), ADA).await.ok();
        }
    }
    let sent = mail.take(&app).await;
    assert_eq!(sent.len(), 10);
    let mut good = 0;
    for message in sent {
        let path = message["url"].as_str().unwrap().strip_prefix(app.auth().base_url()).unwrap().to_owned();
        good += usize::from(app.anon().get(&path).await.status.is_success());
    }
    assert_eq!(good, 1);
    assert!(is_verified(&ada).await);
    // Nor does one client have mail sent to everybody.
    for number in 0..60 {
        let reply = ask("198.51.100.9", &format!("victim{number}@example.com")).await;
        if reply.status.as_u16() == 429 {
            return;
        }
    }
    panic!("one client has mail sent to everybody");
}

async fn whoever_must_prove_their_mailbox_has_no_session_before(stack: Stack) {
    let (app, mail) = app_with(stack, email::Config::default().require_verified()).await;
    let ada = app.anon();
    let reply = ada.sign_up(ADA).await;
    assert_eq!((&reply.ok()["token"], reply.set_cookies().len()), (&Value::Null, 0));
    assert_eq!(reply.ok()["user"]["email"], ADA);
    ada.sign_in(ADA, PASSWORD).await.refused(403, "EMAIL_NOT_VERIFIED");
    ada.sign_in(ADA, "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    let path = mail.path(&app, "verify-email", ADA).await;
    app.anon().get(&path).await.ok();
    ada.sign_in(ADA, PASSWORD).await.ok();
    assert!(is_verified(&ada).await);
}

async fn signing_up_with_a_taken_address_looks_like_signing_up(stack: Stack) {
    let (app, mail) = app_with(stack, email::Config::default().require_verified()).await;
    app.anon().sign_up(ADA).await.ok();
    mail.take(&app).await;
    let former = app.user_id(ADA).await;
    app.tap().take_calls();
    let taken = app.anon().sign_up(ADA).await;
    let asked_of_taken = app.tap().take_calls();
    mail.one(&app, "account-exists", ADA).await;
    app.tap().take_calls();
    let free = app.anon().sign_up("new@example.com").await;
    let asked_of_free = app.tap().take_calls();
    assert_eq!(taken.snapshot().replace(ADA, "x"), free.snapshot().replace("new@example.com", "x"));
    assert_eq!(asked_of_taken.len(), asked_of_free.len(), "{asked_of_taken:?}\n{asked_of_free:?}");
    assert_eq!(app.user_id(ADA).await, former);
    assert_ne!(taken.ok()["user"]["id"], former.to_string());
    // The stranger's password opens nothing.
    mail.one(&app, "verify-email", "new@example.com").await;
    app.anon().sign_in(ADA, "Another-Password-77").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
}

/// In the browser in which it was asked for: elsewhere, whoever follows the link may be somebody else than whoever
/// knows the password of the account.
async fn a_proof_opens_a_session_where_that_is_wanted(stack: Stack) {
    let config = || email::Config::default().require_verified().sign_in_after_verification();
    let (app, mail) = app_with(stack, config()).await;
    let ada = app.anon();
    ada.sign_up(ADA).await.ok();
    assert_eq!(ada.cookie(), None);
    let path = mail.path(&app, "verify-email", ADA).await;
    ada.get(&path).await.ok();
    assert!(ada.is_signed_in().await && is_verified(&ada).await);
    assert_eq!(ada.get("/principal").await.ok()["method"], "magic-link");
    // Their password is theirs still.
    app.anon().sign_in(ADA, PASSWORD).await.ok();

    let eve = app.anon();
    eve.sign_up("grace@example.com").await.ok();
    let path = mail.path(&app, "verify-email", "grace@example.com").await;
    let grace = app.anon();
    assert_eq!(grace.get(&path).await.ok(), json!({"status": true, "user": null}));
    assert_eq!(grace.cookie(), None);
}

async fn an_address_of_a_refused_provider_is_refused(stack: Stack) {
    let (app, mail) = app_with(stack, email::Config::default().refuse_domains(["trash.example"])).await;
    app.anon().sign_up("a@in.trash.example").await.refused(422, "EMAIL_NOT_ALLOWED");
    let ada = app.signed_up(ADA).await;
    let body = json!({"newEmail": "a@trash.example"});
    ada.auth_post("/change-email", body).await.refused(422, "EMAIL_NOT_ALLOWED");
    assert!(mail.take(&app).await.is_empty());
}

async fn without_a_mailer_there_are_no_such_endpoints(stack: Stack) {
    let (app, ada) = stack.signed_up(ADA).await;
    for path in
        ["/send-verification-email", "/change-email", "/request-password-reset", "/reset-password", "/verify-email"]
    {
        ada.auth_post(path, json!({})).await.nowhere();
    }
    app.anon().auth_get("/verify-email?token=x").await.nowhere();
    app.anon().auth_get("/delete-user/callback?token=x").await.nowhere();
    app.anon().auth_get("/reset-password/x?callbackURL=%2F").await.nowhere();
}

/// A poisoned link would carry the token to whoever asked for it.
async fn links_are_on_the_configured_address_whatever_the_request_says(stack: Stack) {
    let (app, mail) = app(stack).await;
    app.signed_up(ADA).await;
    mail.take(&app).await;
    let names = [
        "host",
        "x-forwarded-host",
        "forwarded",
        "x-original-host",
        "x-forwarded-server",
        "x-host",
        "x-forwarded-proto",
        "x-forwarded-port",
    ];
    let values = ["evil.test", "localhost:3000@evil.test", "localhost:3000.evil.test", "evil.test#", "host=evil.test"];
    for name in names {
        for value in values {
            let stranger = app.anon();
            let draft = stranger.request(Method::POST, "/api/auth/send-verification-email").header(name, value);
            let reply = draft.json(&json!({"email": ADA, "callbackURL": "/next"})).send().await;
            // A server may refuse a host that is none.
            if reply.status.is_success() {
                for message in mail.take(&app).await {
                    let url = message["url"].as_str().unwrap();
                    assert!(
                        url.starts_with("http://localhost:3000/api/auth/verify-email?token=ve_"),
                        "{name}: {value}: {url}"
                    );
                    assert!(!url.contains("evil"), "{url}");
                }
            }
        }
        app.advance(Duration::from_mins(15));
    }
}

/// A mail cannot carry it.
async fn a_link_is_followed_without_the_header_that_names_the_tenant(stack: Stack) {
    let mail = Mailbox::default();
    let tenancy = Tenancy::default().header("x-tenant").header_always();
    let config = email::Config::default().verify_at_sign_up();
    let app = stack.app_with(|builder| mail.connect(builder).email(config).tenancy(tenancy)).await;
    app.anon().sign_up(ADA).await.refused(400, "TENANT_REQUIRED");
    let body = json!({"name": "Ada", "email": ADA, "password": PASSWORD});
    let draft = app.anon();
    draft.request(Method::POST, "/api/auth/sign-up/email").header("x-tenant", "acme").json(&body).send().await.ok();
    let path = mail.path(&app, "verify-email", ADA).await;
    app.anon().get(&path).await.ok();
}
