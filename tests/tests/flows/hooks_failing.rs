//! Hooks that refuse, panic or never end: whatever was begun leaves nothing.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use auth_core::RequestInfo;
use auth_core::crypto::password_hash::Password;
use auth_core::password::{SignInEmail, SignUpEmail};
use auth_core::prelude::*;
use auth_core::role::{GrantedRole, Permission};
use auth_tests::{PASSWORD, Reply, Stack, TestApp, flows};
use http::{HeaderMap, Method};
use serde_json::{Map, Value, json};

const ADA: &str = "ada@example.com";

flows![
    whichever_hook_of_a_sign_up_fails_nothing_persists,
    whichever_hook_of_a_sign_in_fails_there_is_no_session,
    a_failing_hook_keeps_the_old_password_and_every_session,
    a_failing_hook_keeps_the_user,
    whichever_hook_of_a_token_fails_its_session_ends,
    after_a_hook_has_failed_the_next_request_works,
    a_view_that_fails_leaves_its_fields_out,
    the_first_error_wins,
    a_refusal_can_look_like_a_wrong_password,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    BeforeSignup,
    OnSignup,
    BeforeLogin,
    OnLogin,
    UserData,
    PasswordChange,
    UserDelete,
    ResolveRoles,
    ResolvePermissions,
    TokenClaims,
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    Refuses,
    Panics,
    NeverEnds,
    LooksLikeAWrongPassword,
}

/// Fails at one turn, for those whose name is not `Admin`.
#[derive(Clone, Copy)]
struct Saboteur(Turn, Failure);

impl Saboteur {
    async fn at(&self, turn: Turn) -> Result<()> {
        match self.1 {
            _ if self.0 != turn => Ok(()),
            Failure::Refuses => Err(Error::new(ErrorKind::Unprocessable, "NOT_TODAY", "Not today.")),
            Failure::Panics => panic!("a hook fell over"),
            Failure::NeverEnds => std::future::pending().await,
            Failure::LooksLikeAWrongPassword => Err(Code::InvalidEmailOrPassword.into()),
        }
    }
}

#[async_trait]
impl Hooks for Saboteur {
    async fn before_signup(&self, _cx: &Cx, _work: &mut Work<'_>, _signup: &mut SignUp) -> Result<()> {
        self.at(Turn::BeforeSignup).await
    }
    async fn on_signup(&self, _cx: &Cx, _work: &mut Work<'_>, _user: &User, _signup: &SignUp) -> Result<()> {
        self.at(Turn::OnSignup).await
    }
    async fn before_login(&self, _cx: &Cx, _attempt: &mut LoginAttempt<'_>) -> Result<()> {
        self.at(Turn::BeforeLogin).await
    }
    async fn on_login(&self, _cx: &Cx, _work: &mut Work<'_>, _login: &mut LoginContext<'_>) -> Result<()> {
        self.at(Turn::OnLogin).await
    }
    async fn session_user_data(&self, _cx: &Cx, _user: &User, _data: &mut Map<String, Value>) -> Result<()> {
        self.at(Turn::UserData).await
    }
    async fn resolve_roles(&self, _cx: &Cx, _user: &User, _roles: &mut BTreeSet<GrantedRole>) -> Result<()> {
        self.at(Turn::ResolveRoles).await
    }
    async fn resolve_permissions(
        &self,
        _cx: &Cx,
        _user: &User,
        _roles: &BTreeSet<GrantedRole>,
        _permissions: &mut BTreeSet<Permission>,
    ) -> Result<()> {
        self.at(Turn::ResolvePermissions).await
    }
    async fn token_claims(&self, _cx: &Cx, _user: &User, _claims: &mut Map<String, Value>) -> Result<()> {
        self.at(Turn::TokenClaims).await
    }
    async fn before_password_change(&self, _cx: &Cx, _work: &mut Work<'_>, _user: &User) -> Result<()> {
        self.at(Turn::PasswordChange).await
    }
    async fn before_user_delete(&self, _cx: &Cx, _work: &mut Work<'_>, _user: &User) -> Result<()> {
        self.at(Turn::UserDelete).await
    }
}

const FAILURES: [Failure; 3] = [Failure::Refuses, Failure::Panics, Failure::NeverEnds];

fn failed(reply: &Reply, failure: Failure) {
    match failure {
        Failure::Refuses => reply.refused(422, "NOT_TODAY"),
        Failure::Panics => reply.refused(500, "INTERNAL_SERVER_ERROR"),
        Failure::NeverEnds => reply.refused(503, "SERVICE_UNAVAILABLE"),
        Failure::LooksLikeAWrongPassword => reply.refused(401, "INVALID_EMAIL_OR_PASSWORD"),
    };
    assert_eq!(reply.set_cookies().len(), 0);
    assert!(!reply.text().contains("fell over"));
}

