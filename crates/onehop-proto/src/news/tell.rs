//! What is told, to whom: the newest first, each thing once, within the bound of one NEWS.

use onehop_wire::limits::NEWS_MAX;
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::{List, Message, News, NewsItem, Now, UnixSeconds, WalletId, encode};

use super::board::{Board, Span, Told};
use crate::config::{DELTAS_BLIND, HEADS_TOLD, KEYS_TOLD, PROOFS_TOLD};
use crate::output::PeerId;
use crate::record::LogRecord;
use crate::session::{Open, Peer};
use crate::state::State;
use crate::wallet::Wallet;

/// Bytes of a NEWS beside its items, at most: variant, number, count.
const FRAME_BYTES: usize = 8;

/// A NEWS being filled.
#[derive(Debug, Default)]
struct Page {
    items: Vec<NewsItem>,
    bytes: usize,
}

impl Page {
    /// Adds `item` if there is room for it.
    fn add(&mut self, item: NewsItem) -> bool {
        let bytes = self.bytes.saturating_add(encode(&item).len());
        if bytes.saturating_add(FRAME_BYTES) > NEWS_MAX {
            return false;
        }
        self.bytes = bytes;
        self.items.push(item);
        true
    }
}

impl Wallet {
    /// Tells the peer what it may not know, once in a session, if there is anything.
    pub(crate) fn tell_news(&mut self, now: Now, peer: PeerId) {
        let Some(context) = self.context(now, peer) else {
            return;
        };
        let today = context.today;
        let open = self.peers.get(&peer).and_then(Peer::open).filter(|open| !open.told_news);
        let silent = self.state.frozen || mutant::is(Mutant::NewsNotTold);
        let Some((wallet, news)) = open
            .filter(|_| !silent)
            .map(|open| (open.wallet(), self.state.news_for(open, &context.me, today)))
        else {
            return;
        };
        let Some((news, told)) = news else {
            return;
        };
        if let Some(open) = self.peers.get_mut(&peer).and_then(Peer::open_mut) {
            open.told_news = true;
        }
        self.record(vec![LogRecord::Told { wallet, told }], false);
        self.say(now, peer, &Message::News(Box::new(news)));
    }
}

impl State {
    /// What there is to tell in a session, and what its wallet has been told then; none if there
    /// is nothing.
    fn news_for(&self, open: &Open, me: &WalletId, today: UnixSeconds) -> Option<(News, Told)> {
        let wallet = open.wallet();
        let mut told = self.board.told(&wallet).unwrap_or_default();
        let shown = open.payer.as_ref().map(|payer| payer.checkpoint().body());
        let key = shown.map_or(0, |shown| shown.signed_by);
        told.key = told.key.max(open.certificate.body().signed_by).max(key);
        // A wallet that never showed its number may have any.
        let is_known = shown.is_some() || self.board.told(&wallet).is_some();
        told.revocations = told.revocations.max(shown.map_or(0, |shown| shown.revocations));
        let mut page = Page::default();
        self.tell_keys(&mut page, &mut told, today);
        self.board.tell_deltas(&mut page, &mut told, is_known);
        self.board.tell_forks(&mut page, &mut told.forks, &wallet);
        let skipped = [wallet, *me];
        self.board.tell_heads(&mut page, &mut told.heads, &skipped, today);
        if page.items.is_empty() {
            return None;
        }
        let items = List::new(page.items).ok()?;
        Some((News { revocations: self.board.number, items }, told))
    }

    fn tell_keys(&self, page: &mut Page, told: &mut Told, today: UnixSeconds) {
        let Some(trust) = &self.trust else {
            return;
        };
        for (at, root) in trust.new_roots().iter().enumerate() {
            let count = u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1);
            if count > told.roots && page.add(NewsItem::Root(root.clone())) {
                told.roots = count;
            }
        }
        let known = told.key;
        let lacking = trust.keys().filter(|key| key.body.number > known);
        let lacking: Vec<_> = lacking.filter(|key| key.body.not_after >= today).collect();
        let skip = lacking.len().saturating_sub(KEYS_TOLD);
        for key in lacking.into_iter().skip(skip) {
            if page.add(NewsItem::Key(key.clone())) {
                told.key = key.body.number;
            }
        }
    }
}

impl Board {
    /// In order from the list that the wallet has. If that is not known the newest few: they help
    /// unless it lacks more.
    fn tell_deltas(&self, page: &mut Page, told: &mut Told, is_known: bool) {
        let from = if is_known {
            told.revocations
        } else {
            let newest = self.deltas.len().saturating_sub(DELTAS_BLIND);
            let first = self.deltas.keys().nth(newest).copied();
            first.map_or(0, |first| first.saturating_sub(1))
        };
        let mut last = from;
        for (number, delta) in &self.deltas {
            // Beyond a gap nothing can be taken.
            let is_next = last.checked_add(1) == Some(*number);
            if is_next && page.add(NewsItem::Delta(delta.clone())) {
                last = *number;
            }
        }
        if last > from {
            told.revocations = last;
        }
    }

    fn tell_forks(&self, page: &mut Page, span: &mut Span, wallet: &WalletId) {
        let others = self.forked.iter().filter(|(forked, _)| *forked != wallet);
        let proofs: Vec<_> = others
            .filter_map(|(_, forked)| Some((forked.serial, forked.proof.as_ref()?)))
            .collect();
        let serials: Vec<u64> = proofs.iter().map(|(serial, _)| *serial).collect();
        let (next, after) = span.next(&serials, PROOFS_TOLD);
        let mut items =
            proofs.iter().filter(|(serial, _)| next.contains(serial)).map(|(_, proof)| *proof);
        if items.all(|proof| page.add(NewsItem::Fork(Box::new(proof.clone())))) {
            *span = after;
        }
    }

    fn tell_heads(
        &self,
        page: &mut Page,
        span: &mut Span,
        skipped: &[WalletId],
        today: UnixSeconds,
    ) {
        let is_told = |wallet: &WalletId| !skipped.contains(wallet);
        let live = self
            .heads
            .iter()
            .filter(|(wallet, held)| is_told(wallet) && held.head.checkpoint.body.expires >= today);
        let heads: Vec<_> = live.map(|(_, held)| (held.serial, &held.head)).collect();
        let serials: Vec<u64> = heads.iter().map(|(serial, _)| *serial).collect();
        // Whatever the room left, what is told is a run of the newest.
        for most in (1..=HEADS_TOLD).rev() {
            let (next, after) = span.next(&serials, most);
            let chosen: Vec<_> = heads.iter().filter(|(it, _)| next.contains(it)).collect();
            let bytes: usize = chosen
                .iter()
                .map(|(_, head)| encode(*head).len().saturating_add(1))
                .fold(page.bytes, usize::saturating_add);
            if bytes.saturating_add(FRAME_BYTES) > NEWS_MAX {
                continue;
            }
            for (_, head) in chosen {
                page.add(NewsItem::Head(Box::new((*head).clone())));
            }
            *span = after;
            return;
        }
    }
}
