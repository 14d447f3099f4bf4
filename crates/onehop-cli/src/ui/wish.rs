//! What a person asks of the wallet, whatever the face it was asked on.

use onehop_wire::TxId;
use onehop_wire::evidence::ReceiptFile;
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot, watch};
use zeroize::Zeroizing;

use super::view::{Line, View};

/// Wishes that may wait; who has more waits.
const WISHES_MAX: usize = 16;

/// Something to do. In a web page's request its name is in `do`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Wish {
    /// Ask somebody nearby for money.
    Sell { amount: String, order: String },
    /// Ask the buyer with this short code.
    Ask { id: String },
    /// Be found by sellers for a while.
    Pay,
    /// Tell this seller who this is.
    Choose { number: u64 },
    /// Answer the question whether to pay; with the PIN, if that is asked for too.
    Answer {
        yes: bool,
        #[serde(default)]
        pin: Option<Secret>,
    },
    /// End what goes on; what is not decided is cancelled.
    Stop,
    /// Look for the other wallets of what is unfinished.
    Resume,
    /// Ask the office about what is in doubt.
    ResumeAtOffice,
    /// Settle with the office.
    Sync,
    /// Move money from the account at the office to the purse.
    Charge { amount: String },
    /// Move money from the purse to the account at the office.
    Withdraw { amount: String },
    /// The end was seen.
    Dismiss,
    /// Open the wallet.
    Unlock { pin: Secret },
    /// Close it until the PIN is typed again.
    Lock,
}

/// What the person typed and nobody else is to see. It wipes itself and never prints.
#[derive(Clone, Deserialize, Eq, PartialEq)]
#[serde(from = "String")]
pub(crate) struct Secret(Zeroizing<String>);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl Secret {
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a face wants of the engine.
#[derive(Debug)]
pub(crate) enum Request {
    /// Do something; the answer says in one line why not.
    Wish(Wish, oneshot::Sender<Result<(), String>>),
    /// A page of the history: so many left out, so many listed.
    History { skip: usize, limit: usize, reply: oneshot::Sender<Vec<Line>> },
    /// The evidence of a payment.
    Receipt(TxId, oneshot::Sender<Option<ReceiptFile>>),
    /// End the program.
    Quit,
}

/// The faces' end: clones ask the same engine.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    requests: mpsc::Sender<Request>,
    view: watch::Receiver<View>,
}

/// A desk, and the engine's ends of it.
pub(crate) fn desk() -> (Desk, mpsc::Receiver<Request>, watch::Sender<View>) {
    let (requests, receiver) = mpsc::channel(WISHES_MAX);
    let (sender, view) = watch::channel(View::default());
    (Desk { requests, view }, receiver, sender)
}

impl Desk {
    /// The present picture.
    pub(crate) fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Pictures as they come; ends with the engine.
    pub(crate) fn views(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// Asks for `wish`; the error is one line for the person.
    pub(crate) async fn wish(&self, wish: Wish) -> Result<(), String> {
        let asked = self.ask(|reply| Request::Wish(wish, reply)).await;
        asked.unwrap_or_else(|| Err("the wallet has ended".to_owned()))
    }

    /// A page of the history.
    pub(crate) async fn history(&self, skip: usize, limit: usize) -> Vec<Line> {
        let asked = self.ask(|reply| Request::History { skip, limit, reply }).await;
        asked.unwrap_or_default()
    }

    /// The evidence of a payment that happened.
    pub(crate) async fn receipt(&self, tx: TxId) -> Option<ReceiptFile> {
        self.ask(|reply| Request::Receipt(tx, reply)).await.flatten()
    }

    /// Ends the engine, which finishes what it is in the middle of.
    pub(crate) async fn quit(&self) {
        // An engine that is gone has ended.
        self.requests.send(Request::Quit).await.ok();
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.ok()?;
        answer.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Wish;

    #[test]
    fn a_wish_is_named_in_its_request_and_anything_unknown_is_none() {
        let read = |text: &str| serde_json::from_str::<Wish>(text).ok();
        let sell = Wish::Sell { amount: "7.35".to_owned(), order: "tea".to_owned() };
        assert_eq!(read(r#"{"do":"sell","amount":"7.35","order":"tea"}"#), Some(sell));
        assert_eq!(read(r#"{"do":"pay"}"#), Some(Wish::Pay));
        assert_eq!(read(r#"{"do":"resume_at_office"}"#), Some(Wish::ResumeAtOffice));
        for other in [r#"{"do":"steal"}"#, r#"{"do":"sell"}"#, r#"{"amount":"1"}"#, "", "[]"] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(read(r#"{"do":"ask","id":"1","to":"2"}"#), None);
        let yes = Wish::Answer { yes: true, pin: None };
        assert_eq!(read(r#"{"do":"answer","yes":true}"#), Some(yes));
        let unlock = read(r#"{"do":"unlock","pin":"2580"}"#).unwrap();
        assert_eq!(format!("{unlock:?}"), "Unlock { pin: Secret(..) }");
    }
}
