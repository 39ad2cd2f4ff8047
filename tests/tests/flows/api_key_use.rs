//! Keys in use, and what programs do with them: over every store, with the limits that only a program sets.

use std::time::Duration;

use auth_core::api_key::{self, CreatedKey, KeyChange, KeyOwner, Limits, NewApiKey, Quota, Refill};
use auth_core::base::{TenantId, UserId};
use auth_core::prelude::*;
use auth_core::role::Permission;
use auth_core::user::{disable_user, enable_user};
use auth_tests::{Stack, TestApp, database_flows, flows};
use serde_json::json;

use crate::DAY;

flows![
    whatever_is_no_key_gets_one_answer,
    a_key_does_what_its_owner_may_at_that_moment,
    a_key_cannot_be_given_more_than_its_owner_holds,
    a_quota_is_felt_and_over_after_its_window,
    what_is_left_ends_and_is_filled_again,
    a_refused_use_is_not_used,
    a_program_changes_what_owners_cannot,
    a_program_makes_no_key_for_nobody,
    an_outage_is_no_refusal,
    usage_that_cannot_be_written_refuses_nobody_and_is_not_lost,
];

database_flows![uses_at_once_take_no_more_than_there_is];

const EMAIL: &str = "ada@example.com";

async fn with_ada(stack: Stack) -> (TestApp, UserId) {
    let (app, _) = stack.signed_up(EMAIL).await;
    let id = app.user_id(EMAIL).await;
    (app, id)
}

async fn created(app: &TestApp, owner: UserId, change: impl FnOnce(&mut NewApiKey)) -> CreatedKey {
    let mut new = NewApiKey::of_user(owner);
    change(&mut new);
    api_key::create(&app.cx(), new).await.unwrap()
}

/// What comes of a use: the code of the refusal and how long to wait.
async fn used(app: &TestApp, key: &CreatedKey) -> Result<(), (String, Option<Duration>)> {
    let verified = api_key::verify(&app.cx(), key.secret.expose()).await;
    verified.map(drop).map_err(|error| (error.code().to_owned(), error.wait()))
}

fn permissions(names: &[&str]) -> Vec<Permission> {
    names.iter().map(|name| Permission::parse(*name).unwrap()).collect()
}

async fn whatever_is_no_key_gets_one_answer(stack: Stack) {
    let (app, ada) = with_ada(stack).await;
    let (key, off) = (created(&app, ada, |_| {}).await, created(&app, ada, |_| {}).await);
    let change = KeyChange { enabled: Some(false), ..KeyChange::default() };
    api_key::change(&app.cx(), &KeyOwner::User(ada), off.key.id, change).await.unwrap();
    let text = key.secret.expose();
    let (cut, longer, other) = (&text[1..], format!("{text}A"), text.replace("live", "test"));
    for bad in ["", " ", "ak_live_", cut, &text[..50], &longer, &other, &text.to_uppercase(), off.secret.expose()] {
        let refused = api_key::verify(&app.cx(), bad).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), ("UNAUTHORIZED", Code::Unauthorized.message()), "{bad}");
    }
    assert_eq!(used(&app, &key).await, Ok(()));
    disable_user(&app.cx(), ada).await.unwrap();
    assert_eq!(used(&app, &key).await, Err(("UNAUTHORIZED".to_owned(), None)));
    enable_user(&app.cx(), ada).await.unwrap();
    assert_eq!(used(&app, &key).await, Ok(()));
}

async fn a_key_does_what_its_owner_may_at_that_moment(stack: Stack) {
    let (app, ada) = with_ada(stack).await;
    app.grant(EMAIL, "ADMIN", "editor", &["articles:read", "articles:write"]).await;
    let whole = created(&app, ada, |_| {}).await;
    let limited = created(&app, ada, |new| {
        new.permissions = Some(permissions(&["articles:write", "articles:write"]));
        new.tenant = TenantId::parse("org_2aB").ok();
        new.metadata = json!({"plan": "pro"}).as_object().cloned();
    })
    .await;
    let resolved = async |key: &CreatedKey| api_key::verify(&app.cx(), key.secret.expose()).await.unwrap();
    let names = |key: &api_key::ResolvedKey| {
        key.permissions.iter().map(|permission| permission.as_str().to_owned()).collect::<Vec<_>>()
    };
    let found = resolved(&limited).await;
    assert_eq!((names(&found), found.owner.as_ref().unwrap().id), (vec!["articles:write".to_owned()], ada));
    assert_eq!(found.key.tenant.as_ref().map(TenantId::as_str), Some("org_2aB"));
    assert_eq!(found.key.metadata, json!({"plan": "pro"}).as_object().cloned());
    assert!(found.roles.is_empty());
    let found = resolved(&whole).await;
    assert_eq!((names(&found).len(), found.roles.len()), (2, 1));
    role::revoke_role(&app.cx(), ada, "ADMIN", "editor").await.unwrap();
    assert!(names(&resolved(&limited).await).is_empty() && names(&resolved(&whole).await).is_empty());
}

