//! What has happened.

use crate::audit::Outcome;
use crate::base::{ApiKeyId, SessionId, SigningKeyId, TenantId, UserId};
use crate::role::{GrantedRole, RoleScope};
use crate::session::AuthMethod;

/// What a line of the audit trail has room for, in characters; names are ASCII.
const MAX_DETAIL: usize = 255;

/// Something that has happened and cannot be undone by whoever hears of it. It carries ids, never secrets. Only the
/// engine makes events, so one that is heard is true.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A user signed up.
    #[non_exhaustive]
    SignedUp {
        /// The new user.
        user: UserId,
    },
    /// A session was opened.
    #[non_exhaustive]
    SignedIn {
        /// Whose it is.
        user: UserId,
        /// The new session.
        session: SessionId,
        /// How they proved who they are.
        method: AuthMethod,
    },
    /// A sign-in was refused: wrong password, unknown or disabled user, too many attempts.
    #[non_exhaustive]
    SignInRefused {
        /// The user that the address belongs to, if any.
        user: Option<UserId>,
        /// Which of these it was, for the audit trail; the client is never told.
        reason: &'static str,
    },
    /// A signed-in user gave a wrong password.
    #[non_exhaustive]
    PasswordRefused {
        /// The user.
        user: UserId,
        /// The session in which it happened.
        session: SessionId,
    },
    /// A session was ended by its user.
    #[non_exhaustive]
    SignedOut {
        /// Whose it was.
        user: UserId,
        /// The ended session.
        session: SessionId,
    },
    /// Sessions were ended by their user.
    #[non_exhaustive]
    SessionsEnded {
        /// Whose they were.
        user: UserId,
        /// The session from which it was asked.
        by: Option<SessionId>,
        /// How many ended.
        count: u64,
    },
    /// A session got refresh tokens, in place of earlier ones.
    #[non_exhaustive]
    RefreshOpened {
        /// Whose it is.
        user: UserId,
        /// The session.
        session: SessionId,
    },
    /// A refresh token was used a second time, so somebody has a copy: its session was ended.
    #[non_exhaustive]
    RefreshReused {
        /// Whose it was.
        user: UserId,
        /// The ended session.
        session: SessionId,
    },
    /// A password was changed.
    #[non_exhaustive]
    PasswordChanged {
        /// Whose it is.
        user: UserId,
    },
    /// A user who had no password got one.
    #[non_exhaustive]
    PasswordSet {
        /// Whose it is.
        user: UserId,
    },
    /// A user set a new password by a link or a code that was sent to them; their sessions ended.
    #[non_exhaustive]
    PasswordReset {
        /// Whose it is.
        user: UserId,
    },
    /// The mailbox of an account was proved to be its user's.
    #[non_exhaustive]
    EmailVerified {
        /// Whose it is.
        user: UserId,
    },
    /// A telephone number was proved to be a user's.
    #[non_exhaustive]
    PhoneVerified {
        /// Whose it is.
        user: UserId,
    },
    /// Somebody who was anonymous is known now; the anonymous user is gone.
    #[non_exhaustive]
    AnonymousLinked {
        /// Who they are.
        user: UserId,
        /// The former anonymous user.
        former: UserId,
    },
    /// An account has another address, whose mailbox is its user's.
    #[non_exhaustive]
    EmailChanged {
        /// Whose it is.
        user: UserId,
    },
    /// Somebody typed a code that was not right, or not any more, or tried too often.
    #[non_exhaustive]
    CodeRefused,
    /// Somebody tried to sign up with an address that has an account, and was told what others are told; its owner was
    /// written to.
    #[non_exhaustive]
    SignUpConcealed,
    /// A user changed name or picture.
    #[non_exhaustive]
    ProfileChanged {
        /// The user.
        user: UserId,
    },
    /// A user was deleted with everything that belonged to them.
    #[non_exhaustive]
    UserDeleted {
        /// The former user.
        user: UserId,
    },
    /// A user was disabled; their sessions ended.
    #[non_exhaustive]
    UserDisabled {
        /// The user.
        user: UserId,
    },
    /// A disabled user was enabled again.
    #[non_exhaustive]
    UserEnabled {
        /// The user.
        user: UserId,
    },
    /// A role was defined, or given other permissions.
    #[non_exhaustive]
    RoleDefined {
        /// The role.
        role: GrantedRole,
    },
    /// A role was granted.
    #[non_exhaustive]
    RoleGranted {
        /// Who holds it now.
        user: UserId,
        /// The role.
        role: GrantedRole,
        /// Where they hold it.
        scope: RoleScope,
    },
    /// A role was revoked.
    #[non_exhaustive]
    RoleRevoked {
        /// Who held it.
        user: UserId,
        /// The role.
        role: GrantedRole,
        /// Where they held it.
        scope: RoleScope,
    },
    /// A role was removed.
    #[non_exhaustive]
    RoleDeleted {
        /// The former role.
        role: GrantedRole,
    },
    /// A tenant was created.
    #[non_exhaustive]
    TenantCreated {
        /// The tenant.
        tenant: TenantId,
    },
    /// A tenant was removed with its memberships.
    #[non_exhaustive]
    TenantDeleted {
        /// The former tenant.
        tenant: TenantId,
    },
    /// A user became a member of a tenant.
    #[non_exhaustive]
    MemberAdded {
        /// The user.
        user: UserId,
        /// The tenant.
        tenant: TenantId,
    },
    /// A membership counts no more, for now; the sessions of it ended.
    #[non_exhaustive]
    MemberSuspended {
        /// The user.
        user: UserId,
        /// The tenant.
        tenant: TenantId,
    },
    /// A suspended membership counts again.
    #[non_exhaustive]
    MemberReinstated {
        /// The user.
        user: UserId,
        /// The tenant.
        tenant: TenantId,
    },
    /// A membership ended, with its roles and sessions.
    #[non_exhaustive]
    MemberRemoved {
        /// The former member.
        user: UserId,
        /// The tenant.
        tenant: TenantId,
    },
    /// An API key was made.
    #[non_exhaustive]
    ApiKeyCreated {
        /// Whose it is; `None` for a key of no user.
        user: Option<UserId>,
        /// The key.
        key: ApiKeyId,
    },
    /// An API key was given another secret.
    #[non_exhaustive]
    ApiKeyRotated {
        /// Whose it is.
        user: Option<UserId>,
        /// The key.
        key: ApiKeyId,
    },
    /// An API key was given another name, authority, end or limits, or was enabled or disabled.
    #[non_exhaustive]
    ApiKeyChanged {
        /// Whose it is.
        user: Option<UserId>,
        /// The key.
        key: ApiKeyId,
    },
    /// An API key was removed.
    #[non_exhaustive]
    ApiKeyRevoked {
        /// Whose it was.
        user: Option<UserId>,
        /// The former key.
        key: ApiKeyId,
    },
    /// A message could not be sent while it was of use, and was removed.
    #[non_exhaustive]
    MessageExpired {
        /// What it was about, such as `verify-email`.
        kind: &'static str,
    },
    /// Another key signs access tokens from now on; tokens of this one stay good until they expire.
    #[non_exhaustive]
    SigningKeyRotated {
        /// The key that was replaced.
        key: SigningKeyId,
    },
    /// A key of access tokens was ended, and all tokens of it.
    #[non_exhaustive]
    SigningKeyRevoked {
        /// The former key.
        key: SigningKeyId,
    },
}

