//! The second layer over orders: what is done in business hours alone.

use auth_core::base::Timestamp;
use auth_tests::Answer;
use serde_json::{Value, json};

use crate::refusals::{forbidden, invalid, not_found, rule_violation, unauthorized};
use crate::stage::{Caller, Program};

const DAY: i64 = 86_400;
const CLOSED: &str = "This is possible between 9:00 and 17:00 only.";
const PROCESS: [&str; 2] = ["orders:read", "orders:process"];

/// Whoever processes orders, by a token that outlives the days for which the clock is moved.
fn clerk(program: &Program) -> Caller<'_> {
    program.minted("clerk|1", &PROCESS)
}

fn process(caller: &Caller<'_>, order: &str) -> Answer {
    caller.post(&format!("/api/orders/{order}/process"), &Value::Null)
}

/// What second of the day it is for the program, in UTC.
fn second(program: &Program) -> i64 {
    let context = clerk(program).get("/api/context").is(200);
    serde_json::from_value::<Timestamp>(context["timestamp"].clone()).unwrap().as_seconds() % DAY
}

/// Moves the clock to that time of a day to come, and tells what is answered before the second is over.
fn at<T>(program: &Program, time: &str, ask: impl Fn() -> T) -> T {
    let parts: Vec<i64> = time.split(':').map(|part| part.parse().unwrap()).collect();
    let time = parts.iter().fold(0, |total, part| total * 60 + part);
    for _ in 0..20 {
        let ahead = (time - second(program)).rem_euclid(DAY);
        program.advance(u32::try_from(ahead).unwrap());
        let before = second(program);
        let answer = ask();
        if (before, second(program)) == (time, time) {
            return answer;
        }
        // A second was over meanwhile: on the next day again.
    }
    panic!("the clock runs away");
}

#[test]
fn orders_are_processed_from_nine_to_five_utc() {
    let program = Program::start();
    let clerk = clerk(&program);
    for (time, is_open) in [
        ("00:00:00", false),
        ("08:59:59", false),
        ("09:00:00", true),
        ("12:30:00", true),
        ("16:59:59", true),
        ("17:00:00", false),
        ("23:59:59", false),
    ] {
        let answer = at(&program, time, || process(&clerk, "7"));
        if is_open {
            let done = json!({ "id": 7, "status": "processed", "processedBy": "clerk|1" });
            assert_eq!(answer.is(200), done, "{time}");
        } else {
            rule_violation(&answer, CLOSED);
        }
    }
}

#[test]
fn whether_there_is_an_order_is_told_in_business_hours() {
    let program = Program::start();
    let clerk = clerk(&program);
    not_found(&at(&program, "10:00:00", || process(&clerk, "0")), "There is no such order.");
    rule_violation(&at(&program, "18:00:00", || process(&clerk, "0")), CLOSED);
    at(&program, "11:00:00", || {
        for nonsense in ["x", "-1", "1.5", "7x", "18446744073709551616"] {
            invalid(&process(&clerk, nonsense), &["id"]);
        }
    });
}

#[test]
fn who_calls_is_judged_before_the_hour() {
    let program = Program::start();
    for time in ["12:00:00", "03:00:00"] {
        at(&program, time, || {
            unauthorized(&program.post("/api/orders/7/process", &json!({})));
            let missing = "Missing required permission: orders:process";
            let answer = process(&program.minted("eve|1", &["orders:read"]), "7");
            forbidden(&answer, missing, &PROCESS, &["orders:read"]);
        });
    }
}
