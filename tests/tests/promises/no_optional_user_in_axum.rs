//! `Option<CurrentUser>` would turn a bad credential and a dead database into "nobody".

use auth_axum::CurrentUser;
use axum::Router;
use axum::routing::get;

async fn handler(_: Option<CurrentUser>) {}

fn main() {
    let _: Router = Router::new().route("/", get(handler));
}
