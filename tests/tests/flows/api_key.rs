//! What users do with their API keys, in a session of theirs.

use std::time::Duration;

use auth_core::Auth;
use auth_core::api_key::{self, Config, KeyOwner};
use auth_core::base::Secret;
use auth_core::store::MemoryStore;
use auth_core::user::disable_user;
use auth_tests::{Actor, Reply, Stack, TestApp, database_flows, flows};
use serde_json::{Value, json};

use crate::DAY;

flows![
    a_key_is_shown_once,
    a_key_has_the_configured_limits_and_the_whole_authority,
    a_key_is_made_and_rotated_in_a_fresh_session_alone,
    a_key_is_seen_and_changed_in_any_session,
    what_lets_a_key_do_more_needs_a_fresh_session,
    somebody_else_s_key_does_not_exist,
    a_removed_key_is_gone_at_once,
    a_rotated_key_keeps_its_old_secret_for_the_grace,
    lists_are_ordered_and_paged,
    usage_says_what_is_left,
    every_change_is_in_the_trail_without_its_secret,
    whoever_lost_their_session_meanwhile_changes_no_key,
    a_user_who_is_gone_leaves_no_key,
    expired_keys_stay_in_the_list_for_a_month,
];

database_flows![no_more_keys_than_allowed_are_made_at_once, of_two_rotations_at_once_one_is_done];

/// A key of this user: its id and its secret.
async fn created(actor: &Actor) -> (String, String) {
    shown(&actor.auth_post("/api-key/create", json!({"name": "ci"})).await)
}

fn shown(reply: &Reply) -> (String, String) {
    let row = reply.ok();
    (row["id"].as_str().unwrap().to_owned(), row["key"].as_str().unwrap().to_owned())
}

async fn rotate(actor: &Actor, id: &str, grace: Value) -> Reply {
    actor.auth_post("/api-key/rotate", json!({"keyId": id, "graceSeconds": grace})).await
}

async fn row(actor: &Actor, id: &str) -> Reply {
    actor.auth_get(&format!("/api-key/get?id={id}")).await
}

/// Whether the key counts.
async fn counts(app: &TestApp, key: &str) -> bool {
    api_key::verify(&app.cx(), key).await.is_ok()
}

async fn a_key_is_shown_once(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let created = ada.auth_post("/api-key/create", json!({"name": "ci"})).await;
    let (id, key) = shown(&created);
    assert_eq!((key.len(), &key[..8], created.ok()["start"].as_str()), (51, "ak_live_", Some("ak_liv")));
    let mut row_of_list = created.ok();
    row_of_list.as_object_mut().unwrap().remove("key");
    assert_eq!(row(&ada, &id).await.ok(), row_of_list);
    assert_eq!(ada.auth_get("/api-key/list").await.ok()["apiKeys"], json!([row_of_list]));
    assert!(counts(&app, &key).await);
    let twin = ada.auth_post("/api-key/create", json!({"name": "ci"})).await;
    assert_ne!(shown(&twin).1, key);
}

