//! The office over HTTP: canonical bytes in, canonical bytes out, once they are durable.

pub(crate) mod gate;
mod handlers;
mod metrics;
mod openapi;
mod problem;
mod rate;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::{IncomingStream, Listener};
use onehop_wire::UnixSeconds;
use onehop_wire::limits::OFFICE_BODY_MAX;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::ahead::Ahead;
use crate::error::OfficeError;
use crate::grouped::Grouped;
use crate::hints::RowKey;
use crate::office::Office;
use crate::service::gate::{Closed, Gate};
use crate::service::metrics::Metrics;
use crate::service::rate::Rate;
use crate::store_any::AnyLedger;

pub use openapi::{document, operator_document};
pub use problem::Problem;
pub use tls::{Tls, TlsError};

/// A request, its body and its answer take no longer than this.
const REQUEST_SECONDS_MAX: u64 = 30;

/// Every path for wallets with its method; the OpenAPI document describes the same.
pub const ROUTES: [(&str, &str); 9] = [
    ("post", "/v1/enrol"),
    ("post", "/v1/sync"),
    ("post", "/v1/claim"),
    ("post", "/v1/resolve"),
    ("post", "/v1/relay"),
    ("get", "/v1/office"),
    ("get", "/v1/outcome/{tx}"),
    ("get", "/health"),
    ("get", "/openapi.json"),
];

/// Every path on the operator's listener.
pub const OPERATOR_ROUTES: [(&str, &str); 5] = [
    ("post", "/v1/operator/command"),
    ("get", "/v1/office"),
    ("get", "/metrics"),
    ("get", "/health"),
    ("get", "/openapi.json"),
];

/// What requests to a path that there is not are counted under.
const NO_PATH: &str = "other";

/// The office that is served.
type Served = Office<Grouped<AnyLedger>>;

/// An office whose requests are decided one after the other and written in groups.
#[derive(Clone, Debug)]
pub struct Shared {
    office: Gate<Served>,
    ahead: Ahead,
    metrics: Metrics,
    rate: Option<Rate>,
}

impl Shared {
    /// Shares `office` among requests, of which each address of a wallet may make `per_second`, or
    /// as many as it likes.
    #[must_use]
    pub fn new(office: Office<Grouped<AnyLedger>>, per_second: Option<NonZeroU32>) -> Self {
        let rate = per_second.map(Rate::new);
        let ahead = office.ahead();
        Self { office: Gate::new(office), ahead, metrics: Metrics::new(), rate }
    }

