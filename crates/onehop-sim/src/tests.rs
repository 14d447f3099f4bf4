//! The world is deterministic, and each checker notices what it is for.
