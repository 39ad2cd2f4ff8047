//! What users, browsers and attackers see: one file a feature, each flow over every transport and store.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test speaks by panicking")]

mod addresses;
mod api_key;
mod api_key_credential;
mod api_key_refused;
mod api_key_use;
mod callback_url;
mod change_password;
mod cookies;
mod correlation;
mod csrf;
mod customers;
mod default_deny;
mod delete_user;
mod events;
mod external;
mod get_session;
mod granting;
mod guards;
mod hooks;
mod hooks_each_request;
mod hooks_failing;
mod imported_hash;
mod input;
mod isolated;
mod isolated_credentials;
mod lockout;
mod malformed;
mod matrix;
mod meanwhile;
mod memberships;
mod memberships_proved;
mod one_answer;
mod one_time_token;
mod origin;
mod outage;
mod parity;
mod platform;
mod portals;
mod portals_failing;
mod portals_oracle;
mod portals_reach;
mod portals_sessions;
mod races;
mod refresh_tokens;
mod retention;
mod revoke;
mod session_lifetime;
mod set_password;
mod several;
mod sign_in;
mod sign_up;
mod signing_keys;
mod start_up;
mod switch_tenant;
mod system_roles;
mod tenants;
mod three_portals;
mod token_cookies;
mod token_cookies_taken;
mod tokens;
mod tokens_at_once;
mod update_user;
mod wire;

use std::time::Duration;

/// A day of 24 hours.
const DAY: Duration = Duration::from_hours(24);
/// The smallest step of the clock.
const MICROSECOND: Duration = Duration::from_micros(1);
