//! Which tokens count, where an issuer publishes its keys.

use auth_core::crypto::jwt::{Algorithm, JwkSet, SigningKey};
use auth_tests::loopback::{Answer, Server};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::stage::{Caller, Program, claims, signed_as, with};

const API: &str = "https://api.example";
const METADATA: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/keys";

/// An issuer on loopback, which lives beside the test.
struct Issuer {
    runtime: Runtime,
    server: Server,
}

impl Issuer {
    fn publishing(keys: &[&SigningKey]) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Server::start());
        let (origin, keys_url) = (server.origin(), format!("{}{KEYS}", server.origin()));
        server.answers(METADATA, Answer::json(&json!({ "issuer": origin, "jwks_uri": keys_url })));
        let issuer = Self { runtime, server };
        issuer.publishes(keys);
        issuer
    }

    /// For a day, as it says.
    fn publishes(&self, keys: &[&SigningKey]) {
        let set: JwkSet = keys.iter().filter_map(|key| key.public_jwk()).collect();
        let (headers, body) = ("cache-control: max-age=86400\r\n".to_owned(), serde_json::to_vec(&set).unwrap().into());
        self.server.answers(KEYS, Answer::Document { status: 200, headers, body });
    }

    fn stops(&mut self) {
        self.runtime.block_on(self.server.stop());
    }

    fn returns(&mut self) {
        self.runtime.block_on(self.server.restart());
    }

    /// A program that trusts it.
    fn program(&self, more: &[(&str, &str)]) -> Program {
        let origin = self.server.origin();
        Program::start(&[&[("AUTH_ISSUER", &*origin), ("AUTH_AUDIENCE", API)], more].concat())
    }

    fn claims(&self, changes: Value) -> Value {
        with(with(claims("acme"), json!({ "iss": self.server.origin(), "aud": API })), changes)
    }

    /// A member of `acme`, by a token under this key.
    fn member<'p>(&self, program: &'p Program, key: &SigningKey) -> Caller<'p> {
        program.by(key.sign("JWT", &self.claims(json!({}))).unwrap())
    }
}

fn key(algorithm: Algorithm, kid: &str) -> SigningKey {
    SigningKey::generate(algorithm, kid).unwrap()
}

#[test]
fn tokens_of_the_issuer_count_and_handlers_cannot_tell() {
    let keys = [key(Algorithm::Rs256, "rsa"), key(Algorithm::Es256, "ec")];
    let issuer = Issuer::publishing(&keys.each_ref());
    let program = issuer.program(&[]);
    for key in &keys {
        let me = issuer.member(&program, key).get("/me").is(200);
        let expected =
            json!({ "id": "user of acme", "email": "ada@example.com", "organizationId": "acme", "roles": [] });
        assert_eq!(me, expected);
        issuer.member(&program, key).creates("Apollo");
    }
    assert_eq!(issuer.member(&program, &keys[0]).get("/projects").is(200).as_array().unwrap().len(), 2);
    assert_eq!(issuer.server.asked(), [METADATA, KEYS]);
}

#[test]
fn whatever_is_wrong_with_a_token_it_is_401() {
    let key = key(Algorithm::Es256, "1");
    let issuer = Issuer::publishing(&[&key]);
    let program = issuer.program(&[]);
    issuer.member(&program, &key).get("/me").is(200);
    let now = claims("acme")["iat"].as_i64().unwrap();
    let expected = program.get("/me").is(401);
    for wrong in [
        json!({ "iss": "https://other.example" }),
        json!({ "iss": null }),
        json!({ "aud": "https://other.example" }),
        json!({ "aud": null }),
        json!({ "exp": now - 61 }),
        json!({ "sub": null }),
        json!({ "email": null }),
        json!({ "organizationId": null }),
        json!({ "iat": null }),
    ] {
        let token = key.sign("JWT", &issuer.claims(wrong.clone())).unwrap();
        assert_eq!(program.by(token).get("/me").is(401), expected, "{wrong}");
    }
    // Another key of the same name, and the public key taken for a shared secret.
    let forged = self::key(Algorithm::Es256, "1");
    assert_eq!(issuer.member(&program, &forged).get("/me").is(401), expected);
    let public = serde_json::to_string(&key.public_jwk().unwrap()).unwrap();
    let header = json!({ "alg": "HS256", "kid": "1" });
    let confused = signed_as(&header, &issuer.claims(json!({})), public.as_bytes());
    assert_eq!(program.by(confused).get("/me").is(401), expected);
    // What a stranger writes causes no request.
    assert_eq!(issuer.server.asked(), [METADATA, KEYS]);
}

