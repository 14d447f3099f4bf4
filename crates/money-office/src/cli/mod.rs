//! Commands, and how they end.

mod access;
mod args;
mod export;
mod folder;
mod init;
mod judge;
mod limits;
mod line;
mod log;
mod render;
mod statement;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::office::OfficeRequest;
use onehop_wire::{AmountError, Money, decode, encode};

use crate::service::{Listening, Shared, Tls, serve};
use crate::{
    Command as Order, OfficeError, OperatorAnswer, ProfileError, StoreError, WalletReport,
};
use access::{Access, Unreachable};
use args::{Args, Command, Served};
use folder::Folder;

/// The books do not balance; the report is on standard output.
#[derive(Debug, thiserror::Error)]
#[error("the books do not balance")]
struct Unbalanced;

/// The program may not do what was asked, by a rule of its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rule {
    /// Credit is only for wallets on this machine, unless the operator says otherwise.
    #[error(
        "an office with a credit line of {line} serves only loopback addresses, not {listen}; see \
         --allow-credit-beyond-loopback"
    )]
    Credit {
        /// The line, for people.
        line: Money,
        /// The address asked for.
        listen: SocketAddr,
    },
    /// The operator's listener has no encryption of its own.
    #[error("the operator's address must be a loopback address, not {listen}")]
    Operator {
        /// The address asked for.
        listen: SocketAddr,
    },
    /// Nothing is overwritten.
    #[error("there is an office in {folder} already")]
    Exists {
        /// The folder.
        folder: String,
    },
    /// A case file that does not verify convicts nobody.
    #[error("{file}: {what}")]
    Case {
        /// The file.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// A limit is not one, or its value is not.
    #[error("{name} {why}")]
    Limit {
        /// What was given as its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// There is no such payment here.
    #[error("{0}")]
    Payment(String),
    /// The running office refused.
    #[error("{0}")]
    Problem(String),
}

/// Runs the program `money-office` with the command line `args`, its own name first.
///
/// Another program can be this one: `onehop` is, for its demonstration.
pub fn run_cli(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = Args::parse_from(args);
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            render::complain(&error);
            ExitCode::from(code(&error))
        }
    }
}

/// The exit code of a failure, as `--help` lists them.
fn code(error: &anyhow::Error) -> u8 {
    use onehop_store::OpenError;
    for cause in error.chain() {
        if cause.is::<Unbalanced>() {
            return 5;
        }
        let refused = matches!(cause.downcast_ref(), Some(OfficeError::Refused(_)));
        let refused = refused || matches!(cause.downcast_ref(), Some(StoreError::Taken));
        if refused || cause.is::<ProfileError>() || cause.is::<AmountError>() || cause.is::<Rule>()
        {
            return 4;
        }
        let away = matches!(
            cause.downcast_ref(),
            Some(
                StoreError::Open(OpenError::Missing { .. } | OpenError::Locked { .. })
                    | StoreError::Missing { table: crate::Table::Meta }
                    | StoreError::Away(_)
            )
        );
        if away || cause.is::<Unreachable>() {
            return 3;
        }
    }
    1
}

fn run(args: &Args) -> Result<()> {
    let json = args.json;
    if let Command::Judge { file, root } = &args.command {
        return judge::run(file, root, json);
    }
    let folder = Folder::new(args.office.as_deref(), args.store.as_deref())?;
    match &args.command {
        Command::Init(new) => init::init(&folder, new, json),
        Command::Serve(served) => run_service(&folder, served, json),
        Command::Deposit { wallet, amount } => cash(&folder, wallet, amount, json, deposit),
        Command::Redeem { wallet, amount } => cash(&folder, wallet, amount, json, redeem),
        Command::Settle => order(&folder, Order::Settle, json),
        Command::Audit => {
            let mut access = Access::open(&folder)?;
            let answer = access.audit()?;
            finish(&access, &answer, json)
        }
        Command::Debts => order(&folder, Order::Debts, json),
        Command::Export { file, form } => {
            export::export(&mut Access::open(&folder)?, file, *form, json)
        }
        Command::Statement { wallet, file, form } => {
            statement::write(&mut Access::open(&folder)?, wallet, file, *form, json)
        }
        Command::Evidence { tx, file } => {
            judge::evidence(&mut Access::open(&folder)?, tx, file, json)
        }
        Command::Judge { file, root } => judge::run(file, root, json),
        Command::Exposure => order(&folder, Order::Exposure, json),
        Command::Limits(command) => limits::run(&mut Access::open(&folder)?, command, json),
        Command::Wallets => order(&folder, Order::Wallets, json),
        Command::Wallet { wallet } => order(&folder, Order::Wallet { who: wallet.clone() }, json),
        Command::Revoke { wallet } => {
            about(&folder, wallet, json, |wallet| Order::Revoke { wallet })
        }
        Command::ReportLost { wallet } => {
            about(&folder, wallet, json, |wallet| Order::ReportLost { wallet })
        }
        Command::Refund { lost, to } => {
            let mut access = Access::open(&folder)?;
            let from = report(&mut access, lost)?.wallet;
            let to = report(&mut access, to)?.wallet;
            let answer = access.order(Order::Refund { from, to })?;
            finish(&access, &answer, json)
        }
        Command::Bond { wallet, amount } => cash(&folder, wallet, amount, json, bond),
        Command::ReleaseBond { wallet, amount } => {
            cash(&folder, wallet, amount, json, release_bond)
        }
        Command::RenewKey { root } => {
            let number = init::renew_key(&folder, root.as_deref())?;
            render::line(json, &format!("office key {number}"), &[("office_key", &number)]);
            Ok(())
        }
        Command::NewRoot => init::new_root(&folder, json),
        Command::Info { out } => {
            let info = Access::open(&folder)?.info()?;
            match out {
                Some(path) => write_out(path, &encode(&info)),
                None if json => render::info_json(&info),
                None => write_out(Path::new("-"), &encode(&info)),
            }
        }
        Command::Answer { file, out } => answer(&folder, file, out),
    }
}

