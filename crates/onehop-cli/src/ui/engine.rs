//! The one task behind all faces: it owns the wallet, does one thing at a time, and says after each
//! change where things stand.

use std::time::Duration;

use anyhow::Result;
use onehop_link::bearer::AnyLink;
use onehop_proto::{Event, PaymentView, Terms};
use onehop_vault::Pin;
use onehop_wire::Currency;
use onehop_wire::office::Transfer;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::near::{Heard, Kind, Near};
use super::purchase::Purchase;
use super::resumption::Resumption;
use super::sale::Sale;
use super::view::{self, End, Errand, Figures, Line, NEWEST, Outcome, View};
use super::wish::{Request, Secret, Wish};
use crate::amount;
use crate::args::{Global, LinkArgs};
use crate::commands::{pay, resume, sell, show, sync};
use crate::folder::{self, Home};
use crate::nearby::{choice, tell_bearer};
use crate::pin::Recheck;
use crate::render::Screen;
use crate::words;

/// Notices that are shown.
const NOTICES_MAX: usize = 5;

/// Where the wallet is.
enum Place {
    /// In its folder, which only the PIN opens.
    Locked,
    /// At hand; the radio is off.
    Here(Box<Home>),
    /// On the air.
    Near(Box<Near>),
    /// With the office, in a thread of its own.
    Office { what: String, back: JoinHandle<(Home, Result<String>)> },
    /// It failed; the program has to be started again.
    Gone,
}

pub(super) struct Engine {
    global: Global,
    link: LinkArgs,
    place: Place,
    view: watch::Sender<View>,
    /// What does not change while the wallet is away.
    last: View,
    /// Something may have changed since the last picture.
    is_stale: bool,
}

/// What happened while nobody asked for anything.
enum Happened {
    Heard(Heard),
    Back(Box<(Home, Result<String>)>),
    /// The thread at the office is gone, and the wallet with it.
    Lost,
}

impl Engine {
    /// An engine with the wallet, or, without one, in front of its lock.
    pub(super) fn new(
        global: Global,
        link: LinkArgs,
        home: Option<Home>,
        view: watch::Sender<View>,
    ) -> Self {
        let last = View { radio: "off".to_owned(), ..View::default() };
        let place = home.map_or(Place::Locked, |home| Place::Here(Box::new(home)));
        Self { global, link, place, view, last, is_stale: true }
    }

