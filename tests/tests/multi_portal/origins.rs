//! What a request says of its front end, and what it gets by saying more.

use serde_json::json;

use crate::stage::{ADMIN, CUSTOMER, DUAL, FrontEnd, MEMBER, MOBILE, NOWHERE, PASSWORD, PORTAL, Program, STAFF};

const NO_GUARD: &str = "Login requires a valid guard.";

/// Who has no role guard there is told so, whoever they are and whatever their password.
#[track_caller]
fn belongs_to_none(program: &Program, from: FrontEnd<'_>) {
    for email in [STAFF, "nobody@acme.test"] {
        let answer = program.log_in(from, email);
        answer.refused(401, "INVALID_CREDENTIALS");
        assert_eq!(answer.body["message"], NO_GUARD, "{from:?}");
    }
}

#[test]
fn an_origin_that_looks_alike_is_another_one() {
    let program = Program::start();
    for origin in [
        "https://admin.example.com.evil.test",
        "https://evil-admin.example.com",
        "https://eviladmin.example.com",
        "https://x.admin.example.com",
        "https://admin.example.com:8443",
        "https://admin.example.com:80",
        "http://admin.example.com:443",
        "https://admin.example.com@evil.test",
        "https://evil.test@admin.example.com",
        "https://user:pw@admin.example.com",
        "https://admin.example.com/",
        "https://evil.test/admin.example.com",
        "https://admin.example.com..",
        "https://xn--dmin-moa.example.com",
        "admin.example.com",
        "chrome-extension://admin.example.com",
        "null",
        "NULL",
        "*",
        "",
    ] {
        belongs_to_none(&program, &[("origin", origin)]);
        // Nor is a page that is none of ours let in by naming a role guard.
        let named = program.log_in_saying(&[("origin", origin)], STAFF, json!({ "guard": "ADMIN" }));
        named.refused(403, "INVALID_ORIGIN");
        let unknown = program.log_in_saying(&[("origin", origin)], "nobody@acme.test", json!({ "guard": "ADMIN" }));
        assert_eq!(unknown.essence(), named.essence(), "{origin}");
    }
}

/// A browser says so by other headers, too, where a page hides where it is from.
#[test]
fn a_browser_that_does_not_say_from_where_signs_nobody_in() {
    let program = Program::start();
    for (site, mode) in [("cross-site", "cors"), ("same-site", "cors"), ("cross-site", "navigate")] {
        let hidden = [("sec-fetch-site", site), ("sec-fetch-mode", mode)];
        program.log_in_saying(&hidden, MEMBER, json!({ "guard": "PORTAL" })).refused(403, "INVALID_ORIGIN");
        let body = json!({ "email": "new@acme.test", "password": PASSWORD });
        program.post("/auth/signup", &hidden, &body).refused(403, "INVALID_ORIGIN");
    }
}

#[test]
fn one_host_may_be_spelt_in_several_ways() {
    let program = Program::start();
    for origin in [
        "https://ADMIN.example.com",
        "HTTPS://admin.Example.COM",
        "https://admin.example.com.",
        "https://admin.example.com:443",
        "https://www.admin.example.com",
        "http://admin.example.com",
    ] {
        assert_eq!(program.log_in(&[("origin", origin)], STAFF).status, 200, "{origin}");
        program.log_in(&[("origin", origin)], MEMBER).refused(401, "INVALID_CREDENTIALS");
    }
}

#[test]
fn two_origins_are_none() {
    let program = Program::start();
    let [admin, portal, evil] =
        ["https://admin.example.com", "https://app.example.com", "https://evil.test"].map(|url| ("origin", url));
    for both in [[admin, evil], [evil, admin], [admin, portal], [admin, admin]] {
        belongs_to_none(&program, &both);
        for guard in ["ADMIN", "PORTAL"] {
            for email in [STAFF, MEMBER] {
                program.log_in_saying(&both, email, json!({ "guard": guard })).refused(403, "INVALID_ORIGIN");
            }
        }
    }
}

#[test]
fn a_referer_stands_in_for_a_missing_origin_and_for_no_other() {
    let program = Program::start();
    let referer = ("referer", "https://admin.example.com/users?page=1#top");
    assert_eq!(program.signed_in(&[referer], STAFF).me()["isPlatformAccess"], true);
    for origin in ["null", "https://evil.test", ""] {
        belongs_to_none(&program, &[("origin", origin), referer]);
    }
    let at_portal = [("origin", "https://app.example.com"), referer];
    program.log_in(&at_portal, STAFF).refused(401, "INVALID_CREDENTIALS");
    assert_eq!(program.log_in(&at_portal, MEMBER).status, 200);
    belongs_to_none(&program, &[referer, referer]);
    for unparsable in [
        "admin.example.com",
        "https://",
        "https://admin.example.com@evil.test/",
        "https://evil.test/https://admin.example.com",
        "https:admin.example.com/",
        "about:blank",
        "ADMIN",
    ] {
        belongs_to_none(&program, &[("referer", unparsable)]);
        let named = program.log_in_saying(&[("referer", unparsable)], STAFF, json!({ "guard": "ADMIN" }));
        named.refused(403, "INVALID_ORIGIN");
    }
}

