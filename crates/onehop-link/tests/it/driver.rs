//! A device with a link and channels, driven as the node drives them.

use std::{collections::VecDeque, future::Future, time::Duration};

use onehop_link::{
    channels::{Channels, ChannelsConfig, ChannelsOutput},
    link::{Link, LinkEvent, LinkId, PeerRef},
};
use tokio::time::{Instant, sleep_until, timeout};

/// Long enough for anything on a loaded machine.
const GENEROUS: Duration = Duration::from_secs(30);

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(GENEROUS, future).await.expect("it happens in time")
}

pub(crate) async fn next(link: &mut impl Link) -> LinkEvent {
    soon(link.recv()).await.expect("the link goes on")
}

/// Waits until `lookup` is heard, and skips what else is.
pub(crate) async fn hear(link: &mut impl Link, lookup: &[u8]) -> PeerRef {
    loop {
        if let LinkEvent::Heard { peer, lookup: heard } = next(link).await
            && heard == lookup
        {
            return peer;
        }
    }
}

/// Waits for the next event that is no look-up.
pub(crate) async fn next_of_connection(link: &mut impl Link) -> LinkEvent {
    loop {
        match next(link).await {
            LinkEvent::Heard { .. } => {}
            event @ (LinkEvent::Up { .. } | LinkEvent::Down { .. } | LinkEvent::Frame { .. }) => {
                return event;
            }
        }
    }
}

pub(crate) async fn up(link: &mut impl Link) -> (LinkId, bool) {
    match next_of_connection(link).await {
        LinkEvent::Up { link, initiator, .. } => (link, initiator),
        event @ (LinkEvent::Heard { .. } | LinkEvent::Down { .. } | LinkEvent::Frame { .. }) => {
            panic!("not up: {event:?}")
        }
    }
}

pub(crate) struct Device<L> {
    pub(crate) link: L,
    pub(crate) channels: Channels,
    start: Instant,
    seen: VecDeque<ChannelsOutput>,
}

impl<L: Link> Device<L> {
    pub(crate) fn new(link: L) -> Self {
        let channels = Channels::new(ChannelsConfig { retry_ms: 50, ..Default::default() });
        Self { link, channels, start: Instant::now(), seen: VecDeque::new() }
    }

    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).expect("short tests")
    }

    /// Waits for the next thing that a node sees. Cancel-safe enough for a test: a frame that is
    /// lost by cancelling is sent again.
    pub(crate) async fn see(&mut self) -> ChannelsOutput {
        loop {
            self.drain().await;
            if let Some(output) = self.seen.pop_front() {
                return output;
            }
            self.wait().await;
        }
    }

    async fn drain(&mut self) {
        while let Some(output) = self.channels.poll(self.now()) {
            match output {
                // A refusal is followed by the link's own report.
                ChannelsOutput::SendFrame { link, bytes } => {
                    self.link.send(link, &bytes).await.ok();
                }
                ChannelsOutput::Connect { channel, peer } => {
                    let link = self.link.connect(peer).ok();
                    self.channels.dialed(self.now(), channel, link);
                }
                ChannelsOutput::Close { link } => self.link.close(link),
                ChannelsOutput::Heard { .. }
                | ChannelsOutput::Up { .. }
                | ChannelsOutput::Message { .. }
                | ChannelsOutput::Down { .. } => self.seen.push_back(output),
            }
        }
    }

    async fn wait(&mut self) {
        let timer = self.channels.poll_timeout().map_or(GENEROUS, Duration::from_millis);
        tokio::select! {
            event = self.link.recv() => {
                let event = event.expect("the link goes on");
                self.channels.handle(self.now(), event);
            }
            () = sleep_until(self.start + timer) => self.channels.handle_timeout(self.now()),
        }
    }
}
