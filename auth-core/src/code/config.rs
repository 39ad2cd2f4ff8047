//! Which codes there are, what they look like, and how long they are good.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::base::Random;

/// Codes that hand a session from one client of its user to another: from a web page to the app that it opens, for
/// example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OneTimeTokens {
    pub(crate) ttl: Duration,
}

impl Default for OneTimeTokens {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(3 * 60) }
    }
}

impl OneTimeTokens {
    /// How long one is good: 3 minutes by default, 10 seconds to 10 minutes.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let allowed = Duration::from_secs(10)..=Duration::from_secs(10 * 60);
        let is_bad = !allowed.contains(&self.ttl);
        is_bad
            .then(|| format!("one-time tokens live {:?}: allowed are 10 seconds to 10 minutes", self.ttl))
            .into_iter()
            .collect()
    }
}

/// What a code looks like that somebody types in: 6 digits by default, good for 5 minutes and 3 tries.
///
/// The tries belong to the code; beside them every wrong one counts for the account, together with wrong passwords
/// ([`Lockout`](crate::account::Lockout)), so that nobody gets more of them by asking for new codes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OtpForm {
    length: usize,
    alphabet: Alphabet,
    pub(crate) ttl: Duration,
    pub(crate) most_attempts: u32,
}

/// Of what a code consists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alphabet {
    /// The ten digits.
    Digits,
    /// 20 consonants that spell no word and are not taken for digits (RFC 8628 §6.1), in whatever case.
    Consonants,
}

impl Alphabet {
    const fn letters(self) -> &'static [u8] {
        match self {
            Self::Digits => b"0123456789",
            Self::Consonants => b"BCDFGHJKLMNPQRSTVWXZ",
        }
    }
}

impl Default for OtpForm {
    fn default() -> Self {
        Self { length: 6, alphabet: Alphabet::Digits, ttl: Duration::from_secs(5 * 60), most_attempts: 3 }
    }
}

impl OtpForm {
    /// How many characters: 6 to 12, 6 by default (NIST SP 800-63B-4 §3.1.3.2).
    #[must_use]
    pub fn length(mut self, length: usize) -> Self {
        self.length = length;
        self
    }

    /// Of what it consists; digits by default.
    #[must_use]
    pub fn alphabet(mut self, alphabet: Alphabet) -> Self {
        self.alphabet = alphabet;
        self
    }

    /// How long it is good: 5 minutes by default, 1 to 10 (NIST SP 800-63B-4 §3.1.3.2 allows 10).
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// How often somebody may try: 3 by default, 1 to 10.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.most_attempts = attempts;
        self
    }

    /// A new one, each as likely as any other.
    pub(crate) fn random(&self, random: &dyn Random) -> Zeroizing<String> {
        let letters = self.alphabet.letters();
        // Bytes beyond the last whole round of the alphabet would make its first letters likelier.
        let fair = (256 / letters.len()) * letters.len();
        let mut text = Zeroizing::new(String::with_capacity(self.length));
        let mut byte = Zeroizing::new([0]);
        while text.len() < self.length {
            random.fill(byte.as_mut_slice());
            let drawn = usize::from(byte[0]);
            if drawn < fair {
                text.push(char::from(letters[drawn % letters.len()]));
            }
        }
        text
    }

    /// What somebody typed, as it is compared. What cannot be a code at all becomes one that is never right.
    pub(crate) fn canonical(&self, typed: &str) -> Zeroizing<String> {
        let is_ours = typed.len() == self.length && typed.bytes().all(|b| b.is_ascii_alphanumeric());
        Zeroizing::new(if is_ours { typed.to_ascii_uppercase() } else { String::new() })
    }

    /// What is wrong with the form of these codes, `mailed` ones or others.
    pub(crate) fn problems(&self, of: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if !(6..=12).contains(&self.length) {
            problems.push(format!("{of} codes have {} characters: allowed are 6 to 12", self.length));
        }
        if !(Duration::from_secs(60)..=Duration::from_secs(600)).contains(&self.ttl) {
            problems.push(format!("{of} codes live {:?}: allowed are 1 to 10 minutes", self.ttl));
        }
        if !(1..=10).contains(&self.most_attempts) {
            problems.push(format!("{of} codes may be tried {} times: allowed are 1 to 10", self.most_attempts));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::SeededRandom;

    #[test]
    fn every_letter_is_as_likely_as_any_other_and_no_other_occurs() {
        let random = SeededRandom::predictable(5);
        for (alphabet, letters) in [(Alphabet::Digits, 10), (Alphabet::Consonants, 20)] {
            let form = OtpForm::default().alphabet(alphabet).length(10);
            let mut counts = BTreeMap::new();
            for _ in 0..2_000 {
                let code = form.random(&random);
                assert_eq!((code.len(), form.canonical(&code)), (10, code.clone()));
                code.chars().for_each(|letter| *counts.entry(letter).or_insert(0) += 1);
            }
            assert_eq!(counts.len(), letters);
            let expected = 20_000 / letters;
            assert!(counts.values().all(|count| (expected * 4 / 5..expected * 6 / 5).contains(count)), "{counts:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_code_is_never_compared() {
        let form = OtpForm::default();
        for typed in ["", "12345", "1234567", " 12345", "12345\0", "\u{661}23456", "\u{661}\u{662}\u{663}"] {
            assert_eq!(*form.canonical(typed), "", "{typed:?}");
        }
        assert_eq!(*OtpForm::default().alphabet(Alphabet::Consonants).canonical("bcdfgh"), "BCDFGH");
    }

    #[test]
    fn what_is_out_of_bounds_is_told_at_once() {
        assert!(OtpForm::default().problems("mailed").is_empty());
        assert_eq!(OtpForm::default().length(5).ttl(Duration::from_secs(601)).attempts(0).problems("mailed").len(), 3);
    }
}
