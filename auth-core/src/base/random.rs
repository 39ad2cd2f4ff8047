//! Randomness as a port.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Where the engine takes unpredictable bytes from. An implementation either fills the whole
/// buffer or does not return: there is no error to ignore and no weaker fall-back.
pub trait Random: Send + Sync + 'static {
    /// Overwrites `destination` with random bytes.
    fn fill(&self, destination: &mut [u8]);
}

/// The operating system's CSPRNG.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system")]
    fn fill(&self, destination: &mut [u8]) {
        if let Err(error) = getrandom::fill(destination) {
            panic!("the operating system gave no randomness: {error}");
        }
    }
}

/// Repeatable bytes for tests. Whoever knows the seed knows every token.
pub struct SeededRandom(Mutex<fastrand::Rng>);

impl SeededRandom {
    /// A generator whose whole output follows from `seed`.
    pub fn predictable(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }
}

impl Random for SeededRandom {
    fn fill(&self, destination: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(destination);
    }
}

impl fmt::Debug for SeededRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeededRandom")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_the_system_does_not_repeat() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        SeededRandom::predictable(7).fill(&mut a);
        SeededRandom::predictable(7).fill(&mut b);
        assert_eq!(a, b);
        OsRandom.fill(&mut a);
        OsRandom.fill(&mut b);
        assert_ne!(a, b);
    }
}
