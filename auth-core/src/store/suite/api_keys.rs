//! What a store promises about API keys that are made, found, changed and removed; how their use is counted is in
//! `api_key_uses`.

use serde_json::json;

use super::actors::{Actors, DAY, MICROSECOND, MINUTE, NOW, assert_conflict, race, winners};
use super::facts::{held_everywhere, held_facts, key_facts, user_facts};
use crate::api_key::{
    ApiKey, ApiKeyWithOwner, Direction, KeyChange, KeyOrder, KeyOwner, KeyPage, Limits, Quota, Refill, Rotation,
};
use crate::base::{ApiKeyId, TenantId, Timestamp, TokenHash};
use crate::role::Permission;
use crate::user::User;

async fn found(it: &Actors, secret: &TokenHash) -> Option<ApiKeyWithOwner> {
    it.conn().api_key_by_hash(secret).await.unwrap()
}

async fn is_found(it: &Actors, secret: &TokenHash) -> bool {
    found(it, secret).await.is_some()
}

/// The key as its owner sees it.
async fn listed(it: &Actors, key: &ApiKey) -> ApiKey {
    it.conn().api_key_of(&key.owner, key.id).await.unwrap().unwrap()
}

/// Writes a key that is like any other but for `change`, and reads it back in each way.
async fn assert_survives(it: &Actors, user: &User, change: impl FnOnce(&mut ApiKey)) {
    let (key, secret) = it.keyed(user, change).await;
    assert_eq!(key_facts(&found(it, &secret).await.unwrap().key), key_facts(&key));
    assert_eq!(key_facts(&listed(it, &key).await), key_facts(&key));
}

/// Everything that a key may have.
fn filled(key: &mut ApiKey) {
    let mut limits = Limits { remaining: Some(7), refill: Some(Refill::new(9, 2 * DAY).unwrap()), ..Limits::default() };
    limits.last_refill_at = Some(NOW.minus(DAY));
    for window in [MINUTE, 60 * MINUTE, DAY, 30 * DAY] {
        limits.quotas.push(Quota::new(window.as_secs() as u32, window + MICROSECOND).unwrap().into());
    }
    key.tenant = Some(TenantId::parse("org_2aB").unwrap());
    key.role_guard = Some("g".repeat(64));
    key.permissions = Some(["a:read", "b:write"].map(|name| Permission::parse(name).unwrap()).to_vec());
    key.metadata = json!({"plan": "pro", "nested": {"é'\"\\": [1, null, true]}}).as_object().cloned();
    key.limits = limits;
    key.expires_at = Some(NOW.plus(DAY));
    key.updated_at = NOW.plus(MINUTE);
    key.last_used_at = Some(NOW.plus(MICROSECOND));
    (key.usage_count, key.rotation) = (11, 3);
}

pub(super) async fn a_key_is_found_by_its_secret_with_owner_and_roles(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let mut held = vec![
        it.defined("ADMIN", "admin", &["users:read", "users:write"]).await,
        it.defined("PORTAL", "member", &[]).await,
    ];
    for role in &held {
        it.granted(&ada, role).await;
    }
    let ((key, secret), (_, of_grace)) = (it.keyed(&ada, filled).await, it.keyed(&grace, |_| {}).await);
    let ApiKeyWithOwner { key: seen, secret_expires_at, owner, membership, mut roles } =
        found(&it, &secret).await.unwrap();
    assert_eq!(key_facts(&seen), key_facts(&key));
    assert_eq!(owner.as_ref().map(user_facts), Some(user_facts(&ada)));
    assert_eq!((secret_expires_at, membership), (None, None));
    roles.sort_by_key(|held| held.role.id);
    held.sort_by_key(|role| role.id);
    assert_eq!(
        roles.iter().map(held_facts).collect::<Vec<_>>(),
        held.iter().map(|role| held_facts(&held_everywhere(role))).collect::<Vec<_>>()
    );
    assert!(found(&it, &of_grace).await.unwrap().roles.is_empty(), "roles of another came along");
}

pub(super) async fn every_field_of_a_key_survives(it: Actors) {
    let ada = it.signed_up("ada").await;
    assert_survives(&it, &ada, filled).await;
    assert_survives(&it, &ada, |key| key.name = Some("\u{1f980}".repeat(255))).await;
    assert_survives(&it, &ada, |key| key.metadata = Some(serde_json::Map::new())).await;
    assert_survives(&it, &ada, |key| key.permissions = Some(Vec::new())).await;
    assert_survives(&it, &ada, |key| key.limits.remaining = Some(0)).await;
    assert_survives(&it, &ada, |key| key.expires_at = Some(Timestamp::from_micros(i64::MAX))).await;
}

