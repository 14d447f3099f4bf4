//! The office as a client sees it: over HTTP, or as the files it gives out.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use onehop_crypto::Trust;
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::office::{
    ClaimAnswer, ClaimBundle, Enrol, EnrolAnswer, OfficeInfo, ResolveRequest, Sync, SyncAnswer,
    Verdict,
};
use onehop_wire::relay::{Parcel, Reply};
use onehop_wire::{DecodeError, OfficeId, Signed, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::commands::files::{ReadFileError, read_bytes};
use crate::exit::Failure;
use crate::render::Screen;

/// How long one exchange may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Longest problem document or OfficeInfo that is read, in bytes.
const SMALL_MAX: usize = 64 * 1024;

/// Why the office gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OfficeError {
    /// Try again when there is a network; the same request is safe to repeat.
    #[error("office at {url} is not reachable (payments between wallets still work)")]
    Unreachable {
        /// Its address.
        url: String,
        /// What the network said.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The office declined; nothing changed there.
    #[error("office refused: {why}")]
    Refused {
        /// Its words.
        why: String,
    },
    /// Whatever answers there is no office of this version.
    #[error("answer of {url} is not an office's")]
    Answer {
        /// Its address.
        url: String,
        /// What is wrong with the bytes.
        #[source]
        source: DecodeError,
    },
    /// Another office than the one pinned.
    #[error("office at {place} is {found}, expected is {expected}")]
    Other {
        /// Where it was met.
        place: String,
        /// Its id.
        found: OfficeId,
        /// The id expected.
        expected: OfficeId,
    },
    /// What it says of itself is not signed by its root key.
    #[error("office at {place} does not prove itself")]
    Unproven {
        /// Where it was met.
        place: String,
        /// What does not hold.
        #[source]
        source: onehop_crypto::ChainError,
    },
}

/// Who may certify the office's address over https.
#[derive(Clone, Debug)]
pub(crate) struct Authorities {
    /// As they were read: a chain of PEM blocks.
    pub(crate) pem: String,
    certificates: Vec<Certificate<'static>>,
}

impl Authorities {
    /// Takes certificates as PEM; none if there is not one, or one is not readable.
    pub(crate) fn parse(pem: String) -> Option<Self> {
        let items: Result<Vec<PemItem<'static>>, _> = parse_pem(pem.as_bytes()).collect();
        let certificates: Vec<_> = items
            .ok()?
            .into_iter()
            .filter_map(|item| {
                if let PemItem::Certificate(certificate) = item { Some(certificate) } else { None }
            })
            .collect();
        (!certificates.is_empty()).then_some(Self { pem, certificates })
    }

    /// Reads certificates from a file.
    ///
    /// # Errors
    /// If it cannot be read, or holds none.
    pub(crate) fn read(path: &Path) -> Result<Self, anyhow::Error> {
        let pem = std::fs::read_to_string(path)
            .with_context(|| format!("failed to read {}", path.display()))?;
        let none = || Failure::usage(format!("{} holds no certificate as PEM", path.display()));
        Ok(Self::parse(pem).ok_or_else(none)?)
    }
}

/// A client of one office.
#[derive(Debug)]
pub(crate) struct Office {
    url: String,
    agent: ureq::Agent,
    /// Where it is said what is asked.
    screen: Screen,
}

impl Office {
    /// A client of the office at `url`; says nothing yet. Over https its certificate has to lead to
    /// one of `authorities`, or, without any, to one that browsers trust.
    pub(crate) fn at(url: &str, authorities: Option<&Authorities>, screen: Screen) -> Self {
        let roots = authorities.map_or(RootCerts::WebPki, |them| {
            RootCerts::Specific(Arc::new(them.certificates.clone()))
        });
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .proxy(None)
            .build();
        Self { url: url.trim_end_matches('/').to_owned(), agent: config.into(), screen }
    }

    /// Asks the office who it is; also the way to learn that it is there.
    pub(crate) fn info(&self) -> Result<OfficeInfo, OfficeError> {
        self.ask(("GET", "office"), 0, SMALL_MAX, |url| self.agent.get(url).call())
    }

    /// Makes sure that the office is there and is the one that `trust` pins.
    pub(crate) fn check(&self, trust: &Trust) -> Result<(), OfficeError> {
        check_info(&self.url, &self.info()?, Some(trust.office()))
    }

    pub(crate) fn enrol(&self, enrol: &Signed<Enrol>) -> Result<EnrolAnswer, OfficeError> {
        self.post("enrol", enrol)
    }

    pub(crate) fn sync(&self, sync: &Signed<Sync>) -> Result<SyncAnswer, OfficeError> {
        self.post("sync", sync)
    }

    pub(crate) fn claim(&self, bundle: &ClaimBundle) -> Result<ClaimAnswer, OfficeError> {
        self.post("claim", bundle)
    }

    pub(crate) fn resolve(&self, request: &ResolveRequest) -> Result<Verdict, OfficeError> {
        self.post("resolve", request)
    }

    /// Hands over what another wallet sealed; the answer is sealed to that one.
    pub(crate) fn relay(&self, parcel: &Parcel) -> Result<Reply, OfficeError> {
        self.post("relay", parcel)
    }

    fn post<T>(&self, what: &str, request: &impl Serialize) -> Result<T, OfficeError>
    where
        T: Serialize + DeserializeOwned,
    {
        let body = encode(request);
        self.ask(("POST", what), body.len(), OFFICE_BODY_MAX, |url| {
            self.agent.post(url).content_type("application/octet-stream").send(body.as_slice())
        })
    }

    /// One exchange: `call` sends `sent` bytes, of the answer at most `max` are read.
    fn ask<T: Serialize + DeserializeOwned>(
        &self,
        (method, what): (&str, &str),
        sent: usize,
        max: usize,
        call: impl FnOnce(&str) -> Result<Response, ureq::Error>,
    ) -> Result<T, OfficeError> {
        let (path, begun) = (format!("/v1/{what}"), Instant::now());
        let answer = call(&format!("{}{path}", self.url)).and_then(|answer| read(answer, max));
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let received = answer.as_ref().ok().map(|(status, body)| (*status, body.len()));
        let end = received.map_or_else(
            || "no answer".to_owned(),
            |(status, bytes)| format!("status {status}, {bytes} bytes received"),
        );
        let (status, bytes) = received.unzip();
        self.screen.detail(
            "office",
            format!("{method} {path}: {sent} bytes sent, {end}, {ms} ms"),
            &json!({
                "method": method, "path": path, "sent": sent, "status": status, "received": bytes,
                "ms": ms,
            }),
        );
        let (status, body) = answer.map_err(|source| OfficeError::Unreachable {
            url: self.url.clone(),
            source: Box::new(source),
        })?;
        if !(200..300).contains(&status) {
            return Err(OfficeError::Refused { why: problem(status, &body) });
        }
        decode(&body, max).map_err(|source| OfficeError::Answer { url: self.url.clone(), source })
    }
}

type Response = ureq::http::Response<ureq::Body>;

/// The status and the body, which may be one byte longer than `max`: who decodes it says so then.
fn read(mut answer: Response, max: usize) -> Result<(u16, Vec<u8>), ureq::Error> {
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let body = answer.body_mut().with_config().limit(limit).read_to_vec()?;
    Ok((answer.status().as_u16(), body))
}

/// An RFC 9457 problem document in one line.
fn problem(status: u16, body: &[u8]) -> String {
    let document: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let part = |name: &str| document.get(name).and_then(serde_json::Value::as_str);
    let words = part("detail").or_else(|| part("title")).unwrap_or("no reason given");
    format!("{} ({status})", words.chars().take(400).collect::<String>())
}

/// Where an office is met.
#[derive(Debug)]
pub(crate) enum Place {
    /// Over HTTP.
    Url(String),
    /// Only as a file: there is nobody to ask.
    File,
}

/// Reads what the office says of itself from its address or its file, and checks it.
pub(crate) fn meet(
    place: &str,
    pinned: Option<&OfficeId>,
    authorities: Option<&Authorities>,
    screen: Screen,
) -> Result<(OfficeInfo, Place), anyhow::Error> {
    let address = address_of(place);
    let info = if let Some(address) = &address {
        Office::at(address, authorities, screen).info()?
    } else {
        let path = Path::new(place);
        let bytes = read_bytes(path, SMALL_MAX)?;
        decode(&bytes, SMALL_MAX).map_err(|source| ReadFileError::Content {
            path: path.to_owned(),
            what: "an office's information",
            source,
        })?
    };
    check_info(place, &info, pinned)?;
    Ok((info, address.map_or(Place::File, Place::Url)))
}

/// The address that `place` is: with its scheme, or host and port where there is no such file.
fn address_of(place: &str) -> Option<String> {
    let bare = || place.contains(':') && !Path::new(place).exists();
    let has_scheme = ["http://", "https://"].iter().any(|scheme| place.starts_with(scheme));
    let address = match has_scheme {
        true => place.to_owned(),
        false if bare() => format!("http://{place}"),
        false => return None,
    };
    Some(address.trim_end_matches('/').to_owned())
}

fn check_info(
    place: &str,
    info: &OfficeInfo,
    pinned: Option<&OfficeId>,
) -> Result<(), OfficeError> {
    let found = onehop_wire::domain::office_id(&info.root);
    if let Some(expected) = pinned.filter(|expected| **expected != found).copied() {
        return Err(OfficeError::Other { place: place.to_owned(), found, expected });
    }
    let unproven = |source| OfficeError::Unproven { place: place.to_owned(), source };
    Trust::from_info(info, pinned).map_err(unproven)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_becomes_one_line_and_anything_else_its_status() {
        let body = br#"{"title":"name is taken","detail":"name \"asha\" is taken","status":409}"#;
        assert_eq!(problem(409, body), "name \"asha\" is taken (409)");
        assert_eq!(problem(502, b"<html>"), "no reason given (502)");
    }
}
