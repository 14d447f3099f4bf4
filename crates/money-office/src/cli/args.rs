//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Runs a money office: certifies wallets, charges purses, settles payments, redeems, audits.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Exit codes:
  0  done
  1  failed: the disk, the network, or a damaged store
  2  the command line is not understood
  3  there is no office in the folder, another program has it open and does not answer, or the
     database is away
  4  refused by a rule: unknown wallet, profile or currency, bad amount, insufficient funds,
     a case file that does not verify
  5  the books do not balance

Amounts are in the office's currency, such as 7.35. Data goes to stdout, errors to stderr."
)]
pub(crate) struct Args {
    /// The office's folder [default: money-office in the user's data folder]
    #[arg(long, global = true, env = "MONEY_OFFICE", value_name = "DIR")]
    pub(crate) office: Option<PathBuf>,
    /// Keep the rows in this PostgreSQL database instead of the folder, such as
    /// postgres://user@localhost/office, or in several with commas between them, the first of which
    /// decides; `init` notes it in the folder, for the other commands
    #[arg(
        long,
        global = true,
        env = "MONEY_OFFICE_STORE",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) store: Option<String>,
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set a new office up; prints its id and overwrites nothing
    Init(Box<NewArgs>),
    /// Serve wallets over HTTP until SIGTERM or ctrl-c
    Serve(Served),
    /// Note cash handed in for a wallet's account
    Deposit {
        /// Its name, its id, or the first digits of its id
        wallet: String,
        /// Such as 500.00
        amount: String,
    },
    /// Note cash handed out of a wallet's account
    Redeem {
        /// Its name, its id, or the first digits of its id
        wallet: String,
        /// Such as 500.00
        amount: String,
    },
    /// Pay what became payable, for instance from purses whose claim window has passed
    Settle,
    /// Recompute the books from the signed evidence; prints what differs
    Audit,
    /// Write the signed evidence and the books as a file for an auditor, such as tools/verify.py
    Export {
        /// File to write; - for stdout
        file: PathBuf,
        /// jsonl is what an audit reads; csv has the rows of evidence for a spreadsheet
        #[arg(long = "format", value_enum, value_name = "FORM", default_value = "jsonl")]
        form: Form,
    },
    /// Write what moved into and out of a wallet's account, bond and purses, oldest first
    Statement {
        /// Its name, its id, or the first digits of its id
        wallet: String,
        /// File to write; - for stdout
        #[arg(default_value = "-")]
        file: PathBuf,
        /// csv with a header, or one JSON object a line
        #[arg(long = "format", value_enum, value_name = "FORM", default_value = "csv")]
        form: Form,
    },
    /// Write what is known of a payment as a case file, for judge
    Evidence {
        /// The payment's id
        tx: String,
        /// File to write; - for stdout
        file: PathBuf,
    },
    /// Name who is guilty in a case file, a fork proof or a receipt, or nobody; needs no office.
    ///
    /// Ends with 0 whoever is guilty, and with 4 if anything in the file does not verify: then
    /// nothing is concluded from the rest.
    Judge {
        /// The file; - for stdin
        file: PathBuf,
        /// The office's first root key in hexadecimal, its address, or a file it gave out
        #[arg(long, value_name = "HEX|URL|FILE")]
        root: String,
    },
    /// List who owes whom, because he signed two statements that contradict each other
    Debts,
    /// Compute the largest possible loss until the next sync, by limits and certificates outstanding
    ///
    /// It is what copies of a wallet could pay to everybody certified beyond what backs it, for each
    /// wallet by itself and for all together, after bonds.
    Exposure,
    /// Show or change the office's limits
    #[command(subcommand)]
    Limits(LimitCommand),
    /// List the wallets
    Wallets,
    /// Show a wallet's account, purse and checkpoint
    Wallet {
        /// Its name, its id, or the first digits of its id
        wallet: String,
    },
    /// Refuse a wallet from now on
    Revoke {
        /// Its name, its id, or the first digits of its id
        wallet: String,
    },
    /// Refuse a wallet that its owner lost; prints from when on it can be refunded
    ReportLost {
        /// Its name, its id, or the first digits of its id
        wallet: String,
    },
    /// Give what is left of a lost wallet to the account of its owner's new one
    ///
    /// Possible once every payment that the lost wallet may have signed could be claimed: until then
    /// its payees come first.
    Refund {
        /// The lost wallet: its name, its id, or the first digits of its id
        lost: String,
        /// The new wallet
        to: String,
    },
    /// Set an amount of a wallet's account aside as security for what the wallet signs
    Bond {
        /// Its name, its id, or the first digits of its id
        wallet: String,
        /// Such as 500.00
        amount: String,
    },
    /// Put security back into a wallet's account, once nothing it signed can be claimed any more
    ReleaseBond {
        /// Its name, its id, or the first digits of its id
        wallet: String,
        /// Such as 500.00
        amount: String,
    },
    /// Certify a new signing key with the newest root key; the office must not be serving
    RenewKey {
        /// File of the root key; the newest in the office's folder if none
        #[arg(long, value_name = "FILE")]
        root: Option<PathBuf>,
    },
    /// Make a new root key and let the one before announce it; the office must not be serving
    NewRoot,
    /// Write what wallets pin before they enrol
    Info {
        /// File to write; stdout if none
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Answer a wallet's request that came as a file, for a kiosk with no network
    Answer {
        /// The request; - for stdin
        file: PathBuf,
        /// The answer; - for stdout
        #[arg(long, value_name = "FILE", default_value = "-")]
        out: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct NewArgs {
    /// ISO 4217 code, such as INR
    #[arg(long)]
    pub(crate) currency: String,
    /// Limits: rbi-2022, rbi-2023, upi-lite-2024 (INR), psd2-contactless, aml-emoney (EUR)
    #[arg(long)]
    pub(crate) profile: String,
    /// What wallets call the office
    #[arg(long, default_value = "money office")]
    pub(crate) name: String,
    /// Limits other than the profile's
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// For psd2-contactless: what is capped between two contacts with the office
    #[arg(long, value_name = "PICK", default_value = "amount")]
    pub(crate) psd2_pick: Psd2Pick,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Form {
    /// Comma-separated values, with a header
    Csv,
    /// One JSON object a line
    Jsonl,
}

/// What is to be other than before. `none` takes a limit away.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// A JSON object with any of these limits by name, such as {"per-payment": "500.00",
    /// "payments": null}; options given beside it come after it
    #[arg(long = "limits", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Largest amount of one payment
    #[arg(long, value_name = "AMOUNT|none")]
    pub(crate) per_payment: Option<String>,
    /// Largest sum to one payee between two syncs
    #[arg(long, value_name = "AMOUNT|none")]
    pub(crate) per_payee: Option<String>,
    /// Largest sum between two syncs
    #[arg(long, value_name = "AMOUNT|none")]
    pub(crate) per_checkpoint: Option<String>,
    /// Most payments between two syncs
    #[arg(long, value_name = "N|none")]
    pub(crate) payments: Option<String>,
    /// How often received money may move on before it meets the office
    #[arg(long, value_name = "N")]
    pub(crate) hops: Option<String>,
    /// Most that a purse may hold [default at init: as the profile says]
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) purse_max: Option<String>,
    /// How far an account may go below zero; 0 for prepaid only [default at init: the profile's
    /// total]
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) credit_line: Option<String>,
    /// Most that a wallet may charge in one period
    #[arg(long, value_name = "AMOUNT|none")]
    pub(crate) charge_per_period: Option<String>,
    /// Days of such a period; it begins with the first charge after the one before
    #[arg(long, value_name = "DAYS")]
    pub(crate) charge_period: Option<String>,
    /// Most that a wallet may charge in all
    #[arg(long, value_name = "AMOUNT|none")]
    pub(crate) charge_total: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LimitCommand {
    /// Show the limits in force
    Show,
    /// Change limits: certificates and charges follow from each wallet's next sync on
    Set(Box<LimitArgs>),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Psd2Pick {
    /// The sum: 150 EUR
    Amount,
    /// The number of payments: 5
    Count,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogForm {
    /// Lines for people, of what went wrong
    Text,
    /// One JSON object a line, of every answer
    Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Served {
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7741")]
    pub(crate) listen: SocketAddr,
    /// Address and port for the operator's own commands and for a monitor; a loopback address
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) operator_listen: SocketAddr,
    /// Requests a second that one address may make, four times as many at once; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) rate: u32,
    /// Serve wallets over TLS with this chain of certificates, as PEM, the office's own first
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the first certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// How to write the log on stderr
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    pub(crate) log: LogForm,
    /// Serve beyond this machine although accounts may go below zero
    #[arg(long)]
    pub(crate) allow_credit_beyond_loopback: bool,
}
