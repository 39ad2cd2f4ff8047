//! Hashes of other systems: verified so that nobody needs a new password, never made.
//!
//! Each is replaced by an argon2id hash at the first sign-in, because it counts as outdated.

use std::num::NonZeroU32;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::pbkdf2;
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::HashError;
use super::password::Password;
use super::phc::{Phc, decimal};
use super::stored::Unfit;

/// `N·r·128` of scrypt, in bytes.
const SCRYPT_MEMORY: u64 = 64 * 1024 * 1024;
const SCRYPT_LOG_N: u32 = 17;
const SCRYPT_R: u32 = 16;
const SCRYPT_P: u32 = 4;
/// About a second on a current core, and the most that is met in practice.
const BCRYPT_COST: u32 = 14;
/// Three times what OWASP recommends for PBKDF2-HMAC-SHA256.
const PBKDF2_ITERATIONS: u32 = 2_000_000;

/// A scrypt hash (RFC 7914), from a PHC string or as Better Auth writes it.
pub(super) struct ScryptHash {
    params: scrypt::Params,
    salt: Vec<u8>,
    output: Vec<u8>,
    form: PasswordForm,
}

/// What of the password went into the hash.
enum PasswordForm {
    AsReceived,
    /// Unicode normalisation form NFKC.
    Nfkc,
}

impl ScryptHash {
    /// `$scrypt$ln=…,r=…,p=…$salt$output`.
    pub(super) fn read(text: &str) -> Result<Self, Unfit> {
        let phc = Phc::parse(text, "scrypt")?;
        let [log_n, r, p] = phc.params(["ln", "r", "p"])?;
        if phc.version.is_some() || log_n == 0 || r == 0 || p == 0 {
            return Err(Unfit::Malformed);
        }
        // Evaluated from left to right: past the first three, the product fits easily.
        let beyond =
            log_n > SCRYPT_LOG_N || r > SCRYPT_R || p > SCRYPT_P || (u64::from(r) << log_n) * 128 > SCRYPT_MEMORY;
        if beyond {
            return Err(Unfit::BeyondLimits);
        }
        let params = scrypt_params(log_n, r, p)?;
        Ok(Self { params, salt: phc.salt, output: phc.output, form: PasswordForm::AsReceived })
    }

    /// 32 hexadecimal digits of salt, a colon, 128 of output. Better Auth runs scrypt with N=16384,
    /// r=16, p=1 over the NFKC form of the password and takes the salt's *digits* as the salt.
    pub(super) fn read_better_auth(text: &str) -> Result<Self, Unfit> {
        let (salt, output) = text.split_once(':').ok_or(Unfit::Malformed)?;
        let salt_bytes = hex(salt)?;
        let output = hex(output)?;
        if salt_bytes.len() != 16 || output.len() != 64 {
            return Err(Unfit::Malformed);
        }
        let params = scrypt_params(14, 16, 1)?;
        Ok(Self { params, salt: salt.as_bytes().to_vec(), output, form: PasswordForm::Nfkc })
    }

    pub(super) fn matches(&self, password: &Password) -> Result<bool, HashError> {
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        let normalised;
        let password = match self.form {
            PasswordForm::AsReceived => password.expose(),
            PasswordForm::Nfkc => {
                normalised = nfkc(password.expose());
                normalised.as_str()
            }
        };
        scrypt::scrypt(password.as_bytes(), &self.salt, &self.params, &mut output)
            .map_err(|_output_length| HashError::Failed)?;
        Ok(verify_slices_are_equal(&output, &self.output).is_ok())
    }
}

fn scrypt_params(log_n: u32, r: u32, p: u32) -> Result<scrypt::Params, Unfit> {
    let log_n = u8::try_from(log_n).map_err(|_too_large| Unfit::BeyondLimits)?;
    scrypt::Params::new(log_n, r, p).map_err(|_invalid| Unfit::Malformed)
}

fn nfkc(text: &str) -> Zeroizing<String> {
    // NFKC lengthens UTF-8 at most elevenfold (Unicode Normalization FAQ): no growth leaves a copy behind.
    let mut normalised = Zeroizing::new(String::with_capacity(text.len() * 11));
    normalised.extend(text.nfkc());
    normalised
}

fn hex(text: &str) -> Result<Vec<u8>, Unfit> {
    let digits = text.bytes().map(|digit| match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(Unfit::Malformed),
    });
    let digits = digits.collect::<Result<Vec<u8>, _>>()?;
    match digits.as_chunks::<2>() {
        (pairs, []) => Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect()),
        (_, _odd) => Err(Unfit::Malformed),
    }
}

