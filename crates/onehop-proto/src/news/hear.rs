//! What a wallet makes of NEWS: each item by itself, verified, or dropped.

use onehop_crypto::{ChainError, Trust};
use onehop_evidence::{HeadFault, PayerFault, ProofFault, verify_fork, verify_head};
use onehop_wire::evidence::ForkProof;
use onehop_wire::limits::NEWS_MAX;
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::{NewRoot, RevocationDelta};
use onehop_wire::{
    Head, Message, News, NewsItem, Now, OfficeKey, Signed, UnixSeconds, WalletId, encode,
};

use crate::event::{Event, Fault};
use crate::output::{Output, PeerId};
use crate::record::LogRecord;
use crate::session::Peer;
use crate::state::State;
use crate::wallet::Wallet;

/// What an item comes to.
enum Finding {
    /// It changes this.
    Keep(Vec<LogRecord>),
    /// It is known, out of date, or beyond what can be judged here.
    Nothing,
    /// Whoever told it cannot have verified it.
    False,
}

/// Who hears, from whom, and when.
struct Listener<'a> {
    trust: &'a Trust,
    me: WalletId,
    from: WalletId,
    today: UnixSeconds,
}

impl Wallet {
    /// NEWS arrived: one in a session, and not longer than it may be.
    pub(crate) fn on_news(&mut self, now: Now, peer: PeerId, news: News) {
        let Some(open) = self.peers.get_mut(&peer).and_then(Peer::open_mut) else {
            return;
        };
        let is_second = core::mem::replace(&mut open.heard_news, true);
        let from = open.wallet();
        let message = Message::News(Box::new(news));
        if is_second || encode(&message).len() > NEWS_MAX {
            return self.blame(peer, Fault::Flood);
        }
        let Message::News(news) = message else {
            return;
        };
        if self.state.frozen {
            return;
        }
        let mut is_false = false;
        for item in news.items.into_inner() {
            let Some(context) = self.context(now, peer) else {
                return;
            };
            let (me, today) = (context.me, context.today);
            let listener = Listener { trust: self.trust(), me, from, today };
            match self.state.finding(&listener, item) {
                Finding::Keep(records) => self.take_in(records),
                Finding::Nothing => {}
                Finding::False => is_false = true,
            }
        }
        self.heard_number(from, news.revocations);
        if is_false {
            self.blame(peer, Fault::News);
        }
    }

    fn take_in(&mut self, records: Vec<LogRecord>) {
        let events: Vec<Event> = records.iter().filter_map(event_of).collect();
        self.record(records, false);
        for event in events {
            self.outbox().push(Output::Notify(event));
        }
    }

    /// A number that a wallet says it has reached: it is told what follows.
    fn heard_number(&mut self, wallet: WalletId, number: u32) {
        let mut told = self.state.board.told(&wallet).unwrap_or_default();
        if number > told.revocations {
            told.revocations = number;
            self.record(vec![LogRecord::Told { wallet, told }], false);
        }
    }
}

/// What the person is told of a record that news brought.
pub(crate) fn event_of(record: &LogRecord) -> Option<Event> {
    if let LogRecord::Revoked { delta, from } = record {
        return Some(Event::RevocationsNews {
            number: delta.body.number,
            added: delta.body.added.to_vec(),
            from: *from,
        });
    }
    let LogRecord::Forked { proof, from } = record else {
        return None;
    };
    let payer = &proof.payer.body;
    let (wallet, name) = (payer.wallet(), payer.name.to_string());
    Some(Event::ForkNews { wallet, name, from: *from })
}

impl State {
    fn finding(&self, listener: &Listener<'_>, item: NewsItem) -> Finding {
        match item {
            NewsItem::Root(root) => hear_root(listener, root),
            NewsItem::Key(key) => hear_key(listener, key),
            NewsItem::Delta(delta) => self.hear_delta(listener, delta),
            NewsItem::Fork(proof) => self.hear_fork(listener, proof),
            NewsItem::Head(head) => self.hear_head(listener, head),
        }
    }

