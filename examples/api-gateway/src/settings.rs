//! What only this program reads from its environment, beside [`example_support::Settings`]: the variables of
//! [`gateway::Config`].
//!
//! Outside production a missing `JWT_SECRET` is made up for this run. `DEVELOPMENT_AUTH_ENABLED=true` counts with
//! `APP_ENV=local`, `development` and `test` alone, and with the first two keys may be read over plain http. Pages of
//! `CORS_ORIGINS` send the refresh token's cookie along when they are of the same site as this program
//! (`SameSite=Lax`).

use std::sync::Arc;

use auth_core::ConfigErrors;
use auth_core::gateway;
use auth_core::guard::{DevelopmentAuth, Environment};
use auth_core::ports::ReqwestClient;
use example_support::Env;

use crate::fixture::PERMISSIONS;

/// What is configured, and where it runs.
pub(crate) struct Gateway {
    pub(crate) config: gateway::Config,
    pub(crate) environment: Environment,
}

/// Reads it; `None` after a problem.
pub(crate) fn gateway(env: &mut Env<'_>) -> Option<Gateway> {
    use example_support::Environment::{Development, Local, Production, Staging, Test};

    let (environment, reads_plain_http) = match env.environment() {
        Local | Development => (Environment::Development, true),
        Test => (Environment::Development, false),
        Staging | Production => (Environment::Production, false),
    };
    if environment == Environment::Production && env.get("DEVELOPMENT_AUTH_ENABLED").as_deref() == Some("true") {
        env.problem("DEVELOPMENT_AUTH_ENABLED=true lets everybody in: it is for APP_ENV=local, development and test");
    }
    let secret = env.jwt_secret_or_random();
    let variable = |name: &str| if name == "JWT_SECRET" { secret.clone() } else { env.get(name) };
    let config = gateway::Config::from_variables(variable).and_then(|config| {
        let config = config.developer(DevelopmentAuth::default().permissions(PERMISSIONS));
        let client = ReqwestClient::builder();
        let (config, client) = if reads_plain_http {
            (config.allow_plain_http_insecurely(), client.allow_plain_http_insecurely())
        } else {
            (config, client)
        };
        let client =
            client.build().map_err(|error| ConfigErrors::new(vec![format!("no keys can be read: {error}")]))?;
        let config = config.http_client(Arc::new(client));
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(ConfigErrors::new(problems)) }
    });
    match config {
        Ok(config) => Some(Gateway { config, environment }),
        Err(errors) => {
            errors.problems().iter().for_each(|problem| env.problem(problem));
            None
        }
    }
}