pub(super) async fn a_key_survives_with_nothing_optional(it: Actors) {
    let ada = it.signed_up("ada").await;
    let bare = |key: &mut ApiKey| (key.name, key.prefix, key.enabled) = (None, None, false);
    assert_survives(&it, &ada, bare).await;
}

pub(super) async fn a_key_of_no_user_is_found_without_one(it: Actors) {
    let organization = KeyOwner::Organization(TenantId::parse("org_2aB").unwrap());
    for owner in [organization, KeyOwner::Service("nightly job".to_owned())] {
        let (key, secret) = (it.api_key(owner), it.key_secret());
        it.write_key(&key, &secret).await;
        let seen = found(&it, &secret).await.unwrap();
        assert_eq!(key_facts(&seen.key), key_facts(&key));
        assert!(seen.owner.is_none() && seen.roles.is_empty(), "a key of {:?} has a user", key.owner);
        assert_eq!(key_facts(&listed(&it, &key).await), key_facts(&key));
    }
}

pub(super) async fn an_unknown_secret_finds_nothing(it: Actors) {
    let ada = it.signed_up("ada").await;
    it.keyed(&ada, |_| {}).await;
    assert!(!is_found(&it, &it.key_secret()).await, "an unknown secret found a key");
}

/// A hash in a text column would be folded, padded or cut.
pub(super) async fn secrets_are_compared_byte_by_byte(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (mut padded, mut cut) = ([b'a'; 32], [b'a'; 32]);
    (padded[31], cut[31]) = (b' ', 0);
    for bytes in [[b'a'; 32], [b'A'; 32], padded, cut, [0; 32], [0xff; 32], [b'\''; 32]] {
        let (key, secret) = (it.api_key(KeyOwner::User(ada.id)), TokenHash::from_stored(&bytes).unwrap());
        assert!(!is_found(&it, &secret).await, "{bytes:?} found another key");
        it.write_key(&key, &secret).await;
        assert_eq!(found(&it, &secret).await.unwrap().key.id, key.id);
    }
}

pub(super) async fn a_key_of_nobody_is_refused(it: Actors) {
    let nobodys = it.api_key(KeyOwner::User(it.user("nobody").id));
    let secret = it.key_secret();
    assert_conflict(it.begin().await.insert_api_key(&nobodys, &secret).await, "a key of nobody");
    assert!(!is_found(&it, &secret).await, "nobody has a key");
}

pub(super) async fn ids_and_secrets_of_keys_are_taken_only_once(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (key, secret) = it.keyed(&ada, |_| {}).await;
    let other = it.api_key(KeyOwner::User(ada.id));
    assert_conflict(it.begin().await.insert_api_key(&key, &it.key_secret()).await, "a taken id");
    assert_conflict(it.begin().await.insert_api_key(&other, &secret).await, "a taken secret");
    assert_eq!(found(&it, &secret).await.unwrap().key.id, key.id);
    assert!(it.conn().api_key_of(&other.owner, other.id).await.unwrap().is_none(), "a key stayed that was refused");
}

pub(super) async fn what_has_ended_is_returned_for_the_caller_to_judge(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (key, secret) = it.keyed(&ada, |key| (key.enabled, key.expires_at) = (false, Some(NOW))).await;
    it.conn().set_disabled(ada.id, Some(NOW), NOW).await.unwrap();
    let rotation = Rotation { secret: it.key_secret(), start: "x".to_owned(), old_until: Some(NOW), at: NOW };
    assert!(rotate(&it, &key, &rotation).await, "the key was not rotated");
    let seen = found(&it, &secret).await.unwrap();
    assert_eq!((seen.key.enabled, seen.key.expires_at, seen.secret_expires_at), (false, Some(NOW), Some(NOW)));
    assert_eq!(seen.owner.and_then(|owner| owner.disabled_at), Some(NOW));
}

