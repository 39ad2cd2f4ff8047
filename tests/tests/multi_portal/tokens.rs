//! Access and refresh tokens: what they say, how long they are good, and that they die together.

use http::Method;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::stage::{ADMIN, CUSTOMER, MEMBER, MOBILE, NOWHERE, PASSWORD, PORTAL, Program, SECRET, STAFF, claims};

#[test]
fn an_access_token_is_signed_with_exactly_the_secret() {
    let program = Program::start();
    let member = program.signed_in(PORTAL, MEMBER);
    assert_eq!(decode_header(&member.access).unwrap().alg, Algorithm::HS256);
    let verified = |secret: &[u8]| {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[program.address()]);
        validation.set_issuer(&[program.address()]);
        decode::<Value>(&member.access, &DecodingKey::from_secret(secret), &validation)
    };
    let told = verified(SECRET.as_bytes()).unwrap().claims;
    assert_eq!((&told["sub"], &told["email"]), (&json!(member.id()), &json!(MEMBER)));
    assert!(verified(&SECRET.as_bytes()[..31]).is_err());
    // The session is named, and is the one that is listed.
    let listed = member.get("/auth/sessions").is(200);
    assert_eq!(listed["sessions"][0]["id"], told["sid"]);
}

#[test]
fn both_tokens_are_good_for_as_long_as_is_said() {
    for (variables, access, refresh) in
        [(&[][..], 3600, 2_592_000), (&[("ACCESS_TTL", "60"), ("REFRESH_TTL", "120")][..], 60, 120)]
    {
        let program = Program::with(variables);
        let member = program.signed_in(PORTAL, MEMBER);
        let told = claims(&member.access);
        assert_eq!(told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap(), access);
        // Not to the second, for the clock runs on meanwhile.
        program.advance(u32::try_from(access).unwrap() - 20);
        assert_eq!(member.get("/auth/me").status, 200);
        program.advance(20);
        member.get("/auth/me").refused(401, "UNAUTHORIZED");
        member.refreshed().is(200);
        let [early, late] = [(); 2].map(|()| program.signed_in(PORTAL, MEMBER));
        program.advance(refresh - 20);
        early.refreshed().is(200);
        program.advance(20);
        late.refreshed().refused(401, "UNAUTHORIZED");
    }
}

#[test]
fn a_refresh_token_is_good_once_and_a_second_use_ends_the_session() {
    let program = Program::start();
    let member = program.signed_in(PORTAL, MEMBER);
    let other = program.signed_in(PORTAL, MEMBER);
    let answer = member.refreshed().is(200);
    assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), ["accessToken", "refreshToken"]);
    let next = program.caller(PORTAL, &answer);
    assert_ne!((&next.access, &next.refresh), (&member.access, &member.refresh));
    assert_eq!(next.session(), member.session());
    assert_eq!(next.get("/portal-area").status, 200);
    member.refreshed().refused(401, "UNAUTHORIZED");
    assert_eq!(next.is_alive(), [false, false]);
    assert_eq!(member.get("/auth/me").status, 401);
    // Another session of theirs goes on.
    assert_eq!(other.is_alive(), [true, true]);
}

#[test]
fn what_is_no_refresh_token_gets_one_answer() {
    let program = Program::start();
    let member = program.signed_in(PORTAL, MEMBER);
    let expected = program.post("/auth/refresh-token", PORTAL, &json!({ "refreshToken": "rt_x" }));
    expected.refused(401, "UNAUTHORIZED");
    let cut = &member.refresh[..member.refresh.len() - 1];
    for bad in ["", "x", &member.access, cut, &format!("{}x", member.refresh), &member.refresh.to_uppercase()] {
        let answer = program.post("/auth/refresh-token", PORTAL, &json!({ "refreshToken": bad }));
        assert_eq!(answer.essence(), expected.essence(), "{bad}");
    }
    // Nor is it any other credential.
    let bearer = format!("Bearer {}", member.refresh);
    let as_access = program.send(Method::GET, "/auth/me", &[("authorization", &bearer)], &Value::Null);
    as_access.refused(401, "UNAUTHORIZED");
    assert_eq!(member.is_alive(), [true, true]);
}

