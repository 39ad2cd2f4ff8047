//! Everything that can be set, checked as a whole.

use std::time::Duration;

use url::Url;

use crate::account::Lockout;
use crate::base::Secret;
use crate::crypto::keys::Keyring;
use crate::guard::{DevelopmentAuth, Environment, Tenancy};
use crate::http::{
    CookieConfig, Cors, CorsPolicy, CredentialSource, TokenJar, TrustedOrigins, TrustedProxies, is_bare_origin,
    is_loopback,
};
use crate::issuer::ExternalIssuers;
use crate::outbox;
use crate::token::InCookies;
use crate::{
    anonymous, api_key, code, email, email_otp, limit, magic_link, password, phone, retention, role, session, token,
    username,
};

/// The settings of an [`Auth`](crate::Auth), checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) base_url: Url,
    pub(crate) base_path: String,
    /// Whether no endpoints are mounted but those that links lead to.
    pub(crate) has_link_endpoints_only: bool,
    pub(crate) trusted_origins: TrustedOrigins,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) cookies: CookieConfig,
    pub(crate) credentials: Vec<CredentialSource>,
    pub(crate) keyring: Keyring,
    pub(crate) role_guards: role::RoleGuards,
    pub(crate) permission_rules: role::PermissionRules,
    /// Whether a route must say more than that somebody is signed in.
    pub(crate) denies_unscoped_routes: bool,
    pub(crate) tenancy: Tenancy,
    pub(crate) development_auth: Option<DevelopmentAuth>,
    pub(crate) session: session::Config,
    pub(crate) lockout: Lockout,
    pub(crate) limits: limit::Config,
    pub(crate) cors: Option<CorsPolicy>,
    pub(crate) email: email::Config,
    /// Whether there is somebody who sends mail.
    pub(crate) has_mailer: bool,
    pub(crate) password: Option<password::Config>,
    pub(crate) issuers: Option<ExternalIssuers>,
    pub(crate) tokens: Option<token::Config>,
    /// The cookies of tokens, where there are any.
    pub(crate) token_jar: Option<TokenJar>,
    pub(crate) one_time_tokens: Option<code::OneTimeTokens>,
    pub(crate) magic_links: Option<magic_link::Config>,
    pub(crate) email_otps: Option<email_otp::Config>,
    pub(crate) usernames: Option<username::Config>,
    pub(crate) phones: Option<phone::Config>,
    pub(crate) anonymous: Option<anonymous::Config>,
    pub(crate) api_keys: Option<api_key::Config>,
    pub(crate) outbox: outbox::Config,
    pub(crate) retention: retention::Config,
    pub(crate) body_limit: usize,
    pub(crate) hook_time_limit: Duration,
}

/// What the builder collected, before it is checked.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) base_url: Option<String>,
    pub(crate) base_path: String,
    /// Whether no endpoints are mounted but those that links lead to.
    pub(crate) has_link_endpoints_only: bool,
    pub(crate) trusted_origins: Vec<String>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) cookies: CookieConfig,
    pub(crate) credentials: Vec<CredentialSource>,
    pub(crate) secret: Option<Secret>,
    pub(crate) previous_secrets: Vec<Secret>,
    pub(crate) role_guards: Vec<String>,
    pub(crate) permission_rules: role::PermissionRules,
    pub(crate) denies_unscoped_routes: bool,
    pub(crate) tenancy: Tenancy,
    pub(crate) environment: Environment,
    pub(crate) development_auth: Option<DevelopmentAuth>,
    pub(crate) session: session::Config,
    pub(crate) lockout: Lockout,
    pub(crate) limits: limit::Config,
    pub(crate) cors: Option<Cors>,
    pub(crate) email: email::Config,
    /// Whether there is somebody who sends mail.
    pub(crate) has_mailer: bool,
    /// Whether there is somebody who sends text messages.
    pub(crate) has_sms: bool,
    pub(crate) password: Option<password::Config>,
    pub(crate) issuers: Option<ExternalIssuers>,
    pub(crate) tokens: Option<token::Config>,
    pub(crate) one_time_tokens: Option<code::OneTimeTokens>,
    pub(crate) magic_links: Option<magic_link::Config>,
    pub(crate) email_otps: Option<email_otp::Config>,
    pub(crate) usernames: Option<username::Config>,
    pub(crate) phones: Option<phone::Config>,
    pub(crate) anonymous: Option<anonymous::Config>,
    pub(crate) api_keys: Option<api_key::Config>,
    pub(crate) outbox: outbox::Config,
    pub(crate) retention: retention::Config,
    pub(crate) body_limit: usize,
    pub(crate) hook_time_limit: Duration,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            base_url: None,
            base_path: "/api/auth".to_owned(),
            has_link_endpoints_only: false,
            trusted_origins: Vec::new(),
            trusted_proxies: TrustedProxies::default(),
            cookies: CookieConfig::default(),
            credentials: CredentialSource::DEFAULT.to_vec(),
            secret: None,
            previous_secrets: Vec::new(),
            role_guards: Vec::new(),
            permission_rules: role::PermissionRules::default(),
            denies_unscoped_routes: false,
            tenancy: Tenancy::default(),
            environment: Environment::default(),
            development_auth: None,
            session: session::Config::default(),
            lockout: Lockout::default(),
            limits: limit::Config::default(),
            cors: None,
            email: email::Config::default(),
            has_mailer: false,
            has_sms: false,
            password: None,
            issuers: None,
            tokens: None,
            one_time_tokens: None,
            magic_links: None,
            email_otps: None,
            usernames: None,
            phones: None,
            anonymous: None,
            api_keys: None,
            outbox: outbox::Config::default(),
            retention: retention::Config::default(),
            body_limit: 64 * 1024,
            hook_time_limit: Duration::from_secs(5),
        }
    }
}