/// An application in which Ada has signed up before the saboteur came.
async fn sabotaged(stack: Stack, saboteur: Saboteur) -> (TestApp, auth_tests::Actor) {
    let peaceful = stack.app().await;
    let ada = peaceful.signed_up("ada@example.com").await;
    let settings = |builder: auth_core::AuthBuilder| hasty(builder).hooks(saboteur);
    let app = TestApp::start(stack.transport, peaceful.database().clone(), settings).await;
    let ada = app.anon().with_cookie(&ada.cookie().unwrap());
    (app, ada)
}

fn hasty(builder: auth_core::AuthBuilder) -> auth_core::AuthBuilder {
    builder.hook_time_limit(Duration::from_millis(30))
}

async fn whichever_hook_of_a_sign_up_fails_nothing_persists(stack: Stack) {
    for turn in [Turn::BeforeSignup, Turn::OnSignup, Turn::BeforeLogin, Turn::OnLogin] {
        for failure in FAILURES {
            let app = stack.app_with(|builder| hasty(builder).hooks(Saboteur(turn, failure))).await;
            failed(&app.anon().sign_up("ada@example.com").await, failure);
            assert_eq!(app.find_user("ada@example.com").await, None, "{turn:?} {failure:?}");
            assert!(app.events().take().is_empty(), "{turn:?} {failure:?}");
            // The address is free: whoever comes back after the repair can sign up.
            app.restarted(stack.transport).await.signed_up("ada@example.com").await;
        }
    }
}

async fn whichever_hook_of_a_sign_in_fails_there_is_no_session(stack: Stack) {
    for turn in [Turn::BeforeLogin, Turn::OnLogin] {
        for failure in FAILURES {
            let (app, _ada) = sabotaged(stack, Saboteur(turn, failure)).await;
            failed(&app.anon().sign_in("ada@example.com", PASSWORD).await, failure);
            assert_eq!(app.sessions("ada@example.com").await.len(), 1, "{turn:?} {failure:?}");
            assert!(!app.events().take().contains(&"signed_in"));
        }
    }
}

async fn a_failing_hook_keeps_the_old_password_and_every_session(stack: Stack) {
    for turn in [Turn::PasswordChange, Turn::OnLogin] {
        for failure in FAILURES {
            let (app, ada) = sabotaged(stack, Saboteur(turn, failure)).await;
            failed(&ada.change_password(PASSWORD, "Marble-Falcon-Quiet-77").await, failure);
            assert!(ada.is_signed_in().await);
            let repaired = app.restarted(stack.transport).await;
            repaired.anon().sign_in("ada@example.com", PASSWORD).await.ok();
        }
    }
}

async fn a_failing_hook_keeps_the_user(stack: Stack) {
    for failure in FAILURES {
        let (app, ada) = sabotaged(stack, Saboteur(Turn::UserDelete, failure)).await;
        failed(&ada.auth_post("/delete-user", json!({})).await, failure);
        assert!(ada.is_signed_in().await);
        assert!(app.find_user("ada@example.com").await.is_some());
    }
}

/// Fails at its turn the first time, and never again.
struct Once(Saboteur, AtomicBool);

impl Once {
    async fn at(&self, turn: Turn) -> Result<()> {
        if self.0.0 == turn && !self.1.swap(true, Ordering::Relaxed) { self.0.at(turn).await } else { Ok(()) }
    }
}

#[async_trait]
impl Hooks for Once {
    async fn before_signup(&self, _cx: &Cx, _work: &mut Work<'_>, _signup: &mut SignUp) -> Result<()> {
        self.at(Turn::BeforeSignup).await
    }
    async fn on_signup(&self, _cx: &Cx, _work: &mut Work<'_>, _user: &User, _signup: &SignUp) -> Result<()> {
        self.at(Turn::OnSignup).await
    }
    async fn before_login(&self, _cx: &Cx, _attempt: &mut LoginAttempt<'_>) -> Result<()> {
        self.at(Turn::BeforeLogin).await
    }
    async fn on_login(&self, _cx: &Cx, _work: &mut Work<'_>, _login: &mut LoginContext<'_>) -> Result<()> {
        self.at(Turn::OnLogin).await
    }
}

