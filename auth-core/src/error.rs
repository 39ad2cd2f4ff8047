//! What a caller may learn when something is refused: a kind, a code, a message. One table holds all three.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::base::InvalidEmail;
use crate::crypto::password_hash::HashError;
use crate::limit::{InvalidQuota, Quota};
use crate::role::InvalidName;
use crate::store::StoreError;

/// The result of everything in the engine that can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The class of a refusal; it alone decides the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// 400: the request is malformed or breaks a rule that the client can mend.
    BadRequest,
    /// 401: no credential, or one that proves nothing.
    Unauthorized,
    /// 403: proven, but not allowed.
    Forbidden,
    /// 404: there is no such thing for this caller.
    NotFound,
    /// 405: this address answers another method only.
    MethodNotAllowed,
    /// 409: another row stands in the way.
    Conflict,
    /// 413: the body is larger than the cap.
    PayloadTooLarge,
    /// 415: the body is of a media type that this endpoint does not read.
    UnsupportedMediaType,
    /// 422: well-formed, but a business rule forbids it.
    Unprocessable,
    /// 429: too many requests.
    TooManyRequests,
    /// 500: a defect on our side.
    Internal,
    /// 503: a part that is needed does not answer, or is full; trying again is reasonable.
    Unavailable,
}

impl ErrorKind {
    /// The HTTP status of this class.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

macro_rules! codes {
    ($($variant:ident = $code:literal, $kind:ident, $message:literal;)+) => {
        /// Every refusal of the built-in endpoints and guards, by the code that clients branch on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = concat!("`", $code, "`: ", $message)] $variant,)+
        }

        impl Code {
            /// Every code there is, for documentation and tests.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as it stands in a response.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The class of this refusal.
            pub const fn kind(self) -> ErrorKind {
                match self { $(Self::$variant => ErrorKind::$kind,)+ }
            }

            /// The sentence for a person.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)+ }
            }
        }
    };
}

