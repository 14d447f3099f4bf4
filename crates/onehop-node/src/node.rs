//! The event loop: what happens goes to the wallet, and what the wallet says is done, in order.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use onehop_link::channels::{Channels, ChannelsConfig, ChannelsOutput, DownReason};
use onehop_link::framing::ChannelId;
use onehop_link::link::{Link, LinkError, LinkEvent, LinkId};
use onehop_proto::{Event, Output, PeerId};
use onehop_store::Journal;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{sleep, sleep_until};

use crate::error::{CommandError, NodeError};
use crate::events::{self, Events, Teller};
use crate::handle::{self, Command, Handle, Reply};
use crate::keeper::{Keeper, persist_act};
use crate::peers::{Heard, Peers};
use crate::watch::{Act, Go, Watch};

/// How long channels may take to become idle when the node stops, in milliseconds.
const IDLE_MS: u64 = 3_000;
/// How long the link may take to say goodbye after that, in milliseconds.
const GOODBYE_MS: u64 = 500;

/// Runs `keeper` over `link` as a task of the present tokio runtime.
///
/// The task ends when [`Handle::stop`] is called or all handles are dropped, and gives the keeper
/// back; or when the log or the link fails, with the error. `watch` sees every act.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn start<L: Link + 'static, J: Journal + Send + 'static>(
    keeper: Keeper<J>,
    link: L,
    watch: Box<dyn Watch>,
) -> (Handle, Events, JoinHandle<Result<Keeper<J>, NodeError>>) {
    let (handle, commands) = handle::channel();
    let (teller, events) = events::channel();
    let node = Node {
        keeper,
        link,
        watch,
        teller,
        channels: Channels::new(ChannelsConfig::default()),
        seen: VecDeque::new(),
        peers: Peers::default(),
        gone: Vec::new(),
        links: BTreeSet::new(),
        lookup: None,
        buying_until: None,
    };
    (handle, events, tokio::spawn(node.run(commands)))
}

struct Node<L, J: Journal> {
    keeper: Keeper<J>,
    link: L,
    watch: Box<dyn Watch>,
    teller: Teller,
    channels: Channels,
    /// What channels report, to be told to the wallet one at a time.
    seen: VecDeque<ChannelsOutput>,
    peers: Peers,
    /// Peers whose channels were cut, which the wallet is to be told.
    gone: Vec<PeerId>,
    /// Connections open or being made.
    links: BTreeSet<LinkId>,
    /// What this device itself announces.
    lookup: Option<Vec<u8>>,
    buying_until: Option<u64>,
}

impl<L: Link, J: Journal> Node<L, J> {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) -> Result<Keeper<J>, NodeError> {
        loop {
            self.settle().await?;
            self.keeper.compact(false)?;
            let deadline = self.deadline();
            let clock = self.keeper.clock();
            let timer = async {
                match deadline.and_then(|at| clock.at(at)) {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = self.link.recv() => self.on_link(event.map_err(NodeError::Link)?),
                () = timer => self.on_time().await?,
                command = commands.recv() => match command {
                    None | Some(Command::Stop) => break,
                    Some(command) => {
                        let reply = self.on_command(command).await?;
                        // An answer means that what follows from the command is done.
                        self.settle().await?;
                        reply();
                    }
                },
            }
        }
        self.wind_up().await
    }

    /// Says what is left to say, closes everything, and gives the keeper back.
    async fn wind_up(mut self) -> Result<Keeper<J>, NodeError> {
        let until = self.mono_ms().saturating_add(IDLE_MS);
        self.link.announce(None).await.ok();
        self.keeper.wallet_mut().close_shop();
        self.stop_buying().await;
        loop {
            self.settle().await?;
            let is_idle = self.peers.channels().all(|channel| self.channels.is_idle(channel));
            if is_idle || self.mono_ms() >= until || !self.step_until(until).await? {
                break;
            }
        }
        self.cut();
        self.settle().await?;
        let until = self.mono_ms().saturating_add(GOODBYE_MS);
        while !self.links.is_empty() && self.mono_ms() < until && self.step_until(until).await? {
            self.settle().await?;
        }
        self.link.finish().await;
        Ok(self.keeper)
    }

    /// Waits for the link or the time, `until` at the latest; false if the link has stopped.
    async fn step_until(&mut self, until: u64) -> Result<bool, NodeError> {
        let at = self.deadline().map_or(until, |at| at.min(until));
        let wait = Duration::from_millis(at.saturating_sub(self.mono_ms()));
        tokio::select! {
            event = self.link.recv() => match event {
                Ok(event) => self.on_link(event),
                Err(_) => return Ok(false),
            },
            () = sleep(wait) => self.on_time().await?,
        }
        Ok(true)
    }

    // What happens.

    fn on_link(&mut self, event: LinkEvent) {
        match &event {
            LinkEvent::Up { link, .. } => {
                self.links.insert(*link);
            }
            LinkEvent::Down { link } => {
                self.links.remove(link);
            }
            LinkEvent::Heard { .. } | LinkEvent::Frame { .. } => {}
        }
        self.channels.handle(self.mono_ms(), event);
    }

