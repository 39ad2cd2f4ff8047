//! A code is for what it was made for, and for nothing else: one of every kind, offered wherever another kind is taken.
//!
//! Everybody here has codes of all kinds at once, so that a place to which a foreign code is brought has one of its own
//! to mistake it for. Links are brought in disguise, too: the secret of one behind the prefix of another.

use std::collections::{BTreeMap, BTreeSet};

use auth_core::account::Lockout;
use auth_core::base::{Email, UserId};
use auth_core::code::{CodePurpose, OneTimeTokens, OtpForm};
use auth_core::crypto::password_hash::Password;
use auth_core::password::{self, SignUpMode};
use auth_core::user::{self, Identifiers, SignUp};
use auth_core::{AuthBuilder, email, email_otp, magic_link, phone, token};
use auth_tests::{Actor, Mailbox, PASSWORD, Reply, Stack, TestApp, flows, password_config};
use http::Method;
use serde_json::{Value, json};

use crate::DAY;

flows![a_code_is_good_at_its_own_place_and_at_no_other];

const NEW: &str = "Marble-Falcon-Quiet-77";

/// Approves a change of address by a code for proving the present one.
const APPROVAL: &str = "/email-otp/request-email-change";

/// The characters of a token behind its prefix.
const SECRET: usize = 43;

/// Where a code may be brought.
struct Place {
    who: Who,
    /// Below the base path, but for credentials; `{code}` stands for what is brought.
    path: &'static str,
    /// What is sent; `None` for a GET.
    body: Option<fn(&Person, &str) -> Value>,
    /// What counts there.
    takes: &'static [CodePurpose],
    /// What a token begins with there.
    prefixes: &'static [&'static str],
}

/// Who brings it, and as what.
#[derive(Clone, Copy)]
enum Who {
    /// Somebody without a session.
    Anyone,
    /// The person whose code it is, who has just signed in.
    Owner,
    /// A stranger, in place of a credential.
    Bearer,
    Cookie,
    ApiKey,
}

const PROOFS: &[CodePurpose] = &[CodePurpose::VerifyEmail, CodePurpose::ChangeEmail, CodePurpose::NewEmail];
const PREFIXES_OF_PROOFS: &[&str] = &["ve_", "ce_", "ne_"];

