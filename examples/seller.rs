//! Asks every buyer who comes for an amount: `cargo run --example seller -- [FOLDER] [--link ble|lan]`.
#![expect(clippy::print_stdout, reason = "it talks to a person")]

use std::{env, io, path::Path};

use anyhow::Context as _;
use onehop::prelude::*;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // --link ble or lan; without it Bluetooth LE where that can be used.
    let variable = |name: &str| env::var(name).ok();
    let (choice, left) = Choice::parse(env::args().skip(1), variable, true)?;
    let (keeper, currency) = open(left.first(), "./seller-wallet")?;
    let opened = AnyLink::open(choice).await?;
    println!("{}", opened.words());
    // An order id names one sale, for ever.
    let mut orders = keeper.history(usize::MAX)?.len();
    let (handle, mut events, task) = start(keeper, opened.link, Box::new(Unwatched));
    handle.sell().await?;
    println!("the shop is open; waiting for buyers, Ctrl-C ends");
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = tokio::signal::ctrl_c() => break,
        };
        match event {
            Some(Event::SessionOpen { peer, name, short_code, .. }) => {
                println!("{name} is here; both screens show {short_code}");
                let (amount, order) = (ask("amount?").await?, ask("for what?").await?);
                orders += 1;
                let order_id = OrderId::new(format!("order {orders}"))?;
                match Money::parse(&amount, currency) {
                    Err(error) => println!("not asked: {error}"),
                    Ok(amount) => {
                        match handle
                            .request(peer, Terms { amount, order_id, order, refund_of: None })
                            .await
                        {
                            Ok(_) => println!("asked for {amount}"),
                            Err(refusal) => println!("not asked: {refusal}"),
                        }
                    }
                }
            }
            Some(Event::Accepted { claim_by, .. }) => println!("paid; claim it by {claim_by}"),
            Some(Event::Acknowledged { .. }) => println!("acknowledged: hand the goods over"),
            Some(Event::NotPaid { why, .. }) => println!("not paid: {why:?}"),
            Some(Event::PeerFault { fault, .. }) => println!("somebody else: {}", fault.words()),
            Some(other) => println!("{other:?}"),
            None => break,
        }
    }
    handle.stop().await;
    println!("{:?}", task.await??.wallet().balance());
    Ok(())
}

/// Opens the wallet in the folder that is given, or in `default`.
fn open(folder: Option<&String>, default: &str) -> anyhow::Result<(Keeper, Currency)> {
    let given = folder.cloned().or_else(|| env::var("ONEHOP_WALLET").ok());
    let folder = given.unwrap_or_else(|| default.to_owned());
    let pin = env::var("ONEHOP_PIN").ok().map(Pin::new).transpose()?;
    let key = Vault::at(Path::new(&folder)).unlock(pin.as_ref());
    let key = key.context("make a wallet with the onehop program first; its PIN is ONEHOP_PIN")?;
    let keeper = Keeper::open(Path::new(&folder), key, Config::default());
    let keeper = keeper.context("make, enrol and charge a wallet with the onehop program first")?;
    let certificate = keeper.wallet().state().certificate();
    let currency = certificate.map(|certificate| certificate.body.currency);
    Ok((keeper, currency.context("enrol and charge the wallet with the onehop program first")?))
}

/// Asks the person. Meanwhile the node goes on by itself.
async fn ask(question: &'static str) -> anyhow::Result<String> {
    println!("{question}");
    let line = || io::stdin().lines().next().transpose();
    let answer = tokio::task::spawn_blocking(line).await??;
    Ok(answer.context("nobody is there to answer")?.trim().to_owned())
}
