//! When it cannot be known whether platform access is in force, or a front end cannot be told, nobody gets in and
//! nothing stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use auth_core::guard::PlatformAccess;
use auth_core::portal::{MultiPortal, RoleGuardResolver};
use auth_core::prelude::*;
use auth_tests::{PASSWORD, Reply, Stack, TestApp, flows};
use http::Method;
use serde_json::{Value, json};

use crate::portals::{
    ADMIN, MEMBER, PORTAL, STAFF, areas, front_ends, send, settle, sign_in, signed_in, without_access,
};

flows![
    nobody_gets_in_while_platform_access_cannot_be_known,
    no_session_opens_anything_while_platform_access_cannot_be_known,
    nobody_gets_in_while_no_front_end_can_be_told,
];

#[derive(Clone, Copy, Debug)]
enum Failure {
    Refuses,
    Panics,
    NeverEnds,
}

const FAILURES: [Failure; 3] = [Failure::Refuses, Failure::Panics, Failure::NeverEnds];

impl Failure {
    async fn happen(self) -> Error {
        match self {
            Self::Refuses => Code::Unavailable.into(),
            Self::Panics => panic!("the settings fell over"),
            Self::NeverEnds => std::future::pending().await,
        }
    }
}

/// Asks something that fails for as long as the switch is on.
#[derive(Clone)]
struct Failing(Failure, Arc<AtomicBool>);

impl Failing {
    fn new(failure: Failure) -> Self {
        Self(failure, Arc::default())
    }

    fn switch(&self, on: bool) {
        self.1.store(on, Ordering::Relaxed);
    }

    async fn asked(&self) -> Result<()> {
        if self.1.load(Ordering::Relaxed) { Err(self.0.happen().await) } else { Ok(()) }
    }
}

#[async_trait]
impl PlatformAccess for Failing {
    async fn in_force(&self, cx: &Cx) -> Result<bool> {
        self.asked().await?;
        Ok(cx.request().headers.get("origin").is_some_and(|origin| origin == ADMIN[0].1))
    }
}

#[async_trait]
impl RoleGuardResolver for Failing {
    async fn resolve(&self, cx: &Cx) -> Result<Option<String>> {
        self.asked().await?;
        front_ends().resolve(cx).await
    }
}

#[track_caller]
fn failed(reply: &Reply, failure: Failure) {
    match failure {
        Failure::Refuses | Failure::NeverEnds => reply.refused(503, "SERVICE_UNAVAILABLE"),
        Failure::Panics => reply.refused(500, "INTERNAL_SERVER_ERROR"),
    };
    assert_eq!(reply.set_cookies().len(), 0);
    assert!(!reply.text().contains("fell over"));
}

async fn world(stack: Stack, access: Failing, resolver: Failing) -> TestApp {
    let policy = MultiPortal::new(resolver).join_by_signing_up("PORTAL", "member");
    let limit = Duration::from_millis(30);
    let settings = |builder| without_access(builder).platform_access(access).hooks(policy).hook_time_limit(limit);
    let app = stack.app_with(settings).await;
    settle(&app).await;
    app
}

async fn sign_up(app: &TestApp) -> Reply {
    let body = json!({ "name": "", "email": "new@acme.test", "password": PASSWORD, "tenantId": "acme" });
    send(&app.program(), PORTAL, Method::POST, "/api/auth/sign-up/email", body).await
}

async fn check(app: &TestApp, failing: &Failing, failure: Failure) {
    failing.switch(true);
    app.events().take();
    failed(&sign_up(app).await, failure);
    for (from, email) in [(PORTAL, MEMBER), (ADMIN, STAFF)] {
        failed(&sign_in(app, from, email, PASSWORD, json!({})).await, failure);
        assert!(app.sessions(email).await.is_empty(), "{failure:?}");
    }
    assert_eq!(app.find_user("new@acme.test").await, None, "{failure:?}");
    assert!(app.events().take().iter().all(|event| event.starts_with("sign_in_refused")), "{failure:?}");
    // The next request finds everything as it was: no transaction is left open, and no attempt counted for long.
    failing.switch(false);
    sign_up(app).await.ok();
    signed_in(app, PORTAL, MEMBER).await;
    signed_in(app, ADMIN, STAFF).await;
}

async fn nobody_gets_in_while_platform_access_cannot_be_known(stack: Stack) {
    for failure in FAILURES {
        let access = Failing::new(failure);
        let app = world(stack, access.clone(), Failing::new(failure)).await;
        check(&app, &access, failure).await;
    }
}

async fn nobody_gets_in_while_no_front_end_can_be_told(stack: Stack) {
    for failure in FAILURES {
        let resolver = Failing::new(failure);
        let app = world(stack, Failing::new(failure), resolver.clone()).await;
        check(&app, &resolver, failure).await;
    }
}

async fn no_session_opens_anything_while_platform_access_cannot_be_known(stack: Stack) {
    for failure in FAILURES {
        let access = Failing::new(failure);
        let app = world(stack, access.clone(), Failing::new(failure)).await;
        let staff = signed_in(&app, ADMIN, STAFF).await;
        let member = signed_in(&app, PORTAL, MEMBER).await;
        access.switch(true);
        failed(&send(&staff, ADMIN, Method::GET, "/principal", Value::Null).await, failure);
        // To whoever is no staff it makes no difference.
        assert_eq!(areas(&member, PORTAL).await, [403, 200, 403]);
        access.switch(false);
        assert_eq!(areas(&staff, ADMIN).await, [200, 403, 403]);
    }
}
