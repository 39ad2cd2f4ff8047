//! Tenants and their members, and roles and sessions that say where they are held and act.

use auth_core::base::{TenantId, Timestamp};
use auth_core::code::CodePurpose;
use auth_core::role::{RoleScope, StoredGrant};
use auth_core::store::{Store, StoreError};
use auth_sqlx::migrate;

use crate::{Before, from_each_database, role_id, session_id, token_hash, user_id};

from_each_database!(
    from BEFORE_TENANTS:
    every_row_is_kept_by_the_tenants,
    the_tenants_may_be_applied_by_hand,
    every_rule_holds_after_the_tenants,
    what_was_kept_goes_along_with_what_it_belongs_to,
    a_process_of_an_earlier_version_goes_on_opening_sessions,
);

/// The version before tenants.
const BEFORE_TENANTS: &str = "0005_api_keys";

impl Before {
    /// Of each kind of what refers to a session or a user, and a table of the application that refers to a role.
    async fn filled_with_tokens(&self) {
        let rows = "
            INSERT INTO auth_code (purpose, subject_id, code_hash, user_id, session_id, created_at, expires_at)
                VALUES ('one-time-token', id(4), bytes(1), id(1), id(4), 1, 99);
            INSERT INTO auth_refresh_family (session_id, family_hash, token_hash, generation, created_at, rotated_at,
                expires_at) VALUES (id(4), bytes(2), bytes(3), 7, 1, 2, 99), (id(6), bytes(6), bytes(7), 0, 1, 2, 99);
            INSERT INTO auth_api_key (id, owner_kind, owner_ref, user_id, tenant, config_id, key_start, enabled,
                created_at, updated_at, usage_count, rotation)
                VALUES (id(9), 'user', '00000000000000000000000000000001', id(1), 'acme', 'default', 'ak', {yes}, 1, 1, 5, 0);
            INSERT INTO auth_api_key_secret (key_hash, key_id, expires_at) VALUES (bytes(8), id(9), NULL);
            INSERT INTO auth_api_key_limit (key_id) VALUES (id(9));
            CREATE TABLE badge (role_id {id} NOT NULL, FOREIGN KEY (role_id) REFERENCES auth_role (id));
            CREATE VIEW staff AS SELECT ur.user_id, r.name FROM auth_user_role ur JOIN auth_role r ON r.id = ur.role_id;
            INSERT INTO badge (role_id) VALUES (id(3));";
        self.run(rows).await.unwrap();
    }

    /// All of it is held everywhere and acts in no tenant.
    async fn assert_every_token_is_there(&self) {
        self.assert_every_row_is_there().await;
        let mut conn = self.store.conn();
        let code =
            conn.code_by_hash(CodePurpose::OneTimeToken, &token_hash(1), Timestamp::from_micros(98)).await.unwrap();
        assert_eq!(code.unwrap().session_id, Some(session_id(4)));
        let family = conn.family_by_hash(&token_hash(2)).await.unwrap().unwrap();
        assert_eq!((family.family.generation, family.found.session.id), (7, session_id(4)));
        let key = conn.api_key_by_hash(&token_hash(8)).await.unwrap().unwrap();
        assert_eq!((key.key.usage_count, key.membership, key.roles.len()), (5, None, 1));
        let by_token = conn.session_by_token(&token_hash(4)).await.unwrap().unwrap();
        for found in [by_token, family.found] {
            assert_eq!((&found.session.scope, found.membership), (&RoleScope::Everywhere, None));
            assert_eq!((found.session.role_guard, found.roles.len()), (None, 1));
            assert_eq!(found.roles[0].scope, RoleScope::Everywhere);
            let role = &found.roles[0].role;
            assert_eq!((&*role.guard, &*role.name, &*role.permissions[0].to_string()), ("ADMIN", "clerk", "a:b"));
            assert_eq!(
                (&role.tenant, role.is_system, role.manages, role.created_at.as_micros()),
                (&None, false, false, 31)
            );
        }
        for (from, rows) in [("badge", 1), ("staff", 2), ("auth_session", 3), ("auth_refresh_family", 2)] {
            assert_eq!(self.count(from).await, rows, "{from}");
        }
    }
}

async fn every_row_is_kept_by_the_tenants(before: Before) {
    before.filled_with_tokens().await;
    for _ in 0..2 {
        migrate(&before.store).await.unwrap();
        before.assert_every_token_is_there().await;
    }
}

async fn the_tenants_may_be_applied_by_hand(before: Before) {
    before.filled_with_tokens().await;
    before.applied_after(BEFORE_TENANTS).await;
    migrate(&before.store).await.unwrap();
    before.assert_every_token_is_there().await;
    assert!(matches!(before.store.conn().delete_role(role_id(3)).await, Err(StoreError::Conflict)), "it is held");
}

const MEMBER: &str = "auth_membership (user_id, tenant, status, created_at, updated_at) VALUES";
const ROLE: &str = "auth_role (id, guard, name, permissions, created_at, scope, tenant) VALUES";
const GRANT: &str = "auth_user_role (user_id, role_id, granted_at, scope, tenant) VALUES";
const SESSION: &str = "auth_session (id, token_hash, user_id, created_at, updated_at, authenticated_at, expires_at, \
    absolute_expires_at, persistent, method, assurance, scope, tenant) \
    VALUES (id(9), bytes(9), id(1), 1, 1, 1, 99, 99, {yes}, 'password', 1, 'tenant acme', 'acme')";

