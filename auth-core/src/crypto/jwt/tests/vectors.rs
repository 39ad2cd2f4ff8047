//! Tokens and names that the RFCs have computed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::base::Secret;
use crate::crypto::jwt::{Algorithm, Jwk, JwtError, SigningKey, Unverified, VerifyingKey};

const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn jwk(value: Value) -> Jwk {
    serde_json::from_value(value).unwrap()
}

fn verified(token: &str, key: &VerifyingKey) -> Value {
    Unverified::parse(token).unwrap().verify(key).unwrap()
}

fn assert_is_joes(claims: &Value) {
    assert_eq!(*claims, json!({ "iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": true }));
}

/// The secret of RFC 7515 A.1.1, which the example of RFC 7519 §3.1 is signed with as well.
fn rfc_7515_a_1_key() -> VerifyingKey {
    let secret = URL_SAFE_NO_PAD
        .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
        .unwrap();
    VerifyingKey::hs256(&Secret::new(secret), None).unwrap()
}

#[test]
fn rfc_7515_a_1_hs256() {
    let header = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
    let token = format!("{header}.{PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert_is_joes(&verified(&token, &rfc_7515_a_1_key()));
    assert_eq!(Unverified::parse(&token).unwrap().typ(), Some("JWT"));
}

/// With the line breaks of the text.
#[test]
fn rfc_7519_3_1_example_jwt() {
    let token = [
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
        ".",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt",
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        ".",
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ]
    .concat();
    for token in [Unverified::parse(&token).unwrap(), Unverified::parse_foreign(&token).unwrap()] {
        assert_eq!((token.typ(), token.algorithm(), token.kid()), (Some("JWT"), Algorithm::Hs256, None));
        assert_eq!(token.issuer(), Some("joe"));
        assert_is_joes(&token.verify(&rfc_7515_a_1_key()).unwrap());
    }
}

/// As it stands in the text, with an empty signature; and with one, so that only its algorithm can refuse it.
#[test]
fn rfc_7519_6_1_example_unsecured_jwt_is_refused() {
    let unsecured = [
        "eyJhbGciOiJub25lIn0",
        ".",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt",
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        ".",
    ]
    .concat();
    let with_signature = format!("{unsecured}dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    for read in [Unverified::parse, Unverified::parse_foreign] {
        assert_eq!(read(&unsecured).err(), Some(JwtError::Parts));
        assert_eq!(read(&with_signature).err(), Some(JwtError::Algorithm));
    }
}

#[test]
fn rfc_7515_a_2_rs256() {
    let key = jwk(json!({
        "kty": "RSA",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd\
              2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7W\
              TBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs9\
              1kzk2PAcDTW9gb54h4FRWyuXpoQ",
        "e": "AQAB",
    }));
    let key = VerifyingKey::from_jwk(&key.with_algorithm(Algorithm::Rs256).unwrap()).unwrap();
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGb\
                     ds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0G\
                     arZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6Lbg\
                     GY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    assert_is_joes(&verified(&format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.{signature}"), &key));
}

#[test]
fn rfc_7515_a_3_es256() {
    let key = jwk(json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }));
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let token = format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}.{signature}");
    assert_is_joes(&verified(&token, &VerifyingKey::from_jwk(&key).unwrap()));
}

/// The seed of RFC 8037 A.1 in PKCS#8 (RFC 8410 §7).
fn rfc_8037_key() -> SigningKey {
    let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    let prefix = [0x30, 0x2E, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let der = Secret::new([&prefix[..], &seed].concat());
    SigningKey::from_pkcs8(Algorithm::EdDsa, "A.1", &der).unwrap()
}

#[test]
fn rfc_8037_a_2_and_a_3_public_key_and_thumbprint_of_ed25519() {
    let public = rfc_8037_key().public_jwk().unwrap();
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    assert_eq!(
        serde_json::to_value(&public).unwrap(),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA", "use": "sig", "kid": "A.1" })
    );
    assert_eq!(public.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn rfc_8037_a_4_and_a_5_ed25519() {
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let token = format!("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.{signature}");
    let token = Unverified::parse(&token).unwrap();
    let key = rfc_8037_key().verifying_key();
    assert_eq!(token.authentic(&key), Ok(&b"Example of Ed25519 signing"[..]));
    // Its payload is signed and still no set of claims.
    assert_eq!(token.verify::<Value>(&key), Err(JwtError::Payload));
}

#[test]
fn rfc_7638_3_1_thumbprint_of_rsa() {
    let key = jwk(json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV\
              4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7\
              d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF4\
              4-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }));
    assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!((key.kid(), key.algorithm()), (Some("2011-04-29"), Some(Algorithm::Rs256)));
}

#[test]
fn what_every_algorithm_signs_its_verifying_key_accepts() {
    let secret = Secret::new((0..64u8).map(|byte| byte.wrapping_mul(37) ^ 0x5A).collect::<Vec<u8>>());
    let mut keys = vec![SigningKey::hs256(&secret, None).unwrap(), rfc_8037_key()];
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let key = SigningKey::generate(algorithm, "new").unwrap();
        let stored = SigningKey::from_pkcs8(algorithm, "new", &key.to_pkcs8().unwrap()).unwrap();
        assert_eq!(stored.public_jwk(), key.public_jwk());
        keys.extend([key, stored]);
    }
    for key in keys {
        let token = key.sign("JWT", &json!({ "sub": "ada" })).unwrap();
        assert_eq!(verified(&token, &key.verifying_key()), json!({ "sub": "ada" }));
        if let Some(public) = key.public_jwk() {
            let published: Jwk = serde_json::from_str(&serde_json::to_string(&public).unwrap()).unwrap();
            assert_eq!(published, public);
            assert_eq!(verified(&token, &VerifyingKey::from_jwk(&published).unwrap()), json!({ "sub": "ada" }));
        }
        let unverified = Unverified::parse(&token).unwrap();
        assert_eq!((unverified.kid(), unverified.algorithm()), (key.kid(), key.algorithm()));
    }
}
