//! The endpoints of one-time tokens.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::service::{issue_one_time_token, redeem_one_time_token};
use crate::base::{Token, TokenKind};
use crate::cx::Cx;
use crate::error::{Code, Result};
use crate::guard::{Anyone, CurrentSession};
use crate::http::{Endpoint, Json, Route, ShownToken, TokenText};
use crate::limit::EndpointLimit;
use crate::session::{NewSessionReply, SessionView, user_view};

pub(crate) const ROUTES: &[Route] = &[Route::of::<GenerateOneTimeToken>(), Route::of::<VerifyOneTimeToken>()];

/// `GET /one-time-token/generate`: a token that opens another session of the caller, once.
#[derive(Debug, Deserialize)]
pub struct GenerateOneTimeToken {}

/// The one token of an answer.
#[derive(Debug, Serialize)]
pub struct OneTimeTokenBody {
    /// The token, which only this answer shows.
    pub token: ShownToken,
}

impl Endpoint for GenerateOneTimeToken {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/one-time-token/generate";
    const NAME: &'static str = "generate_one_time_token";
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = CurrentSession;
    type Reply = Json<OneTimeTokenBody>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Json<OneTimeTokenBody>> {
        current.expect_session_token()?;
        let token = issue_one_time_token(cx, current.user(), &current).await?.into();
        Ok(Json(OneTimeTokenBody { token }))
    }
}

/// `POST /one-time-token/verify`: opens the session that a one-time token stands for.
#[derive(Debug, Deserialize)]
pub struct VerifyOneTimeToken {
    /// The token.
    pub token: TokenText,
}

/// The new session and its user.
#[derive(Debug, Serialize)]
pub struct OpenedBody {
    session: SessionView,
    user: Map<String, Value>,
}

impl Endpoint for VerifyOneTimeToken {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/one-time-token/verify";
    const NAME: &'static str = "verify_one_time_token";
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = Anyone;
    type Reply = NewSessionReply<OpenedBody>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        let token = Token::parse(TokenKind::OneTime, self.token.expose()).map_err(|_| Code::InvalidToken)?;
        let signed_in = redeem_one_time_token(cx, &token).await?;
        let user = user_view(cx, &signed_in.user).await?;
        let body = OpenedBody { session: SessionView::from(&*signed_in.session), user };
        Ok(NewSessionReply { signed_in, body })
    }
}
