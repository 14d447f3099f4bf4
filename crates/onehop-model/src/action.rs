//! What can happen next, and how it reads.

use core::fmt;

use onehop_wire::TxId;

/// What a device asks of the office.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ask {
    Sync,
    Claim,
    Resolve(TxId),
}

/// What can happen next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// A device does something.
    Act(usize, Deed),
    /// The power went after so many acts of what that would have come to, and came back.
    Torn(usize, Deed, usize),
    /// Two devices open a session, as buyer and seller.
    Meet(usize, usize),
    /// The office goes over what is undecided.
    Settle,
    /// It gets late.
    Pass,
    /// A dishonest owner copies the disk.
    Keep(usize),
}

/// What one device does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Deed {
    /// Asks for money: number of the order.
    Charge(usize),
    Confirm(TxId),
    Refuse(TxId),
    Cancel(TxId),
    /// Hears what is in flight: its name, whether it stays in flight, and what it is.
    Hear(u64, bool, &'static str),
    Probe,
    Deadline,
    Lose(usize),
    /// Asks the office; the answer comes at once, or late.
    Post(Ask, bool),
    Compact,
    PowerCut(usize),
    PutBack,
}

impl Action {
    /// True if nothing went wrong: no loss, duplicate, power cut or dishonesty.
    pub(crate) const fn is_calm(&self) -> bool {
        match self {
            Self::Act(_, deed) => match deed {
                Deed::Hear(_, again, _) => !*again,
                Deed::Lose(_) | Deed::PowerCut(_) | Deed::PutBack | Deed::Post(_, true) => false,
                Deed::Charge(_)
                | Deed::Confirm(_)
                | Deed::Refuse(_)
                | Deed::Cancel(_)
                | Deed::Probe
                | Deed::Deadline
                | Deed::Post(_, false)
                | Deed::Compact => true,
            },
            Self::Torn(..) | Self::Keep(_) => false,
            Self::Meet(..) | Self::Settle | Self::Pass => true,
        }
    }

    /// The action in words; `names` are those of the devices.
    pub(crate) fn words(&self, names: &[&str]) -> String {
        let who = |device: &usize| names.get(*device).copied().unwrap_or("?");
        match self {
            Self::Act(device, deed) => format!("{:<8} {deed}", who(device)),
            Self::Torn(device, deed, after) => {
                format!("{:<8} {deed}; the power goes after {after} acts of that", who(device))
            }
            Self::Meet(buyer, seller) => {
                format!("{:<8} opens a session with {} as buyer", who(buyer), who(seller))
            }
            Self::Settle => "office   goes over what is undecided".to_owned(),
            Self::Pass => "         it gets late".to_owned(),
            Self::Keep(device) => format!("{:<8} keeps a copy of the disk", who(device)),
        }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Charge(order) => write!(f, "asks for order {order}"),
            Self::Confirm(tx) => write!(f, "says yes to {}", tx.short()),
            Self::Refuse(tx) => write!(f, "says no to {}", tx.short()),
            Self::Cancel(tx) => write!(f, "withdraws {}", tx.short()),
            Self::Hear(_, false, title) => write!(f, "hears {title}"),
            Self::Hear(_, true, title) => write!(f, "hears {title}, which comes again"),
            Self::Probe => f.write_str("asks again about what is in doubt"),
            Self::Deadline => f.write_str("waits no longer"),
            Self::Lose(other) => write!(f, "loses the session with device {other}"),
            Self::Post(ask, is_late) => {
                match ask {
                    Ask::Sync => f.write_str("sends SYNC to the office")?,
                    Ask::Claim => f.write_str("sends CLAIM to the office")?,
                    Ask::Resolve(tx) => write!(f, "sends RESOLVE of {} to the office", tx.short())?,
                }
                f.write_str(if *is_late { ", whose answer is late" } else { "" })
            }
            Self::Compact => f.write_str("stores a snapshot and prunes"),
            Self::PowerCut(kept) => {
                write!(f, "loses power, with {kept} unforced records on the disk, and starts again")
            }
            Self::PutBack => f.write_str("is put back to the copy of the disk"),
        }
    }
}