    fn hear_delta(&self, listener: &Listener<'_>, delta: Signed<RevocationDelta>) -> Finding {
        match listener.trust.delta(delta) {
            Err(error) => unless_unknown(error),
            Ok(delta) if self.board.number.checked_add(1) == Some(delta.body().number) => {
                let (delta, from) = (delta.into_signed(), listener.from);
                Finding::Keep(vec![LogRecord::Revoked { delta, from }])
            }
            Ok(_) => Finding::Nothing,
        }
    }

    fn hear_fork(&self, listener: &Listener<'_>, proof: Box<ForkProof>) -> Finding {
        if self.board.forked.contains_key(&proof.payer.body.wallet()) {
            return Finding::Nothing;
        }
        match verify_fork(listener.trust, &proof) {
            Err(ProofFault::Chain(error)) => unless_unknown(error),
            Err(_) => Finding::False,
            Ok((wallet, _)) if wallet == listener.me => Finding::Nothing,
            Ok(_) => {
                let from = Some(listener.from);
                Finding::Keep(vec![LogRecord::Forked { proof, from }])
            }
        }
    }

    fn hear_head(&self, listener: &Listener<'_>, head: Box<Head>) -> Finding {
        let purse = &head.checkpoint.body;
        let (wallet, number) = (purse.wallet, (purse.epoch, purse.number));
        if wallet == listener.me || listener.today > purse.expires || self.is_revoked(&wallet) {
            return Finding::Nothing;
        }
        let verified = match verify_head(listener.trust, &head) {
            Ok(verified) => verified,
            Err(HeadFault::Payer(PayerFault::Chain(error))) => return unless_unknown(error),
            Err(_) => return Finding::False,
        };
        let agreed = verified.agreed.signed();
        let fork = self.fork_of(listener.trust, &head.payer, agreed);
        if let Some(proof) = fork.filter(|_| !mutant::is(Mutant::HeadsNotCompared)) {
            let (proof, from) = (Box::new(proof), Some(listener.from));
            return Finding::Keep(vec![LogRecord::Forked { proof, from }]);
        }
        let (epoch, checkpoint) = number;
        let mut records = Vec::new();
        if self.seen.get(&wallet).is_none_or(|seen| *seen < number) {
            records.push(LogRecord::Seen { wallet, epoch, number: checkpoint });
        }
        if self.board.is_newer(&head) {
            records.push(LogRecord::HeadHeard(head));
        }
        if records.is_empty() { Finding::Nothing } else { Finding::Keep(records) }
    }
}

fn hear_root(listener: &Listener<'_>, root: Signed<NewRoot>) -> Finding {
    let known = listener.trust.new_roots().len();
    match listener.trust.clone().add_root(root.clone()) {
        Err(_) => Finding::False,
        Ok(()) if listener.trust.new_roots().iter().any(|it| it.body.root == root.body.root) => {
            Finding::Nothing
        }
        Ok(()) if known >= onehop_wire::limits::NEW_ROOTS_MAX => Finding::Nothing,
        Ok(()) => Finding::Keep(vec![LogRecord::NewRootSeen(root)]),
    }
}

fn hear_key(listener: &Listener<'_>, key: Signed<OfficeKey>) -> Finding {
    if listener.trust.key(key.body.number).is_some() {
        return Finding::Nothing;
    }
    match listener.trust.clone().add_key(key.clone()) {
        // By a root that is not known here yet, or by nobody: that cannot be told apart.
        Err(_) => Finding::False,
        Ok(()) => Finding::Keep(vec![LogRecord::OfficeKeySeen(key)]),
    }
}

/// Who tells what a newer key signed may be right.
const fn unless_unknown(error: ChainError) -> Finding {
    if matches!(error, ChainError::UnknownOfficeKey { .. }) {
        Finding::Nothing
    } else {
        Finding::False
    }
}
