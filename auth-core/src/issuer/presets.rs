//! Providers and their rules. Each preset is a builder that can be told more.

use super::audience::AudienceRule;
use super::builder::VerifierBuilder;
use super::fixed::{StaticKeyVerifier, StaticKeys};
use super::jwks::{JwksVerifier, KeySource, Location};
use super::map;
use super::rules::Provider;
use crate::base::Secret;
use crate::crypto::jwt::Algorithm;

/// Where most providers have their keys.
const WELL_KNOWN_KEYS: &str = ".well-known/jwks.json";
const GOOGLE_KEYS: &str = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";

impl JwksVerifier {
    /// An issuer of OpenID Connect, exactly as its tokens name it; its metadata says where its keys are. RS256, ES256
    /// and EdDSA are accepted. An audience must be named with [`audience`](VerifierBuilder::audience).
    ///
    /// "OpenID Connect Discovery 1.0", §4.
    pub fn custom(issuer: impl Into<String>) -> VerifierBuilder<KeySource> {
        let algorithms = vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];
        VerifierBuilder::new(vec![issuer.into()], algorithms, KeySource::at(Location::Discovery))
    }

    /// Access tokens that another program makes with this library, for the audience `audience`: that is its base URL,
    /// unless its `token::Config::audiences` says otherwise. The issuer is the base URL, and the keys are at
    /// `{base_url}/api/auth/jwks`. Only tokens of users, for whoever is let in is a user here. Permissions are read,
    /// and the organisation from `tenant`; roles are not, since theirs are in role guards. EdDSA, ES256 and RS256.
    pub fn another_engine(base_url: &str, audience: impl Into<String>) -> VerifierBuilder<KeySource> {
        preset(origin(base_url), Location::Below("api/auth/jwks"))
            .algorithms([Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256])
            .audience([audience])
            .token_types(["at+jwt"])
            .require_value("kind", ["user"])
            .map_claims(|claims| claims.organization(["tenant"]).roles([""; 0]))
    }

    /// Access tokens of Auth0 for the API `audience`. The issuer is `https://{domain}/`, with the slash. `aud` is an
    /// array, of which one name is ours. `permissions` are there if the API has *Add Permissions in the Access Token*
    /// on. An e-mail address and roles are only in claims that an Action adds, under a name like
    /// `https://acme.example/email`; organisations are in `org_id`. A token whose `gty` is `client-credentials` is of a
    /// service. RS256.
    ///
    /// Auth0 Docs, "Validate Access Tokens" and "Validate JSON Web Tokens".
    pub fn auth0(domain: &str, audience: impl Into<String>) -> VerifierBuilder<KeySource> {
        preset(format!("{}/", origin(domain)), Location::Below(WELL_KNOWN_KEYS))
            .audience([audience])
            .services("gty", "client-credentials")
    }

    /// ID tokens of Firebase Authentication. The issuer is `https://securetoken.google.com/{project_id}`, the audience
    /// the project. `sub` has 1 to 128 characters, `auth_time` lies in the past. RS256, by the keys of Google's token
    /// service. A tenant of Identity Platform is in `firebase.tenant`.
    ///
    /// Firebase Documentation, "Verify ID Tokens", section "Verify ID tokens using a third-party JWT library".
    pub fn firebase(project_id: &str) -> VerifierBuilder<KeySource> {
        let issuer = format!("https://securetoken.google.com/{project_id}");
        let mut builder = preset(issuer, Location::At(GOOGLE_KEYS.to_owned())).audience([project_id]);
        builder.rules.provider = Provider::Firebase;
        builder
    }

    /// Access tokens of Supabase Auth with asymmetric signing keys. The issuer is `{project_url}/auth/v1`, the audience
    /// `authenticated`: the keys named *anon* and *service_role* are no users and are refused. RS256, ES256 and EdDSA.
    /// Roles are read from `app_metadata.roles`; never read anything that decides from `user_metadata`, which users
    /// write themselves. Users who have signed in anonymously have `is_anonymous`.
    ///
    /// Supabase Docs, "JWT Signing Keys" and "JSON Web Token (JWT)".
    pub fn supabase(project_url: &str) -> VerifierBuilder<KeySource> {
        let builder = preset(supabase_issuer(project_url), Location::Below(WELL_KNOWN_KEYS));
        supabase_rules(builder.algorithms([Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]))
    }

    /// Session tokens of Clerk. The issuer is `https://{frontend_api}`. They have no audience; instead `azp`, the
    /// origin that the token was made for, must be one of `authorized_parties`, and a token without is refused. One
    /// whose session is `pending` (`sts`) is refused too. RS256. The organisation is in `o.id` (version 2) or `org_id`,
    /// an e-mail address only in a customised token.
    ///
    /// Clerk Docs, "Manual JWT verification" and "Session tokens".
    pub fn clerk(
        frontend_api: &str,
        authorized_parties: impl IntoIterator<Item = impl Into<String>>,
    ) -> VerifierBuilder<KeySource> {
        preset(origin(frontend_api), Location::Below(WELL_KNOWN_KEYS))
            .audience_rule(AudienceRule::None)
            .require_value("azp", authorized_parties)
            .limit_value("sts", ["active"])
    }

    /// Access and ID tokens of an Amazon Cognito user pool. The issuer is
    /// `https://cognito-idp.{region}.amazonaws.com/{pool_id}`. `token_use` says what a token is: an access token has
    /// one of the clients in `client_id`, an ID token in `aud`. RS256. Groups are read as roles. Access tokens have no
    /// e-mail address.
    ///
    /// Amazon Cognito Developer Guide, "Verifying JSON web tokens".
    pub fn cognito(
        region: &str,
        pool_id: &str,
        client_ids: impl IntoIterator<Item = impl Into<String>>,
    ) -> VerifierBuilder<KeySource> {
        let issuer = format!("https://cognito-idp.{region}.amazonaws.com/{pool_id}");
        preset(issuer, Location::Below(WELL_KNOWN_KEYS))
            .audience_rule(AudienceRule::CognitoClients(map::names(client_ids)))
            .map_claims(|claims| claims.roles(["cognito:groups", "roles"]).session(["origin_jti"]))
    }

    /// Access tokens (version 2.0) and ID tokens of Microsoft Entra ID for the application `audience`. Only the tenants
    /// of the list are let in: `tid` is one of them, and the issuer is `https://login.microsoftonline.com/{tid}/v2.0`,
    /// compared byte for byte. The subject is `{tid}:{oid}`, since `sub` is another one in every application. A key
    /// that is published for one issuer verifies only its tokens. RS256. App roles are in `roles`. A token whose
    /// `idtyp` is `app` is of a service: that is an optional claim, which the application's registration must ask for.
    ///
    /// Tenants are named by their identifier (a GUID in lower case): `common`, `organizations` and domains are refused.
    /// For a national cloud, give its [`issuer`](VerifierBuilder::issuer) with `{tenantid}` in it.
    ///
    /// Microsoft Learn, "Secure applications and APIs by validating claims" and "Access tokens in the Microsoft
    /// identity platform".
    pub fn entra(
        tenant_ids: impl IntoIterator<Item = impl Into<String>>,
        audience: impl Into<String>,
    ) -> VerifierBuilder<KeySource> {
        let mut builder =
            preset("Microsoft Entra".to_owned(), Location::Entra).audience([audience]).services("idtyp", "app");
        let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned();
        builder.rules.provider = Provider::Entra { tenants: map::names(tenant_ids), issuer };
        builder
    }

    /// Access tokens of a realm of Keycloak, whose address (`https://sso.example.com/realms/acme`) is the issuer. They
    /// are for the client `client_id`, which is in `aud` or, without an audience mapper, in `azp` alone. With a mapper,
    /// name the [`audience`](VerifierBuilder::audience) instead: `azp` also lets in what the client was given for
    /// another service. Tokens that say they are no bearer tokens (`typ` among the claims) are refused, as ID and
    /// refresh tokens do. RS256, ES256 and EdDSA; keys for encryption are skipped. Roles of the realm are read as
    /// roles.
    ///
    /// Keycloak, "Securing applications and services with OpenID Connect" and "Server Administration Guide", section
    /// "Audience support".
    pub fn keycloak(base_url_with_realm: &str, client_id: impl Into<String>) -> VerifierBuilder<KeySource> {
        preset(base_url_with_realm.to_owned(), Location::Below("protocol/openid-connect/certs"))
            .algorithms([Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa])
            .audience_rule(AudienceRule::AnyOfOrAuthorizedParty(vec![client_id.into()]))
            .limit_value("typ", ["Bearer"])
            .map_claims(|claims| claims.roles(["realm_access.roles", "roles"]))
    }
}

