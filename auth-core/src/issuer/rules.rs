//! What every verifier of this room asks of a token, once it has a key for it.

use std::time::Duration;

use serde_json::{Map, Value};

use super::audience::{AudienceRule, one_of};
use super::claims::VerifiedClaims;
use super::map::{self, ClaimMap};
use super::profile::ClaimsProfile;
use super::verifier::{Answers, PresentedToken, Refusal};
use crate::base::Timestamp;
use crate::crypto::jwt::{Expected, JwtError, Presence, RegisteredClaims, VerifyingKey};

/// Clocks that are further apart need repair and not patience.
const MOST_LEEWAY: Duration = Duration::from_secs(60);
/// Firebase: "Verify ID tokens using a third-party JWT library".
const MOST_FIREBASE_SUBJECT: usize = 128;
/// Where the tenant stands in the issuer of Microsoft Entra, as its own metadata writes it.
const TENANT_PLACEHOLDER: &str = "{tenantid}";

/// What a token must be like. The key and the issuer are the verifier's.
#[derive(Clone, Debug)]
pub(super) struct TokenRules {
    pub(super) audience: AudienceRule,
    pub(super) leeway: Duration,
    pub(super) types: Vec<String>,
    pub(super) map: ClaimMap,
    pub(super) profile: ClaimsProfile,
    pub(super) values: Vec<ValueRule>,
    /// The claim that tells programs from people, and what it says of programs.
    pub(super) services: Option<(String, String)>,
    pub(super) provider: Provider,
}

/// A claim that must have one of certain values.
#[derive(Clone, Debug)]
pub(super) struct ValueRule {
    pub(super) claim: String,
    pub(super) values: Vec<String>,
    pub(super) absent: Absent,
}

/// What it means that a claim is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    Refused,
    Accepted,
}

/// Rules that only one provider has.
#[derive(Clone, Debug)]
pub(super) enum Provider {
    Any,
    Firebase,
    Entra {
        tenants: Vec<String>,
        /// The issuer with [`TENANT_PLACEHOLDER`] in it.
        issuer: String,
    },
}

impl Provider {
    /// Its issuers, if they follow from something else.
    pub(super) fn issuers(&self) -> Option<Vec<String>> {
        let Self::Entra { tenants, issuer } = self else { return None };
        let mut issuers: Vec<String> = tenants.iter().map(|tenant| entra_issuer(issuer, tenant)).collect();
        issuers.dedup();
        Some(issuers)
    }

    /// Where Microsoft Entra publishes the keys of a tenant, or of all. `None` if the issuer is not written as usual.
    pub(super) fn entra_keys(&self) -> Option<String> {
        let Self::Entra { tenants, issuer } = self else { return None };
        let (authority, _) = issuer.split_once(TENANT_PLACEHOLDER)?;
        let tenant = if let [tenant] = &**tenants { tenant } else { "common" };
        Some(format!("{authority}{tenant}/discovery/v2.0/keys"))
    }

    /// Whether a key that is published for `template` is good for tokens of this issuer.
    pub(super) fn is_key_for(&self, template: &str, issuer: &str) -> bool {
        match self {
            Self::Entra { tenants, .. } => tenants.iter().any(|tenant| entra_issuer(template, tenant) == issuer),
            Self::Any | Self::Firebase => template == issuer,
        }
    }

    /// What is wrong with it, in sentences.
    pub(super) fn problems(&self) -> Vec<String> {
        let Self::Entra { tenants, .. } = self else { return Vec::new() };
        if tenants.is_empty() {
            return vec!["no tenant is let in.".to_owned()];
        }
        let other = tenants.iter().filter(|tenant| !is_tenant_id(tenant));
        other
            .map(|tenant| format!("the tenant `{tenant}` is not named by its identifier, a GUID in lower case."))
            .collect()
    }
}

/// A GUID as Microsoft writes it in `tid`.
fn is_tenant_id(tenant: &str) -> bool {
    uuid::Uuid::try_parse(tenant).is_ok_and(|id| id.hyphenated().to_string() == tenant)
}

impl Default for TokenRules {
    fn default() -> Self {
        Self {
            audience: AudienceRule::AnyOf(Vec::new()),
            leeway: Duration::from_secs(30),
            types: map::names(["JWT", "at+jwt"]),
            map: ClaimMap::default(),
            profile: ClaimsProfile::minimal(),
            values: Vec::new(),
            services: None,
            provider: Provider::Any,
        }
    }
}

