//! One module for each command.

pub(crate) mod backup;
pub(crate) mod contacts;
pub(crate) mod doctor;
pub(crate) mod files;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod judge;
pub(crate) mod manual;
pub(crate) mod pay;
pub(crate) mod pin;
pub(crate) mod receipt;
pub(crate) mod resume;
pub(crate) mod sell;
pub(crate) mod show;
pub(crate) mod sync;