/// Gives an order about a wallet, which may be named.
fn about(
    folder: &Folder,
    wallet: &str,
    json: bool,
    order: impl FnOnce(onehop_wire::WalletId) -> Order,
) -> Result<()> {
    let mut access = Access::open(folder)?;
    let wallet = report(&mut access, wallet)?.wallet;
    let answer = access.order(order(wallet))?;
    finish(&access, &answer, json)
}

const fn deposit(wallet: onehop_wire::WalletId, amount: u64) -> Order {
    Order::Deposit { wallet, amount }
}

const fn redeem(wallet: onehop_wire::WalletId, amount: u64) -> Order {
    Order::Redeem { wallet, amount }
}

const fn bond(wallet: onehop_wire::WalletId, amount: u64) -> Order {
    Order::Bond { wallet, amount }
}

const fn release_bond(wallet: onehop_wire::WalletId, amount: u64) -> Order {
    Order::ReleaseBond { wallet, amount }
}

fn cash(
    folder: &Folder,
    who: &str,
    amount: &str,
    json: bool,
    make: fn(onehop_wire::WalletId, u64) -> Order,
) -> Result<()> {
    let mut access = Access::open(folder)?;
    let amount = Money::parse(amount, access.currency()?)?;
    let wallet = report(&mut access, who)?.wallet;
    let answer = access.order(make(wallet, amount.minor()))?;
    finish(&access, &answer, json)
}

fn report(access: &mut Access, who: &str) -> Result<WalletReport> {
    match access.order(Order::Wallet { who: who.to_owned() })? {
        OperatorAnswer::Wallet(report) => Ok(*report),
        OperatorAnswer::Wallets(_)
        | OperatorAnswer::Settled { .. }
        | OperatorAnswer::Audit(_)
        | OperatorAnswer::Exported(_)
        | OperatorAnswer::Debts(_)
        | OperatorAnswer::Limits(_)
        | OperatorAnswer::Exposure(_)
        | OperatorAnswer::Statement(_) => {
            anyhow::bail!("the office answered another question")
        }
    }
}

fn order(folder: &Folder, order: Order, json: bool) -> Result<()> {
    let mut access = Access::open(folder)?;
    let answer = access.order(order)?;
    finish(&access, &answer, json)
}

fn finish(access: &Access, answer: &OperatorAnswer, json: bool) -> Result<()> {
    render::answer(answer, access.currency()?, json)?;
    match answer {
        OperatorAnswer::Audit(report) if !report.balances() => Err(Unbalanced.into()),
        OperatorAnswer::Audit(_)
        | OperatorAnswer::Wallet(_)
        | OperatorAnswer::Wallets(_)
        | OperatorAnswer::Settled { .. }
        | OperatorAnswer::Exported(_)
        | OperatorAnswer::Debts(_)
        | OperatorAnswer::Limits(_)
        | OperatorAnswer::Exposure(_)
        | OperatorAnswer::Statement(_) => Ok(()),
    }
}

fn answer(folder: &Folder, file: &Path, out: &Path) -> Result<()> {
    let bytes = read_in(file)?;
    let request: OfficeRequest = decode(&bytes, OFFICE_BODY_MAX)
        .with_context(|| format!("{} is not a request to an office", file.display()))?;
    let answer = Access::open(folder)?.answer(&request)?;
    write_out(out, &encode(&answer))
}

fn read_in(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(OFFICE_BODY_MAX)?.saturating_add(1);
    if path == Path::new("-") {
        std::io::stdin().take(limit).read_to_end(&mut bytes).context("failed to read stdin")?;
    } else {
        let failed = || format!("failed to read {}", path.display());
        let file = std::fs::File::open(path).with_context(failed)?;
        file.take(limit).read_to_end(&mut bytes).with_context(failed)?;
    }
    Ok(bytes)
}

fn write_out(path: &Path, bytes: &[u8]) -> Result<()> {
    if path == Path::new("-") {
        let mut out = std::io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).context("failed to write stdout")
    } else {
        std::fs::write(path, bytes).with_context(|| format!("failed to write {}", path.display()))
    }
}

fn run_service(folder: &Folder, served: &Served, json: bool) -> Result<()> {
    let office = folder.open_office()?;
    let line = office.limits()?.credit_line;
    let listen = served.listen;
    if line > 0 && !listen.ip().is_loopback() && !served.allow_credit_beyond_loopback {
        let line = Money::new(line, office.currency());
        return Err(Rule::Credit { line, listen }.into());
    }
    let operator = served.operator_listen;
    if !operator.ip().is_loopback() {
        return Err(Rule::Operator { listen: operator }.into());
    }
    let pair = served.tls_cert.as_deref().zip(served.tls_key.as_deref());
    let tls = pair.map(|(certificates, key)| Tls::read(certificates, key)).transpose()?;
    log::start(served.log);
    let shared = Shared::new(office, NonZeroU32::new(served.rate));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listening = Listening { wallets: listen, operator };
    let done = runtime.block_on(serve(listening, tls.as_ref(), shared, |at| {
        folder.write_listening(at)?;
        let (wallets, operator) = (at.wallets.to_string(), at.operator.to_string());
        let text = format!("listening on {wallets}");
        render::line(json, &text, &[("listening", &wallets), ("operator", &operator)]);
        Ok(())
    }));
    folder.forget_listening();
    done.with_context(|| format!("failed to serve on {listen}"))
}