    /// Runs until a face wants to quit or all faces are gone.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) -> Result<()> {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            self.tell().await;
            tokio::select! {
                request = requests.recv() => match request {
                    None | Some(Request::Quit) => break,
                    Some(request) => self.on_request(request).await?,
                },
                happened = happens(&mut self.place, &mut second) => {
                    self.on_happened(happened).await?;
                }
            }
        }
        self.leave("before the end").await
    }

    async fn on_request(&mut self, request: Request) -> Result<()> {
        self.is_stale = true;
        match request {
            Request::Wish(wish, reply) => {
                let answer = self.on_wish(wish).await;
                let refused = answer.map_err(|error| format!("{error:#}"));
                // The next key is taken by what the view shows, so that it shows first what
                // this one did. Who asked may have gone.
                self.tell().await;
                reply.send(refused).ok();
            }
            Request::History { skip, limit, reply } => {
                let all = self.history(skip.saturating_add(limit)).await;
                reply.send(all.iter().skip(skip).map(Line::of).collect()).ok();
            }
            Request::Receipt(tx, reply) => {
                let receipt = match &self.place {
                    Place::Here(home) => home.keeper.receipt(&tx)?,
                    Place::Near(near) => near.handle.receipt(tx).await?,
                    Place::Locked | Place::Office { .. } | Place::Gone => None,
                };
                reply.send(receipt).ok();
            }
            Request::Quit => {}
        }
        Ok(())
    }

    async fn on_wish(&mut self, wish: Wish) -> Result<()> {
        match wish {
            Wish::Sell { amount, order } => {
                let home = self.here()?;
                let terms = terms(home, &amount, &order)?;
                let sale = Sale::new(terms, home.settings.notes.clone());
                self.go_near(Kind::Sell(sale)).await
            }
            Wish::Pay => {
                let home = self.here()?;
                pay::check_purse(home)?;
                let earlier = resume::unfinished(home).iter().map(|it| it.tx).collect();
                let recheck = Recheck::of(&self.global, &home.dir, home.settings.pin_above)?;
                let notes = home.settings.notes.clone();
                let purchase = Purchase::new(home.currency()?, earlier, recheck, notes);
                self.go_near(Kind::Pay(purchase)).await
            }
            Wish::Resume => {
                let left = resume::unfinished(self.here()?);
                anyhow::ensure!(!left.is_empty(), "nothing is unfinished");
                self.go_near(Kind::Resume(Resumption::new(left))).await
            }
            Wish::Ask { id } => match self.near()? {
                Near { kind: Kind::Sell(sale), handle, .. } => text(sale.ask(handle, &id).await),
                _ => Err(anyhow::anyhow!("nothing is being sold")),
            },
            Wish::Choose { number } => match self.near()? {
                Near { kind: Kind::Pay(it), handle, .. } => text(it.choose(handle, number).await),
                _ => Err(anyhow::anyhow!("the wallet is not in buyer mode")),
            },
            Wish::Answer { yes, pin } => match self.near()? {
                Near { kind: Kind::Pay(it), handle, .. } => text(it.answer(handle, yes, pin).await),
                _ => Err(anyhow::anyhow!("nothing is asked")),
            },
            Wish::Stop => self.leave("before it was stopped").await,
            Wish::Sync => self.go_to_office("settling with the office", Transfer::None),
            Wish::Charge { amount } => {
                let money = amount::parse(&amount, self.here()?.currency()?)?;
                self.go_to_office("charging the purse", Transfer::Charge(money.minor()))
            }
            Wish::Withdraw { amount } => {
                let money = amount::parse(&amount, self.here()?.currency()?)?;
                self.go_to_office("withdrawing", Transfer::Withdraw(money.minor()))
            }
            Wish::ResumeAtOffice => self.ask_office(),
            Wish::Unlock { pin } => self.unlock(&pin),
            Wish::Lock => {
                self.here()?;
                self.place = Place::Locked;
                self.last = View { number: self.last.number, ..View::default() };
                Ok(())
            }
            Wish::Dismiss => {
                self.last.end = None;
                Ok(())
            }
        }
    }

    async fn on_happened(&mut self, happened: Happened) -> Result<()> {
        self.is_stale = !matches!(happened, Happened::Heard(Heard::Second));
        match happened {
            Happened::Heard(Heard::Event(event)) => {
                if let Some(notice) = notice(&event) {
                    self.note(notice);
                }
                let end = self.near()?.on_event(*event).await?;
                if let Some(end) = end {
                    self.finish(Some(end)).await?;
                }
            }
            Happened::Heard(Heard::Notice(notice)) => self.note(notice),
            Happened::Heard(Heard::TimeUp) => self.leave("in time").await?,
            // The node says why when it is stopped.
            Happened::Heard(Heard::Ended) => self.finish(None).await?,
            Happened::Heard(Heard::Second) => {}
            Happened::Back(back) => self.on_back(*back),
            Happened::Lost => anyhow::bail!("the wallet was lost on its way to the office"),
        }
        Ok(())
    }

    /// Ends what goes on, if anything does.
    async fn leave(&mut self, when: &str) -> Result<()> {
        match &mut self.place {
            Place::Near(near) => {
                let end = near.give_up(when).await?;
                self.finish(Some(end)).await
            }
            Place::Office { back, .. } => {
                let back = back.await?;
                self.on_back(back);
                Ok(())
            }
            Place::Locked | Place::Here(_) | Place::Gone => Ok(()),
        }
    }

    fn on_back(&mut self, (home, done): (Home, Result<String>)) {
        let (outcome, text) = match done {
            Ok(text) => (Outcome::Done, text),
            Err(error) => (Outcome::Failed, format!("{error:#}")),
        };
        self.place = Place::Here(Box::new(home));
        self.last.end = Some(End { outcome, text, tx: None });
    }

    /// Leaves the air: says the end at once, then lets what is still owed to the peer go out.
    async fn finish(&mut self, end: Option<End>) -> Result<()> {
        let Place::Near(near) = std::mem::replace(&mut self.place, Place::Gone) else {
            return Ok(());
        };
        if end.is_some() {
            self.last.end = end;
            self.last.errand = Errand::None;
            self.publish();
        }
        let home = near.stop().await?;
        self.place = Place::Here(Box::new(home));
        Ok(())
    }

    fn here(&self) -> Result<&Home> {
        match &self.place {
            Place::Here(home) => Ok(home),
            Place::Locked => Err(anyhow::anyhow!("the wallet is locked")),
            Place::Near(_) | Place::Office { .. } | Place::Gone => {
                Err(anyhow::anyhow!("something else is going on: stop it first"))
            }
        }
    }

    fn near(&mut self) -> Result<&mut Near> {
        match &mut self.place {
            Place::Near(near) => Ok(near),
            Place::Locked | Place::Here(_) | Place::Office { .. } | Place::Gone => {
                Err(anyhow::anyhow!("the wallet is not looking for anybody"))
            }
        }
    }

    async fn go_near(&mut self, kind: Kind) -> Result<()> {
        self.here()?;
        let to_sell = !matches!(kind, Kind::Pay(_));
        // The wallet stays at hand if there is no radio.
        let opened = AnyLink::open(choice(&self.link, to_sell)).await?;
        tell_bearer(Screen::of(&self.global), &self.link, &opened);
        let Place::Here(home) = std::mem::replace(&mut self.place, Place::Gone) else {
            return Ok(());
        };
        self.last.end = None;
        let near = Near::start(*home, opened, kind).await?;
        self.place = Place::Near(Box::new(near));
        Ok(())
    }

    fn unlock(&mut self, pin: &Secret) -> Result<()> {
        anyhow::ensure!(matches!(self.place, Place::Locked), "the wallet is open already");
        let pin = Pin::new(pin.text())?;
        // A guess is slow by construction; this task has a thread of its own meanwhile.
        let home = tokio::task::block_in_place(|| folder::unlock(&self.global, &pin))?;
        home.certificate()?;
        self.place = Place::Here(Box::new(home));
        Ok(())
    }

    fn go_to_office(&mut self, what: &str, transfer: Transfer) -> Result<()> {
        self.at_office(what, move |home| {
            sync::exchange(Screen::silent(), home, transfer)?;
            Ok(String::from("settled with the office"))
        })
    }

    fn ask_office(&mut self) -> Result<()> {
        self.at_office("asking the office about what is in doubt", |home| {
            resume::ask_office(Screen::silent(), home)?;
            let left = resume::unfinished(home);
            let in_doubt = left.iter().filter(|it| it.standing == onehop_proto::Standing::InDoubt);
            Ok(match in_doubt.count() {
                0 => "nothing is in doubt any more".to_owned(),
                many => format!("{many} still in doubt: the office says later"),
            })
        })
    }

    /// Takes the wallet to the office. It waits for the network, in a thread of its own.
    fn at_office(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Home) -> Result<String> + Send + 'static,
    ) -> Result<()> {
        self.here()?.office()?;
        let Place::Here(home) = std::mem::replace(&mut self.place, Place::Gone) else {
            return Ok(());
        };
        self.last.end = None;
        let back = tokio::task::spawn_blocking(move || {
            let mut home = *home;
            let done = work(&mut home);
            (home, done)
        });
        self.place = Place::Office { what: what.to_owned(), back };
        Ok(())
    }

    fn note(&mut self, notice: String) {
        if self.last.notices.last() == Some(&notice) {
            return;
        }
        self.last.notices.push(notice);
        if self.last.notices.len() > NOTICES_MAX {
            self.last.notices.remove(0);
        }
    }

    /// At most `limit` payments, newest first; none while the wallet is away.
    async fn history(&self, limit: usize) -> Vec<PaymentView> {
        match &self.place {
            Place::Here(home) => home.keeper.history(limit).unwrap_or_default(),
            Place::Near(near) => near.handle.history(limit).await.unwrap_or_default(),
            Place::Locked | Place::Office { .. } | Place::Gone => Vec::new(),
        }
    }

    /// Makes the picture anew and shows it, if it is another.
    async fn tell(&mut self) {
        self.last.errand = Errand::None;
        "off".clone_into(&mut self.last.radio);
        self.last.is_locked = matches!(self.place, Place::Locked);
        match &self.place {
            Place::Here(home) => draw(&mut self.last, home),
            Place::Near(near) => {
                self.last.errand = near.errand();
                self.last.radio.clone_from(&near.radio);
                if let (Ok(balance), Ok(currency)) =
                    (near.handle.balance().await, currency(&self.last))
                {
                    self.last.figures = figures(&balance, currency);
                }
                // A second that passes changes no payment.
                if self.is_stale {
                    let newest = self.history(NEWEST).await;
                    self.last.newest = newest.iter().map(Line::of).collect();
                }
            }
            Place::Office { what, .. } => self.last.errand = Errand::Office { what: what.clone() },
            Place::Locked | Place::Gone => {}
        }
        self.is_stale = false;
        self.publish();
    }

    fn publish(&mut self) {
        let number = self.last.number;
        let is_new = View { number, ..self.view.borrow().clone() } != self.last;
        if is_new {
            self.last.number = number.saturating_add(1);
            self.view.send_replace(self.last.clone());
        }
    }
}

