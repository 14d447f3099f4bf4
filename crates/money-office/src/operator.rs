//! What the operator may order, and what it is told.

use onehop_wire::{Nonce, Statement, UnixSeconds, WalletId};
use serde::{Deserialize, Serialize};

use crate::audit::AuditReport;
use crate::debts::DebtReport;
use crate::export::ExportPage;
use crate::exposure::Exposure;
use crate::limits::LimitSet;
use crate::statement::StatementPage;

/// How far the date of a command may be from the office's clock.
pub const COMMAND_SECONDS_MAX: u64 = 300;

/// An order of the operator, signed with the operator key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OperatorCommand {
    /// Fresh for each order; the same order twice is done once.
    pub nonce: Nonce,
    /// When it was signed.
    pub at: UnixSeconds,
    /// What to do.
    pub command: Command,
}

impl Statement for OperatorCommand {
    const TYPE: &'static str = "operator-command";
}

/// What the operator may order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Command {
    /// Cash was handed in for a wallet's account.
    Deposit {
        /// Whose account.
        wallet: WalletId,
        /// Minor units.
        amount: u64,
    },
    /// Cash is handed out of a wallet's account.
    Redeem {
        /// Whose account.
        wallet: WalletId,
        /// Minor units.
        amount: u64,
    },
    /// Refuse this wallet from now on.
    Revoke {
        /// The wallet.
        wallet: WalletId,
    },
    /// Go over undecided payments and pay what became payable.
    Settle,
    /// Recompute the books from the evidence.
    Audit,
    /// List the wallets.
    Wallets,
    /// Show one wallet, by name, id or the first digits of its id.
    Wallet {
        /// Name or id.
        who: String,
    },
    /// Give the evidence after this row, for the evidence file.
    Export {
        /// The last row that is known already; 0 for none.
        after: u64,
    },
    /// List the debts.
    Debts,
    /// The owner lost the wallet: refuse it from now on.
    ReportLost {
        /// The wallet.
        wallet: WalletId,
    },
    /// What is left of a lost wallet goes to the account of another one.
    Refund {
        /// The lost wallet.
        from: WalletId,
        /// Whose account gets it.
        to: WalletId,
    },
    /// Put security aside out of a wallet's account.
    Bond {
        /// Whose.
        wallet: WalletId,
        /// Minor units.
        amount: u64,
    },
    /// Put security back into a wallet's account.
    ReleaseBond {
        /// Whose.
        wallet: WalletId,
        /// Minor units.
        amount: u64,
    },
    /// Put the next set of limits in force.
    SetLimits(Box<LimitSet>),
    /// Show the limits in force.
    Limits,
    /// Compute the largest loss until the next sync.
    Exposure,
    /// Give a wallet's postings after this one.
    Statement {
        /// Whose.
        wallet: WalletId,
        /// The last posting that is known already; 0 for none.
        after: u64,
    },
}

/// What became of an order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum OperatorAnswer {
    /// To [`Command::Deposit`], [`Command::Redeem`], [`Command::Revoke`] and [`Command::Wallet`].
    Wallet(Box<WalletReport>),
    /// To [`Command::Wallets`].
    Wallets(Vec<WalletReport>),
    /// To [`Command::Settle`].
    Settled {
        /// Checkpoints that were never closed and lapsed.
        lapsed: u64,
        /// Payments paid in this pass.
        paid: u64,
        /// Payments that can't be collected.
        disputed: u64,
        /// Payments still without an outcome.
        open: u64,
    },
    /// To [`Command::Audit`].
    Audit(AuditReport),
    /// To [`Command::Export`].
    Exported(Box<ExportPage>),
    /// To [`Command::Debts`].
    Debts(Vec<DebtReport>),
    /// To [`Command::Limits`] and [`Command::SetLimits`].
    Limits(Box<LimitSet>),
    /// To [`Command::Exposure`].
    Exposure(Box<Exposure>),
    /// To [`Command::Statement`].
    Statement(Box<StatementPage>),
}

/// A wallet as the office's books have it. Sums are in minor units.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct WalletReport {
    /// Its id.
    pub wallet: WalletId,
    /// Its certified name.
    pub name: String,
    /// Its account; below zero, the owner owes the office.
    pub account: i128,
    /// Its purse under the newest checkpoint.
    pub purse: i128,
    /// Received since, to be in its next purse.
    pub incoming: i128,
    /// Its payments covered and undecided.
    pub suspense: i128,
    /// Security that its owner left at the office.
    pub bond: i128,
    /// What it owes to others because it signed statements that contradict each other.
    pub owes: u64,
    /// Number of its newest checkpoint.
    pub checkpoint: u32,
    /// Last second of that checkpoint.
    pub expires: UnixSeconds,
    /// Refused since the operator revoked it.
    pub revoked: bool,
    /// It signed contradicting entries.
    pub frozen: bool,
    /// Its owner reported it lost.
    pub lost: bool,
    /// From when on nothing that it signed can be claimed in time: then a bond may be released, and
    /// what is left of a lost wallet be refunded.
    pub free_from: UnixSeconds,
}