#[test]
fn other_algorithms_are_for_who_names_them() {
    let key = key(Algorithm::EdDsa, "1");
    let issuer = Issuer::publishing(&[&key]);
    assert_eq!(issuer.member(&issuer.program(&[]), &key).get("/me").status, 401);
    let program = issuer.program(&[("AUTH_ALGORITHMS", "EdDSA, ES256")]);
    assert_eq!(issuer.member(&program, &key).get("/me").status, 200);
}

#[test]
fn the_address_of_the_keys_can_be_given() {
    let key = key(Algorithm::Es256, "1");
    let issuer = Issuer::publishing(&[&key]);
    let keys = format!("{}{KEYS}", issuer.server.origin());
    let program = issuer.program(&[("JWKS_URL", &keys)]);
    assert_eq!(issuer.member(&program, &key).get("/me").status, 200);
    assert_eq!(issuer.server.asked(), [KEYS]);
}

#[test]
fn without_keys_the_answer_is_503_until_there_are_some() {
    let key = key(Algorithm::Es256, "1");
    let mut issuer = Issuer::publishing(&[&key]);
    issuer.stops();
    // It starts all the same, and what needs no keys works.
    let program = issuer.program(&[]);
    assert_eq!(issuer.member(&program, &key).get("/me").is(503)["code"], "SERVICE_UNAVAILABLE");
    assert_eq!((program.get("/public/ping").status, program.get("/me").status), (200, 401));
    issuer.returns();
    for broken in [json!({ "keys": "none" }), json!({ "keys": [] }), json!([])] {
        issuer.server.answers(KEYS, Answer::json(&broken));
        program.advance(1);
        assert_eq!(issuer.member(&program, &key).get("/me").status, 503, "{broken}");
    }
    issuer.publishes(&[&key]);
    program.advance(1);
    assert_eq!(issuer.member(&program, &key).get("/me").status, 200);
}

#[test]
fn an_outage_is_outlived_with_the_last_keys_for_an_hour() {
    let (key, stranger) = (key(Algorithm::Es256, "1"), key(Algorithm::Es256, "2"));
    let mut issuer = Issuer::publishing(&[&key]);
    let program = issuer.program(&[]);
    let [good, strange] = [&key, &stranger].map(|key| key.sign("JWT", &issuer.claims(json!({}))).unwrap());
    let statuses = || [&good, &strange].map(|token| program.by(token.as_str()).get("/me").status);
    assert_eq!(program.by(&*good).get("/me").status, 200);
    issuer.stops();
    assert_eq!(statuses(), [200, 401]);
    program.advance(601);
    assert_eq!(statuses(), [200, 401]);
    program.advance(3500);
    assert_eq!(statuses(), [200, 401]);
    program.advance(100);
    assert_eq!(statuses(), [503, 503]);
    issuer.returns();
    program.advance(1);
    assert_eq!(statuses(), [200, 401]);
}

#[test]
fn keys_live_ten_minutes_and_a_new_one_is_found_before() {
    let (old, new) = (key(Algorithm::Es256, "old"), key(Algorithm::Es256, "new"));
    let issuer = Issuer::publishing(&[&old]);
    let program = issuer.program(&[]);
    let status = |key: &SigningKey| issuer.member(&program, key).get("/me").status;
    assert_eq!(status(&old), 200);
    program.advance(599);
    assert_eq!((status(&old), issuer.server.asked().len()), (200, 2));
    program.advance(1);
    assert_eq!((status(&old), issuer.server.asked().len()), (200, 3));
    // Whoever shows a token under a new key has the keys read again, but not more than once in 30 seconds.
    issuer.publishes(&[&new]);
    assert_eq!((status(&new), status(&old), issuer.server.asked().len()), (200, 401, 4));
    for kid in ["a", "b", "c"] {
        assert_eq!(status(&key(Algorithm::Es256, kid)), 401);
    }
    assert_eq!(issuer.server.asked().len(), 4);
}

