//! Nobody is sent from here to somebody else: every spelling of a foreign address, wherever an address is taken.

use auth_core::account::Lockout;
use auth_core::http::escape_html;
use auth_core::magic_link;
use auth_tests::{Actor, Mailbox, PASSWORD, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::{Value, json};

use crate::DAY;

flows![
    no_spelling_of_a_foreign_address_is_taken_anywhere,
    the_page_of_a_link_shows_where_it_leads_as_text_alone,
    no_host_of_a_request_gets_into_a_link,
];

const ADA: &str = "ada@example.com";

/// What some browser, proxy or program might take for an address elsewhere; or for a script.
const FOREIGN: [&str; 27] = [
    "//evil.test",
    "/\\evil.test",
    "/%2f%2fevil.test",
    "/%5cevil.test",
    "/%252f%252fevil.test",
    "/.//evil.test",
    "/a/%2e%2e//evil.test",
    "//localhost:3000@evil.test",
    // Parsers of addresses leave tabs and line ends out; a line end in a header begins another one.
    "/\t/evil.test",
    "/a\r\nlocation: https://evil.test",
    "/\0/evil.test",
    " //evil.test",
    // Full-width slashes, which become slashes where text is normalised.
    "\u{ff0f}\u{ff0f}evil.test",
    "",
    "https://evil.test",
    "HTTPS://EVIL.TEST",
    "https:evil.test",
    "http://localhost:3000@evil.test",
    "http://localhost:3000.evil.test",
    "http://localhost:3000\\@evil.test",
    // Nearly our own.
    "https://localhost:3000",
    "http://localhost:30000",
    "http://127.0.0.1:3000",
    "javascript:alert(1)",
    "data:text/html,x",
    "blob:http://localhost:3000/x",
    "myapp://evil",
];

/// Ours, and yet full of what means something in HTML.
const ODD: [&str; 4] =
    ["/a\"><script>x</script>", "/a'onmouseover='x", "/a?\"><img/src=x/onerror=x>", "/a#</form><form/action=x>&lt;"];

/// Ada, with the tokens of all links that lead somewhere in the end, none of them used.
struct Links {
    app: TestApp,
    mail: Mailbox,
    /// A session that is too old for delicate things, and another one.
    old: Actor,
    fresh: Actor,
    verify: String,
    reset: String,
    magic: String,
    delete: String,
}

async fn links(stack: Stack) -> Links {
    let mail = Mailbox::default();
    let magic_links = magic_link::Config::default();
    let app = stack.app_with(|builder| mail.connect(builder).magic_links(magic_links)).await;
    let old = app.signed_up(ADA).await;
    app.advance(DAY);
    let fresh = app.signed_in(ADA).await;
    let asked = async |path: &str, kind: &str| {
        app.anon().auth_post(path, json!({"email": ADA})).await.ok();
        mail.token(&app, kind, ADA).await
    };
    let verify = asked("/send-verification-email", "verify-email").await;
    let reset = asked("/request-password-reset", "reset-password").await;
    let magic = asked("/sign-in/magic-link", "magic-link").await;
    old.auth_post("/delete-user", json!({})).await.ok();
    let delete = mail.token(&app, "delete-user", ADA).await;
    Links { app, mail, old, fresh, verify, reset, magic, delete }
}

/// A field of a request that says where to go on to.
struct Place {
    who: Actor,
    path: String,
    /// What is sent besides; `None` for a GET.
    body: Option<Value>,
    field: &'static str,
    refusal: &'static str,
}

impl Place {
    fn of(who: &Actor, path: impl Into<String>, body: Option<Value>, field: &'static str) -> Self {
        let refusal = match field {
            "callbackURL" => "INVALID_CALLBACK_URL",
            "redirectTo" => "INVALID_REDIRECT_URL",
            "errorCallbackURL" => "INVALID_ERROR_CALLBACK_URL",
            "newUserCallbackURL" => "INVALID_NEW_USER_CALLBACK_URL",
            other => panic!("{other} says nothing of where to go"),
        };
        Self { who: who.clone(), path: path.into(), body, field, refusal }
    }

    async fn tried(&self, target: &str) -> Reply {
        match &self.body {
            Some(body) => {
                let mut body = body.clone();
                body[self.field] = target.into();
                self.who.auth_post(&self.path, body).await
            }
            None => self.who.auth_get(&with(&self.path, self.field, target)).await,
        }
    }
}

/// The path with a parameter, of which every byte is encoded.
fn with(path: &str, name: &str, value: &str) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}{name}={}", encoded(value))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl Links {
    /// Eight bodies, and then the four links.
    fn places(&self) -> [Place; 12] {
        let Self { app, old, fresh, verify, reset, magic, delete, .. } = self;
        let (anon, ada) = (app.anon(), || Some(json!({"email": ADA})));
        let change = json!({"newEmail": "ada@elsewhere.example"});
        let sign_up = json!({"name": "Grace", "email": "grace@example.com", "password": PASSWORD});
        [
            Place::of(&anon, "/send-verification-email", ada(), "callbackURL"),
            Place::of(&anon, "/request-password-reset", ada(), "redirectTo"),
            Place::of(&anon, "/sign-in/magic-link", ada(), "callbackURL"),
            Place::of(&anon, "/sign-in/magic-link", ada(), "errorCallbackURL"),
            Place::of(&anon, "/sign-in/magic-link", ada(), "newUserCallbackURL"),
            Place::of(fresh, "/change-email", Some(change), "callbackURL"),
            Place::of(old, "/delete-user", Some(json!({})), "callbackURL"),
            Place::of(&anon, "/sign-up/email", Some(sign_up), "callbackURL"),
            Place::of(&anon, format!("/verify-email?token={verify}"), None, "callbackURL"),
            Place::of(&anon, format!("/reset-password/{reset}"), None, "callbackURL"),
            Place::of(&anon, format!("/magic-link/verify?token={magic}"), None, "callbackURL"),
            Place::of(fresh, format!("/delete-user/callback?token={delete}"), None, "callbackURL"),
        ]
    }
}

