//! The office over HTTP: canonical bytes in, canonical bytes out, once they are durable.

pub(crate) mod gate;
mod handlers;
mod openapi;
mod problem;

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use onehop_wire::UnixSeconds;
use onehop_wire::limits::OFFICE_BODY_MAX;

use crate::error::OfficeError;
use crate::office::Office;
use crate::service::gate::Gate;
use crate::store_sled::SledLedger;

pub use openapi::document;
pub use problem::Problem;

/// A request, its body and its answer take no longer than this.
const REQUEST_SECONDS_MAX: u64 = 30;

/// Every path with its method; the OpenAPI document describes the same.
pub const ROUTES: [(&str, &str); 9] = [
    ("post", "/v1/enrol"),
    ("post", "/v1/sync"),
    ("post", "/v1/claim"),
    ("post", "/v1/resolve"),
    ("get", "/v1/office"),
    ("get", "/v1/outcome/{tx}"),
    ("post", "/v1/operator/command"),
    ("get", "/health"),
    ("get", "/openapi.json"),
];

/// An office that one request at a time may use.
#[derive(Clone, Debug)]
pub struct Shared {
    office: Gate<Office<SledLedger>>,
}

impl Shared {
    /// Shares `office` among requests.
    #[must_use]
    pub fn new(office: Office<SledLedger>) -> Self {
        Self { office: Gate::new(office) }
    }

    /// Runs `work` on the office, off the threads that serve. What it answers is durable.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Office<SledLedger>, UnixSeconds) -> Result<T, OfficeError>
        + Send
        + 'static,
    ) -> Result<T, Problem> {
        let office = self.office.clone();
        let done = tokio::task::spawn_blocking(move || {
            let answer = office.pass(|office| work(office, now())).ok_or_else(Problem::halted)?;
            answer.map_err(Problem::from)
        });
        done.await.unwrap_or_else(|_| Err(Problem::halted()))
    }
}

/// The calendar of this machine.
#[must_use]
pub fn now() -> UnixSeconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixSeconds(since.map_or(0, |since| since.as_secs()))
}

/// The service's routes over `shared`.
pub fn router(shared: Shared) -> Router {
    Router::new()
        .route("/v1/enrol", post(handlers::enrol))
        .route("/v1/sync", post(handlers::sync))
        .route("/v1/claim", post(handlers::claim))
        .route("/v1/resolve", post(handlers::resolve))
        .route("/v1/office", get(handlers::office))
        .route("/v1/outcome/{tx}", get(handlers::outcome))
        .route("/v1/operator/command", post(handlers::operator))
        .route("/health", get(handlers::health))
        .route("/openapi.json", get(handlers::openapi))
        .fallback(|| async { Problem::no_such_path() })
        .method_not_allowed_fallback(|| async { Problem::method() })
        .layer(DefaultBodyLimit::max(OFFICE_BODY_MAX))
        .layer(from_fn(in_time))
        .with_state(shared)
}

async fn in_time(request: axum::extract::Request, next: Next) -> Response {
    let limit = Duration::from_secs(REQUEST_SECONDS_MAX);
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timeout().into_response(),
    }
}

/// Serves until SIGTERM or ctrl-c; requests under way are answered first. `ready` is told the
/// address once it listens.
///
/// # Errors
/// [`io::Error`] if the address can't be had, or from `ready`.
pub async fn serve(
    listen: SocketAddr,
    shared: Shared,
    ready: impl FnOnce(SocketAddr) -> io::Result<()>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let stop = stop_signal()?;
    ready(listener.local_addr()?)?;
    axum::serve(listener, router(shared)).with_graceful_shutdown(stop).await
}

#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a signal to wait for, the process ends only when it is ended.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// A line for whoever runs the service.
fn log(line: &str) {
    #[expect(clippy::print_stderr, reason = "the service's log is its standard error")]
    {
        eprintln!("money-office: {line}");
    }
}
