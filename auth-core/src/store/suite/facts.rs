//! Rows in a form that can be compared whole, to the microsecond. A field that is added to a model is missed here by
//! the compiler, not by the suite.

use std::fmt::Debug;

use crate::account::Account;
use crate::api_key::ApiKey;
use crate::audit::AuditEntry;
use crate::code::StoredCode;
use crate::role::{HeldRole, Role, RoleScope};
use crate::session::StoredSession;
use crate::token::{RefreshFamily, StoredSigningKey};
use crate::user::User;

pub(super) fn user_facts(user: &User) -> impl PartialEq + Debug + use<> {
    let User {
        id,
        name,
        email,
        email_verified,
        image,
        created_at,
        updated_at,
        disabled_at,
        credential_version,
        pool,
        tenant,
        identifiers,
    } = user.clone();
    let times = (created_at.as_micros(), updated_at.as_micros(), disabled_at.map(|at| at.as_micros()));
    (id, name, (pool, tenant, email.to_string()), email_verified, image, times, credential_version, identifiers)
}

pub(super) fn role_facts(role: &Role) -> impl PartialEq + Debug + use<> {
    let Role { id, guard, name, tenant, permissions, is_system, manages, created_at } = role.clone();
    (id, guard, name, tenant, permissions, is_system, manages, created_at.as_micros())
}

pub(super) fn held_facts(held: &HeldRole) -> impl PartialEq + Debug + use<> {
    (role_facts(&held.role), held.scope.clone())
}

/// The role, as somebody holds it who holds it everywhere.
pub(super) fn held_everywhere(role: &Role) -> HeldRole {
    HeldRole { role: role.clone(), scope: RoleScope::Everywhere }
}

pub(super) fn session_facts(session: &StoredSession) -> impl PartialEq + Debug + use<> {
    let StoredSession {
        id,
        user_id,
        created_at,
        updated_at,
        authenticated_at,
        expires_at,
        absolute_expires_at,
        persistence,
        method,
        assurance,
        ip_address,
        user_agent,
        scope,
        role_guard,
    } = session.clone();
    let times = [created_at, updated_at, authenticated_at, expires_at, absolute_expires_at].map(|at| at.as_micros());
    (id, user_id, times, persistence, method, assurance, ip_address, user_agent, (scope, role_guard))
}

pub(super) fn code_facts(code: &StoredCode) -> impl PartialEq + Debug + use<> {
    let StoredCode { hash, purpose, subject, user_id, session_id, binding, attempts, created_at, expires_at } =
        code.clone();
    let times = (created_at.as_micros(), expires_at.as_micros());
    (*hash.as_bytes(), purpose, subject, user_id, session_id, binding, attempts, times)
}

pub(super) fn signing_key_facts(key: &StoredSigningKey) -> impl PartialEq + Debug + use<> {
    let StoredSigningKey {
        id,
        algorithm,
        generation,
        public_jwk,
        sealed_private,
        created_at,
        signs_from,
        signs_until,
        verifies_until,
    } = key.clone();
    let times = [created_at, signs_from, signs_until, verifies_until].map(|at| at.as_micros());
    (id, algorithm, generation, public_jwk, sealed_private, times)
}

pub(super) fn family_facts(family: &RefreshFamily) -> impl PartialEq + Debug + use<> {
    let RefreshFamily {
        session_id,
        tenant,
        family_hash,
        token_hash,
        previous_hash,
        sealed_child,
        generation,
        created_at,
        rotated_at,
        expires_at,
    } = family.clone();
    let hashes = [Some(family_hash), Some(token_hash), previous_hash].map(|hash| hash.map(|hash| *hash.as_bytes()));
    let times = [created_at, rotated_at, expires_at].map(|at| at.as_micros());
    (session_id, tenant, hashes, sealed_child, generation, times)
}

pub(super) fn account_facts(account: &Account) -> impl PartialEq + Debug + use<> {
    let Account { id, provider_id, account_id, user_id, created_at, updated_at } = account.clone();
    (id, provider_id, account_id, user_id, created_at.as_micros(), updated_at.as_micros())
}

pub(super) fn key_facts(key: &ApiKey) -> impl PartialEq + Debug + use<> {
    let ApiKey {
        id,
        owner,
        tenant,
        role_guard,
        config_id,
        name,
        start,
        prefix,
        enabled,
        permissions,
        metadata,
        limits,
        expires_at,
        created_at,
        updated_at,
        last_used_at,
        usage_count,
        rotation,
    } = key.clone();
    let times = [expires_at, Some(created_at), Some(updated_at), last_used_at].map(|at| at.map(|at| at.as_micros()));
    let names = (id, owner, (tenant, role_guard), config_id, name, start, prefix);
    (names, enabled, permissions, metadata, limits, times, usage_count, rotation)
}

pub(super) fn entry_facts(entry: &AuditEntry) -> impl PartialEq + Debug + use<> {
    let AuditEntry { id, at, action, outcome, user_id, actor_id, session_id, detail, ip_address, correlation_id } =
        entry.clone();
    let who = (user_id, actor_id, session_id, ip_address);
    (id, at.as_micros(), action, outcome, who, detail, correlation_id)
}
