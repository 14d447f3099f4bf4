//! What this project says of a message: the words that tools/verify.py is asked for as well.

use onehop_crypto::verify;
use onehop_wire::evidence::{ForkProof, ReceiptFile, ReleaseGround, Second};
use onehop_wire::limits::{MESSAGE_MAX, OFFICE_BODY_MAX, PACKET_MAX};
use onehop_wire::office::{
    ClaimBundle, EntryState, OfficeAnswer, OfficeInfo, OfficeRequest, ResolveRequest, Sync, Verdict,
};
use onehop_wire::{
    Attachment, Claim, DecodeError, List, Lookup, Message, NewsItem, OfficeId, Packet, PublicKey,
    Signed, Statement, decode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Whose signatures are looked for.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) office: OfficeId,
    pub(crate) keys: Vec<PublicKey>,
}

impl Context {
    /// The line that tells tools/verify.py the same.
    pub(crate) fn line(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        format!("context {} {}", self.office, keys.join(","))
    }

    /// The verdict on bytes that are said to be a `kind`.
    pub(crate) fn verdict(&self, kind: Kind, bytes: &[u8]) -> String {
        let mut said = Said { context: self, words: vec!["ok".to_owned()] };
        let done = match kind {
            Kind::Lookup => check::<Lookup>(bytes, MESSAGE_MAX, |_| {}),
            Kind::Packet => check::<Packet>(bytes, PACKET_MAX, |_| {}),
            Kind::Message => check(bytes, PACKET_MAX, |it| said.message(it)),
            Kind::OfficeInfo => check(bytes, OFFICE_BODY_MAX, |it| said.info(it)),
            Kind::OfficeRequest => check(bytes, OFFICE_BODY_MAX, |it| said.request(it)),
            Kind::OfficeAnswer => check(bytes, OFFICE_BODY_MAX, |it| said.answer(it)),
            Kind::ReceiptFile => check(bytes, OFFICE_BODY_MAX, |it| said.receipt(it)),
            Kind::ForkProof => check(bytes, OFFICE_BODY_MAX, |it| said.proof(it)),
        };
        match done {
            Ok(()) => said.words.join(" "),
            Err(DecodeError::TooLong { .. }) => "too-long".to_owned(),
            Err(DecodeError::Trailing { .. }) => "trailing".to_owned(),
            Err(DecodeError::NotCanonical) => "not-canonical".to_owned(),
            Err(_) => "invalid".to_owned(),
        }
    }
}

/// The types that cross a boundary by themselves.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Lookup,
    Packet,
    Message,
    OfficeInfo,
    OfficeRequest,
    OfficeAnswer,
    ReceiptFile,
    ForkProof,
}

fn check<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    most: usize,
    say: impl FnOnce(&T),
) -> Result<(), DecodeError> {
    decode::<T>(bytes, most).map(|value| say(&value))
}

/// The statements met, in the order in which their signatures lie in the bytes.
struct Said<'a> {
    context: &'a Context,
    words: Vec<String>,
}