    /// Runs `work` on the office, off the threads that serve. What it answers is durable. `work` is
    /// run again if another office wrote at the same time.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Served, UnixSeconds) -> Result<T, OfficeError> + Send + 'static,
    ) -> Result<T, Problem> {
        self.run_on(|_| Vec::new(), work).await
    }

    /// The same for a request of which it is known which rows it will ask for; `keys` says which,
    /// and may check its signatures, before the request's turn comes.
    async fn run_on<T: Send + 'static>(
        &self,
        keys: impl FnOnce(&Ahead) -> Vec<RowKey> + Send + 'static,
        mut work: impl FnMut(&mut Served, UnixSeconds) -> Result<T, OfficeError> + Send + 'static,
    ) -> Result<T, Problem> {
        let (office, ahead) = (self.office.clone(), self.ahead.clone());
        let done = tokio::task::spawn_blocking(move || {
            match office.pass(keys(&ahead), move |office| work(office, now())) {
                Ok(answer) => answer.map_err(Problem::from),
                Err(Closed::Store(error)) => Err(Problem::of_store(&error)),
                Err(Closed::Panicked) => Err(Problem::halted()),
            }
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

/// The wallets' routes over `shared`.
pub fn router(shared: Shared) -> Router {
    let routes = Router::new()
        .route("/v1/enrol", post(handlers::enrol))
        .route("/v1/sync", post(handlers::sync))
        .route("/v1/claim", post(handlers::claim))
        .route("/v1/resolve", post(handlers::resolve))
        .route("/v1/relay", post(handlers::relay))
        .route("/v1/office", get(handlers::office))
        .route("/v1/outcome/{tx}", get(handlers::outcome))
        .route("/health", get(handlers::health))
        .route("/openapi.json", get(handlers::openapi));
    finished(routes.layer(from_fn_with_state(shared.clone(), in_rate)), shared)
}

/// The operator's routes over `shared`.
pub fn operator_router(shared: Shared) -> Router {
    let routes = Router::new()
        .route("/v1/operator/command", post(handlers::operator))
        .route("/v1/office", get(handlers::office))
        .route("/metrics", get(handlers::metrics))
        .route("/health", get(handlers::health))
        .route("/openapi.json", get(handlers::operator_openapi));
    finished(routes, shared)
}

fn finished(routes: Router<Shared>, shared: Shared) -> Router {
    routes
        .fallback(|| async { Problem::no_such_path() })
        .method_not_allowed_fallback(|| async { Problem::method() })
        .layer(DefaultBodyLimit::max(OFFICE_BODY_MAX))
        .layer(from_fn(in_time))
        .layer(from_fn_with_state(shared.clone(), observed))
        .with_state(shared)
}

async fn in_time(request: Request, next: Next) -> Response {
    let limit = Duration::from_secs(REQUEST_SECONDS_MAX);
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timeout().into_response(),
    }
}

async fn in_rate(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let from = request.extensions().get::<ConnectInfo<Client>>().map(|from| from.0.0.ip());
    match (&shared.rate, from) {
        (Some(rate), Some(from)) => match rate.check(from) {
            Ok(()) => next.run(request).await,
            Err(seconds) => Problem::too_many(seconds).into_response(),
        },
        (None, _) | (_, None) => next.run(request).await,
    }
}

/// Counts and logs an answer. Of a request it names the path of the service that it met, nothing
/// that the client wrote.
async fn observed(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let path = served_path(request.uri().path());
    let response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    shared.metrics.answered(path, status, took);
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(path, status, ms, "answered");
    response
}

/// The path of the service that a request's path is of.
fn served_path(path: &str) -> &'static str {
    let all = ROUTES.iter().chain(&OPERATOR_ROUTES).map(|(_, route)| *route);
    let is_of = |route: &&str| match route.split_once('{') {
        Some((head, _)) => path.starts_with(head),
        None => path == *route,
    };
    all.into_iter().find(is_of).unwrap_or(NO_PATH)
}

/// Where a service listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Listening {
    /// For wallets.
    pub wallets: SocketAddr,
    /// For the operator.
    pub operator: SocketAddr,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
struct Client(SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Client {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, tls::Listener>> for Client {
    fn connect_info(stream: IncomingStream<'_, tls::Listener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Serves until SIGTERM or ctrl-c, wallets over TLS if `tls` is there; requests under way are
/// answered first. `ready` is told the addresses once it listens.
///
/// # Errors
/// [`io::Error`] if an address can't be had, or from `ready`.
pub async fn serve(
    listen: Listening,
    tls: Option<&Tls>,
    shared: Shared,
    ready: impl FnOnce(Listening) -> io::Result<()>,
) -> io::Result<()> {
    let wallets = TcpListener::bind(listen.wallets).await?;
    let operator = TcpListener::bind(listen.operator).await?;
    let stop = stop_signal()?;
    ready(Listening { wallets: wallets.local_addr()?, operator: operator.local_addr()? })?;
    let (stopping, stopped) = watch::channel(false);
    let (routes, until) = (router(shared.clone()), stopped.clone());
    let for_wallets = async {
        match tls {
            Some(tls) => serve_on(tls.around(wallets), routes, until).await,
            None => serve_on(wallets, routes, until).await,
        }
    };
    let for_operator = serve_on(operator, operator_router(shared), stopped);
    let stopping = async {
        stop.await;
        // Both may be gone already.
        stopping.send(true).ok();
        Ok(())
    };
    tokio::try_join!(for_wallets, for_operator, stopping).map(drop)
}

async fn serve_on<L>(
    listener: L,
    routes: Router,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()>
where
    L: Listener<Addr = SocketAddr>,
    for<'a> Client: Connected<IncomingStream<'a, L>>,
{
    let routes = routes.into_make_service_with_connect_info::<Client>();
    let stop = async move { drop(stopped.wait_for(|is_stopping| *is_stopping).await) };
    axum::serve(listener, routes).with_graceful_shutdown(stop).await
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
