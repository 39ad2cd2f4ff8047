//! Whoever asks without having proved anything is told nothing of anybody: whatever the account is like, and whether
//! there is one, the answer is the same byte for byte, and so is what the store is asked on the way to it.
//!
//! How often a password is hashed cannot be seen here. Where one is, it stands between statements that are compared.

use std::time::Duration;

use auth_core::base::{Email, PhoneNumber, Username};
use auth_core::code::OtpForm;
use auth_core::password::SignUpMode;
use auth_core::store::Store;
use auth_core::user::{self, Pool};
use auth_core::{AuthBuilder, customer, email_otp, magic_link, phone, username};
use auth_tests::{Actor, Mailbox, PASSWORD, Stack, TestApp, flows};
use serde_json::{Value, json};

use crate::sign_in::user_without_password;

flows![
    whoever_cannot_sign_in_is_told_nothing,
    whoever_has_a_link_sent_is_told_nothing,
    whoever_has_a_code_sent_is_told_nothing,
    whoever_guesses_at_a_mailed_code_is_told_nothing,
    whoever_guesses_at_a_texted_code_is_told_nothing,
];

/// What an account may be like, and the password that is tried at it. Where signing in fails for another reason, it is
/// the right one.
const CAST: [(&str, &str); 8] = [
    ("nobody", PASSWORD),
    ("verified", "wrong"),
    ("unverified", "wrong"),
    ("disabled", PASSWORD),
    ("locked", PASSWORD),
    ("passwordless", PASSWORD),
    ("customer", PASSWORD),
    ("unreachable", "wrong"),
];

/// Whom nobody may write to: there is no such user, or they are disabled.
const UNWRITTEN: [&str; 3] = ["nobody", "disabled", "customer"];

/// As long as the codes here, and in so many of them never right.
const WRONG: &str = "000000000000";

struct Person {
    name: &'static str,
    password: &'static str,
    email: String,
    phone: String,
    /// A client of their own, so that no limit of a client tells two of them apart.
    client: Actor,
}

/// One request, with the status that everybody gets for it.
struct Step {
    path: &'static str,
    body: fn(&Person) -> Value,
    status: u16,
}

impl Step {
    const fn signs_in(path: &'static str, body: fn(&Person) -> Value) -> Self {
        Self { path, body, status: 401 }
    }

    const fn asks(path: &'static str, body: fn(&Person) -> Value) -> Self {
        Self { path, body, status: 200 }
    }

    const fn guesses(path: &'static str, body: fn(&Person) -> Value) -> Self {
        Self { path, body, status: 400 }
    }

    /// The same, when it was one guess too many at the code.
    const fn too_often(self) -> Self {
        Self { status: 403, ..self }
    }
}

struct Scene {
    app: TestApp,
    mail: Mailbox,
    people: Vec<Person>,
}

fn email(name: &str) -> String {
    format!("{name}@example.com")
}

/// Nobody signs up by what they are sent, so that an unknown address is nobody's; and no code is guessed by chance.
fn settings(builder: AuthBuilder) -> AuthBuilder {
    let form = OtpForm::default().length(WRONG.len());
    let links = magic_link::Config::default().sign_up(SignUpMode::Closed);
    let codes = email_otp::Config::default().sign_up(SignUpMode::Closed).form(form.clone());
    let phones = phone::Config::default().sign_up(SignUpMode::Closed).form(form);
    let builder = builder.magic_links(links).email_otps(codes).phone_numbers(phones);
    builder.usernames(username::Config::default()).customers(customer::Config::default())
}

impl Scene {
    async fn of(stack: Stack) -> Self {
        let mail = Mailbox::default();
        let app = stack.app_with(|builder| settings(mail.connect(builder))).await;
        let people = CAST.into_iter().enumerate().map(|(number, (name, password))| Person {
            name,
            password,
            email: email(name),
            phone: format!("+49309018{number:02}"),
            client: app.anon().from_ip(&format!("198.51.100.{}", number + 1)),
        });
        let scene = Self { people: people.collect(), app, mail };
        scene.set().await;
        scene
    }

