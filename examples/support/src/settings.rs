//! What can be said about a program from outside.

use std::fmt;
use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;

use auth_core::account::Lockout;
use auth_core::base::{Clock, Secret, SystemClock};
use auth_core::http::{ForwardingHeader, TrustedProxies};
use auth_core::ports::{Mailer, NoMail};
use auth_core::{ConfigErrors, limit, outbox};

use crate::demo::Demo;
use crate::env::{Env, Environment};

/// The settings of an example program, from the environment. An empty variable counts as unset.
///
/// | variable | default | |
/// |---|---|---|
/// | `HOST`, `PORT` | `127.0.0.1`, `3000` | where to listen; port 0 takes a free one |
/// | `BASE_URL` | `http://HOST:PORT` | the https address of a proxy in front, if there is one |
/// | `DATABASE_URL` | `sqlite://<app>.db?mode=rwc` | |
/// | `AUTH_SECRET` | random for this run | at least 32 random bytes; required in production, unless there is a `JWT_SECRET` |
/// | `APP_ENV` | `development` | or `local`, `test`, `staging`; `production` is stricter |
/// | `TRUSTED_PROXIES` | none | networks whose `X-Forwarded-For` counts, separated by commas |
/// | `SMTP_HOST`, `SMTP_PORT`, `SMTP_USER`, `SMTP_PASS`, `SMTP_FROM`, `APP_NAME`, `APP_LOGO_URL` | none | the mail server of the programs that send mail; without it they send none |
/// | `DEMO` | `0` | `1` lets anybody move the clock; refused in production |
/// | `RATE_LIMIT` | `on` | `off` lets anybody guess passwords; with `DEMO=1` only |
pub struct Settings {
    /// Open already, since port 0 has no address before. Taken by somebody else, it stands in the way of serving only.
    pub listener: io::Result<TcpListener>,
    /// Where it listens, such as `http://127.0.0.1:3000`.
    pub address: String,
    /// The origin under which clients reach the program.
    pub base_url: String,
    /// Other names of the same program, as its developer may type them.
    pub trusted_origins: Vec<String>,
    /// The proxies in front.
    pub trusted_proxies: TrustedProxies,
    /// Where rows live.
    pub database_url: String,
    /// What every key is derived from.
    pub secret: Secret,
    /// How many wrong passwords are answered.
    pub lockout: Lockout,
    /// How often the program may be called.
    pub rate_limits: limit::Config,
    /// Who sends mail: nobody, or what the program has set, or with `DEMO=1` `/__outbox`.
    pub mailer: Arc<dyn Mailer>,
    /// There with `DEMO=1` only.
    pub demo: Option<Demo>,
}

impl Settings {
    /// Reads the environment, and opens the port. `own` reads what only this program has.
    ///
    /// # Errors
    /// Every problem at once, one sentence each.
    pub fn from_env<T>(app: &str, own: impl FnOnce(&mut Env<'_>) -> Option<T>) -> Result<(Self, T), ConfigErrors> {
        // What is no text is judged as what it looks like: it counts for something, and for no word that is known.
        Self::read(app, |name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()), own)
    }

    fn read<T>(
        app: &str,
        variable: impl Fn(&str) -> Option<String>,
        own: impl FnOnce(&mut Env<'_>) -> Option<T>,
    ) -> Result<(Self, T), ConfigErrors> {
        let mut env = Env::new(&variable);
        let own = own(&mut env);
        let demo = env.choice("DEMO", &[("0", false), ("1", true)]);
        if demo && env.environment() == Environment::Production {
            env.problem("DEMO=1 is refused with APP_ENV=production: anybody could move the clock");
        }
        let (lockout, rate_limits) = env.limits(demo);
        let secret = env.secret();
        let trusted_proxies = env.trusted_proxies();
        let database_url = env.get("DATABASE_URL").unwrap_or_else(|| format!("sqlite://{app}.db?mode=rwc"));
        let mailer = env.mailer();
        let place = env.place();
        match (place, secret, own) {
            (Some(place), Some(secret), Some(own)) if !env.has_problems() => {
                if demo {
                    tracing::warn!("DEMO=1: anybody can move the clock of this program; never let real users in");
                }
                let demo = demo.then(Demo::default);
                let mailer = demo.clone().map_or(mailer, |demo| Arc::new(demo));
                let Place { listener, address, base_url, trusted_origins } = place;
                let settings = Self {
                    listener,
                    address,
                    base_url,
                    trusted_origins,
                    trusted_proxies,
                    database_url,
                    secret,
                    lockout,
                    rate_limits,
                    mailer,
                    demo,
                };
                Ok((settings, own))
            }
            _ => Err(ConfigErrors::new(env.into_problems())),
        }
    }

    /// Messages are sent at once, or with `DEMO=1` when somebody looks at `/__outbox`, in the order in which they were written.
    pub fn outbox(&self) -> outbox::Config {
        match &self.demo {
            Some(_) => outbox::Config::default().delivered_by_the_program().at_once(1),
            None => outbox::Config::default(),
        }
    }

    /// The system's clock, or with `DEMO=1` one that can be moved.
    pub fn clock(&self) -> Arc<dyn Clock> {
        match &self.demo {
            Some(demo) => demo.clock(),
            None => Arc::new(SystemClock),
        }
    }
}

/// Without the database's address, which may hold a password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("address", &self.address).field("demo", &self.demo).finish_non_exhaustive()
    }
}

