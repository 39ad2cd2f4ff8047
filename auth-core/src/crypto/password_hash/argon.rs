//! Argon2 (RFC 9106) over memory that outlives the single hash.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use super::HashError;
use super::phc::Phc;
use super::stored::{Limits, Unfit};

/// The blocks of one thread. Fresh memory for each hash would cost as much time as the hash itself
/// takes to fill it, and an allocator keeps much of what many threads free.
#[derive(Debug)]
pub(super) struct Memory {
    blocks: Vec<Block>,
    kept: usize,
}

impl Memory {
    /// Takes nothing yet; up to `kept` blocks of 1 KiB stay allocated between jobs.
    pub(super) fn new(kept: usize) -> Self {
        Self { blocks: Vec::new(), kept }
    }

    fn blocks(&mut self, count: usize) -> Result<&mut [Block], HashError> {
        if self.blocks.len() < count {
            // Freed first: old content is never needed, and both at once would double the peak.
            self.blocks = Vec::new();
            self.blocks.try_reserve_exact(count).map_err(|_out_of_memory| HashError::Failed)?;
            self.blocks.resize(count, Block::new());
        }
        Ok(&mut self.blocks[..count])
    }

    /// Gives back what a row with more memory than is configured made it grow to.
    pub(super) fn shrink(&mut self) {
        if self.blocks.len() > self.kept {
            self.blocks = Vec::new();
        }
    }

    #[cfg(test)]
    pub(super) fn allocated_blocks(&self) -> (usize, *const Block) {
        (self.blocks.len(), self.blocks.as_ptr())
    }
}

/// An argon2i or argon2id hash with everything that is needed to compute it again.
pub(super) struct Argon2Hash {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) params: Params,
    pub(super) salt: Vec<u8>,
    pub(super) output: Vec<u8>,
}

impl Argon2Hash {
    pub(super) fn read(text: &str, algorithm: Algorithm, limits: &Limits) -> Result<Self, Unfit> {
        let phc = Phc::parse(text, algorithm.as_str())?;
        let [memory, iterations, parallelism] = phc.params(["m", "t", "p"])?;
        // The reference decoder takes a string without a version for the older one.
        let version = match phc.version {
            None | Some(16) => Version::V0x10,
            Some(19) => Version::V0x13,
            Some(_) => return Err(Unfit::Malformed),
        };
        if memory > limits.memory_kib || iterations > limits.iterations || parallelism > limits.parallelism {
            return Err(Unfit::BeyondLimits);
        }
        let params = Params::new(memory, iterations, parallelism, Some(phc.output.len()));
        let params = params.map_err(|_impossible| Unfit::Malformed)?;
        Ok(Self { algorithm, version, params, salt: phc.salt, output: phc.output })
    }

    pub(super) fn matches(&self, memory: &mut Memory, password: &[u8]) -> Result<bool, HashError> {
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        compute(memory, (self.algorithm, self.version, &self.params), password, &self.salt, &mut output)?;
        Ok(verify_slices_are_equal(&output, &self.output).is_ok())
    }
}

