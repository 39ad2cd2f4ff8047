//! How often somebody may call: who is counted, by what, and what is told of it.

use auth_tests::Answer;
use http::Method;
use serde_json::{Value, json};

use crate::refusals::{number, standing, too_many, unauthorized};
use crate::stage::{ALICE, BOB, Caller, OPS, PASSWORD, Program, now};

fn import(caller: &Caller<'_>) -> Answer {
    caller.post("/api/bulk-import", &json!({ "items": [1] }))
}

/// Anything that is answered to somebody unknown; each of another route.
fn anonymous(program: &Program) -> [Answer; 7] {
    let weak = json!({ "email": "ada@example.com", "password": "x", "name": "Ada" });
    [
        program.get("/api/products"),
        program.post("/api/auth/register", &weak),
        program.log_in(BOB, "wrong"),
        program.post("/api/auth/refresh", &json!({ "refreshToken": "rt_x" })),
        program.post("/api/auth/reset-password", &json!({ "email": "nobody@example.com" })),
        program.post("/api/auth/logout", &json!({})),
        program.get("/api/context"),
    ]
}

/// Until nobody unknown is answered any more.
fn use_up(program: &Program) {
    for _ in 0..10 {
        program.get("/api/products").is(200);
    }
    too_many(&program.get("/api/products"), 10, 60);
}

#[test]
fn an_address_has_ten_requests_a_minute_over_all_public_routes() {
    let program = Program::limited(&[]);
    let first = anonymous(&program);
    assert_eq!(first.each_ref().map(|answer| answer.status), [200, 400, 401, 401, 202, 204, 401]);
    let begun = now();
    for (at, answer) in first.iter().enumerate() {
        assert_eq!(standing(answer), (10, 9 - i64::try_from(at).unwrap()));
        let reset = number(answer, "x-ratelimit-reset");
        assert!((begun + 50..=begun + 61).contains(&reset), "{reset}");
        assert_eq!(answer.header("retry-after"), None);
    }
    for left in [2, 1, 0] {
        assert_eq!(standing(&program.get("/api/products")), (10, left));
    }
    for answer in anonymous(&program) {
        too_many(&answer, 10, 60);
    }
    // What is refused is not counted: whoever comes back when they were told to is let in.
    let seconds = too_many(&program.get("/api/products"), 10, 60);
    program.advance(seconds);
    assert_eq!(standing(&program.get("/api/products")), (10, 9));
}

#[test]
fn what_is_refused_for_want_of_a_token_counts_for_the_address() {
    let program = Program::limited(&[]);
    let [bob, forged] = [program.signed_in(BOB), program.by("not.a.token")];
    for at in 0..9 {
        let answer = if at % 2 == 0 { program.get("/api/users") } else { forged.get("/api/context") };
        unauthorized(&answer);
        assert_eq!(standing(&answer), (10, 8 - at));
    }
    for answer in [program.get("/api/users"), forged.get("/api/context"), program.get("/api/products")] {
        too_many(&answer, 10, 60);
    }
    // Whoever is known has a bucket of their own, from the same address.
    assert_eq!(standing(&bob.get("/api/users")), (100, 99));
}

#[test]
fn somebody_known_has_a_hundred_a_minute_whichever_token_they_show() {
    let program = Program::limited(&[]);
    let [alice, again, bob] = [ALICE, ALICE, BOB].map(|email| program.signed_in(email));
    let minted = program.minted(&alice.id, &["users:read"]);
    let callers = [&alice, &again, &minted];
    for at in 0..100 {
        // What is refused to them counts like what is not.
        let path = ["/api/context", "/api/users/1"][at % 2];
        let answer = callers[at % 3].get(path);
        assert_eq!(answer.status, [200, 403][at % 2], "{}", answer.body);
        assert_eq!(standing(&answer), (100, 99 - i64::try_from(at).unwrap()), "by token {}", at % 3);
    }
    for caller in callers {
        too_many(&caller.get("/api/context"), 100, 60);
        too_many(&caller.get("/api/users"), 100, 60);
    }
    // Neither anybody else nor their address is concerned.
    assert_eq!(standing(&bob.get("/api/context")), (100, 99));
    assert_eq!(standing(&program.minted("eve|1", &[]).get("/api/context")), (100, 99));
    assert_eq!(standing(&program.get("/api/products")), (10, 6));
    let seconds = too_many(&alice.get("/api/context"), 100, 60);
    program.advance(seconds);
    assert_eq!(standing(&alice.get("/api/context")), (100, 99));
}

