//! Which channel is which peer of the wallet, and which sellers are being tried.

use std::collections::{BTreeMap, VecDeque};

use onehop_link::{framing::ChannelId, link::PeerRef};
use onehop_proto::PeerId;

/// Handshakes with sellers under way at once.
const SOUGHT_MAX: usize = 8;
/// How long a LOOKUP is left alone after its handshake came to nothing, in milliseconds.
const SHUN_MS: u64 = 10_000;
/// LOOKUPs left alone at once; the one left longest goes first.
const SHUNNED_MAX: usize = 64;
/// How long a channel that the wallet closed may take to send what waits, in milliseconds.
const FLUSH_MS: u64 = 2_000;

/// A seller as it was heard.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) lookup: Vec<u8>,
    pub(crate) at: PeerRef,
}

#[derive(Debug)]
struct Known {
    channel: ChannelId,
    /// As a buyer: what the peer was connected for.
    heard: Option<Heard>,
    /// The peer proved who it is.
    is_proven: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Peers {
    known: BTreeMap<PeerId, Known>,
    by_channel: BTreeMap<ChannelId, PeerId>,
    /// Channels to sellers that are not up.
    sought: BTreeMap<ChannelId, Heard>,
    shunned: VecDeque<(Vec<u8>, u64)>,
    /// Channels that the wallet has closed, and when at the latest they are.
    closing: BTreeMap<ChannelId, u64>,
}

impl Peers {
    /// The channel on which the seller with this LOOKUP is tried or met; its place is updated.
    pub(crate) fn found_again(&mut self, heard: &Heard) -> Option<ChannelId> {
        let known = self.known.values_mut().filter_map(|known| {
            let channel = known.channel;
            known.heard.as_mut().map(|before| (channel, before))
        });
        let sought = self.sought.iter_mut().map(|(channel, before)| (*channel, before));
        let (channel, before) =
            known.chain(sought).find(|(_, before)| before.lookup == heard.lookup)?;
        before.at = heard.at;
        Some(channel)
    }

    /// A seller just heard may be connected to.
    pub(crate) fn may_seek(&mut self, now_ms: u64, lookup: &[u8]) -> bool {
        self.shunned.retain(|(_, until)| *until > now_ms);
        let unproven = |known: &&Known| known.heard.is_some() && !known.is_proven;
        let under_way = self.sought.len() + self.known.values().filter(unproven).count();
        under_way < SOUGHT_MAX && self.shunned.iter().all(|(shunned, _)| shunned != lookup)
    }

    pub(crate) fn seek(&mut self, channel: ChannelId, heard: Heard) {
        self.sought.insert(channel, heard);
    }

    /// Buyer mode ended: the channels that are not up, which are no longer sought.
    pub(crate) fn give_up_seeking(&mut self) -> Vec<ChannelId> {
        std::mem::take(&mut self.sought).into_keys().collect()
    }

    pub(crate) fn forgive(&mut self) {
        self.shunned.clear();
    }

    /// A channel is up; gives the LOOKUP for which this device connected.
    pub(crate) fn up(&mut self, peer: PeerId, channel: ChannelId) -> Option<Vec<u8>> {
        let heard = self.sought.remove(&channel);
        let lookup = heard.as_ref().map(|heard| heard.lookup.clone());
        self.known.insert(peer, Known { channel, heard, is_proven: false });
        self.by_channel.insert(channel, peer);
        lookup
    }

    pub(crate) fn proven(&mut self, peer: PeerId) {
        if let Some(known) = self.known.get_mut(&peer) {
            known.is_proven = true;
        }
    }

    /// A channel is over; gives the peer, unless the wallet closed it itself.
    pub(crate) fn down(
        &mut self,
        now_ms: u64,
        channel: ChannelId,
        refused: bool,
    ) -> Option<PeerId> {
        self.closing.remove(&channel);
        if let Some(heard) = self.sought.remove(&channel).filter(|_| refused) {
            self.shun(now_ms, heard.lookup);
        }
        let peer = self.by_channel.remove(&channel)?;
        let known = self.known.remove(&peer);
        if let Some(Known { heard: Some(heard), is_proven: false, .. }) = known
            && refused
        {
            self.shun(now_ms, heard.lookup);
        }
        Some(peer)
    }