codes! {
    // Requests
    BadRequest = "BAD_REQUEST", BadRequest, "The request could not be read.";
    ValidationError = "VALIDATION_ERROR", BadRequest, "The request has invalid fields.";
    FieldNotAllowed = "FIELD_NOT_ALLOWED", BadRequest, "This field may not be set here.";
    BodyMustBeAnObject = "BODY_MUST_BE_AN_OBJECT", BadRequest, "The body must be a JSON object.";
    NothingToUpdate = "NO_FIELDS_TO_UPDATE", BadRequest, "The request names nothing to update.";
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", PayloadTooLarge, "The body is too large.";
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", UnsupportedMediaType, "The body must be JSON (content-type: application/json).";
    NotFound = "NOT_FOUND", NotFound, "There is nothing here.";
    // Where a request comes from
    InvalidOrigin = "INVALID_ORIGIN", Forbidden, "Requests from this origin are not allowed.";
    MissingOrNullOrigin = "MISSING_OR_NULL_ORIGIN", Forbidden, "A request with cookies must name its origin.";
    CrossSiteNavigationLoginBlocked = "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED", Forbidden, "Signing in from another site is not allowed.";
    CsrfTokenInvalid = "CSRF_TOKEN_INVALID", Forbidden, "The request must carry the CSRF token of its session.";
    InvalidCallbackUrl = "INVALID_CALLBACK_URL", Forbidden, "The callback URL is not on a trusted origin.";
    InvalidRedirectUrl = "INVALID_REDIRECT_URL", Forbidden, "The redirect URL is not on a trusted origin.";
    InvalidErrorCallbackUrl = "INVALID_ERROR_CALLBACK_URL", Forbidden, "The error callback URL is not on a trusted origin.";
    InvalidNewUserCallbackUrl = "INVALID_NEW_USER_CALLBACK_URL", Forbidden, "The new-user callback URL is not on a trusted origin.";
    // Who is asking
    Unauthorized = "UNAUTHORIZED", Unauthorized, "Sign in first.";
    Forbidden = "FORBIDDEN", Forbidden, "You are not allowed to do this.";
    SessionNotFresh = "SESSION_NOT_FRESH", Forbidden, "Sign in again to do this.";
    SessionExpired = "SESSION_EXPIRED", BadRequest, "Sign in again, or give your password, to do this.";
    MethodNotAllowedDeferSessionRequired = "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED", MethodNotAllowed, "Read the session with GET.";
    TenantRequired = "TENANT_REQUIRED", BadRequest, "The request must name a tenant.";
    TenantNotEnabled = "TENANT_NOT_ENABLED", BadRequest, "There are no tenants here to sign in to.";
    TenantSwitchingNotSupported = "TENANT_SWITCHING_NOT_SUPPORTED", BadRequest, "An account belongs to one tenant here: sign in to the other one.";
    TenantMismatch = "TENANT_MISMATCH", Forbidden, "You may not act for this tenant.";
    InvalidToken = "INVALID_TOKEN", BadRequest, "The token is not valid, or not any more.";
    TokenExpired = "TOKEN_EXPIRED", BadRequest, "The token has expired.";
    InvalidOtp = "INVALID_OTP", BadRequest, "The code is not right.";
    OtpExpired = "OTP_EXPIRED", BadRequest, "The code has expired.";
    InvalidUser = "INVALID_USER", Unauthorized, "Somebody else is signed in here.";
    InvalidSessionToken = "INVALID_SESSION_TOKEN", Unauthorized, "There is no such session in this browser.";
    // Signing up and in
    EmailPasswordDisabled = "EMAIL_PASSWORD_DISABLED", BadRequest, "Signing in with a password is switched off.";
    EmailPasswordSignUpDisabled = "EMAIL_PASSWORD_SIGN_UP_DISABLED", BadRequest, "Signing up is switched off.";
    InvitationRequired = "INVITATION_REQUIRED", Forbidden, "Signing up takes an invitation.";
    InvalidEmail = "INVALID_EMAIL", BadRequest, "This is not a valid e-mail address.";
    InvalidPassword = "INVALID_PASSWORD", BadRequest, "The password is wrong.";
    GuardMismatch = "GUARD_MISMATCH", BadRequest, "This is not the front end that the request names.";
    GuardRequired = "GUARD_REQUIRED", Unauthorized, "Login requires a valid guard.";
    InvalidEmailOrPassword = "INVALID_EMAIL_OR_PASSWORD", Unauthorized, "The e-mail address or the password is wrong.";
    UserAlreadyExists = "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", Unprocessable, "There is an account with this e-mail address already.";
    EmailNotVerified = "EMAIL_NOT_VERIFIED", Forbidden, "Confirm your e-mail address first: there is a link in your mail.";
    EmailAlreadyVerified = "EMAIL_ALREADY_VERIFIED", BadRequest, "The e-mail address is confirmed already.";
    EmailMismatch = "EMAIL_MISMATCH", BadRequest, "This is not your e-mail address.";
    EmailUnchanged = "EMAIL_UNCHANGED", BadRequest, "This is your e-mail address already.";
    EmailNotAllowed = "EMAIL_NOT_ALLOWED", Unprocessable, "Addresses of this provider are not accepted.";
    ChangeEmailDisabled = "CHANGE_EMAIL_DISABLED", BadRequest, "E-mail addresses cannot be changed.";
    EmailCanNotBeUpdated = "EMAIL_CAN_NOT_BE_UPDATED", BadRequest, "The e-mail address cannot be changed here.";
    // Names and numbers
    InvalidUsernameOrPassword = "INVALID_USERNAME_OR_PASSWORD", Unauthorized, "The user name or the password is wrong.";
    UsernameTooShort = "USERNAME_TOO_SHORT", BadRequest, "A user name has at least 3 characters.";
    UsernameTooLong = "USERNAME_TOO_LONG", BadRequest, "A user name has at most 30 characters.";
    InvalidUsername = "INVALID_USERNAME", BadRequest, "A user name has letters, digits, _ and . alone.";
    InvalidDisplayUsername = "INVALID_DISPLAY_USERNAME", BadRequest, "This spelling of the user name is empty, too long, or has control characters.";
    UsernameIsTaken = "USERNAME_IS_ALREADY_TAKEN", BadRequest, "Somebody has this user name already.";
    UsernameIsImmutable = "USERNAME_IS_IMMUTABLE", BadRequest, "User names cannot be changed.";
    InvalidPhoneNumber = "INVALID_PHONE_NUMBER", BadRequest, "This is not a telephone number in international form, such as +49 30 901820.";
    InvalidPhoneNumberOrPassword = "INVALID_PHONE_NUMBER_OR_PASSWORD", Unauthorized, "The telephone number or the password is wrong.";
    PhoneNumberNotVerified = "PHONE_NUMBER_NOT_VERIFIED", Unauthorized, "Prove first that the telephone number is yours.";
    PhoneNumberExists = "PHONE_NUMBER_EXIST", BadRequest, "Somebody has this telephone number already.";
    PhoneNumberCannotBeSet = "PHONE_NUMBER_CANNOT_BE_SET", BadRequest, "A telephone number is proved by a code.";
    PhoneNumberCannotBeUpdated = "PHONE_NUMBER_CANNOT_BE_UPDATED", BadRequest, "A telephone number is changed by a code.";
    OtpNotFound = "OTP_NOT_FOUND", BadRequest, "There is no such code, or not any more.";
    AlreadyAnonymous = "ANONYMOUS_USERS_CANNOT_SIGN_IN_AGAIN_ANONYMOUSLY", BadRequest, "You are signed in anonymously already.";
    UserIsNotAnonymous = "USER_IS_NOT_ANONYMOUS", Forbidden, "This account is not anonymous.";
    UserIsAnonymous = "USER_IS_ANONYMOUS", Forbidden, "Sign up or sign in first.";
    // Passwords
    PasswordTooShort = "PASSWORD_TOO_SHORT", BadRequest, "The password is too short.";
    PasswordTooLong = "PASSWORD_TOO_LONG", BadRequest, "The password is too long.";
    PasswordCompromised = "PASSWORD_COMPROMISED", BadRequest, "This password is known to attackers. Choose another one.";
    PasswordContainsEmail = "PASSWORD_CONTAINS_EMAIL", BadRequest, "The password must not contain the e-mail address.";
    PasswordTooSimple = "PASSWORD_TOO_SIMPLE", BadRequest, "The password lacks a required kind of character.";
    PasswordAlreadySet = "PASSWORD_ALREADY_SET", BadRequest, "There is a password already: change it instead.";
    CredentialAccountNotFound = "CREDENTIAL_ACCOUNT_NOT_FOUND", BadRequest, "This account has no password.";
    TooManyAttempts = "TOO_MANY_ATTEMPTS", TooManyRequests, "Too many attempts. Try again later.";
    // Roles
    RoleNotFound = "ROLE_NOT_FOUND", BadRequest, "There is no such role.";
    SystemRole = "SYSTEM_ROLE", Forbidden, "This role is part of the program and cannot be changed.";
    RoleInUse = "ROLE_IN_USE", Conflict, "Somebody holds this role: take it from them first.";
    BeyondYourAuthority = "BEYOND_YOUR_AUTHORITY", Forbidden, "You may not give or take this role.";
    LastHolder = "LAST_HOLDER", Conflict, "Nobody else holds this role: give it to somebody first.";
    RoleGuardNotAllowed = "GUARD_NOT_ALLOWED", BadRequest, "This role guard is not registered.";
    FailedToGetUserInfo = "FAILED_TO_GET_USER_INFO", NotFound, "Sign in in this browser first, then follow the link.";
    UserNotFound = "USER_NOT_FOUND", NotFound, "There is no such user.";
    // Tenants
    TenantAlreadyExists = "TENANT_ALREADY_EXISTS", Conflict, "There is a tenant of this name already.";
    TenantNotFound = "TENANT_NOT_FOUND", NotFound, "There is no such tenant.";
    AccountOfAnotherTenant = "ACCOUNT_OF_ANOTHER_TENANT", Conflict, "The account does not belong to this tenant, and cannot.";
    NotAMember = "NOT_A_MEMBER", NotFound, "The user does not belong to this tenant.";
    // API keys
    KeyNotFound = "KEY_NOT_FOUND", NotFound, "There is no such API key.";
    ServerOnlyProperty = "SERVER_ONLY_PROPERTY", BadRequest, "Only the application itself may set this.";
    NoValuesToUpdate = "NO_VALUES_TO_UPDATE", BadRequest, "The request names nothing to update.";
    KeyNameRequired = "NAME_REQUIRED", BadRequest, "An API key must have a name.";
    InvalidNameLength = "INVALID_NAME_LENGTH", BadRequest, "The name is empty, too long, or has control characters.";
    InvalidPrefixLength = "INVALID_PREFIX_LENGTH", BadRequest, "A prefix is 1 to 32 letters, digits, _ and -.";
    ExpiresInIsTooSmall = "EXPIRES_IN_IS_TOO_SMALL", BadRequest, "The API key would expire too soon.";
    ExpiresInIsTooLarge = "EXPIRES_IN_IS_TOO_LARGE", BadRequest, "The API key would live too long.";
    InvalidMetadataType = "INVALID_METADATA_TYPE", BadRequest, "Metadata must be a JSON object of at most 4 KiB.";
    MetadataDisabled = "METADATA_DISABLED", BadRequest, "No metadata is kept with API keys.";
    NoSuchKeyConfiguration = "NO_DEFAULT_API_KEY_CONFIGURATION_FOUND", BadRequest, "There is no such configuration of API keys.";
    OrganizationPluginRequired = "ORGANIZATION_PLUGIN_REQUIRED", BadRequest, "API keys belong to users here, not to organisations.";
    TooManyKeys = "API_KEY_LIMIT_REACHED", Unprocessable, "There are too many API keys already: remove one first.";
    PermissionNotHeld = "PERMISSION_NOT_HELD", Unprocessable, "The API key would permit what its owner may not do.";
    UsageExceeded = "USAGE_EXCEEDED", TooManyRequests, "The API key has no uses left.";
    RateLimitExceeded = "RATE_LIMIT_EXCEEDED", TooManyRequests, "The API key is used too often. Try again later.";
    // Limits and rules
    RuleViolation = "BUSINESS_RULE_VIOLATION", Unprocessable, "The rules of this application do not allow it.";
    TooManyRequests = "TOO_MANY_REQUESTS", TooManyRequests, "Too many requests. Try again later.";
    // Ourselves
    Conflict = "CONFLICT", Conflict, "Somebody else changed this at the same time. Try again.";
    Internal = "INTERNAL_SERVER_ERROR", Internal, "Something went wrong on our side.";
    Unavailable = "SERVICE_UNAVAILABLE", Unavailable, "The service cannot answer now. Try again shortly.";
}

