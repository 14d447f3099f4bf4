//! Pays the sellers it hears, after asking: `cargo run --example buyer -- [FOLDER] [--link ble|lan]`.
#![expect(clippy::print_stdout, reason = "it talks to a person")]

use std::{env, io, path::Path, time::Duration};

use anyhow::Context as _;
use onehop::prelude::*;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // --link ble or lan; without it Bluetooth LE where that can be used.
    let variable = |name: &str| env::var(name).ok();
    let (choice, left) = Choice::parse(env::args().skip(1), variable, false)?;
    let keeper = open(left.first(), "./buyer-wallet")?;
    let opened = AnyLink::open(choice).await?;
    println!("{}", opened.words());
    let (handle, mut events, task) = start(keeper, opened.link, Box::new(Unwatched));
    handle.buy(Duration::from_secs(600)).await?;
    println!("listening for sellers, Ctrl-C ends");
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = tokio::signal::ctrl_c() => break,
        };
        // What was true when it was told may be over when the person answers.
        let answered = match event {
            Some(Event::SellerFound { peer, name, .. }) => {
                println!("{name} sells here");
                if is_yes("say who you are?").await? {
                    handle.introduce(peer).await
                } else {
                    handle.hang_up(peer).await
                }
            }
            Some(Event::Asked { tx, payee, terms, short_code, .. }) => {
                println!("{payee} asks {} for {}; {short_code}", terms.amount, terms.order);
                if is_yes("pay?").await? {
                    handle.confirm(tx).await
                } else {
                    handle.refuse(tx).await
                }
            }
            Some(Event::Paid { .. }) => {
                println!("paid");
                Ok(())
            }
            Some(other) => {
                println!("{other:?}");
                Ok(())
            }
            None => break,
        };
        answered.unwrap_or_else(|refusal| println!("not done: {refusal}"));
    }
    handle.stop().await;
    println!("{:?}", task.await??.wallet().balance());
    Ok(())
}

/// Opens the wallet in the folder that is given, or in `default`.
fn open(folder: Option<&String>, default: &str) -> anyhow::Result<Keeper> {
    let given = folder.cloned().or_else(|| env::var("ONEHOP_WALLET").ok());
    let folder = given.unwrap_or_else(|| default.to_owned());
    let pin = env::var("ONEHOP_PIN").ok().map(Pin::new).transpose()?;
    let key = Vault::at(Path::new(&folder)).unlock(pin.as_ref());
    let key = key.context("make a wallet with the onehop program first; its PIN is ONEHOP_PIN")?;
    let keeper = Keeper::open(Path::new(&folder), key, Config::default());
    let keeper = keeper.context("make, enrol and charge a wallet with the onehop program first")?;
    let certificate = keeper.wallet().state().certificate();
    certificate.context("enrol and charge the wallet with the onehop program first")?;
    Ok(keeper)
}

/// Asks the person. Meanwhile the node goes on by itself.
async fn is_yes(question: &'static str) -> anyhow::Result<bool> {
    println!("{question} [yes/no]");
    let line = || io::stdin().lines().next().transpose();
    let answer = tokio::task::spawn_blocking(line).await??;
    Ok(answer.context("nobody is there to answer")?.trim() == "yes")
}
