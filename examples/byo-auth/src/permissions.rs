//! What may be done here, and what a token gives of it.

use auth_core::base::Timestamp;
use auth_core::issuer::{Answers, PresentedToken, TokenVerifier, VerifiedClaims, VerifyError};
use auth_core::prelude::async_trait;
use auth_core::role::Permission;
use serde_json::Value;

/// Seeing projects.
pub(crate) const READ: &str = "projects:read";
/// Creating, changing and removing projects; not seeing them.
pub(crate) const WRITE: &str = "projects:write";
/// Removing projects and nothing else.
pub(crate) const DELETE: &str = "projects:delete";

/// Managing API keys. No key can have it.
pub(crate) const MANAGE_KEYS: &str = "keys:manage";

/// What an API key can have.
pub(crate) const OF_PROJECTS: [&str; 3] = [READ, WRITE, DELETE];
const ALL: [&str; 4] = [READ, WRITE, DELETE, MANAGE_KEYS];

/// A verifier around another one. People may do everything within their organisation, whatever their roles, unless
/// their token has a claim `permissions`: then that and nothing else. An empty list there permits nothing.
///
/// This is the one place to change where roles are to decide, or where an issuer is not to be trusted that far.
#[derive(Debug)]
pub(crate) struct AllUnlessLimited<V>(pub(crate) V);

#[async_trait]
impl<V: TokenVerifier> TokenVerifier for AllUnlessLimited<V> {
    fn answers_for(&self) -> Answers<'_> {
        self.0.answers_for()
    }

    async fn verify(&self, token: &PresentedToken<'_>, now: Timestamp) -> Result<VerifiedClaims, VerifyError> {
        let mut claims = self.0.verify(token, now).await?;
        if claims.raw.get("permissions").is_none_or(Value::is_null) {
            claims.permissions = ALL.into_iter().filter_map(|name| Permission::parse(name).ok()).collect();
        }
        Ok(claims)
    }
}
