//! Which keys are not made, and which changes are not.

use auth_core::api_key::{Config, Metadata, Names};
use auth_tests::{Actor, Reply, Stack, flows};
use serde_json::{Value, json};

flows![
    what_the_application_decides_is_not_the_owner_s_to_say,
    names_have_a_length,
    prefixes_have_a_length_and_no_odd_characters,
    lifetimes_are_between_a_day_and_a_year,
    metadata_is_an_object_of_four_kib,
    what_is_switched_off_is_refused,
    organisations_and_other_configurations_have_no_keys,
    a_change_names_something,
];

async fn create(actor: &Actor, body: Value) -> Reply {
    actor.auth_post("/api-key/create", body).await
}

async fn update(actor: &Actor, id: &str, mut body: Value) -> Reply {
    body["keyId"] = json!(id);
    actor.auth_post("/api-key/update", body).await
}

/// The id of a new key.
async fn created(actor: &Actor) -> String {
    create(actor, json!({"name": "ci"})).await.ok()["id"].as_str().unwrap().to_owned()
}

async fn what_the_application_decides_is_not_the_owner_s_to_say(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let id = created(&ada).await;
    let before = ada.auth_get("/api-key/list").await.ok();
    for (name, value) in [
        ("remaining", json!(1_000)),
        ("refillAmount", json!(5)),
        ("refillInterval", json!(60_000)),
        ("rateLimitEnabled", json!(false)),
        ("rateLimitTimeWindow", json!(1)),
        ("rateLimitMax", json!(1_000_000)),
        ("permissions", json!({"users": ["write"]})),
        ("userId", json!(app.user_id("ada@example.com").await)),
    ] {
        create(&ada, json!({name: value})).await.refused(400, "SERVER_ONLY_PROPERTY");
        update(&ada, &id, json!({"name": "x", name: value})).await.refused(400, "SERVER_ONLY_PROPERTY");
    }
    assert_eq!(ada.auth_get("/api-key/list").await.ok(), before);
    // The official client sends some of them as null.
    create(&ada, json!({"remaining": null, "permissions": null, "id": "x", "start": "x"})).await.ok();
}

async fn names_have_a_length(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    let id = created(&ada).await;
    for name in ["", &"x".repeat(33), "a\nb", "a\u{0}"] {
        create(&ada, json!({"name": name})).await.refused(400, "INVALID_NAME_LENGTH");
        update(&ada, &id, json!({"name": name})).await.refused(400, "INVALID_NAME_LENGTH");
    }
    let longest = "\u{1f980}".repeat(32);
    assert_eq!(create(&ada, json!({"name": longest})).await.ok()["name"], json!(longest));
    assert_eq!(update(&ada, &id, json!({"name": longest})).await.ok()["name"], json!(longest));
}

async fn prefixes_have_a_length_and_no_odd_characters(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    for prefix in ["", &"x".repeat(33), "a b", "a.b", "\u{e4}", "a\n"] {
        create(&ada, json!({"prefix": prefix})).await.refused(400, "INVALID_PREFIX_LENGTH");
    }
    let longest = "x".repeat(32);
    let row = create(&ada, json!({"prefix": longest})).await.ok();
    assert!(row["key"].as_str().unwrap().starts_with(&longest));
}

async fn lifetimes_are_between_a_day_and_a_year(stack: Stack) {
    const DAY: u64 = 86_400;
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    let id = created(&ada).await;
    for (seconds, code) in [
        (0, "EXPIRES_IN_IS_TOO_SMALL"),
        (DAY - 1, "EXPIRES_IN_IS_TOO_SMALL"),
        (365 * DAY + 1, "EXPIRES_IN_IS_TOO_LARGE"),
        (u64::MAX, "EXPIRES_IN_IS_TOO_LARGE"),
    ] {
        create(&ada, json!({"expiresIn": seconds})).await.refused(400, code);
        update(&ada, &id, json!({"expiresIn": seconds})).await.refused(400, code);
    }
    for seconds in [DAY, 365 * DAY] {
        create(&ada, json!({"expiresIn": seconds})).await.ok();
        update(&ada, &id, json!({"expiresIn": seconds})).await.ok();
    }
    for strange in [json!(-1), json!(1.5), json!("86400"), json!({})] {
        create(&ada, json!({"expiresIn": strange})).await.refused(400, "VALIDATION_ERROR");
        update(&ada, &id, json!({"expiresIn": strange})).await.refused(400, "VALIDATION_ERROR");
    }
    assert_eq!(create(&ada, json!({"expiresIn": null})).await.ok()["expiresAt"], Value::Null);
}

