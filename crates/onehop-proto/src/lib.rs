//! The payment protocol: buyer and seller state machines, ledger, recovery.