impl TokenRules {
    /// What is wrong with these rules, in sentences.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.audience.problem().map(str::to_owned).into_iter().collect();
        if self.leeway > MOST_LEEWAY {
            problems.push("the leeway is longer than 60 seconds.".to_owned());
        }
        if self.types.iter().any(|typ| typ.trim().is_empty()) {
            problems.push("the name of a token type is empty.".to_owned());
        }
        for ValueRule { claim, values, .. } in &self.values {
            if claim.trim().is_empty() || values.is_empty() || values.iter().any(|value| value.trim().is_empty()) {
                problems.push(format!("the claim `{claim}` has no values that would be accepted, or an empty one."));
            }
        }
        if self.services.as_ref().is_some_and(|(claim, value)| claim.trim().is_empty() || value.trim().is_empty()) {
            problems.push("the claim that tells services, or its value, is empty.".to_owned());
        }
        problems.extend(self.map.problems());
        problems.extend(self.profile.problems(&self.map));
        problems
    }

    /// Whether a claim other than `aud` says that the token was meant for us.
    pub(super) fn is_bound_by_a_claim(&self) -> bool {
        let binds = |rule: &ValueRule| {
            rule.absent == Absent::Refused && ["azp", "client_id", "token_use"].contains(&&*rule.claim)
        };
        self.values.iter().any(binds)
    }

    /// Whether a token of this type may be a token at all: other media types are other things (RFC 8725 §3.11).
    pub(super) fn judge_type(&self, token: &PresentedToken<'_>) -> Result<(), Refusal> {
        let Some(typ) = token.unverified().typ() else { return Ok(()) };
        let types: Vec<&str> = self.types.iter().map(|typ| &**typ).collect();
        let expected = Expected {
            typ: &types,
            issuer: "",
            audiences: &[],
            presence: Presence::Foreign,
            leeway: Duration::ZERO,
            now: Timestamp::from_micros(0),
        };
        Ok(expected.judge_type(Some(typ))?)
    }

    /// Everything about a token but its key: the signature first, then what was signed.
    pub(super) fn judge(
        &self,
        token: &PresentedToken<'_>,
        key: &VerifyingKey,
        answers: Answers<'_>,
        now: Timestamp,
    ) -> Result<VerifiedClaims, Refusal> {
        self.judge_type(token)?;
        let claims: Map<String, Value> = token.unverified().verify(key)?;
        let registered = self.registered(&claims, answers)?;
        let expected = Expected {
            typ: &[],
            issuer: pinned(&registered, answers)?,
            audiences: &[],
            presence: Presence::Foreign,
            leeway: self.leeway,
            now,
        };
        expected.judge(&registered)?;
        self.audience.judge(&registered.aud, &claims)?;
        for rule in &self.values {
            rule.judge(&claims)?;
        }
        let subject = self.subject(&claims, &registered.iss, now)?;
        self.profile.judge(&claims, &self.map)?;
        let mut verified = self.read(claims, &registered, answers, subject)?;
        // One that has not come yet says nothing, and a program is no person.
        let signed_in = seconds(&verified.raw, "auth_time").filter(|at| *at <= now);
        verified.authenticated_at = signed_in.filter(|_| !verified.is_service);
        Ok(verified)
    }

    /// The registered claims. Where the key takes the place of the issuer, and another claim that of the subject, the
    /// two may be missing; everything else about them is judged all the same.
    fn registered(&self, claims: &Map<String, Value>, answers: Answers<'_>) -> Result<RegisteredClaims, Refusal> {
        let mut claims = claims.clone();
        if let Answers::Others { known_as } = answers {
            claims.entry("iss").or_insert_with(|| Value::from(known_as));
        }
        if !claims.contains_key("sub") {
            let id = self.map.read_id(&claims)?.to_owned();
            claims.insert("sub".to_owned(), Value::from(id));
        }
        serde_json::from_value(Value::Object(claims)).map_err(|_| JwtError::Claims.into())
    }

    /// Who the token is about.
    fn subject(&self, claims: &Map<String, Value>, issuer: &str, now: Timestamp) -> Result<String, Refusal> {
        let id = self.map.read_id(claims)?;
        match &self.provider {
            Provider::Any => Ok(id.to_owned()),
            Provider::Firebase => {
                if id.chars().count() > MOST_FIREBASE_SUBJECT {
                    return Err(Refusal::value("sub"));
                }
                let signed_in = claims.get("auth_time").ok_or(Refusal::Missing("auth_time".into()))?;
                let signed_in = signed_in.as_i64().ok_or(Refusal::Mistyped("auth_time".into()))?;
                let latest = now.plus(self.leeway).as_seconds();
                if (0..=latest).contains(&signed_in) { Ok(id.to_owned()) } else { Err(Refusal::value("auth_time")) }
            }
            Provider::Entra { tenants, issuer: template } => {
                let [tenant, object] = ["tid", "oid"].map(|claim| claims.get(claim).and_then(Value::as_str));
                let tenant = tenant.filter(|tenant| tenants.iter().any(|known| known == tenant));
                let tenant = tenant.ok_or(Refusal::Value("tid".into()))?;
                let object = object.filter(|object| !object.trim().is_empty()).ok_or(Refusal::Missing("oid".into()))?;
                if entra_issuer(template, tenant) != issuer {
                    return Err(JwtError::Issuer.into());
                }
                Ok(format!("{tenant}:{object}"))
            }
        }
    }

    /// Whether a token is for a program: by what its issuer says of such ones, or because the subject is the client
    /// itself (RFC 9068 §2.2).
    fn is_service(&self, claims: &Map<String, Value>) -> Result<bool, Refusal> {
        let client = claims.get("client_id").filter(|client| client.is_string());
        if client.is_some() && client == claims.get("sub") {
            return Ok(true);
        }
        let Some((claim, value)) = &self.services else { return Ok(false) };
        Ok(map::at(claims, claim)?.and_then(Value::as_str) == Some(value))
    }

    fn read(
        &self,
        claims: Map<String, Value>,
        registered: &RegisteredClaims,
        answers: Answers<'_>,
        subject: String,
    ) -> Result<VerifiedClaims, Refusal> {
        let issuer = match answers {
            Answers::Issuers(_) => &*registered.iss,
            Answers::Others { known_as } => known_as,
        };
        let is_service = self.is_service(&claims)?;
        let email = self.map.read_email(&claims)?;
        // Read in any case: a mistyped one is refused with an address or without.
        let is_verified = self.map.read_email_verified(&claims)?;
        let mut verified = VerifiedClaims::new(issuer, subject, registered.exp)?;
        verified.is_service = is_service;
        verified.email_verified = email.is_some() && is_verified;
        verified.email = email;
        verified.name = self.map.read_name(&claims)?;
        verified.tenant = self.map.read_organization(&claims)?;
        verified.roles = self.map.read_roles(&claims)?;
        verified.permissions = self.map.read_permissions(&claims)?;
        verified.session_id = self.map.read_session(&claims)?;
        verified.issued_at = registered.iat;
        verified.raw = claims;
        Ok(verified)
    }
}