/// A bcrypt hash of the sound versions 2a, 2b and 2y, which mean the same for every password taken here.
pub(super) struct BcryptHash {
    cost: u32,
    salt: [u8; 16],
    output: [u8; 23],
}

/// bcrypt's own base64: another alphabet, no padding, spare bits zero.
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);

impl BcryptHash {
    /// `$2b$cost$` with a cost of two digits, then 22 characters of salt and 31 of output.
    pub(super) fn read(text: &str) -> Result<Self, Unfit> {
        let ["", "2a" | "2b" | "2y", cost, body] = *text.split('$').collect::<Vec<_>>() else {
            return Err(Unfit::Malformed);
        };
        if cost.len() != 2 {
            return Err(Unfit::Malformed);
        }
        let cost = decimal(cost.strip_prefix('0').unwrap_or(cost))?;
        let (salt, output) = body.split_at_checked(22).ok_or(Unfit::Malformed)?;
        let (salt, output) = (bcrypt_bytes(salt)?, bcrypt_bytes(output)?);
        match cost {
            4..=BCRYPT_COST => Ok(Self { cost, salt, output }),
            0..4 => Err(Unfit::Malformed),
            _ => Err(Unfit::BeyondLimits),
        }
    }

    /// bcrypt looks at 72 bytes and repeats short passwords around a NUL. Longer ones would match by
    /// their beginning alone, and "a\0a" would match "a": neither is a password of such a hash.
    pub(super) fn takes(password: &Password) -> bool {
        password.len_bytes() <= 72 && !password.expose().contains('\0')
    }

    pub(super) fn matches(&self, password: &Password) -> bool {
        if !Self::takes(password) {
            return false;
        }
        let bytes = password.expose().as_bytes();
        let mut terminated = Zeroizing::new([0; 73]);
        terminated[..bytes.len()].copy_from_slice(bytes);
        // The terminating NUL is part of the key unless 72 bytes precede it.
        let key = &terminated[..(bytes.len() + 1).min(72)];
        let output = Zeroizing::new(bcrypt::bcrypt(self.cost, self.salt, key));
        // The last byte of bcrypt's 24 has never been written into its hashes.
        verify_slices_are_equal(&output[..23], &self.output).is_ok()
    }
}

fn bcrypt_bytes<const N: usize>(text: &str) -> Result<[u8; N], Unfit> {
    let bytes = BCRYPT_BASE64.decode(text).map_err(|_not_canonical| Unfit::Malformed)?;
    bytes.try_into().map_err(|_length| Unfit::Malformed)
}

/// A PBKDF2 hash (RFC 8018), `$pbkdf2-sha256$i=…[,l=…]$salt$output`.
pub(super) struct Pbkdf2Hash {
    digest: Pbkdf2Digest,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    output: Vec<u8>,
}

/// The hash below PBKDF2's HMAC.
#[derive(Clone, Copy)]
pub(super) enum Pbkdf2Digest {
    Sha256,
    Sha512,
}

impl Pbkdf2Hash {
    pub(super) fn read(text: &str, digest: Pbkdf2Digest) -> Result<Self, Unfit> {
        let id = match digest {
            Pbkdf2Digest::Sha256 => "pbkdf2-sha256",
            Pbkdf2Digest::Sha512 => "pbkdf2-sha512",
        };
        let phc = Phc::parse(text, id)?;
        let length = u32::try_from(phc.output.len()).map_err(|_too_long| Unfit::BeyondLimits)?;
        // The length may be left out; when it is there, it must be true.
        let [iterations, length_param] = phc.params(["i", "l"]).or_else(|_| Ok([phc.params(["i"])?[0], length]))?;
        if phc.version.is_some() || length_param != length {
            return Err(Unfit::Malformed);
        }
        if iterations > PBKDF2_ITERATIONS {
            return Err(Unfit::BeyondLimits);
        }
        let iterations = NonZeroU32::new(iterations).ok_or(Unfit::Malformed)?;
        Ok(Self { digest, iterations, salt: phc.salt, output: phc.output })
    }

