//! Keys, signatures and the sign-then-encrypt envelope.
