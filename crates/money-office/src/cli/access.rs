//! The way to the office: its store, or the running service that has the store open.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use onehop_crypto::{SigningKey, Trust};
use onehop_store::OpenError;
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::office::{OfficeAnswer, OfficeInfo, OfficeRequest};
use onehop_wire::{Currency, Nonce, OfficeId, Signed, Text, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Rule;
use super::folder::{Folder, KeptOffice, read_key};
use super::line::Line;
use crate::service::{Listening, Problem, now};
use crate::{Command as Order, OperatorAnswer, OperatorCommand, StoreError};

const REQUEST_SECONDS_MAX: u64 = 60;

/// Another program has the office open, and no answer comes from it.
#[derive(Debug, thiserror::Error)]
#[error("the office is in use by another program and does not answer{}", .at.map(|at| format!(" at {at}")).unwrap_or_default())]
pub(crate) struct Unreachable {
    at: Option<SocketAddr>,
}

enum Way {
    Store(Box<KeptOffice>),
    Service(Box<Service>),
}

struct Service {
    at: Listening,
    agent: ureq::Agent,
    info: OfficeInfo,
}

/// An office one can give orders to.
pub(crate) struct Access {
    way: Way,
    id: OfficeId,
    operator: SigningKey,
}

impl Access {
    pub(crate) fn open(folder: &Folder) -> Result<Self> {
        let way = match folder.open_office() {
            Ok(office) => Way::Store(Box::new(office)),
            Err(error) if is_locked(&error) => Way::Service(Box::new(Service::connect(folder)?)),
            Err(error) => return Err(error),
        };
        let id = match &way {
            Way::Store(office) => *office.id(),
            Way::Service(_) => folder.id()?,
        };
        Ok(Self { way, id, operator: read_key(&folder.operator_key())? })
    }

    pub(crate) fn info(&self) -> Result<OfficeInfo> {
        match &self.way {
            Way::Store(office) => Ok(office.info()?),
            Way::Service(service) => Ok(service.info.clone()),
        }
    }

    pub(crate) fn currency(&self) -> Result<Currency> {
        Ok(self.info()?.currency)
    }

    /// Signs an order and has it done.
    pub(crate) fn order(&mut self, command: Order) -> Result<OperatorAnswer> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).context("the system gives no randomness")?;
        let body = OperatorCommand { nonce: Nonce(nonce), at: now(), command };
        let order = self.operator.sign(&self.id, body).into_signed();
        match &mut self.way {
            Way::Store(office) => Ok(office.operate(now(), &order)?),
            Way::Service(service) => Ok(service.command(&order)??),
        }
    }

    /// Has the books audited. Where this program reads them itself, a line on a terminal shows how far
    /// it is, and is gone in the end.
    pub(crate) fn audit(&mut self) -> Result<OperatorAnswer> {
        let Way::Store(office) = &self.way else { return self.order(Order::Audit) };
        let line = Line::new();
        let tell = |done, all| line.say(&format!("{done} of {all} rows of evidence replayed"));
        Ok(OperatorAnswer::Audit(office.audit_telling(&tell)?))
    }

    /// Answers a wallet's request that came as a file.
    pub(crate) fn answer(&mut self, request: &OfficeRequest) -> Result<OfficeAnswer> {
        let service = match &mut self.way {
            Way::Store(office) => return Ok(office.answer(now(), request)?),
            Way::Service(service) => service,
        };
        let answer = match request {
            OfficeRequest::Enrol(enrol) => {
                service.post("/v1/enrol", enrol)?.map(|it| OfficeAnswer::Enrol(Box::new(it)))
            }
            OfficeRequest::Sync(sync) => {
                service.post("/v1/sync", sync)?.map(|it| OfficeAnswer::Sync(Box::new(it)))
            }
            OfficeRequest::Claim(claims) => {
                service.post("/v1/claim", claims)?.map(OfficeAnswer::Claim)
            }
            OfficeRequest::Resolve(resolve) => {
                service.post("/v1/resolve", resolve)?.map(|it| OfficeAnswer::Resolve(Box::new(it)))
            }
            OfficeRequest::Relay(parcel) => {
                service.post("/v1/relay", parcel)?.map(|it| OfficeAnswer::Relay(Box::new(it)))
            }
        };
        Ok(match answer {
            Ok(answer) => answer,
            Err(Rule::Problem(detail)) => OfficeAnswer::Refused(Text::new(detail)?),
            Err(
                rule @ (Rule::Credit { .. }
                | Rule::Exists { .. }
                | Rule::Operator { .. }
                | Rule::Case { .. }
                | Rule::Limit { .. }
                | Rule::Payment(_)),
            ) => return Err(rule.into()),
        })
    }
}

/// True if another program has the store open.
fn is_locked(error: &anyhow::Error) -> bool {
    let store = error.chain().find_map(|cause| cause.downcast_ref());
    matches!(store, Some(StoreError::Open(OpenError::Locked { .. })))
}

impl Service {
    fn connect(folder: &Folder) -> Result<Self> {
        let listening = folder.listening().ok_or(Unreachable { at: None })?;
        // Where nobody else asks so much that the operator is refused.
        let at = listening.operator;
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(REQUEST_SECONDS_MAX)))
            .http_status_as_error(false)
            .build()
            .into();
        let response = agent.get(format!("http://{at}/v1/office")).call();
        let response = response.map_err(|_| Unreachable { at: Some(at) })?;
        let bytes = read_body(response)?;
        let info: OfficeInfo = decode(&bytes, OFFICE_BODY_MAX)
            .with_context(|| format!("what answers at {at} is no office"))?;
        Trust::from_info(&info, Some(&folder.id()?))
            .with_context(|| format!("another office answers at {at}"))?;
        Ok(Self { at: listening, agent, info })
    }

    /// The answer to a wallet's request, or what the office says against it.
    fn post<Q: Serialize, A: Serialize + DeserializeOwned>(
        &self,
        path: &str,
        body: &Q,
    ) -> Result<Result<A, Rule>> {
        self.ask(self.at.wallets, path, body)
    }

    /// The answer to an operator's command.
    fn command(&self, order: &Signed<OperatorCommand>) -> Result<Result<OperatorAnswer, Rule>> {
        self.ask(self.at.operator, "/v1/operator/command", order)
    }

    fn ask<Q: Serialize, A: Serialize + DeserializeOwned>(
        &self,
        at: SocketAddr,
        path: &str,
        body: &Q,
    ) -> Result<Result<A, Rule>> {
        let response = self
            .agent
            .post(format!("http://{at}{path}"))
            .header("content-type", "application/octet-stream")
            .send(&encode(body)[..])
            .with_context(|| format!("failed to ask the office at {at}"))?;
        let status = response.status().as_u16();
        let bytes = read_body(response)?;
        if status == 200 {
            let answer = decode(&bytes, OFFICE_BODY_MAX);
            return Ok(Ok(answer.context("the office's answer is not readable")?));
        }
        let problem: Problem = serde_json::from_slice(&bytes)
            .with_context(|| format!("the office answered with status {status}"))?;
        if matches!(status, 401 | 422) {
            return Ok(Err(Rule::Problem(problem.detail)));
        }
        bail!("{}", problem.detail)
    }
}

pub(crate) fn read_body(response: ureq::http::Response<ureq::Body>) -> Result<Vec<u8>> {
    let limit = u64::try_from(OFFICE_BODY_MAX)?;
    let mut body = response.into_body();
    body.with_config().limit(limit).read_to_vec().context("failed to read the office's answer")
}
