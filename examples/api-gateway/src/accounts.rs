//! Signing up, in and out, and a forgotten password.

use actix_web::HttpResponse;
use actix_web::web::Json;
use auth_actix::{JsonBody, Refusal, RequestCx};
use auth_core::error::{Code, Error};
use auth_core::http::{TokenText, expect_origin};
use auth_core::password::{self, RequestPasswordReset, ResetPassword, SignInEmail};
use auth_core::token::{self, Given, TokenPair};
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
        // 409, as this API has it; the library answers 422.
        Err(error) if error.is(Code::UserAlreadyExists) => {
            Err(Error::from(Code::Conflict).saying(error.message().to_owned()))
        }
        Err(error) => Err(of_field("password", error)),
    }
}

/// A new password is judged with the address, too, and that is not known before.
fn of_field(name: &'static str, error: Error) -> Error {
    if error.is(Code::PasswordContainsEmail) {
        return Error::invalid("body", name, error.message().to_owned());
    }
    error
}

/// A user as everybody sees them.
pub(crate) fn shown(user: &User) -> Value {
    json!({ "id": user.id, "email": user.email, "name": user.name })
}

pub(crate) async fn log_in(cx: RequestCx, JsonBody(login): JsonBody<Login>) -> Result<Json<Value>, Refusal> {
    token::expect_transport(&cx)?; // before there is a session whose tokens could not be given
    let reply = cx.auth().call(&cx, SignInEmail::new(login.email.as_str(), login.password)).await?;
    let signed_in = reply.signed_in();
    let mut body = given(&cx, &token::open(&cx, signed_in, None).await?);
    body["user"] = shown(&signed_in.user);
    Ok(Json(body))
}

pub(crate) async fn refresh(cx: RequestCx, JsonBody(body): JsonBody<RefreshToken>) -> Result<Json<Value>, Refusal> {
    let pair = token::refresh(&cx, body.refresh_token.as_ref().map(TokenText::expose)).await?;
    Ok(Json(given(&cx, &pair)))
}

/// Tokens, where the transport has them: for a gateway the access token in the body, and the refresh token in its
/// cookie, which no script reads.
fn given(cx: &Cx, pair: &TokenPair) -> Value {
    let expires_in = pair.access.expires_in_seconds();
    match pair.give(cx) {
        Given::RefreshInCookie => json!({ "token": pair.access.expose(), "expiresIn": expires_in }),
        Given::InBody => json!({
            "token": pair.access.expose(),
            "expiresIn": expires_in,
            "refreshToken": pair.refresh.expose(),
        }),
        Given::InCookies { csrf_token } => json!({ "csrfToken": csrf_token, "expiresIn": expires_in }),
    }
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
    match (body.email, body.token, body.new_password) {
        (Some(email), None, None) => {
            cx.auth().call(&cx, RequestPasswordReset { email, redirect_to: None, tenant_id: None }).await?;
            let message = "If there is an account of this address, it has mail.";
            Ok(HttpResponse::Accepted().json(json!({ "message": message })))
        }
        (None, Some(token), Some(NewPassword(new_password))) => {
            let reset = cx.auth().call(&cx, ResetPassword { new_password, token }).await;
            reset.map_err(|error| of_field("newPassword", error))?;
            Ok(HttpResponse::Ok().json(json!({ "message": "The password was changed." })))
        }
        (Some(_), _, _) => {
            let problem = "asks for a link; token and newPassword use one";
            Err(Error::invalid("body", "email", problem).into())
        }
        (None, Some(_), None) => Err(required("newPassword").into()),
        (None, None, Some(_)) => Err(required("token").into()),
        (None, None, None) => Err(required("email").into()),
    }
}

fn required(field: &'static str) -> Error {
    Error::invalid("body", field, "required")
}