impl Draft {
    /// Checks everything and gives either the whole configuration or the whole list of what is wrong with it.
    pub(crate) fn check(self, problems: &mut Vec<String>) -> Option<Config> {
        let base_url = self.base_url.as_deref().map_or_else(
            || Err("base_url is missing: give the address under which clients reach this program".to_owned()),
            checked_base_url,
        );
        let token_jar = self.token_jar(base_url.as_ref().ok(), problems);
        let keyring = match self.secret {
            None => Err("secret is missing: give at least 32 random bytes".to_owned()),
            Some(secret) => Keyring::new(secret, self.previous_secrets).map_err(|error| error.to_string()),
        };
        let origins = TrustedOrigins::parse(base_url.as_ref().ok(), &self.trusted_origins);
        let role_guards = role::RoleGuards::parse(self.role_guards);
        if !is_base_path(&self.base_path) {
            problems.push(format!(
                "base_path {:?} must start with / and have no empty segment, pattern or trailing /",
                self.base_path
            ));
        }
        if !(1_024..=16 * 1024 * 1024).contains(&self.body_limit) {
            problems.push(format!("body_limit is {} bytes: allowed are 1 KiB to 16 MiB", self.body_limit));
        }
        if self.hook_time_limit < Duration::from_millis(1) {
            problems.push("hook_time_limit is too short for any hook to run".to_owned());
        }
        if self.credentials.is_empty() {
            problems.push("credentials is empty: nobody could prove who they are".to_owned());
        }
        problems.extend(self.tenancy.problems());
        if let Some(developer) = &self.development_auth {
            problems.extend(developer.problems(self.environment, base_url.as_ref().is_ok_and(is_loopback)));
        }
        problems.extend(self.session.problems());
        problems.extend(self.lockout.problems());
        problems.extend(self.limits.problems());
        problems.extend(self.email.problems(self.has_mailer));
        problems.extend(self.password.iter().flat_map(|config| config.problems(self.has_mailer)));
        problems.extend(self.tokens.iter().flat_map(token::Config::problems));
        problems.extend(self.issuers.iter().flat_map(ExternalIssuers::problems));
        problems.extend(self.magic_links.iter().flat_map(|config| config.problems(self.has_mailer)));
        problems.extend(self.email_otps.iter().flat_map(|config| config.problems(self.has_mailer)));
        problems.extend(self.phones.iter().flat_map(|config| config.problems(self.has_sms)));
        problems.extend(self.anonymous.iter().flat_map(anonymous::Config::problems));
        if self.usernames.is_some() && self.password.is_none() {
            problems
                .push("signing in with one of the usernames() takes a password, and there is no password()".to_owned());
        }
        problems.extend(self.one_time_tokens.iter().flat_map(code::OneTimeTokens::problems));
        problems.extend(self.api_keys.iter().flat_map(api_key::Config::problems));
        problems.extend(self.outbox.problems());
        problems.extend(self.retention.problems());
        let https = base_url.as_ref().is_ok_and(|url| url.scheme() == "https");
        problems.extend(self.cookies.problems(base_url.as_ref().ok().and_then(Url::host_str), https));

        if let (Some(guard), Ok(known)) =
            (self.issuers.as_ref().and_then(|issuers| issuers.role_guard.as_deref()), &role_guards)
            && !known.contains(guard)
        {
            problems
                .push(format!("external roles live in the role guard {guard:?}, which role_guards() does not name"));
        }

        let base_url = base_url.map_err(|problem| problems.push(problem)).ok();
        let keyring = keyring.map_err(|problem| problems.push(problem)).ok();
        let trusted_origins = origins.map_err(|found| problems.extend(found)).ok();
        let role_guards = role_guards.map_err(|found| problems.extend(found)).ok();
        // The outer is whether it is right, the inner whether it is there.
        let cors = match &self.cors {
            Some(cors) => cors.check(trusted_origins.as_ref(), problems).map(Some),
            None => Some(None),
        };
        Some(Config {
            base_url: base_url?,
            base_path: self.base_path,
            has_link_endpoints_only: self.has_link_endpoints_only,
            trusted_origins: trusted_origins?,
            trusted_proxies: self.trusted_proxies,
            cookies: self.cookies.for_scheme(https),
            credentials: self.credentials,
            keyring: keyring?,
            role_guards: role_guards?,
            permission_rules: self.permission_rules,
            denies_unscoped_routes: self.denies_unscoped_routes,
            tenancy: self.tenancy,
            development_auth: self.development_auth,
            session: self.session,
            lockout: self.lockout,
            limits: self.limits,
            cors: cors?,
            email: self.email,
            has_mailer: self.has_mailer,
            password: self.password,
            issuers: self.issuers,
            tokens: self.tokens,
            token_jar,
            one_time_tokens: self.one_time_tokens,
            magic_links: self.magic_links,
            email_otps: self.email_otps,
            usernames: self.usernames,
            phones: self.phones,
            anonymous: self.anonymous,
            api_keys: self.api_keys,
            outbox: self.outbox,
            retention: self.retention,
            body_limit: self.body_limit,
            hook_time_limit: self.hook_time_limit,
        })
    }

