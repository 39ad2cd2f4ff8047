//! Signing up, in and out, and a forgotten password.

use actix_web::HttpResponse;
use actix_web::web::Json;
use auth_actix::{JsonBody, Refusal, RequestCx};
use auth_core::error::{Code, Error};
use auth_core::http::{TokenText, expect_origin};
use auth_core::password::{self, RequestPasswordReset, ResetPassword, SignInEmail};
use auth_core::token::{self, TokenPair};
use auth_core::user::{SignUp, User};
use auth_core::{Cx, Result};
use serde_json::{Value, json};

use crate::bodies::{Login, NewPassword, PasswordReset, RefreshToken, Registration};

/// Whoever registers is nobody special: they hold no permission, and no session.
pub(crate) async fn register(cx: RequestCx, JsonBody(new): JsonBody<Registration>) -> Result<HttpResponse, Refusal> {
    expect_origin(&cx)?;
    Ok(HttpResponse::Created().json(create(&cx, new).await?))
}

/// Somebody new, as everybody sees them.
pub(crate) async fn create(cx: &Cx, new: Registration) -> Result<Value> {
    let Registration { email, password: NewPassword(password), name } = new;
    let created = password::create_user(cx, SignUp::new(email, name.0), password).await;
    match created {
        Ok(user) => Ok(shown(&user)),
        Err(error) if error.is(Code::UserAlreadyExists) => {
            Err(Error::from(Code::Conflict).saying(error.message().to_owned()))
        }
        Err(error) => Err(error),
    }
}

/// A user as everybody sees them.
pub(crate) fn shown(user: &User) -> Value {
    json!({ "id": user.id, "email": user.email, "name": user.name })
}

pub(crate) async fn log_in(cx: RequestCx, JsonBody(login): JsonBody<Login>) -> Result<Json<Value>, Refusal> {
    token::expect_transport(&cx)?; // before there is a session whose tokens could not be given
    let reply = cx.auth().call(&cx, SignInEmail::new(login.email, login.password)).await?;
    let signed_in = reply.signed_in();
    let mut body = given(&cx, &token::open(&cx, signed_in, None).await?);
    body["user"] = shown(&signed_in.user);
    Ok(Json(body))
}

pub(crate) async fn refresh(cx: RequestCx, JsonBody(body): JsonBody<RefreshToken>) -> Result<Json<Value>, Refusal> {
    let pair = token::refresh(&cx, body.refresh_token.as_ref().map(TokenText::expose)).await?;
    Ok(Json(given(&cx, &pair)))
}

/// The access token. The refresh token goes into its cookie, which no script reads.
fn given(cx: &Cx, pair: &TokenPair) -> Value {
    // Into the cookie, as the transport of a gateway has it; never into the body.
    let _: token::Given = pair.give(cx);
    let left = pair.access.expires_at().since(cx.now());
    // A token ends with a whole second, up to one before its time.
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    json!({ "token": pair.access.expose(), "expiresIn": seconds })
}

/// Ends the session of the refresh token, whether there is one or not. Its last access token is good until it expires.
pub(crate) async fn log_out(cx: RequestCx, JsonBody(body): JsonBody<RefreshToken>) -> Result<HttpResponse, Refusal> {
    token::revoke(&cx, body.refresh_token.as_ref().map(TokenText::expose)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Asks for a link, or sets a new password by one. Nobody learns whether there is an account.
pub(crate) async fn reset_password(
    cx: RequestCx,
    JsonBody(body): JsonBody<PasswordReset>,
) -> Result<HttpResponse, Refusal> {
    expect_origin(&cx)?;
    match body {
        PasswordReset { email: Some(email), token: None, new_password: None } => {
            let asked = RequestPasswordReset { email, redirect_to: None, tenant_id: None };
            cx.auth().call(&cx, asked).await?;
            let message = "If there is an account of this address, it has mail.";
            Ok(HttpResponse::Accepted().json(json!({ "message": message })))
        }
        PasswordReset { email: None, token: Some(token), new_password: Some(NewPassword(new_password)) } => {
            cx.auth().call(&cx, ResetPassword { new_password, token }).await?;
            Ok(HttpResponse::Ok().json(json!({ "message": "The password was changed." })))
        }
        PasswordReset { email: None, token: Some(_), new_password: None } => Err(required("newPassword").into()),
        PasswordReset { email: None, token: None, new_password: Some(_) } => Err(required("token").into()),
        PasswordReset { email: _, token: None, new_password: None } => Err(required("email").into()),
        PasswordReset { email: Some(_), .. } => {
            let problem = "asks for a link; token and newPassword use one";
            Err(Error::invalid("body", "email", problem).into())
        }
    }
}

fn required(field: &'static str) -> Error {
    Error::invalid("body", field, "required")
}