#[test]
fn what_is_no_access_token_opens_nothing() {
    let program = Program::start();
    let member = program.signed_in(PORTAL, MEMBER);
    let (head, signature) = member.access.rsplit_once('.').unwrap();
    let mut parts = head.split('.');
    let (header, payload) = (parts.next().unwrap(), parts.next().unwrap());
    let forged = |algorithm: Algorithm, secret: &[u8]| {
        let header = jsonwebtoken::Header { typ: Some("at+jwt".to_owned()), ..jsonwebtoken::Header::new(algorithm) };
        jsonwebtoken::encode(&header, &claims(&member.access), &jsonwebtoken::EncodingKey::from_secret(secret)).unwrap()
    };
    for bad in [
        String::new(),
        "x".to_owned(),
        format!("{head}."),
        format!("{header}..{signature}"),
        format!("{header}.{payload}.{}", signature.chars().rev().collect::<String>()),
        forged(Algorithm::HS256, b"another secret, of 32 bytes or so"),
        forged(Algorithm::HS512, SECRET.as_bytes()),
    ] {
        let bearer = format!("Bearer {bad}");
        for path in ["/auth/me", "/portal-area", "/auth/sessions"] {
            let answer = program.send(Method::GET, path, &[("authorization", &bearer)], &Value::Null);
            assert_eq!(answer.refused(401, "UNAUTHORIZED").headers["www-authenticate"], "Bearer", "{bad}");
        }
    }
    // Claims of the same session, signed by the same secret, are good for what the rows say.
    let bearer = format!("Bearer {}", forged(Algorithm::HS256, SECRET.as_bytes()));
    assert_eq!(program.send(Method::GET, "/portal-area", &[("authorization", &bearer)], &Value::Null).status, 200);
}

#[test]
fn roles_in_a_token_are_news_of_yesterday_and_the_rows_decide() {
    let program = Program::start();
    let member = program.signed_in(PORTAL, MEMBER);
    let mut told = claims(&member.access);
    told["roles"] = json!([{ "name": "super_admin", "guard": "ADMIN" }]);
    told["platform"] = json!(true);
    let header = jsonwebtoken::Header { typ: Some("at+jwt".to_owned()), ..jsonwebtoken::Header::new(Algorithm::HS256) };
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let bearer = format!("Bearer {}", jsonwebtoken::encode(&header, &told, &key).unwrap());
    let headers = [ADMIN, &[("authorization", &*bearer)]].concat();
    program.send(Method::GET, "/staff-area", &headers, &Value::Null).refused(403, "FORBIDDEN");
}

#[test]
fn signing_out_ends_both_tokens_and_may_be_repeated() {
    let program = Program::start();
    for (from, email) in [(PORTAL, MEMBER), (MOBILE, CUSTOMER), (ADMIN, STAFF)] {
        let [by_access, by_refresh, other] = [(); 3].map(|()| program.signed_in(from, email));
        for _ in 0..2 {
            assert_eq!(by_access.post("/auth/logout", &json!({})).is(200), json!({ "success": true }));
            assert_eq!(by_access.post("/auth/logout", &Value::Null).status, 200);
        }
        assert_eq!(by_access.is_alive(), [false, false]);
        // Wherever it is shown: nobody is told that they are signed out who is not.
        for from in [NOWHERE, PORTAL, from] {
            let body = json!({ "refreshToken": by_refresh.refresh });
            assert_eq!(program.post("/auth/logout", from, &body).is(200), json!({ "success": true }));
            assert_eq!(by_refresh.get("/auth/me").status, 401, "{email} {from:?}");
        }
        assert_eq!(by_refresh.refreshed().status, 401);
        assert_eq!(other.is_alive(), [true, true]);
    }
    for body in [json!({}), json!({ "refreshToken": "nonsense" }), json!({ "refreshToken": null }), Value::Null] {
        assert_eq!(program.post("/auth/logout", NOWHERE, &body).is(200), json!({ "success": true }));
    }
}

#[test]
fn signing_out_everywhere_ends_all_sessions_of_theirs_and_of_nobody_else() {
    let program = Program::start();
    let callers = [(); 3].map(|()| program.signed_in(PORTAL, MEMBER));
    let stranger = program.signed_in(MOBILE, CUSTOMER);
    assert_eq!(callers[0].post("/auth/logout-all", &Value::Null).is(200), json!({ "success": true }));
    for caller in &callers {
        assert_eq!(caller.is_alive(), [false, false]);
    }
    // Whoever asks again is nobody, and nothing more happens.
    callers[0].post("/auth/logout-all", &Value::Null).refused(401, "UNAUTHORIZED");
    program.post("/auth/logout-all", NOWHERE, &json!({})).is(200);
    assert_eq!(stranger.is_alive(), [true, true]);
    assert_eq!(program.signed_in(PORTAL, MEMBER).is_alive(), [true, true]);
}

#[test]
fn an_answer_that_holds_tokens_is_not_to_be_stored() {
    let program = Program::start();
    let body = json!({ "email": "new@acme.test", "password": PASSWORD });
    let sign_up = program.post("/auth/signup", PORTAL, &body);
    let sign_in = program.log_in(PORTAL, MEMBER);
    let member = program.caller(PORTAL, &sign_in.body);
    let changed = member
        .post("/auth/change-password", &json!({ "currentPassword": PASSWORD, "newPassword": "Marble-Falcon-77" }));
    let refreshed = program.caller(PORTAL, &changed.body).refreshed();
    for answer in [sign_up, sign_in, changed, refreshed] {
        assert!(answer.body["accessToken"].is_string(), "{}", answer.text);
        let lines: Vec<_> = answer.headers.get_all("cache-control").iter().collect();
        assert_eq!(lines, ["no-store"]);
    }
}
