//! Hooks join in: they edit, grant and add.

use std::sync::{Arc, Mutex};

use auth_core::prelude::*;
use auth_core::role;
use auth_sqlx::{Connection, connection};
use auth_tests::{Mailbox, PASSWORD, Stack, TestApp, database_flows, flows};
use serde_json::{Map, Value, json};

flows![
    a_sign_up_can_be_edited,
    unknown_fields_reach_the_hook_and_not_the_row,
    a_role_granted_at_sign_up_is_in_the_first_session,
    data_is_added_and_built_in_fields_cannot_be_replaced,
    hooks_run_in_their_order_at_the_turning_points,
    every_way_to_sign_in_hands_on_what_the_engine_does_not_know,
];
database_flows![the_applications_rows_share_the_fate_of_the_engines];

/// Changes what is about to be written.
struct Editor;

#[async_trait]
impl Hooks for Editor {
    async fn before_signup(&self, _cx: &Cx, _work: &mut Work<'_>, signup: &mut SignUp) -> Result<()> {
        signup.name = signup.extra.get("company").and_then(Value::as_str).unwrap_or("nobody's").to_owned();
        signup.email = Email::parse("edited@example.com").unwrap();
        Ok(())
    }
}

async fn a_sign_up_can_be_edited(stack: Stack) {
    let app = stack.app_with(|builder| builder.hooks(Editor)).await;
    let body = app.anon().sign_up("ada@example.com").await.ok();
    assert_eq!((&body["user"]["email"], &body["user"]["name"]), (&json!("edited@example.com"), &json!("nobody's")));
    assert_eq!(app.find_user("ada@example.com").await, None);
    app.anon().sign_in("edited@example.com", PASSWORD).await.ok();
}

async fn unknown_fields_reach_the_hook_and_not_the_row(stack: Stack) {
    let app = stack.app_with(|builder| builder.hooks(Editor)).await;
    let body = json!({"name": "Ada", "email": "ada@example.com", "password": PASSWORD, "company": "Babbage"});
    let user = app.anon().auth_post("/sign-up/email", body).await.ok()["user"].clone();
    assert_eq!((&user["name"], user.get("company")), (&json!("Babbage"), None));
}

/// Makes everybody a super administrator from the first moment.
struct Granter;

#[async_trait]
impl Hooks for Granter {
    async fn on_signup(&self, cx: &Cx, work: &mut Work<'_>, user: &User, _signup: &SignUp) -> Result<()> {
        role::grant_role_within(cx, work, user.id, "ADMIN", "super_admin").await.map(drop)
    }
}

async fn a_role_granted_at_sign_up_is_in_the_first_session(stack: Stack) {
    let app = stack.app_with(|builder| builder.hooks(Granter)).await;
    role::define_role(&app.cx(), "ADMIN", "super_admin", ["reports:read"]).await.unwrap();
    let ada = app.signed_up("ada@example.com").await;
    ada.get("/staff").await.ok();
    ada.get("/reports").await.ok();
    ada.get("/pair").await.ok();
}

/// Shows more of a user, and tries to show somebody else.
struct Painter;

#[async_trait]
impl Hooks for Painter {
    async fn session_user_data(&self, _cx: &Cx, _user: &User, data: &mut Map<String, Value>) -> Result<()> {
        for (field, value) in [("theme", "dark"), ("id", "0"), ("email", "boss@example.com"), ("emailVerified", "yes")]
        {
            data.insert(field.to_owned(), value.into());
        }
        Ok(())
    }
}

async fn data_is_added_and_built_in_fields_cannot_be_replaced(stack: Stack) {
    let app = stack.app_with(|builder| builder.hooks(Painter)).await;
    let ada = app.anon();
    let at_sign_up = ada.sign_up("ada@example.com").await.ok()["user"].clone();
    let id = app.user_id("ada@example.com").await.to_string();
    let at_sign_in = app.anon().sign_in("ada@example.com", PASSWORD).await.ok()["user"].clone();
    for user in [at_sign_up, at_sign_in, ada.session().await["user"].clone()] {
        assert_eq!(user["theme"], "dark");
        assert_eq!((&user["id"], &user["email"]), (&json!(id), &json!("ada@example.com")));
        assert_eq!(user["emailVerified"], false);
    }
}

/// Keeps a customer for each user, in a table of the application's own.
struct Customers;

impl Customers {
    /// Changes one row, or refuses.
    async fn send(&self, work: &mut Work<'_>, statement: &'static str) -> Result<()> {
        let query = sqlx::raw_sql(statement);
        let rows = match connection(work.tx()) {
            Some(Connection::Sqlite(sqlite)) => query.execute(sqlite).await.map(|done| done.rows_affected()),
            Some(Connection::Postgres(postgres)) => query.execute(postgres).await.map(|done| done.rows_affected()),
            Some(Connection::Mysql(mysql)) => query.execute(mysql).await.map(|done| done.rows_affected()),
            other => return Err(Error::internal(format!("no connection to a database: {other:?}"))),
        };
        if rows.map_err(Error::internal)? == 1 { Ok(()) } else { Err(Error::internal("not one customer")) }
    }
}

#[async_trait]
impl Hooks for Customers {
    async fn on_signup(&self, _cx: &Cx, work: &mut Work<'_>, _user: &User, _signup: &SignUp) -> Result<()> {
        self.send(work, "INSERT INTO customer (name) VALUES ('Ada')").await
    }
    async fn before_user_delete(&self, _cx: &Cx, work: &mut Work<'_>, _user: &User) -> Result<()> {
        self.send(work, "DELETE FROM customer WHERE name = 'Ada'").await
    }
}