/// Of those that take a purpose, the first with a body is where it is redeemed in the end.
static PLACES: [Place; 26] = [
    Place::get(Who::Anyone, "/verify-email?token={code}&callbackURL=%2Fnext", PROOFS, PREFIXES_OF_PROOFS),
    Place::post(Who::Anyone, "/verify-email", by_token, PROOFS, PREFIXES_OF_PROOFS),
    Place::get(Who::Anyone, "/reset-password/{code}?callbackURL=%2Fnext", &[CodePurpose::ResetPassword], &["rp_"]),
    Place::post(
        Who::Anyone,
        "/reset-password",
        |_, code| json!({"token": code, "newPassword": NEW}),
        &[CodePurpose::ResetPassword],
        &["rp_"],
    ),
    Place::get(
        Who::Owner,
        "/delete-user/callback?token={code}&callbackURL=%2Fnext",
        &[CodePurpose::DeleteUser],
        &["du_"],
    ),
    Place::post(Who::Owner, "/delete-user/callback", by_token, &[CodePurpose::DeleteUser], &["du_"]),
    Place::post(Who::Owner, "/delete-user", by_token, &[CodePurpose::DeleteUser], &["du_"]),
    Place::get(Who::Anyone, "/magic-link/verify?token={code}&callbackURL=%2Fnext", &[CodePurpose::MagicLink], &["ml_"]),
    Place::post(Who::Anyone, "/magic-link/verify", by_token, &[CodePurpose::MagicLink], &["ml_"]),
    Place::post(Who::Anyone, "/one-time-token/verify", by_token, &[CodePurpose::OneTimeToken], &[""]),
    Place::post(
        Who::Anyone,
        "/sign-up/email",
        |person, code| json!({"name": "Ada", "email": person.invited, "password": PASSWORD, "invitation": code}),
        &[CodePurpose::Invitation],
        &["in_"],
    ),
    Place::post(Who::Anyone, "/sign-in/email-otp", by_otp, &[CodePurpose::OtpSignIn], &[]),
    Place::post(Who::Anyone, "/email-otp/verify-email", by_otp, &[CodePurpose::OtpVerifyEmail], &[]),
    Place::post(
        Who::Anyone,
        "/email-otp/reset-password",
        |person, code| json!({"email": person.email, "otp": code, "password": NEW}),
        &[CodePurpose::OtpResetPassword],
        &[],
    ),
    Place::post(
        Who::Anyone,
        "/email-otp/check-verification-otp",
        |person, code| json!({"email": person.email, "otp": code, "type": "sign-in"}),
        &[CodePurpose::OtpSignIn],
        &[],
    ),
    Place::post(
        Who::Anyone,
        "/email-otp/check-verification-otp",
        |person, code| json!({"email": person.email, "otp": code, "type": "email-verification"}),
        &[CodePurpose::OtpVerifyEmail],
        &[],
    ),
    Place::post(
        Who::Anyone,
        "/email-otp/check-verification-otp",
        |person, code| json!({"email": person.email, "otp": code, "type": "forget-password"}),
        &[CodePurpose::OtpResetPassword],
        &[],
    ),
    Place::post(
        Who::Owner,
        "/email-otp/change-email",
        |person, code| json!({"newEmail": person.moved_by_otp, "otp": code}),
        &[CodePurpose::OtpChangeEmail],
        &[],
    ),
    Place::post(
        Who::Owner,
        APPROVAL,
        |_, code| json!({"newEmail": "somebody@elsewhere.example", "otp": code}),
        &[CodePurpose::OtpVerifyEmail],
        &[],
    ),
    Place::post(
        Who::Anyone,
        "/phone-number/verify",
        |person, code| json!({"phoneNumber": person.phone, "code": code}),
        &[CodePurpose::PhoneVerify],
        &[],
    ),
    Place::post(
        Who::Owner,
        "/phone-number/verify",
        |person, code| json!({"phoneNumber": person.phone, "code": code, "updatePhoneNumber": true}),
        &[CodePurpose::PhoneVerify],
        &[],
    ),
    Place::post(
        Who::Anyone,
        "/phone-number/reset-password",
        |person, code| json!({"phoneNumber": person.phone, "otp": code, "newPassword": NEW}),
        &[CodePurpose::PhoneReset],
        &[],
    ),
    Place::post(Who::Anyone, "/token/refresh", |_, code| json!({"refreshToken": code}), &[], &["rt_"]),
    Place::get(Who::Bearer, "/me", &[], &[""]),
    Place::get(Who::Cookie, "/me", &[], &[""]),
    Place::get(Who::ApiKey, "/me", &[], &[""]),
];

fn by_token(_: &Person, code: &str) -> Value {
    json!({"token": code})
}

fn by_otp(person: &Person, code: &str) -> Value {
    json!({"email": person.email, "otp": code})
}

impl Place {
    const fn get(
        who: Who,
        path: &'static str,
        takes: &'static [CodePurpose],
        prefixes: &'static [&'static str],
    ) -> Self {
        Self { who, path, body: None, takes, prefixes }
    }

    const fn post(
        who: Who,
        path: &'static str,
        body: fn(&Person, &str) -> Value,
        takes: &'static [CodePurpose],
        prefixes: &'static [&'static str],
    ) -> Self {
        Self { who, path, body: Some(body), takes, prefixes }
    }

    /// What is brought there that must not count: the code as it is where it is foreign, and its secret behind whatever
    /// prefix counts there.
    fn disguises(&self, purpose: CodePurpose, code: &str) -> BTreeSet<String> {
        let mut brought = BTreeSet::from([code.to_owned()]);
        if let Some(at) = code.len().checked_sub(SECRET) {
            brought.extend(self.prefixes.iter().map(|prefix| format!("{prefix}{}", &code[at..])));
        }
        if self.takes.contains(&purpose) {
            brought.remove(code);
        }
        brought
    }

    async fn offered(&self, person: &Person, stranger: &Actor, code: &str) -> Reply {
        let path = self.path.replace("{code}", code);
        let asking = match self.who {
            Who::Anyone => stranger.clone(),
            Who::Owner => person.fresh.clone(),
            Who::Bearer => return stranger.clone().with_bearer(code).get(&path).await,
            Who::Cookie => return stranger.clone().with_cookie(code).get(&path).await,
            Who::ApiKey => return stranger.request(Method::GET, &path).header("x-api-key", code).send().await,
        };
        match self.body {
            Some(body) => asking.auth_post(&path, body(person, code)).await,
            None => asking.auth_get(&path).await,
        }
    }
}