impl Event {
    /// The name under which the audit trail keeps it.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::SignedUp { .. } => "signed_up",
            Self::SignedIn { .. } => "signed_in",
            Self::SignInRefused { reason, .. } => reason,
            Self::PasswordRefused { .. } => "password_refused",
            Self::SignedOut { .. } => "signed_out",
            Self::SessionsEnded { .. } => "sessions_ended",
            Self::RefreshOpened { .. } => "refresh_opened",
            Self::RefreshReused { .. } => "refresh_reused",
            Self::PasswordChanged { .. } => "password_changed",
            Self::PasswordSet { .. } => "password_set",
            Self::PasswordReset { .. } => "password_reset",
            Self::EmailVerified { .. } => "email_verified",
            Self::PhoneVerified { .. } => "phone_verified",
            Self::AnonymousLinked { .. } => "anonymous_linked",
            Self::EmailChanged { .. } => "email_changed",
            Self::CodeRefused => "code_refused",
            Self::SignUpConcealed => "sign_up_concealed",
            Self::ProfileChanged { .. } => "profile_changed",
            Self::UserDeleted { .. } => "user_deleted",
            Self::UserDisabled { .. } => "user_disabled",
            Self::UserEnabled { .. } => "user_enabled",
            Self::RoleDefined { .. } => "role_defined",
            Self::RoleGranted { .. } => "role_granted",
            Self::RoleRevoked { .. } => "role_revoked",
            Self::RoleDeleted { .. } => "role_deleted",
            Self::TenantCreated { .. } => "tenant_created",
            Self::TenantDeleted { .. } => "tenant_deleted",
            Self::MemberAdded { .. } => "member_added",
            Self::MemberSuspended { .. } => "member_suspended",
            Self::MemberReinstated { .. } => "member_reinstated",
            Self::MemberRemoved { .. } => "member_removed",
            Self::ApiKeyCreated { .. } => "api_key_created",
            Self::ApiKeyRotated { .. } => "api_key_rotated",
            Self::ApiKeyChanged { .. } => "api_key_changed",
            Self::ApiKeyRevoked { .. } => "api_key_revoked",
            Self::MessageExpired { .. } => "message_expired",
            Self::SigningKeyRotated { .. } => "signing_key_rotated",
            Self::SigningKeyRevoked { .. } => "signing_key_revoked",
        }
    }

    /// Whether it is the news of a refusal.
    pub const fn outcome(&self) -> Outcome {
        let is_failure = matches!(
            self,
            Self::SignInRefused { .. }
                | Self::PasswordRefused { .. }
                | Self::RefreshReused { .. }
                | Self::CodeRefused
                | Self::SignUpConcealed
                | Self::MessageExpired { .. }
        );
        if is_failure { Outcome::Failure } else { Outcome::Success }
    }

    /// Whom it concerns.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::SignInRefused { user, .. }
            | Self::ApiKeyCreated { user, .. }
            | Self::ApiKeyRotated { user, .. }
            | Self::ApiKeyChanged { user, .. }
            | Self::ApiKeyRevoked { user, .. } => *user,
            Self::RoleDefined { .. }
            | Self::RoleDeleted { .. }
            | Self::TenantCreated { .. }
            | Self::TenantDeleted { .. }
            | Self::CodeRefused
            | Self::SignUpConcealed
            | Self::MessageExpired { .. }
            | Self::SigningKeyRotated { .. }
            | Self::SigningKeyRevoked { .. } => None,
            Self::SignedUp { user }
            | Self::SignedIn { user, .. }
            | Self::PasswordRefused { user, .. }
            | Self::SignedOut { user, .. }
            | Self::SessionsEnded { user, .. }
            | Self::RefreshOpened { user, .. }
            | Self::RefreshReused { user, .. }
            | Self::PasswordChanged { user }
            | Self::PasswordSet { user }
            | Self::PasswordReset { user }
            | Self::EmailVerified { user }
            | Self::EmailChanged { user }
            | Self::PhoneVerified { user }
            | Self::AnonymousLinked { user, .. }
            | Self::ProfileChanged { user }
            | Self::UserDeleted { user }
            | Self::UserDisabled { user }
            | Self::UserEnabled { user }
            | Self::RoleGranted { user, .. }
            | Self::RoleRevoked { user, .. }
            | Self::MemberAdded { user, .. }
            | Self::MemberSuspended { user, .. }
            | Self::MemberReinstated { user, .. }
            | Self::MemberRemoved { user, .. } => Some(*user),
        }
    }

    /// The session that it happened to or in.
    pub const fn session(&self) -> Option<SessionId> {
        match self {
            Self::SignedIn { session, .. }
            | Self::PasswordRefused { session, .. }
            | Self::RefreshOpened { session, .. }
            | Self::RefreshReused { session, .. }
            | Self::SignedOut { session, .. } => Some(*session),
            Self::SessionsEnded { by, .. } => *by,
            Self::SignedUp { .. }
            | Self::SignInRefused { .. }
            | Self::PasswordChanged { .. }
            | Self::PasswordSet { .. }
            | Self::PasswordReset { .. }
            | Self::EmailVerified { .. }
            | Self::EmailChanged { .. }
            | Self::PhoneVerified { .. }
            | Self::AnonymousLinked { .. }
            | Self::CodeRefused
            | Self::SignUpConcealed
            | Self::ProfileChanged { .. }
            | Self::UserDeleted { .. }
            | Self::UserDisabled { .. }
            | Self::UserEnabled { .. }
            | Self::RoleDefined { .. }
            | Self::RoleGranted { .. }
            | Self::RoleRevoked { .. }
            | Self::RoleDeleted { .. }
            | Self::TenantCreated { .. }
            | Self::TenantDeleted { .. }
            | Self::MemberAdded { .. }
            | Self::MemberSuspended { .. }
            | Self::MemberReinstated { .. }
            | Self::MemberRemoved { .. }
            | Self::ApiKeyCreated { .. }
            | Self::ApiKeyRotated { .. }
            | Self::ApiKeyChanged { .. }
            | Self::ApiKeyRevoked { .. }
            | Self::MessageExpired { .. }
            | Self::SigningKeyRotated { .. }
            | Self::SigningKeyRevoked { .. } => None,
        }
    }

    /// What exactly, where the action alone does not say it.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::RoleDefined { role } | Self::RoleDeleted { role } => {
                Some(named(role, &RoleScope::from(role.tenant.clone())))
            }
            Self::RoleGranted { role, scope, .. } | Self::RoleRevoked { role, scope, .. } => Some(named(role, scope)),
            Self::TenantCreated { tenant }
            | Self::TenantDeleted { tenant }
            | Self::MemberAdded { tenant, .. }
            | Self::MemberSuspended { tenant, .. }
            | Self::MemberReinstated { tenant, .. }
            | Self::MemberRemoved { tenant, .. } => Some(tenant.to_string()),
            Self::SessionsEnded { count, .. } => Some(count.to_string()),
            Self::ApiKeyCreated { key, .. }
            | Self::ApiKeyRotated { key, .. }
            | Self::ApiKeyChanged { key, .. }
            | Self::ApiKeyRevoked { key, .. } => Some(key.to_string()),
            Self::SigningKeyRotated { key } | Self::SigningKeyRevoked { key } => Some(key.to_string()),
            Self::SignedIn { method, .. } => Some(method.as_str().to_owned()),
            Self::MessageExpired { kind } => Some((*kind).to_owned()),
            Self::AnonymousLinked { former, .. } => Some(former.to_string()),
            Self::SignedUp { .. }
            | Self::SignInRefused { .. }
            | Self::PasswordRefused { .. }
            | Self::SignedOut { .. }
            | Self::RefreshOpened { .. }
            | Self::RefreshReused { .. }
            | Self::PasswordChanged { .. }
            | Self::PasswordSet { .. }
            | Self::PasswordReset { .. }
            | Self::EmailVerified { .. }
            | Self::EmailChanged { .. }
            | Self::PhoneVerified { .. }
            | Self::CodeRefused
            | Self::SignUpConcealed
            | Self::ProfileChanged { .. }
            | Self::UserDeleted { .. }
            | Self::UserDisabled { .. }
            | Self::UserEnabled { .. } => None,
        }
    }
}

/// `ADMIN/super_admin`, and where, unless it is everywhere: cut to what a line of the trail has room for.
fn named(role: &GrantedRole, scope: &RoleScope) -> String {
    let mut text = format!("{}/{}", role.guard, role.name);
    if *scope != RoleScope::Everywhere {
        text = format!("{text} ({scope})");
    }
    text.truncate(MAX_DETAIL);
    text
}