pub(super) async fn a_key_is_seen_by_its_owner_only(it: Actors) {
    let (ada, mallory) = (it.signed_up("ada").await, it.signed_up("mallory").await);
    let (key, secret) = it.keyed(&ada, filled).await;
    // Of another user, and of owners of other kinds under the same name.
    let others = [
        KeyOwner::User(mallory.id),
        KeyOwner::Organization(TenantId::parse(&ada.id.to_string()).unwrap()),
        KeyOwner::Service(ada.id.to_string()),
    ];
    let change = KeyChange { enabled: Some(false), limits: Some(Limits::default()), ..KeyChange::default() };
    for other in others {
        let mut tx = it.begin().await;
        assert!(tx.api_key_of(&other, key.id).await.unwrap().is_none(), "{other:?} sees the key of another");
        assert_eq!(tx.api_keys_of(&other, &page(KeyOrder::CreatedAt, Direction::Ascending)).await.unwrap().total, 0);
        assert_eq!(tx.count_api_keys(&other, NOW).await.unwrap(), 0);
        assert!(!tx.update_api_key(&other, key.id, &change, NOW).await.unwrap(), "{other:?} changed it");
        assert!(!tx.delete_api_key(&other, key.id).await.unwrap(), "{other:?} removed it");
        let claimed = ApiKey { owner: other, ..key.clone() };
        assert!(!tx.rotate_api_key(&claimed, &to(&it, None)).await.unwrap(), "another rotated it");
        tx.commit().await.unwrap();
    }
    assert_eq!(key_facts(&found(&it, &secret).await.unwrap().key), key_facts(&key));
}

fn page(order: KeyOrder, direction: Direction) -> KeyPage {
    KeyPage { order, direction, limit: 100, offset: 0 }
}

async fn ids(it: &Actors, owner: &KeyOwner, page: KeyPage) -> Vec<ApiKeyId> {
    it.conn().api_keys_of(owner, &page).await.unwrap().keys.iter().map(|key| key.id).collect()
}

pub(super) async fn keys_are_listed_in_every_order(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    it.keyed(&grace, |_| {}).await;
    let mut keys = Vec::new();
    // Names in an order of their own, capitals before small letters; the last one has nothing to be ordered by.
    for (n, name) in [Some("beta"), Some("Zeta"), Some("alpha"), Some("é"), None].into_iter().enumerate() {
        let at = |minutes: u32| NOW.plus(minutes * MINUTE);
        let fill = |key: &mut ApiKey| {
            key.name = name.map(str::to_owned);
            key.created_at = at(n as u32);
            key.updated_at = at(10 - n as u32);
            key.expires_at = name.map(|_| at([3, 1, 4, 2][n]));
            key.last_used_at = name.map(|_| at([2, 4, 1, 3][n]));
        };
        keys.push(it.keyed(&ada, fill).await.0);
    }
    let owner = KeyOwner::User(ada.id);
    for (order, ascending) in [
        (KeyOrder::CreatedAt, [0, 1, 2, 3, 4]),
        (KeyOrder::UpdatedAt, [4, 3, 2, 1, 0]),
        (KeyOrder::Name, [1, 2, 0, 3, 4]),
        (KeyOrder::ExpiresAt, [1, 3, 0, 2, 4]),
        (KeyOrder::LastUsedAt, [2, 0, 3, 1, 4]),
    ] {
        let expected = ascending.map(|n| keys[n].id);
        assert_eq!(ids(&it, &owner, page(order, Direction::Ascending)).await, expected, "{order:?}");
        let mut descending = expected.to_vec();
        descending.reverse();
        if !matches!(order, KeyOrder::CreatedAt | KeyOrder::UpdatedAt) {
            // What is missing comes last either way.
            descending.rotate_left(1);
        }
        assert_eq!(ids(&it, &owner, page(order, Direction::Descending)).await, descending, "{order:?}");
    }
}

pub(super) async fn pages_of_keys_join_without_gap_or_repeat(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut written = Vec::new();
    for _ in 0..7 {
        // All of one instant and one name: only the id tells them apart.
        written.push(it.keyed(&ada, filled).await.0.id);
    }
    written.sort_unstable();
    let owner = KeyOwner::User(ada.id);
    for order in [KeyOrder::CreatedAt, KeyOrder::Name, KeyOrder::LastUsedAt] {
        let mut read = Vec::new();
        for (offset, expected) in [(0, 3), (3, 3), (6, 1), (7, 0), (u32::MAX, 0)] {
            let page = KeyPage { limit: 3, offset, ..page(order, Direction::Ascending) };
            let list = it.conn().api_keys_of(&owner, &page).await.unwrap();
            assert_eq!((list.keys.len(), list.total), (expected, 7), "from {offset} on");
            read.extend(list.keys.iter().map(|key| key.id));
        }
        assert_eq!(read, written);
    }
    let nothing = KeyPage { limit: 0, ..page(KeyOrder::CreatedAt, Direction::Descending) };
    assert!(ids(&it, &owner, nothing).await.is_empty(), "a limit of zero was passed over");
}