/// Somebody with codes of all kinds.
struct Person {
    id: UserId,
    email: String,
    phone: String,
    /// The address that links are to move the account to, and the one that a code is to.
    moved: String,
    moved_by_otp: String,
    /// An address without an account, which was invited to make one.
    invited: String,
    /// A session that is too old to delete the account without a mail, and another one.
    old: Actor,
    fresh: Actor,
}

/// One person for each purpose, who have signed in a day ago and once more just now, and have proved their number.
async fn everybody(app: &TestApp, mail: &Mailbox) -> Vec<Person> {
    let mut known = Vec::new();
    for number in 0..CodePurpose::ALL.len() {
        let email = format!("person{number}@example.com");
        let signup = SignUp::new(Email::parse(&email).unwrap(), "Ada");
        let id = password::create_user(&app.cx(), signup, Password::new(PASSWORD)).await.unwrap().id;
        known.push((number, id, app.signed_in(&email).await, email));
    }
    app.advance(DAY);
    let mut people = Vec::new();
    for (number, id, old, email) in known {
        let person = Person {
            id,
            phone: format!("+49309010{number:02}"),
            moved: format!("person{number}@elsewhere.example"),
            moved_by_otp: format!("person{number}@otp.example"),
            invited: format!("person{number}@invited.example"),
            old,
            fresh: app.signed_in(&email).await,
            email,
        };
        person.fresh.auth_post("/phone-number/send-otp", json!({"phoneNumber": person.phone})).await.ok();
        let code = person.texted(app, mail).await;
        let proof = json!({"phoneNumber": person.phone, "code": code, "updatePhoneNumber": true});
        person.fresh.auth_post("/phone-number/verify", proof).await.ok();
        people.push(person);
    }
    people
}

/// Whether the mailbox stays unproved: where the code is there to prove it, and where a proved one would have to
/// approve first.
const fn is_unproved(purpose: CodePurpose) -> bool {
    matches!(
        purpose,
        CodePurpose::VerifyEmail | CodePurpose::NewEmail | CodePurpose::OtpVerifyEmail | CodePurpose::OtpChangeEmail
    )
}

impl Person {
    /// Codes of all kinds, good at once; but one for approving a change of address is for a proved mailbox alone.
    async fn codes(&self, app: &TestApp, mail: &Mailbox, tested: CodePurpose) -> BTreeMap<CodePurpose, String> {
        let (stranger, address) = (app.anon(), self.email.as_str());
        let mut codes = BTreeMap::new();
        stranger.auth_post("/send-verification-email", json!({"email": address})).await.ok();
        codes.insert(CodePurpose::VerifyEmail, mail.token(app, "verify-email", address).await);
        self.fresh.auth_post("/change-email", json!({"newEmail": self.moved})).await.ok();
        codes.insert(CodePurpose::NewEmail, mail.token(app, "verify-email", &self.moved).await);
        self.fresh.auth_post(APPROVAL, json!({"newEmail": self.moved_by_otp})).await.ok();
        codes.insert(CodePurpose::OtpChangeEmail, mail.otp(app, &self.moved_by_otp).await);
        if !is_unproved(tested) {
            let otp = self.mailed(app, mail, "email-verification").await;
            stranger.auth_post("/email-otp/verify-email", json!({"email": address, "otp": otp})).await.ok();
            self.fresh.auth_post("/change-email", json!({"newEmail": self.moved})).await.ok();
            codes.insert(CodePurpose::ChangeEmail, mail.token(app, "change-email", address).await);
        }
        stranger.auth_post("/request-password-reset", json!({"email": address})).await.ok();
        codes.insert(CodePurpose::ResetPassword, mail.token(app, "reset-password", address).await);
        self.old.auth_post("/delete-user", json!({})).await.ok();
        codes.insert(CodePurpose::DeleteUser, mail.token(app, "delete-user", address).await);
        stranger.auth_post("/sign-in/magic-link", json!({"email": address})).await.ok();
        codes.insert(CodePurpose::MagicLink, mail.token(app, "magic-link", address).await);
        email::invite(&app.cx(), &Email::parse(&self.invited).unwrap(), None, "/welcome").await.unwrap();
        codes.insert(CodePurpose::Invitation, mail.token(app, "sign-up-invitation", &self.invited).await);
        let generated = self.fresh.auth_get("/one-time-token/generate").await.ok();
        codes.insert(CodePurpose::OneTimeToken, generated["token"].as_str().unwrap().to_owned());
        for (purpose, kind) in [
            (CodePurpose::OtpSignIn, "sign-in"),
            (CodePurpose::OtpVerifyEmail, "email-verification"),
            (CodePurpose::OtpResetPassword, "forget-password"),
        ] {
            codes.insert(purpose, self.mailed(app, mail, kind).await);
        }
        for (purpose, path) in [
            (CodePurpose::PhoneVerify, "/phone-number/send-otp"),
            (CodePurpose::PhoneReset, "/phone-number/request-password-reset"),
        ] {
            stranger.auth_post(path, json!({"phoneNumber": self.phone})).await.ok();
            codes.insert(purpose, self.texted(app, mail).await);
        }
        codes
    }