impl ValueRule {
    fn judge(&self, claims: &Map<String, Value>) -> Result<(), Refusal> {
        if one_of(claims, &self.claim, &self.values)? {
            return Ok(());
        }
        match (self.absent, map::at(claims, &self.claim)?) {
            (Absent::Accepted, None) => Ok(()),
            (Absent::Refused, None) => Err(Refusal::missing(&self.claim)),
            (Absent::Accepted | Absent::Refused, Some(_)) => Err(Refusal::value(&self.claim)),
        }
    }
}

fn seconds(claims: &Map<String, Value>, claim: &str) -> Option<Timestamp> {
    let at = claims.get(claim).and_then(Value::as_i64).filter(|at| *at >= 0)?;
    Some(Timestamp::from_micros(at.checked_mul(1_000_000)?))
}

/// The issuer that the token must be from: the one it was brought here for, if it is one of ours.
fn pinned<'a>(registered: &'a RegisteredClaims, answers: Answers<'a>) -> Result<&'a str, Refusal> {
    match answers {
        Answers::Issuers(issuers) => issuers
            .iter()
            .find(|issuer| **issuer == registered.iss)
            .map(|issuer| &**issuer)
            .ok_or(JwtError::Issuer.into()),
        Answers::Others { .. } => Ok(&registered.iss),
    }
}

/// The issuer of a tenant of Microsoft Entra.
fn entra_issuer(template: &str, tenant: &str) -> String {
    template.replace(TENANT_PLACEHOLDER, tenant)
}