#[test]
fn an_import_has_a_quota_of_its_own_in_place_of_the_other() {
    let program = Program::limited(&[]);
    let [ops, alice] = [OPS, ALICE].map(|email| program.minted(&program.signed_in(email).id, &["users:create"]));
    for left in (0..10).rev() {
        let answer = import(&ops);
        assert_eq!((answer.status, standing(&answer)), (202, (10, left)));
        let reset = number(&answer, "x-ratelimit-reset");
        assert!((now() + 3500..=now() + 3601).contains(&reset), "{reset}");
    }
    assert!(too_many(&import(&ops), 10, 3600) > 3500);
    // The default one has not been touched, and neither have others.
    assert_eq!(standing(&ops.get("/api/context")), (100, 99));
    assert_eq!(import(&alice).status, 202);
    for _ in 0..50 {
        alice.get("/api/context").is(200);
    }
    assert_eq!(standing(&import(&alice)), (10, 8));
    // It is by the hour: a minute is not enough.
    program.advance(60);
    let seconds = too_many(&import(&ops), 10, 3600);
    program.advance(seconds - 20);
    too_many(&import(&ops), 10, 3600);
    program.advance(20);
    assert_eq!(standing(&import(&ops)), (10, 9));
    // Nor does anybody get in there more often who is nobody.
    for _ in 0..10 {
        unauthorized(&program.post("/api/bulk-import", &json!({ "items": [] })));
    }
    assert_eq!(program.post("/api/bulk-import", &json!({ "items": [] })).status, 429);
}

#[test]
fn health_and_the_page_and_the_demo_are_never_limited() {
    let program = Program::limited(&[]);
    use_up(&program);
    for _ in 0..30 {
        for path in ["/health", "/", "/__outbox"] {
            let answer = program.get(path);
            assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, None), "{path}");
        }
        program.advance(0);
    }
    too_many(&program.get("/api/products"), 10, 60);
}

#[test]
fn requests_at_the_same_time_get_no_more_than_there_is_room_for() {
    let program = Program::limited(&[]);
    let allowed = std::thread::scope(|scope| {
        let all =
            [(); 4].map(|()| scope.spawn(|| (0..10).filter(|_| program.get("/api/products").status == 200).count()));
        all.map(|one| one.join().unwrap()).iter().sum::<usize>()
    });
    assert_eq!(allowed, 10);
}

#[test]
fn other_methods_of_a_route_are_no_way_around() {
    let program = Program::limited(&[]);
    use_up(&program);
    for method in [Method::HEAD, Method::PUT, Method::DELETE] {
        let answer = program.send(method.clone(), "/api/products", &[], "");
        assert!([405, 429].contains(&answer.status), "{method}: {}", answer.status);
    }
    let login = json!({ "email": ALICE, "password": PASSWORD });
    too_many(&program.post("/api/auth/login?x=1", &login), 10, 60);
    assert_ne!(program.send(Method::POST, "/api/auth/login/", &[], &login.to_string()).status, 200);
    assert_eq!(program.minted("eve|1", &[]).send(Method::GET, "/api/context", &[], &Value::Null).status, 200);
}

/// There are more ways to the engine than the routes of the contract, and one bucket over all of them.
#[test]
fn nor_by_an_endpoint_of_the_engine() {
    let program = Program::limited(&[]);
    use_up(&program);
    let login = json!({ "email": ALICE, "password": PASSWORD });
    let answer = program.post("/account/sign-in/email", &login);
    assert!([404, 429].contains(&answer.status), "{}: {}", answer.status, answer.body);
}

#[test]
fn without_limits_nothing_is_counted_or_said() {
    let program = Program::start();
    for _ in 0..15 {
        let answer = program.get("/api/products");
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, None));
    }
    let wrong = json!({ "email": ALICE, "password": "wrong" });
    for _ in 0..15 {
        assert_eq!(program.post("/api/auth/login", &wrong).status, 401);
    }
    assert_eq!(program.log_in(ALICE, PASSWORD).status, 200);
}
