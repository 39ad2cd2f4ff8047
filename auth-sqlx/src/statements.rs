//! Every statement, in the form of each engine.

use crate::engine::Engine;
use crate::sql::Sql;
use crate::{account, api_key, audit, code, limit, outbox, password, retention, role, session, tenant, token, user};

/// Every statement that the store sends to this engine, with its placeholders: for `EXPLAIN`, for a proxy that lets
/// only known statements pass, and to find them again in the engine's statistics.
///
/// ```
/// use auth_sqlx::Engine;
///
/// assert!(auth_sqlx::statements(Engine::Postgres).any(|sql| sql.contains("WHERE s.token_hash = $1")));
/// assert!(auth_sqlx::statements(Engine::Mysql).any(|sql| sql.contains("WHERE s.token_hash = ?")));
/// ```
pub fn statements(engine: Engine) -> impl Iterator<Item = &'static str> {
    all().map(move |sql| match engine {
        Engine::Sqlite => sql.sqlite,
        Engine::Postgres => sql.postgres,
        Engine::Mysql | Engine::Mariadb => sql.mysql,
    })
}

/// Each file lists its own.
pub(crate) fn all() -> impl Iterator<Item = &'static Sql> {
    let files = [
        user::STATEMENTS,
        role::STATEMENTS,
        tenant::STATEMENTS,
        session::STATEMENTS,
        account::STATEMENTS,
        limit::STATEMENTS,
        password::STATEMENTS,
        code::STATEMENTS,
        outbox::STATEMENTS,
        token::STATEMENTS,
        api_key::STATEMENTS,
        audit::STATEMENTS,
        retention::STATEMENTS,
    ];
    files.into_iter().flatten().copied()
}
