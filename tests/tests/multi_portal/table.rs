//! Who gets in where, cell by cell, and that no rejection tells more than another.

use auth_tests::{Database, StoreKind};
use serde_json::{Value, json};

use crate::stage::{ADMIN, CUSTOMER, FrontEnd, MEMBER, MOBILE, PASSWORD, PORTAL, Program, ROOT, SITE, STAFF, login};

fn roles(name: &str, guard: &str, tenant: Option<&str>) -> Value {
    json!([{ "name": name, "guard": guard, "tenantId": tenant }])
}

/// Checks every cell, and gives back the rejections.
fn rejections(program: &Program) -> Vec<(String, String)> {
    let member = roles("member", "PORTAL", Some("acme"));
    let customer = roles("customer", "FRONTEND", Some("acme"));
    let staff = roles("support", "ADMIN", None);
    let table: [(&str, [Option<&Value>; 3]); 3] = [
        (MEMBER, [None, Some(&member), None]),
        (CUSTOMER, [None, None, Some(&customer)]),
        (STAFF, [Some(&staff), None, None]),
    ];
    let mut rejected = Vec::new();
    for (email, cells) in table {
        for (from, expected) in [ADMIN, PORTAL, MOBILE].into_iter().zip(cells) {
            let answer = program.log_in(from, email);
            if let Some(roles) = expected {
                let caller = program.caller(from, &answer.is(200));
                let user = caller.welcome["user"].clone();
                assert_eq!((&user["email"], &user["roles"]), (&json!(email), roles), "{from:?}");
                // What the answer says is what counts afterwards.
                let me = caller.me();
                assert_eq!((&me["user"], &me["isPlatformAccess"]), (&user, &json!(email == STAFF)));
            } else {
                answer.refused(401, "INVALID_CREDENTIALS");
                rejected.push((format!("{email} {from:?}"), answer.essence()));
            }
        }
    }
    rejected
}

/// The whole table, and beside its rejections all others that must look like them.
fn check(program: &Program) {
    let mut rejected = rejections(program);
    assert_eq!(rejected.len(), 6);
    let wrong = |from: FrontEnd<'_>, email: &str, password: &str, more: Value| {
        let answer = program.post("/auth/login", from, &login(email, password, more));
        (format!("{email} {password} {from:?}"), answer.essence())
    };
    for from in [ADMIN, PORTAL, MOBILE] {
        for email in [MEMBER, CUSTOMER, STAFF, ROOT] {
            rejected.push(wrong(from, email, "Correct-Horse-8", json!({})));
        }
        for email in ["nobody@acme.test", "norole@acme.test", "gone@acme.test"] {
            rejected.push(wrong(from, email, PASSWORD, json!({})));
            rejected.push(wrong(from, email, "Correct-Horse-8", json!({})));
        }
    }
    for tenant in ["globex", "nowhere"] {
        rejected.push(wrong(PORTAL, MEMBER, PASSWORD, json!({ "tenantId": tenant })));
        rejected.push(wrong(PORTAL, MEMBER, "Correct-Horse-8", json!({ "tenantId": tenant })));
    }
    let (_, first) = &rejected[0];
    let body =
        r#"{"statusCode":401,"error":"Unauthorized","message":"Invalid credentials","code":"INVALID_CREDENTIALS"}"#;
    assert!(first.ends_with(body), "{first}");
    for (why, rejection) in &rejected {
        assert_eq!(rejection, first, "{why}");
    }
}

#[test]
fn each_front_end_lets_in_whom_a_role_lets_in_over_sqlite() {
    check(&Program::start());
}

async fn check_over(kind: StoreKind) {
    if kind.is_available().await {
        let database = Database::new(kind).await;
        check(&Program::with(&[("DATABASE_URL", &database.url().unwrap())]));
    }
}

#[tokio::test]
async fn each_front_end_lets_in_whom_a_role_lets_in_over_postgres() {
    check_over(StoreKind::Postgres).await;
}

#[tokio::test]
async fn each_front_end_lets_in_whom_a_role_lets_in_over_mariadb() {
    check_over(StoreKind::Mariadb).await;
}

#[test]
fn the_public_site_is_part_of_the_portal() {
    let program = Program::start();
    assert_eq!(program.signed_in(SITE, MEMBER).opens(["/portal-area", "/shop-area"]), [200, 403]);
    program.log_in(SITE, CUSTOMER).refused(401, "INVALID_CREDENTIALS");
    program.log_in(SITE, STAFF).refused(401, "INVALID_CREDENTIALS");
}

#[test]
fn the_engines_own_endpoint_keeps_to_the_same_policy() {
    let program = Program::start();
    let sign_in =
        |from, email| program.post("/api/auth/sign-in/email", from, &json!({ "email": email, "password": PASSWORD }));
    let refused = sign_in(ADMIN, MEMBER);
    refused.refused(401, "INVALID_CREDENTIALS");
    assert_eq!(refused.essence(), sign_in(ADMIN, "nobody@acme.test").essence());
    assert_eq!(sign_in(PORTAL, STAFF).status, 401);
    assert_eq!(sign_in(PORTAL, MEMBER).status, 200);
    assert_eq!(sign_in(ADMIN, STAFF).status, 200);
}
