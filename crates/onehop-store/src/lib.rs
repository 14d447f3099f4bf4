//! The undo/redo log and the embedded store.
