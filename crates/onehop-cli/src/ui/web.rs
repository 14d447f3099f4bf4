//! The wallet as a page of this computer's browser: one person, one browser, loopback only.
//!
//! The address that is printed holds a token that opens the page once; from then on the browser has
//! a cookie that scripts cannot read. What changes anything has to come from the page itself.

mod guard;
mod pages;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, middleware};
use futures_util::stream::{Stream, unfold};
use onehop_wire::TxId;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::wish::{Desk, Wish};
use crate::commands::receipt;
use crate::exit::{Exit, Failure};
use crate::nearby;
use crate::render::Screen;
use guard::Guard;

/// Longest list of payments that one answer holds.
const PAGE_MAX: usize = 200;
/// Longest wish in bytes.
const WISH_MAX: usize = 4096;

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    desk: Desk,
    guard: Arc<Guard>,
}

/// Serves the page until the program is interrupted.
pub(super) async fn show(screen: Screen, desk: &Desk, port: u16) -> Result<Exit> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address).await.map_err(|source| {
        let why = if source.kind() == std::io::ErrorKind::AddrInUse {
            "something else uses it; choose another, or leave --web-port out".to_owned()
        } else {
            source.to_string()
        };
        Failure::usage(format!("port {port} cannot be used: {why}"))
    })?;
    let at = listener.local_addr().context("failed to learn the port")?;
    let guard = Arc::new(Guard::new(at)?);
    let url = format!("http://{at}/?token={}", guard.token());
    let text = format!("the wallet is at {url}\nthe address opens once; end with Ctrl-C");
    screen.question("page", text, &json!({ "url": url }));
    let routes = routes(Shared { desk: desk.clone(), guard });
    // Streams of events have no end of their own: they are dropped with the runtime.
    tokio::select! {
        served = axum::serve(listener, routes).into_future() => served.context("the page failed")?,
        interrupted = nearby::interruption() => interrupted?,
    }
    Ok(Exit::Done)
}

fn routes(shared: Shared) -> Router {
    let inside = Router::new()
        .route("/view", get(view))
        .route("/events", get(events))
        .route("/wish", post(wish))
        .route("/history", get(history))
        .route("/receipt/{tx}", get(receipt_picture))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&shared.guard), guard::known));
    Router::new()
        .route("/", get(guard::enter))
        .route("/page.css", get(pages::style))
        .route("/page.js", get(pages::script))
        .route("/icon.svg", get(pages::icon))
        .merge(inside)
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is no such page") })
        .layer(axum::extract::DefaultBodyLimit::max(WISH_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared.guard), guard::local))
        .with_state(shared)
}

async fn view(State(shared): State<Shared>) -> Response {
    Json(shared.desk.view()).into_response()
}

/// Pictures as they come, beginning with the present one.
async fn events(
    State(shared): State<Shared>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut views = shared.desk.views();
    views.mark_changed();
    let stream = unfold(views, |mut views| async move {
        views.changed().await.ok()?;
        let view = views.borrow_and_update().clone();
        let text = serde_json::to_string(&view).unwrap_or_default();
        Some((Ok(Event::default().data(text)), views))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

/// Does what the person asks for.
async fn wish(State(shared): State<Shared>, Json(wish): Json<Wish>) -> Response {
    match shared.desk.wish(wish).await {
        Ok(()) => Json(json!({ "done": true })).into_response(),
        Err(why) => (StatusCode::CONFLICT, Json(json!({ "why": why }))).into_response(),
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default)]
    skip: usize,
    #[serde(default)]
    limit: usize,
}

async fn history(State(shared): State<Shared>, Query(page): Query<Page>) -> Response {
    let limit = page.limit.clamp(1, PAGE_MAX);
    Json(shared.desk.history(page.skip, limit).await).into_response()
}

/// The QR code of a payment's evidence.
async fn receipt_picture(State(shared): State<Shared>, Path(tx): Path<String>) -> Response {
    let missing = || (StatusCode::NOT_FOUND, "only what is paid has evidence").into_response();
    let Ok(tx) = TxId::from_hex(&tx) else {
        return missing();
    };
    let Some(file) = shared.desk.receipt(tx).await else {
        return missing();
    };
    match receipt::svg(&tx, &file) {
        Ok(picture) => ([(header::CONTENT_TYPE, "image/svg+xml")], picture).into_response(),
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
    }
}
