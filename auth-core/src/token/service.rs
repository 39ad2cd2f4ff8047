//! Issuing and verifying access tokens.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use quick_cache::sync::Cache;
use serde::Serialize;
use zeroize::Zeroizing;

use super::claims::{ACCESS_TOKEN, AccessClaims, is_ours};
use super::config::{Config, Delivery, Signing};
use super::keys::{LONG_AGO, SIGNED_ON, SigningKeys};
use crate::base::{Random, SigningKeyId, TenantId, Timestamp, UserId};
use crate::crypto::jwt::{
    Audience, Expected, JwtError, Presence, RegisteredClaims, SigningKey, Unverified, VerifyingKey,
};
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::hooks::Event;
use crate::role::{GrantedRole, Permission, RoleScope};
use crate::session::{Resolved, Session};
use crate::user::{Pool, User};

/// Everything that issuing and verifying stand on, made once for an engine.
pub(crate) struct Tokens {
    pub(super) config: Config,
    pub(super) keys: SigningKeys,
    issuer: String,
    audiences: Vec<String>,
    /// The shared secret, where there is one.
    shared: Option<VerifyingKey>,
    /// So that a token is taken apart and its signature checked once in its life; by the SHA-256 of the whole token:
    /// whoever has not shown the very same one before is verified.
    verified: Cache<[u8; 32], Arc<VerifiedAccess>>,
}

