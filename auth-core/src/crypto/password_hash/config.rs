//! How much a hash costs and how many may wait for one.

use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::time::Duration;

/// OWASP Password Storage: argon2id with at least 19 MiB, two iterations and one lane.
const OWASP_MEMORY_KIB: u32 = 19_456;
const OWASP_ITERATIONS: u32 = 2;

/// Settings of the [`PasswordHasher`](super::PasswordHasher). The defaults are OWASP's argon2id
/// minimum on half of the cores, about 15 ms a hash on a current server core.
///
/// Memory is `threads × memory_kib`. Measure before raising a cost: it multiplies what a flood of
/// sign-ins can make the server do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HashConfig {
    pub(super) memory_kib: u32,
    pub(super) iterations: u32,
    pub(super) parallelism: u32,
    pub(super) threads: Option<usize>,
    pub(super) queue_length: usize,
    pub(super) queue_time: Duration,
    floor: Floor,
}

/// Below which cost a configuration is refused.
#[derive(Clone, Copy, Debug)]
enum Floor {
    Owasp,
    None,
}

impl Default for HashConfig {
    fn default() -> Self {
        Self {
            memory_kib: OWASP_MEMORY_KIB,
            iterations: OWASP_ITERATIONS,
            parallelism: 1,
            threads: None,
            queue_length: 1024,
            queue_time: Duration::from_secs(5),
            floor: Floor::Owasp,
        }
    }
}

impl HashConfig {
    /// A hash that is nearly free and protects nothing, for tests that sign people in by the hundred.
    pub fn insecure_fast_for_tests() -> Self {
        Self { memory_kib: 64, iterations: 1, floor: Floor::None, ..Self::default() }
    }

    /// Memory of one hash in KiB: 19456 (the default) to 1048576.
    #[must_use]
    pub fn memory_kib(self, memory_kib: u32) -> Self {
        Self { memory_kib, ..self }
    }

    /// Passes over the memory: 2 (the default) to 50.
    #[must_use]
    pub fn iterations(self, iterations: u32) -> Self {
        Self { iterations, ..self }
    }

    /// Lanes of one hash: 1 (the default) to 16. They are computed one after the other, so more of
    /// them make no hash faster; the setting serves to match another system.
    #[must_use]
    pub fn parallelism(self, parallelism: u32) -> Self {
        Self { parallelism, ..self }
    }

    /// Hashes computed at the same time: 1 to 256. The default is half of the cores, at least one, so
    /// that a flood of sign-ins leaves the other half to everybody who is signed in.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads: Some(threads), ..self }
    }

    /// Jobs that may wait: 1 to 65536, 1024 by default. One more is refused at once.
    #[must_use]
    pub fn queue_length(self, queue_length: usize) -> Self {
        Self { queue_length, ..self }
    }

    /// How long a job may wait before it is refused uncomputed: 1 ms to 60 s, 5 s by default. Past
    /// the patience of the client, an answer would be work for nobody.
    #[must_use]
    pub fn queue_time(self, queue_time: Duration) -> Self {
        Self { queue_time, ..self }
    }

    /// Checks every setting against its range.
    ///
    /// # Errors
    /// [`HashConfigError::OutOfRange`] with all settings that are, not only the first.
    pub fn validate(&self) -> Result<(), HashConfigError> {
        let (memory, iterations) = match self.floor {
            Floor::Owasp => (OWASP_MEMORY_KIB, OWASP_ITERATIONS),
            // RFC 9106, 3.1: eight blocks a lane, one pass.
            Floor::None => (8 * self.parallelism.min(16), 1),
        };
        let millis = u64::try_from(self.queue_time.as_millis()).unwrap_or(u64::MAX);
        let settings = [
            ("memory_kib", u64::from(self.memory_kib), u64::from(memory)..=1_048_576),
            ("iterations", u64::from(self.iterations), u64::from(iterations)..=50),
            ("parallelism", u64::from(self.parallelism), 1..=16),
            ("threads", self.thread_count() as u64, 1..=256),
            ("queue_length", self.queue_length as u64, 1..=65_536),
            ("queue_time (ms)", millis, 1..=60_000),
        ];
        let outside: Vec<OutOfRange> = settings
            .into_iter()
            .filter(|(_, value, range)| !range.contains(value))
            .map(|(setting, value, range)| OutOfRange { setting, value, range })
            .collect();
        if outside.is_empty() { Ok(()) } else { Err(HashConfigError::OutOfRange(outside)) }
    }

    pub(super) fn thread_count(&self) -> usize {
        let half_of_the_cores =
            || std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2).min(256));
        self.threads.unwrap_or_else(half_of_the_cores)
    }
}

/// Why password hashing cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashConfigError {
    /// Settings below the minimum or beyond reason.
    #[error("password hashing: {}", sentences(.0))]
    OutOfRange(Vec<OutOfRange>),
    /// The system gave no thread for the pool.
    #[error("password hashing: no thread could be started")]
    NoThread(#[source] io::Error),
}

/// One setting that is outside its range.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutOfRange {
    /// Its name in [`HashConfig`].
    pub setting: &'static str,
    /// What it was set to.
    pub value: u64,
    /// What it may be.
    pub range: RangeInclusive<u64>,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, must be {} to {}", self.setting, self.value, self.range.start(), self.range.end())
    }
}

fn sentences(settings: &[OutOfRange]) -> String {
    settings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_use_at_least_one_thread() {
        let config = HashConfig::default();
        assert!(config.validate().is_ok());
        assert!(config.thread_count() >= 1);
        assert!(HashConfig::insecure_fast_for_tests().validate().is_ok());
    }

    #[test]
    fn everything_below_owasp_s_minimum_or_out_of_range_is_reported() {
        let config = HashConfig::default()
            .memory_kib(19_455)
            .iterations(1)
            .parallelism(0)
            .threads(0)
            .queue_length(0)
            .queue_time(Duration::from_micros(999));
        assert_eq!(
            config.validate().unwrap_err().to_string(),
            "password hashing: memory_kib is 19455, must be 19456 to 1048576; iterations is 1, must be 2 to 50; \
             parallelism is 0, must be 1 to 16; threads is 0, must be 1 to 256; queue_length is 0, must be 1 to \
             65536; queue_time (ms) is 0, must be 1 to 60000"
        );
        let absurd = HashConfig::insecure_fast_for_tests().parallelism(u32::MAX).queue_time(Duration::MAX);
        assert!(matches!(absurd.validate(), Err(HashConfigError::OutOfRange(problems)) if problems.len() == 3));
    }

    #[test]
    fn fast_settings_still_respect_the_algorithm() {
        assert!(HashConfig::insecure_fast_for_tests().memory_kib(7).validate().is_err());
        assert!(HashConfig::insecure_fast_for_tests().memory_kib(8).validate().is_ok());
        assert!(HashConfig::insecure_fast_for_tests().memory_kib(8).parallelism(2).validate().is_err());
    }
}