async fn no_spelling_of_a_foreign_address_is_taken_anywhere(stack: Stack) {
    let links = links(stack).await;
    let (app, places) = (&links.app, links.places());
    let mut tried = 0;
    for place in &places {
        for target in FOREIGN {
            app.tap().take_calls();
            let reply = place.tried(target).await;
            let what = format!("{} {} {target:?}: {}", place.path, place.field, reply.text());
            assert_eq!((reply.status.as_u16(), &*reply.code()), (403, place.refusal), "{what}");
            assert_eq!((reply.header("location"), reply.set_cookies().len()), (None, 0), "{what}");
            assert!(app.tap().access_writes().is_empty(), "{what}");
            tried += 1;
        }
    }
    assert_eq!(tried, 27 * 12);
    assert_eq!(links.mail.take(app).await, Vec::<Value>::new());
    assert_eq!((app.sessions(ADA).await.len(), app.find_user("grace@example.com").await), (2, None));
    // And every link is as good as it was.
    for place in places.iter().filter(|place| place.body.is_none()) {
        let reply = place.tried("/next").await;
        let location = reply.header("location").unwrap_or_default().replace(&format!("?token={}", links.reset), "");
        assert_eq!((reply.status.as_u16(), &*location), (302, "/next"), "{}: {}", place.path, reply.text());
    }
    assert_eq!(app.find_user(ADA).await, None);
}

