//! Whose tokens count, as the environment says, beside what [`example_support::Settings`] reads.
//!
//! | variable | default | |
//! |---|---|---|
//! | `JWT_SECRET` | | tokens are signed with exactly these bytes (HS256), at least 32 |
//! | `AUTH_ISSUER` | | or else: their issuer, exactly as they name it in `iss`; a slash at the end counts |
//! | `AUTH_AUDIENCE` | | whom tokens of the issuer must be for (`aud`); for Clerk the origins in `azp`, for Cognito the app clients, with commas between them |
//! | `AUTH_PROVIDER` | `custom` | whose rules they follow: `auth0`, `clerk`, `cognito`, `entra`, `firebase`, `keycloak`, `supabase` |
//! | `AUTH_ALGORITHMS` | the provider's | with commas: `RS256`, `ES256`, `EdDSA` |
//! | `JWKS_URL` | as the provider has it | where the issuer's keys are |
//! | `CLAIM_ORGANIZATION` | `organizationId` | the claim, or the path to one (`o.id`), that names the organisation |
//!
//! Plain http is accepted of an issuer with `APP_ENV=local` and `development` only.

use std::sync::Arc;
use std::time::Duration;

use auth_core::ConfigErrors;
use auth_core::base::Secret;
use auth_core::crypto::jwt::Algorithm;
use auth_core::issuer::{
    ClaimsProfile, JwksVerifier, KeySource, StaticKeyVerifier, TokenVerifier, VerifierBuilder, VerifierChain,
};
use auth_core::ports::ReqwestClient;
use example_support::{Env, Environment};

use crate::permissions::AllUnlessLimited;

/// How the rules of a provider follow from issuer and audience.
type Preset = fn(&str, &str) -> VerifierBuilder<KeySource>;

const PROVIDERS: [(&str, Preset); 8] = [
    ("custom", |issuer, audience| {
        JwksVerifier::custom(issuer).audience([audience]).algorithms([Algorithm::Rs256, Algorithm::Es256])
    }),
    ("auth0", |issuer, audience| JwksVerifier::auth0(issuer, audience)),
    ("clerk", |issuer, audience| JwksVerifier::clerk(issuer, listed(audience))),
    // The issuer says the region and the pool.
    ("cognito", |_, audience| JwksVerifier::cognito("", "", listed(audience))),
    // https://login.microsoftonline.com/{tenant}/v2.0
    ("entra", |issuer, audience| JwksVerifier::entra([issuer.split('/').nth(3).unwrap_or_default()], audience)),
    // The audience is the project.
    ("firebase", |_, audience| JwksVerifier::firebase(audience)),
    ("keycloak", |issuer, audience| JwksVerifier::keycloak(issuer, audience)),
    ("supabase", |issuer, audience| JwksVerifier::supabase(issuer).audience([audience])),
];

/// What makes no sense without an issuer.
const OF_AN_ISSUER: [&str; 4] = ["AUTH_AUDIENCE", "AUTH_PROVIDER", "AUTH_ALGORITHMS", "JWKS_URL"];

const TEN_MINUTES: Duration = Duration::from_mins(10);
const AN_HOUR: Duration = Duration::from_hours(1);

/// Tokens that are signed with our secret, or those of an issuer; `None` after a problem.
pub(crate) fn trusted_tokens(env: &mut Env<'_>) -> Option<VerifierChain> {
    let (is_shared, secret) = (env.get("JWT_SECRET").is_some(), env.jwt_secret());
    let Some(issuer) = env.get("AUTH_ISSUER") else {
        for name in OF_AN_ISSUER.into_iter().filter(|name| env.get(name).is_some()).collect::<Vec<_>>() {
            env.problem(format!("{name} is about an issuer, and AUTH_ISSUER is not set"));
        }
        if !is_shared {
            env.problem("JWT_SECRET or AUTH_ISSUER must be set: nobody's tokens would count");
        }
        return of_secret(env, secret?);
    };
    if is_shared {
        env.problem("JWT_SECRET and AUTH_ISSUER are both set: tokens are signed with the one or issued by the other");
    }
    of_issuer(env, &issuer)
}

fn of_secret(env: &mut Env<'_>, secret: Secret) -> Option<VerifierChain> {
    // Whoever has the secret is one of us, and our clocks are right: from `exp` on a token is dead.
    let verifier = with_claims(env, StaticKeyVerifier::secret(secret)).leeway(Duration::ZERO);
    chain_of(env, "JWT_SECRET", verifier.build())
}

fn of_issuer(env: &mut Env<'_>, issuer: &str) -> Option<VerifierChain> {
    let audience = env.get("AUTH_AUDIENCE").unwrap_or_else(|| {
        env.problem("AUTH_AUDIENCE is not set: tokens that the issuer made for other programs would count here");
        // Nothing starts with it: the rest is judged all the same, so that every problem is told.
        "not set".to_owned()
    });
    let preset = env.choice("AUTH_PROVIDER", &PROVIDERS);
    let mut verifier = with_claims(env, preset(issuer, &audience))
        .issuer(issuer)
        .key_lifetime(TEN_MINUTES..=TEN_MINUTES)
        .stale_for(AN_HOUR);
    if let Some(names) = env.get("AUTH_ALGORITHMS") {
        match listed(&names).map(str::parse).collect::<Result<Vec<Algorithm>, _>>() {
            Ok(algorithms) => verifier = verifier.algorithms(algorithms),
            Err(error) => env.problem(format!("AUTH_ALGORITHMS is {names:?}: {error}")),
        }
    }
    if let Some(url) = env.get("JWKS_URL") {
        verifier = verifier.jwks_url(url);
    }
    let mut client = ReqwestClient::builder();
    if matches!(env.environment(), Environment::Local | Environment::Development) {
        verifier = verifier.allow_plain_http_insecurely();
        client = client.allow_plain_http_insecurely();
    }
    let verifier = match client.build() {
        Ok(client) => verifier.build(Arc::new(client)),
        Err(error) => Err(ConfigErrors::new(vec![format!("its keys cannot be read, because {error}")])),
    };
    chain_of(env, "AUTH_ISSUER", verifier)
}

/// The claims that a token must have: `sub`, `email`, the organisation, `iat` and `exp`.
fn with_claims<K>(env: &Env<'_>, verifier: VerifierBuilder<K>) -> VerifierBuilder<K> {
    let organization = env.get("CLAIM_ORGANIZATION").unwrap_or_else(|| "organizationId".to_owned());
    verifier.map_claims(|claims| claims.organization([organization])).profile(ClaimsProfile::apso())
}

fn chain_of<V: TokenVerifier>(
    env: &mut Env<'_>,
    name: &str,
    verifier: Result<V, ConfigErrors>,
) -> Option<VerifierChain> {
    let chain = verifier.and_then(|verifier| VerifierChain::builder().verifier(AllUnlessLimited(verifier)).build());
    chain.map_err(|errors| errors.problems().iter().for_each(|problem| env.problem(format!("{name}: {problem}")))).ok()
}

fn listed(names: &str) -> impl Iterator<Item = &str> {
    names.split(',').map(str::trim)
}
