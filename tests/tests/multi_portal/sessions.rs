//! One's own sessions, and what a change of password does to them.

use serde_json::{Value, json};

use crate::stage::{ADMIN, CUSTOMER, Caller, MEMBER, MOBILE, PASSWORD, PORTAL, Program, SITE, STAFF, claims, login};

const CHANGED: &str = "Marble-Falcon-Quiet-77";

fn change(caller: &Caller<'_>, current: &str, new: &str) -> crate::stage::Answer {
    caller.post("/auth/change-password", &json!({ "currentPassword": current, "newPassword": new }))
}

fn listed(caller: &Caller<'_>) -> Vec<Value> {
    caller.get("/auth/sessions").is(200)["sessions"].as_array().unwrap().clone()
}

#[test]
fn a_change_of_password_goes_on_under_new_tokens_and_ends_everything_else() {
    let program = Program::start();
    let [member, other] = [(); 2].map(|()| program.signed_in(PORTAL, MEMBER));
    let stranger = program.signed_in(MOBILE, CUSTOMER);
    let renewed = program.caller(PORTAL, &change(&member, PASSWORD, CHANGED).is(200));
    assert_eq!(other.is_alive(), [false, false]);
    assert_eq!(member.is_alive(), [false, false]);
    // In the same front end and tenant.
    assert_eq!(renewed.opens(["/portal-area", "/staff-area"]), [200, 403]);
    assert_eq!(renewed.me()["user"], renewed.welcome["user"]);
    assert_eq!(claims(&renewed.access)["tenant"], "acme");
    assert_eq!(listed(&renewed).len(), 1);
    assert_eq!(listed(&renewed)[0]["guard"], "PORTAL");
    assert_eq!(renewed.is_alive(), [true, true]);
    assert_eq!(stranger.is_alive(), [true, true]);
    program.log_in(PORTAL, MEMBER).refused(401, "INVALID_CREDENTIALS");
    program.post("/auth/login", PORTAL, &login(MEMBER, CHANGED, json!({}))).is(200);
}

#[test]
fn staff_change_their_password_at_the_admin_console_and_stay_staff() {
    let program = Program::start();
    let staff = program.signed_in(ADMIN, STAFF);
    change(&staff.at(PORTAL), PASSWORD, CHANGED).refused(401, "UNAUTHORIZED");
    assert_eq!(staff.get("/staff-area").status, 200);
    let renewed = program.caller(ADMIN, &change(&staff, PASSWORD, CHANGED).is(200));
    assert_eq!((renewed.get("/staff-area").status.as_u16(), &renewed.me()["isPlatformAccess"]), (200, &json!(true)));
    assert_eq!(staff.is_alive(), [false, false]);
}

#[test]
fn a_change_of_password_that_is_refused_changes_nothing() {
    let program = Program::start();
    let [member, other] = [(); 2].map(|()| program.signed_in(PORTAL, MEMBER));
    change(&member, "Correct-Horse-8", CHANGED).refused(400, "INVALID_PASSWORD");
    change(&member, "", CHANGED).refused(400, "INVALID_PASSWORD");
    change(&member, PASSWORD, "short").refused(400, "PASSWORD_TOO_SHORT");
    change(&member, PASSWORD, &"x".repeat(1000)).refused(400, "PASSWORD_TOO_LONG");
    change(&member, PASSWORD, "password123").refused(400, "PASSWORD_COMPROMISED");
    for (body, field) in [
        (json!({ "newPassword": CHANGED }), "currentPassword"),
        (json!({ "currentPassword": PASSWORD }), "newPassword"),
        (json!({ "currentPassword": 1, "newPassword": CHANGED }), "currentPassword"),
    ] {
        let answer = member.post("/auth/change-password", &body);
        assert_eq!(answer.refused(400, "VALIDATION_ERROR").fields(), [field]);
    }
    // Neither in another front end than the session's own.
    for from in [ADMIN, MOBILE] {
        change(&member.at(from), PASSWORD, CHANGED).refused(401, "UNAUTHORIZED");
    }
    program.post("/auth/change-password", PORTAL, &json!({})).refused(401, "UNAUTHORIZED");
    assert_eq!(member.is_alive(), [true, true]);
    assert_eq!(other.is_alive(), [true, true]);
    program.signed_in(PORTAL, MEMBER);
}

#[test]
fn sessions_are_listed_for_their_owner() {
    let program = Program::start();
    let portal = program.signed_in(PORTAL, "dual@acme.test");
    let site = program.signed_in(SITE, "dual@acme.test");
    program.signed_in(PORTAL, MEMBER);
    let sessions = listed(&site);
    assert_eq!(sessions.len(), 2);
    for session in &sessions {
        let names: Vec<_> = session.as_object().unwrap().keys().collect();
        assert_eq!(names, ["createdAt", "current", "guard", "id", "ipAddress", "lastSeenAt", "userAgent"]);
        let is_own = session["id"] == site.session();
        assert!(is_own || session["id"] == portal.session());
        assert_eq!((&session["current"], &session["guard"]), (&json!(is_own), &json!("PORTAL")));
        assert_eq!(session["ipAddress"], "127.0.0.1");
    }
    program.get("/auth/sessions").refused(401, "UNAUTHORIZED");
}

#[test]
fn a_session_is_ended_by_its_owner_alone() {
    let program = Program::start();
    let [here, there] = [(); 2].map(|()| program.signed_in(PORTAL, MEMBER));
    let stranger = program.signed_in(MOBILE, CUSTOMER);
    let path = format!("/auth/sessions/{}", there.session());
    // Of others, and of none, the answer is the same, and nothing happens.
    let gone = stranger.delete(&path);
    assert_eq!(gone.status, 204);
    let none = stranger.delete("/auth/sessions/00000000000000000000000000000000");
    assert_eq!(gone.essence(), none.essence());
    assert_eq!(there.get("/auth/me").status, 200);
    for _ in 0..2 {
        let ended = here.delete(&path);
        assert_eq!((ended.status.as_u16(), &*ended.text), (204, ""));
    }
    assert_eq!(there.is_alive(), [false, false]);
    assert_eq!(here.delete(&format!("/auth/sessions/{}", here.session())).status, 204);
    assert_eq!(here.is_alive(), [false, false]);
    here.delete(&path).refused(401, "UNAUTHORIZED");
    assert_eq!(stranger.is_alive(), [true, true]);
}

#[test]
fn no_more_than_ten_sessions_are_kept() {
    let program = Program::start();
    let sessions: Vec<_> = (0..11).map(|_| program.signed_in(PORTAL, MEMBER)).collect();
    assert_eq!(listed(&sessions[10]).len(), 10);
    assert_eq!(sessions.iter().filter(|caller| caller.get("/auth/me").status == 200).count(), 10);
    assert_eq!(sessions[10].get("/auth/me").status, 200);
}