async fn the_page_of_a_link_shows_where_it_leads_as_text_alone(stack: Stack) {
    let links = links(stack).await;
    let (app, anon) = (&links.app, links.app.anon());
    // As a person sees it, for whom nothing happens yet.
    let opened = async |who: &Actor, path: &str| {
        let page = who.request(Method::GET, &format!("/api/auth{path}")).header("accept", "text/html").send().await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        page
    };
    let callback = |path: String, target: &str| with(&path, "callbackURL", target);
    let all = |path: String, target: &str| {
        let path = with(&callback(path, target), "newUserCallbackURL", target);
        with(&path, "errorCallbackURL", target)
    };
    for odd in ODD {
        let paths = |target: &str| {
            [
                (&anon, callback(format!("/verify-email?token={}", links.verify), target)),
                (&anon, all(format!("/magic-link/verify?token={}", links.magic), target)),
                (&links.fresh, callback(format!("/delete-user/callback?token={}", links.delete), target)),
            ]
        };
        for ((who, plain), (_, path)) in paths("/plain").into_iter().zip(paths(odd)) {
            let (plain, page) = (opened(who, &plain).await, opened(who, &path).await);
            assert!(plain.text().contains("value=\"/plain\"") && !page.text().contains(odd), "{path}: {}", page.text());
            assert_eq!(page.text().replace(&escape_html(odd), "/plain"), plain.text(), "{path}");
            assert!(!page.text().contains("<script") && !page.text().contains("<img"), "{}", page.text());
            let policy = page.header("content-security-policy");
            assert_eq!((policy, policy.is_some()), (plain.header("content-security-policy"), true), "{path}");
        }
    }
    // The same out of a mail, and the button then leads there and writes no page.
    let ask = json!({"email": ADA, "callbackURL": ODD[0]});
    app.anon().auth_post("/send-verification-email", ask).await.ok();
    let path = links.mail.path(app, "verify-email", ADA).await;
    assert!(!path.contains(['"', '<', '>', '\'']), "{path}");
    let page = opened(&anon, path.strip_prefix("/api/auth").unwrap()).await;
    assert!(page.text().contains("value=\"/a&quot;&gt;&lt;script&gt;x&lt;/script&gt;\""), "{}", page.text());
    let token = path.split(['=', '&']).nth(1).unwrap();
    let press = anon.request(Method::POST, "/api/auth/verify-email").header("accept", "text/html");
    let form = format!("token={token}&callbackURL={}", encoded(ODD[0]));
    let pressed = press.body("application/x-www-form-urlencoded", form).send().await;
    assert_eq!((pressed.status.as_u16(), pressed.header("location")), (303, Some(ODD[0])));
    assert!(pressed.text().is_empty());
}

/// Where a request says that it was sent to.
const HOST_HEADERS: [&str; 5] = ["host", "x-forwarded-host", "x-original-host", "x-host", "forwarded"];
const HOSTS: [&str; 8] = [
    "evil.test",
    "evil.test:443",
    "EVIL.TEST.",
    "api.example.com.evil.test",
    "api.example.com@evil.test",
    "api.example.com, evil.test",
    "https://evil.test/",
    "[::1]:80.evil.test",
];

async fn no_host_of_a_request_gets_into_a_link(stack: Stack) {
    let mail = Mailbox::default();
    let app = stack
        .app_with(|builder| {
            let builder = mail.connect(builder).magic_links(magic_link::Config::default());
            builder.lockout(Lockout::disabled_insecurely())
        })
        .await;
    app.signed_up(ADA).await;
    let own = format!("{}/api/auth/", app.auth().base_url());
    let mut tried = 0;
    for name in HOST_HEADERS {
        for host in HOSTS {
            let value = if name == "forwarded" { format!("host=\"{host}\";proto=http") } else { host.to_owned() };
            for (path, kind) in [
                ("/send-verification-email", "verify-email"),
                ("/request-password-reset", "reset-password"),
                ("/sign-in/magic-link", "magic-link"),
            ] {
                let anon = app.anon();
                let ask = anon.request(Method::POST, &format!("/api/auth{path}")).header(name, &value);
                ask.json(&json!({"email": ADA})).send().await.ok();
                let message = mail.one(&app, kind, ADA).await;
                let url = message["url"].as_str().unwrap();
                assert!(
                    url.starts_with(&own) && !message.to_string().to_lowercase().contains("evil"),
                    "{value}: {url}"
                );
                // Nor where the link leads in the end, which is nowhere here: to no page, or to one that is not there.
                let followed = anon.request(Method::GET, url.strip_prefix(app.auth().base_url()).unwrap());
                let page = followed.header(name, &value).header("accept", "text/html").send().await;
                let location = page.header("location").unwrap_or_default().to_owned();
                assert!(!format!("{location} {}", page.text()).to_lowercase().contains("evil"), "{value}: {location}");
            }
            tried += 1;
        }
    }
    assert_eq!(tried, 40);
}
