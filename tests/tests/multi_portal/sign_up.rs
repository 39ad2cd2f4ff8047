//! Signing up: which front end, which tenant, which role, and never more.

use serde_json::{Value, json};

use crate::stage::{
    ADMIN, CUSTOMER, FrontEnd, MEMBER, MOBILE, NOWHERE, PASSWORD, PORTAL, Program, ROOT, SITE, claims, login, merged,
};

const NEW: &str = "new@acme.test";

fn body(more: Value) -> Value {
    merged(json!({ "email": NEW, "password": PASSWORD }), more)
}

/// Nobody has this address: it signs up, and that is the end of the test.
fn is_free(program: &Program) {
    program.post("/auth/signup", NOWHERE, &body(json!({}))).is(201);
}

#[test]
fn an_answer_is_that_of_a_sign_in() {
    let program = Program::start();
    let sign_up = program.post("/auth/signup", PORTAL, &body(json!({ "tenantId": "acme", "name": "Ada" }))).is(201);
    let new = program.caller(PORTAL, &sign_up);
    let me = new.me();
    assert_eq!((&me["user"], &me["isPlatformAccess"]), (&sign_up["user"], &json!(false)));
    let sign_in = program.log_in(PORTAL, NEW).is(200);
    let names = |answer: &Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&sign_up), ["accessToken", "refreshToken", "user"]);
    assert_eq!(names(&sign_in), names(&sign_up));
    assert_eq!(sign_in["user"], sign_up["user"]);
    assert_eq!(new.refreshed().status, 200);
}