#[test]
fn the_first_platform_header_decides_and_goes_before_the_origin() {
    let program = Program::start();
    let page = ("origin", "https://app.example.com");
    let opens = |headers: FrontEnd<'_>, email: &str| program.log_in(headers, email).status == 200;
    for (headers, is_mobile) in [
        (vec![("x-platform", "app")], true),
        (vec![("x-app-platform", "mobile")], true),
        (vec![("x-client-type", "app")], true),
        (vec![("x-client-type", "web"), ("x-platform", "mobile")], true),
        (vec![("x-platform", "web"), ("x-app-platform", "mobile")], false),
        (vec![("x-platform", ""), ("x-client-type", "mobile")], false),
        (vec![("x-app-platform", "web"), ("x-client-type", "mobile")], false),
        (vec![("x-platform", "Mobile")], false),
        (vec![("x-platform", "mobile"), ("x-platform", "mobile")], false),
        (vec![("x-mobile-guard", "FRONTEND")], false),
    ] {
        let headers = [headers, vec![page]].concat();
        assert_eq!(opens(&headers, CUSTOMER), is_mobile, "{headers:?}");
        assert_eq!(opens(&headers, MEMBER), !is_mobile, "{headers:?}");
    }
}

#[test]
fn an_app_that_names_a_role_guard_gets_no_role_by_it() {
    let program = Program::start();
    let app = |guard: &'static str| [("x-platform", "mobile"), ("x-mobile-guard", guard)];
    // Staff are staff at the admin console alone, and everybody else has no role of that guard.
    for email in [STAFF, MEMBER, CUSTOMER] {
        program.log_in(&app("ADMIN"), email).refused(401, "INVALID_CREDENTIALS");
    }
    assert_eq!(program.signed_in(&app("PORTAL"), MEMBER).opens(["/portal-area", "/staff-area"]), [200, 403]);
    // What is no role guard of ours is as good as nothing: the app's own counts.
    for unknown in ["admin", "FOO", "", "ADMIN, PORTAL", " FRONTEND "] {
        program
            .log_in(&[("x-platform", "mobile"), ("x-mobile-guard", unknown)], STAFF)
            .refused(401, "INVALID_CREDENTIALS");
    }
    assert_eq!(program.log_in(&app("frontend"), CUSTOMER).status, 200);
    // An app that says where it comes from as well is an app: platform access goes by the origin, and finds no role.
    let both = [("x-platform", "mobile"), ("x-mobile-guard", "PORTAL"), ("origin", "https://admin.example.com")];
    program.log_in(&both, STAFF).refused(401, "INVALID_CREDENTIALS");
}

#[test]
fn a_body_that_contradicts_its_front_end_is_refused_before_the_password() {
    let program = Program::start();
    let expected = r#"{"statusCode":400,"error":"Bad Request","message":"Invalid request","code":"GUARD_MISMATCH"}"#;
    for (from, guard) in [(PORTAL, "ADMIN"), (ADMIN, "PORTAL"), (MOBILE, "PORTAL"), (PORTAL, "FRONTEND")] {
        for email in [MEMBER, STAFF, CUSTOMER, DUAL, "nobody@acme.test", "gone@acme.test"] {
            let answer = program.log_in_saying(from, email, json!({ "guard": guard }));
            answer.refused(400, "GUARD_MISMATCH");
            assert_eq!(answer.text, expected);
        }
    }
}

#[test]
fn a_role_guard_in_the_body_is_one_of_ours_letter_by_letter() {
    let program = Program::start();
    for guard in [
        json!("FOO"),
        json!("admin"),
        json!("Portal"),
        json!("PORTAL "),
        json!(""),
        json!(1),
        json!(true),
        json!(["PORTAL"]),
        json!({ "PORTAL": true }),
    ] {
        for from in [PORTAL, NOWHERE, ADMIN] {
            for email in [MEMBER, STAFF, "nobody@acme.test"] {
                let answer = program.log_in_saying(from, email, json!({ "guard": guard }));
                answer.refused(401, "INVALID_CREDENTIALS");
                assert_eq!(answer.body["message"], "Invalid credentials", "{guard}");
            }
        }
    }
    // `null` is what clients send who have nothing to say.
    assert_eq!(program.log_in_saying(PORTAL, MEMBER, json!({ "guard": null })).status, 200);
    let none = program.log_in_saying(NOWHERE, MEMBER, json!({ "guard": null }));
    assert_eq!(none.body["message"], NO_GUARD);
    // The same as the front end's is no contradiction.
    assert_eq!(program.log_in_saying(PORTAL, MEMBER, json!({ "guard": "PORTAL" })).status, 200);
}

#[test]
fn a_program_names_its_role_guard_and_is_held_to_it() {
    let program = Program::start();
    belongs_to_none(&program, NOWHERE);
    let sign_in = |email: &str, guard: &str| program.log_in_saying(NOWHERE, email, json!({ "guard": guard })).status;
    assert_eq!([MEMBER, CUSTOMER, STAFF].map(|email| sign_in(email, "PORTAL").as_u16()), [200, 401, 401]);
    assert_eq!([MEMBER, CUSTOMER, STAFF].map(|email| sign_in(email, "FRONTEND").as_u16()), [401, 200, 401]);
    // Without a page of the admin console there is no platform access, so staff have no role to name.
    assert_eq!([MEMBER, CUSTOMER, STAFF].map(|email| sign_in(email, "ADMIN").as_u16()), [401, 401, 401]);
}

#[test]
fn a_page_of_the_program_itself_names_its_role_guard() {
    let program = Program::start();
    let here = [("origin", program.address())];
    belongs_to_none(&program, &here);
    let member = program.log_in_saying(&here, MEMBER, json!({ "guard": "PORTAL" })).is(200);
    assert_eq!(member["user"]["roles"][0]["name"], "member");
    program.log_in_saying(&here, STAFF, json!({ "guard": "ADMIN" })).refused(401, "INVALID_CREDENTIALS");
}
