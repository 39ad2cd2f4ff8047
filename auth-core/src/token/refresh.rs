//! Refresh tokens: exchanged once for a new pair, and a second use ends everything.
//!
//! A session has at most one *family* of refresh tokens, in one row. Each token names its family and has a secret that
//! is good once; the row knows the secret that is good now. Whoever names a family with another secret has held one of
//! its tokens, so somebody has a copy: the family ends, and its session with it (RFC 9700 §4.14.2).

use super::config::Delivery;
use super::model::{FamilyWithSession, RefreshFamily, Rotation};
use super::service::{AccessToken, Draft, Subject, draft, feature};
use crate::base::{SessionId, TenantId, Timestamp, Token, TokenHash, TokenKind};
use crate::crypto::seal::Aad;
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::hooks::Event;
use crate::role::RoleScope;
use crate::session::{self, Persistence, Resolved, Session, SignedIn};
use crate::user::{Pool, User};

/// A new access token, and the refresh token that is exchanged for the next pair.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenPair {
    /// Proves the session for a short while.
    pub access: AccessToken,
    /// Good once.
    pub refresh: Token,
    /// From this instant the refresh token is dead.
    pub refresh_expires_at: Timestamp,
    /// Whose it is.
    pub(crate) holder: Holder,
    /// How it goes there, as was decided before anything was used up for it.
    pub(super) delivery: Delivery,
}

/// Of a pair's session what its cookies must know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    pub(crate) session: SessionId,
    pub(crate) pool: Pool,
    pub(crate) persistence: Persistence,
}

impl Holder {
    fn of(user: &User, session: &Session) -> Self {
        Self { session: session.id, pool: user.pool, persistence: session.persistence }
    }
}

/// Opens the refresh family of a session, in place of an earlier one, and issues the first pair. The session lives on
/// for as long.
pub(super) async fn open(cx: &Cx, subject: Subject<'_>, delivery: Delivery) -> Result<(TokenPair, Session)> {
    let draft = draft(cx, subject).await?;
    let Subject { user, session, tenant, .. } = subject;
    let mut work = cx.begin().await?;
    let (refresh, family) = new_family(cx, session, tenant)?;
    let session = session::extend(cx, &mut work, user, session, family.expires_at).await?;
    if !work.put_family(&family).await? {
        return Err(Code::Unauthorized.into());
    }
    work.emit(Event::RefreshOpened { user: user.id, session: session.id });
    let access = draft.sign(delivery)?;
    work.commit().await?;
    let holder = Holder::of(user, &session);
    Ok((TokenPair { access, refresh, refresh_expires_at: family.expires_at, holder, delivery }, session))
}

fn new_family(cx: &Cx, session: &Session, tenant: Option<&TenantId>) -> Result<(Token, RefreshFamily)> {
    let now = cx.now();
    let token = Token::random(TokenKind::Refresh, cx.random());
    let family = RefreshFamily {
        session_id: session.id,
        tenant: tenant.cloned(),
        family_hash: token.family_hash().map_err(Error::internal)?,
        token_hash: token.hash(),
        previous_hash: None,
        sealed_child: None,
        generation: 0,
        created_at: now,
        rotated_at: now,
        expires_at: expiry(cx, session)?,
    };
    Ok((token, family))
}

fn expiry(cx: &Cx, session: &Session) -> Result<Timestamp> {
    Ok(cx.now().plus(feature(cx)?.config.refresh_ttl).min(session::latest_end(session)))
}