/// What only this provider's tokens have, and what takes it away again.
struct Case {
    provider: &'static str,
    /// Below the origin of the server.
    issuer: &'static str,
    audience: &'static str,
    claims: Value,
    wrong: Value,
    roles: Value,
}

#[test]
fn each_provider_has_its_own_rules() {
    const TENANT: &str = "0190c6a0-f6f7-4c7f-8d1f-0a0b0c0d0e0f";
    let now = claims("acme")["iat"].as_i64().unwrap();
    let cases = [
        Case {
            provider: "auth0",
            issuer: "/",
            audience: API,
            claims: json!({ "aud": [API, "https://acme.auth0.com/userinfo"] }),
            wrong: json!({ "aud": ["https://acme.auth0.com/userinfo"] }),
            roles: json!([]),
        },
        Case {
            provider: "clerk",
            issuer: "",
            audience: "https://app.example, https://admin.example",
            claims: json!({ "azp": "https://admin.example", "sts": "active" }),
            wrong: json!({ "azp": "https://evil.example" }),
            roles: json!([]),
        },
        Case {
            provider: "cognito",
            issuer: "/eu-west-1_abc",
            audience: "web,app",
            claims: json!({ "token_use": "access", "client_id": "app", "cognito:groups": ["owner"] }),
            wrong: json!({ "client_id": "other" }),
            roles: json!(["owner"]),
        },
        Case {
            provider: "entra",
            issuer: "/0190c6a0-f6f7-4c7f-8d1f-0a0b0c0d0e0f/v2.0",
            audience: API,
            claims: json!({ "aud": API, "tid": TENANT, "oid": "user of acme", "roles": ["owner"] }),
            wrong: json!({ "tid": "0190c6a0-f6f7-4c7f-8d1f-0a0b0c0d0e00" }),
            roles: json!(["owner"]),
        },
        Case {
            provider: "firebase",
            issuer: "/my-project",
            audience: "my-project",
            claims: json!({ "aud": "my-project", "auth_time": now }),
            wrong: json!({ "auth_time": null }),
            roles: json!([]),
        },
        Case {
            provider: "keycloak",
            issuer: "/realms/acme",
            audience: "backoffice",
            claims: json!({ "azp": "backoffice", "typ": "Bearer", "realm_access": { "roles": ["owner"] } }),
            wrong: json!({ "typ": "ID" }),
            roles: json!(["owner"]),
        },
        Case {
            provider: "supabase",
            issuer: "/auth/v1",
            audience: "authenticated",
            claims: json!({ "aud": "authenticated", "app_metadata": { "roles": ["owner"] } }),
            wrong: json!({ "aud": "anon" }),
            roles: json!(["owner"]),
        },
    ];
    let key = key(Algorithm::Rs256, "1");
    let server = Issuer::publishing(&[&key]);
    let keys = format!("{}{KEYS}", server.server.origin());
    for case in cases {
        let issuer = format!("{}{}", server.server.origin(), case.issuer);
        let program = Program::start(&[
            ("AUTH_PROVIDER", case.provider),
            ("AUTH_ISSUER", &issuer),
            ("AUTH_AUDIENCE", case.audience),
            ("JWKS_URL", &keys),
        ]);
        let claims = with(with(claims("acme"), json!({ "iss": issuer })), case.claims);
        let me = program.by(key.sign("JWT", &claims).unwrap()).get("/me").is(200);
        assert_eq!((&me["organizationId"], &me["roles"]), (&json!("acme"), &case.roles), "{}", case.provider);
        let wrong = key.sign("JWT", &with(claims, case.wrong)).unwrap();
        assert_eq!(program.by(wrong).get("/me").status, 401, "{}", case.provider);
    }
}