    async fn mailed(&self, app: &TestApp, mail: &Mailbox, kind: &str) -> String {
        let body = json!({"email": self.email, "type": kind});
        app.anon().auth_post("/email-otp/send-verification-otp", body).await.ok();
        mail.otp(app, &self.email).await
    }

    async fn texted(&self, app: &TestApp, mail: &Mailbox) -> String {
        mail.one(app, "sms-otp", &self.phone).await["otp"].as_str().unwrap().to_owned()
    }

    /// The rows: the user as everybody sees them, what else they are known by, the version of their credentials, and
    /// how many sessions they have.
    async fn standing(&self, app: &TestApp) -> (Value, Identifiers, i64, usize) {
        let user = user::user_by_id(&app.cx(), self.id).await.unwrap().unwrap();
        let sessions = app.sessions(&self.email).await.len();
        (serde_json::to_value(&user).unwrap(), user.identifiers, user.credential_version, sessions)
    }

    /// Uses the code where it belongs: what it is for comes about, and nothing of what the others are for.
    async fn redeem(&self, app: &TestApp, mail: &Mailbox, purpose: CodePurpose, code: &str) {
        let stranger = app.anon();
        let place = PLACES.iter().find(|place| place.body.is_some() && place.takes.contains(&purpose)).unwrap();
        let reply = place.offered(self, &stranger, code).await;
        assert!(reply.status.is_success(), "{purpose:?}: {} {}", reply.status, reply.text());

        let (signs_in, address, password) = match purpose {
            CodePurpose::OneTimeToken
            | CodePurpose::MagicLink
            | CodePurpose::Invitation
            | CodePurpose::OtpSignIn
            | CodePurpose::PhoneVerify => (true, &self.email, PASSWORD),
            CodePurpose::VerifyEmail
            | CodePurpose::ChangeEmail
            | CodePurpose::DeleteUser
            | CodePurpose::OtpVerifyEmail => (false, &self.email, PASSWORD),
            CodePurpose::NewEmail => (false, &self.moved, PASSWORD),
            CodePurpose::OtpChangeEmail => (false, &self.moved_by_otp, PASSWORD),
            CodePurpose::ResetPassword | CodePurpose::OtpResetPassword | CodePurpose::PhoneReset => {
                (false, &self.email, NEW)
            }
            other => panic!("{other:?} is brought nowhere"),
        };
        assert_eq!(stranger.is_signed_in().await, signs_in, "{purpose:?}");
        let sent = mail.take(app).await;
        assert_eq!(sent.len(), usize::from(purpose == CodePurpose::ChangeEmail), "{purpose:?}: {sent:?}");
        assert!(sent.iter().all(|message| message["to"] == self.moved), "{sent:?}");
        let is_joined = app.find_user(&self.invited).await.is_some();
        assert_eq!(is_joined, purpose == CodePurpose::Invitation, "{purpose:?}");
        let Some(user) = user::user_by_id(&app.cx(), self.id).await.unwrap() else {
            return assert_eq!(purpose, CodePurpose::DeleteUser);
        };
        assert_ne!(purpose, CodePurpose::DeleteUser);
        assert_eq!((user.email.as_str(), user.email_verified), (address.as_str(), true), "{purpose:?}");
        app.anon().sign_in(address, password).await.ok();
    }
}

