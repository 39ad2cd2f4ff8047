//! What the tests stand on: a [`TestApp`] over any store and any transport, and the [`Actor`]s who use it.
//!
//! A test arranges in one line, acts as somebody, and looks at a whole [`Reply`]:
//!
//! ```
//! # use auth_tests::Stack;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (app, ada) = Stack::AXUM_MEMORY.signed_up("ada@example.com").await;
//! assert_eq!(ada.get("/me").await.ok()["email"], "ada@example.com");
//! app.anon().get("/me").await.refused(401, "UNAUTHORIZED");
//! # }
//! ```
//!
//! A *flow* is written once, as a function of a [`Stack`], and [`flows!`] runs it over every transport and store.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test speaks by panicking")]

mod actor;
mod app;
mod example;
mod jar;
mod reply;
mod routes;
pub mod servers;
mod stack;
mod tap;
mod transport;

pub use actor::{Actor, Draft};
pub use app::{BASE_URL, PASSWORD, Recorder, TestApp, builder, password_config};
pub use example::{RunningExample, built_example};
pub use reply::Reply;
pub use routes::{ReadReports, SuperAdmin};
pub use stack::{Database, Stack, StoreKind};
pub use tap::{Tap, TappedStore};
pub use transport::{Transport, TransportKind, actix_routes, axum_routes};

/// Runs each flow, an `async fn(Stack)` of the module that says this, as named tests over every transport and store.
#[macro_export]
macro_rules! flows {
    ($($flow:ident),+ $(,)?) => {$(
        mod $flow {
            $crate::flows!(@tests $flow,
                core_memory CORE_MEMORY, core_sqlite CORE_SQLITE, axum_memory AXUM_MEMORY,
                axum_sqlite AXUM_SQLITE, actix_memory ACTIX_MEMORY, actix_sqlite ACTIX_SQLITE);
        }
    )+};
    (@tests $flow:ident, $($test:ident $stack:ident),+) => {$(
        #[tokio::test]
        async fn $test() {
            super::$flow($crate::Stack::$stack).await;
        }
    )+};
}

/// The guides' programs compile.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/guards.md")]
    struct Guards;
    #[doc = include_str!("../../docs/hooks.md")]
    struct Hooks;
    #[doc = include_str!("../../docs/schema.md")]
    struct Schema;
    #[doc = include_str!("../../docs/operations.md")]
    struct Operations;
}