    pub(super) fn matches(&self, password: &Password) -> bool {
        let algorithm = match self.digest {
            Pbkdf2Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Pbkdf2Digest::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        // Compares in constant time.
        pbkdf2::verify(algorithm, self.iterations, &self.salt, password.expose().as_bytes(), &self.output).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse battery staple";

    fn password(text: &str) -> Password {
        Password::new(text)
    }

    /// Computed with Python's `hashlib.scrypt`.
    const SCRYPT: [&str; 2] = [
        "$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$11kKyiyYAc8G7rp3KmncMc44YlkdllIqxOa7pq0fMaU",
        "$scrypt$ln=10,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$wk79EttC618m617oirShLZuxJkXcX6rXHrrS9rQQ/44/PyzWeE3KWbAQldWIiQYvKCevjNM19RG3gEA+HQIIyw",
    ];

    #[test]
    fn scrypt_hashes_match_their_password_only() {
        for known in SCRYPT {
            let hash = ScryptHash::read(known).unwrap();
            assert_eq!(hash.matches(&password(PASSWORD)), Ok(true), "{known}");
            assert_eq!(hash.matches(&password("correct horse battery stapler")), Ok(false), "{known}");
        }
    }

    #[test]
    fn scrypt_parameters_are_limited_and_orderly() {
        let with = |params: &str| ScryptHash::read(&SCRYPT[0].replace("ln=14,r=8,p=1", params)).err();
        for beyond in ["ln=18,r=1,p=1", "ln=17,r=8,p=1", "ln=10,r=17,p=1", "ln=10,r=8,p=5", "ln=4294967295,r=1,p=1"] {
            assert_eq!(with(beyond), Some(Unfit::BeyondLimits), "{beyond}");
        }
        assert_eq!(with("ln=17,r=4,p=4"), None, "exactly 64 MiB");
        assert_eq!(with("ln=15,r=16,p=1"), None, "exactly 64 MiB");
        for bad in ["ln=0,r=8,p=1", "ln=14,r=0,p=1", "ln=14,r=8,p=0", "r=8,ln=14,p=1", "ln=14,r=8", "N=14,r=8,p=1"] {
            assert_eq!(with(bad), Some(Unfit::Malformed), "{bad}");
        }
        assert!(ScryptHash::read(&SCRYPT[0].replace("$ln", "$v=1$ln")).is_err());
    }

    /// Computed with Node's `crypto.scryptSync`, for the password above and for one that NFKC changes.
    const BETTER_AUTH: [(&str, &str); 2] = [
        (
            PASSWORD,
            "000102030405060708090a0b0c0d0e0f:7034425e783148ac6ce2c4521177f6fc8ba611950b64145053bf3c4fbf26457865bbf1ea8164754187636d431114bca7374e96cf91409d23fbc0b086580d2442",
        ),
        (
            "\u{212B}ngstr\u{F6}m\u{FB01}",
            "000102030405060708090a0b0c0d0e0f:bf11640dd6c89510f57c53fa9a180ac791563d3dcd27d7f55f47ee81f69399cb385706a5556a1ff4e08aba034ba2549a14e50ff27272b764da75d38c19f663a8",
        ),
    ];

    #[test]
    fn better_auth_hashes_match_the_normalised_password() {
        for (text, known) in BETTER_AUTH {
            let hash = ScryptHash::read_better_auth(known).unwrap();
            assert_eq!(hash.matches(&password(text)), Ok(true), "{text}");
            assert_eq!(hash.matches(&password("correct horse")), Ok(false), "{text}");
        }
        let decomposed = ScryptHash::read_better_auth(BETTER_AUTH[1].1).unwrap();
        assert_eq!(decomposed.matches(&password("A\u{30A}ngstro\u{308}mfi")), Ok(true));
    }

    #[test]
    fn nfkc_never_outgrows_its_buffer() {
        for text in ["\u{FDFA}".repeat(170), "a".repeat(512), "\u{1D160}".repeat(128), "\u{390}".repeat(256)] {
            assert_eq!(nfkc(&text).capacity(), text.len() * 11);
        }
    }

    #[test]
    fn better_auth_hashes_have_exactly_their_form() {
        let good = BETTER_AUTH[0].1;
        let bad = [
            good.to_uppercase(),
            good[..160].to_owned(),
            format!("{good}0"),
            format!("{good}00"),
            format!("{good}\n"),
            format!(" {}", &good[1..]),
            good.replacen(':', "", 1),
            good.replacen('0', "g", 1),
            good.replacen('0', "+", 1),
            format!("{}:{}", &good[..31], &good[33..]),
        ];
        for text in bad {
            assert_eq!(ScryptHash::read_better_auth(&text).err(), Some(Unfit::Malformed), "{text:?}");
        }
    }

    /// Computed by libxcrypt; the fourth is from the test vectors of crypt_blowfish.
    const BCRYPT: [(&str, &str); 6] = [
        (PASSWORD, "$2a$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
        (PASSWORD, "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
        (PASSWORD, "$2y$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("pässwörd", "$2b$04$abcdefghijklmnopqrstuuyx2n0Zzopyr9QuYTMCfOJJOj526QVoC"),
        (SEVENTY_TWO, "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i"),
    ];
    const SEVENTY_TWO: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

    #[test]
    fn bcrypt_hashes_match_their_password_only() {
        for (text, known) in BCRYPT {
            let hash = BcryptHash::read(known).unwrap();
            assert!(hash.matches(&password(text)), "{known}");
            assert!(!hash.matches(&password("correct horse")), "{known}");
        }
    }

    #[test]
    fn bcrypt_never_truncates_nor_wraps_around_a_nul() {
        let hash = BcryptHash::read(BCRYPT[5].1).unwrap();
        // libxcrypt computes the very same hash for 73 characters.
        assert!(!hash.matches(&password(&format!("{SEVENTY_TWO}x"))));
        let hash = BcryptHash::read(BCRYPT[3].1).unwrap();
        assert!(!hash.matches(&password("U*U\0U*U")));
    }

    #[test]
    fn bcrypt_strings_are_read_whole_and_costs_are_limited() {
        let good = BCRYPT[1].1;
        let cost = |digits: &str| BcryptHash::read(&good.replace("$04$", &format!("${digits}$"))).err();
        assert_eq!([cost("14"), cost("10")], [None, None]);
        assert_eq!([cost("15"), cost("31"), cost("99")], [Some(Unfit::BeyondLimits); 3]);
        for bad in ["03", "00", "4", "+4", " 4", "004", "", "4a"] {
            assert_eq!(cost(bad), Some(Unfit::Malformed), "{bad:?}");
        }
        let bad = [
            good[..59].to_owned(),
            format!("{good}."),
            format!("{good}\n"),
            format!("{good}$"),
            good.replace("2b", "2x"),
            // Spare bits of the salt and of the output that are not zero.
            good.replace("stuu7", "stuv7"),
            good.replace("6CG", "6CH"),
            good.replace("6CG", "6C="),
            good.replace("pqrstuu", "pqrsté"),
        ];
        for text in bad {
            assert_eq!(BcryptHash::read(&text).err(), Some(Unfit::Malformed), "{text:?}");
        }
    }

    /// Computed with Python's `hashlib.pbkdf2_hmac`; the last has a salt of 64 bytes and no length.
    const PBKDF2: [(Pbkdf2Digest, &str); 3] = [
        (
            Pbkdf2Digest::Sha256,
            "$pbkdf2-sha256$i=10000,l=32$AAECAwQFBgcICQoLDA0ODw$2flfZcLfnShdJogjAMpb4p4+1QBVZmODXExi4nBRUCI",
        ),
        (
            Pbkdf2Digest::Sha512,
            "$pbkdf2-sha512$i=10000,l=64$AAECAwQFBgcICQoLDA0ODw$v7a0CD773GVSsWkQUMz7g3zeS7fyWgS+0ob9lMdgMzj1yjM5YJwYGcp+eDicfuQMeceSuRxpfkGY5nLai7gYjA",
        ),
        (
            Pbkdf2Digest::Sha512,
            "$pbkdf2-sha512$i=1000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw$B37WQDXDUnacC0t3YcQb7+4oWwiUmOnabyBS5ujq/p8I9iQvEt78yvclpJyr3SpnufyeqzjChJuYftj8jNDkHw",
        ),
    ];

    #[test]
    fn pbkdf2_hashes_match_their_password_only() {
        for (digest, known) in PBKDF2 {
            let hash = Pbkdf2Hash::read(known, digest).unwrap();
            assert!(hash.matches(&password(PASSWORD)), "{known}");
            assert!(!hash.matches(&password("correct horse")), "{known}");
        }
    }

    #[test]
    fn pbkdf2_iterations_are_limited_and_the_length_is_true() {
        let with =
            |params: &str| Pbkdf2Hash::read(&PBKDF2[0].1.replace("i=10000,l=32", params), Pbkdf2Digest::Sha256).err();
        assert_eq!([with("i=2000000,l=32"), with("i=2000000")], [None, None]);
        assert_eq!([with("i=2000001,l=32"), with("i=4294967295")], [Some(Unfit::BeyondLimits); 2]);
        for bad in ["i=0", "i=1000,l=31", "l=32,i=1000", "i=1000,l=32,l=32", "1000", "i=", "v=1$i=1000"] {
            assert_eq!(with(bad), Some(Unfit::Malformed), "{bad}");
        }
    }
}
