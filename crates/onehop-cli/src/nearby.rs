//! A running node with a person beside it: events, typed lines, time and signals in one stream.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, Result};
use onehop_link::bearer::{AnyLink, Bearer, Choice, Opened};
use onehop_link::ble::Notices;
use onehop_link::ble::error::Notice;
use onehop_link::lan::LanConfig;
use onehop_node::{Events, Handle, Keeper, NodeError};
use onehop_proto::{Event, Fault};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::args::{LinkArgs, LinkKind};
use crate::render::Screen;
use crate::stdin::Lines;
use crate::trace::Trace;
use crate::words;

/// A node, and what a person says to it.
#[derive(Debug)]
pub(crate) struct Nearby {
    pub(crate) handle: Handle,
    pub(crate) screen: Screen,
    events: Events,
    node: JoinHandle<Result<Keeper, NodeError>>,
    lines: Lines,
    lines_ended: bool,
    signals: Signals,
    /// What happens to the computer's Bluetooth, until the link is gone.
    notices: Option<Notices>,
    last_fault: Option<Fault>,
}

/// What happened next.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The wallet says something.
    Event(Event),
    /// The person typed a line; `None`: there will be no more.
    Line(Option<String>),
    /// The time is up.
    TimeUp,
    /// The person or the system wants the program to end.
    Interrupted,
    /// The node is gone; its task says why.
    Ended,
}

/// Runs `work` on a runtime of several threads, because `--step` holds one of them up.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let result = runtime.block_on(work);
    // A thread may be waiting for a line that never comes.
    runtime.shutdown_background();
    result
}

impl Nearby {
    /// Starts the node. It is silent and deaf until told otherwise.
    pub(crate) async fn start(
        keeper: Keeper,
        args: &LinkArgs,
        screen: Screen,
        to_sell: bool,
    ) -> Result<Self> {
        let opened = AnyLink::open(choice(args, to_sell)).await?;
        let json = serde_json::json!({ "link": opened.name(), "adapter": opened.adapter });
        screen.progress("link", opened.words(), &json);
        tell_bearer(screen, args, &opened);
        let signals = Signals::new().context("failed to watch for signals")?;
        let watch = Box::new(Trace::new(screen, args));
        let (handle, events, node) = onehop_node::start(keeper, opened.link, watch);
        // Stdin belongs to the steps.
        let lines = if args.step { Lines::none() } else { Lines::of_stdin() };
        Ok(Self {
            handle,
            screen,
            events,
            node,
            lines,
            lines_ended: false,
            signals,
            notices: opened.notices,
            last_fault: None,
        })
    }

