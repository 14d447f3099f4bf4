//! The command line.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::exit;

/// Pay from device to device with no network.
#[derive(Debug, Parser)]
#[command(name = "onehop", version, about = "Pay from device to device with no network", after_help = exit::TABLE, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Global {
    /// A file with settings, which the command line and the environment come before [default:
    /// `config.toml` in the settings folder of the user].
    // It is read before the rest is understood.
    #[arg(long, global = true, env = "ONEHOP_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The wallet's folder [default: `onehop` in the data folder of the user].
    #[arg(long, global = true, env = "ONEHOP_WALLET", value_name = "DIR")]
    pub(crate) wallet: Option<PathBuf>,
    /// A file whose first line is the wallet's PIN or passphrase, or `-` [default: `ONEHOP_PIN`, or
    /// a question on the terminal].
    #[arg(long, global = true, value_name = "FILE|-")]
    pub(crate) pin_file: Option<PathBuf>,
    /// The memory that one guess at a PIN costs, in KiB; less than the default is for tests only.
    #[arg(long, global = true, hide = true, env = "ONEHOP_PIN_COST_KIB", value_name = "KIB")]
    pub(crate) pin_cost: Option<u32>,
    /// Write one JSON object a line; amounts are in minor units.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Write results, questions and errors only.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say on stderr what is read, opened and asked, and how long it takes.
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a wallet and enrol it at an office; again after a lost answer.
    Init(InitArgs),
    /// Give the wallet a PIN or passphrase, or another one, and say when it is asked for.
    Pin(PinArgs),
    /// Write the wallet's key and records, and no money, to one encrypted file.
    Backup(BackupArgs),
    /// Make a wallet again of a backup, on a device that has none; the office renews it.
    Restore(RestoreArgs),
    /// Write a request to the office to a file, for a wallet that has no network.
    Request(RequestArgs),
    /// Carry what another wallet sealed to the office, and the sealed answer back.
    Carry(CarryArgs),
    /// Take the office's answer from a file.
    Accept(AcceptArgs),
    /// Move money from the account at the office to the purse.
    Charge(TransferArgs),
    /// Move money from the purse to the account at the office.
    Withdraw(TransferArgs),
    /// Settle with the office: claims first, then the purse.
    Sync,
    /// Ask a buyer nearby for money.
    Sell(SellArgs),
    /// Be found by sellers for a while, and pay one.
    Pay(PayArgs),
    /// The wallet on a screen: in this terminal, or as a page of this computer's browser.
    Ui(UiArgs),
    /// Finish payments that were interrupted, with the other wallet or through the office.
    Resume(ResumeArgs),
    /// Show available, held, in doubt and received-unsettled.
    Balance,
    /// List whom this wallet refuses to meet, and who told: the office, or a wallet by news.
    Refused,
    /// List payments, newest first.
    History(HistoryArgs),
    /// Whom this wallet has paid, and who has paid it.
    Contacts(ContactsArgs),
    /// Save, show or verify the evidence of a payment.
    Receipt(ReceiptArgs),
    /// Write everything signed that the wallet holds about a payment as a case file, for `judge`.
    Evidence(EvidenceArgs),
    /// Name who is guilty in a case file, a fork proof or a receipt, or nobody.
    ///
    /// Ends with 0 whoever is guilty, and with 3 if anything in the file does not verify: then
    /// nothing is concluded from the rest.
    Judge(JudgeArgs),
    /// Look for what may be wrong with this wallet.
    Doctor,
    /// Write the script that completes commands and options in a shell.
    Completions(CompletionsArgs),
    /// Write manual pages.
    Man(ManArgs),
    /// Show it all on this machine: an office, two wallets, a payment with the office stopped, one
    /// with the link cut.
    Demo(DemoArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// The office: its address such as `http://127.0.0.1:7741`, a file it gave out, or `-`.
    #[arg(long, value_name = "URL|FILE|-")]
    pub(crate) office: String,
    /// Certificates, as PEM, of who may certify an https address of the office [default: whom
    /// browsers trust]. They are kept with the wallet.
    #[arg(long, value_name = "FILE")]
    pub(crate) office_ca: Option<PathBuf>,
    /// Refuse an office of another id than this.
    #[arg(long, value_name = "HEX")]
    pub(crate) office_id: Option<String>,
    /// The name that others see [default: the user's name and a few random letters].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The wallet of a shop or another business.
    #[arg(long)]
    pub(crate) merchant: bool,
    /// Write the request to this file, or `-`, for `money-office answer`; then `onehop accept`.
    #[arg(long, value_name = "FILE")]
    pub(crate) offline_request: Option<PathBuf>,
    /// Let the wallet have no PIN: who can read its folder has its money.
    #[arg(long, conflicts_with = "pin_file")]
    pub(crate) no_pin: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The file to write; there must be none.
    #[arg(long, value_name = "FILE", required_unless_present = "phrase")]
    pub(crate) out: Option<PathBuf>,
    /// Show the key, without the records, as 24 words to be written down.
    #[arg(long)]
    pub(crate) phrase: bool,
    /// A file whose first line is the backup's passphrase, or `-` [default:
    /// `ONEHOP_BACKUP_PASSPHRASE`, or a question on the terminal].
    #[arg(long, value_name = "FILE|-")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The backup.
    #[arg(required_unless_present = "phrase")]
    pub(crate) file: Option<PathBuf>,
    /// A file whose first line is the backup's passphrase, or `-` [default:
    /// `ONEHOP_BACKUP_PASSPHRASE`, or a question on the terminal].
    #[arg(long, value_name = "FILE|-")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Make it of the 24 words alone; its records are then lost.
    #[arg(long, conflicts_with = "file", requires_all = ["office", "name"])]
    pub(crate) phrase: bool,
    /// A file with the words in its first line, or `-` [default: `ONEHOP_PHRASE`, or a question on
    /// the terminal].
    #[arg(long, value_name = "FILE|-", requires = "phrase")]
    pub(crate) phrase_file: Option<PathBuf>,
    /// With the words: the office's address.
    #[arg(long, value_name = "URL", requires = "phrase")]
    pub(crate) office: Option<String>,
    /// With the words: certificates, as PEM, of who may certify that address over https.
    #[arg(long, value_name = "FILE", requires = "phrase")]
    pub(crate) office_ca: Option<PathBuf>,
    /// With the words: refuse an office of another id than this.
    #[arg(long, value_name = "HEX", requires = "phrase")]
    pub(crate) office_id: Option<String>,
    /// With the words: the name with which the wallet was enrolled.
    #[arg(long, requires = "phrase")]
    pub(crate) name: Option<String>,
    /// With the words: it was the wallet of a shop or another business.
    #[arg(long, requires = "phrase")]
    pub(crate) merchant: bool,
    /// Let the wallet have no PIN: who can read its folder has its money.
    #[arg(long, conflicts_with = "pin_file")]
    pub(crate) no_pin: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PinArgs {
    #[command(subcommand)]
    pub(crate) what: PinKind,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PinKind {
    /// Give a PIN or passphrase to a wallet that has none.
    Set(NewPinArgs),
    /// Replace the PIN or passphrase by another.
    Change(NewPinArgs),
    /// Have the system's keyring remember the PIN, so that nobody is asked while it is unlocked.
    Remember,
    /// Have the system's keyring forget it.
    Forget,
    /// Ask for the PIN again at each payment of more than this.
    Above {
        /// How much, such as `50.00`, or `never`.
        #[arg(allow_hyphen_values = true)]
        amount: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct NewPinArgs {
    /// A file whose first line is the new one, or `-` [default: `ONEHOP_NEW_PIN`, or a question on
    /// the terminal].
    #[arg(long, value_name = "FILE|-")]
    pub(crate) new_pin_file: Option<PathBuf>,
    /// Lock the wallet after so many wrong ones [default: as before, 3 at first].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) tries: Option<u8>,
    /// For how long [default: as before, 30 at first].
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(..=525_600))]
    pub(crate) lock_minutes: Option<u32>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RequestArgs {
    /// Seal it to the office, for anybody to carry: nobody else can read it or alter it.
    #[arg(long, global = true)]
    pub(crate) sealed: bool,
    /// What to ask.
    #[command(subcommand)]
    pub(crate) what: RequestKind,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RequestKind {
    /// Ask again to be enrolled: the same bytes.
    Enrol {
        /// The file to write, or `-`.
        file: PathBuf,
    },
    /// File up to 64 payments received.
    Claim {
        /// The file to write, or `-`.
        file: PathBuf,
    },
    /// Close the purse and ask for the next one; again before the answer: the same bytes.
    Sync {
        /// The file to write, or `-`.
        file: PathBuf,
        /// Move this from the account to the next purse.
        #[arg(
            long,
            value_name = "AMOUNT",
            conflicts_with = "withdraw",
            allow_hyphen_values = true
        )]
        charge: Option<String>,
        /// Move this from the purse to the account.
        #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
        withdraw: Option<String>,
    },
    /// Ask the office to decide a payment in doubt.
    Resolve {
        /// The payment's id; the first digits are enough.
        tx: String,
        /// The file to write, or `-`.
        file: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct CarryArgs {
    /// What another wallet sealed to the office, or `-`.
    pub(crate) file: PathBuf,
    /// Where the sealed answer is written, or `-`.
    pub(crate) reply: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AcceptArgs {
    /// The office's answer, or `-`.
    pub(crate) file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TransferArgs {
    /// How much, such as `500.00`.
    #[arg(allow_hyphen_values = true)]
    pub(crate) amount: String,
}

/// What carries the frames.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LinkKind {
    /// Bluetooth LE where it can be used, else the local network.
    Auto,
    /// One segment of a local network, or loopback.
    Lan,
    /// Bluetooth LE.
    Ble,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LinkArgs {
    /// The bearer.
    #[arg(long, value_enum, env = "ONEHOP_LINK", default_value = "auto")]
    pub(crate) link: LinkKind,
    /// The Bluetooth adapter to use, such as `hci0` [default: the first that can do it].
    #[arg(long, env = "ONEHOP_ADAPTER", value_name = "NAME")]
    pub(crate) adapter: Option<String>,
    /// The address of the network interface to use [default: the system's choice]; it or a port
    /// makes `auto` the local network.
    #[arg(long, env = "ONEHOP_INTERFACE", value_name = "IP")]
    pub(crate) interface: Option<Ipv4Addr>,
    /// The UDP port of look-ups.
    #[arg(long, env = "ONEHOP_PORT", default_value_t = onehop_link::lan::DEFAULT_PORT)]
    pub(crate) port: u16,
    /// Write every record and every packet on stderr.
    #[arg(long)]
    pub(crate) trace: bool,
    /// Before every record and packet, wait for a line on stdin: empty goes on, `cut` cuts the
    /// link there. Questions are then answered with no.
    #[arg(long)]
    pub(crate) step: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SellArgs {
    /// How much, such as `7.35`.
    #[arg(allow_hyphen_values = true)]
    pub(crate) amount: String,
    /// What for [default with --refund-of: that it is a refund].
    #[arg(long, value_name = "TEXT", required_unless_present = "refund_of")]
    pub(crate) order: Option<String>,
    /// Ask back a payment that this wallet made, or a part of it, from the wallet that was paid: its
    /// id as `history` lists it, or the first digits.
    #[arg(long, value_name = "PAYMENT")]
    pub(crate) refund_of: Option<String>,
    /// The order's number; an order is paid once [default: a random one].
    #[arg(long, value_name = "ID")]
    pub(crate) order_id: Option<String>,
    /// Ask the buyer with this code or name, without a question.
    #[arg(long, value_name = "ID|NAME", conflicts_with = "any")]
    pub(crate) buyer: Option<String>,
    /// Ask the first buyer that answers, without a question.
    #[arg(long, alias = "yes")]
    pub(crate) any: bool,
    /// How long to look for a buyer and to wait for the answer.
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 120)]
    pub(crate) seconds: u32,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PayArgs {
    /// Tell the seller of this certified name who we are, without a question.
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    /// Refuse more than this.
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    pub(crate) max: Option<String>,
    /// Pay without a question: only the seller of --to, and at most --max.
    #[arg(long, requires_all = ["to", "max"])]
    pub(crate) yes: bool,
    /// How long to be found.
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 120)]
    pub(crate) seconds: u32,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UiArgs {
    /// Serve a page for this computer's browser instead, at an address that is printed once.
    #[arg(long, conflicts_with = "plain")]
    pub(crate) web: bool,
    /// The port of the page [default: a free one].
    #[arg(long, value_name = "PORT", requires = "web", default_value_t = 0)]
    pub(crate) web_port: u16,
    /// Lines of text only, for screen readers and pipes.
    #[arg(long)]
    pub(crate) plain: bool,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ResumeArgs {
    /// Ask the office instead of the other wallet.
    #[arg(long)]
    pub(crate) office: bool,
    /// How long to look for the other wallet.
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 120)]
    pub(crate) seconds: u32,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    /// List at most so many.
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
    /// Leave the newest so many out: the page after.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) skip: usize,
    /// Only payments with somebody of this name, or whose name holds it.
    #[arg(long, value_name = "NAME")]
    pub(crate) with: Option<String>,
    /// Only payments that went this way.
    #[arg(long, value_enum)]
    pub(crate) way: Option<Way>,
    /// Only payments that stand so.
    #[arg(long, value_enum)]
    pub(crate) standing: Option<Ended>,
    /// Write a table of comma-separated values; amounts are in minor units.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ContactsArgs {
    #[command(subcommand)]
    pub(crate) what: Option<ContactsKind>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContactsKind {
    /// Note something about one of them, which stands beside the name from then on. It stays in this
    /// wallet and its backups.
    Note {
        /// The certified name, or the first digits of the wallet's id.
        #[arg(value_name = "NAME|WALLET")]
        who: String,
        /// At most 200 characters; an empty text removes the note.
        text: String,
    },
}

/// Which way money went.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Way {
    /// From this wallet.
    Out,
    /// To this wallet.
    In,
}

/// How a payment stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Ended {
    /// It happened.
    Paid,
    /// It did not.
    NotPaid,
    /// The other wallet or the office knows.
    InDoubt,
    /// It is going on.
    Open,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// The folder to write to.
    pub(crate) folder: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReceiptArgs {
    #[command(subcommand)]
    pub(crate) what: ReceiptKind,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReceiptKind {
    /// Write the evidence of a payment that happened to a file.
    Save {
        /// The payment's id; the first digits are enough.
        tx: String,
        /// The file to write, or `-`.
        file: PathBuf,
    },
    /// Show the evidence of a payment that happened as a QR code.
    Qr {
        /// The payment's id; the first digits are enough.
        tx: String,
        /// Write a picture to this file instead, or `-`.
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
    },
    /// Check a receipt: who paid whom what, and who signed.
    Verify {
        /// The receipt, or the text of its QR code, or `-`.
        file: PathBuf,
        /// The office's root: its address or a file it gave out [default: the wallet's office].
        #[arg(long, value_name = "URL|FILE")]
        office: Option<String>,
        /// Refuse an office of another id than this.
        #[arg(long, value_name = "HEX")]
        office_id: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct EvidenceArgs {
    /// The payment's id; the first digits are enough.
    pub(crate) tx: String,
    /// The file to write, or `-`.
    pub(crate) file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct JudgeArgs {
    /// The file, or `-`.
    pub(crate) file: PathBuf,
    /// The office's root: its address or a file it gave out [default: the wallet's office].
    #[arg(long, value_name = "URL|FILE")]
    pub(crate) office: Option<String>,
    /// Refuse an office of another id than this.
    #[arg(long, value_name = "HEX")]
    pub(crate) office_id: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Leave the office and the wallets where they are.
    #[arg(long)]
    pub(crate) keep: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Args::command().debug_assert();
    }
}