/// Fills `output`, whose length must be the one in the parameters, without allocating.
pub(super) fn compute(
    memory: &mut Memory,
    (algorithm, version, params): (Algorithm, Version, &Params),
    password: &[u8],
    salt: &[u8],
    output: &mut [u8],
) -> Result<(), HashError> {
    let blocks = memory.blocks(params.block_count())?;
    Argon2::new(algorithm, version, params.clone())
        .hash_password_into_with_memory(password, salt, output, blocks)
        .map_err(|_lengths| HashError::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { memory_kib: 65_536, iterations: 10, parallelism: 4 };
    const PASSWORD: &[u8] = b"correct horse battery staple";

    fn read(text: &str) -> Result<Argon2Hash, Unfit> {
        let algorithm = if text.starts_with("$argon2id$") { Algorithm::Argon2id } else { Algorithm::Argon2i };
        Argon2Hash::read(text, algorithm, &LIMITS)
    }

    /// Encoded by the reference implementation, `libargon2`.
    const KNOWN: [&str; 5] = [
        "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$gYJZtjEAJqjg26xdLmknq8/bB7MiWPrE9hsYuA+SkIU",
        "$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$ktxdZwGWI4aL3geSdeUi9LfoIT00FO2Fy8KsikERcog",
        "$argon2i$v=19$m=256,t=3,p=2$AAECAwQFBgcICQoLDA0ODw$0aDgzEMZiRVi1u+x+Y6w2tkwUn+VWMMuiKet5NmyEUU",
        "$argon2i$v=16$m=256,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$qOvgmKCdw/GRogS41fU1oQ",
        "$argon2id$v=19$m=512,t=1,p=4$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw$ta/6UZZfw7Fv3JaB55S1Hbsfk4XZ7wp4WIirQOGMvRF11vv0B8nYIfsB8tENWN/s/Z0cl6HL0eF2RlVwTk8V5Q",
    ];

    #[test]
    fn hashes_of_the_reference_implementation_match_their_password_only() {
        let mut memory = Memory::new(0);
        for known in KNOWN {
            let hash = read(known).unwrap();
            assert_eq!(hash.matches(&mut memory, PASSWORD), Ok(true), "{known}");
            assert_eq!(hash.matches(&mut memory, b"correct horse battery stapl"), Ok(false), "{known}");
        }
        let unversioned = KNOWN[3].replace("v=16$", "");
        assert_eq!(read(&unversioned).unwrap().matches(&mut memory, PASSWORD), Ok(true));
    }

    #[test]
    fn costs_beyond_the_limits_are_refused_and_at_the_limits_are_not() {
        let with = |params: &str| read(&KNOWN[1].replace("m=64,t=1,p=1", params)).err();
        for beyond in
            ["m=65537,t=1,p=1", "m=4294967295,t=1,p=1", "m=64,t=11,p=1", "m=64,t=4294967295,p=1", "m=64,t=1,p=5"]
        {
            assert_eq!(with(beyond), Some(Unfit::BeyondLimits), "{beyond}");
        }
        assert_eq!(with("m=65536,t=10,p=4"), None);
    }

    #[test]
    fn impossible_and_disorderly_parameters_are_refused() {
        let with = |params: &str| read(&KNOWN[1].replace("v=19$m=64,t=1,p=1", params)).err();
        let disorderly = [
            "v=19$m=7,t=1,p=1",
            "v=19$m=31,t=1,p=4",
            "v=19$m=64,t=0,p=1",
            "v=19$m=64,t=1,p=0",
            "v=19$m=64,t=1",
            "v=19$t=1,m=64,p=1",
            "v=19$m=64,m=64,t=1,p=1",
            "v=19$m=64,t=1,p=1,keyid=AAAA",
            "v=19$m=064,t=1,p=1",
            "v=18$m=64,t=1,p=1",
            "v=$m=64,t=1,p=1",
            "m=64,t=1,p=1$v=19",
        ];
        for params in disorderly {
            assert_eq!(with(params), Some(Unfit::Malformed), "{params}");
        }
    }

    #[test]
    fn memory_is_reused_and_what_a_larger_row_took_is_given_back() {
        let mut memory = Memory::new(64);
        let (small, large) = (read(KNOWN[1]).unwrap(), read(KNOWN[4]).unwrap());
        assert_eq!(memory.allocated_blocks().0, 0);

        assert_eq!(small.matches(&mut memory, PASSWORD), Ok(true));
        memory.shrink();
        let first = memory.allocated_blocks();
        assert_eq!(first.0, 64);
        assert_eq!(small.matches(&mut memory, PASSWORD), Ok(true));
        memory.shrink();
        assert_eq!(memory.allocated_blocks(), first, "the same blocks again");

        assert_eq!(large.matches(&mut memory, PASSWORD), Ok(true));
        assert_eq!(memory.allocated_blocks().0, 512);
        // Blocks left over from a larger hash do not change a smaller one.
        assert_eq!(small.matches(&mut memory, PASSWORD), Ok(true));
        memory.shrink();
        assert_eq!(memory.allocated_blocks().0, 0);
        assert_eq!(small.matches(&mut memory, PASSWORD), Ok(true));
    }
}
