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
//! A *flow* is written once, as a function of a [`Stack`], and [`flows!`] runs it over every transport and store. Where
//! a server is missing, the tests over it are skipped, see [`servers`].
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test speaks by panicking")]

mod actor;
mod app;
mod example;
pub mod filled;
mod jar;
mod lent;
pub mod loopback;
mod mailbox;
mod node;
mod reply;
mod routes;
pub mod servers;
mod stack;
mod tap;
mod transport;

pub use actor::{Actor, Draft};
pub use app::{BASE_URL, PASSWORD, Recorder, TestApp, builder, password_config};
pub use example::{Answer, RunningExample, built_example, refusal_to_start, signed_as, with};
pub use mailbox::Mailbox;
pub use node::{node_folder, run_to_the_end};
pub use reply::Reply;
pub use routes::{REMEMBERED, ReadReports, SuperAdmin};
pub use stack::{Database, Stack, StoreKind};
pub use tap::{Tap, TappedStore};
pub use transport::{Transport, TransportKind, actix_routes, axum_routes};

/// Runs each flow, an `async fn(Stack)` of the module that says this, as named tests over every transport and store.
#[macro_export]
macro_rules! flows {
    ($($flow:ident),+ $(,)?) => {$(
        mod $flow {
            $crate::flows!(@tests #[tokio::test], $flow,
                core_memory CORE_MEMORY, core_sqlite CORE_SQLITE,
                axum_memory AXUM_MEMORY, axum_sqlite AXUM_SQLITE,
                axum_postgres AXUM_POSTGRES, axum_mariadb AXUM_MARIADB,
                actix_memory ACTIX_MEMORY, actix_sqlite ACTIX_SQLITE,
                actix_postgres ACTIX_POSTGRES, actix_mariadb ACTIX_MARIADB);
        }
    )+};
    (@tests #[$attribute:meta], $flow:ident, $($test:ident $stack:ident),+) => {
        $($crate::flows!(@test #[$attribute], $flow, $test, $stack);)+
    };
    (@test #[$attribute:meta], $flow:ident, $test:ident, $stack:ident) => {
        #[$attribute]
        async fn $test() {
            $crate::Stack::$stack.run(super::$flow).await;
        }
    };
}

/// As [`flows!`], for those that need a database: because requests are to meet in it, on two threads and several
/// connections, or because something is changed in it past the engine.
#[macro_export]
macro_rules! database_flows {
    ($($flow:ident),+ $(,)?) => {$(
        mod $flow {
            $crate::flows!(@tests #[tokio::test(flavor = "multi_thread", worker_threads = 2)], $flow,
                core_sqlite CORE_SQLITE,
                axum_sqlite AXUM_SQLITE, axum_postgres AXUM_POSTGRES, axum_mariadb AXUM_MARIADB,
                actix_sqlite ACTIX_SQLITE, actix_postgres ACTIX_POSTGRES, actix_mariadb ACTIX_MARIADB);
        }
    )+};
}

/// The guides' programs compile.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/byo-auth.md")]
    struct ByoAuth;
    #[doc = include_str!("../../docs/gateway.md")]
    struct Gateway;
    #[doc = include_str!("../../docs/guards.md")]
    struct Guards;
    #[doc = include_str!("../../docs/hooks.md")]
    struct Hooks;
    #[doc = include_str!("../../docs/limits.md")]
    struct Limits;
    #[doc = include_str!("../../docs/mail.md")]
    struct Mail;
    #[doc = include_str!("../../docs/schema.md")]
    struct Schema;
    #[doc = include_str!("../../docs/operations.md")]
    struct Operations;
    #[doc = include_str!("../../docs/tokens.md")]
    struct Tokens;
}
