//! The rows of the state tables (spec §7.1, §7.2 and §9.4), in order, and how each is counted.

use super::When::{Dishonest, Honest, Rare};
use super::{Part, Row};

const fn row(state: &'static str, event: &'static str, parts: &'static [Part]) -> Row {
    Row { state, event, parts, elsewhere: "" }
}

const fn elsewhere(state: &'static str, event: &'static str, why: &'static str) -> Row {
    Row { state, event, parts: &[], elsewhere: why }
}

/// The seller (spec §7.1).
pub(crate) const SELLER: &[Row] = &[
    row(
        "none",
        "charge by the person, order free, session with the buyer",
        &[(Honest, &["seller none charge -> INVITED"])],
    ),
    row(
        "none",
        "STATUS with my own request, of my present epoch and with a number above the covered floor",
        &[(Honest, &["seller none <- STATUS -> seller ABORTED"])],
    ),
    row(
        "none",
        "the same, of an older epoch, or at or below the floor",
        &[(Rare, &["seller none <- STATUS -> none"])],
    ),
    elsewhere(
        "none",
        "AGREED alone, REFUSED, COMMITTED, RELEASED, UNKNOWN",
        "a seller that has lost its request has lost the session with it",
    ),
    row(
        "INVITED",
        "AGREED, alone or in STATUS, passing §6.5",
        &[
            (Honest, &["seller INVITED <- AGREED -> seller COMMITTED"]),
            (Honest, &["seller INVITED <- STATUS -> seller COMMITTED"]),
        ],
    ),
    row(
        "INVITED",
        "AGREED signed by the payer, failing §6.5",
        &[(
            Rare,
            &[
                "seller INVITED <- AGREED -> seller ABORTED",
                "seller INVITED <- STATUS -> seller ABORTED",
            ],
        )],
    ),
    elsewhere(
        "INVITED",
        "AGREED not signed by the payer",
        "only a peer that lies says this; the model and the tests of proto do",
    ),
    row("INVITED", "STATUS without AGREED; resend timer", &[(Honest, &["seller INVITED timer"])]),
    row(
        "INVITED",
        "REFUSED of this request",
        &[(Honest, &["seller INVITED <- REFUSED -> seller ABORTED"])],
    ),
    row(
        "INVITED",
        "vote timer; cancel; restart; before CLOSED",
        &[
            (Honest, &["seller INVITED vote timer -> ABORTED"]),
            (Honest, &["seller INVITED cancel -> ABORTED"]),
            (Honest, &["seller INVITED restart -> ABORTED"]),
            (Honest, &["seller INVITED before CLOSED -> ABORTED"]),
        ],
    ),
    elsewhere(
        "INVITED",
        "RELEASED, UNKNOWN",
        "only a peer that lies says this; the model and the tests of proto do",
    ),
    row(
        "COMMITTED",
        "the same AGREED, STATUS, commit timer, new session with the buyer",
        &[
            (Honest, &["seller COMMITTED <- STATUS -> seller COMMITTED"]),
            (Honest, &["seller COMMITTED timer"]),
            (Honest, &["seller COMMITTED new session"]),
        ],
    ),
    row(
        "COMMITTED",
        "COMMITTED of this COMMIT",
        &[(Honest, &["seller COMMITTED <- COMMITTED -> seller DONE"])],
    ),
    row(
        "DONE, REDEEMED, LOST",
        "the same AGREED, STATUS",
        &[(
            Rare,
            &[
                "seller DONE <- AGREED -> seller DONE",
                "seller DONE <- STATUS -> seller DONE",
                "seller REDEEMED <- AGREED -> seller REDEEMED",
                "seller REDEEMED <- STATUS -> seller REDEEMED",
                "seller LOST <- AGREED -> seller LOST",
                "seller LOST <- STATUS -> seller LOST",
            ],
        )],
    ),
    row(
        "DONE, REDEEMED, LOST",
        "COMMITTED",
        &[(
            Honest,
            &[
                "seller DONE <- COMMITTED -> seller DONE",
                "seller REDEEMED <- COMMITTED -> seller REDEEMED",
                "seller LOST <- COMMITTED -> seller LOST",
            ],
        )],
    ),
    elsewhere(
        "COMMITTED, DONE, REDEEMED, LOST",
        "another AGREED of the same tx, signed by the payer",
        "only a peer that lies says this; the model and the tests of proto do",
    ),
    row(
        "COMMITTED, DONE, REDEEMED, LOST",
        "cancel",
        &[
            (Honest, &["seller COMMITTED cancel refused -> seller COMMITTED"]),
            (Honest, &["seller DONE cancel refused -> seller DONE"]),
        ],
    ),
    elsewhere(
        "COMMITTED, DONE, REDEEMED, LOST",
        "REFUSED, RELEASED, UNKNOWN",
        "only a peer that lies says this; the model and the tests of proto do",
    ),
    row(
        "COMMITTED, DONE",
        "OUTCOME PAID",
        &[
            (Honest, &["seller COMMITTED <- OUTCOME PAID -> seller REDEEMED"]),
            (Honest, &["seller DONE <- OUTCOME PAID -> seller REDEEMED"]),
        ],
    ),
    row(
        "COMMITTED, DONE",
        "OUTCOME VOID or DISPUTED",
        &[
            (
                Rare,
                &[
                    "seller COMMITTED <- OUTCOME VOID -> seller LOST",
                    "seller DONE <- OUTCOME VOID -> seller LOST",
                ],
            ),
            (
                Dishonest,
                &[
                    "seller COMMITTED <- OUTCOME DISPUTED -> seller LOST",
                    "seller DONE <- OUTCOME DISPUTED -> seller LOST",
                ],
            ),
        ],
    ),
    row(
        "COMMITTED, DONE",
        "PENDING; restart",
        &[
            (
                Honest,
                &[
                    "seller COMMITTED <- PENDING -> seller COMMITTED",
                    "seller DONE <- PENDING -> seller DONE",
                ],
            ),
            (Honest, &["seller COMMITTED restart"]),
        ],
    ),
    row(
        "REDEEMED, LOST",
        "OUTCOME",
        &[(
            Honest,
            &[
                "seller REDEEMED <- OUTCOME PAID -> seller REDEEMED",
                "seller LOST <- OUTCOME VOID -> seller LOST",
            ],
        )],
    ),
    row(
        "ABORTED",
        "AGREED, STATUS",
        &[
            (Rare, &["seller ABORTED <- AGREED -> seller ABORTED"]),
            (Honest, &["seller ABORTED <- STATUS -> seller ABORTED"]),
        ],
    ),
    row(
        "ABORTED",
        "RELEASED, REFUSED, COMMITTED, UNKNOWN, restart, timers",
        &[
            (Honest, &["seller ABORTED <- RELEASED -> seller ABORTED"]),
            (Rare, &["seller ABORTED <- REFUSED -> seller ABORTED"]),
            (Honest, &["seller ABORTED restart"]),
        ],
    ),
    row(
        "ABORTED",
        "OUTCOME VOID; PAID or DISPUTED",
        &[(Honest, &["seller ABORTED <- OUTCOME VOID -> seller ABORTED"])],
    ),
];

