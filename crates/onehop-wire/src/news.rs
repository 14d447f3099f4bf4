//! What wallets tell each other after a payment, so that it spreads without a network (spec §5.12).
//!
//! Nothing here is signed by who tells it, and nothing has to be: each item proves itself.

use serde::{Deserialize, Serialize};

use crate::bounded::List;
use crate::domain::Signed;
use crate::evidence::ForkProof;
use crate::limits::NEWS_ITEMS_MAX;
use crate::office::{Certificate, Checkpoint, NewRoot, OfficeKey, RevocationDelta};
use crate::payment::Agreed;

/// The newest entry that somebody holds of a payer's chain under its newest checkpoint.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Head {
    /// Whose chain it is.
    pub payer: Signed<Certificate>,
    /// The checkpoint that the entry names; payees take no lower one once they know it.
    pub checkpoint: Signed<Checkpoint>,
    /// The entry, without what backs it.
    pub agreed: Signed<Agreed>,
}

/// One thing that proves itself to anybody who knows the office's first root key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum NewsItem {
    /// The office's root has a successor.
    Root(Signed<NewRoot>),
    /// A signing key of the office.
    Key(Signed<OfficeKey>),
    /// What a revocation list has more than the one before it.
    Delta(Signed<RevocationDelta>),
    /// A payer who signed two entries that contradict each other.
    Fork(Box<ForkProof>),
    /// A payer's newest entry.
    Head(Box<Head>),
}

/// NEWS: what the sender has not told this wallet yet, at most
/// [`NEWS_MAX`](crate::limits::NEWS_MAX) bytes as a message.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct News {
    /// Number of the revocation list that the sender has reached: what it need not be told.
    pub revocations: u32,
    /// In the order in which the receiver looks at them.
    pub items: List<NewsItem, NEWS_ITEMS_MAX>,
}