async fn every_rule_holds_after_the_tenants(before: Before) {
    migrate(&before.store).await.unwrap();
    let insert = async |into: &str, row: &str| before.run(&format!("INSERT INTO {into} {row}")).await;
    let tenant = "auth_tenant (id, name, created_at) VALUES";
    insert(tenant, "('acme', 'Acme', 1)").await.unwrap();
    for (into, refused, why) in [
        (tenant, "('acme', 'Another', 1)", "the name is taken"),
        (tenant, "('', 'Acme', 1)", "a tenant has a name"),
        (MEMBER, "(id(1), 'nowhere', 'active', 1, 1)", "there is no such tenant"),
        (MEMBER, "(id(9), 'acme', 'active', 1, 1)", "there is no such user"),
        (MEMBER, "(id(1), 'acme', 'gone', 1, 1)", "there is no such status"),
        (ROLE, "(id(9), 'ADMIN', 'clerk', '[]', 1, 'everywhere', NULL)", "the names are taken"),
        (ROLE, "(id(9), 'ADMIN', 'x', '[]', 1, 'tenant nowhere', 'nowhere')", "there is no such tenant"),
        (ROLE, "(id(9), 'ADMIN', 'x', '[]', 1, NULL, NULL)", "a role has a scope"),
        (GRANT, "(id(1), id(3), 1, 'everywhere', NULL)", "it is held"),
        (GRANT, "(id(1), id(3), 1, 'tenant acme', 'acme')", "they do not belong to it"),
        (GRANT, "(id(1), id(9), 1, 'platform', NULL)", "there is no such role"),
        (SESSION, "", "they do not belong to it"),
    ] {
        assert!(insert(into, refused).await.is_err(), "{why}");
    }
    insert(MEMBER, "(id(1), 'acme', 'active', 1, 1)").await.unwrap();
    insert(ROLE, "(id(9), 'ADMIN', 'clerk', '[]', 1, 'tenant acme', 'acme')").await.unwrap();
    let both = "(id(1), id(3), 1, 'tenant acme', 'acme'), (id(1), id(9), 1, 'tenant acme', 'acme')";
    insert(GRANT, both).await.unwrap();
    insert(SESSION, "").await.unwrap();

    let (mut conn, acme) = (before.store.conn(), TenantId::parse("acme").unwrap());
    assert_eq!(conn.session_by_token(&token_hash(9)).await.unwrap().unwrap().roles.len(), 3);
    assert!(conn.delete_membership(user_id(1), &acme).await.unwrap());
    assert!(conn.session_by_token(&token_hash(9)).await.unwrap().is_none(), "it ends with the membership");
    assert_eq!(conn.roles_of_user(user_id(1), None).await.unwrap().len(), 1, "roles there go with the membership");
    assert!(conn.delete_tenant(&acme).await.unwrap());
    assert!(conn.roles(Some(&acme)).await.unwrap().is_empty(), "a role goes with its tenant");
}

/// Tables that were made anew are referred to as before.
async fn what_was_kept_goes_along_with_what_it_belongs_to(before: Before) {
    before.filled_with_tokens().await;
    migrate(&before.store).await.unwrap();
    let mut conn = before.store.conn();
    assert!(before.run("DELETE FROM auth_role WHERE id = id(3)").await.is_err(), "a badge names it");
    assert!(conn.end_session(user_id(2), session_id(6)).await.unwrap());
    assert!(conn.end_session(user_id(1), session_id(4)).await.unwrap());
    for gone in ["auth_refresh_family", "auth_code", "device"] {
        assert_eq!(before.count(gone).await, 0, "{gone}");
    }
    for user in [1, 2].map(user_id) {
        let grant = StoredGrant { user, role: role_id(3), scope: RoleScope::Everywhere };
        assert!(matches!(conn.delete_role(role_id(3)).await, Err(StoreError::Conflict)), "it is held");
        assert!(conn.revoke_role(&grant).await.unwrap());
    }
    assert!(matches!(conn.delete_role(role_id(3)).await, Err(StoreError::Conflict)), "a badge names it");
    before.run("DELETE FROM badge").await.unwrap();
    assert!(conn.delete_role(role_id(3)).await.unwrap());
}

/// It names none of the new columns. What it opens acts in no tenant.
async fn a_process_of_an_earlier_version_goes_on_opening_sessions(before: Before) {
    migrate(&before.store).await.unwrap();
    let columns = "id, token_hash, user_id, created_at, updated_at, authenticated_at, expires_at, absolute_expires_at, \
        persistent, method, assurance, ip_address, user_agent";
    let values = "id(9), bytes(9), u.id, 1, 1, 1, 99, 99, {yes}, 'password', 1, NULL, NULL";
    let open = format!("INSERT INTO auth_session ({columns}) SELECT {values} FROM auth_user u WHERE u.id = id(1)");
    before.run(&open).await.unwrap();
    let found = before.store.conn().session_by_token(&token_hash(9)).await.unwrap().unwrap();
    assert_eq!((found.session.scope, found.membership, found.roles.len()), (RoleScope::Everywhere, None, 1));
    before.run("DELETE FROM auth_user_role WHERE user_id = id(1) AND role_id = id(3)").await.unwrap();
    assert!(before.store.conn().roles_of_user(user_id(1), None).await.unwrap().is_empty());
}
