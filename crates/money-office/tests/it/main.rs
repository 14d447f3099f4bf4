//! The program as a user and a wallet meet it.