/// Whoever panics or never ends leaves no transaction open and no lock held: over SQLite that would stop all others.
/// Where tokens are the answer they are made once somebody is signed in. If that fails, nobody has anything of the
/// session.
async fn whichever_hook_of_a_token_fails_its_session_ends(stack: Stack) {
    let tokens = |builder: auth_core::AuthBuilder| hasty(builder).tokens(token::Config::default());
    for turn in [Turn::ResolveRoles, Turn::ResolvePermissions, Turn::TokenClaims] {
        for failure in FAILURES {
            let app = stack.app_with(|builder| tokens(builder).hooks(Saboteur(turn, failure))).await;
            let cx = || app.auth().cx(RequestInfo::new(Method::POST, "/own", HeaderMap::new(), None));
            let code = match failure {
                Failure::Refuses => "NOT_TODAY",
                Failure::Panics => "INTERNAL_SERVER_ERROR",
                Failure::NeverEnds | Failure::LooksLikeAWrongPassword => "SERVICE_UNAVAILABLE",
            };
            let sign_up = SignUpEmail::new(Email::parse(ADA).unwrap(), "", Password::new(PASSWORD));
            let up = app.auth().call(&cx(), sign_up).await.unwrap();
            assert_eq!(
                token::open(&cx(), up.signed_in().unwrap(), None).await.unwrap_err().code(),
                code,
                "{turn:?} {failure:?}"
            );
            let sign_in = SignInEmail::new(ADA, Password::new(PASSWORD));
            let again = app.auth().call(&cx(), sign_in).await.unwrap();
            assert_eq!(token::open(&cx(), again.signed_in(), None).await.unwrap_err().code(), code);
            assert_eq!(app.sessions(ADA).await.len(), 0, "{turn:?} {failure:?}");
            assert_eq!(app.events().take(), ["signed_up", "signed_in", "signed_out", "signed_in", "signed_out"]);
            // Whoever comes back after the repair signs in.
            let app = app.restarted_with(stack.transport, tokens).await;
            app.signed_in(ADA).await.auth_post("/token", json!({})).await.ok();
        }
    }
}

async fn after_a_hook_has_failed_the_next_request_works(stack: Stack) {
    for failure in FAILURES {
        for turn in [Turn::BeforeSignup, Turn::OnSignup, Turn::BeforeLogin, Turn::OnLogin] {
            let once = Once(Saboteur(turn, failure), AtomicBool::default());
            let app = stack.app_with(|builder| hasty(builder).hooks(once)).await;
            failed(&app.anon().sign_up("ada@example.com").await, failure);
            app.anon().sign_up("ada@example.com").await.ok();
            app.signed_in("ada@example.com").await;
            assert_eq!(app.sessions("ada@example.com").await.len(), 2, "{turn:?} {failure:?}");
        }
        for turn in [Turn::BeforeLogin, Turn::OnLogin] {
            let peaceful = stack.app().await;
            peaceful.signed_up("ada@example.com").await;
            let once = Once(Saboteur(turn, failure), AtomicBool::default());
            let app = peaceful.restarted_with(stack.transport, |builder| hasty(builder).hooks(once)).await;
            failed(&app.anon().sign_in("ada@example.com", PASSWORD).await, failure);
            app.signed_in("ada@example.com").await;
            assert_eq!(app.sessions("ada@example.com").await.len(), 2, "{turn:?} {failure:?}");
        }
    }
}

/// What a user sees of themselves is decided when it is shown: a view that fails can refuse nothing any more.
async fn a_view_that_fails_leaves_its_fields_out(stack: Stack) {
    for failure in FAILURES {
        let (app, ada) = sabotaged(stack, Saboteur(Turn::UserData, failure)).await;
        for view in [app.anon().sign_in("ada@example.com", PASSWORD).await, ada.auth_get("/get-session").await] {
            assert_eq!(view.ok()["user"]["email"], "ada@example.com", "{failure:?}");
        }
        app.signed_up("grace@example.com").await;
    }
}

async fn the_first_error_wins(stack: Stack) {
    let (first, second) = (Saboteur(Turn::OnSignup, Failure::Refuses), Saboteur(Turn::OnSignup, Failure::Panics));
    let app = stack.app_with(|builder| builder.hooks(first).hooks(second)).await;
    failed(&app.anon().sign_up("ada@example.com").await, Failure::Refuses);
}

async fn a_refusal_can_look_like_a_wrong_password(stack: Stack) {
    let (app, _) = sabotaged(stack, Saboteur(Turn::OnLogin, Failure::LooksLikeAWrongPassword)).await;
    let refused = app.anon().sign_in("ada@example.com", PASSWORD).await;
    let wrong = app.anon().sign_in("ada@example.com", "wrong").await;
    assert_eq!(refused.essence(), wrong.essence());
}