    async fn set(&self) {
        let app = &self.app;
        for name in ["verified", "unverified", "disabled", "locked", "unreachable"] {
            app.signed_up(&email(name)).await;
        }
        user_without_password(app, &email("passwordless")).await;
        let customer = json!({"name": "Customer", "email": email("customer"), "password": PASSWORD});
        app.anon().auth_post("/customer/sign-up/email", customer).await.ok();
        for person in &self.people {
            self.name(person).await;
        }
        user::disable_user(&app.cx(), app.user_id(&email("disabled")).await).await.unwrap();
        // From elsewhere than where those are who are compared.
        let attacker = app.anon().from_ip("203.0.113.7");
        for _ in 0..10 {
            attacker.sign_in(&email("locked"), "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
        }
    }

    /// Whoever has an account has a name and a number, and all but one have proved their mailbox.
    async fn name(&self, person: &Person) {
        let (mut conn, now) = (self.app.store().conn(), self.app.auth().now());
        let pool = if person.name == "customer" { Pool::Customer } else { Pool::User };
        let email = Email::parse(&person.email).unwrap();
        let Some(user) = conn.user_by_email(&pool.into(), &email).await.unwrap() else {
            return assert_eq!(person.name, "nobody");
        };
        let (username, phone) = (Username::parse(person.name).unwrap(), PhoneNumber::parse(&person.phone).unwrap());
        assert!(conn.set_username(user.id, &username, None, now).await.unwrap());
        assert!(conn.set_phone(user.id, Some(&phone), now).await.unwrap());
        if person.name != "unverified" && !user.email_verified {
            assert!(conn.verify_email(user.id, &email, now).await.unwrap());
        }
    }

    /// Everybody sends the request, and all get one answer.
    async fn plays(&self, step: &Step) {
        let mut answers = Vec::new();
        for person in &self.people {
            self.mail.set_down(person.name == "unreachable");
            self.app.tap().take_calls();
            let reply = person.client.auth_post(step.path, (step.body)(person)).await;
            let asked = self.app.tap().take_calls();
            if person.name == "unreachable" {
                assert_eq!(self.mail.take(&self.app).await, Vec::<Value>::new());
                self.mail.set_down(false);
            }
            assert_eq!(reply.status.as_u16(), step.status, "{} {}: {}", step.path, person.name, reply.text());
            answers.push((reply.essence(), asked));
            assert_eq!(answers.last(), answers.first(), "{} {}", step.path, person.name);
        }
    }

    /// How many messages there are in the end; none of them to somebody who gets none.
    async fn messages(&self) -> usize {
        // What failed is tried again.
        self.app.advance(Duration::from_mins(1));
        let sent = self.mail.take(&self.app).await;
        for person in self.people.iter().filter(|person| UNWRITTEN.contains(&person.name)) {
            let is_theirs = |message: &&Value| message["to"] == person.email || message["to"] == person.phone;
            assert_eq!(sent.iter().find(is_theirs), None, "{}", person.name);
        }
        sent.len()
    }
}

fn address(person: &Person) -> Value {
    json!({"email": person.email})
}

fn number(person: &Person) -> Value {
    json!({"phoneNumber": person.phone})
}

fn for_signing_in(person: &Person) -> Value {
    json!({"email": person.email, "type": "sign-in"})
}

fn for_a_proof(person: &Person) -> Value {
    json!({"email": person.email, "type": "email-verification"})
}

fn for_a_password(person: &Person) -> Value {
    json!({"email": person.email, "type": "forget-password"})
}

fn guess(person: &Person) -> Value {
    json!({"email": person.email, "otp": WRONG})
}

async fn whoever_cannot_sign_in_is_told_nothing(stack: Stack) {
    let scene = Scene::of(stack).await;
    for step in [
        Step::signs_in("/sign-in/email", |person| json!({"email": person.email, "password": person.password})),
        Step::signs_in("/sign-in/username", |person| json!({"username": person.name, "password": person.password})),
        Step::signs_in(
            "/sign-in/phone-number",
            |person| json!({"phoneNumber": person.phone, "password": person.password}),
        ),
    ] {
        scene.plays(&step).await;
    }
    assert_eq!(scene.messages().await, 0);
}

async fn whoever_has_a_link_sent_is_told_nothing(stack: Stack) {
    let scene = Scene::of(stack).await;
    for path in ["/request-password-reset", "/send-verification-email", "/sign-in/magic-link"] {
        scene.plays(&Step::asks(path, address)).await;
    }
    // To five of them, and the proof to the one who has not given it.
    assert_eq!(scene.messages().await, 5 + 1 + 5);
}

async fn whoever_has_a_code_sent_is_told_nothing(stack: Stack) {
    let scene = Scene::of(stack).await;
    for body in [for_signing_in, for_a_proof, for_a_password] {
        scene.plays(&Step::asks("/email-otp/send-verification-otp", body)).await;
    }
    for step in [
        Step::asks("/email-otp/request-password-reset", address),
        Step::asks("/phone-number/send-otp", number),
        Step::asks("/phone-number/request-password-reset", number),
    ] {
        scene.plays(&step).await;
    }
    assert_eq!(scene.messages().await, 6 * 5);
}

/// Ten guesses at an account are answered, and whoever is locked has none left: they are not told.
async fn whoever_guesses_at_a_mailed_code_is_told_nothing(stack: Stack) {
    const SEND: &str = "/email-otp/send-verification-otp";
    let check = || {
        Step::guesses(
            "/email-otp/check-verification-otp",
            |person| json!({"email": person.email, "type": "sign-in", "otp": WRONG}),
        )
    };
    let reset = || {
        Step::guesses(
            "/email-otp/reset-password",
            |person| json!({"email": person.email, "otp": WRONG, "password": PASSWORD}),
        )
    };
    let scene = Scene::of(stack).await;
    for step in [
        Step::asks(SEND, for_signing_in),
        check(),
        check(),
        check(),
        check().too_often(),
        Step::asks(SEND, for_signing_in),
        Step::guesses("/sign-in/email-otp", guess),
        Step::guesses("/sign-in/email-otp", guess),
        Step::asks(SEND, for_a_proof),
        Step::guesses("/email-otp/verify-email", guess),
        Step::guesses("/email-otp/verify-email", guess),
        Step::asks(SEND, for_a_password),
        reset(),
        reset(),
    ] {
        scene.plays(&step).await;
    }
    assert_eq!(scene.messages().await, 4 * 5);
}

async fn whoever_guesses_at_a_texted_code_is_told_nothing(stack: Stack) {
    let verify = || Step::guesses("/phone-number/verify", |person| json!({"phoneNumber": person.phone, "code": WRONG}));
    let reset = || {
        Step::guesses(
            "/phone-number/reset-password",
            |person| json!({"phoneNumber": person.phone, "otp": WRONG, "newPassword": PASSWORD}),
        )
    };
    let scene = Scene::of(stack).await;
    for step in [
        Step::asks("/phone-number/send-otp", number),
        verify(),
        verify(),
        verify(),
        verify().too_often(),
        Step::asks("/phone-number/request-password-reset", number),
        reset(),
        reset(),
    ] {
        scene.plays(&step).await;
    }
    assert_eq!(scene.messages().await, 2 * 5);
}