async fn the_applications_rows_share_the_fate_of_the_engines(stack: Stack) {
    let app = stack.app_with(|builder| builder.hooks(Customers)).await;
    app.database().run("CREATE TABLE customer (name VARCHAR(20) NOT NULL PRIMARY KEY)").await;
    let ada = app.anon();
    app.tap().die_for("commit");
    ada.sign_up("ada@example.com").await.refused(503, "SERVICE_UNAVAILABLE");
    app.tap().revive();
    // Had the customer stayed, the second one would be refused.
    ada.sign_up("ada@example.com").await.ok();
    app.tap().die_for("commit");
    ada.auth_post("/delete-user", json!({})).await.refused(503, "SERVICE_UNAVAILABLE");
    app.tap().revive();
    // Had the customer gone, there would be none to delete.
    ada.auth_post("/delete-user", json!({})).await.ok();
    app.database().run("DROP TABLE customer").await;
}

/// Writes down when it is called.
struct Diary(&'static str, Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, hook: &str) -> Result<()> {
        self.1.lock().unwrap().push(format!("{} {hook}", self.0));
        Ok(())
    }
}

#[async_trait]
impl Hooks for Diary {
    async fn before_signup(&self, _cx: &Cx, _work: &mut Work<'_>, _signup: &mut SignUp) -> Result<()> {
        self.note("before_signup")
    }
    async fn on_signup(&self, _cx: &Cx, _work: &mut Work<'_>, _user: &User, _signup: &SignUp) -> Result<()> {
        self.note("on_signup")
    }
    async fn before_login(&self, _cx: &Cx, _attempt: &mut LoginAttempt<'_>) -> Result<()> {
        self.note("before_login")
    }
    async fn on_login(&self, _cx: &Cx, _work: &mut Work<'_>, _login: &mut LoginContext<'_>) -> Result<()> {
        self.note("on_login")
    }
    async fn before_password_change(&self, _cx: &Cx, _work: &mut Work<'_>, _user: &User) -> Result<()> {
        self.note("before_password_change")
    }
    async fn before_user_delete(&self, _cx: &Cx, _work: &mut Work<'_>, _user: &User) -> Result<()> {
        self.note("before_user_delete")
    }
}

async fn with_diaries(stack: Stack) -> (TestApp, Arc<Mutex<Vec<String>>>) {
    let pages = Arc::new(Mutex::new(Vec::new()));
    let (first, second) = (Diary("first", Arc::clone(&pages)), Diary("second", Arc::clone(&pages)));
    (stack.app_with(|builder| builder.hooks(first).hooks(second)).await, pages)
}

async fn hooks_run_in_their_order_at_the_turning_points(stack: Stack) {
    let (app, pages) = with_diaries(stack).await;
    let read = || std::mem::take(&mut *pages.lock().unwrap());
    let both = |hooks: &[&str]| -> Vec<String> {
        hooks.iter().flat_map(|hook| ["first", "second"].map(|who| format!("{who} {hook}"))).collect()
    };
    let ada = app.signed_up("ada@example.com").await;
    assert_eq!(read(), both(&["before_login", "before_signup", "on_signup", "on_login"]));
    app.signed_in("ada@example.com").await;
    assert_eq!(read(), both(&["before_login", "on_login"]));
    app.anon().sign_in("ada@example.com", "wrong").await;
    assert_eq!(read(), both(&["before_login"]), "what is decided beforehand is decided whatever the password is");
    ada.change_password(PASSWORD, "Marble-Falcon-Quiet-77").await.ok();
    assert_eq!(read(), both(&["before_password_change", "on_login"]));
    ada.auth_post("/delete-user", json!({})).await.ok();
    assert_eq!(read(), both(&["before_user_delete"]));
}

/// Refuses whoever does not name their door, as one does who has several.
struct Door;

#[async_trait]
impl Hooks for Door {
    async fn before_login(&self, _cx: &Cx, attempt: &mut LoginAttempt<'_>) -> Result<()> {
        let is_named = attempt.input.get("door").is_some_and(|door| door == "front");
        if is_named { Ok(()) } else { Err(Error::new(ErrorKind::BadRequest, "WHICH_DOOR", "Say which door.")) }
    }
}

async fn every_way_to_sign_in_hands_on_what_the_engine_does_not_know(stack: Stack) {
    let app = stack
        .app_with(|builder| {
            let builder = Mailbox::default().connect(builder).hooks(Door).anonymous(anonymous::Config::default());
            builder.usernames(username::Config::default()).phone_numbers(phone::Config::default())
        })
        .await;
    for (path, body) in [
        ("/sign-in/email", json!({"email": "ada@example.com", "password": PASSWORD})),
        ("/sign-in/username", json!({"username": "ada", "password": PASSWORD})),
        ("/sign-in/phone-number", json!({"phoneNumber": "+4930901820", "password": PASSWORD})),
        ("/sign-in/anonymous", json!({})),
    ] {
        app.anon().auth_post(path, body.clone()).await.refused(400, "WHICH_DOOR");
        let mut body = body;
        body["door"] = "front".into();
        assert_ne!(app.anon().auth_post(path, body).await.code(), "WHICH_DOOR", "{path}");
    }
}
