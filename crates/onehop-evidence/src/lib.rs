//! What anyone may conclude from signed bytes alone.