struct Place {
    listener: io::Result<TcpListener>,
    address: String,
    base_url: String,
    trusted_origins: Vec<String>,
}

impl Env<'_> {
    /// The mail server of `SMTP_…`. Without one, what needs mail answers as usual and sends nothing.
    #[cfg(feature = "smtp")]
    fn mailer(&mut self) -> Arc<dyn Mailer> {
        match auth_core::ports::SmtpMailer::from_variables(|name| self.get(name)) {
            Ok(Some(mailer)) => return Arc::new(mailer),
            Ok(None) => {}
            Err(problems) => problems.problems().iter().for_each(|problem| self.problem(problem)),
        }
        Arc::new(NoMail)
    }

    #[cfg(not(feature = "smtp"))]
    fn mailer(&self) -> Arc<dyn Mailer> {
        Arc::new(NoMail)
    }

    fn limits(&mut self, demo: bool) -> (Lockout, limit::Config) {
        if self.choice("RATE_LIMIT", &[("on", true), ("off", false)]) {
            return (Lockout::default(), limit::Config::default());
        }
        if !demo {
            self.problem("RATE_LIMIT=off is accepted with DEMO=1 only");
        }
        (Lockout::disabled_insecurely(), limit::Config::disabled_insecurely())
    }

    fn trusted_proxies(&mut self) -> TrustedProxies {
        let networks = self.get("TRUSTED_PROXIES").unwrap_or_default();
        TrustedProxies::parse(networks.split(','), ForwardingHeader::XForwardedFor).unwrap_or_else(|problems| {
            problems.problems().iter().for_each(|problem| self.problem(format!("TRUSTED_PROXIES: {problem}")));
            TrustedProxies::default()
        })
    }

    /// Opens the port. What the program is called follows from it unless `BASE_URL` says otherwise.
    fn place(&mut self) -> Option<Place> {
        let host = self.get("HOST").unwrap_or_else(|| "127.0.0.1".to_owned());
        let port = self.get("PORT").unwrap_or_else(|| "3000".to_owned());
        let base_url = self.get("BASE_URL");
        let name = local_name(&host);
        if name.is_none() && base_url.is_none() {
            let problem = "is not this machine alone: set BASE_URL to the https address under which clients reach it";
            self.problem(format!("HOST {host:?} {problem}"));
        }
        let Ok(port) = port.parse::<u16>() else {
            self.problem(format!("PORT is {port:?}: it must be a number from 0 to 65535"));
            return None;
        };
        let listener = open(&host, port);
        let port = listener.as_ref().ok().and_then(|open| Some(open.local_addr().ok()?.port())).unwrap_or(port);
        let address = format!("http://{}:{port}", name.unwrap_or(host));
        let (base_url, trusted_origins) = match base_url {
            Some(url) => (url, Vec::new()),
            None => (address.clone(), ["localhost", "127.0.0.1"].map(|name| format!("http://{name}:{port}")).to_vec()),
        };
        Some(Place { listener, address, base_url, trusted_origins })
    }
}

