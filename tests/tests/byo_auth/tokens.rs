//! Which tokens count, where they are signed with a shared secret.

use std::path::Path;
use std::process::Command;

use http::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Program, SECRET, claims, signed, signed_as, with};

#[test]
fn a_member_is_shown_as_the_token_has_it() {
    let program = Program::with_secret();
    let me = program.member("acme").get("/me").is(200);
    let expected = json!({ "id": "user of acme", "email": "ada@example.com", "organizationId": "acme", "roles": [] });
    assert_eq!(me, expected);
    for roles in [json!(["owner", "editor"]), json!("editor owner")] {
        let token = signed(&with(claims("acme"), json!({ "roles": roles, "iss": "anybody", "jti": "1" })));
        assert_eq!(program.by(token).get("/me").is(200)["roles"], json!(["editor", "owner"]));
    }
}

#[test]
fn what_proves_nothing_gets_one_answer() {
    let program = Program::with_secret();
    let now = claims("acme")["iat"].as_i64().unwrap();
    let good = signed(&claims("acme"));
    let mut bad = vec![
        (
            "another secret",
            signed_as(&json!({ "alg": "HS256" }), &claims("acme"), b"another secret, of 32 bytes or so"),
        ),
        (
            "a changed claim",
            [signed(&claims("globex")).rsplit_once('.').unwrap().0, ".", good.rsplit_once('.').unwrap().1].concat(),
        ),
        ("no signature", format!("{}.", good.rsplit_once('.').unwrap().0)),
        ("no algorithm", signed_as(&json!({ "alg": "none" }), &claims("acme"), SECRET.as_bytes())),
        ("another algorithm", signed_as(&json!({ "alg": "HS512" }), &claims("acme"), SECRET.as_bytes())),
        ("text", "not.a.token".to_owned()),
        ("a word", "word".to_owned()),
        ("nothing", String::new()),
    ];
    for (why, changes) in [
        ("expired a second ago", json!({ "exp": now - 1 })),
        ("expires this second", json!({ "exp": now })),
        ("issued tomorrow", json!({ "iat": now + 86_400 })),
        ("not valid yet", json!({ "nbf": now + 3600 })),
        ("for somebody else", json!({ "aud": "https://other.example" })),
        ("a list of organisations", json!({ "organizationId": ["acme"] })),
        ("a blank organisation", json!({ "organizationId": " " })),
        ("an impossible organisation", json!({ "organizationId": "a b" })),
        ("an e-mail address that is none", json!({ "email": "ada" })),
        ("roles that are none", json!({ "roles": 1 })),
    ] {
        bad.push((why, signed(&with(claims("acme"), changes))));
    }
    for claim in ["sub", "email", "organizationId", "iat", "exp"] {
        bad.push((claim, signed(&with(claims("acme"), json!({ claim: null })))));
    }
    let expected = program.get("/me");
    assert_eq!(expected.headers["www-authenticate"], "Bearer");
    for (why, token) in bad {
        for path in ["/me", "/projects", "/projects/1"] {
            let answer = program.by(&*token).get(path);
            assert_eq!((answer.status, &answer.body), (401, &expected.body), "{why}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer", "{why}");
        }
    }
    // A second credential does not help, and neither does a second header.
    let [good, bad] = [format!("Bearer {good}"), format!("Bearer {good}x")];
    let two = program.send(Method::GET, "/me", &[("authorization", &good), ("authorization", &good)], "");
    let with_key = program.send(Method::GET, "/me", &[("authorization", &bad), ("x-api-key", "ak_live_1")], "");
    assert_eq!((two.status, with_key.status), (401, 401));
    assert_eq!(program.send(Method::GET, "/me", &[("authorization", &good)], "").status, 200);
}

#[test]
fn headers_of_tokens_may_say_more_but_nothing_that_changes_how_they_are_verified() {
    let program = Program::with_secret();
    let status = |more: Value| {
        let header = with(json!({ "alg": "HS256", "typ": "JWT" }), more);
        program.by(signed_as(&header, &claims("acme"), SECRET.as_bytes())).get("/me").status
    };
    for harmless in [json!({ "typ": null }), json!({ "kid": "1" }), json!({ "typ": "at+jwt" }), json!({ "ver": 2 })] {
        assert_eq!(status(harmless.clone()), 200, "{harmless}");
    }
    for dangerous in [
        json!({ "crit": ["exp"] }),
        json!({ "b64": false }),
        json!({ "jku": "https://evil.example/keys" }),
        json!({ "jwk": { "kty": "oct", "k": "AAAA" } }),
        json!({ "x5u": "https://evil.example/key" }),
        json!({ "x5c": ["AAAA"] }),
        json!({ "typ": "logout+jwt" }),
    ] {
        assert_eq!(status(dangerous.clone()), 401, "{dangerous}");
    }
}

