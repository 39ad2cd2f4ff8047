//! The name of a request.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;

use crate::base::Random;

/// The header that carries it, in and out.
pub(crate) const HEADER: &str = "x-correlation-id";

/// The client's own correlation id when it is 1 to 128 characters of `[A-Za-z0-9._-]`, else a new one (`cor_…`).
pub(crate) fn correlation_id(headers: &HeaderMap, random: &dyn Random) -> String {
    let given = headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(|text| is_well_formed(text));
    given.map_or_else(|| new_id(random), str::to_owned)
}

fn is_well_formed(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn new_id(random: &dyn Random) -> String {
    let mut bytes = [0; 12];
    random.fill(&mut bytes);
    let mut id = String::with_capacity(20);
    id.push_str("cor_");
    URL_SAFE_NO_PAD.encode_string(bytes, &mut id);
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SeededRandom;

    #[test]
    fn a_well_formed_id_is_kept_and_any_other_replaced() {
        let random = SeededRandom::predictable(1);
        let of = |value: &[u8]| {
            let value = http::HeaderValue::from_bytes(value).unwrap();
            correlation_id(&HeaderMap::from_iter([(http::HeaderName::from_static(HEADER), value)]), &random)
        };
        assert_eq!(of(b"req-1.A_b"), "req-1.A_b");
        for bad in [&b""[..], b"a b", b"<script>", &[b'a'; 129], b"\xff"] {
            assert!(of(bad).starts_with("cor_"), "{bad:?}");
        }
    }
}
