//! What is known of tenants and their members.

use std::str::FromStr;

use serde::Serialize;

use crate::base::{TenantId, Timestamp, UserId};

/// An organisation that has its place in this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRecord {
    /// Names it in tokens, headers and rows; never changes and is never used again.
    pub id: TenantId,
    /// The display name, at most 255 characters.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Whether a membership counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MembershipStatus {
    /// It does.
    Active,
    /// It does not, until it is reinstated; its roles are kept.
    Suspended,
}

impl MembershipStatus {
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

impl FromStr for MembershipStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        match text {
            "active" => Ok(Self::Active),
            "suspended" => Ok(Self::Suspended),
            _ => Err(UnknownStatus),
        }
    }
}

/// The text is the stored form of no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a status is `active` or `suspended`")]
pub struct UnknownStatus;

/// That a user belongs to a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Who.
    pub user: UserId,
    /// To which tenant.
    pub tenant: TenantId,
    /// Whether it counts.
    pub status: MembershipStatus,
    /// Since when.
    pub created_at: Timestamp,
    /// When the status last changed.
    pub updated_at: Timestamp,
}

impl Membership {
    /// Whether it counts.
    pub fn is_active(&self) -> bool {
        self.status == MembershipStatus::Active
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_one_spelling() {
        for status in [MembershipStatus::Active, MembershipStatus::Suspended] {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        for other in ["", "Active", "active ", "removed"] {
            assert_eq!(other.parse::<MembershipStatus>(), Err(UnknownStatus), "{other:?}");
        }
    }
}