async fn a_key_cannot_be_given_more_than_its_owner_holds(stack: Stack) {
    let (app, ada) = with_ada(stack).await;
    app.grant(EMAIL, "ADMIN", "reader", &["articles:read"]).await;
    let mut new = NewApiKey::of_user(ada);
    new.permissions = Some(permissions(&["articles:read", "articles:write"]));
    let refused = api_key::create(&app.cx(), new).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind().status().as_u16()), ("PERMISSION_NOT_HELD", 422));
    assert!(refused.message().contains("articles:write"), "{refused}");
    let key = created(&app, ada, |new| new.permissions = Some(permissions(&["articles:read"]))).await;
    let wider = KeyChange { permissions: Some(Some(permissions(&["articles:write"]))), ..KeyChange::default() };
    let refused = api_key::change(&app.cx(), &KeyOwner::User(ada), key.key.id, wider).await.unwrap_err();
    assert_eq!(refused.code(), "PERMISSION_NOT_HELD");
    let page = api_key::KeyPage {
        order: api_key::KeyOrder::Name,
        direction: api_key::Direction::Ascending,
        limit: 10,
        offset: 0,
    };
    assert_eq!(api_key::list(&app.cx(), &KeyOwner::User(ada), page).await.unwrap().total, 1);
}

async fn a_quota_is_felt_and_over_after_its_window(stack: Stack) {
    let (app, ada) = with_ada(stack).await;
    let quotas = vec![Quota::per_minute(2).unwrap(), Quota::new(3, 2 * DAY).unwrap()];
    let key = created(&app, ada, |new| new.quotas = Some(quotas)).await;
    let full = |wait| Err(("RATE_LIMIT_EXCEEDED".to_owned(), Some(wait)));
    assert_eq!(used(&app, &key).await, Ok(()));
    app.advance(Duration::from_secs(15));
    assert_eq!(used(&app, &key).await, Ok(()));
    assert_eq!(used(&app, &key).await, full(Duration::from_secs(45)));
    app.advance(Duration::from_secs(45));
    assert_eq!(used(&app, &key).await, Ok(()));
    assert_eq!(used(&app, &key).await, full(2 * DAY - Duration::from_secs(60)));
    app.advance(2 * DAY);
    assert_eq!(used(&app, &key).await, Ok(()));
}

async fn what_is_left_ends_and_is_filled_again(stack: Stack) {
    let (app, ada) = with_ada(stack).await;
    let once = created(&app, ada, |new| new.remaining = Some(1)).await;
    assert_eq!((used(&app, &once).await.is_ok(), used(&app, &once).await), (true, none_left(None)));
    app.advance(400 * DAY);
    assert_eq!(used(&app, &once).await, none_left(None));
    let daily = created(&app, ada, |new| new.refill = Some(Refill::new(2, DAY).unwrap())).await;
    app.advance(DAY / 2);
    assert_eq!((used(&app, &daily).await, used(&app, &daily).await), (Ok(()), Ok(())));
    assert_eq!(used(&app, &daily).await, none_left(Some(DAY / 2)));
    app.advance(DAY / 2);
    assert_eq!((used(&app, &daily).await, used(&app, &daily).await), (Ok(()), Ok(())));
    assert_eq!(used(&app, &daily).await, none_left(Some(DAY)));
}

fn none_left(wait: Option<Duration>) -> Result<(), (String, Option<Duration>)> {
    Err(("USAGE_EXCEEDED".to_owned(), wait))
}

/// Whoever is refused before is not counted: else a key that was switched off could be run down by strangers.
async fn a_refused_use_is_not_used(stack: Stack) {
    let (app, ada) = with_ada(stack).await;
    let key = created(&app, ada, |new| new.remaining = Some(1)).await;
    let owner = KeyOwner::User(ada);
    let switch = async |enabled| {
        let change = KeyChange { enabled: Some(enabled), ..KeyChange::default() };
        api_key::change(&app.cx(), &owner, key.key.id, change).await.unwrap()
    };
    switch(false).await;
    for _ in 0..3 {
        assert_eq!(used(&app, &key).await, Err(("UNAUTHORIZED".to_owned(), None)));
    }
    let row = switch(true).await;
    assert_eq!((row.limits.remaining, row.usage_count), (Some(1), 0));
    assert_eq!(used(&app, &key).await, Ok(()));
    assert_eq!(used(&app, &key).await, none_left(None));
    let row = api_key::find(&app.cx(), &owner, key.key.id).await.unwrap();
    assert_eq!((row.limits.remaining, row.usage_count), (Some(0), 1));
}