/// Everything on, no attempt counted but those at a code itself, and codes that nobody guesses by chance.
async fn app(stack: Stack) -> (TestApp, Mailbox) {
    let mail = Mailbox::default();
    let settings = |builder: AuthBuilder| {
        let form = OtpForm::default().length(12);
        let links = magic_link::Config::default().sign_up(SignUpMode::Open);
        let codes = email_otp::Config::default().sign_up(SignUpMode::Open).form(form.clone());
        let phones = phone::Config::default().sign_up(SignUpMode::Open).form(form);
        let builder = mail.connect(builder).lockout(Lockout::disabled_insecurely()).tokens(token::Config::default());
        let builder = builder.password(password_config().sign_up(SignUpMode::ByInvitation));
        let builder = builder.one_time_tokens(OneTimeTokens::default()).magic_links(links);
        builder.email_otps(codes).phone_numbers(phones)
    };
    (stack.app_with(settings).await, mail)
}

/// An error, or the way back to the application with one.
fn is_refusal(reply: &Reply) -> bool {
    let leads_back = || reply.header("location").is_some_and(|to| to.starts_with("/next?error="));
    reply.status.is_client_error() || (reply.status.is_redirection() && leads_back())
}

/// Whether something was asked of the store that changes whose account it is, what it is, or what is good for it.
fn has_written(app: &TestApp) -> bool {
    const CHANGES: [&str; 6] = [
        "consume_code",
        "delete_accounts_of_user",
        "delete_user",
        "end_codes_of_user",
        "end_sessions_of_user",
        "insert_message",
    ];
    let is_access_written = !app.tap().access_writes().is_empty();
    is_access_written || app.tap().take_calls().iter().any(|call| CHANGES.contains(call))
}

async fn a_code_is_good_at_its_own_place_and_at_no_other(stack: Stack) {
    let (app, mail) = app(stack).await;
    let people = everybody(&app, &mail).await;
    let (mut pairs, mut offers) = (0, 0);
    for (purpose, person) in CodePurpose::ALL.into_iter().zip(&people) {
        let codes = person.codes(&app, &mail, purpose).await;
        let (code, before) = (&codes[&purpose], person.standing(&app).await);
        app.events().take();
        // Nobody approves for a mailbox that was not proved: whatever code is shown there, it is not looked at.
        for place in PLACES.iter().filter(|place| place.path != APPROVAL || !is_unproved(purpose)) {
            pairs += usize::from(!place.takes.contains(&purpose));
            for disguise in place.disguises(purpose, code) {
                let stranger = app.anon();
                app.tap().take_calls();
                let reply = place.offered(person, &stranger, &disguise).await;
                let what = format!("{purpose:?} at {} as {}: {}", place.path, &disguise[..3], reply.text());
                assert!(is_refusal(&reply), "{} {what}", reply.status);
                assert!(!has_written(&app), "{what}");
                assert!(stranger.cookie().is_none() && reply.header("set-auth-token").is_none(), "{what}");
                offers += 1;
            }
        }
        let told = app.events().take();
        assert!(told.iter().all(|event| *event == "code_refused"), "{purpose:?}: {told:?}");
        assert_eq!(person.standing(&app).await, before, "{purpose:?}");
        app.anon().sign_in(&person.email, PASSWORD).await.ok();
        person.redeem(&app, &mail, purpose, code).await;
    }
    // 14 purposes at 26 places, less the 26 where one is taken and 3 where nobody approves; and in all disguises.
    assert_eq!((pairs, offers), (335, 469));
}
