//! The office over HTTP.