    /// Waits for what happens next, but not past `until`. Typed lines are only taken while
    /// `asking`; their end is said once. `waiting` is what the countdown says.
    pub(crate) async fn hear(&mut self, until: Instant, asking: bool, waiting: &str) -> Heard {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            let heard = tokio::select! {
                event = self.events.next() => event.map_or(Heard::Ended, Heard::Event),
                line = self.lines.next(), if asking && !self.lines_ended => {
                    self.lines_ended = line.is_none();
                    Heard::Line(line)
                }
                notice = next_notice(&mut self.notices) => {
                    self.tell_notice(notice.as_ref());
                    continue;
                }
                () = self.signals.next() => Heard::Interrupted,
                () = tokio::time::sleep_until(until) => Heard::TimeUp,
                _ = second.tick(), if self.screen.has_countdown() => {
                    let left = until.saturating_duration_since(Instant::now()).as_secs();
                    self.screen.countdown(&format!("{waiting}, {left} s left "));
                    continue;
                }
            };
            self.screen.clear_countdown();
            return heard;
        }
    }

    /// True if this computer's Bluetooth carries the frames.
    pub(crate) const fn is_over_bluetooth(&self) -> bool {
        self.notices.is_some()
    }

    /// True once the person cannot type any more.
    pub(crate) const fn is_unattended(&self) -> bool {
        self.lines_ended
    }

    /// Says what a peer did wrong; the same only once in a row, as it comes with every look-up.
    pub(crate) fn tell_fault(&mut self, fault: Fault) {
        if self.last_fault == Some(fault) {
            return;
        }
        self.last_fault = Some(fault);
        let words = fault.words();
        let json = serde_json::json!({ "fault": words, "refused": is_refusal(fault) });
        self.screen.progress("fault", format!("ignored a device nearby: {words}"), &json);
    }

    /// Says what another wallet told behind a payment, or what this one concluded from it.
    pub(crate) fn tell_news(&mut self, news: &Event) {
        if let Event::RevocationsNews { number, added, from } = news {
            let added: Vec<String> = added.iter().map(ToString::to_string).collect();
            let count = added.len();
            let json = serde_json::json!({
                "revocations": number, "added": added, "from": from.to_string(),
            });
            self.screen.progress("revocations", words::revocations(*number, count), &json);
        }
        if let Event::ForkNews { wallet, name, from } = news {
            let told = from.map(|from| from.to_string());
            let json = serde_json::json!({
                "wallet": wallet.to_string(), "name": name, "from": told,
            });
            self.screen.progress("fork", words::fork(name), &json);
        }
    }

    /// Says what happened to the computer's Bluetooth.
    fn tell_notice(&mut self, notice: Option<&Notice>) {
        match notice {
            Some(notice) => {
                let text = notice.to_string();
                let json = serde_json::json!({ "text": text });
                self.screen.progress("bluetooth", &text, &json);
            }
            None => self.notices = None,
        }
    }

    /// The last thing that a peer did wrong, as the end of a sentence.
    pub(crate) fn fault_words(&self) -> String {
        self.last_fault.map(|fault| format!(" (last fault: {})", fault.words())).unwrap_or_default()
    }

    /// Ends the node and gives the wallet back.
    pub(crate) async fn stop(self) -> Result<Keeper> {
        self.handle.stop().await;
        let keeper = self.node.await.context("the node's task failed")?;
        Ok(keeper?)
    }
}

/// What the arguments choose.
pub(crate) fn choice(args: &LinkArgs, to_sell: bool) -> Choice {
    let bearer = match args.link {
        LinkKind::Auto => Bearer::Auto,
        LinkKind::Lan => Bearer::Lan,
        LinkKind::Ble => Bearer::Ble,
    };
    let lan = LanConfig { port: args.port, interface: args.interface, ..LanConfig::default() };
    Choice { bearer, adapter: args.adapter.clone(), lan, to_sell }
}

/// Tells a person who wonders what carries the frames.
pub(crate) fn tell_bearer(screen: Screen, args: &LinkArgs, opened: &Opened) {
    let (name, adapter) = (opened.name(), opened.adapter.as_deref());
    let is_lan = name == "lan";
    let interface = args.interface.filter(|_| is_lan).map(|ip| ip.to_string());
    let text = if is_lan {
        let interface = interface.as_deref().unwrap_or("of the system's choice");
        format!("lan, interface {interface}, port {}", args.port)
    } else {
        format!("{name}, adapter {}", adapter.unwrap_or("of the system's choice"))
    };
    let json = serde_json::json!({
        "link": name, "adapter": adapter, "interface": interface,
        "port": is_lan.then_some(args.port),
    });
    screen.detail("bearer", text, &json);
}

async fn next_notice(notices: &mut Option<Notices>) -> Option<Notice> {
    match notices {
        Some(notices) => notices.next().await,
        None => std::future::pending().await,
    }
}

const fn is_refusal(fault: Fault) -> bool {
    matches!(fault, Fault::Certificate(_) | Fault::Version)
}

/// Waits until the person or the system wants the program to end.
pub(crate) async fn interruption() -> Result<()> {
    let mut signals = Signals::new().context("failed to watch for signals")?;
    signals.next().await;
    Ok(())
}

/// Interrupt and termination.
#[derive(Debug)]
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