async fn a_key_has_the_configured_limits_and_the_whole_authority(stack: Stack) {
    let quotas = [api_key::Quota::per_minute(60).unwrap(), api_key::Quota::per_day(1_000).unwrap()];
    let config = Config::default().quotas(quotas).default_lifetime(30 * DAY).prefix("acme_");
    let app = stack.app_with(|builder| builder.api_keys(config)).await;
    let ada = app.signed_up("ada@example.com").await;
    let row = ada.auth_post("/api-key/create", json!({})).await.ok();
    assert_eq!((&row["rateLimitEnabled"], &row["rateLimitMax"]), (&json!(true), &json!(60)));
    assert_eq!((&row["rateLimitTimeWindow"], &row["requestCount"]), (&json!(60_000), &json!(0)));
    assert_eq!((&row["remaining"], &row["permissions"], &row["name"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!(row["expiresAt"], json!(app.auth().now().plus(30 * DAY)));
    assert_eq!(row["referenceId"], json!(app.user_id("ada@example.com").await));
    assert!(row["key"].as_str().unwrap().starts_with("acme_"));
    let own = ada.auth_post("/api-key/create", json!({"prefix": "my-ci_", "expiresIn": 86_400})).await.ok();
    assert_eq!((&own["prefix"], &own["start"]), (&json!("my-ci_"), &json!("my-ci_")));
    assert_eq!(own["expiresAt"], json!(app.auth().now().plus(DAY)));
}

async fn a_key_is_made_and_rotated_in_a_fresh_session_alone(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let (id, key) = created(&ada).await;
    let (_, bearers) = created(&ada.bearer()).await;
    assert!(counts(&app, &bearers).await);
    app.advance(DAY);
    ada.auth_post("/api-key/create", json!({})).await.refused(403, "SESSION_NOT_FRESH");
    rotate(&ada, &id, Value::Null).await.refused(403, "SESSION_NOT_FRESH");
    for endpoint in ["create", "update", "delete", "rotate"] {
        let reply = app.anon().auth_post(&format!("/api-key/{endpoint}"), json!({"keyId": id})).await;
        reply.refused(401, "UNAUTHORIZED");
        // A key opens no session, whatever it is called.
        let reply = app.program().with_bearer(&key).auth_post(&format!("/api-key/{endpoint}"), json!({})).await;
        reply.refused(401, "UNAUTHORIZED");
    }
    for endpoint in [format!("get?id={id}"), "list".to_owned(), format!("usage?id={id}")] {
        app.anon().auth_get(&format!("/api-key/{endpoint}")).await.refused(401, "UNAUTHORIZED");
    }
    assert!(counts(&app, &key).await);
}

async fn a_key_is_seen_and_changed_in_any_session(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let (id, key) = created(&ada).await;
    app.advance(2 * DAY);
    let update = async |body: Value| ada.auth_post("/api-key/update", body).await;
    let renamed = update(json!({"keyId": id, "name": "nightly", "metadata": {"team": "ops"}})).await.ok();
    assert_eq!((&renamed["name"], &renamed["metadata"]), (&json!("nightly"), &json!({"team": "ops"})));
    assert_eq!(renamed["updatedAt"], json!(app.auth().now()));
    assert!(renamed.get("key").is_none(), "a change shows no secret");
    let bare = update(json!({"keyId": id, "metadata": null, "unknown": 1})).await.ok();
    assert_eq!((&bare["name"], &bare["metadata"]), (&json!("nightly"), &Value::Null));
    assert!(counts(&app, &key).await);
    assert_eq!(update(json!({"keyId": id, "enabled": false})).await.ok()["enabled"], json!(false));
    assert!(!counts(&app, &key).await, "a key counts that was switched off");
    ada.auth_post("/api-key/delete", json!({"keyId": id})).await.ok();
}

async fn what_lets_a_key_do_more_needs_a_fresh_session(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let (id, key) = created(&ada).await;
    ada.auth_post("/api-key/update", json!({"keyId": id, "enabled": false, "expiresIn": 86_400})).await.ok();
    app.advance(DAY / 2);
    ada.auth_post("/api-key/update", json!({"keyId": id, "enabled": true})).await.ok();
    assert!(counts(&app, &key).await);
    app.advance(DAY / 2);
    assert!(!counts(&app, &key).await, "a key counts that has expired");
    for body in [
        json!({"keyId": id, "enabled": true}),
        json!({"keyId": id, "expiresIn": 90_000}),
        json!({"keyId": id, "expiresIn": null}),
    ] {
        ada.auth_post("/api-key/update", body).await.refused(403, "SESSION_NOT_FRESH");
    }
    let again = app.signed_in("ada@example.com").await;
    let row = again.auth_post("/api-key/update", json!({"keyId": id, "expiresIn": null})).await.ok();
    assert_eq!(row["expiresAt"], Value::Null);
    assert!(counts(&app, &key).await);
}

async fn somebody_else_s_key_does_not_exist(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let mallory = app.signed_up("mallory@example.com").await;
    let (id, key) = created(&ada).await;
    let before = row(&ada, &id).await.ok();
    let unknown = "0123456789abcdef0123456789abcdef";
    for (endpoint, body) in [
        ("update", json!({"name": "mine"})),
        ("update", json!({"enabled": false})),
        ("delete", json!({})),
        ("rotate", json!({})),
    ] {
        let ask = async |id: &str| {
            let mut body = body.clone();
            body["keyId"] = json!(id);
            mallory.auth_post(&format!("/api-key/{endpoint}"), body).await
        };
        let foreign = ask(&id).await;
        foreign.refused(404, "KEY_NOT_FOUND");
        assert_eq!(foreign.essence(), ask(unknown).await.essence(), "{endpoint}");
        assert_eq!(foreign.essence(), ask("no id").await.essence(), "{endpoint}");
    }
    for endpoint in ["get", "usage"] {
        let ask = async |id: &str| mallory.auth_get(&format!("/api-key/{endpoint}?id={id}")).await;
        let foreign = ask(&id).await;
        foreign.refused(404, "KEY_NOT_FOUND");
        assert_eq!(foreign.essence(), ask(unknown).await.essence(), "{endpoint}");
    }
    assert_eq!(mallory.auth_get("/api-key/list").await.ok()["total"], json!(0));
    assert_eq!(row(&ada, &id).await.ok(), before);
    assert!(counts(&app, &key).await);
}

async fn a_removed_key_is_gone_at_once(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let ((id, key), (_, other)) = (created(&ada).await, created(&ada).await);
    assert!(counts(&app, &key).await);
    let remove = || ada.auth_post("/api-key/delete", json!({"keyId": id}));
    assert_eq!(remove().await.ok(), json!({"success": true}));
    assert!(!counts(&app, &key).await && counts(&app, &other).await);
    remove().await.refused(404, "KEY_NOT_FOUND");
    row(&ada, &id).await.refused(404, "KEY_NOT_FOUND");
    rotate(&ada, &id, Value::Null).await.refused(404, "KEY_NOT_FOUND");
    assert_eq!(ada.auth_get("/api-key/list").await.ok()["total"], json!(1));
}

async fn a_rotated_key_keeps_its_old_secret_for_the_grace(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let (id, first) = created(&ada).await;
    let before = row(&ada, &id).await.ok();
    app.advance(Duration::from_secs(1));
    let rotated = rotate(&ada, &id, json!(60)).await;
    let (same, second) = shown(&rotated);
    assert_eq!((&same, second.starts_with("ak_live_")), (&id, true));
    assert!(counts(&app, &first).await && counts(&app, &second).await);
    app.advance(Duration::from_secs(60));
    assert!(!counts(&app, &first).await && counts(&app, &second).await);
    let after = row(&ada, &id).await.ok();
    for field in ["name", "createdAt", "enabled", "metadata", "expiresAt", "start"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    let (_, third) = shown(&rotate(&ada, &id, Value::Null).await);
    assert!(!counts(&app, &second).await && counts(&app, &third).await);
    rotate(&ada, &id, json!(8 * 86_400)).await.refused(400, "VALIDATION_ERROR");
    rotate(&ada, &id, json!(-1)).await.refused(400, "VALIDATION_ERROR");
    assert!(counts(&app, &third).await);
}

async fn lists_are_ordered_and_paged(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    for name in ["beta", "alpha", "gamma"] {
        ada.auth_post("/api-key/create", json!({"name": name})).await.ok();
        app.advance(Duration::from_secs(1));
    }
    let names = async |query: &str| {
        let list = ada.auth_get(&format!("/api-key/list{query}")).await.ok();
        assert_eq!(list["total"], json!(3), "{query}");
        let keys = list["apiKeys"].as_array().unwrap();
        keys.iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("").await, "gamma alpha beta");
    assert_eq!(names("?sortBy=createdAt").await, "beta alpha gamma");
    assert_eq!(names("?sortBy=name").await, "alpha beta gamma");
    assert_eq!(names("?sortBy=name&sortDirection=desc").await, "gamma beta alpha");
    assert_eq!(names("?sortBy=name&limit=1&offset=1").await, "beta");
    assert_eq!(names("?limit=0").await, "");
    assert_eq!(names("?offset=9").await, "");
    let list = ada.auth_get("/api-key/list?limit=1000&offset=1").await.ok();
    assert_eq!((&list["limit"], &list["offset"]), (&json!(100), &json!(1)));
    assert_eq!(ada.auth_get("/api-key/list?configId=other").await.ok()["total"], json!(0));
    for query in ["?sortBy=key_hash", "?sortDirection=up", "?limit=-1", "?offset=x", "?limit=1&limit=2"] {
        ada.auth_get(&format!("/api-key/list{query}")).await.refused(400, "VALIDATION_ERROR");
    }
}

async fn usage_says_what_is_left(stack: Stack) {
    let quotas = [api_key::Quota::per_minute(2).unwrap(), api_key::Quota::per_hour(5).unwrap()];
    let app = stack.app_with(|builder| builder.api_keys(Config::default().quotas(quotas))).await;
    let ada = app.signed_up("ada@example.com").await;
    let (id, key) = created(&ada).await;
    let usage = async || ada.auth_get(&format!("/api-key/usage?id={id}")).await.ok();
    let unused = usage().await;
    assert_eq!((&unused["usageCount"], &unused["lastRequest"]), (&json!(0), &Value::Null));
    assert_eq!(unused["quotas"][0]["resetsAt"], Value::Null);
    assert!(counts(&app, &key).await && counts(&app, &key).await && !counts(&app, &key).await);
    let (now, used) = (app.auth().now(), usage().await);
    assert_eq!((&used["usageCount"], &used["lastRequest"]), (&json!(2), &json!(now)));
    let minute =
        json!({"max": 2, "timeWindow": 60_000, "requestCount": 2, "resetsAt": now.plus(Duration::from_secs(60))});
    assert_eq!(used["quotas"][0], minute);
    assert_eq!(row(&ada, &id).await.ok()["requestCount"], json!(2));
    app.advance(Duration::from_secs(60));
    let later = usage().await;
    assert_eq!((&later["quotas"][0]["requestCount"], &later["quotas"][1]["requestCount"]), (&json!(0), &json!(2)));
    assert_eq!(row(&ada, &id).await.ok()["requestCount"], json!(0));
}

async fn every_change_is_in_the_trail_without_its_secret(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.events().take();
    let (id, key) = created(&ada).await;
    ada.auth_post("/api-key/update", json!({"keyId": id, "name": "nightly"})).await.ok();
    let (_, second) = shown(&rotate(&ada, &id, json!(60)).await);
    ada.auth_post("/api-key/delete", json!({"keyId": id})).await.ok();
    let told = ["api_key_created", "api_key_changed", "api_key_rotated", "api_key_revoked"];
    assert_eq!(app.events().take(), told);
    let user = app.user_id("ada@example.com").await;
    let trail = app.audit(user).await;
    for action in told {
        let entry = trail.iter().find(|entry| entry.action == action).unwrap();
        assert_eq!((entry.detail.as_deref(), entry.actor_id), (Some(&*id), Some(user)));
    }
    let trail = format!("{trail:?}");
    assert!(!trail.contains(&key[8..]) && !trail.contains(&second[8..]));
}

async fn whoever_lost_their_session_meanwhile_changes_no_key(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let (id, key) = created(&ada).await;
    let user = app.user_id("ada@example.com").await;
    for (endpoint, body) in [
        ("create", json!({})),
        ("update", json!({"keyId": id, "enabled": false})),
        ("rotate", json!({"keyId": id})),
        ("delete", json!({"keyId": id})),
    ] {
        let thief = app.signed_in("ada@example.com").await;
        let cx = app.cx();
        app.tap().meanwhile("begin", async move {
            cx.conn().end_sessions_of_user(user, None).await.unwrap();
        });
        thief.auth_post(&format!("/api-key/{endpoint}"), body).await.refused(401, "UNAUTHORIZED");
    }
    assert!(counts(&app, &key).await);
    let again = app.signed_in("ada@example.com").await;
    assert_eq!(again.auth_get("/api-key/list").await.ok()["total"], json!(1));
}

async fn a_user_who_is_gone_leaves_no_key(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let grace = app.signed_up("grace@example.com").await;
    let ((_, key), (_, of_grace)) = (created(&ada).await, created(&grace).await);
    ada.auth_post("/delete-user", json!({})).await.ok();
    assert!(!counts(&app, &key).await && counts(&app, &of_grace).await);
    disable_user(&app.cx(), app.user_id("grace@example.com").await).await.unwrap();
    assert!(!counts(&app, &of_grace).await);
}

async fn expired_keys_stay_in_the_list_for_a_month(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    created(&ada).await;
    let (id, _) = shown(&ada.auth_post("/api-key/create", json!({"expiresIn": 86_400})).await);
    let (rotated, _) = created(&ada).await;
    rotate(&ada, &rotated, json!(60)).await.ok();
    app.advance(30 * DAY);
    let pruned = auth_core::retention::prune(&app.cx()).await.unwrap();
    assert_eq!((pruned.api_keys, pruned.api_key_secrets), (0, 1));
    let again = app.signed_in("ada@example.com").await;
    row(&again, &id).await.ok();
    app.advance(DAY);
    assert_eq!(auth_core::retention::prune(&app.cx()).await.unwrap().api_keys, 1);
    row(&again, &id).await.refused(404, "KEY_NOT_FOUND");
    assert_eq!(again.auth_get("/api-key/list").await.ok()["total"], json!(2));
}

#[test]
fn without_configuration_there_is_nothing() {
    let secret = Secret::new("a secret that is good enough for tests 0123456789");
    let builder = Auth::builder().base_url(auth_tests::BASE_URL).secret(secret).store(MemoryStore::new());
    let auth = builder.build().unwrap();
    assert!(!auth.routes().iter().any(|route| route.path().starts_with("/api-key")));
}

async fn no_more_keys_than_allowed_are_made_at_once(stack: Stack) {
    let app = stack.app_with(|builder| builder.api_keys(Config::default().max_per_owner(3))).await;
    let ada = app.signed_up("ada@example.com").await;
    let racers = (0..10).map(|_| {
        let ada = ada.clone();
        tokio::spawn(async move { ada.auth_post("/api-key/create", json!({})).await })
    });
    let mut made = 0;
    for racer in racers.collect::<Vec<_>>() {
        let reply = racer.await.unwrap();
        if reply.status == 200 {
            made += 1;
        } else {
            reply.refused(422, "API_KEY_LIMIT_REACHED");
        }
    }
    assert_eq!((made, ada.auth_get("/api-key/list").await.ok()["total"].clone()), (3, json!(3)));
    // Whatever has expired or was removed makes room.
    let list = ada.auth_get("/api-key/list").await.ok();
    ada.auth_post("/api-key/delete", json!({"keyId": list["apiKeys"][0]["id"]})).await.ok();
    created(&ada).await;
    ada.auth_post("/api-key/create", json!({})).await.refused(422, "API_KEY_LIMIT_REACHED");
}

async fn of_two_rotations_at_once_one_is_done(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    let (id, _) = created(&ada).await;
    let (cx, owner) = (app.cx(), KeyOwner::User(app.user_id("ada@example.com").await));
    let key = id.parse().unwrap();
    app.tap().meanwhile("begin", async move {
        drop(api_key::rotate(&cx, &owner, key, Duration::ZERO).await.unwrap());
    });
    rotate(&ada, &id, Value::Null).await.refused(409, "CONFLICT");
    let (_, fresh) = shown(&rotate(&ada, &id, Value::Null).await);
    assert!(counts(&app, &fresh).await);
}
