//! Virtual machines for what only a whole machine shows: what they are packed from, and how they end.

pub(crate) mod cpio;
pub(crate) mod pack;
pub(crate) mod process;
pub(crate) mod programs;
pub(crate) mod tools;