    /// The wallet closes a channel.
    pub(crate) fn disconnect(&mut self, now_ms: u64, peer: PeerId) {
        let Some(known) = self.known.remove(&peer) else {
            return;
        };
        self.by_channel.remove(&known.channel);
        self.closing.insert(known.channel, now_ms.saturating_add(FLUSH_MS));
        if let Some(heard) = known.heard {
            self.shun(now_ms, heard.lookup);
        }
    }

    /// Forgets all channels, at once; gives them and the peers that had one.
    pub(crate) fn cut(&mut self) -> (Vec<ChannelId>, Vec<PeerId>) {
        let mut channels = self.give_up_seeking();
        channels.extend(std::mem::take(&mut self.closing).into_keys());
        channels.extend(std::mem::take(&mut self.by_channel).into_keys());
        (channels, std::mem::take(&mut self.known).into_keys().collect())
    }

    /// Closing channels that `is_flushed`, or that have had their time.
    pub(crate) fn closed(
        &mut self,
        now_ms: u64,
        is_flushed: impl Fn(ChannelId) -> bool,
    ) -> Vec<ChannelId> {
        let due = |(channel, until): (&ChannelId, &u64)| {
            (*until <= now_ms || is_flushed(*channel)).then_some(*channel)
        };
        let due: Vec<ChannelId> = self.closing.iter().filter_map(due).collect();
        for channel in &due {
            self.closing.remove(channel);
        }
        due
    }

    pub(crate) fn channel(&self, peer: PeerId) -> Option<ChannelId> {
        self.known.get(&peer).map(|known| known.channel)
    }

    pub(crate) fn peer(&self, channel: ChannelId) -> Option<PeerId> {
        self.by_channel.get(&channel).copied()
    }

    /// All channels with a peer, and those still being closed.
    pub(crate) fn channels(&self) -> impl Iterator<Item = ChannelId> {
        self.by_channel.keys().chain(self.closing.keys()).copied()
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        self.closing.values().copied().min()
    }

    fn shun(&mut self, now_ms: u64, lookup: Vec<u8>) {
        if self.shunned.len() == SHUNNED_MAX {
            self.shunned.pop_front();
        }
        self.shunned.push_back((lookup, now_ms.saturating_add(SHUN_MS)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(n: u8) -> Heard {
        Heard { lookup: vec![n], at: PeerRef(n.into()) }
    }

    #[test]
    fn eight_sellers_at_once_are_sought_and_a_proven_one_makes_room() {
        let mut peers = Peers::default();
        for n in 0..8 {
            assert!(peers.may_seek(0, &[n]));
            peers.seek(ChannelId([n; 8]), heard(n));
        }
        assert!(!peers.may_seek(0, &[8]));
        assert_eq!(peers.up(PeerId(1), ChannelId([0; 8])), Some(vec![0]));
        assert!(!peers.may_seek(0, &[8]));
        peers.proven(PeerId(1));
        assert!(peers.may_seek(0, &[8]));
    }

    #[test]
    fn a_seller_that_was_rejected_is_left_alone_for_ten_seconds() {
        let mut peers = Peers::default();
        peers.seek(ChannelId([0; 8]), heard(0));
        peers.up(PeerId(1), ChannelId([0; 8]));
        assert_eq!(peers.found_again(&heard(0)), Some(ChannelId([0; 8])));
        peers.disconnect(1_000, PeerId(1));
        assert_eq!(peers.found_again(&heard(0)), None);
        assert!(!peers.may_seek(10_999, &[0]));
        assert!(peers.may_seek(10_999, &[1]));
        assert!(peers.may_seek(11_000, &[0]));
    }

    #[test]
    fn a_seller_that_is_only_out_of_reach_is_sought_again_at_once() {
        let mut peers = Peers::default();
        peers.seek(ChannelId([0; 8]), heard(0));
        peers.up(PeerId(1), ChannelId([0; 8]));
        assert_eq!(peers.down(1_000, ChannelId([0; 8]), false), Some(PeerId(1)));
        assert!(peers.may_seek(1_000, &[0]));
    }
}
