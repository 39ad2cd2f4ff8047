//! What is limited, and where it is counted.

use super::Quota;

/// The limits of everything that says nothing of its own.
///
/// The limits of the engine's own endpoints are those of the protocol: 3 sign-ins or sign-ups in 10 seconds, 3 mails in
/// a minute, and so on, for each client address and path, and 100 in 10 seconds for what is not named. They are on
/// unless [`disabled_insecurely`](Self::disabled_insecurely) says otherwise. Routes of the application have none unless
/// they are given here or at the route.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Config {
    pub(super) signed_in: Vec<Quota>,
    pub(super) anonymous: Vec<Quota>,
    pub(super) counted: Counted,
}

/// Where requests are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Counted {
    #[default]
    InMemory,
    InDatabase,
    Nowhere,
}

impl Config {
    /// Limits nothing, whatever routes say: anybody may try for ever, within the [lockout](crate::account::Lockout).
    /// For tests, and for applications with a gateway in front that limits requests.
    pub fn disabled_insecurely() -> Self {
        Self { counted: Counted::Nowhere, ..Self::default() }
    }

    /// How often somebody who has proved who they are may call the routes of the application: one bucket each, over all
    /// routes that have no limit of their own.
    pub fn signed_in(mut self, quotas: impl IntoIterator<Item = Quota>) -> Self {
        self.signed_in.extend(quotas);
        self
    }

    /// How often everybody else may, from one address: one bucket each, over all such routes. What is refused for want
    /// of a valid credential (401) counts as well.
    pub fn anonymous(mut self, quotas: impl IntoIterator<Item = Quota>) -> Self {
        self.anonymous.extend(quotas);
        self
    }

    /// Counts in the database, for programs that run as several processes. It costs a request two statements more, and
    /// one that is refused a single one.
    pub fn in_database(mut self) -> Self {
        self.counted = Counted::InDatabase;
        self
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let has_too_many = |quotas: &Vec<Quota>| quotas.len() > super::rule::MOST_QUOTAS;
        let lists = [("signed_in", &self.signed_in), ("anonymous", &self.anonymous)];
        let long = lists.into_iter().filter(|(_, quotas)| has_too_many(quotas));
        long.map(|(name, _)| format!("{name} has more than {} quotas", super::rule::MOST_QUOTAS)).collect()
    }
}
