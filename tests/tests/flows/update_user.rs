//! Changing one's own profile.

use auth_tests::{Stack, flows};
use serde_json::{Value, json};

flows![
    name_and_picture_change_and_null_removes_a_picture,
    protected_fields_and_the_address_are_refused,
    a_request_that_changes_nothing_is_told,
    what_is_too_long_or_no_object_is_refused,
    unknown_fields_are_dropped,
    nobody_changes_nothing,
];

async fn name_and_picture_change_and_null_removes_a_picture(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    let change = json!({"name": "Countess", "image": "https://example.com/a.png"});
    assert_eq!(ada.auth_post("/update-user", change).await.ok(), json!({"status": true}));
    let user = ada.session().await["user"].clone();
    assert_eq!((&user["name"], &user["image"]), (&json!("Countess"), &json!("https://example.com/a.png")));
    ada.auth_post("/update-user", json!({"image": null})).await.ok();
    let user = ada.session().await["user"].clone();
    assert_eq!((&user["name"], &user["image"]), (&json!("Countess"), &Value::Null));
}

async fn protected_fields_and_the_address_are_refused(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    let before = ada.session().await["user"].clone();
    ada.auth_post("/update-user", json!({"name": "x", "email": "eve@example.com"}))
        .await
        .refused(400, "EMAIL_CAN_NOT_BE_UPDATED");
    for field in [
        "id",
        "userId",
        "role",
        "roles",
        "permissions",
        "emailVerified",
        "EMAIL_VERIFIED",
        "disabledAt",
        "passwordHash",
    ] {
        ada.auth_post("/update-user", json!({"name": "x", field: true})).await.refused(400, "FIELD_NOT_ALLOWED");
    }
    assert_eq!(ada.session().await["user"], before);
}

async fn a_request_that_changes_nothing_is_told(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    for body in [json!({}), json!({"unknown": 1}), json!({"name": null})] {
        ada.auth_post("/update-user", body).await.refused(400, "NO_FIELDS_TO_UPDATE");
    }
}

async fn what_is_too_long_or_no_object_is_refused(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    for (body, code) in [
        (json!({"name": "x".repeat(256)}), "VALIDATION_ERROR"),
        (json!({"image": "x".repeat(2_049)}), "VALIDATION_ERROR"),
        (json!({"name": 7}), "VALIDATION_ERROR"),
        (json!({"image": ["x"]}), "VALIDATION_ERROR"),
        (json!([]), "BODY_MUST_BE_AN_OBJECT"),
        (json!("name"), "BODY_MUST_BE_AN_OBJECT"),
    ] {
        ada.auth_post("/update-user", body).await.refused(400, code);
    }
}

async fn unknown_fields_are_dropped(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    ada.auth_post("/update-user", json!({"name": "Ada", "theme": "dark"})).await.ok();
    assert_eq!(ada.session().await["user"]["theme"], Value::Null);
}

async fn nobody_changes_nothing(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let id = app.user_id("ada@example.com").await.to_string();
    app.anon().auth_post("/update-user", json!({"name": "x"})).await.refused(401, "UNAUTHORIZED");
    // Whose profile it is follows from the credential alone, never from the request.
    let eve = app.signed_up("eve@example.com").await;
    let reply = eve.post(&format!("/api/auth/update-user?userId={id}&id={id}"), json!({"name": "Eve"})).await;
    reply.ok();
    eve.auth_post("/update-user", json!({"name": "Eve", "userId": id})).await.refused(400, "FIELD_NOT_ALLOWED");
    assert_eq!(ada.session().await["user"]["name"], "Ada");
}