async fn a_program_changes_what_owners_cannot(stack: Stack) {
    let (app, ada) = with_ada(stack).await;
    let (cx, owner) = (app.cx(), KeyOwner::User(ada));
    let key = created(&app, ada, |new| new.remaining = Some(0)).await;
    assert_eq!(used(&app, &key).await, none_left(None));
    let limits = Limits { remaining: Some(2), quotas: vec![Quota::per_minute(1).unwrap().into()], ..Limits::default() };
    let topped_up = KeyChange { limits: Some(limits), ..KeyChange::default() };
    let row = api_key::change(&cx, &owner, key.key.id, topped_up).await.unwrap();
    assert_eq!((row.limits.remaining, row.limits.quotas.len()), (Some(2), 1));
    assert_eq!(used(&app, &key).await, Ok(()));
    assert!(used(&app, &key).await.is_err());
    let five = Limits { quotas: vec![Quota::per_minute(1).unwrap().into(); 5], ..Limits::default() };
    for limits in [five, Limits { remaining: Some(-1), ..Limits::default() }] {
        let change = KeyChange { limits: Some(limits), ..KeyChange::default() };
        let refused = api_key::change(&cx, &owner, key.key.id, change).await.unwrap_err();
        assert_eq!(refused.code(), "VALIDATION_ERROR");
    }
    let nothing = api_key::change(&cx, &owner, key.key.id, KeyChange::default()).await.unwrap_err();
    assert_eq!(nothing.code(), "NO_VALUES_TO_UPDATE");
    api_key::revoke(&cx, &owner, key.key.id).await.unwrap();
    assert_eq!(api_key::revoke(&cx, &owner, key.key.id).await.unwrap_err().code(), "KEY_NOT_FOUND");
}

async fn a_program_makes_no_key_for_nobody(stack: Stack) {
    let (app, ada) = with_ada(stack).await;
    let nobody = UserId::new(app.auth().now(), app.auth().random());
    let refused = api_key::create(&app.cx(), NewApiKey::of_user(nobody)).await.unwrap_err();
    assert_eq!(refused.code(), "USER_NOT_FOUND");
    disable_user(&app.cx(), ada).await.unwrap();
    let refused = api_key::create(&app.cx(), NewApiKey::of_user(ada)).await.unwrap_err();
    assert_eq!(refused.code(), "CONFLICT");
}

async fn an_outage_is_no_refusal(stack: Stack) {
    let (app, ada) = with_ada(stack).await;
    let key = created(&app, ada, |new| new.remaining = Some(5)).await;
    for question in ["api_key_by_hash", "spend_api_key"] {
        app.tap().die_for(question);
        assert_eq!(used(&app, &key).await, Err(("SERVICE_UNAVAILABLE".to_owned(), None)), "{question}");
        app.tap().revive();
    }
    assert_eq!(used(&app, &key).await, Ok(()));
}

async fn usage_that_cannot_be_written_refuses_nobody_and_is_not_lost(stack: Stack) {
    let (app, ada) = with_ada(stack).await;
    let key = created(&app, ada, |_| {}).await;
    app.tap().take_calls();
    for _ in 0..3 {
        assert_eq!(used(&app, &key).await, Ok(()));
    }
    assert_eq!(app.tap().take_calls(), ["api_key_by_hash"; 3], "a use of a key without limits is one look-up");
    app.tap().die_for("record_api_key_usage");
    app.advance(Duration::from_secs(60));
    assert_eq!(used(&app, &key).await, Ok(()));
    assert!(api_key::write_usage(&app.cx()).await.is_err());
    app.tap().revive();
    api_key::write_usage(&app.cx()).await.unwrap();
    let row = app.store().conn().api_key_of(&KeyOwner::User(ada), key.key.id).await.unwrap().unwrap();
    assert_eq!((row.usage_count, row.last_used_at), (4, Some(app.auth().now())));
}

async fn uses_at_once_take_no_more_than_there_is(stack: Stack) {
    let (app, ada) = with_ada(stack).await;
    let quotas = vec![Quota::per_minute(20).unwrap(), Quota::per_hour(100).unwrap()];
    let key = created(&app, ada, |new| (new.remaining, new.quotas) = (Some(7), Some(quotas))).await;
    let secret = key.secret.expose().to_owned();
    let racers = (0..32).map(|_| {
        let (app, secret) = (app.clone(), secret.clone());
        tokio::spawn(async move { api_key::verify(&app.cx(), &secret).await.is_ok() })
    });
    let mut allowed = 0;
    for racer in racers.collect::<Vec<_>>() {
        allowed += i32::from(racer.await.unwrap());
    }
    let row = api_key::find(&app.cx(), &KeyOwner::User(ada), key.key.id).await.unwrap();
    let counted: Vec<_> = row.limits.quotas.iter().map(|counted| counted.used).collect();
    assert_eq!((allowed, row.limits.remaining, counted, row.usage_count), (7, Some(0), vec![7, 7], 7));
}
