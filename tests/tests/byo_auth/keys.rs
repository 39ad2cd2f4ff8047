//! API keys: what they open, for whom, and until when.

use std::time::Duration;

use auth_core::base::{Clock, SystemClock};
use http::Method;
use serde_json::{Value, json};

use crate::stage::{Caller, Program, SECRET, claims, signed, with};

/// A key, and its id.
fn key(maker: &Caller<'_>, permissions: Value) -> (String, String) {
    let created = maker.post("/keys", &json!({ "name": "nightly", "permissions": permissions })).is(201);
    [&created["key"], &created["id"]].map(|text| text.as_str().unwrap().to_owned()).into()
}

#[test]
fn a_key_speaks_for_its_organisation_in_the_name_of_its_maker() {
    let program = Program::with_secret();
    let ada = program.member("acme");
    let created = ada.post("/keys", &json!({ "name": "nightly", "permissions": "read" })).is(201);
    let secret = created["key"].as_str().unwrap();
    assert!(secret.starts_with("ak_live_"));
    let me = program.with_key(secret).get("/me").is(200);
    assert_eq!(me, json!({ "id": "user of acme", "email": null, "organizationId": "acme", "roles": [] }));
    // Once and never again.
    let list = ada.get("/keys").is(200);
    assert!(!list.to_string().contains(&secret[8..]), "{list}");
    let shown = &list.as_array().unwrap()[0];
    assert_eq!(
        (&shown["id"], &shown["name"], &shown["madeBy"]),
        (&created["id"], &json!("nightly"), &json!("user of acme"))
    );
    assert_eq!((&shown["permissions"], &shown["expiresAt"]), (&json!({ "projects": ["read"] }), &Value::Null));
    assert!(shown["lastUsedAt"].is_string());
    let answer = ada.post("/keys", &json!({ "name": "another", "permissions": "read" }));
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[test]
fn a_key_may_do_what_it_was_given() {
    let program = Program::with_secret();
    let ada = program.member("acme");
    let statuses = |permissions: Value| {
        let path = format!("/projects/{}", ada.creates("Apollo"));
        let key = program.with_key(&key(&ada, permissions).0);
        let name = json!({ "name": "Gemini" });
        let (list, one) = (key.get("/projects").status, key.get(&path).status);
        let (create, rename) = (key.post("/projects", &name).status, key.put(&path, &name).status);
        [list, one, create, rename, key.delete(&path).status]
    };
    assert_eq!(statuses(json!("read")), [200, 200, 403, 403, 403]);
    assert_eq!(statuses(json!("write")), [403, 403, 201, 200, 204]);
    assert_eq!(statuses(json!("full")), [200, 200, 201, 200, 204]);
    assert_eq!(statuses(json!({ "projects": ["read"] })), [200, 200, 403, 403, 403]);
    assert_eq!(statuses(json!({ "projects": ["write"] })), [403, 403, 201, 200, 204]);
    assert_eq!(statuses(json!({ "projects": ["delete", "read"] })), [200, 200, 403, 403, 204]);
}

#[test]
fn a_key_never_manages_keys() {
    let program = Program::with_secret();
    let ada = program.member("acme");
    let (secret, id) = key(&ada, json!("full"));
    let program_of_acme = program.with_key(&secret);
    let body = json!({ "name": "mine", "permissions": "read" });
    assert_eq!(program_of_acme.post("/keys", &body).is(403)["code"], "FORBIDDEN");
    assert_eq!(
        (program_of_acme.get("/keys").status, program_of_acme.delete(&format!("/keys/{id}")).status),
        (403, 403)
    );
    // Nor is it given to one.
    for permissions in [json!({ "keys": ["manage"] }), json!({ "keys": ["read"] }), json!("manage")] {
        assert_eq!(ada.post("/keys", &json!({ "name": "mine", "permissions": permissions })).status, 400);
    }
    assert_eq!(ada.get("/keys").is(200).as_array().unwrap().len(), 1);
}

#[test]
fn keys_stay_within_their_organisation() {
    let program = Program::with_secret();
    let (ada, eve) = (program.member("acme"), program.member("globex"));
    let (secret, id) = key(&ada, json!("full"));
    let (apollo, vostok) = (ada.creates("Apollo"), eve.creates("Vostok"));
    let program_of_acme = program.with_key(&secret);
    let list = program_of_acme.get("/projects").is(200);
    assert_eq!((list.as_array().unwrap().len(), &list[0]["id"]), (1, &json!(apollo)));
    let body = json!({ "name": "Mine", "organizationId": "globex" });
    assert_eq!(program_of_acme.post("/projects", &body).is(201)["organizationId"], "acme");
    let path = format!("/projects/{vostok}");
    for answer in [program_of_acme.get(&path), program_of_acme.put(&path, &body), program_of_acme.delete(&path)] {
        assert_eq!(answer.status, 404);
    }
    // Others neither see nor end it; its own organisation does, and the next use is refused.
    assert_eq!(eve.get("/keys").is(200), json!([]));
    for foreign in [&*id, "0190c6a0f6f77c7f8d1f0a0b0c0d0e0f", "nonsense"] {
        assert_eq!(eve.delete(&format!("/keys/{foreign}")).is(404)["code"], "KEY_NOT_FOUND");
    }
    assert_eq!(program_of_acme.get("/me").status, 200);
    assert_eq!(ada.delete(&format!("/keys/{id}")).is(204), Value::Null);
    assert_eq!(program_of_acme.get("/me").status, 401);
    assert_eq!(ada.delete(&format!("/keys/{id}")).status, 404);
}

#[test]
fn a_bearer_token_decides_and_a_bad_one_is_not_made_good_by_a_key() {
    let program = Program::with_secret();
    let (secret, _) = key(&program.member("acme"), json!("read"));
    let tokens = [claims("globex"), with(claims("globex"), json!({ "exp": 1 }))].map(|claims| signed(&claims));
    let [good, expired] = tokens.map(|token| format!("Bearer {token}"));
    let send = |headers: &[(&str, &str)]| program.send(Method::GET, "/me", headers, "");
    let both = send(&[("authorization", &good), ("x-api-key", &secret)]).is(200);
    assert_eq!((&both["organizationId"], &both["email"]), (&json!("globex"), &json!("ada@example.com")));
    for bad in [&*expired, "Bearer not.a.token", "Bearer", "Bearer word"] {
        assert_eq!(send(&[("authorization", bad), ("x-api-key", &secret)]).status, 401, "{bad}");
    }
    assert_eq!(send(&[("authorization", &good), ("x-api-key", "ak_live_nonsense")]).status, 200);
    let expected = send(&[]).is(401);
    for bad in [&secret[..secret.len() - 1], &secret.to_uppercase(), &secret[8..], "", &format!("{secret}A")] {
        assert_eq!(send(&[("x-api-key", bad)]).is(401), expected, "{bad}");
    }
    assert_eq!(send(&[("x-api-key", &secret), ("x-api-key", &secret)]).status, 401);
    assert_eq!(send(&[("authorization", &format!("ApiKey {secret}"))]).status, 200);
}

#[test]
fn a_key_ends_when_it_was_to() {
    let program = Program::with_secret();
    let ada = program.member("acme");
    let now = SystemClock.now();
    let body = |end: &str| json!({ "name": "nightly", "permissions": "read", "expiresAt": end });
    for seconds in [50, 3600] {
        let end = now.plus(Duration::from_secs(seconds)).to_string();
        let created = ada.post("/keys", &body(&end)).is(201);
        assert_eq!(created["expiresAt"], *end);
        let program_of_acme = program.with_key(created["key"].as_str().unwrap());
        assert_eq!(program_of_acme.get("/me").status, 200);
        program.advance(u32::try_from(seconds).unwrap());
        assert_eq!(program_of_acme.get("/me").status, 401);
    }
    let far = "2099-12-31T23:59:59.000Z";
    assert_eq!(ada.post("/keys", &body(far)).is(201)["expiresAt"], far);
    assert_eq!(ada.post("/keys", &body("2099-12-31T23:59:59+02:00")).is(201)["expiresAt"], "2099-12-31T21:59:59.000Z");
    for past in [&now.to_string(), "1970-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "tomorrow", "2099-12-31", ""] {
        assert_eq!(ada.post("/keys", &body(past)).is(400)["fields"][0]["field"], "expiresAt", "{past}");
    }
}

#[test]
fn every_field_that_is_wrong_is_named() {
    let program = Program::with_secret();
    let ada = program.member("acme");
    let refused = ada.post("/keys", &json!({ "name": "", "permissions": [], "expiresAt": 1 })).is(400);
    let fields: Vec<&str> =
        refused["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect();
    assert_eq!((&refused["code"], &*fields), (&json!("VALIDATION_ERROR"), &["expiresAt", "name", "permissions"][..]));
    for permissions in [
        json!(null),
        json!("all"),
        json!("READ"),
        json!({}),
        json!({ "projects": [] }),
        json!({ "projects": "read" }),
        json!({ "projects": ["approve"] }),
        json!({ "projects": ["read"], "users": ["read"] }),
        json!(["read"]),
    ] {
        let body = json!({ "name": "nightly", "permissions": permissions });
        assert_eq!(ada.post("/keys", &body).is(400)["fields"][0]["field"], "permissions", "{permissions}");
    }
    assert_eq!(ada.post("/keys", &json!({})).is(400)["fields"].as_array().unwrap().len(), 2);
    assert_eq!(ada.get("/keys").is(200), json!([]));
}

#[test]
fn whoever_is_limited_makes_no_key_that_is_not() {
    let program = Program::with_secret();
    let limited = |permissions: Value| program.by(signed(&with(claims("acme"), json!({ "permissions": permissions }))));
    let body = |permissions: &str| json!({ "name": "nightly", "permissions": permissions });
    assert_eq!(limited(json!(["projects:read"])).post("/keys", &body("read")).status, 403);
    assert_eq!(limited(json!(["projects:read"])).get("/keys").status, 403);
    let manager = limited(json!(["projects:read", "keys:manage"]));
    for permissions in ["write", "full"] {
        assert_eq!(manager.post("/keys", &body(permissions)).is(422)["code"], "PERMISSION_NOT_HELD");
    }
    assert_eq!(manager.post("/keys", &body("read")).status, 201);
}

#[test]
fn keys_outlive_the_program_and_are_not_logged() {
    let mut program = Program::start(&[("JWT_SECRET", SECRET), ("RUST_LOG", "trace")]);
    let (secret, _) = key(&program.member("acme"), json!("full"));
    assert_eq!(program.with_key(&secret).get("/me").status, 200);
    let before = program.restart();
    assert_eq!(program.with_key(&secret).get("/me").is(200)["organizationId"], "acme");
    for log in [before, program.into_log()] {
        assert!(log.contains("listening on") && !log.contains(&secret[8..]), "{log}");
    }
}
