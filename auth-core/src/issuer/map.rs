//! Which claim holds what: issuers agree on little but `sub`.

use std::fmt;

use serde_json::{Map, Value};

use super::verifier::Refusal;
use crate::base::{Email, TenantId};
use crate::role::Permission;

/// The names of the claims that are read, in order: the first one that the token has counts, `null` counting as none.
///
/// A name is looked for as it is, then as a path into nested objects: `realm_access.roles`, but also
/// `https://example.com/roles`. An empty list reads nothing. A claim that is there and of another type refuses the
/// token, because an issuer that was misunderstood once may be misunderstood again.
///
/// ```
/// use auth_core::issuer::ClaimMap;
///
/// let auth0 = ClaimMap::default().organization(["org_id"]).roles(["https://example.com/roles"]);
/// let clerk = ClaimMap::default().organization(["o.id", "org_id"]);
/// # let _ = (auth0, clerk);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClaimMap {
    id: Vec<String>,
    email: Vec<String>,
    email_verified: Vec<String>,
    name: Vec<String>,
    roles: Vec<String>,
    permissions: Vec<String>,
    organization: Vec<String>,
    session: Vec<String>,
}

/// `sub`, `email`, `email_verified`, `name`, `roles`, `permissions`, `organizationId` and `sid`.
impl Default for ClaimMap {
    fn default() -> Self {
        Self {
            id: names(["sub"]),
            email: names(["email"]),
            email_verified: names(["email_verified"]),
            name: names(["name"]),
            roles: names(["roles"]),
            permissions: names(["permissions"]),
            organization: names(["organizationId"]),
            session: names(["sid"]),
        }
    }
}

impl ClaimMap {
    /// What identifies somebody at the issuer: a string that never means anybody else.
    #[must_use]
    pub fn id(self, claims: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { id: names(claims), ..self }
    }

    /// Their e-mail address. An empty string counts as none; anything that is no address refuses the token.
    #[must_use]
    pub fn email(self, claims: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { email: names(claims), ..self }
    }

    /// Whether that address was verified: a boolean, or `"true"` or `"false"` as some issuers write it. Name no claim
    /// that users can change themselves.
    #[must_use]
    pub fn email_verified(self, claims: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { email_verified: names(claims), ..self }
    }

    /// What they are called: a string.
    #[must_use]
    pub fn name(self, claims: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { name: names(claims), ..self }
    }

    /// The roles that they hold: an array of strings, or one string in which spaces or commas separate them. Name no
    /// claim that users can change themselves.
    #[must_use]
    pub fn roles(self, claims: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { roles: names(claims), ..self }
    }

    /// What they may do: written like roles, each of them a [`Permission`].
    #[must_use]
    pub fn permissions(self, claims: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { permissions: names(claims), ..self }
    }

    /// The organisation that the token is for: a string that is a [`TenantId`].
    #[must_use]
    pub fn organization(self, claims: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { organization: names(claims), ..self }
    }

    /// The session at the issuer: a string.
    #[must_use]
    pub fn session(self, claims: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { session: names(claims), ..self }
    }

    /// What is wrong with the names, in sentences.
    pub(super) fn problems(&self) -> Vec<String> {
        let lists = [
            &self.id,
            &self.email,
            &self.email_verified,
            &self.name,
            &self.roles,
            &self.permissions,
            &self.organization,
            &self.session,
        ];
        let is_blank = |list: &&Vec<String>| list.iter().any(|name| name.trim().is_empty());
        let mut problems = Vec::new();
        if self.id.is_empty() {
            problems.push("no claim is named that identifies somebody.".to_owned());
        }
        if lists.iter().any(is_blank) {
            problems.push("the name of a claim is empty.".to_owned());
        }
        problems
    }

