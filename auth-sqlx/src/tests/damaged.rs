//! Rows that no version of this code has written are failures, and never a guess.

use super::*;

#[tokio::test]
async fn damaged_rows_are_failures() {
    let hash = TokenHash::from_stored(&[7; 32]).unwrap();
    for damage in [
        "UPDATE auth_session SET method = 'carrier-pigeon'",
        "UPDATE auth_session SET assurance = 3",
        "UPDATE auth_session SET ip_address = 'localhost'",
        "UPDATE auth_session SET expires_at = -1",
        "UPDATE auth_user SET email = 'Ada@Example.com'",
        "UPDATE auth_user SET email = 'nobody'",
        "PRAGMA ignore_check_constraints = ON; UPDATE auth_user SET pool = 'staff'",
        "UPDATE auth_role SET permissions = 'a:read'",
        "UPDATE auth_role SET permissions = '[\"two words\"]'",
    ] {
        let store = memory().await;
        let (ada, reader) = (user(1, "ada@example.com"), role(2, "reader", &["a:read"]));
        let mut conn = store.conn();
        conn.insert_user(&ada).await.unwrap();
        conn.put_role(&reader).await.unwrap();
        conn.grant_role(&everywhere(ada.id, reader.id), NOW).await.unwrap();
        insert_session(&store, &ada, &[7; 32]).await;
        assert!(conn.session_by_token(&hash).await.unwrap().is_some());
        run(&store, damage).await;
        assert!(matches!(conn.session_by_token(&hash).await, Err(StoreError::Backend(_))), "{damage}");
    }
}

#[tokio::test]
async fn a_damaged_family_is_a_failure() {
    let store = memory().await;
    let ada = user(1, "ada@example.com");
    store.conn().insert_user(&ada).await.unwrap();
    insert_session(&store, &ada, &[7; 32]).await;
    let insert = "INSERT INTO auth_refresh_family (session_id, family_hash, token_hash, generation, created_at, \
        rotated_at, expires_at) SELECT id, zeroblob(32), zeroblob(32), 0, 1, 2, 3 FROM auth_session";
    run(&store, insert).await;
    let hash = TokenHash::from_stored(&[0; 32]).unwrap();
    assert!(store.conn().family_by_hash(&hash).await.unwrap().is_some());
    for damage in ["tenant = 'two words'", "token_hash = x'00'", "previous_hash = x''", "expires_at = -1"] {
        let damage = format!("PRAGMA ignore_check_constraints = ON; UPDATE auth_refresh_family SET {damage}");
        sqlx::raw_sql(AssertSqlSafe(damage.clone())).execute(pool(&store)).await.unwrap();
        assert!(matches!(store.conn().family_by_hash(&hash).await, Err(StoreError::Backend(_))), "{damage}");
        let mended = "UPDATE auth_refresh_family SET tenant = NULL, token_hash = zeroblob(32), previous_hash = NULL, \
            expires_at = 3";
        run(&store, mended).await;
    }
}

#[tokio::test]
async fn damaged_keys_are_failures() {
    let hash = TokenHash::from_stored(&[7; 32]).unwrap();
    for damage in [
        "UPDATE auth_api_key SET owner_ref = 'ada'",
        "UPDATE auth_api_key SET tenant = 'two words'",
        "UPDATE auth_api_key SET permissions = '{}'",
        "UPDATE auth_api_key SET metadata = '[]'",
        "UPDATE auth_api_key SET expires_at = -1",
        "UPDATE auth_api_key_limit SET window_1 = 1",
        "UPDATE auth_api_key_limit SET quota_1 = 4294967296",
        "UPDATE auth_api_key_limit SET used_1 = NULL",
    ] {
        let store = memory().await;
        let ada = user(1, "ada@example.com");
        store.conn().insert_user(&ada).await.unwrap();
        let insert = "INSERT INTO auth_api_key (id, owner_kind, owner_ref, user_id, config_id, key_start, enabled, \
            created_at, updated_at, usage_count, rotation) VALUES ($1, 'user', $2, $3, 'default', 'ak_', 1, 1, 2, 0, 0)";
        let insert = sqlx::query(insert).bind(&[7; 16][..]).bind(ada.id.to_string()).bind(ada.id.as_uuid());
        insert.execute(pool(&store)).await.unwrap();
        run(
            &store,
            "INSERT INTO auth_api_key_secret (key_hash, key_id) SELECT CAST(id || id AS BLOB), id FROM auth_api_key",
        )
        .await;
        let limits = "INSERT INTO auth_api_key_limit (key_id, quota_1, window_1, used_1, ends_at_1) \
            SELECT id, 1, 1000000, 0, 0 FROM auth_api_key";
        run(&store, limits).await;
        assert_eq!(store.conn().api_key_by_hash(&hash).await.unwrap().unwrap().key.limits.quotas.len(), 1);
        run(&store, damage).await;
        assert!(matches!(store.conn().api_key_by_hash(&hash).await, Err(StoreError::Backend(_))), "{damage}");
    }
}