/// The buyer (spec §7.2).
pub(crate) const BUYER: &[Row] = &[
    row(
        "none",
        "COMMIT-REQUEST passing §5.3",
        &[(Honest, &["buyer none <- COMMIT-REQUEST -> buyer ASKED"])],
    ),
    row(
        "none",
        "COMMIT-REQUEST to be refused by §5.3",
        &[(Honest, &["buyer none <- COMMIT-REQUEST -> buyer REFUSED"])],
    ),
    elsewhere(
        "none",
        "STATUS by the seller, unknown tx",
        "a seller of this project never asks STATUS",
    ),
    row(
        "none",
        "COMMIT, ABORT, UNKNOWN",
        &[(Honest, &["buyer none <- ABORT -> none"]), (Rare, &["buyer none <- COMMIT -> none"])],
    ),
    row(
        "ASKED",
        "yes, and checks 4 to 9 of §5.3 still pass",
        &[(Honest, &["buyer ASKED yes -> buyer PREPARED"])],
    ),
    row(
        "ASKED",
        "yes, and one of them fails now",
        &[(Rare, &["buyer ASKED yes refused -> buyer REFUSED"])],
    ),
    row(
        "ASKED",
        "no, or `vote_ms` passed",
        &[
            (Honest, &["buyer ASKED no -> buyer REFUSED"]),
            (Rare, &["buyer ASKED timer -> REFUSED"]),
        ],
    ),
    row("ASKED", "ABORT of this request", &[(Honest, &["buyer ASKED <- ABORT -> none"])]),
    elsewhere(
        "ASKED",
        "duplicate request; STATUS",
        "a sealed request is opened once; a seller of this project never asks STATUS",
    ),
    row(
        "ASKED",
        "restart, session ended",
        &[(Honest, &["buyer ASKED yes refused -> none", "buyer ASKED no refused -> none"])],
    ),
    elsewhere(
        "PREPARED",
        "duplicate request, STATUS by the seller",
        "a sealed request is opened once; a seller of this project never asks STATUS",
    ),
    elsewhere(
        "PREPARED",
        "another request of the same tx, signed by the seller",
        "only a peer that lies says this; the model and the tests of proto do",
    ),
    row(
        "PREPARED",
        "COMMIT of this AGREED",
        &[(Honest, &["buyer PREPARED <- COMMIT -> buyer COMMITTED"])],
    ),
    row(
        "PREPARED",
        "ABORT of this AGREED or of its request",
        &[(Honest, &["buyer PREPARED <- ABORT -> buyer ABORTED"])],
    ),
    row(
        "PREPARED",
        "status timer, new session with the payee",
        &[(Honest, &["buyer PREPARED timer"]), (Honest, &["buyer PREPARED new session"])],
    ),
    row(
        "PREPARED",
        "restart, session ended, UNKNOWN, PENDING",
        &[
            (Honest, &["buyer PREPARED restart"]),
            (Honest, &["buyer PREPARED session ended"]),
            (Rare, &["buyer PREPARED <- UNKNOWN -> buyer PREPARED"]),
            (Rare, &["buyer PREPARED <- PENDING -> buyer PREPARED"]),
        ],
    ),
    row(
        "PREPARED",
        "OUTCOME PAID or DISPUTED",
        &[(Rare, &["buyer PREPARED <- OUTCOME PAID -> buyer COMMITTED"])],
    ),
    row("PREPARED", "OUTCOME VOID", &[(Rare, &["buyer PREPARED <- OUTCOME VOID -> buyer VOIDED"])]),
    row(
        "COMMITTED",
        "COMMIT, request, STATUS",
        &[(Honest, &["buyer COMMITTED <- COMMIT -> buyer COMMITTED"])],
    ),
    elsewhere(
        "COMMITTED",
        "COMMIT, when the state came from an OUTCOME and no COMMIT is held",
        "counted with the row before",
    ),
    elsewhere(
        "COMMITTED",
        "ABORT signed by the seller; a COMMIT with another hash",
        "only a peer that lies says this; the model and the tests of proto do",
    ),
    row(
        "COMMITTED",
        "OUTCOME",
        &[(Honest, &["buyer COMMITTED <- OUTCOME PAID -> buyer COMMITTED"])],
    ),
    elsewhere(
        "REFUSED",
        "the same request, STATUS",
        "a sealed request is opened once; a seller of this project never asks STATUS",
    ),
    row("REFUSED", "ABORT", &[(Rare, &["buyer REFUSED <- ABORT -> buyer REFUSED"])]),
    row(
        "ABORTED",
        "the same request, STATUS, the same ABORT",
        &[(Rare, &["buyer ABORTED <- ABORT -> buyer ABORTED"])],
    ),
    elsewhere(
        "VOIDED",
        "the same request, STATUS; ABORT",
        "an ABORT after VOID needs a seller that waives later than the office decides",
    ),
    elsewhere(
        "REFUSED, ABORTED, VOIDED",
        "COMMIT signed by the seller",
        "between honest wallets only after VOID, which a dishonest run need not meet",
    ),
    row(
        "ABORTED, VOIDED",
        "OUTCOME VOID; PAID or DISPUTED",
        &[(
            Honest,
            &[
                "buyer ABORTED <- OUTCOME VOID -> buyer ABORTED",
                "buyer VOIDED <- OUTCOME VOID -> buyer VOIDED",
            ],
        )],
    ),
    elsewhere(
        "any with an AGREED",
        "OUTCOME of another entry",
        "only an office that lies says this",
    ),
];

