//! TLS for the wallets' listener, by rustls.
//!
//! What wallets and office say is signed and needs no secrecy to be sound; TLS keeps those between
//! them from reading who pays whom.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tls_listener::TlsListener;
use tls_listener::rustls::TlsAcceptor;
use tls_listener::rustls::rustls::crypto::ring;
use tls_listener::rustls::rustls::pki_types::pem::PemObject as _;
use tls_listener::rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tls_listener::rustls::rustls::{self, ServerConfig};
use tokio::net::TcpListener;

/// Why TLS cannot be offered. Nothing listens then.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates or the key cannot be read as PEM.
    #[error("failed to read {what} from {}", path.display())]
    Pem {
        /// Which of the two.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// They are no pair that can be used.
    #[error("{} and {} are not a certificate and its key", certificates.display(), key.display())]
    Pair {
        /// The certificates' file.
        certificates: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        #[source]
        source: rustls::Error,
    },
}

/// Connections that have shaken hands.
pub(super) type Listener = TlsListener<TcpListener, TlsAcceptor>;

/// What the office proves its address with.
#[derive(Clone, Debug)]
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    /// Reads a chain of certificates, the office's own first, and its private key, both as PEM.
    ///
    /// # Errors
    /// [`TlsError`] that names the file.
    pub fn read(certificates: &Path, key: &Path) -> Result<Self, TlsError> {
        let unreadable = |what, path: &Path| {
            let path = path.to_owned();
            move |source| TlsError::Pem { what, path, source }
        };
        let chain = CertificateDer::pem_file_iter(certificates)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .and_then(
                |chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) },
            )
            .map_err(unreadable("certificates", certificates))?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(unreadable("a private key", key))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, secret));
        let unpaired = |source| {
            let (certificates, key) = (certificates.to_owned(), key.to_owned());
            TlsError::Pair { certificates, key, source }
        };
        Ok(Self(Arc::new(config.map_err(unpaired)?)))
    }

    /// Handshakes go on beside each other and are given up after ten seconds.
    pub(super) fn around(&self, listener: TcpListener) -> Listener {
        TlsListener::new(TlsAcceptor::from(Arc::clone(&self.0)), listener)
    }
}