    pub(super) fn read_id<'c>(&self, claims: &'c Map<String, Value>) -> Result<&'c str, Refusal> {
        text(claims, &self.id)?.ok_or_else(|| Refusal::missing(first(&self.id)))
    }

    pub(super) fn read_email(&self, claims: &Map<String, Value>) -> Result<Option<Email>, Refusal> {
        parsed(claims, &self.email, |text| Email::parse(text).ok())
    }

    pub(super) fn read_email_verified(&self, claims: &Map<String, Value>) -> Result<bool, Refusal> {
        match find(claims, &self.email_verified)? {
            None => Ok(false),
            Some((_, Value::Bool(verified))) => Ok(*verified),
            Some((_, Value::String(text))) if text == "true" => Ok(true),
            Some((_, Value::String(text))) if text == "false" => Ok(false),
            Some((name, _)) => Err(Refusal::mistyped(name)),
        }
    }

    pub(super) fn read_name(&self, claims: &Map<String, Value>) -> Result<Option<String>, Refusal> {
        Ok(text(claims, &self.name)?.map(str::to_owned))
    }

    pub(super) fn read_roles(&self, claims: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
        list(claims, &self.roles, |role| Some(role.to_owned()))
    }

    pub(super) fn read_permissions(&self, claims: &Map<String, Value>) -> Result<Vec<Permission>, Refusal> {
        list(claims, &self.permissions, |permission| Permission::parse(permission).ok())
    }

    pub(super) fn read_organization(&self, claims: &Map<String, Value>) -> Result<Option<TenantId>, Refusal> {
        parsed(claims, &self.organization, |text| TenantId::parse(text).ok())
    }

    pub(super) fn read_session(&self, claims: &Map<String, Value>) -> Result<Option<String>, Refusal> {
        Ok(text(claims, &self.session)?.map(str::to_owned))
    }

    /// The names under which something is looked for.
    pub(super) fn names_of(&self, field: ClaimField) -> &[String] {
        match field {
            ClaimField::Email => &self.email,
            ClaimField::Name => &self.name,
            ClaimField::Roles => &self.roles,
            ClaimField::Permissions => &self.permissions,
            ClaimField::Organization => &self.organization,
            ClaimField::Session => &self.session,
        }
    }
}

/// Something that a [`ClaimMap`] reads, under whatever name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimField {
    /// The e-mail address.
    Email,
    /// What they are called.
    Name,
    /// The roles.
    Roles,
    /// The permissions.
    Permissions,
    /// The organisation.
    Organization,
    /// The session at the issuer.
    Session,
}

impl fmt::Display for ClaimField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "an e-mail address",
            Self::Name => "a name",
            Self::Roles => "roles",
            Self::Permissions => "permissions",
            Self::Organization => "an organisation",
            Self::Session => "a session",
        })
    }
}

/// The first of these claims that is there, and its name.
pub(super) fn find<'m, 'n>(
    claims: &'m Map<String, Value>,
    names: &'n [String],
) -> Result<Option<(&'n str, &'m Value)>, Refusal> {
    for name in names {
        if let Some(value) = at(claims, name)? {
            return Ok(Some((name, value)));
        }
    }
    Ok(None)
}

/// The claim of exactly this name, or else the one that this path leads to. `null` is none.
pub(super) fn at<'m>(claims: &'m Map<String, Value>, name: &str) -> Result<Option<&'m Value>, Refusal> {
    if let Some(value) = claims.get(name) {
        return Ok(Some(value).filter(|value| !value.is_null()));
    }
    let (mut object, mut rest) = (claims, name);
    while let Some((step, further)) = rest.split_once('.') {
        object = match object.get(step) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(inner)) => inner,
            // What should hold the claim is no object: it is there, and it is something else.
            Some(_) => return Err(Refusal::mistyped(name)),
        };
        rest = further;
    }
    Ok(object.get(rest).filter(|value| !value.is_null()))
}

/// A string, if there is one that is not empty.
fn text<'m>(claims: &'m Map<String, Value>, names: &[String]) -> Result<Option<&'m str>, Refusal> {
    parsed(claims, names, Some)
}

/// A string that is a `T`. One that is none refuses the token, like a claim of another type.
fn parsed<'m, T>(
    claims: &'m Map<String, Value>,
    names: &[String],
    parse: impl Fn(&'m str) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    match find(claims, names)? {
        None => Ok(None),
        Some((_, Value::String(text))) if text.trim().is_empty() => Ok(None),
        Some((_, Value::String(text))) if let Some(value) = parse(text) => Ok(Some(value)),
        Some((name, _)) => Err(Refusal::mistyped(name)),
    }
}

/// Several strings, each a `T`, in an array or separated by spaces or commas.
fn list<T>(
    claims: &Map<String, Value>,
    names: &[String],
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Refusal> {
    let Some((name, value)) = find(claims, names)? else { return Ok(Vec::new()) };
    let items: Option<Vec<T>> = match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().and_then(&parse)).collect(),
        Value::String(text) => text.split([' ', ',']).filter(|item| !item.is_empty()).map(parse).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    };
    items.ok_or_else(|| Refusal::mistyped(name))
}

fn first(names: &[String]) -> &str {
    names.first().map_or("", |name| name)
}

pub(super) fn names(claims: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    claims.into_iter().map(Into::into).collect()
}
