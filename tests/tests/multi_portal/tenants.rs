//! In which tenant a session acts.

use serde_json::json;

use crate::stage::{ADMIN, MEMBER, MOBILE, NOWHERE, PASSWORD, PORTAL, Program, STAFF, claims, login};

#[test]
fn the_one_tenant_with_a_role_there_is_chosen() {
    let program = Program::start();
    for more in [json!({}), json!({ "tenantId": null }), json!({ "tenantId": "acme" })] {
        let member = program.caller(PORTAL, &program.log_in_saying(PORTAL, MEMBER, more).is(200));
        assert_eq!(member.me()["user"]["tenantId"], "acme");
        assert_eq!(claims(&member.access)["tenant"], "acme");
    }
}

#[test]
fn a_foreign_tenant_is_a_wrong_password() {
    let program = Program::start();
    let wrong = program.post("/auth/login", PORTAL, &login(MEMBER, "Correct-Horse-8", json!({}))).essence();
    for tenant in ["globex", "nowhere", "ACME", "acme.evil"] {
        let answer = program.log_in_saying(PORTAL, MEMBER, json!({ "tenantId": tenant }));
        answer.refused(401, "INVALID_CREDENTIALS");
        assert_eq!(answer.essence(), wrong, "{tenant}");
    }
    for bad in [json!(""), json!("a b"), json!(5), json!(["acme"]), json!("x".repeat(1000))] {
        let answer = program.log_in_saying(PORTAL, MEMBER, json!({ "tenantId": bad }));
        assert_eq!(answer.refused(400, "VALIDATION_ERROR").fields(), ["tenantId"], "{bad}");
    }
}

#[tokio::test]
async fn who_has_a_role_in_several_must_name_one_once_the_password_was_right() {
    let program = Program::start();
    program.join_globex(MEMBER, "PORTAL", "owner").await;
    program.log_in(PORTAL, MEMBER).refused(400, "TENANT_REQUIRED");
    // Nobody else learns that they belong to several.
    let wrong = program.post("/auth/login", PORTAL, &login(MEMBER, "Correct-Horse-8", json!({})));
    let unknown = program.log_in(PORTAL, "nobody@acme.test");
    assert_eq!(wrong.refused(401, "INVALID_CREDENTIALS").essence(), unknown.essence());
    for from in [ADMIN, MOBILE] {
        assert_eq!(program.log_in(from, MEMBER).essence(), unknown.essence());
    }
    for (tenant, role) in [("acme", "member"), ("globex", "owner")] {
        let member =
            program.caller(PORTAL, &program.log_in_saying(PORTAL, MEMBER, json!({ "tenantId": tenant })).is(200));
        let me = member.me();
        assert_eq!(me["user"]["tenantId"], tenant);
        assert_eq!(me["user"]["roles"], json!([{ "name": role, "guard": "PORTAL", "tenantId": tenant }]));
        // Also after the tokens were renewed.
        let next = program.caller(PORTAL, &member.refreshed().is(200));
        assert_eq!((&claims(&next.access)["tenant"], next.me()), (&json!(tenant), me));
    }
}

#[tokio::test]
async fn a_tenant_in_which_the_role_is_of_another_guard_is_not_asked_for() {
    let program = Program::start();
    program.join_globex(MEMBER, "FRONTEND", "customer").await;
    assert_eq!(program.signed_in(PORTAL, MEMBER).me()["user"]["tenantId"], "acme");
    assert_eq!(program.signed_in(MOBILE, MEMBER).me()["user"]["tenantId"], "globex");
    program.log_in_saying(PORTAL, MEMBER, json!({ "tenantId": "globex" })).refused(401, "INVALID_CREDENTIALS");
}

#[test]
fn staff_act_in_no_tenant_whichever_they_name() {
    let program = Program::start();
    for tenant in ["acme", "globex", "nowhere"] {
        let staff = program.caller(ADMIN, &program.log_in_saying(ADMIN, STAFF, json!({ "tenantId": tenant })).is(200));
        let me = staff.me();
        assert_eq!((&me["user"]["tenantId"], &me["isPlatformAccess"]), (&json!(null), &json!(true)), "{tenant}");
        assert_eq!(claims(&staff.access).get("tenant"), None);
    }
}

#[test]
fn who_signs_up_with_a_tenant_acts_in_it() {
    let program = Program::start();
    let body = json!({ "email": "new@globex.test", "password": PASSWORD, "tenantId": "globex" });
    let new = program.caller(PORTAL, &program.post("/auth/signup", PORTAL, &body).is(201));
    assert_eq!(new.me()["user"]["tenantId"], "globex");
    program.log_in_saying(PORTAL, "new@globex.test", json!({ "tenantId": "acme" })).refused(401, "INVALID_CREDENTIALS");
    assert_eq!(program.signed_in(PORTAL, "new@globex.test").me()["user"]["tenantId"], "globex");
    // A tenant that is none is told, and nobody is signed up.
    let body = json!({ "email": "other@globex.test", "password": PASSWORD, "tenantId": "nowhere" });
    program.post("/auth/signup", NOWHERE, &body).refused(404, "TENANT_NOT_FOUND");
    let body = json!({ "email": "other@globex.test", "password": PASSWORD, "tenantId": "globex" });
    program.post("/auth/signup", NOWHERE, &body).is(201);
}