impl StaticKeyVerifier {
    /// Access tokens of Supabase Auth with the legacy JWT secret (HS256), by the rules of
    /// [`JwksVerifier::supabase`]. Whoever has the secret can issue tokens for every user: move on to signing keys.
    ///
    /// Supabase Docs, "JWT Signing Keys", section on the legacy JWT secret.
    pub fn supabase_legacy(project_url: &str, secret: Secret) -> VerifierBuilder<StaticKeys> {
        supabase_rules(Self::secret(secret).issuer(supabase_issuer(project_url)))
    }
}

fn preset(issuer: String, location: Location) -> VerifierBuilder<KeySource> {
    VerifierBuilder::new(vec![issuer], vec![Algorithm::Rs256], KeySource::at(location))
}

/// A host, or the whole address of one, without a slash at the end.
fn origin(host: &str) -> String {
    let host = host.trim_end_matches('/');
    if host.contains("://") { host.to_owned() } else { format!("https://{host}") }
}

fn supabase_issuer(project_url: &str) -> String {
    format!("{}/auth/v1", origin(project_url))
}

fn supabase_rules<K>(builder: VerifierBuilder<K>) -> VerifierBuilder<K> {
    builder
        .audience(["authenticated"])
        .map_claims(|claims| claims.roles(["roles", "app_metadata.roles"]).session(["session_id"]))
}