    /// Does what is due. Timers are levels, not edges: a call too early does nothing.
    async fn on_time(&mut self) -> Result<(), NodeError> {
        self.channels.handle_timeout(self.mono_ms());
        if self.buying_until.is_some_and(|until| until <= self.mono_ms()) {
            self.stop_buying().await;
        }
        self.settle().await?;
        let now = self.keeper.now();
        self.keeper.wallet_mut().handle_timeout(now);
        Ok(())
    }

    async fn on_command(&mut self, command: Command) -> Result<Reply, NodeError> {
        Ok(match command {
            Command::Sell(reply) => {
                let answer = self.sell().await;
                Box::new(move || drop(reply.send(answer)))
            }
            Command::StopSelling(reply) => {
                self.keeper.wallet_mut().close_shop();
                self.lookup = None;
                let answer = self.link.announce(None).await.map_err(CommandError::Link);
                Box::new(move || drop(reply.send(answer)))
            }
            Command::Buy(within, reply) => {
                let answer = self.buy(within).await;
                Box::new(move || drop(reply.send(answer)))
            }
            Command::StopBuying(reply) => {
                self.stop_buying().await;
                Box::new(move || drop(reply.send(Ok(()))))
            }
            Command::OnWallet(command) => {
                let now = self.keeper.now();
                command(self.keeper.wallet_mut(), now)
            }
            Command::History(limit, reply) => {
                let answer = self.keeper.history(limit)?;
                Box::new(move || drop(reply.send(answer)))
            }
            Command::Payment(tx, reply) => {
                let answer = self.keeper.payment(&tx)?;
                Box::new(move || drop(reply.send(answer)))
            }
            Command::Receipt(tx, reply) => {
                let answer = self.keeper.receipt(&tx)?;
                Box::new(move || drop(reply.send(answer)))
            }
            // The loop takes it.
            Command::Stop => Box::new(|| ()),
        })
    }

    async fn sell(&mut self) -> Result<(), CommandError> {
        let lookup = self.keeper.wallet_mut().open_shop()?;
        if let Err(error) = self.link.announce(Some(&lookup)).await {
            self.keeper.wallet_mut().close_shop();
            self.lookup = None;
            return Err(CommandError::Link(error));
        }
        self.lookup = Some(lookup);
        Ok(())
    }

    async fn buy(&mut self, within: Duration) -> Result<(), CommandError> {
        let now = self.keeper.now();
        let for_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        self.keeper.wallet_mut().open_buyer_mode(now, for_ms)?;
        self.buying_until = Some(now.mono_ms.saturating_add(for_ms));
        self.peers.forgive();
        let listening = self.link.listen(true).await;
        if listening.is_err() {
            self.stop_buying().await;
        }
        listening.map_err(CommandError::Link)
    }

    async fn stop_buying(&mut self) {
        self.buying_until = None;
        self.keeper.wallet_mut().close_buyer_mode();
        for channel in self.peers.give_up_seeking() {
            self.channels.close(self.mono_ms(), channel);
        }
        // A link that does not even stop has nothing to say.
        self.link.listen(false).await.ok();
    }

    fn on_heard(&mut self, heard: Heard) -> Result<(), NodeError> {
        let now = self.mono_ms();
        if self.buying_until.is_none() || self.lookup.as_ref() == Some(&heard.lookup) {
            return Ok(());
        }
        if let Some(channel) = self.peers.found_again(&heard) {
            if !self.channels.is_connected(channel) {
                self.channels.found_again(now, channel, heard.at);
            }
            return Ok(());
        }
        if self.peers.may_seek(now, &heard.lookup) {
            let mut id = [0; 8];
            getrandom::fill(&mut id).map_err(NodeError::Random)?;
            // With no room now, it is heard again.
            if self.channels.connect(now, ChannelId(id), heard.at).is_ok() {
                self.peers.seek(ChannelId(id), heard);
            }
        }
        Ok(())
    }

    async fn on_seen(&mut self, seen: ChannelsOutput) -> Result<(), NodeError> {
        match seen {
            ChannelsOutput::Heard { peer, lookup } => self.on_heard(Heard { lookup, at: peer })?,
            ChannelsOutput::Up { channel, initiator } => self.on_up(channel, initiator).await,
            ChannelsOutput::Message { channel, bytes } => {
                self.on_message(channel, &bytes).await;
            }
            ChannelsOutput::Down { channel, reason } => {
                let refused = matches!(reason, DownReason::Reset(_));
                if let Some(peer) = self.peers.down(self.mono_ms(), channel, refused) {
                    self.went_down(peer);
                }
            }
            // Flushed, never kept.
            ChannelsOutput::SendFrame { .. }
            | ChannelsOutput::Connect { .. }
            | ChannelsOutput::Close { .. } => {}
        }
        Ok(())
    }

