//! Who may use the page: the browser that opened the printed address, and pages of ours in it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::{Shared, pages};

/// Only what this program serves runs; nothing frames it, nothing leaves it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
/// The header without which nothing is changed: another site cannot send it without being asked.
const OURS: &str = "x-onehop";

/// What lets one browser in.
pub(super) struct Guard {
    /// The name that requests must be for: a name that leads here by DNS is not it.
    host: String,
    cookie: String,
    secret: String,
    /// Opens the page once.
    token: Mutex<Option<String>>,
}

impl Guard {
    pub(super) fn new(at: SocketAddr) -> Result<Self> {
        let cookie = format!("onehop{}", at.port());
        let token = Mutex::new(Some(random()?));
        Ok(Self { host: at.to_string(), cookie, secret: random()?, token })
    }

    /// The token, while it is unused.
    pub(super) fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// Whether `token` is the one that was not used yet; from now on it is.
    fn takes(&self, token: &str) -> bool {
        let mut unused = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = unused.as_deref().is_some_and(|unused| is_same(unused, token));
        if is_it {
            *unused = None;
        }
        is_it
    }

    /// Whether a request is for this address, and from no page of another.
    fn is_meant(&self, headers: &HeaderMap) -> bool {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let is_ours = text(header::HOST) == Some(self.host.as_str());
        let origin = format!("http://{}", self.host);
        is_ours && text(header::ORIGIN).is_none_or(|from| from == origin)
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let name = format!("{}=", self.cookie);
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|cookie| cookie.trim().strip_prefix(&name))
            .any(|secret| is_same(&self.secret, secret))
    }
}

/// 32 random bytes, in hexadecimal.
fn random() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the system gives no randomness")?;
    Ok(hex::encode(bytes))
}

/// Compares all of both, so that the time says nothing about where they differ.
fn is_same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    token: Option<String>,
}

/// The page; with the token, the way in.
pub(super) async fn enter(
    State(shared): State<Shared>,
    Query(entry): Query<Entry>,
    headers: HeaderMap,
) -> Response {
    let guard = &shared.guard;
    if let Some(token) = entry.token {
        if !guard.takes(&token) {
            return closed("this address was used already");
        }
        let cookie =
            format!("{}={}; Path=/; HttpOnly; SameSite=Strict", guard.cookie, guard.secret);
        // Without the token in its address the page can be loaded again.
        return ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response();
    }
    if guard.knows(&headers) { pages::page() } else { closed("open the address that was printed") }
}

fn closed(why: &str) -> Response {
    let text = format!("{why}; start onehop ui --web again for another one");
    (StatusCode::FORBIDDEN, text).into_response()
}

/// Lets nobody in without the cookie, and changes nothing for a page of somebody else.
pub(super) async fn known(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if !guard.knows(headers) {
        return closed("open the address that was printed");
    }
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read && !headers.contains_key(OURS) {
        return (StatusCode::FORBIDDEN, "this did not come from the page").into_response();
    }
    next.run(request).await
}

/// Answers only what is meant for this address and comes from nowhere else; says to the browser
/// what the page may do.
pub(super) async fn local(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = if guard.is_meant(request.headers()) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "this address is another one's").into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(SocketAddr::from(([127, 0, 0, 1], 7750))).unwrap()
    }

    #[test]
    fn the_token_opens_once() {
        let guard = guard();
        let token = guard.token();
        assert!(!guard.takes(""));
        assert!(!guard.takes(&token[..63]));
        assert!(guard.takes(&token));
        assert!(!guard.takes(&token));
        assert!(!guard.takes(""));
    }

    #[test]
    fn only_the_cookie_of_this_program_is_known() {
        let guard = guard();
        let knows = |cookie: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
            guard.knows(&headers)
        };
        let secret = guard.secret.clone();
        assert!(knows(&format!("onehop7750={secret}")));
        assert!(knows(&format!("a=b; onehop7750={secret}; c=d")));
        for other in ["onehop7750=", "onehop7750", "", &format!("onehop7751={secret}")] {
            assert!(!knows(other), "{other}");
        }
        assert!(!guard.knows(&HeaderMap::new()));
    }
}