/// Exchanges a refresh token, of which this is `known`, for a new pair. The user, the session and the roles are looked
/// up anew, and whether they may still act for the tenant is asked anew.
///
/// # Errors
/// 401 for a token that is unknown, expired, of an ended session or a disabled user; also for one that was used before,
/// and then its session has ended. 403 when they may not act for the tenant any more, or a header names another one:
/// the token is as good as before. 503 when the store is down.
pub(super) async fn exchange(cx: &Cx, token: &Token, known: Known, delivery: Delivery) -> Result<TokenPair> {
    if !known.family.token_hash.matches(&token.hash()) {
        return used_before(cx, token, known, delivery).await;
    }
    let Known { family, held } = known;
    let draft = draft_next(cx, &held, family.tenant.as_ref()).await?;
    let next = token.successor(cx.random()).map_err(Error::internal)?;
    let rotation = Rotation {
        token_hash: next.hash(),
        sealed_child: sealed_child(cx, family.session_id, &next)?,
        rotated_at: cx.now(),
        expires_at: expiry(cx, &held.session)?,
    };
    let mut work = cx.begin().await?;
    // In this order, as whoever disables a user or ends a session locks them: user, session, family.
    session::extend(cx, &mut work, &held.user, &held.session, rotation.expires_at).await?;
    if !work.rotate_family(family.session_id, &token.hash(), &rotation).await? {
        drop(work);
        return used_meanwhile(cx, token, delivery).await;
    }
    let access = draft.sign(delivery)?;
    work.commit().await?;
    let holder = Holder::of(&held.user, &held.session);
    Ok(TokenPair { access, refresh: next, refresh_expires_at: rotation.expires_at, holder, delivery })
}

/// Spends the present token of a session, and opens another one in this tenant in its place, all or nothing. The second
/// use of a token is what it is in an [`exchange`].
pub(super) async fn switch_tenant(
    cx: &Cx,
    token: &Token,
    known: Known,
    tenant: Option<TenantId>,
    delivery: Delivery,
) -> Result<SignedIn> {
    if !known.family.token_hash.matches(&token.hash()) {
        used_before(cx, token, known, delivery).await?;
        return Err(Code::Unauthorized.into());
    }
    let Known { family, held } = known;
    session::expect_may_switch(cx, &held.session)?;
    cx.admit_refresh(&held, tenant.as_ref()).await?;
    let spent = Rotation {
        token_hash: token.successor(cx.random()).map_err(Error::internal)?.hash(),
        sealed_child: None,
        rotated_at: cx.now(),
        expires_at: family.expires_at,
    };
    let mut work = cx.begin().await?;
    session::still_holds(cx, &mut work, &held.user, &held.session).await?;
    if !work.rotate_family(family.session_id, &token.hash(), &spent).await? {
        drop(work);
        used_meanwhile(cx, token, delivery).await?;
        return Err(Code::Unauthorized.into());
    }
    let signed_in = session::switch_tenant_within(cx, &mut work, &held.user, &held.session, tenant).await?;
    work.commit().await?;
    Ok(signed_in)
}

/// Somebody else has used the token since it was looked at.
async fn used_meanwhile(cx: &Cx, token: &Token, delivery: Delivery) -> Result<TokenPair> {
    let known = Known::look_up(cx, token).await?.ok_or(Code::Unauthorized)?;
    used_before(cx, token, known, delivery).await
}

/// The second use of a token: within the grace time the answer is that of the first, as long as nobody has gone on from
/// there; otherwise there is a copy of it, and family and session end.
async fn used_before(cx: &Cx, token: &Token, known: Known, delivery: Delivery) -> Result<TokenPair> {
    let Known { family, held } = known;
    if let Some(refresh) = unused_child(cx, &family, &token.hash())? {
        let access = draft_next(cx, &held, family.tenant.as_ref()).await?.sign(delivery)?;
        let holder = Holder::of(&held.user, &held.session);
        return Ok(TokenPair { access, refresh, refresh_expires_at: family.expires_at, holder, delivery });
    }
    let mut work = cx.begin().await?;
    if session::end(&mut work, &held.user, held.session.id).await? {
        work.emit(Event::RefreshReused { user: held.user.id, session: held.session.id });
    }
    work.commit().await?;
    Err(Error::from(Code::Unauthorized).caused_by("a refresh token was used twice: its session has ended"))
}