async fn happens(place: &mut Place, second: &mut tokio::time::Interval) -> Happened {
    match place {
        Place::Near(near) => Happened::Heard(near.hear(second).await),
        Place::Office { back, .. } => {
            back.await.map_or(Happened::Lost, |back| Happened::Back(Box::new(back)))
        }
        Place::Locked | Place::Here(_) | Place::Gone => std::future::pending().await,
    }
}

/// What the person may want to know beside the errand.
fn notice(event: &Event) -> Option<String> {
    if let Event::PeerFault { fault, .. } = event {
        return Some(format!("ignored a device nearby: {}", fault.words()));
    }
    if let Event::RevocationsNews { number, added, .. } = event {
        return Some(words::revocations(*number, added.len()));
    }
    if let Event::ForkNews { name, .. } = event {
        return Some(words::fork(name));
    }
    None
}

/// Draws the wallet at hand.
fn draw(view: &mut View, home: &Home) {
    let state = home.keeper.wallet().state();
    view.office = match (&home.settings.url, home.unanswered().is_some()) {
        (Some(url), false) => url.clone(),
        (Some(url), true) => format!("{url}: the purse is closed until it answers; settle again"),
        (None, _) => "met through files only".to_owned(),
    };
    if let Some(certificate) = state.certificate() {
        view.owner = certificate.body.name.to_string();
        certificate.body.currency.code().clone_into(&mut view.currency);
        view.limits = show::limits(&certificate.body).trim_start_matches("; ").to_owned();
        view.figures = figures(&home.keeper.wallet().balance(), certificate.body.currency);
    }
    let newest = home.keeper.history(NEWEST).unwrap_or_default();
    view.newest = newest.iter().map(Line::of).collect();
    // What is not settled is not in the archive.
    let is_open = |it: &PaymentView| words::is_unfinished(it) || words::is_unsettled(it);
    view.unfinished = state.payments().filter(is_open).map(|it| Line::of(&it)).collect();
}

