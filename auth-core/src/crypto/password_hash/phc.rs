//! PHC strings, read strictly: `$id[$v=version]$name=value[,name=value]…$salt$output`.
//!
//! The whole input, one spelling for each value, every parameter once and in its order. The `phc`
//! crate is more liberal (repeated parameters) and stops at salts of 48 bytes, which other systems exceed.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::stored::Unfit;

/// In bytes. Eight is argon2's own minimum; 64 is far beyond what any system uses.
const SALT_LEN: RangeInclusive<usize> = 8..=64;
/// In bytes. Below 128 bits a hash could be matched by trying.
const OUTPUT_LEN: RangeInclusive<usize> = 16..=64;

/// The fields of a PHC string; what the parameters mean is the algorithm's business.
#[derive(Debug)]
pub(super) struct Phc<'a> {
    pub(super) version: Option<u32>,
    params: &'a str,
    pub(super) salt: Vec<u8>,
    pub(super) output: Vec<u8>,
}

impl<'a> Phc<'a> {
    /// Cuts a string of the algorithm `id` into its fields.
    pub(super) fn parse(text: &'a str, id: &str) -> Result<Self, Unfit> {
        let fields: Vec<&str> = text.split('$').collect();
        let (version, params, salt, output) = match *fields.as_slice() {
            ["", name, params, salt, output] if name == id => (None, params, salt, output),
            ["", name, version, params, salt, output] if name == id => {
                let version = version.strip_prefix("v=").ok_or(Unfit::Malformed)?;
                (Some(decimal(version)?), params, salt, output)
            }
            _ => return Err(Unfit::Malformed),
        };
        Ok(Self { version, params, salt: bytes(salt, SALT_LEN)?, output: bytes(output, OUTPUT_LEN)? })
    }

    /// The values of exactly these parameters, which must be there in this order.
    pub(super) fn params<const N: usize>(&self, names: [&str; N]) -> Result<[u32; N], Unfit> {
        let mut values = [0; N];
        let mut pairs = self.params.split(',');
        for (name, value) in names.iter().zip(&mut values) {
            let pair = pairs.next().and_then(|pair| pair.split_once('=')).ok_or(Unfit::Malformed)?;
            if pair.0 != *name {
                return Err(Unfit::Malformed);
            }
            *value = decimal(pair.1)?;
        }
        if pairs.next().is_none() { Ok(values) } else { Err(Unfit::Malformed) }
    }
}

/// A decimal number in its only spelling: no sign, no leading zero.
pub(super) fn decimal(text: &str) -> Result<u32, Unfit> {
    let value: u32 = text.parse().map_err(|_not_a_number| Unfit::Malformed)?;
    // `parse` takes "+1" and "01" for 1.
    if value.to_string() == text { Ok(value) } else { Err(Unfit::Malformed) }
}

fn bytes(base64: &str, length: RangeInclusive<usize>) -> Result<Vec<u8>, Unfit> {
    // Four characters hold three bytes: refuse before decoding, so that a row's size bounds nothing of ours.
    if base64.len() > length.end().div_ceil(3) * 4 {
        return Err(Unfit::BeyondLimits);
    }
    let bytes = STANDARD_NO_PAD.decode(base64).map_err(|_not_canonical| Unfit::Malformed)?;
    if bytes.len() < *length.start() {
        return Err(Unfit::Malformed);
    }
    if length.contains(&bytes.len()) { Ok(bytes) } else { Err(Unfit::BeyondLimits) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: &str = "AAECAwQFBgc";
    const OUTPUT: &str = "AAECAwQFBgcICQoLDA0ODw";

    fn salt_of(length: usize) -> Option<Unfit> {
        let text = format!("$x$a=1${}${OUTPUT}", STANDARD_NO_PAD.encode(vec![7; length]));
        Phc::parse(&text, "x").err()
    }

    fn output_of(length: usize) -> Option<Unfit> {
        let text = format!("$x$a=1${SALT}${}", STANDARD_NO_PAD.encode(vec![7; length]));
        Phc::parse(&text, "x").err()
    }

    #[test]
    fn fields_are_cut_with_and_without_a_version() {
        let text = format!("$x$v=19$a=1,b=20${SALT}${OUTPUT}");
        let phc = Phc::parse(&text, "x").unwrap();
        assert_eq!(phc.version, Some(19));
        assert_eq!(phc.params(["a", "b"]), Ok([1, 20]));
        assert_eq!(phc.salt, (0..8).collect::<Vec<u8>>());
        assert_eq!(phc.output, (0..16).collect::<Vec<u8>>());
        assert_eq!(Phc::parse(&format!("$x$a=1${SALT}${OUTPUT}"), "x").unwrap().version, None);
    }

    #[test]
    fn only_the_whole_string_of_the_right_algorithm_parses() {
        let good = format!("$x$a=1${SALT}${OUTPUT}");
        assert!(Phc::parse(&good, "x").is_ok());
        let bad = [
            String::new(),
            "$".to_owned(),
            "$x".to_owned(),
            format!("$y$a=1${SALT}${OUTPUT}"),
            format!("x$a=1${SALT}${OUTPUT}"),
            format!(" {good}"),
            format!("{good} "),
            format!("{good}\n"),
            format!("{good}$"),
            format!("{good}="),
            format!("$x$19$a=1${SALT}${OUTPUT}"),
            format!("$x$v=19$a=1${SALT}"),
            format!("$x$a=1${SALT}$"),
            format!("$x$a=1${SALT}${}", OUTPUT.replace('w', "x")),
            format!("$x$a=1${SALT}${}", OUTPUT.replace('A', "-")),
        ];
        for text in bad {
            assert_eq!(Phc::parse(&text, "x").err(), Some(Unfit::Malformed), "{text:?}");
        }
    }

    #[test]
    fn parameters_are_exactly_the_expected_ones() {
        let params = |text: &str| Phc { version: None, params: text, salt: vec![], output: vec![] }.params(["a", "b"]);
        assert_eq!(params("a=1,b=2"), Ok([1, 2]));
        for bad in ["", "a=1", "b=2,a=1", "a=1,b=2,c=3", "a=1,b=2,", "a=1,a=1,b=2", "a=1,b", "a=1, b=2", "a=1,b=2=3"] {
            assert_eq!(params(bad), Err(Unfit::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn numbers_have_one_spelling() {
        assert_eq!(decimal("0"), Ok(0));
        assert_eq!(decimal("4294967295"), Ok(u32::MAX));
        for bad in ["", "+1", "-1", "01", "1 ", "0x1", "4294967296", "１"] {
            assert_eq!(decimal(bad), Err(Unfit::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn salts_have_8_to_64_bytes_and_outputs_16_to_64() {
        assert_eq!([7, 8, 64].map(salt_of), [Some(Unfit::Malformed), None, None]);
        assert_eq!([65, 66, 67, 100_000].map(salt_of), [Some(Unfit::BeyondLimits); 4]);
        assert_eq!([0, 15, 16, 64].map(output_of), [Some(Unfit::Malformed), Some(Unfit::Malformed), None, None]);
        assert_eq!([65, 100_000].map(output_of), [Some(Unfit::BeyondLimits); 2]);
    }
}
