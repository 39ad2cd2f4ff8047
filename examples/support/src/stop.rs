//! When to stop.

use std::future::Future;
use std::time::Duration;

/// How long requests that are being answered may take once the program was asked to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Waits until the program is asked to stop, by Ctrl-C or SIGTERM, from this call on: make it before the program says
/// that it listens. The server then answers what it has begun; a connection that is still open 10 seconds later does not
/// hold the program up.
pub fn stop_signal() -> impl Future<Output = ()> + Send + 'static {
    let asked = asked_to_stop();
    async {
        asked.await;
        tracing::info!("stopping");
        tokio::spawn(async {
            tokio::time::sleep(DRAIN).await;
            tracing::warn!("a connection was still open after {DRAIN:?}");
            std::process::exit(0);
        });
    }
}

#[cfg(unix)]
fn asked_to_stop() -> impl Future<Output = ()> + Send + 'static {
    use tokio::signal::unix::{SignalKind, signal};

    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    async {
        match signals {
            [Ok(mut interrupt), Ok(mut terminate)] => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            [Err(error), _] | [_, Err(error)] => {
                tracing::error!(%error, "nobody can ask the program to stop");
                std::future::pending().await
            }
        }
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::error!(%error, "Ctrl-C cannot be waited for");
        std::future::pending::<()>().await;
    }
}