/// A field that was refused, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The path of the field in the request, such as `email`.
    pub field: String,
    /// Why it was refused, for a person.
    pub message: String,
}

/// What a caller lacks. Whether they learn it is the [renderer](crate::http::ErrorRenderer)'s to say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingPermissions {
    /// What is required there, all of it or some of it.
    pub required: Vec<String>,
    /// What of that is not held.
    pub missing: Vec<String>,
    /// What is held.
    pub held: Vec<String>,
}

/// A refusal: what the client may know, and behind it the cause that only the log sees.
///
/// Cloning is cheap; one refusal may be met by several extractors of the same request.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    fields: Vec<FieldError>,
    retry_after: Option<Duration>,
    quota: Option<Quota>,
    permissions: Option<Arc<MissingPermissions>>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A refusal of the application's own, for hooks and endpoints. `code` is what clients branch on.
    pub fn new(kind: ErrorKind, code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        let (code, message) = (code.into(), message.into());
        Self(Arc::new(Inner {
            kind,
            code,
            message,
            fields: Vec::new(),
            retry_after: None,
            quota: None,
            permissions: None,
            source: None,
        }))
    }

    /// A field that is refused, and where it stood (`body`, `query`, `path`, `header`): [`Code::ValidationError`],
    /// whose text names both, such as `[body.name] too long`.
    pub fn invalid(place: &str, field: impl Into<String>, problem: impl Into<String>) -> Self {
        let (field, problem) = (field.into(), problem.into());
        Self::from(Code::ValidationError).saying(format!("[{place}.{field}] {problem}")).field(field, problem)
    }

    /// A defect or an outage of a part of ours; `cause` is logged and never shown.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::from(Code::Internal).caused_by(cause)
    }

    /// Another class, where the protocol has one for this code here. The status follows.
    #[must_use]
    pub(crate) fn of_kind(self, kind: ErrorKind) -> Self {
        self.with(|inner| inner.kind = kind)
    }

    /// Keeps `cause` for the log. The client never sees it.
    #[must_use]
    pub fn caused_by(self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let cause = Arc::from(cause.into());
        self.with(|inner| inner.source = Some(cause))
    }

    /// Says more than the table's sentence does. The text reaches the client.
    #[must_use]
    pub fn saying(self, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        self.with(|inner| inner.message = message)
    }

    /// Names a field that was refused.
    #[must_use]
    pub fn field(self, field: impl Into<String>, message: impl Into<String>) -> Self {
        let field = FieldError { field: field.into(), message: message.into() };
        self.with(|inner| inner.fields.push(field))
    }

    /// Tells the client when to come back; sent as `Retry-After` in whole seconds, rounded up.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        self.with(|inner| inner.retry_after = Some(wait))
    }

    /// Says which quota there was no room in.
    #[must_use]
    pub(crate) fn over(self, quota: Quota) -> Self {
        self.with(|inner| inner.quota = Some(quota))
    }

    /// Says which permissions are required and not held.
    #[must_use]
    pub(crate) fn lacking(self, permissions: MissingPermissions) -> Self {
        self.with(|inner| inner.permissions = Some(Arc::new(permissions)))
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// The class, and with it the status.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What clients branch on, such as `INVALID_EMAIL_OR_PASSWORD`.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// Whether this is the built-in refusal `code`.
    pub fn is(&self, code: Code) -> bool {
        self.0.code == code.as_str()
    }

    /// The sentence for a person.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The fields that were refused; empty unless the request was malformed.
    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }

    /// How long the client should wait, when that is known.
    pub fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The same as it is told: whole seconds, rounded up, and at least one.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.wait().map(|wait| (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// The permissions that somebody would have needed.
    pub fn missing_permissions(&self) -> Option<&MissingPermissions> {
        self.0.permissions.as_deref()
    }

    /// The quota of requests that there was no room in.
    pub fn quota(&self) -> Option<Quota> {
        self.0.quota
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::new(code.kind(), code.as_str(), code.message())
    }
}

impl From<InvalidEmail> for Error {
    fn from(_: InvalidEmail) -> Self {
        Code::InvalidEmail.into()
    }
}

impl From<InvalidName> for Error {
    fn from(error: InvalidName) -> Self {
        Self::from(Code::ValidationError).saying(error.to_string())
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Conflict => Code::Conflict,
            StoreError::Backend(_) => Code::Unavailable,
        };
        Self::from(code).caused_by(error)
    }
}