pub(super) async fn keys_are_counted_until_they_expire(it: Actors) {
    let ada = it.signed_up("ada").await;
    for end in [None, Some(NOW.plus(MICROSECOND)), Some(NOW), Some(NOW.minus(DAY))] {
        it.keyed(&ada, |key| (key.expires_at, key.enabled) = (end, false)).await;
    }
    assert_eq!(it.conn().count_api_keys(&KeyOwner::User(ada.id), NOW).await.unwrap(), 2);
}

async fn change(it: &Actors, key: &ApiKey, change: &KeyChange) -> bool {
    let mut tx = it.begin().await;
    let changed = tx.update_api_key(&key.owner, key.id, change, NOW.plus(DAY)).await.unwrap();
    tx.commit().await.unwrap();
    changed
}

pub(super) async fn a_change_touches_what_it_names_alone(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (mut key, _) = it.keyed(&ada, filled).await;
    let bystander = it.keyed(&ada, filled).await.0;
    let permissions = vec![Permission::parse("c:read").unwrap()];
    let metadata = json!({"a": 1}).as_object().cloned();
    let changes = [
        KeyChange { name: Some(Some("new".to_owned())), ..KeyChange::default() },
        KeyChange { name: Some(None), ..KeyChange::default() },
        KeyChange { enabled: Some(false), ..KeyChange::default() },
        KeyChange { enabled: Some(true), ..KeyChange::default() },
        KeyChange { permissions: Some(Some(permissions)), ..KeyChange::default() },
        KeyChange { permissions: Some(None), ..KeyChange::default() },
        KeyChange { metadata: Some(metadata), ..KeyChange::default() },
        KeyChange { metadata: Some(None), ..KeyChange::default() },
        KeyChange { expires_at: Some(Some(NOW)), ..KeyChange::default() },
        KeyChange { expires_at: Some(None), ..KeyChange::default() },
        KeyChange::default(),
    ];
    for named in changes {
        assert!(change(&it, &key, &named).await, "the key was not found");
        key = changed(key, named.clone());
        assert_eq!(key_facts(&listed(&it, &key).await), key_facts(&key), "{named:?}");
    }
    assert_eq!(key_facts(&listed(&it, &bystander).await), key_facts(&bystander));
}

/// What [`change`] should make of the key.
fn changed(key: ApiKey, change: KeyChange) -> ApiKey {
    ApiKey {
        name: change.name.unwrap_or(key.name),
        enabled: change.enabled.unwrap_or(key.enabled),
        permissions: change.permissions.unwrap_or(key.permissions),
        metadata: change.metadata.unwrap_or(key.metadata),
        expires_at: change.expires_at.unwrap_or(key.expires_at),
        limits: change.limits.unwrap_or(key.limits),
        updated_at: NOW.plus(DAY),
        ..key
    }
}

pub(super) async fn new_limits_take_the_place_of_all_old_ones(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (mut key, _) = it.keyed(&ada, filled).await;
    let fewer = Limits { quotas: vec![Quota::per_day(2).unwrap().into()], ..Limits::default() };
    for limits in [fewer, Limits { remaining: Some(1), ..Limits::default() }, Limits::default(), key.limits.clone()] {
        let named = KeyChange { limits: Some(limits), ..KeyChange::default() };
        assert!(change(&it, &key, &named).await, "the key was not found");
        key = changed(key, named);
        assert_eq!(key_facts(&listed(&it, &key).await), key_facts(&key));
    }
}

pub(super) async fn a_removed_key_is_gone_with_its_secrets(it: Actors) {
    let ada = it.signed_up("ada").await;
    let ((key, secret), (_, other)) = (it.keyed(&ada, filled).await, it.keyed(&ada, filled).await);
    let rotation = to(&it, Some(NOW.plus(DAY)));
    assert!(rotate(&it, &key, &rotation).await, "the key was not rotated");
    assert!(it.conn().delete_api_key(&key.owner, key.id).await.unwrap(), "the key was not found");
    assert!(!is_found(&it, &secret).await && !is_found(&it, &rotation.secret).await, "a removed key is found");
    assert!(!it.conn().delete_api_key(&key.owner, key.id).await.unwrap(), "a key was removed twice");
    assert!(!change(&it, &key, &KeyChange::default()).await, "a removed key was changed");
    assert!(is_found(&it, &other).await, "another key went too");
    // Nothing of it is in the way of another one.
    it.write_key(&key, &secret).await;
    assert_eq!(key_facts(&found(&it, &secret).await.unwrap().key), key_facts(&key));
}

