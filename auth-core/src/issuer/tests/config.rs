//! What is refused before the program starts.

use super::*;
use crate::issuer::{AudienceRule, ClaimField, ClaimMap, ClaimType, ClaimsProfile, VerifierChain};

fn only(problems: Vec<String>) -> String {
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    problem.clone()
}

#[test]
fn every_problem_is_told_at_once_and_by_the_name_of_the_issuer() {
    let problems = JwksVerifier::custom("http://issuer.example")
        .leeway(Duration::from_secs(61))
        .algorithms([Algorithm::Hs256])
        .claims(ClaimMap::default().id([""; 0]))
        .profile(ClaimsProfile::apso())
        .key_lifetime(Duration::from_secs(1)..=Duration::from_secs(86_400))
        .stale_for(Duration::from_secs(86_401))
        .time_limit(Duration::ZERO)
        .problems();
    assert_eq!(problems.len(), 8, "{problems:#?}");
    assert!(problems.iter().all(|problem| problem.starts_with("The issuer `http://issuer.example`: ")));
    let told = problems.join("\n");
    for word in ["audience", "https", "leeway", "RS256", "identifies", "lifetime", "24 hours while", "time limit"] {
        assert!(told.contains(word), "{word}\n{told}");
    }
    assert!(JwksVerifier::custom("http://issuer.example").audience([API]).build(Arc::new(Net::default())).is_err());
}

#[test]
fn an_issuer_is_an_https_address() {
    for bad in ["", "issuer", "https://", "ftp://issuer.example", "https://issuer.example/?a=1", "https://a.example/#b"]
    {
        let problems = JwksVerifier::custom(bad).audience([API]).problems();
        assert!(!problems.is_empty(), "{bad}");
    }
    let plain = JwksVerifier::custom("http://127.0.0.1:8080").audience([API]);
    assert!(only(plain.problems()).contains("allow_plain_http_insecurely"));
    assert_eq!(plain.allow_plain_http_insecurely().problems(), [""; 0]);
    let elsewhere = JwksVerifier::custom(ISSUER).audience([API]).jwks_url("http://issuer.example/keys");
    assert!(only(elsewhere.problems()).contains("address of its keys"));
}

#[test]
fn an_audience_is_named_or_something_else_binds() {
    assert!(only(JwksVerifier::custom(ISSUER).problems()).contains("no audience"));
    assert!(only(JwksVerifier::custom(ISSUER).audience([" "]).problems()).contains("empty"));
    let unbound = || JwksVerifier::custom(ISSUER).audience_rule(AudienceRule::None);
    assert!(only(unbound().problems()).contains("nothing else binds"));
    assert!(!unbound().limit_value("azp", ["a"]).problems().is_empty());
    assert!(!unbound().require_value("plan", ["a"]).problems().is_empty());
    for claim in ["azp", "client_id", "token_use"] {
        assert_eq!(unbound().require_value(claim, ["a"]).problems(), [""; 0]);
    }
    let keys = || ed("1").public_jwk().into_iter().collect::<JwkSet>();
    let public = StaticKeyVerifier::public_keys(ISSUER, keys()).audience_rule(AudienceRule::None);
    assert!(only(public.problems()).contains("nothing else binds"));
    assert_eq!(StaticKeyVerifier::secret(secret()).problems(), [""; 0]);
}

#[test]
fn presets_that_lack_something_are_told() {
    assert!(only(JwksVerifier::clerk("clerk.example", [""; 0]).problems()).contains("azp"));
    assert!(only(JwksVerifier::cognito("eu-west-1", "p", [""; 0]).problems()).contains("audience"));
    assert!(only(JwksVerifier::entra([""; 0], "api").problems()).contains("tenant"));
    for tenant in ["common", "organizations", "acme.onmicrosoft.com", "8EAEF023-2B34-4DA1-9BAA-8BC8C9D6A490"] {
        assert!(only(JwksVerifier::entra([tenant], "api").problems()).contains("identifier"), "{tenant}");
    }
    assert!(!JwksVerifier::auth0("", "api").problems().is_empty());
    assert!(!JwksVerifier::auth0("acme auth0", "api").problems().is_empty());
    assert!(!JwksVerifier::firebase("").problems().is_empty());
    assert!(!JwksVerifier::keycloak("http://sso.example/realms/a", "api").problems().is_empty());
}

#[test]
fn secrets_and_keys_must_be_good() {
    let short = StaticKeyVerifier::secret(Secret::new("0123456789abcdef0123456789abcde"));
    assert!(only(short.problems()).contains("31 bytes"));
    assert!(!StaticKeyVerifier::secret(Secret::new([7; 64])).problems().is_empty());
    let other_kind = StaticKeyVerifier::secret(secret()).algorithms([Algorithm::Rs256]);
    assert!(only(other_kind.problems()).contains("algorithms"));
    let nothing = StaticKeyVerifier::public_keys(ISSUER, JwkSet::from_iter([])).audience([API]);
    assert!(only(nothing.problems()).contains("no key"));
    assert!(!StaticKeyVerifier::secret(secret()).known_as("").problems().is_empty());
    let shown = format!("{short:?} {:?}", short.problems());
    assert!(!shown.contains("0123456789"), "{shown}");
}

#[test]
fn requirements_that_nothing_can_meet_are_told() {
    let profile =
        ClaimsProfile::minimal().require(ClaimField::Email, ClaimType::Text).require_claim("", ClaimType::Any);
    let problems = custom().claims(ClaimMap::default().email([""; 0])).profile(profile).problems();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(!custom().require_value("plan", [""; 0]).problems().is_empty());
    assert!(!custom().require_value("", ["a"]).problems().is_empty());
    assert!(!custom().map_claims(|map| map.roles([""])).problems().is_empty());
    assert!(!JwksVerifier::custom(ISSUER).audience([API]).jwks_hosts(["https://x/"]).problems().is_empty());
}

#[tokio::test]
async fn a_chain_tells_the_problems_of_all_its_verifiers() {
    let chain = VerifierChain::builder()
        .jwks(JwksVerifier::custom("http://a.example"))
        .static_keys(StaticKeyVerifier::secret(Secret::new("short")));
    let problems = chain.problems();
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert_eq!(chain.build().unwrap_err().problems(), problems);

    let client: Arc<dyn HttpClient> = Arc::new(Net::default());
    let twice = VerifierChain::builder().http_client(client).jwks(custom()).jwks(custom());
    assert_eq!(only(twice.problems()), format!("Two verifiers answer for the issuer `{ISSUER}`."));
    let others = VerifierChain::builder()
        .static_keys(StaticKeyVerifier::secret(secret()))
        .static_keys(StaticKeyVerifier::secret(secret()).known_as("other"));
    assert!(only(others.problems()).contains("any issuer"));
    // A name that a key is known by must not be that of an issuer.
    let disguised = VerifierChain::builder()
        .static_keys(StaticKeyVerifier::secret(secret()).known_as(ISSUER))
        .static_keys(StaticKeyVerifier::secret(secret()).issuer(ISSUER));
    assert!(only(disguised.problems()).contains("Two verifiers"));
}
