//! Which claims a token must have, beyond those that every token must have.

use serde_json::{Map, Value};

use super::map::{self, ClaimField, ClaimMap};
use super::verifier::Refusal;

/// What a token must say to be accepted, beyond a signature of its issuer, an `exp` and somebody whom it is about.
///
/// Claims that are not named here may be missing, and unknown ones are ignored. Which claim was missing is for the log:
/// the client learns that its token is no good.
///
/// ```
/// use auth_core::issuer::{ClaimType, ClaimsProfile, TenantClaim};
///
/// let profile = ClaimsProfile::apso().tenant(TenantClaim::Optional).require_claim("plan", ClaimType::Text);
/// # let _ = profile;
/// ```
#[derive(Clone, Debug, Default)]
pub struct ClaimsProfile {
    required: Vec<(Claim, ClaimType)>,
}

/// Whether a token must say which organisation it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantClaim {
    /// One without is refused.
    Required,
    /// One without is for no organisation.
    Optional,
}

/// What a required claim must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimType {
    /// Whatever can be read as what it is for.
    Any,
    /// A string with something in it.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An array of strings, which may be empty.
    TextList,
    /// An object.
    Object,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Claim {
    Mapped(ClaimField),
    Named(String),
}

impl ClaimsProfile {
    /// Nothing more: the least that a token can be.
    pub fn minimal() -> Self {
        Self::default()
    }

    /// An e-mail address, an organisation and `iat`: tokens of services that keep their data by organisation.
    pub fn apso() -> Self {
        Self::minimal()
            .require(ClaimField::Email, ClaimType::Text)
            .tenant(TenantClaim::Required)
            .require_claim("iat", ClaimType::Number)
    }

    /// An e-mail address, a name and an array of permissions: tokens for an API gateway.
    pub fn gateway() -> Self {
        Self::minimal()
            .require(ClaimField::Email, ClaimType::Text)
            .require(ClaimField::Name, ClaimType::Text)
            .require(ClaimField::Permissions, ClaimType::TextList)
    }

    /// Something that the [`ClaimMap`] reads must be there, under the first name that the map has for it in the token.
    #[must_use]
    pub fn require(self, field: ClaimField, kind: ClaimType) -> Self {
        self.with(Claim::Mapped(field), Some(kind))
    }

    /// Whether the organisation must be there.
    #[must_use]
    pub fn tenant(self, claim: TenantClaim) -> Self {
        let kind = match claim {
            TenantClaim::Required => Some(ClaimType::Text),
            TenantClaim::Optional => None,
        };
        self.with(Claim::Mapped(ClaimField::Organization), kind)
    }

    /// Another claim must be there: a name or a path, as in a [`ClaimMap`].
    #[must_use]
    pub fn require_claim(self, name: impl Into<String>, kind: ClaimType) -> Self {
        self.with(Claim::Named(name.into()), Some(kind))
    }

    fn with(mut self, claim: Claim, kind: Option<ClaimType>) -> Self {
        self.required.retain(|(other, _)| *other != claim);
        self.required.extend(kind.map(|kind| (claim, kind)));
        self
    }

    /// What is wrong with these requirements, in sentences.
    pub(super) fn problems(&self, map: &ClaimMap) -> Vec<String> {
        let problem = |(claim, _): &(Claim, ClaimType)| match claim {
            Claim::Mapped(field) if map.names_of(*field).is_empty() => {
                Some(format!("{field} must be there, and no claim is named that would hold it."))
            }
            Claim::Named(name) if name.trim().is_empty() => Some("the name of a required claim is empty.".to_owned()),
            Claim::Mapped(_) | Claim::Named(_) => None,
        };
        self.required.iter().filter_map(problem).collect()
    }

    pub(super) fn judge(&self, claims: &Map<String, Value>, map: &ClaimMap) -> Result<(), Refusal> {
        for (claim, kind) in &self.required {
            let names = claim.names(map);
            let Some((name, value)) = map::find(claims, names)? else {
                return Err(Refusal::missing(names.first().map_or("", |name| name)));
            };
            kind.judge(name, value)?;
        }
        Ok(())
    }
}

impl Claim {
    fn names<'n>(&'n self, map: &'n ClaimMap) -> &'n [String] {
        match self {
            Self::Mapped(field) => map.names_of(*field),
            Self::Named(name) => std::slice::from_ref(name),
        }
    }
}

impl ClaimType {
    fn judge(self, name: &str, value: &Value) -> Result<(), Refusal> {
        let fits = match self {
            Self::Any => true,
            Self::Text => match value.as_str() {
                Some(text) if text.trim().is_empty() => return Err(Refusal::missing(name)),
                text => text.is_some(),
            },
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::TextList => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
            Self::Object => value.is_object(),
        };
        if fits { Ok(()) } else { Err(Refusal::mistyped(name)) }
    }
}
