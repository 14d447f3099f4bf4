//! The words of the protocol: amounts, ids, messages, certificates, canonical bytes.
