//! What verifiers have in common to be told.

use std::time::Duration;

use super::audience::AudienceRule;
use super::map::{self, ClaimMap};
use super::profile::ClaimsProfile;
use super::rules::{Absent, Provider, TokenRules, ValueRule};
use crate::crypto::jwt::Algorithm;

/// A verifier that is still being told its rules. `K` says where its keys come from: a
/// [`KeySource`](super::KeySource) or [`StaticKeys`](super::StaticKeys).
///
/// Settings that contradict the rules are kept and reported by `problems`, all at once; nothing can be built from them.
#[derive(Clone, Debug)]
#[must_use]
pub struct VerifierBuilder<K> {
    pub(super) issuers: Vec<String>,
    pub(super) rules: TokenRules,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) keys: K,
}

impl<K> VerifierBuilder<K> {
    pub(super) fn new(issuers: Vec<String>, algorithms: Vec<Algorithm>, keys: K) -> Self {
        Self { issuers, rules: TokenRules::default(), algorithms, keys }
    }

    /// The issuer, exactly as its tokens write it in `iss`; a slash at the end counts. A preset has its own, and
    /// addresses that it has derived from it follow. For Microsoft Entra, `{tenantid}` stands for the tenant.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        match &mut self.rules.provider {
            Provider::Entra { issuer: template, .. } => *template = issuer,
            Provider::Any | Provider::Firebase => self.issuers = vec![issuer],
        }
        self
    }

    /// Its tokens are for one of these: [`AudienceRule::AnyOf`].
    pub fn audience(self, audiences: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.audience_rule(AudienceRule::any_of(audiences))
    }

    /// How it is told that a token is meant for this application.
    pub fn audience_rule(mut self, rule: AudienceRule) -> Self {
        self.rules.audience = rule;
        self
    }

    /// The signature algorithms that are accepted. A key has one of them, and a token only what its key has.
    pub fn algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        Self { algorithms: algorithms.into_iter().collect(), ..self }
    }

    /// The values of the header's `typ` that are accepted: `JWT` and `at+jwt` (RFC 9068 §2.1) by default, in any case
    /// and with `application/` or without. A token without `typ` is accepted as well.
    pub fn token_types(mut self, types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.rules.types = map::names(types);
        self
    }

    /// Under which names claims are looked for.
    pub fn claims(mut self, map: ClaimMap) -> Self {
        self.rules.map = map;
        self
    }

    /// Changes under which names claims are looked for, beginning with those of the preset.
    pub fn map_claims(mut self, change: impl FnOnce(ClaimMap) -> ClaimMap) -> Self {
        self.rules.map = change(self.rules.map);
        self
    }

    /// What a token must say; [`ClaimsProfile::minimal`] by default.
    pub fn profile(mut self, profile: ClaimsProfile) -> Self {
        self.rules.profile = profile;
        self
    }

    /// This claim must be there and be one of these strings. It is named as in a [`ClaimMap`].
    pub fn require_value(self, claim: impl Into<String>, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.value_rule(claim.into(), map::names(values), Absent::Refused)
    }

    /// This claim, if it is there, must be one of these strings.
    pub fn limit_value(self, claim: impl Into<String>, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.value_rule(claim.into(), map::names(values), Absent::Accepted)
    }

    /// Tokens in which this claim is this string are of programs, which act for nobody but themselves: they are
    /// services and no users. So is one whose subject is its own `client_id` (RFC 9068 §2.2), in any case.
    pub fn services(mut self, claim: impl Into<String>, value: impl Into<String>) -> Self {
        self.rules.services = Some((claim.into(), value.into()));
        self
    }

    fn value_rule(mut self, claim: String, values: Vec<String>, absent: Absent) -> Self {
        self.rules.values.retain(|rule| rule.claim != claim);
        self.rules.values.push(ValueRule { claim, values, absent });
        self
    }

    /// By how much the issuer's clock may differ from ours: 30 seconds by default, 60 at most. A token is accepted that
    /// much past its `exp`.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.rules.leeway = leeway;
        self
    }

    /// The problems, each behind the name of the issuer that it concerns.
    pub(super) fn named(&self, problems: Vec<String>) -> Vec<String> {
        let name = self.issuers.first().map_or("without a name", |issuer| issuer);
        problems.into_iter().map(|problem| format!("The issuer `{name}`: {problem}")).collect()
    }
}
