//! When to stop.

use std::time::Duration;

/// How long requests that are being answered may take once the program was asked to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Waits until the program is asked to stop, by Ctrl-C or SIGTERM. The server then answers what it has begun; a
/// connection that is still open 10 seconds later does not hold the program up.
pub async fn stop_signal() {
    tokio::select! {
        () = interrupt() => {}
        () = terminate() => {}
    }
    tracing::info!("stopping");
    tokio::spawn(async {
        tokio::time::sleep(DRAIN).await;
        tracing::warn!("a connection was still open after {DRAIN:?}");
        std::process::exit(0);
    });
}

async fn interrupt() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::error!(%error, "Ctrl-C cannot be waited for");
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn terminate() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(error) => {
            tracing::error!(%error, "SIGTERM cannot be waited for");
            std::future::pending().await
        }
    }
}

#[cfg(not(unix))]
async fn terminate() {
    std::future::pending().await
}
