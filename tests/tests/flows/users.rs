//! What a program does with users: listing and deleting them.

use auth_core::base::UserId;
use auth_core::error::Code;
use auth_core::hooks::Hooks;
use auth_core::prelude::async_trait;
use auth_core::user::{self, User};
use auth_core::{AuthBuilder, Cx, Error, Result, Work, customer};
use auth_tests::{PASSWORD, Stack, flows};

use crate::tokens::ADA;

flows![
    users_are_listed_page_by_page_and_customers_are_not,
    a_user_who_is_deleted_is_nobody_at_once,
    nobody_is_deleted_who_is_not_there_or_is_a_customer,
    what_a_hook_refuses_is_not_deleted,
];

async fn users_are_listed_page_by_page_and_customers_are_not(stack: Stack) {
    let app = stack.app_with(|builder| builder.customers(customer::Config::default())).await;
    let mut emails = Vec::new();
    for n in 0..5 {
        emails.push(format!("user{n}@example.com"));
        app.signed_up(&emails[n]).await;
    }
    let customer = user::SignUp::new(auth_core::base::Email::parse("c@example.com").unwrap(), "C");
    customer::create_customer(&app.cx(), customer, auth_core::prelude::Password::new(PASSWORD)).await.unwrap();
    let page = async |after: Option<UserId>, limit| {
        let users = user::list_users(&app.cx(), after, limit).await.unwrap();
        let last = users.last().map(|user| user.id);
        (users.into_iter().map(|user| user.email.to_string()).collect::<Vec<_>>(), last)
    };
    let (first, last) = page(None, 3).await;
    let (second, last) = page(last, 3).await;
    // Those of one millisecond are in no order that anybody could know.
    let mut all = [first.clone(), second.clone()].concat();
    all.sort_unstable();
    assert_eq!((all, first.len(), second.len()), (emails, 3, 2));
    assert!(page(last, 3).await.0.is_empty());
    assert_eq!(page(None, u32::MAX).await.0.len(), 5);
    // However many are asked for, and there are.
    for n in 0..100 {
        let signup = user::SignUp::new(auth_core::base::Email::parse(&format!("more{n}@example.com")).unwrap(), "");
        user::create_user(&app.cx(), signup).await.unwrap();
    }
    assert_eq!(page(None, u32::MAX).await.0.len(), 100);
}

async fn a_user_who_is_deleted_is_nobody_at_once(stack: Stack) {
    let (app, ada) = stack.signed_up(ADA).await;
    app.grant(ADA, "ADMIN", "analyst", &["reports:read"]).await;
    let id = app.user_id(ADA).await;
    app.events().take();
    user::delete_user(&app.cx(), id).await.unwrap();
    assert_eq!(app.events().take(), ["user_deleted"]);
    assert!(!ada.is_signed_in().await);
    app.anon().sign_in(ADA, PASSWORD).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    // The address is free, and whoever takes it is somebody else.
    let next = app.signed_up(ADA).await;
    assert_ne!(app.user_id(ADA).await, id);
    next.get("/reports").await.refused(403, "FORBIDDEN");
}

async fn nobody_is_deleted_who_is_not_there_or_is_a_customer(stack: Stack) {
    let app = stack.app_with(|builder| builder.customers(customer::Config::default())).await;
    let signup = user::SignUp::new(auth_core::base::Email::parse(ADA).unwrap(), "Ada");
    let password = auth_core::prelude::Password::new(PASSWORD);
    let customer = customer::create_customer(&app.cx(), signup, password).await.unwrap();
    let id = UserId::from_uuid(customer.id.as_uuid());
    app.signed_up("eve@example.com").await;
    let eve = app.user_id("eve@example.com").await;
    user::delete_user(&app.cx(), eve).await.unwrap();
    for nobody in [id, eve] {
        let refused = user::delete_user(&app.cx(), nobody).await.unwrap_err();
        assert!(refused.is(Code::UserNotFound), "{refused:?}");
    }
    assert!(customer::customer_by_id(&app.cx(), customer.id).await.unwrap().is_some());
}

/// Keeps everybody.
struct Keeps;

#[async_trait]
impl Hooks for Keeps {
    async fn before_user_delete(&self, _cx: &Cx, _work: &mut Work<'_>, _user: &User) -> Result<()> {
        Err(Error::from(Code::Forbidden))
    }
}

async fn what_a_hook_refuses_is_not_deleted(stack: Stack) {
    let app = stack.app_with(|builder: AuthBuilder| builder.hooks(Keeps)).await;
    let ada = app.signed_up(ADA).await;
    let refused = user::delete_user(&app.cx(), app.user_id(ADA).await).await.unwrap_err();
    assert!(refused.is(Code::Forbidden), "{refused:?}");
    assert!(ada.is_signed_in().await);
}