pub(super) async fn racing_removals_of_a_key_have_one_winner(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (key, _) = it.keyed(&ada, filled).await;
    let (it, key) = (&it, &key);
    let verdicts = race(|_| async move { it.conn().delete_api_key(&key.owner, key.id).await.unwrap() }).await;
    assert_eq!(winners(&verdicts), 1, "removals of the same key");
}

pub(super) async fn deleting_a_user_takes_their_keys_along(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let ((key, secret), (_, of_grace)) = (it.keyed(&ada, filled).await, it.keyed(&grace, filled).await);
    assert!(it.conn().delete_user(ada.id).await.unwrap(), "the user was not found");
    assert!(!is_found(&it, &secret).await, "a key outlives its user");
    assert!(it.conn().api_key_of(&key.owner, key.id).await.unwrap().is_none(), "a key outlives its user");
    assert!(is_found(&it, &of_grace).await, "the key of another went too");
}

/// A new secret for a key.
fn to(it: &Actors, old_until: Option<Timestamp>) -> Rotation {
    Rotation { secret: it.key_secret(), start: "ak_new".to_owned(), old_until, at: NOW.plus(MINUTE) }
}

async fn rotate(it: &Actors, seen: &ApiKey, rotation: &Rotation) -> bool {
    let mut tx = it.begin().await;
    let rotated = tx.rotate_api_key(seen, rotation).await.unwrap();
    tx.commit().await.unwrap();
    rotated
}

pub(super) async fn a_rotated_key_keeps_everything_but_its_secret(it: Actors) {
    let ada = it.signed_up("ada").await;
    let ((mut key, old), (_, other)) = (it.keyed(&ada, filled).await, it.keyed(&ada, filled).await);
    let rotation = to(&it, None);
    assert!(rotate(&it, &key, &rotation).await, "the key was not rotated");
    assert!(!is_found(&it, &old).await, "the old secret finds the key");
    (key.rotation, key.start, key.updated_at) = (key.rotation + 1, rotation.start, rotation.at);
    let seen = found(&it, &rotation.secret).await.unwrap();
    assert_eq!((key_facts(&seen.key), seen.secret_expires_at), (key_facts(&key), None));
    assert!(is_found(&it, &other).await, "another key lost its secret");
}

/// The grace of an old secret is never put off by a later rotation, only brought forward.
pub(super) async fn old_secrets_end_when_they_are_told_to(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (mut key, first) = it.keyed(&ada, |_| {}).await;
    let mut secrets = vec![first];
    for (hours, expected) in [(3, vec![3]), (5, vec![3, 5]), (2, vec![2, 2, 2])] {
        let rotation = to(&it, Some(NOW.plus(hours * 60 * MINUTE)));
        assert!(rotate(&it, &key, &rotation).await, "the key was not rotated");
        key.rotation += 1;
        for (secret, hours) in secrets.iter().zip(expected) {
            let end = found(&it, secret).await.unwrap().secret_expires_at;
            assert_eq!(end, Some(NOW.plus(hours * 60 * MINUTE)));
        }
        assert_eq!(found(&it, &rotation.secret).await.unwrap().secret_expires_at, None);
        secrets.push(rotation.secret);
    }
    let last = to(&it, None);
    assert!(rotate(&it, &key, &last).await, "the key was not rotated");
    for secret in secrets {
        assert!(!is_found(&it, &secret).await, "an old secret stayed");
    }
}

pub(super) async fn a_rotation_of_an_earlier_state_does_nothing(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (key, _) = it.keyed(&ada, filled).await;
    let (first, late) = (to(&it, None), to(&it, None));
    assert!(rotate(&it, &key, &first).await, "the key was not rotated");
    assert!(!rotate(&it, &key, &late).await, "a key was rotated from a state that it had left");
    assert!(is_found(&it, &first.secret).await && !is_found(&it, &late.secret).await, "the wrong secret holds");
}

pub(super) async fn racing_rotations_have_one_winner(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (key, old) = it.keyed(&ada, filled).await;
    let rotations: Vec<_> = (0..super::actors::RACERS).map(|_| to(&it, None)).collect();
    let (it, key, rotations) = (&it, &key, &rotations);
    let verdicts = race(|racer| rotate(it, key, &rotations[racer])).await;
    assert_eq!(winners(&verdicts), 1, "rotations of the same state");
    for (rotation, won) in rotations.iter().zip(verdicts) {
        assert_eq!(
            is_found(it, &rotation.secret).await,
            won,
            "a secret holds exactly if its rotation was told as done"
        );
    }
    assert!(!is_found(it, &old).await, "the old secret holds");
}