/// The office (spec §9.4).
pub(crate) const OFFICE: &[Row] = &[
    row(
        "none",
        "claim, or COMMIT in a payer's SYNC, verified; payer's checkpoint open",
        &[
            (Honest, &["office none CLAIM -> CLAIMED"]),
            (Honest, &["office none SYNC with COMMIT -> CLAIMED"]),
        ],
    ),
    row(
        "none",
        "the same, payer's checkpoint closed or over, covered",
        &[
            (Rare, &["office none CLAIM -> PAID"]),
            (Honest, &["office none SYNC with COMMIT -> PAID"]),
        ],
    ),
    row(
        "none",
        "the same, not covered, the payer forked",
        &[(Dishonest, &["office none CLAIM -> DISPUTED"])],
    ),
    row(
        "none, CLAIMED",
        "the same, not covered yet, because receipts attached to entries of that checkpoint are not final",
        &[(Honest, &["office CLAIMED waits for receipts"])],
    ),
    row(
        "none",
        "seller's ABORT of the entry shown, in RESOLVE or either side's SYNC, and the entry shown",
        &[
            (Honest, &["office none RESOLVE with ABORT -> VOID"]),
            (Honest, &["office none SYNC with ABORT -> VOID"]),
        ],
    ),
    row(
        "none",
        "RESOLVE, office time >= redeem_by + grace",
        &[(Rare, &["office none RESOLVE -> VOID"])],
    ),
    row("none", "RESOLVE, earlier", &[(Honest, &["office none RESOLVE -> none"])]),
    row(
        "CLAIMED",
        "claim, RESOLVE",
        &[
            (Honest, &["office CLAIMED CLAIM -> CLAIMED"]),
            (Rare, &["office CLAIMED RESOLVE -> CLAIMED"]),
        ],
    ),
    elsewhere(
        "CLAIMED without COMMITTED",
        "seller's ABORT shown",
        "only a seller that lies, or is put back and then waives, shows both",
    ),
    elsewhere(
        "CLAIMED with COMMITTED",
        "seller's ABORT shown",
        "only a seller that lies, or is put back and then waives, shows both",
    ),
    row(
        "CLAIMED",
        "payer's checkpoint closed, or expired and claim window over; covered",
        &[
            (
                Honest,
                &[
                    "office CLAIMED SYNC with COMMIT -> PAID",
                    "office CLAIMED SYNC in doubt -> PAID",
                ],
            ),
            (Rare, &["office CLAIMED CLAIM -> PAID", "office CLAIMED time -> PAID"]),
        ],
    ),
    row(
        "CLAIMED",
        "the same, not covered, the payer forked or no receipt can come any more",
        &[(
            Dishonest,
            &[
                "office CLAIMED SYNC with COMMIT -> DISPUTED",
                "office CLAIMED SYNC in doubt -> DISPUTED",
                "office CLAIMED time -> DISPUTED",
                "office CLAIMED CLAIM -> DISPUTED",
            ],
        )],
    ),
    row(
        "PAID, VOID, DISPUTED",
        "anything",
        &[
            (Honest, &["office PAID CLAIM -> PAID"]),
            (Honest, &["office VOID RESOLVE with ABORT -> VOID", "office VOID RESOLVE -> VOID"]),
            (Dishonest, &["office DISPUTED CLAIM -> DISPUTED"]),
        ],
    ),
];