/// Ends the session of a refresh token, whichever token of its family it is. One that names none is left alone.
pub(super) async fn revoke(cx: &Cx, token: &Token) -> Result<()> {
    // Also one of staff where they are not staff: it is good for nothing there but to be thrown away.
    let Some(Known { held, .. }) = Known::wherever(cx, token).await? else { return Ok(()) };
    let mut work = cx.begin().await?;
    if session::end(&mut work, &held.user, held.session.id).await? {
        work.emit(Event::SignedOut { user: held.user.id, session: held.session.id });
    }
    work.commit().await
}

/// A family whose session is alive, with what it stands for.
pub(super) struct Known {
    family: RefreshFamily,
    held: Resolved,
}

impl Known {
    /// The family that a token names, whichever of its tokens it is.
    pub(super) async fn look_up(cx: &Cx, token: &Token) -> Result<Option<Self>> {
        Ok(Self::wherever(cx, token).await?.filter(Self::counts_here))
    }

    /// Whether it is a token at all in this request. One of staff is none where platform access is not in force, and is
    /// not used up: where it belongs it is as good as before.
    pub(super) fn counts_here(&self) -> bool {
        self.held.session.scope != RoleScope::Platform || self.held.authority.is_staff
    }

    /// [`look_up`](Self::look_up), also of one that does not count here.
    pub(super) async fn wherever(cx: &Cx, token: &Token) -> Result<Option<Self>> {
        feature(cx)?;
        let Ok(name) = token.family_hash() else { return Ok(None) };
        let Some(FamilyWithSession { family, found }) = cx.conn().family_by_hash(&name).await? else { return Ok(None) };
        // One of the other pool is no token here either.
        let held = session::judge(cx, found).await?.filter(|_| cx.now() < family.expires_at);
        Ok(held.map(|held| Self { family, held }))
    }

    /// The session that it renews.
    pub(super) fn session_id(&self) -> SessionId {
        self.held.session.id
    }
}

/// A token of what they hold now, if they may still act.
async fn draft_next(cx: &Cx, held: &Resolved, tenant: Option<&TenantId>) -> Result<Draft> {
    cx.admit_refresh(held, tenant).await?;
    draft(cx, Subject::of(held, tenant)).await
}

/// The next token, for whoever lost the answer that brought it: only with a grace time, sealed, and until it is used.
fn sealed_child(cx: &Cx, session: SessionId, next: &Token) -> Result<Option<Vec<u8>>> {
    if feature(cx)?.config.reuse_grace.is_zero() {
        return Ok(None);
    }
    let sealer = cx.auth().sealer();
    Ok(Some(sealer.seal(cx.random(), &place(&session.as_uuid().into_bytes()), next.expose().as_bytes())))
}

fn unused_child(cx: &Cx, family: &RefreshFamily, presented: &TokenHash) -> Result<Option<Token>> {
    let grace = feature(cx)?.config.reuse_grace;
    let is_previous = family.previous_hash.is_some_and(|previous| previous.matches(presented));
    let is_recent = family.rotated_at <= cx.now() && cx.now().since(family.rotated_at) < grace;
    let (Some(sealed), true, true) = (&family.sealed_child, is_previous, is_recent) else { return Ok(None) };
    let sealer = cx.auth().sealer();
    let opened = sealer.open(&place(&family.session_id.as_uuid().into_bytes()), sealed).map_err(Error::internal)?;
    let text = std::str::from_utf8(opened.expose()).map_err(Error::internal)?;
    let child = Token::parse(TokenKind::Refresh, text).map_err(Error::internal)?;
    // The one that is good now, and not one further on.
    Ok(Some(child).filter(|child| child.hash().matches(&family.token_hash)))
}

/// Where a sealed token belongs: it opens in its own row only.
const fn place(id: &[u8; 16]) -> Aad<'_> {
    Aad::new("refresh_family", "sealed_child", id)
}
