//! Roles count as pairs of name and guard, in the front end they were granted for, and nowhere else.

use serde_json::{Value, json};

use crate::stage::{
    ADMIN, CUSTOMER, Caller, DUAL, FrontEnd, MEMBER, MOBILE, NOWHERE, PORTAL, Program, ROOT, SITE, STAFF, claims,
};

const DOORS: [&str; 4] = ["/portal-area", "/shop-area", "/staff-area", "/staff-area/admin"];

fn roles(caller: &Caller<'_>) -> Vec<(String, String)> {
    let me = caller.me();
    let text = |role: &Value, name: &str| role[name].as_str().unwrap().to_owned();
    me["user"]["roles"].as_array().unwrap().iter().map(|role| (text(role, "name"), text(role, "guard"))).collect()
}

#[test]
fn each_area_opens_to_the_roles_of_its_guard() {
    let program = Program::start();
    assert_eq!(program.signed_in(PORTAL, MEMBER).opens(DOORS), [200, 403, 403, 403]);
    assert_eq!(program.signed_in(MOBILE, CUSTOMER).opens(DOORS), [403, 200, 403, 403]);
    assert_eq!(program.signed_in(ADMIN, STAFF).opens(DOORS), [403, 403, 200, 403]);
    assert_eq!(program.signed_in(ADMIN, ROOT).opens(DOORS), [403, 403, 200, 403]);
    for door in DOORS {
        program.get(door).refused(401, "UNAUTHORIZED");
        program.signed_in(PORTAL, DUAL).get(door).is(if door == "/portal-area" { 200 } else { 403 });
    }
}

#[test]
fn a_name_in_one_guard_and_another_role_in_the_other_are_not_that_name_there() {
    let program = Program::start();
    // PORTAL/admin and ADMIN/support are not ADMIN/admin, whichever of the two counts.
    let at_portal = program.signed_in(PORTAL, DUAL);
    assert_eq!(roles(&at_portal), [("admin".to_owned(), "PORTAL".to_owned())]);
    assert_eq!(at_portal.opens(DOORS), [200, 403, 403, 403]);
    let named = program.caller(NOWHERE, &program.log_in_saying(NOWHERE, DUAL, json!({ "guard": "ADMIN" })).is(200));
    assert_eq!(roles(&named), [("support".to_owned(), "ADMIN".to_owned())]);
    assert_eq!(named.opens(DOORS), [403, 403, 200, 403]);
    // Neither session gets the other's roles by going elsewhere.
    for from in [ADMIN, PORTAL, SITE, MOBILE, NOWHERE] {
        assert_eq!(at_portal.at(from).opens(DOORS), [200, 403, 403, 403], "{from:?}");
        assert_eq!(named.at(from).opens(DOORS), [403, 403, 200, 403], "{from:?}");
    }
}

#[test]
fn a_role_of_staff_that_is_held_in_a_tenant_lets_nobody_into_the_admin_console() {
    let program = Program::start();
    let refused = program.log_in(ADMIN, DUAL);
    refused.refused(401, "INVALID_CREDENTIALS");
    assert_eq!(refused.essence(), program.log_in(ADMIN, "nobody@acme.test").essence());
    for more in [json!({ "tenantId": "acme" }), json!({ "guard": "ADMIN", "tenantId": "acme" })] {
        program.log_in_saying(ADMIN, DUAL, more).refused(401, "INVALID_CREDENTIALS");
    }
}

#[test]
fn a_staff_token_is_worth_nothing_in_another_front_end() {
    let program = Program::start();
    let staff = program.signed_in(ADMIN, STAFF);
    assert_eq!(claims(&staff.access)["roles"], json!([{ "name": "support", "guard": "ADMIN" }]));
    let elsewhere: [FrontEnd<'_>; 6] = [
        PORTAL,
        SITE,
        MOBILE,
        NOWHERE,
        &[("origin", "https://admin.example.com.evil.test")],
        &[("x-platform", "mobile"), ("x-mobile-guard", "ADMIN")],
    ];
    for from in elsewhere {
        let leaked = staff.at(from);
        let me = leaked.me();
        assert_eq!((&me["isPlatformAccess"], &me["user"]["roles"]), (&json!(false), &json!([])), "{from:?}");
        leaked.get("/staff-area").refused(403, "FORBIDDEN");
        assert_eq!(leaked.opens(DOORS), [403; 4]);
        leaked.refreshed().refused(401, "UNAUTHORIZED");
    }
    // None of it has done anything to the session.
    assert_eq!(staff.get("/staff-area").status, 200);
    assert_eq!(staff.me()["isPlatformAccess"], true);
    let next = program.caller(ADMIN, &staff.refreshed().is(200));
    assert_eq!(next.get("/staff-area").status, 200);
}

#[test]
fn a_member_is_nobody_more_in_the_admin_console() {
    let program = Program::start();
    for (from, email) in [(PORTAL, MEMBER), (MOBILE, CUSTOMER)] {
        let caller = program.signed_in(from, email);
        let [here, there] = [caller.opens(DOORS), caller.at(ADMIN).opens(DOORS)];
        assert_eq!(here, there);
        assert_eq!(caller.at(ADMIN).me()["isPlatformAccess"], false);
        let next = program.caller(ADMIN, &caller.at(ADMIN).refreshed().is(200));
        assert_eq!(next.opens(DOORS), here);
    }
}
