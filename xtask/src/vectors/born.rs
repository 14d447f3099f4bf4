//! The log of a wallet that was born and enrolled, and did nothing since.

use onehop_proto::LogRecord;

use super::samples::enrol;
use super::world::{Person, World};

/// The log of `person`'s wallet.
pub(crate) fn born(world: &World, person: &Person) -> Vec<LogRecord> {
    let name = person.certificate.body.name.as_str();
    vec![
        LogRecord::Born {
            signing_seed: person.seed,
            mail_secret: *person.mail.to_bytes(),
            office: world.info(),
        },
        LogRecord::EnrolSigned(world.sign(&person.signer, enrol(person, name))),
        LogRecord::Enrolled(Box::new(onehop_wire::office::EnrolAnswer {
            new_roots: onehop_wire::List::empty(),
            office_key: world.office_key.clone(),
            certificate: person.certificate.clone(),
            checkpoint: person.checkpoint.clone(),
        })),
    ]
}
