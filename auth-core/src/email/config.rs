//! What a proved mailbox is worth.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::Email;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_hours(24);

/// Whose mailbox an address is, and what depends on it.
///
/// ```
/// use auth_core::email::{AddressChange, Config};
///
/// let config = Config::default().require_verified().refuse_domains(["mailinator.com"]).changes(AddressChange::Refused);
/// # let _ = config;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    pub(crate) verification: Verification,
    pub(crate) sign_in: AfterVerification,
    pub(crate) changes: AddressChange,
    pub(crate) link_ttl: Duration,
    pub(crate) invitation_ttl: Duration,
    refused_domains: BTreeSet<String>,
}

/// Whether people must prove their mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// They may.
    Offered,
    /// They are asked to when they sign up.
    Asked,
    /// They are asked to when they sign up, and have no session before they have.
    Required,
}

/// What somebody gets who has followed the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterVerification {
    Nothing,
    Session,
}

/// Whether people may give their account another address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressChange {
    /// They may, once whoever has the new mailbox has confirmed it, and before that, if the old one was proved to be
    /// theirs, whoever has the old one.
    #[default]
    Allowed,
    /// They may not.
    Refused,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            verification: Verification::Offered,
            sign_in: AfterVerification::Nothing,
            changes: AddressChange::default(),
            link_ttl: Duration::from_hours(1),
            invitation_ttl: 7 * DAY,
            refused_domains: BTreeSet::new(),
        }
    }
}

impl Config {
    /// Whoever signs up gets a mail with a link that proves the mailbox to be theirs. They may wait with it.
    #[must_use]
    pub fn verify_at_sign_up(mut self) -> Self {
        self.verification = Verification::Asked;
        self
    }

    /// Nobody has a session before they have proved that the mailbox is theirs. Whoever signs up gets a mail with the
    /// link and no session; whether the address has an account already is not told, but to the mailbox itself.
    #[must_use]
    pub fn require_verified(mut self) -> Self {
        self.verification = Verification::Required;
        self
    }

    /// Whoever proves their mailbox is signed in: by a code, or by a link in the browser in which it was asked for. By
    /// default they sign in themselves.
    #[must_use]
    pub fn sign_in_after_verification(mut self) -> Self {
        self.sign_in = AfterVerification::Session;
        self
    }

    /// Whether people may give their account another address; they may by default.
    #[must_use]
    pub fn changes(mut self, changes: AddressChange) -> Self {
        self.changes = changes;
        self
    }

    /// How long a link is good: 1 hour by default, 10 minutes to 7 days.
    #[must_use]
    pub fn link_ttl(mut self, ttl: Duration) -> Self {
        self.link_ttl = ttl;
        self
    }

    /// How long an [invitation](super::invite) is good: 7 days by default, 1 hour to 30 days.
    #[must_use]
    pub fn invitation_ttl(mut self, ttl: Duration) -> Self {
        self.invitation_ttl = ttl;
        self
    }

    /// Addresses of these domains and of those below them are refused, when somebody signs up or changes theirs: such
    /// as providers of mailboxes for an hour, of which there are lists. No domain is refused by default.
    #[must_use]
    pub fn refuse_domains<T: Into<String>>(mut self, domains: impl IntoIterator<Item = T>) -> Self {
        self.refused_domains.extend(domains.into_iter().map(|domain| domain.into().to_ascii_lowercase()));
        self
    }

    /// Whether this address is of a domain that is refused.
    pub(crate) fn refuses(&self, email: &Email) -> bool {
        let mut domain = email.domain();
        loop {
            if self.refused_domains.contains(domain) {
                return true;
            }
            let Some((_, parent)) = domain.split_once('.') else { return false };
            domain = parent;
        }
    }

    pub(crate) fn requires_verified(&self) -> bool {
        self.verification == Verification::Required
    }

    pub(crate) fn problems(&self, has_mailer: bool) -> Vec<String> {
        let mut problems = Vec::new();
        if !(10 * MINUTE..=7 * DAY).contains(&self.link_ttl) {
            problems.push(format!("links in mails live {:?}: allowed are 10 minutes to 7 days", self.link_ttl));
        }
        if !(60 * MINUTE..=30 * DAY).contains(&self.invitation_ttl) {
            problems.push(format!("invitations live {:?}: allowed are 1 hour to 30 days", self.invitation_ttl));
        }
        if self.verification != Verification::Offered && !has_mailer {
            problems.push("addresses are to be verified, and there is no mailer() to write to them".to_owned());
        }
        let is_domain =
            |domain: &String| Email::parse(&format!("a@{domain}")).is_ok_and(|email| email.domain() == domain);
        let odd = self.refused_domains.iter().filter(|domain| !is_domain(domain));
        problems.extend(odd.map(|domain| format!("{domain:?} among the refused domains is no domain")));
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_domain_goes_with_those_below_it_and_no_others() {
        let config = Config::default().refuse_domains(["Trash.example"]);
        let refuses = |text: &str| config.refuses(&Email::parse(text).unwrap());
        assert!(refuses("a@trash.example") && refuses("a@x.y.trash.example") && refuses("A@TRASH.example"));
        assert!(!refuses("a@nottrash.example") && !refuses("trash.example@example.com") && !refuses("a@example.com"));
        assert!(config.problems(false).is_empty());
    }

    #[test]
    fn what_cannot_work_is_told() {
        let config = Config::default().require_verified().link_ttl(MINUTE).refuse_domains(["*.example.com", "com"]);
        assert_eq!(config.problems(false).len(), 4, "{:?}", config.problems(false));
        assert_eq!(config.problems(true).len(), 3);
    }
}