    /// The cookies of tokens, where there are any.
    fn token_jar(&self, base_url: Option<&Url>, problems: &mut Vec<String>) -> Option<TokenJar> {
        let config = self.tokens.as_ref()?;
        let in_cookies = config.in_cookies()?;
        let https = base_url.is_some_and(|url| url.scheme() == "https");
        problems.extend(TokenJar::problems(&config.cookies, base_url.and_then(Url::host_str), https));
        if in_cookies == InCookies::Pair && !self.credentials.contains(&CredentialSource::AccessTokenCookie) {
            problems.push("tokens are given in cookies, and credentials() does not look for them there".to_owned());
        }
        Some(TokenJar::new(&config.cookies, in_cookies, https))
    }
}

/// https anywhere; plain http only to this very machine, where nobody can listen in.
fn checked_base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("base_url {text:?} is not a URL: {error}"))?;
    if !is_bare_origin(&url) {
        return Err(format!("base_url {text:?} must be an origin alone: scheme, host and port"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(format!("base_url {text:?} must be https: over http anybody on the way can take sessions over")),
        _ => Err(format!("base_url {text:?} must be https")),
    }
}

fn is_base_path(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| {
        rest.split('/').all(|segment| {
            !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in ["https://api.example.com", "http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"] {
            assert!(checked_base_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.example.com",
            "http://127.0.0.1.evil.test",
            "ftp://localhost",
            "https://a.test/x",
            "https://u@a.test",
            "https://:pw@a.test",
            "a",
        ] {
            assert!(checked_base_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let mut problems = Vec::new();
        let draft = Draft {
            base_url: Some("http://api.example.com".to_owned()),
            base_path: "api/".to_owned(),
            secret: Some(Secret::new("short")),
            trusted_origins: vec!["*".to_owned()],
            role_guards: vec!["A B".to_owned()],
            ..Draft::default()
        };
        assert!(draft.check(&mut problems).is_none());
        let all = problems.join("\n");
        for word in ["base_url", "base_path", "secret", "origin", "role guard"] {
            assert!(all.contains(word), "{word} is missing in:\n{all}");
        }
    }
}
