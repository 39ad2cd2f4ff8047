//! What only this program reads from its environment, beside [`example_support::Settings`]: the variables of
//! [`gateway::Config`].
//!
//! Outside production a missing `JWT_SECRET` is made up for this run. `DEVELOPMENT_AUTH_ENABLED=true` counts with
//! `APP_ENV=local`, `development` and `test` alone, and with the first two keys may be read over plain http. Pages of
//! `CORS_ORIGINS` send the refresh token's cookie along when they are of the same site as this program
//! (`SameSite=Lax`).

use std::sync::Arc;

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

    let secret = env.jwt_secret_or_random();
    let variable = |name: &str| match name {
        "JWT_SECRET" => secret.clone().or_else(|| env.get(name)),
        _ => env.get(name),
    };
    let mut config = match gateway::Config::from_variables(variable) {
        Ok(config) => config.developer(DevelopmentAuth::default().permissions(PERMISSIONS)),
        Err(errors) => {
            // What is wrong with the secret was told already.
            let others = errors.problems().iter().filter(|problem| !problem.starts_with("JWT_SECRET"));
            others.for_each(|problem| env.problem(problem));
            return None;
        }
    };
    let (environment, reads_plain_http) = match env.environment() {
        Local | Development => (Environment::Development, true),
        Test => (Environment::Development, false),
        Staging | Production => (Environment::Production, false),
    };
    if config.is_open_to_developers() && environment == Environment::Production {
        env.problem("DEVELOPMENT_AUTH_ENABLED=true lets everybody in: it is for APP_ENV=local, development and test");
    }
    let mut client = ReqwestClient::builder();
    if reads_plain_http {
        client = client.allow_plain_http_insecurely();
        config = config.allow_plain_http_insecurely();
    }
    match client.build() {
        Ok(client) => config = config.http_client(Arc::new(client)),
        Err(error) => env.problem(format!("keys of Auth0 cannot be read: {error}")),
    }
    config.problems().iter().for_each(|problem| env.problem(problem));
    Some(Gateway { config, environment })
}