fn currency(view: &View) -> Result<Currency> {
    Ok(Currency::by_code(&view.currency)?)
}

fn figures(balance: &onehop_proto::Balance, currency: Currency) -> Figures {
    let money = |minor| view::money(minor, currency);
    Figures {
        available: money(balance.available),
        held: money(balance.held),
        in_doubt: money(balance.in_doubt),
        unsettled: money(balance.received_unsettled),
        spendable: money(balance.spendable),
    }
}

fn terms(home: &Home, amount: &str, order: &str) -> Result<Terms> {
    anyhow::ensure!(!order.trim().is_empty(), "say what it is for");
    sell::terms(home, amount, order.trim(), None)
}

fn text(done: Result<(), String>) -> Result<()> {
    done.map_err(anyhow::Error::msg)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use tokio::sync::oneshot;

    use super::*;
    use crate::args::{Args, Command};
    use crate::ui::wish::desk;

    #[tokio::test]
    async fn a_wish_is_answered_once_the_view_shows_what_it_did() {
        let args = Args::parse_from(["onehop", "pay"]);
        let Command::Pay(pay) = args.command else { panic!("{args:?}") };
        let (desk, _requests, view) = desk();
        let mut engine = Engine::new(args.global, pay.link, None, view);
        let (outcome, text) = (Outcome::Done, "settled".to_owned());
        engine.last.end = Some(End { outcome, text, tx: None });
        engine.tell().await;
        assert!(desk.view().end.is_some());
        let (reply, mut answer) = oneshot::channel();
        engine.on_request(Request::Wish(Wish::Dismiss, reply)).await.unwrap();
        assert_eq!(answer.try_recv().unwrap(), Ok(()));
        // The face's next key is taken by this view.
        assert_eq!(desk.view().end, None);
    }
}