async fn metadata_is_an_object_of_four_kib(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    let id = created(&ada).await;
    for metadata in [json!([]), json!("x"), json!(1), json!(true), json!({"x": "x".repeat(4_089)})] {
        create(&ada, json!({"metadata": metadata})).await.refused(400, "INVALID_METADATA_TYPE");
        update(&ada, &id, json!({"metadata": metadata})).await.refused(400, "INVALID_METADATA_TYPE");
    }
    for metadata in [json!({}), json!({"x": "x".repeat(4_088)}), json!({"a": {"b": [1, null, "\u{0}\u{1f980}"]}})] {
        assert_eq!(create(&ada, json!({"metadata": metadata})).await.ok()["metadata"], metadata);
        assert_eq!(update(&ada, &id, json!({"metadata": metadata})).await.ok()["metadata"], metadata);
    }
}

async fn what_is_switched_off_is_refused(stack: Stack) {
    let config = Config::default().names(Names::Required).metadata(Metadata::Refused).max_name(3);
    let app = stack.app_with(|builder| builder.api_keys(config)).await;
    let ada = app.signed_up("ada@example.com").await;
    create(&ada, json!({})).await.refused(400, "NAME_REQUIRED");
    create(&ada, json!({"name": "long"})).await.refused(400, "INVALID_NAME_LENGTH");
    create(&ada, json!({"name": "ci", "metadata": {}})).await.refused(400, "METADATA_DISABLED");
    let id = created(&ada).await;
    update(&ada, &id, json!({"metadata": {}})).await.refused(400, "METADATA_DISABLED");
}

async fn organisations_and_other_configurations_have_no_keys(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    let id = created(&ada).await;
    create(&ada, json!({"organizationId": "org_1"})).await.refused(400, "ORGANIZATION_PLUGIN_REQUIRED");
    ada.auth_get("/api-key/list?organizationId=org_1").await.refused(400, "ORGANIZATION_PLUGIN_REQUIRED");
    create(&ada, json!({"configId": "other"})).await.refused(400, "NO_DEFAULT_API_KEY_CONFIGURATION_FOUND");
    update(&ada, &id, json!({"configId": "other", "name": "x"})).await.refused(404, "KEY_NOT_FOUND");
    let removal = json!({"configId": "other", "keyId": id});
    ada.auth_post("/api-key/delete", removal).await.refused(404, "KEY_NOT_FOUND");
    ada.auth_get(&format!("/api-key/get?configId=other&id={id}")).await.refused(404, "KEY_NOT_FOUND");
    assert_eq!(create(&ada, json!({"configId": "default"})).await.ok()["configId"], json!("default"));
    ada.auth_get(&format!("/api-key/get?configId=default&id={id}")).await.ok();
}

async fn a_change_names_something(stack: Stack) {
    let (_app, ada) = stack.signed_up("ada@example.com").await;
    let id = created(&ada).await;
    for body in [json!({}), json!({"name": null, "enabled": null}), json!({"unknown": 1})] {
        update(&ada, &id, body).await.refused(400, "NO_VALUES_TO_UPDATE");
    }
    for endpoint in ["update", "delete", "rotate"] {
        let reply = ada.auth_post(&format!("/api-key/{endpoint}"), json!({"name": "x"})).await;
        reply.refused(400, "VALIDATION_ERROR");
    }
    ada.auth_get("/api-key/get").await.refused(400, "VALIDATION_ERROR");
}