impl Tokens {
    /// `base_url` stands in for an issuer and audiences that are not set.
    pub(crate) fn new(config: Config, base_url: &str) -> Self {
        let issuer = config.issuer.clone().unwrap_or_else(|| base_url.to_owned());
        let audiences = if config.audiences.is_empty() { vec![base_url.to_owned()] } else { config.audiences.clone() };
        if config.is_long_lived {
            tracing::warn!(ttl = ?config.access_ttl, "access tokens live longer than 15 minutes: so does a stolen one");
        }
        let shared = match &config.signing {
            // The configuration was checked for it.
            Signing::Shared(secret) => VerifyingKey::hs256(secret, None).ok(),
            Signing::Managed(_) => None,
        };
        let verified = Cache::new(config.remembered);
        Self { config, keys: SigningKeys::new(), issuer, audiences, shared, verified }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// The feature's state.
///
/// # Errors
/// 404 when tokens are not configured.
pub(super) fn feature(cx: &Cx) -> Result<&Tokens> {
    cx.auth().tokens().ok_or_else(|| Code::NotFound.into())
}

/// Whom an access token is for, and what they hold at this moment.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) user: &'a User,
    pub(crate) session: &'a Session,
    /// For whom the token is to act; judged.
    pub(crate) tenant: Option<&'a TenantId>,
    pub(crate) roles: &'a BTreeSet<GrantedRole>,
    pub(crate) permissions: &'a BTreeSet<Permission>,
}

impl<'a> Subject<'a> {
    /// Whose session this is.
    pub(crate) fn of(held: &'a Resolved, tenant: Option<&'a TenantId>) -> Self {
        let Resolved { user, session, authority } = held;
        Self { user, session, tenant, roles: &authority.roles, permissions: &authority.permissions }
    }
}

/// An access token on its way to the client: a JWT by RFC 9068 that proves a session until it expires.
#[derive(Clone)]
pub struct AccessToken {
    text: Zeroizing<String>,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl AccessToken {
    /// The token as the client gets it. Every call is a place to look at in a review.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// From this instant, a whole second, it is dead.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// For how many seconds it is good, counted as the token counts them, from its `iat` to its `exp`: `expires_in` (RFC
    /// 6749 §5.1).
    pub const fn expires_in_seconds(&self) -> i64 {
        self.expires_at.as_seconds() - self.issued_at.as_seconds()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// An access token that is ready but for its signature, which can be made within a transaction: it asks nobody.
pub(super) struct Draft {
    key: SigningKey,
    claims: SignedClaims,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize)]
struct SignedClaims {
    #[serde(flatten)]
    registered: RegisteredClaims,
    #[serde(flatten)]
    access: AccessClaims,
}

/// A browser drops a cookie of more than 4,096 bytes without a word (RFC 6265bis §5.6); its name has some of them.
const MOST_IN_A_COOKIE: usize = 4_000;

impl Draft {
    /// # Errors
    /// An internal error for a token that its holder would never get, before anything is used up for it.
    pub(super) fn sign(&self, delivery: Delivery) -> Result<AccessToken> {
        let text = self.key.sign(ACCESS_TOKEN, &self.claims).map_err(Error::internal)?;
        if delivery == Delivery::Cookies && text.len() > MOST_IN_A_COOKIE {
            let cause = format!("an access token of {} bytes fits into no cookie: fewer roles or claims", text.len());
            return Err(Error::internal(cause));
        }
        Ok(AccessToken { text: Zeroizing::new(text), issued_at: self.issued_at, expires_at: self.expires_at })
    }
}

/// Composes a token for `subject`: asks for the key that signs now, and the hooks for claims of the application's own.
pub(super) async fn draft(cx: &Cx, subject: Subject<'_>) -> Result<Draft> {
    let tokens = feature(cx)?;
    let key = tokens.keys.signing_key(cx, &tokens.config).await?;
    let mut more = serde_json::Map::new();
    cx.hooks(subject.user.pool).token_claims(cx, subject.user, &mut more).await?;
    let names = &tokens.config.tenant_claims;
    if let Some(name) = more.keys().find(|name| is_ours(name) || names.contains(name)) {
        return Err(Error::internal(format!("token_claims sets {name:?}, which is a claim of the engine's own")));
    }
    let Subject { user, session, tenant, roles, permissions } = subject;
    if let Some(tenant) = tenant {
        more.extend(names.iter().map(|name| (name.clone(), tenant.as_str().into())));
    }
    let now = cx.now();
    // Whole seconds, as the token has them: it is not to seem to live a moment longer than it does. It never outlives
    // its session, as that stands now.
    let end = now.plus(tokens.config.access_ttl).min(session.expires_at);
    let expires_at = Timestamp::from_micros(end.as_seconds() * 1_000_000);
    let registered = RegisteredClaims {
        iss: tokens.issuer.clone(),
        sub: user.id.to_string(),
        aud: tokens.audiences.iter().cloned().collect::<Audience>(),
        exp: expires_at,
        nbf: None,
        iat: Some(now),
        jti: Some(jti(cx.random())),
    };
    let access = AccessClaims {
        client_id: tokens.config.client_id.clone(),
        sid: session.id,
        kind: user.pool.as_str().to_owned(),
        tenant: tenant.cloned(),
        platform: session.scope == RoleScope::Platform,
        role_guard: session.role_guard.clone(),
        roles: roles.iter().cloned().collect(),
        permissions: permissions.iter().map(ToString::to_string).collect(),
        auth_time: session.authenticated_at.as_seconds(),
        method: session.method.as_str().to_owned(),
        aal: session.assurance.as_level(),
        email: user.email.clone(),
        email_verified: user.email_verified,
        name: user.name.clone(),
        more,
    };
    Ok(Draft { key, claims: SignedClaims { registered, access }, issued_at: now, expires_at })
}

/// 128 random bits: no two tokens share them (RFC 7519 §4.1.7).
fn jti(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// Issues an access token for a session that was just proved.
pub(crate) async fn issue_access(cx: &Cx, subject: Subject<'_>) -> Result<AccessToken> {
    draft(cx, subject).await?.sign(Delivery::Body)
}

/// A verified access token of ours. What it says is true as of when it was issued.
pub(crate) struct VerifiedAccess {
    pub(crate) user_id: UserId,
    pub(crate) pool: Pool,
    pub(crate) claims: AccessClaims,
    expires_at: Timestamp,
    kid: Option<String>,
}

impl VerifiedAccess {
    /// Whether what it says is true wherever it is shown: the authority of staff depends on the request, and where this
    /// program does not know the namespaces of all roles, only a look-up tells which permissions come from the others.
    pub(crate) fn speaks_for_itself(&self, cx: &Cx) -> bool {
        !self.claims.platform && self.claims.roles.iter().all(|role| cx.auth().knows_role_guard(&role.guard))
    }
}

/// Shows whose it is and none of its claims.
impl fmt::Debug for VerifiedAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedAccess").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// Verifies an access token of ours: typ, signature, issuer, audience, dates; no leeway.
///
/// # Errors
/// 401 for any other token; 503 when the keys cannot be asked for.
pub(crate) async fn verify_access(cx: &Cx, text: &str) -> Result<Arc<VerifiedAccess>> {
    let tokens = feature(cx)?;
    let now = cx.now();
    let mut name = [0; 32];
    name.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    if let Some(known) = tokens.verified.get(&name) {
        if now < known.expires_at && is_key_in_use(cx, tokens, known.kid.as_deref()).await? {
            return Ok(known);
        }
        tokens.verified.remove(&name);
        return Err(refused(JwtError::Expired));
    }
    let token = Unverified::parse(text).map_err(refused)?;
    let (key, kid) = verifying_key(cx, tokens, &token).await?;
    let expected = Expected {
        typ: &[ACCESS_TOKEN],
        issuer: &tokens.issuer,
        audiences: &tokens.audiences,
        presence: Presence::Issued,
        leeway: Duration::ZERO,
        now,
    };
    let (registered, mut claims) = token.accept::<AccessClaims>(&key, &expected).map_err(refused)?;
    claims.more.retain(|name, _| !is_ours(name));
    let user_id = registered.sub.parse().map_err(|_| refused(JwtError::Claims))?;
    let pool = claims.kind.parse().map_err(|_| refused(JwtError::Claims))?;
    let verified = Arc::new(VerifiedAccess { user_id, pool, claims, expires_at: registered.exp, kid });
    tokens.verified.insert(name, Arc::clone(&verified));
    Ok(verified)
}

/// Whether tokens of this key still count: one that was revoked takes what it has signed along. A shared secret, which
/// has no id, is in use for as long as the program runs.
async fn is_key_in_use(cx: &Cx, tokens: &Tokens, kid: Option<&str>) -> Result<bool> {
    let Some(kid) = kid else { return Ok(true) };
    Ok(tokens.keys.verifying_key(cx, kid).await?.is_some())
}

/// Whether a token says that we have issued it.
pub(crate) fn names_us(cx: &Cx, text: &str) -> bool {
    let issuer = cx.auth().tokens().map(|tokens| &*tokens.issuer);
    issuer.is_some() && Unverified::parse_foreign(text).is_ok_and(|token| token.issuer() == issuer)
}

/// The key that must have signed the token, and its id if it has one: a shared secret has none.
async fn verifying_key(cx: &Cx, tokens: &Tokens, token: &Unverified<'_>) -> Result<(VerifyingKey, Option<String>)> {
    if let Some(shared) = &tokens.shared {
        return Ok((shared.clone(), None));
    }
    let kid = token.kid().ok_or_else(|| refused(JwtError::Header))?;
    let key = tokens.keys.verifying_key(cx, kid).await?.ok_or_else(|| refused(JwtError::OtherKey))?;
    Ok((key, Some(kid.to_owned())))
}

/// Why a token is refused goes to the log, which learns nothing of the token.
fn refused(error: JwtError) -> Error {
    Error::from(Code::Unauthorized).caused_by(error)
}

/// Has another key sign from now on, in every process within a minute. Tokens of the present one stay valid until they
/// expire, and it verifies nothing beyond the last of them: the way to replace a key on a schedule of your own. A key
/// that may have been stolen is [revoked](revoke_signing_key).
///
/// Unlike one that is replaced on schedule, the new key signs before it was published: programs that keep our `/jwks`
/// for the five minutes that they may have to read it again when a token names a key that they do not know.
///
/// # Errors
/// [`Code::Unavailable`](crate::error::Code::Unavailable) when the store does not answer; an internal error when there
/// are no key pairs to replace, because the configuration names a shared secret or no tokens at all.
pub async fn rotate_signing_key(cx: &Cx) -> Result<()> {
    let config = managed(cx)?;
    let now = cx.now();
    let last = now.plus(SIGNED_ON).plus(config.access_ttl);
    let mut work = cx.begin().await?;
    for row in work.signing_keys(now).await? {
        if row.signs_until > now && work.shorten_signing_key(row.id, now, last).await? {
            work.emit(Event::SigningKeyRotated { key: row.id });
        }
    }
    work.commit().await?;
    sign_anew(cx).await
}

/// Ends a key that may have been stolen: another one signs from now on, and no token of it is accepted any more, in
/// other processes within a minute. Programs that verify by our published keys forget it when they next ask. `false`
/// when no such key was in use. The id is the `kid` of the key's tokens and of `/jwks`.
///
/// # Errors
/// As for [`rotate_signing_key`].
pub async fn revoke_signing_key(cx: &Cx, id: SigningKeyId) -> Result<bool> {
    managed(cx)?;
    let mut work = cx.begin().await?;
    let is_revoked = work.shorten_signing_key(id, LONG_AGO, LONG_AGO).await?;
    if is_revoked {
        work.emit(Event::SigningKeyRevoked { key: id });
    }
    work.commit().await?;
    sign_anew(cx).await?;
    Ok(is_revoked)
}

/// Forgets the keys of before a command, and makes the next one if none is left that signs.
async fn sign_anew(cx: &Cx) -> Result<()> {
    let tokens = feature(cx)?;
    tokens.keys.forget();
    tokens.keys.signing_key(cx, &tokens.config).await.map(drop)
}

fn managed(cx: &Cx) -> Result<&Config> {
    match cx.auth().tokens() {
        Some(tokens) if matches!(tokens.config.signing, Signing::Managed(_)) => Ok(&tokens.config),
        Some(_) | None => Err(Error::internal("there are no key pairs: the configuration names none")),
    }
}
