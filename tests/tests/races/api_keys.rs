//! What may be done once with an API key: a new secret, its last use, its removal.

use auth_core::api_key::{ApiKey, KeyOwner, Limits, Quota, Rotation, Spent};
use auth_core::base::{ApiKeyId, TokenHash};
use auth_core::store::{StoreError, Tx};

use crate::stage::{NOW, Stage, seeded, unused};
use crate::steps::End;
use crate::{RACERS, ROUNDS, on_each_database, on_each_store};

on_each_store![a_key_is_rotated_once, the_last_use_of_a_key_is_made_once, a_key_is_removed_once];

on_each_database![
    the_second_rotation_loses,
    the_second_of_two_last_uses_loses,
    the_second_removal_of_a_key_loses,
    a_use_waits_for_a_removal_and_finds_nothing,
    a_key_is_made_before_its_owner_is_disabled_or_not_at_all,
];

impl Stage {
    /// A key of a user of this number that may be used once a minute, with the hash that finds it.
    async fn keyed(&self, n: usize) -> (ApiKey, TokenHash) {
        let key = new_key(KeyOwner::User(self.user(n).await.id), n);
        let mut tx = self.begin().await;
        tx.insert_api_key(&key, &secret(n)).await.unwrap();
        tx.commit().await.unwrap();
        (key, secret(n))
    }
}

fn new_key(owner: KeyOwner, n: usize) -> ApiKey {
    ApiKey {
        id: ApiKeyId::new(NOW, &seeded(n)),
        owner,
        tenant: None,
        role_guard: None,
        config_id: "default".to_owned(),
        name: None,
        start: "ak_liv".to_owned(),
        prefix: None,
        enabled: true,
        permissions: None,
        metadata: None,
        limits: Limits { quotas: vec![Quota::per_minute(1).unwrap().into()], ..Limits::default() },
        expires_at: None,
        created_at: NOW,
        updated_at: NOW,
        last_used_at: None,
        usage_count: 0,
        rotation: 0,
    }
}

/// No store looks inside.
fn secret(n: usize) -> TokenHash {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(n as u64).to_le_bytes());
    TokenHash::from_stored(&bytes).unwrap()
}

fn rotation(n: usize) -> Rotation {
    Rotation { secret: secret(n), start: "ak_new".to_owned(), old_until: None, at: NOW }
}

fn numbered(round: usize, racer: usize) -> usize {
    ROUNDS + round * RACERS + racer
}

async fn rotate(mut tx: Box<dyn Tx>, key: &ApiKey, n: usize) -> Result<bool, StoreError> {
    let rotated = tx.rotate_api_key(key, &rotation(n)).await?;
    tx.commit().await?;
    Ok(rotated)
}

async fn a_key_is_rotated_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| (round, stage.keyed(round).await);
    let attempt = |stage: Stage, (round, (key, _)): (usize, (ApiKey, TokenHash)), racer| async move {
        rotate(stage.begin().await, &key, numbered(round, racer)).await
    };
    let settled = async |stage: &Stage, (round, (key, old)): (usize, (ApiKey, TokenHash)), winner| {
        assert!(stage.conn().api_key_by_hash(&old).await.unwrap().is_none(), "the old secret holds");
        for racer in 0..RACERS {
            let found = stage.conn().api_key_by_hash(&secret(numbered(round, racer))).await.unwrap();
            assert_eq!(found.map(|found| found.key.id), (racer == winner).then_some(key.id));
        }
    };
    stage.one_wins(prepare, attempt, settled).await;
}

async fn the_last_use_of_a_key_is_made_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| stage.keyed(round).await.0;
    let spend = |stage: Stage, key: ApiKey, _| async move { stage.conn().spend_api_key(key.id, NOW).await };
    let settled = async |stage: &Stage, key: ApiKey, _| {
        let seen = stage.conn().api_key_of(&key.owner, key.id).await.unwrap().unwrap();
        assert_eq!(seen.limits.quotas[0].used, 1);
    };
    stage.one_wins(prepare, spend, settled).await;
}

async fn a_key_is_removed_once(stage: Stage) {
    let prepare = async |stage: &Stage, round| stage.keyed(round).await;
    let remove = |stage: Stage, (key, _): (ApiKey, TokenHash), _| async move {
        stage.conn().delete_api_key(&key.owner, key.id).await
    };
    let settled = async |stage: &Stage, (_, secret): (ApiKey, TokenHash), _| {
        assert!(stage.conn().api_key_by_hash(&secret).await.unwrap().is_none());
    };
    stage.one_wins(prepare, remove, settled).await;
}

async fn the_second_rotation_loses(stage: Stage) {
    let keyed = async |stage: &Stage, n| stage.keyed(n).await.0;
    stage
        .twice(keyed, |tx, key| {
            // Each has a secret of its own.
            let n = unused();
            Box::pin(async move { tx.rotate_api_key(&key, &rotation(n)).await })
        })
        .await;
}

async fn the_second_of_two_last_uses_loses(stage: Stage) {
    let keyed = async |stage: &Stage, n| stage.keyed(n).await.0.id;
    stage.twice(keyed, |tx, id| Box::pin(async move { tx.spend_api_key(id, NOW).await })).await;
}

async fn the_second_removal_of_a_key_loses(stage: Stage) {
    let keyed = async |stage: &Stage, n| stage.keyed(n).await.0;
    stage.twice(keyed, |tx, key| Box::pin(async move { tx.delete_api_key(&key.owner, key.id).await })).await;
}

async fn a_use_waits_for_a_removal_and_finds_nothing(stage: Stage) {
    for end in End::BOTH {
        let (key, _) = stage.keyed(end.number()).await;
        let first = stage.first(async |tx: &mut dyn Tx| tx.delete_api_key(&key.owner, key.id).await).await;
        let spend = |stage: Stage| async move { stage.conn().spend_api_key(key.id, NOW).await };
        let spent = stage.then(first, end, spend).await.unwrap();
        assert_eq!(spent, if end == End::Committed { Spent::NoSuchKey } else { Spent::Allowed });
    }
}

/// Whoever makes a key has claimed the right to act for its owner, and holds it until the key is there.
async fn a_key_is_made_before_its_owner_is_disabled_or_not_at_all(stage: Stage) {
    for end in End::BOTH {
        let user = stage.user(end.number()).await;
        let disable = async |tx: &mut dyn Tx| tx.set_disabled(user.id, Some(NOW), NOW).await;
        let first = stage.first(disable).await;
        let make = |stage: Stage| async move {
            let mut tx = stage.begin().await;
            if !tx.claim_login(user.id, user.credential_version).await.unwrap() {
                return false;
            }
            let key = new_key(KeyOwner::User(user.id), end.number());
            tx.insert_api_key(&key, &secret(end.number())).await.unwrap();
            tx.commit().await.unwrap();
            true
        };
        assert_eq!(stage.then(first, end, make).await, end == End::TakenBack);
    }
}
