//! Projects are seen and touched by their own organisation and by nobody else.

use http::Method;
use serde_json::{Value, json};

use crate::stage::Program;

#[test]
fn a_project_is_created_read_renamed_and_removed() {
    let program = Program::with_secret();
    let ada = program.member("acme");
    let created = ada.post("/projects", &json!({ "name": "Apollo" })).is(201);
    let id = created["id"].as_str().unwrap();
    assert_eq!(created, json!({ "id": id, "name": "Apollo", "organizationId": "acme" }));
    let path = format!("/projects/{id}");
    assert_eq!(ada.get(&path).is(200), created);
    assert_eq!(ada.get("/projects").is(200), json!([created]));
    let renamed = ada.put(&path, &json!({ "name": "Gemini" })).is(200);
    assert_eq!(renamed, json!({ "id": id, "name": "Gemini", "organizationId": "acme" }));
    assert_eq!(ada.get(&path).is(200), renamed);
    assert_eq!(ada.delete(&path).is(204), Value::Null);
    for gone in [ada.get(&path), ada.delete(&path), ada.put(&path, &json!({ "name": "Gemini" }))] {
        assert_eq!(gone.is(404)["code"], "NOT_FOUND");
    }
    assert_eq!(ada.get("/projects").is(200), json!([]));
}

#[test]
fn other_organisations_do_not_exist() {
    let program = Program::with_secret();
    let (ada, grace, eve) = (program.member("acme"), program.member("acme"), program.member("globex"));
    let (apollo, vostok) = (ada.creates("Apollo"), eve.creates("Vostok"));
    // Whoever belongs to it sees it, and the ids of a list are those of its organisation.
    assert_eq!(grace.get(&format!("/projects/{apollo}")).is(200)["name"], "Apollo");
    for (caller, own) in [(&ada, &apollo), (&eve, &vostok)] {
        let list = caller.get("/projects").is(200);
        assert_eq!((list.as_array().unwrap().len(), list[0]["id"].as_str()), (1, Some(&**own)));
    }
    // What is foreign is answered as what never was.
    let path = format!("/projects/{vostok}");
    let nothing = ada.get("/projects/0").is(404);
    let name = json!({ "name": "Mine", "organizationId": "globex" });
    for answer in [ada.get(&path), ada.put(&path, &name), ada.delete(&path)] {
        assert_eq!(answer.is(404), nothing);
    }
    assert_eq!(eve.get(&path).is(200), json!({ "id": vostok, "name": "Vostok", "organizationId": "globex" }));
    // Names are compared byte by byte.
    assert_eq!(program.member("ACME").get("/projects").is(200), json!([]));
}

#[test]
fn a_project_is_of_its_creators_organisation_whatever_the_body_says() {
    let program = Program::with_secret();
    let ada = program.member("acme");
    let body = json!({ "id": "1", "name": "Apollo", "organizationId": "globex", "tenant": "globex" });
    let created = ada.post("/projects?organizationId=globex", &body).is(201);
    assert_eq!(created["organizationId"], "acme");
    assert_ne!(created["id"], "1");
    let path = format!("/projects/{}", created["id"].as_str().unwrap());
    assert_eq!(ada.put(&path, &body).is(200)["organizationId"], "acme");
    assert_eq!(program.member("globex").get("/projects").is(200), json!([]));
}

#[test]
fn what_is_wrong_with_a_body_is_told_by_field() {
    let program = Program::with_secret();
    let ada = program.member("acme");
    let path = format!("/projects/{}", ada.creates("Apollo"));
    let long = "x".repeat(101);
    for name in [json!(null), json!(""), json!("  "), json!(1), json!(["Apollo"]), json!(long), json!("a\u{0}b")] {
        for answer in [ada.post("/projects", &json!({ "name": name })), ada.put(&path, &json!({ "name": name }))] {
            let refused = answer.is(400);
            assert_eq!(
                (&refused["code"], &refused["fields"][0]["field"]),
                (&json!("VALIDATION_ERROR"), &json!("name"))
            );
        }
    }
    assert_eq!(ada.post("/projects", &json!({})).is(400)["fields"][0]["field"], "name");
    assert_eq!(ada.post("/projects", &json!([])).is(400)["code"], "BODY_MUST_BE_AN_OBJECT");
    assert_eq!(ada.post("/projects", &json!({ "name": "x".repeat(100) })).status, 201);
    assert_eq!(ada.get("/projects").is(200).as_array().unwrap().len(), 2);
}

#[test]
fn other_methods_and_bodies_are_refused_by_who_asks_first() {
    let program = Program::with_secret();
    let token = format!("Bearer {}", crate::stage::signed(&crate::stage::claims("acme")));
    let credential = ("authorization", &*token);
    let json_type = ("content-type", "application/json");
    assert_eq!(program.send(Method::POST, "/projects", &[credential, json_type], "{").is(400)["code"], "BAD_REQUEST");
    let text = program.send(Method::POST, "/projects", &[credential], r#"{"name":"Apollo"}"#);
    assert_eq!(text.is(415)["code"], "UNSUPPORTED_MEDIA_TYPE");
    let huge = format!(r#"{{"name":"{}"}}"#, "x".repeat(3 * 1024 * 1024));
    assert_eq!(program.send(Method::POST, "/projects", &[credential, json_type], &huge).status, 413);
    assert_eq!(program.send(Method::PATCH, "/projects", &[credential], "").status, 405);
    // Without a credential nobody learns any of it.
    assert_eq!(program.send(Method::POST, "/projects", &[json_type], "{").status, 401);
    assert_eq!(program.send(Method::PATCH, "/projects", &[], "").status, 401);
}
