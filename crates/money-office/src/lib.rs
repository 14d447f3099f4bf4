//! The money office: certifies, charges, settles, redeems, audits.
