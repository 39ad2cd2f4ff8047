//! Staff make staff, and end sessions of others.

use serde_json::{Value, json};

use crate::stage::{ADMIN, Answer, CUSTOMER, Caller, DUAL, MEMBER, MOBILE, NOWHERE, PORTAL, Program, ROOT, STAFF};

fn set(caller: &Caller<'_>, user: &str, roles: &[&str]) -> Answer {
    caller.post("/staff", &json!({ "userId": user, "roles": roles }))
}

#[test]
fn a_super_admin_replaces_the_roles_of_staff() {
    let program = Program::start();
    let (root, staff) = (program.signed_in(ADMIN, ROOT), program.signed_in(ADMIN, STAFF));
    let id = staff.id();
    assert_eq!(staff.opens(["/staff-area", "/staff-area/admin"]), [200, 403]);
    assert_eq!(set(&root, &id, &["support", "admin"]).is(200), json!({ "userId": id, "roles": ["admin", "support"] }));
    // At once, in the session that is there.
    assert_eq!(staff.opens(["/staff-area", "/staff-area/admin"]), [200, 200]);
    assert_eq!(set(&root, &id, &["admin"]).is(200)["roles"], json!(["admin"]));
    let names = |caller: &Caller<'_>| {
        let me = caller.me();
        me["user"]["roles"].as_array().unwrap().iter().map(|role| role["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&staff), ["admin"]);
    assert_eq!(set(&root, &id, &["admin", "admin"]).is(200)["roles"], json!(["admin"]), "as often as one likes");
    assert_eq!(set(&root, &id, &[]).is(200)["roles"], json!([]));
    assert_eq!(staff.opens(["/staff-area", "/staff-area/admin"]), [403, 403]);
    program.log_in(ADMIN, STAFF).refused(401, "INVALID_CREDENTIALS");
}

#[test]
fn who_is_made_staff_enters_the_admin_console_and_keeps_what_they_have_elsewhere() {
    let program = Program::start();
    let (root, member) = (program.signed_in(ADMIN, ROOT), program.signed_in(PORTAL, MEMBER));
    program.log_in(ADMIN, MEMBER).refused(401, "INVALID_CREDENTIALS");
    set(&root, &member.id(), &["support"]).is(200);
    assert_eq!(program.signed_in(ADMIN, MEMBER).opens(["/staff-area", "/portal-area"]), [200, 403]);
    assert_eq!(member.opens(["/staff-area", "/portal-area"]), [403, 200]);
    assert_eq!(member.at(ADMIN).opens(["/staff-area", "/portal-area"]), [403, 200]);
    // What dual holds in a tenant is nothing on the platform, and stays.
    let dual = program.signed_in(PORTAL, DUAL);
    set(&root, &dual.id(), &[]).is(200);
    let body = json!({ "guard": "ADMIN" });
    assert_eq!(
        program.caller(NOWHERE, &program.log_in_saying(NOWHERE, DUAL, body).is(200)).get("/staff-area").status,
        200
    );
}

#[test]
fn what_does_not_exist_is_told_and_nothing_changes() {
    let program = Program::start();
    let (root, staff) = (program.signed_in(ADMIN, ROOT), program.signed_in(ADMIN, STAFF));
    set(&root, "00000000000000000000000000000000", &["support"]).refused(404, "USER_NOT_FOUND");
    for role in ["nonsense", "", "member", "owner", "SUPPORT", "two words"] {
        set(&root, &staff.id(), &["admin", role]).refused(400, "ROLE_NOT_FOUND");
    }
    assert_eq!(staff.opens(["/staff-area", "/staff-area/admin"]), [200, 403]);
    for (body, field) in [
        (json!({ "roles": ["support"] }), "userId"),
        (json!({ "userId": staff.id() }), "roles"),
        (json!({ "userId": "nonsense", "roles": [] }), "userId"),
        (json!({ "userId": STAFF, "roles": [] }), "userId"),
        (json!({ "userId": staff.id(), "roles": "support" }), "roles"),
    ] {
        let answer = root.post("/staff", &body);
        assert_eq!(answer.refused(400, "VALIDATION_ERROR").fields(), [field], "{body}");
    }
    let answer = root.post("/staff", &json!({ "userId": staff.id(), "roles": [1] }));
    assert_eq!(answer.refused(400, "VALIDATION_ERROR").fields(), ["roles[0]"]);
}

#[test]
fn nobody_but_a_super_admin_at_the_admin_console_makes_staff() {
    let program = Program::start();
    let root = program.signed_in(ADMIN, ROOT);
    let named = program.caller(NOWHERE, &program.log_in_saying(NOWHERE, DUAL, json!({ "guard": "ADMIN" })).is(200));
    let staff = program.signed_in(ADMIN, STAFF);
    let id = staff.id();
    for caller in [
        staff,
        named,
        program.signed_in(PORTAL, MEMBER),
        program.signed_in(PORTAL, DUAL),
        program.signed_in(MOBILE, CUSTOMER),
        // Not even that one, with a token that has leaked.
        root.at(PORTAL),
        root.at(NOWHERE),
        root.at(MOBILE),
    ] {
        set(&caller, &id, &["super_admin"]).refused(403, "FORBIDDEN");
        set(&caller, &caller.id(), &["super_admin"]).refused(403, "FORBIDDEN");
    }
    program.post("/staff", ADMIN, &json!({ "userId": id, "roles": [] })).refused(401, "UNAUTHORIZED");
    assert_eq!(program.signed_in(ADMIN, STAFF).opens(["/staff-area", "/staff-area/admin"]), [200, 403]);
}

#[test]
fn the_last_super_admin_stays_one() {
    let program = Program::start();
    let (root, staff) = (program.signed_in(ADMIN, ROOT), program.signed_in(ADMIN, STAFF));
    for roles in [&[][..], &["support"], &["admin", "support"]] {
        set(&root, &root.id(), roles).refused(409, "LAST_HOLDER");
    }
    assert_eq!(root.me()["user"]["roles"][0]["name"], "super_admin");
    // With another one it goes, and counts no more from then on.
    set(&root, &staff.id(), &["super_admin"]).is(200);
    set(&staff, &root.id(), &["support"]).is(200);
    set(&root, &staff.id(), &[]).refused(403, "FORBIDDEN");
    set(&staff, &staff.id(), &[]).refused(409, "LAST_HOLDER");
}

#[test]
fn staff_of_the_platform_end_sessions_of_others() {
    let program = Program::start();
    let staff = program.signed_in(ADMIN, STAFF);
    let [member, other] = [(); 2].map(|()| program.signed_in(PORTAL, MEMBER));
    let path = |user: &str, caller: &Caller<'_>| format!("/staff/users/{user}/sessions/{}", caller.session());
    let of_member = path(&member.id(), &member);
    // Neither those who are signed in, nor staff elsewhere, nor who holds such a role in a tenant only.
    let named = program.caller(NOWHERE, &program.log_in_saying(NOWHERE, DUAL, json!({ "guard": "ADMIN" })).is(200));
    for caller in [&member, &program.signed_in(MOBILE, CUSTOMER), &program.signed_in(PORTAL, DUAL), &named] {
        caller.delete(&of_member).refused(403, "FORBIDDEN");
    }
    staff.at(PORTAL).delete(&of_member).refused(403, "FORBIDDEN");
    assert_eq!(member.get("/auth/me").status, 200);
    // Somebody else's id beside it ends nothing.
    assert_eq!(staff.delete(&path(&staff.id(), &member)).status, 204);
    assert_eq!(member.get("/auth/me").status, 200);
    for _ in 0..2 {
        let ended = staff.delete(&of_member);
        assert_eq!((ended.status.as_u16(), &*ended.text), (204, ""));
    }
    assert_eq!(member.is_alive(), [false, false]);
    assert_eq!(other.is_alive(), [true, true]);
    for bad in ["/staff/users/x/sessions/y".to_owned(), format!("/staff/users/{}/sessions/y", other.id())] {
        staff.delete(&bad).refused(400, "VALIDATION_ERROR");
    }
    let anonymous = program.send(http::Method::DELETE, &of_member, ADMIN, &Value::Null);
    anonymous.refused(401, "UNAUTHORIZED");
}