    async fn on_up(&mut self, channel: ChannelId, as_buyer: bool) {
        let peer = PeerId(self.keeper.next_peer());
        let lookup = self.peers.up(peer, channel);
        let act = Act::Up { peer, as_buyer };
        if self.before(&act).await == Go::Cut {
            self.cut();
            return;
        }
        let now = self.keeper.now();
        match lookup {
            Some(lookup) => self.keeper.wallet_mut().handle_up_as_buyer(now, peer, &lookup),
            None if as_buyer => self.keeper.wallet_mut().hang_up(peer),
            None => self.keeper.wallet_mut().handle_up_as_seller(now, peer),
        }
        self.watch.after(&act);
    }

    async fn on_message(&mut self, channel: ChannelId, bytes: &[u8]) {
        let Some(peer) = self.peers.peer(channel) else {
            return;
        };
        let act = Act::Receive { peer, bytes: bytes.len() };
        if self.before(&act).await == Go::Cut {
            self.cut();
            return;
        }
        let now = self.keeper.now();
        self.keeper.wallet_mut().handle_packet(now, peer, bytes);
        self.watch.after(&act);
    }

    fn went_down(&mut self, peer: PeerId) {
        self.keeper.wallet_mut().handle_down(peer);
        self.watch.after(&Act::Down { peer });
    }

    // What is to be done.

    /// Does all that the wallet and the channels want, until neither wants anything.
    async fn settle(&mut self) -> Result<(), NodeError> {
        loop {
            self.drain().await?;
            self.flush().await;
            if let Some(seen) = self.seen.pop_front() {
                self.on_seen(seen).await?;
                continue;
            }
            let now = self.mono_ms();
            let flushed = self.peers.closed(now, |channel| self.channels.is_idle(channel));
            if flushed.is_empty() {
                return Ok(());
            }
            for channel in flushed {
                self.channels.close(now, channel);
            }
        }
    }

    async fn drain(&mut self) -> Result<(), NodeError> {
        loop {
            while let Some(output) = self.keeper.wallet_mut().poll_output() {
                self.carry_out(output).await?;
            }
            let Some(peer) = self.gone.pop() else {
                return Ok(());
            };
            self.went_down(peer);
        }
    }

    async fn carry_out(&mut self, output: Output) -> Result<(), NodeError> {
        match output {
            Output::Persist(batch) => {
                let act = persist_act(&batch);
                if self.before(&act).await == Go::Cut {
                    self.cut();
                    self.flush().await;
                }
                self.keeper.persist(&batch)?;
                self.watch.after(&act);
            }
            Output::Transmit { peer, bytes, name } => self.transmit(peer, bytes, name).await,
            Output::Disconnect(peer) => {
                self.peers.disconnect(self.mono_ms(), peer);
                self.watch.after(&Act::Down { peer });
            }
            Output::Notify(event) => self.notify(event),
        }
        Ok(())
    }

    async fn transmit(&mut self, peer: PeerId, bytes: Vec<u8>, name: &'static str) {
        let Some(channel) = self.peers.channel(peer) else {
            return;
        };
        let act = Act::Send { peer, name, bytes: bytes.len() };
        if self.before(&act).await == Go::Cut {
            self.cut();
            self.flush().await;
            return;
        }
        // What a channel does not take is lost, as on the air; the wallet repeats what matters.
        self.channels.send(channel, bytes).ok();
        self.flush().await;
        self.watch.after(&act);
    }

    fn notify(&mut self, event: Event) {
        if let Event::SellerFound { peer, .. } | Event::SessionOpen { peer, .. } = &event {
            self.peers.proven(*peer);
        }
        self.teller.tell(event);
    }

    /// Asks whoever watches, when all acts before are done.
    async fn before(&mut self, act: &Act) -> Go {
        self.flush().await;
        // Tasks of the link write what they were just given.
        yield_now().await;
        self.watch.before(act)
    }

    /// Hands frames to the link; keeps what is for the wallet.
    async fn flush(&mut self) {
        while let Some(output) = self.channels.poll(self.mono_ms()) {
            match output {
                // A refusal is followed by the link's own report.
                ChannelsOutput::SendFrame { link, bytes } => {
                    self.link.send(link, &bytes).await.ok();
                }
                ChannelsOutput::Connect { channel, peer } => {
                    let link: Result<LinkId, LinkError> = self.link.connect(peer);
                    let link = link.ok();
                    self.links.extend(link);
                    self.channels.dialed(self.mono_ms(), channel, link);
                }
                ChannelsOutput::Close { link } => self.link.close(link),
                ChannelsOutput::Heard { .. }
                | ChannelsOutput::Up { .. }
                | ChannelsOutput::Message { .. }
                | ChannelsOutput::Down { .. } => self.seen.push_back(output),
            }
        }
    }

    /// Ends all channels; what they had not sent is lost.
    fn cut(&mut self) {
        let (channels, peers) = self.peers.cut();
        for channel in channels {
            self.channels.close(self.mono_ms(), channel);
        }
        self.gone.extend(peers);
    }

    fn deadline(&self) -> Option<u64> {
        let wallet = self.keeper.wallet().poll_timeout();
        let channels = self.channels.poll_timeout();
        [wallet, channels, self.peers.deadline(), self.buying_until].into_iter().flatten().min()
    }

    fn mono_ms(&self) -> u64 {
        self.keeper.now().mono_ms
    }
}
