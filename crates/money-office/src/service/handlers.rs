//! One function for each path.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::office::{ClaimBundle, Enrol, ResolveRequest, Sync};
use onehop_wire::relay::Parcel;
use onehop_wire::{Signed, TxId, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ahead::Ahead;
use crate::error::{OfficeError, Refusal};
use crate::hints;
use crate::operator::OperatorCommand;
use crate::service::{Problem, Shared, openapi};

/// The only media type of bodies that are not documents.
const BINARY: &str = "application/octet-stream";

/// Canonical bytes of the type that the description names.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Canonical(Vec<u8>);

type Body = Result<Bytes, BytesRejection>;

fn read<T: Serialize + DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).map(header::HeaderValue::as_bytes);
    if media_type != Some(BINARY.as_bytes()) {
        return Err(Problem::media_type());
    }
    let body = body.map_err(|error| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::too_large(OFFICE_BODY_MAX)
        } else {
            Problem::malformed("the body could not be read")
        }
    })?;
    decode(&body, OFFICE_BODY_MAX)
        .map_err(|error| Problem::malformed(Refusal::Unreadable(error).to_string()))
}

fn answer<T: Serialize>(value: &T) -> Response {
    ([(header::CONTENT_TYPE, BINARY)], encode(value)).into_response()
}

