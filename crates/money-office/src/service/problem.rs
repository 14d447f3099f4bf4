//! RFC 9457 problem documents.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::error::{OfficeError, Refusal};
use crate::store::StoreError;

/// When to ask again after a failure of the store.
const STORE_SECONDS: u64 = 60;
/// When to ask again while the database is away or busy: nobody has to mend anything here.
const AWAY_SECONDS: u64 = 5;

/// What is wrong with a request, in words for people and a type for programs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `urn:onehop:office:` and a word that stays the same for ever.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong in this case.
    pub detail: String,
    /// Seconds after which to try again, which go into the header of this name.
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, slug: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:onehop:office:{slug}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "path", "there is nothing at this path")
    }

    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", "this path has another method")
    }

    pub(super) fn no_outcome() -> Self {
        Self::new(StatusCode::NOT_FOUND, "outcome", "the payment has no outcome")
    }

    pub(super) fn ambiguous() -> Self {
        let detail = "entries of several payers name this payment: resolve or claim it";
        Self::new(StatusCode::CONFLICT, "outcome", detail)
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unreadable", detail)
    }

    pub(super) fn media_type() -> Self {
        let detail = "the body must be application/octet-stream";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", detail)
    }

    pub(super) fn too_large(max: usize) -> Self {
        let detail = format!("the body is over {max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
    }

    pub(super) fn timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the request took too long")
    }

    pub(super) fn too_many(seconds: u64) -> Self {
        let detail = "more requests than one address may make; wait";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", detail);
        Self { retry_after: Some(seconds), ..problem }
    }

    pub(super) fn halted() -> Self {
        let detail = "the office's store failed; nothing was answered";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", detail);
        Self { retry_after: Some(STORE_SECONDS), ..problem }
    }

    /// Nothing was answered because the store failed; the log says why.
    pub(super) fn of_store(error: &StoreError) -> Self {
        let mut line = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(source) = cause {
            line = format!("{line}: {source}");
            cause = source.source();
        }
        if !matches!(error, StoreError::Away(_) | StoreError::Conflict) {
            tracing::error!(why = line, "the store failed");
            return Self::halted();
        }
        tracing::warn!(why = line, "the store is away");
        let detail = "the office's database is away or busy; nothing was answered";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", detail);
        Self { retry_after: Some(AWAY_SECONDS), ..problem }
    }

    pub(super) fn unauthorized(refusal: &Refusal) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, refusal.slug(), refusal.to_string())
    }
}

impl From<OfficeError> for Problem {
    fn from(error: OfficeError) -> Self {
        match error {
            OfficeError::Refused(refusal) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, refusal.slug(), refusal.to_string())
            }
            OfficeError::Store(error) => Self::of_store(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = header::HeaderValue::from_static("OperatorSignature");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