#[test]
fn the_claim_of_the_organisation_can_have_another_name() {
    for (name, value) in [("org_id", json!({ "org_id": "acme" })), ("o.id", json!({ "o": { "id": "acme" } }))] {
        let program = Program::start(&[("JWT_SECRET", SECRET), ("CLAIM_ORGANIZATION", name)]);
        let renamed = signed(&with(with(claims("globex"), json!({ "organizationId": null })), value));
        assert_eq!(program.by(renamed).get("/me").is(200)["organizationId"], "acme");
        // The usual name means nothing any more.
        assert_eq!(program.member("globex").get("/me").status, 401);
    }
}

#[test]
fn a_token_that_names_permissions_is_limited_to_them() {
    let program = Program::with_secret();
    let id = program.member("acme").creates("Apollo");
    let statuses = |permissions: Value| {
        let caller = program.by(signed(&with(claims("acme"), json!({ "permissions": permissions }))));
        let [name, path] = [&json!({ "name": "Gemini" }), &Value::from(format!("/projects/{id}"))];
        let path = path.as_str().unwrap();
        [
            caller.get("/me"),
            caller.get("/projects"),
            caller.get(path),
            caller.post("/projects", name),
            caller.put(path, name),
        ]
        .map(|answer: Answer| answer.status)
    };
    assert_eq!(statuses(json!(["projects:read"])), [200, 200, 200, 403, 403]);
    assert_eq!(statuses(json!("projects:write")), [200, 403, 403, 201, 200]);
    assert_eq!(statuses(json!([])), [200, 403, 403, 403, 403]);
    assert_eq!(statuses(json!(["reports:read"])), [200, 403, 403, 403, 403]);
    assert_eq!(statuses(json!(["projects:read", "projects:write"])), [200, 200, 200, 201, 200]);

    let remover = program.by(signed(&with(claims("acme"), json!({ "permissions": ["projects:delete"] }))));
    assert_eq!(remover.get("/projects").status, 403);
    assert_eq!(remover.delete(&format!("/projects/{id}")).status, 204);
}

#[test]
fn public_routes_look_at_no_credential() {
    let program = Program::with_secret();
    for path in ["/public/ping", "/health", "/"] {
        assert_eq!(program.get(path).status, 200, "{path}");
        assert_eq!(program.by("not.a.token").get(path).status, 200, "{path}");
        assert_eq!(program.send(Method::GET, path, &[("x-api-key", "nonsense")], "").status, 200, "{path}");
    }
    let health = program.get("/health").is(200);
    assert_eq!((&health["status"], health["version"].is_string()), (&json!("ok"), true));
    assert_eq!(program.get("/nowhere").status, 404);
}

#[test]
fn neither_tokens_nor_the_secret_are_logged() {
    let program = Program::start(&[("JWT_SECRET", SECRET), ("RUST_LOG", "trace")]);
    let good = signed(&claims("acme"));
    let bad = signed(&with(claims("acme"), json!({ "organizationId": null })));
    program.by(&*good).creates("Apollo");
    let refused = program.by(&*bad).get("/me").is(401).to_string();
    assert!(!refused.contains("organi"), "{refused}");
    let log = program.into_log();
    // Why, and nothing of the token.
    assert!(log.contains("the claim organizationId is missing"), "{log}");
    for secret in [SECRET, &good, &bad, good.rsplit_once('.').unwrap().1] {
        assert!(!log.contains(secret));
    }
}

#[test]
fn the_script_makes_a_token_to_try() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/byo-auth/token.sh");
    if !Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success()) {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "openssl is missing");
        eprintln!("SKIPPED: the script needs openssl, which is not installed");
        return;
    }
    let output = Command::new("sh").arg(&script).args(["ada@example.com", "acme"]).env("JWT_SECRET", SECRET).output();
    let token = String::from_utf8(output.unwrap().stdout).unwrap();
    let me = Program::with_secret().by(token.trim()).get("/me").is(200);
    assert_eq!((&me["id"], &me["organizationId"]), (&json!("ada@example.com"), &json!("acme")));
    let refused = Command::new("sh").arg(&script).env_remove("JWT_SECRET").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}
