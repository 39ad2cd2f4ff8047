//! The one form of every refusal.

use auth_core::base::Timestamp;
use auth_tests::{Answer, with};
use serde_json::{Value, json};

/// Checks that this is a refusal of this status: `rest`, and beside it the name of the request, which the header says
/// too, and when it was.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, rest: &Value) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body["correlationId"].as_str(), answer.header("x-correlation-id"), "{}", answer.body);
    assert!(!answer.body["correlationId"].is_null());
    if status != 429 {
        let timestamp = answer.body["timestamp"].as_str().unwrap();
        assert!(timestamp.ends_with('Z'), "{timestamp}");
        serde_json::from_value::<Timestamp>(timestamp.into()).unwrap();
    }
    assert_eq!(&with(answer.body.clone(), json!({ "correlationId": null, "timestamp": null })), rest);
}

/// For want of a credential that counts.
#[track_caller]
pub(crate) fn unauthorized(answer: &Answer) {
    let message = "Missing or invalid authentication token";
    refused(answer, 401, &json!({ "error": "Unauthorized", "message": message }));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
}

/// For want of a permission, as the message says, on a route that requires these, for somebody who holds those.
#[track_caller]
pub(crate) fn forbidden(answer: &Answer, message: &str, required: &[&str], held: &[&str]) {
    let rest = json!({
        "error": "Forbidden", "message": message, "requiredPermissions": required, "userPermissions": held,
    });
    refused(answer, 403, &rest);
}

/// By what the business allows.
#[track_caller]
pub(crate) fn denied(answer: &Answer) {
    refused(answer, 403, &json!({ "error": "Forbidden", "message": "You are not allowed to do this." }));
}

#[track_caller]
pub(crate) fn rule_violation(answer: &Answer, message: &str) {
    refused(answer, 422, &json!({ "error": "BusinessRuleViolation", "message": message }));
}

#[track_caller]
pub(crate) fn not_found(answer: &Answer, message: &str) {
    refused(answer, 404, &json!({ "error": "NotFound", "message": message }));
}

/// For a body of which these fields are wrong.
#[track_caller]
pub(crate) fn invalid(answer: &Answer, fields: &[&str]) {
    assert_eq!((answer.status, &answer.body["error"]), (400, &json!("BadRequest")), "{}", answer.body);
    assert_eq!(answer.body["correlationId"].as_str(), answer.header("x-correlation-id"));
    let Some(told) = answer.body["fields"].as_array() else { panic!("no field is named: {}", answer.body) };
    let mut names: Vec<&str> = told.iter().map(|field| field["field"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, fields, "{}", answer.body);
    for field in told {
        let message = field["message"].as_str().unwrap();
        assert!(!message.is_empty() && answer.body["message"].as_str().unwrap().contains(message), "{}", answer.body);
    }
}

/// Because of a bucket of this size. Tells in how many seconds to come back.
#[track_caller]
pub(crate) fn too_many(answer: &Answer, limit: u32, window: u64) -> u32 {
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=window).contains(&seconds), "{seconds}");
    let message = format!("Rate limit exceeded. Try again in {seconds} seconds.");
    let rest = json!({
        "error": "TooManyRequests", "message": message, "retryAfter": seconds, "limit": limit, "window": window,
    });
    refused(answer, 429, &rest);
    assert_eq!(standing(answer), (i64::from(limit), 0));
    seconds.try_into().unwrap()
}

/// How many fit into the bucket that a request met, and how many more there is room for.
#[track_caller]
pub(crate) fn standing(answer: &Answer) -> (i64, i64) {
    (number(answer, "x-ratelimit-limit"), number(answer, "x-ratelimit-remaining"))
}

/// What a header says.
#[track_caller]
pub(crate) fn number(answer: &Answer, name: &str) -> i64 {
    let Some(text) = answer.header(name) else { panic!("no {name}: {answer:?}") };
    text.parse().unwrap()
}
