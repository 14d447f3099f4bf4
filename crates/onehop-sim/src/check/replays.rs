//! I13: replays change nothing, and are answered with the same signed bytes.

use money_office::OfficeError;
use onehop_proto::State;
use onehop_wire::office::{OfficeAnswer, OfficeRequest};

use super::{I13, OFFICE_I13};
use crate::env::Env;
use crate::office::OfficeSim;

/// A packet was given to a wallet a second time.
pub(crate) fn packet(env: &mut Env, name: &str, before: &State, after: &State) {
    if before != after {
        env.facts.violate(I13, format!("{name} changed by a packet given twice"));
    }
}

/// The office is asked what it has just answered.
pub(crate) fn request(
    env: &mut Env,
    office: &OfficeSim,
    (request, answer): (&OfficeRequest, &OfficeAnswer),
    name: &str,
) -> Result<(), OfficeError> {
    if !office.repeats(env, request, answer)? {
        env.facts.violate(OFFICE_I13, format!("{name} asked twice"));
    }
    Ok(())
}
