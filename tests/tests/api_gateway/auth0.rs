//! Tokens of Auth0 beside our own.

use auth_core::crypto::jwt::{Algorithm, JwkSet, SigningKey};
use auth_tests::loopback::{Answer, Server};
use auth_tests::with;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::refusals::{denied, forbidden, unauthorized};
use crate::stage::{ALICE, Program, claims, now, signed};

const API: &str = "https://api.example";
const USERINFO: &str = "https://acme.example/userinfo";
const KEYS: &str = "/keys";
const WELL_KNOWN: &str = "/.well-known/jwks.json";

/// A tenant of Auth0 on loopback, which lives beside the test.
struct Auth0 {
    runtime: Runtime,
    server: Server,
    key: SigningKey,
}

impl Auth0 {
    fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Server::start());
        let key = SigningKey::generate(Algorithm::Rs256, "1").unwrap();
        let set: JwkSet = key.public_jwk().into_iter().collect();
        for path in [KEYS, WELL_KNOWN] {
            server.answers(path, Answer::json(&serde_json::to_value(&set).unwrap()));
        }
        Self { runtime, server, key }
    }

    /// With the slash, as Auth0 has it.
    fn issuer(&self) -> String {
        format!("{}/", self.server.origin())
    }

    /// A program that trusts it, where all four variables are set.
    fn program(&self) -> Program {
        self.program_of(&self.issuer())
    }

    fn program_of(&self, issuer: &str) -> Program {
        let (origin, keys) = (self.server.origin(), format!("{}{KEYS}", self.server.origin()));
        Program::with(&[
            ("AUTH0_DOMAIN", &origin),
            ("AUTH0_AUDIENCE", API),
            ("AUTH0_ISSUER", issuer),
            ("JWKS_URL", &keys),
        ])
    }

    /// Without an address or a name, which are in no such token of itself.
    fn claims(&self, changes: Value) -> Value {
        let claims = json!({
            "iss": self.issuer(),
            "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
            "aud": [API, USERINFO],
            "iat": now(),
            "exp": now() + 3600,
            "azp": "client",
            "scope": "openid profile",
            "permissions": ["users:read"],
        });
        with(claims, changes)
    }

    fn token(&self, changes: Value) -> String {
        self.key.sign("JWT", &self.claims(changes)).unwrap()
    }
}

#[test]
fn its_tokens_count_with_or_without_a_name_and_ours_still_do() {
    let auth0 = Auth0::start();
    let program = auth0.program();
    let context = program.by(auth0.token(json!({}))).get("/api/context").is(200);
    assert_eq!(
        (&context["userId"], &context["email"], &context["name"], &context["permissions"]),
        (&json!("auth0|5f7c8ec7c33c6c004bbafe82"), &Value::Null, &Value::Null, &json!(["users:read"]))
    );
    let named = auth0.token(json!({ "email": "eve@example.com", "name": "Eve", "aud": API, "permissions": [] }));
    let context = program.by(named).get("/api/context").is(200);
    assert_eq!(
        (&context["email"], &context["name"], &context["permissions"]),
        (&json!("eve@example.com"), &json!("Eve"), &json!([]))
    );
    // Permissions open routes as ours do.
    assert_eq!(program.by(auth0.token(json!({}))).get("/api/users").status, 200);
    let answer = program.by(auth0.token(json!({}))).post("/api/bulk-import", &json!({ "items": [] }));
    forbidden(&answer, "Missing required permission: users:create", &["users:create"], &["users:read"]);
    // And ours: those of the program, and of whoever has the secret.
    assert_eq!(program.signed_in(ALICE).get("/api/users").status, 200);
    assert_eq!(program.by(signed(&claims())).get("/api/users").status, 200);
    // The keys were read once, and from where that was said.
    assert_eq!(auth0.server.asked(), [KEYS]);
}

#[test]
fn whatever_is_wrong_with_its_token_it_is_401() {
    let auth0 = Auth0::start();
    let program = auth0.program();
    assert_eq!(program.by(auth0.token(json!({}))).get("/api/context").status, 200);
    for wrong in [
        json!({ "iss": "https://other.example/" }),
        json!({ "iss": auth0.server.origin() }),
        json!({ "iss": null }),
        json!({ "aud": "https://other.example" }),
        json!({ "aud": [USERINFO] }),
        json!({ "aud": null }),
        json!({ "permissions": null }),
        json!({ "permissions": "users:read" }),
        json!({ "permissions": [1] }),
        json!({ "sub": null }),
        json!({ "sub": "" }),
        json!({ "exp": null }),
        json!({ "exp": now() - 61 }),
        json!({ "nbf": now() + 3600 }),
    ] {
        unauthorized(&program.by(auth0.token(wrong)).get("/api/context"));
    }
    // Another key of the same name.
    let forged = SigningKey::generate(Algorithm::Rs256, "1").unwrap();
    unauthorized(&program.by(forged.sign("JWT", &auth0.claims(json!({}))).unwrap()).get("/api/context"));
    // Whose key it is decides for whom it speaks: ours not for Auth0, theirs not for us.
    let named = json!({ "email": "eve@example.com", "name": "Eve" });
    unauthorized(&program.by(signed(&auth0.claims(named.clone()))).get("/api/context"));
    let nobodys = with(auth0.claims(named), json!({ "iss": null, "aud": null }));
    unauthorized(&program.by(auth0.key.sign("JWT", &nobodys).unwrap()).get("/api/context"));
    assert_eq!(auth0.server.asked(), [KEYS]);
}

#[test]
fn its_subjects_are_nobody_of_ours() {
    let auth0 = Auth0::start();
    let program = auth0.program();
    let alice = program.signed_in(ALICE);
    let namesake = program.by(auth0.token(json!({ "sub": alice.id, "email": ALICE, "permissions": ["users:delete"] })));
    let path = format!("/api/users/{}", alice.id);
    denied(&namesake.get(&path));
    // So it is not themselves either whom they would delete, and that is for administrators.
    denied(&namesake.delete(&path));
    assert_eq!(alice.get(&path).status, 200);
}

#[test]
fn the_issuer_is_compared_letter_by_letter_and_follows_from_the_domain() {
    let auth0 = Auth0::start();
    let origin = auth0.server.origin();
    let program = auth0.program_of(&origin);
    unauthorized(&program.by(auth0.token(json!({}))).get("/api/context"));
    assert_eq!(program.by(auth0.token(json!({ "iss": origin }))).get("/api/context").status, 200);

    let derived = Program::with(&[("AUTH0_DOMAIN", &origin), ("AUTH0_AUDIENCE", API)]);
    assert_eq!(derived.by(auth0.token(json!({}))).get("/api/context").status, 200);
    unauthorized(&derived.by(auth0.token(json!({ "iss": origin }))).get("/api/context"));
    assert_eq!(auth0.server.asked(), [KEYS, WELL_KNOWN]);
}

#[test]
fn without_its_keys_ours_count_all_the_same() {
    let mut auth0 = Auth0::start();
    let token = auth0.token(json!({}));
    auth0.runtime.block_on(auth0.server.stop());
    let program = auth0.program();
    let answer = program.by(token).get("/api/context");
    assert_eq!((answer.status, &answer.body["error"]), (503, &json!("ServiceUnavailable")));
    assert_eq!(answer.body["correlationId"].as_str(), answer.header("x-correlation-id"));
    assert_eq!(program.signed_in(ALICE).get("/api/context").status, 200);
    assert_eq!(program.by(signed(&claims())).get("/api/context").status, 200);
}