#[test]
fn the_role_of_a_new_member_is_in_the_first_token() {
    let program = Program::start();
    let member = json!([{ "name": "member", "guard": "PORTAL", "tenantId": "acme" }]);
    let froms: [(FrontEnd<'_>, Value); 4] =
        [(PORTAL, json!({})), (SITE, json!({})), (NOWHERE, json!({})), (NOWHERE, json!({ "guard": "PORTAL" }))];
    for (at, (from, more)) in froms.into_iter().enumerate() {
        let more = merged(more, json!({ "email": format!("{at}@acme.test"), "tenantId": "acme" }));
        let new = program.caller(from, &program.post("/auth/signup", from, &body(more)).is(201));
        assert_eq!(claims(&new.access)["roles"], json!([{ "name": "member", "guard": "PORTAL", "tenant": "acme" }]));
        assert_eq!((&new.welcome["user"]["roles"], new.get("/portal-area").status.as_u16()), (&member, 200));
    }
}

#[test]
fn without_a_tenant_nothing_is_given_and_nobody_is_kept_out() {
    let program = Program::start();
    let new = program.caller(PORTAL, &program.post("/auth/signup", PORTAL, &body(json!({}))).is(201));
    let me = new.me();
    assert_eq!((&me["user"]["roles"], &me["user"]["tenantId"]), (&json!([]), &json!(null)));
    new.get("/portal-area").refused(403, "FORBIDDEN");
    // To come back takes a role.
    program.log_in(PORTAL, NEW).refused(401, "INVALID_CREDENTIALS");
}

#[test]
fn a_guard_that_contradicts_the_front_end_is_refused_and_either_alone_or_none_is_not() {
    let program = Program::start();
    for (from, guard) in [(PORTAL, "ADMIN"), (ADMIN, "PORTAL"), (MOBILE, "PORTAL")] {
        let answer = program.post("/auth/signup", from, &body(json!({ "guard": guard })));
        answer.refused(400, "GUARD_MISMATCH");
        assert_eq!(answer.body["message"], "Invalid request");
        // Whether the address is taken is not looked at.
        let taken = program.post("/auth/signup", from, &body(json!({ "guard": guard, "email": MEMBER })));
        assert_eq!(taken.essence(), answer.essence());
    }
    let allowed: [(FrontEnd<'_>, Value); 7] = [
        (PORTAL, json!("PORTAL")),
        (PORTAL, json!(null)),
        (NOWHERE, json!("FRONTEND")),
        (NOWHERE, json!(null)),
        (PORTAL, json!("FOO")),
        (PORTAL, json!(7)),
        (NOWHERE, json!("admin")),
    ];
    for (at, (from, guard)) in allowed.into_iter().enumerate() {
        let more = json!({ "email": format!("{at}@acme.test"), "guard": guard });
        assert_eq!(program.post("/auth/signup", from, &body(more)).status, 201, "{from:?}");
    }
}

#[test]
fn a_page_that_is_none_of_ours_signs_nobody_up() {
    let program = Program::start();
    let foreign: [FrontEnd<'_>; 4] = [
        &[("origin", "https://admin.example.com.evil.test")],
        &[("origin", "null")],
        &[("referer", "https://evil.test/x")],
        &[("origin", "https://app.example.com"), ("origin", "https://evil.test")],
    ];
    for from in foreign {
        for more in [json!({}), json!({ "guard": "PORTAL" })] {
            program.post("/auth/signup", from, &body(more)).refused(403, "INVALID_ORIGIN");
        }
    }
    is_free(&program);
}

#[test]
fn nobody_becomes_staff_by_signing_up() {
    let program = Program::start();
    for (at, more) in [
        json!({}),
        json!({ "tenantId": "acme" }),
        json!({ "guard": "ADMIN" }),
        json!({ "guard": "ADMIN", "tenantId": "acme" }),
        json!({ "isPlatformAccess": true, "platformAccess": { "roles": ["super_admin"] }, "scope": "platform" }),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("{at}@corp.test");
        let more = merged(more, json!({ "email": email }));
        let new = program.caller(ADMIN, &program.post("/auth/signup", ADMIN, &body(more)).is(201));
        let me = new.me();
        assert_eq!((&me["isPlatformAccess"], &me["user"]["roles"]), (&json!(false), &json!([])));
        assert_eq!(new.opens(["/staff-area", "/staff-area/admin", "/portal-area"]), [403; 3]);
        new.post("/staff", &json!({ "userId": new.id(), "roles": ["super_admin"] })).refused(403, "FORBIDDEN");
        program.log_in(ADMIN, &email).refused(401, "INVALID_CREDENTIALS");
    }
}

#[test]
fn an_address_that_is_taken_is_a_conflict_however_it_is_spelt() {
    let program = Program::start();
    for email in [MEMBER, "MEMBER@acme.test", "Member@ACME.test", ROOT, "gone@acme.test"] {
        let answer = program.post("/auth/signup", PORTAL, &body(json!({ "email": email, "tenantId": "globex" })));
        answer.refused(409, "EMAIL_ALREADY_EXISTS");
    }
    // Nothing of it has happened to whoever is there.
    assert_eq!(program.signed_in(PORTAL, MEMBER).me()["user"]["tenantId"], "acme");
    program.signed_in(MOBILE, CUSTOMER);
}

#[test]
fn fields_that_nobody_knows_are_left_out_and_those_of_ours_refused() {
    let program = Program::start();
    for name in ["id", "role", "roles", "permissions", "emailVerified", "createdAt", "disabledAt", "banned", "ROLES"] {
        let answer = program.post("/auth/signup", PORTAL, &body(json!({ name: "x" })));
        assert_eq!(answer.refused(400, "FIELD_NOT_ALLOWED").fields(), [name]);
    }
    let more = json!({ "company": "Babbage", "plan": { "seats": 5 }, "tenantId": "acme", "isAdmin": true });
    let new = program.caller(PORTAL, &program.post("/auth/signup", PORTAL, &body(more)).is(201));
    let me = new.me()["user"].clone();
    for name in ["company", "plan", "isAdmin", "password"] {
        assert_eq!((me.get(name), new.welcome["user"].get(name)), (None, None), "{name}");
    }
}

#[test]
fn the_user_carries_what_the_application_knows_of_them() {
    let program = Program::with(&[("APP_NAME", "Rosebud")]);
    let new = program.post("/auth/signup", PORTAL, &body(json!({ "name": "  Ada ", "tenantId": "acme" }))).is(201);
    let id = &new["user"]["id"];
    let expected = json!({ "app": "Rosebud", "displayName": "Ada", "authUser": { "id": id, "email": NEW } });
    assert_eq!(new["user"]["appUser"], expected);
    assert_eq!(program.signed_in(PORTAL, NEW).me()["user"]["appUser"], expected);
    assert_eq!(new["user"]["name"], "Ada");
    let unnamed = Program::start().post("/auth/signup", PORTAL, &body(json!({ "name": "Ada" }))).is(201);
    assert_eq!(unnamed["user"]["appUser"]["app"], "My App");
    // Of whom nothing is known the user is as it was.
    assert_eq!(program.signed_in(PORTAL, MEMBER).me()["user"].get("appUser"), None);
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let program = Program::start();
    for (more, code) in [
        (json!({ "password": "short" }), "PASSWORD_TOO_SHORT"),
        (json!({ "password": "password123" }), "PASSWORD_COMPROMISED"),
        (json!({ "tenantId": "a b" }), "VALIDATION_ERROR"),
        (json!({ "name": "a\u{0}b" }), "VALIDATION_ERROR"),
    ] {
        program.post("/auth/signup", PORTAL, &body(more)).refused(400, code);
    }
    program.post("/auth/signup", PORTAL, &body(json!({ "tenantId": "nowhere" }))).refused(404, "TENANT_NOT_FOUND");
    is_free(&program);
}

/// How tokens are to travel is settled before there is an account for them.
#[test]
fn tokens_that_cannot_be_given_are_refused_before_anybody_is_signed_up() {
    let program = Program::start();
    let page = ("origin", "https://app.example.com");
    let unknown = program.post("/auth/signup", &[page, ("x-access-token-type", "carrier-pigeon")], &body(json!({})));
    assert_eq!(unknown.refused(400, "VALIDATION_ERROR").fields(), ["x-access-token-type"]);
    // A page that came over plain http belongs to the portal, and gets no cookies.
    let plain: FrontEnd<'_> = &[("origin", "http://app.example.com"), ("x-access-token-type", "cookie")];
    program.post("/auth/signup", plain, &body(json!({}))).refused(403, "INVALID_ORIGIN");
    is_free(&program);

    for refused in [&[page, ("x-access-token-type", "carrier-pigeon")][..], plain] {
        let right = program.log_in(refused, MEMBER);
        let wrong = program.post("/auth/login", refused, &login(MEMBER, "Correct-Horse-8", json!({})));
        assert_eq!(right.essence(), wrong.essence());
    }
    let sessions = program.signed_in(PORTAL, MEMBER).get("/auth/sessions").is(200);
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
}
