//! How often somebody may guess.

use std::time::Duration;

/// NIST SP 800-63B-4 §3.2.2: no more consecutive failures on one account.
const MOST_PER_ACCOUNT: u32 = 100;
/// A shorter window forgets so fast that it limits nobody.
const LEAST_WINDOW: Duration = Duration::from_secs(60);

/// How many wrong proofs (passwords and codes together, on whatever path) are answered within a window before they are
/// refused for the rest of it: 10 for one account, 50 from one client address, in 15 minutes.
///
/// Both are counted. The account's count stops somebody who tries many passwords on one person, from
/// however many addresses; the address's count stops somebody who tries one password on many people.
/// A low account limit also lets a stranger keep a known person out for the length of the window.
///
/// NIST SP 800-63B-4 §3.2.2 allows at most 100 consecutive failures on one account, which bounds
/// `per_account`. As the count starts anew with each window, this is a brake and no final lock:
/// over a day, the default lets 960 guesses at one account through.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Lockout {
    pub(crate) per_account: u32,
    pub(crate) per_address: u32,
    pub(crate) window: Duration,
    mode: LockoutMode,
}

#[derive(Clone, Copy, Debug)]
enum LockoutMode {
    Enabled,
    Disabled,
}

impl Default for Lockout {
    fn default() -> Self {
        Self { per_account: 10, per_address: 50, window: Duration::from_secs(15 * 60), mode: LockoutMode::Enabled }
    }
}

impl Lockout {
    /// Counts nothing: anybody may guess for ever, and have any number of mails and text messages sent, which cost
    /// money. For tests, and for applications that limit attempts in front of this
    /// library.
    pub fn disabled_insecurely() -> Self {
        Self { mode: LockoutMode::Disabled, ..Self::default() }
    }

    /// Wrong passwords and codes for one account: 1 to 100, 10 by default.
    #[must_use]
    pub fn per_account(self, per_account: u32) -> Self {
        Self { per_account, ..self }
    }

    /// Wrong passwords and codes from one client address: at least 1, 50 by default. So many messages may be asked for
    /// from it, too. Leave room for an office or a mobile network behind one address.
    #[must_use]
    pub fn per_address(self, per_address: u32) -> Self {
        Self { per_address, ..self }
    }

    /// How long attempts are remembered: at least one minute, 15 by default.
    #[must_use]
    pub fn window(self, window: Duration) -> Self {
        Self { window, ..self }
    }

    /// The limits to enforce; `None` when nothing is to be counted.
    pub(crate) fn limits(&self) -> Option<&Self> {
        match self.mode {
            LockoutMode::Enabled => Some(self),
            LockoutMode::Disabled => None,
        }
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let Some(Self { per_account, per_address, window, .. }) = self.limits() else { return Vec::new() };
        let mut problems = Vec::new();
        if !(1..=MOST_PER_ACCOUNT).contains(per_account) {
            problems.push(format!("The lockout's per_account is {per_account}, must be 1 to {MOST_PER_ACCOUNT}."));
        }
        if *per_address == 0 {
            problems.push("The lockout's per_address is 0, must be at least 1.".to_owned());
        }
        if *window < LEAST_WINDOW {
            problems.push(format!("The lockout's window is {window:?}, must be at least {LEAST_WINDOW:?}."));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_allowed_and_what_is_out_of_bounds_is_told_at_once() {
        assert!(Lockout::default().problems().is_empty());
        let lockout = Lockout::default().per_account(101).per_address(0).window(Duration::from_secs(1));
        assert_eq!(
            lockout.problems(),
            [
                "The lockout's per_account is 101, must be 1 to 100.",
                "The lockout's per_address is 0, must be at least 1.",
                "The lockout's window is 1s, must be at least 60s.",
            ]
        );
    }

    #[test]
    fn a_disabled_lockout_has_no_limits_and_no_problems() {
        let lockout = Lockout::disabled_insecurely().per_account(0);
        assert!(lockout.limits().is_none() && lockout.problems().is_empty());
        assert_eq!(Lockout::default().limits().map(|limits| (limits.per_account, limits.per_address)), Some((10, 50)));
    }
}