impl From<HashError> for Error {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Overloaded { retry_after } => {
                Self::from(Code::Unavailable).retry_after(retry_after).caused_by(error)
            }
            HashError::TooLong => Code::PasswordTooLong.into(),
            HashError::Failed => Self::internal(error),
        }
    }
}

/// For programs that read their limits from settings.
impl From<InvalidQuota> for ConfigErrors {
    fn from(error: InvalidQuota) -> Self {
        Self::new(vec![error.to_string()])
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("code", &self.0.code)
            .field("source", &self.0.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Every problem of a configuration at once, one sentence each.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<String>);

impl ConfigErrors {
    /// Wraps the problems that were found; there must be at least one.
    pub fn new(problems: Vec<String>) -> Self {
        Self(problems)
    }

    /// The problems, one sentence each.
    pub fn problems(&self) -> &[String] {
        &self.0
    }
}

/// One problem a line.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// As it is displayed: `main` shows errors this way.
impl fmt::Debug for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_and_speaks_in_a_sentence() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{} twice", code.as_str());
            assert!(code.message().ends_with('.'), "{}", code.as_str());
        }
    }

    #[test]
    fn a_store_that_is_down_is_503_and_shows_no_cause() {
        let error = Error::from(StoreError::backend("no route to db.internal:5432"));
        assert_eq!(error.kind().status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!format!("{} {}", error, error.message()).contains("db.internal"));
        assert!(std::error::Error::source(&error).is_some());
    }
}