fn open(host: &str, port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((host, port))
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {host}:{port}: {error}")))?;
    // What tokio asks of a listener that it takes over.
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// What a browser on this machine calls the host; `None` when the host may be reached from elsewhere under a name of
/// its own. All interfaces together have no name, but this machine is among those who reach them.
fn local_name(host: &str) -> Option<String> {
    match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() => Some("localhost".to_owned()),
        Ok(IpAddr::V4(ip)) if ip.is_loopback() => Some(ip.to_string()),
        Ok(IpAddr::V6(ip)) if ip.is_loopback() => Some(format!("[{ip}]")),
        Ok(_) => None,
        Err(_) => (host == "localhost").then(|| host.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        // Port 0 unless the test says otherwise, so that tests do not fight over 3000.
        let variable = |name: &str| {
            let found = pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            found.or_else(|| (name == "PORT").then(|| "0".to_owned()))
        };
        let read = Settings::read("app", variable, |env| Some(env.jwt_secret()));
        read.map(|(settings, _)| settings).map_err(|errors| errors.problems().to_vec())
    }

    #[test]
    fn nothing_needs_to_be_set_on_a_developers_machine() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.database_url, "sqlite://app.db?mode=rwc");
        assert_eq!(settings.base_url, settings.address);
        assert!(settings.demo.is_none());
        assert_eq!(settings.secret.expose().len(), 64, "32 bytes in hexadecimal digits");
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let pairs = [
            ("APP_ENV", "production"),
            ("AUTH_SECRET", "hunter2"),
            ("DEMO", "1"),
            ("HOST", "192.0.2.1"),
            ("PORT", "http"),
            ("RATE_LIMIT", "none"),
            ("TRUSTED_PROXIES", "10.0.0.0/8, me"),
        ];
        let problems = read(&pairs).unwrap_err();
        for name in ["AUTH_SECRET", "DEMO", "HOST", "PORT", "RATE_LIMIT", "TRUSTED_PROXIES"] {
            assert!(problems.iter().any(|problem| problem.starts_with(name)), "{name} is missing in {problems:?}");
        }
        assert!(!problems.join("\n").contains("hunter2"));
        assert_eq!(problems.len(), 6, "{problems:?}");
    }

    #[test]
    fn production_makes_up_no_secret_and_has_no_demo() {
        assert!(read(&[("APP_ENV", "production")]).unwrap_err()[0].starts_with("AUTH_SECRET"));
        assert!(read(&[("APP_ENV", "prod")]).unwrap_err()[0].starts_with("APP_ENV"));
        assert!(read(&[("RATE_LIMIT", "off")]).unwrap_err()[0].starts_with("RATE_LIMIT"));
        assert!(read(&[("RATE_LIMIT", "off"), ("DEMO", "1")]).is_ok());
    }

    #[test]
    fn the_secret_of_tokens_stands_in_for_a_missing_one() {
        let [jwt, auth] = ["JWT_SECRET", "AUTH_SECRET"];
        let strong = "6ZkQ2vN8sLr0XwYb4TjHcUeGmPdAiFoK";
        let production = ("APP_ENV", "production");
        assert_eq!(read(&[(jwt, strong), production]).unwrap().secret.expose(), strong.as_bytes());
        let both = read(&[(jwt, strong), (auth, "another secret, of 32 bytes or so")]).unwrap();
        assert_eq!(both.secret.expose(), b"another secret, of 32 bytes or so");
        // One that is too short is told once, and nothing is made up in its place.
        let problems = read(&[(jwt, "hunter2")]).unwrap_err();
        assert_eq!(problems, ["JWT_SECRET has 7 bytes, at least 32 random ones are needed"]);
        assert_eq!(read(&[(jwt, "hunter2"), (auth, "hunter3"), production]).unwrap_err().len(), 2);
    }

    #[test]
    fn a_program_adds_its_own_settings_and_problems() {
        let own = |env: &mut Env<'_>| {
            env.problem("COLOUR is missing");
            env.get("COLOUR")
        };
        let variable = |name: &str| (name == "PORT").then(|| "http".to_owned());
        let problems = Settings::read("app", variable, own).unwrap_err();
        assert_eq!(problems.problems().len(), 2, "{problems}");
        let variable = |name: &str| (["PORT", "COLOUR"].contains(&name)).then(|| "0".to_owned());
        assert_eq!(Settings::read("app", variable, |env| env.get("COLOUR")).unwrap().1, "0");
    }

    #[test]
    fn a_port_that_is_taken_matters_to_who_wants_to_serve() {
        let first = read(&[]).unwrap();
        let port = first.listener.as_ref().unwrap().local_addr().unwrap().port().to_string();
        let second = read(&[("PORT", &port)]).unwrap();
        assert_eq!(second.address, first.address);
        assert_eq!(second.listener.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn the_own_origin_follows_host_and_port() {
        let all = read(&[("HOST", "0.0.0.0")]).unwrap();
        assert!(all.base_url.starts_with("http://localhost:"), "{}", all.base_url);
        assert_eq!(all.trusted_origins.len(), 2);
        let behind_a_proxy = read(&[("HOST", "0.0.0.0"), ("BASE_URL", "https://app.example.com")]).unwrap();
        assert_eq!(behind_a_proxy.base_url, "https://app.example.com");
        assert!(behind_a_proxy.trusted_origins.is_empty());
    }
}
