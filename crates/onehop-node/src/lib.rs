//! The only event loop: wallet, log and link driven together.