impl Said<'_> {
    fn say<T: Statement + Clone>(&mut self, statement: &Signed<T>) {
        let office = &self.context.office;
        let signer = self
            .context
            .keys
            .iter()
            .position(|key| verify(office, key, statement.clone()).is_ok())
            .map_or_else(|| "-".to_owned(), |number| number.to_string());
        let hash = statement.hash(office).to_string();
        let (hash, _) = hash.split_at_checked(8).unwrap_or((&hash, ""));
        self.words.push(format!("{}:{hash}:{signer}", T::TYPE));
    }

    fn each<T: Statement + Clone, const MAX: usize>(&mut self, list: &List<Signed<T>, MAX>) {
        list.iter().for_each(|statement| self.say(statement));
    }

    fn message(&mut self, message: &Message) {
        match message {
            Message::CommitRequest { request, .. } => self.say(request),
            Message::Attachment(attachment) => self.attachment(attachment),
            Message::Agreed(agreed) => self.say(agreed),
            Message::Refused(refused) => self.say(refused),
            Message::Commit(commit) => self.say(commit),
            Message::Abort(abort) => self.say(abort),
            Message::Committed(committed) => self.say(committed),
            Message::Released(released) => self.say(released),
            Message::Status { status, request, agreed } => {
                self.say(status);
                self.say(request);
                agreed.iter().for_each(|agreed| self.say(agreed));
            }
            Message::Unknown(_) => {}
            Message::News(news) => news.items.iter().for_each(|item| self.news(item)),
        }
    }

    fn news(&mut self, item: &NewsItem) {
        match item {
            NewsItem::Root(root) => self.say(root),
            NewsItem::Key(key) => self.say(key),
            NewsItem::Delta(delta) => self.say(delta),
            NewsItem::Fork(proof) => self.proof(proof),
            NewsItem::Head(head) => {
                self.say(&head.payer);
                self.say(&head.checkpoint);
                self.say(&head.agreed);
            }
        }
    }

    fn attachment(&mut self, attachment: &Attachment) {
        match attachment {
            Attachment::Receipt(claim) => self.claim(claim),
            Attachment::Release(release) => {
                self.say(&release.agreed);
                match &release.ground {
                    ReleaseGround::Aborted { abort, seller } => {
                        self.say(abort);
                        self.say(seller);
                    }
                    ReleaseGround::Voided(outcome) => self.say(outcome),
                }
            }
        }
    }

    fn claim(&mut self, claim: &Claim) {
        self.say(&claim.payer);
        self.say(&claim.checkpoint);
        self.say(&claim.agreed);
        claim.attachments.iter().for_each(|attachment| self.attachment(attachment));
        self.say(&claim.commit);
        claim.committed.iter().for_each(|committed| self.say(committed));
    }

    fn claims(&mut self, bundle: &ClaimBundle) {
        bundle.claims.iter().for_each(|claim| self.claim(claim));
    }

    fn sync(&mut self, sync: &Signed<Sync>) {
        for entry in sync.body.entries.iter() {
            self.say(&entry.agreed);
            match &entry.state {
                EntryState::InDoubt => {}
                EntryState::Committed(commit) => self.say(commit),
                EntryState::Aborted(abort) => self.say(abort),
                EntryState::Voided(outcome) => self.say(outcome),
            }
        }
        self.each(&sync.body.aborts);
        self.say(sync);
    }

    fn resolve(&mut self, asked: &ResolveRequest) {
        self.say(&asked.resolve);
        self.say(&asked.request);
        self.say(&asked.agreed);
        asked.abort.iter().for_each(|abort| self.say(abort));
    }

    fn info(&mut self, info: &OfficeInfo) {
        self.each(&info.new_roots);
        self.say(&info.office_key);
    }

    fn request(&mut self, request: &OfficeRequest) {
        match request {
            OfficeRequest::Enrol(enrol) => self.say(enrol),
            OfficeRequest::Sync(sync) => self.sync(sync),
            OfficeRequest::Claim(bundle) => self.claims(bundle),
            OfficeRequest::Resolve(asked) => self.resolve(asked),
            // Sealed: nobody but the office sees what is in it.
            OfficeRequest::Relay(_) => {}
        }
    }

    fn answer(&mut self, answer: &OfficeAnswer) {
        match answer {
            OfficeAnswer::Enrol(answer) => {
                self.each(&answer.new_roots);
                self.say(&answer.office_key);
                self.say(&answer.certificate);
                self.say(&answer.checkpoint);
            }
            OfficeAnswer::Sync(answer) => {
                for key in &answer.office_keys {
                    self.say(key);
                }
                self.say(&answer.certificate);
                self.say(&answer.checkpoint);
                self.say(&answer.revocations);
                self.each(&answer.deltas);
                self.each(&answer.new_roots);
                self.each(&answer.outcomes);
            }
            OfficeAnswer::Claim(answer) => {
                answer.verdicts.iter().for_each(|verdict| self.verdict(verdict));
            }
            OfficeAnswer::Resolve(verdict) => self.verdict(verdict),
            OfficeAnswer::Refused(_) | OfficeAnswer::Relay(_) => {}
        }
    }

    fn verdict(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Outcome(outcome) => self.say(outcome),
            Verdict::Pending(pending) => self.say(pending),
            Verdict::Refused(_) => {}
        }
    }

    fn receipt(&mut self, file: &ReceiptFile) {
        self.each(&file.office_keys);
        self.say(&file.payee);
        self.claim(&file.claim);
    }

    fn proof(&mut self, proof: &ForkProof) {
        self.each(&proof.office_keys);
        self.say(&proof.payer);
        self.say(&proof.first);
        match &proof.second {
            Second::Entry(agreed) => self.say(agreed),
            Second::Close(sync) => self.sync(sync),
        }
    }
}