/// Enrols a wallet.
#[utoipa::path(post, path = "/v1/enrol",
    request_body(content = Canonical, content_type = "application/octet-stream",
        description = "Signed<Enrol>"),
    responses(
        (status = 200, description = "EnrolAnswer", body = Canonical,
            content_type = "application/octet-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn enrol(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let enrol: Signed<Enrol> = read(&headers, body)?;
    shared.run(move |office, now| office.enrol(now, &enrol)).await.map(|it| answer(&it))
}

/// Closes a checkpoint and issues the next.
#[utoipa::path(post, path = "/v1/sync",
    request_body(content = Canonical, content_type = "application/octet-stream",
        description = "Signed<Sync>"),
    responses(
        (status = 200, description = "SyncAnswer", body = Canonical,
            content_type = "application/octet-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn sync(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let sync: Signed<Sync> = read(&headers, body)?;
    let asked = sync.clone();
    let keys = move |ahead: &Ahead| {
        ahead.sync(&asked);
        hints::of_sync(ahead.office(), &asked)
    };
    shared.run_on(keys, move |office, now| office.sync(now, &sync)).await.map(|it| answer(&it))
}

/// Files evidence of received payments.
#[utoipa::path(post, path = "/v1/claim",
    request_body(content = Canonical, content_type = "application/octet-stream",
        description = "ClaimBundle"),
    responses(
        (status = 200, description = "ClaimAnswer", body = Canonical,
            content_type = "application/octet-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn claim(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let bundle: ClaimBundle = read(&headers, body)?;
    let asked = bundle.clone();
    let keys = move |ahead: &Ahead| {
        ahead.claims(&asked);
        hints::of_claims(ahead.office(), &asked)
    };
    shared.run_on(keys, move |office, now| office.claim(now, &bundle)).await.map(|it| answer(&it))
}

/// Answers what a wallet without a network asks, sealed both ways, for whoever carries it.
#[utoipa::path(post, path = "/v1/relay",
    request_body(content = Canonical, content_type = "application/octet-stream",
        description = "Parcel"),
    responses(
        (status = 200, description = "Reply", body = Canonical,
            content_type = "application/octet-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn relay(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let parcel: Parcel = read(&headers, body)?;
    shared.run(move |office, now| office.relay(now, &parcel)).await.map(|it| answer(&it))
}

/// Decides a payment in doubt.
#[utoipa::path(post, path = "/v1/resolve",
    request_body(content = Canonical, content_type = "application/octet-stream",
        description = "ResolveRequest"),
    responses(
        (status = 200, description = "Verdict", body = Canonical,
            content_type = "application/octet-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn resolve(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let request: ResolveRequest = read(&headers, body)?;
    // What is wrong with the evidence is a verdict, as in a file.
    let request = onehop_wire::office::OfficeRequest::Resolve(Box::new(request));
    let done = shared.run(move |office, now| office.answer(now, &request)).await?;
    Ok(match done {
        onehop_wire::office::OfficeAnswer::Resolve(verdict) => answer(&*verdict),
        onehop_wire::office::OfficeAnswer::Refused(words) => {
            answer(&onehop_wire::office::Verdict::Refused(words))
        }
        onehop_wire::office::OfficeAnswer::Enrol(_)
        | onehop_wire::office::OfficeAnswer::Sync(_)
        | onehop_wire::office::OfficeAnswer::Claim(_)
        | onehop_wire::office::OfficeAnswer::Relay(_) => Problem::halted().into_response(),
    })
}

/// Says what a wallet pins before it enrols.
#[utoipa::path(get, path = "/v1/office",
    responses((status = 200, description = "OfficeInfo", body = Canonical,
        content_type = "application/octet-stream")))]
pub(super) async fn office(State(shared): State<Shared>) -> Result<Response, Problem> {
    shared.run(|office, _| office.info()).await.map(|it| answer(&it))
}

/// Gives the decision about a payment.
#[utoipa::path(get, path = "/v1/outcome/{tx}",
    params(("tx" = String, Path, description = "the payment, as 64 hexadecimal digits")),
    responses(
        (status = 200, description = "Signed<Outcome>", body = Canonical,
            content_type = "application/octet-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn outcome(
    State(shared): State<Shared>,
    Path(tx): Path<String>,
) -> Result<Response, Problem> {
    let tx = TxId::from_hex(&tx).map_err(|error| Problem::malformed(error.to_string()))?;
    let found = shared.run(move |office, _| office.outcomes(tx)).await?;
    match found.as_slice() {
        [] => Err(Problem::no_outcome()),
        [outcome] => Ok(answer(outcome)),
        [_, _, ..] => Err(Problem::ambiguous()),
    }
}

/// Does what the operator signed.
#[utoipa::path(post, path = "/v1/operator/command",
    request_body(content = Canonical, content_type = "application/octet-stream",
        description = "Signed<OperatorCommand>"),
    responses(
        (status = 200, description = "OperatorAnswer", body = Canonical,
            content_type = "application/octet-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn operator(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let order: Signed<OperatorCommand> = match read(&headers, body) {
        Ok(order) => order,
        Err(problem) => {
            tracing::warn!(status = problem.status, why = problem.detail, "operator call refused");
            return Err(problem);
        }
    };
    let done = shared
        .run(move |office, now| match office.operate(now, &order) {
            Err(OfficeError::Refused(
                refusal @ (Refusal::Signature(_) | Refusal::Stale { .. }),
            )) => Ok(Err(Problem::unauthorized(&refusal))),
            other => other.map(Ok),
        })
        .await?;
    match done {
        Ok(done) => Ok(answer(&done)),
        Err(problem) => {
            tracing::warn!(status = problem.status, why = problem.detail, "operator call refused");
            Err(problem)
        }
    }
}

/// Says that the office can read its store.
#[utoipa::path(get, path = "/health",
    responses(
        (status = 200, description = "serving", content_type = "application/json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn health(State(shared): State<Shared>) -> Result<Response, Problem> {
    shared.run(|office, _| office.check()).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], r#"{"status":"serving"}"#).into_response())
}

/// Counts requests, for a monitor.
#[utoipa::path(get, path = "/metrics",
    responses((status = 200, description = "Prometheus text",
        content_type = "application/openmetrics-text")))]
pub(super) async fn metrics(State(shared): State<Shared>) -> Response {
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, media_type)], shared.metrics.text()).into_response()
}

/// Describes the operator's side of this service.
#[utoipa::path(get, path = "/openapi.json",
    responses((status = 200, description = "this document", content_type = "application/json")))]
pub(super) async fn operator_openapi() -> Response {
    let document = openapi::operator_document();
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}

/// Describes this service.
#[utoipa::path(get, path = "/openapi.json",
    responses((status = 200, description = "this document", content_type = "application/json")))]
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi::document()).into_response()
}
