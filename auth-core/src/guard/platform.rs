//! Staff of the platform.

use async_trait::async_trait;

use crate::cx::Cx;
use crate::error::Result;

/// Says in which requests *platform access* is in force: whether the roles that staff hold on the platform count.
///
/// Staff serve all tenants and belong to none. What they hold was given on its own
/// ([`RoleGrant::on_platform`](crate::role::RoleGrant::on_platform)); nobody gets it by signing up. Where access is in
/// force at sign-in, they get a session on the platform. It is judged again with every request of that session: where
/// it is not in force, no role of theirs counts, and a refresh is refused, so that a token that has leaked into another
/// front end is worth nothing there. Without such a policy nothing on the platform ever counts.
///
/// A header proves nothing outside browsers: this keeps front ends apart, it does not keep a thief out.
#[async_trait]
pub trait PlatformAccess: Send + Sync + 'static {
    /// Whether it is in force in this request. Asked once for each request that it matters to, within the time limit of
    /// hooks. Go by the request: who sends it is not known yet.
    ///
    /// # Errors
    /// When it cannot be known; the request is refused then.
    async fn in_force(&self, cx: &Cx) -> Result<bool>;

    /// What is wrong with its configuration, a sentence each: the engine is not built then.
    fn problems(&self) -> Vec<String> {
        Vec::new()
    }
}
