//! Wallets' requests over TLS.

use std::path::PathBuf;
use std::sync::Arc;

use onehop_wire::decode;
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::office::OfficeInfo;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::office::Folder;

/// A certificate for this machine and its key, as files beside the office's folder.
fn pair(folder: &Folder, name: &str) -> (PathBuf, PathBuf, Certificate<'static>) {
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let file = |what: &str| folder.dir.path().join(format!("{name}.{what}"));
    std::fs::write(file("cert"), made.cert.pem()).unwrap();
    std::fs::write(file("key"), made.signing_key.serialize_pem()).unwrap();
    let certificate = Certificate::from_der(made.cert.der()).to_owned();
    (file("cert"), file("key"), certificate)
}

fn agent(trusted: &Certificate<'static>) -> ureq::Agent {
    let roots = RootCerts::Specific(Arc::new(vec![trusted.clone()]));
    let tls = TlsConfig::builder().root_certs(roots).build();
    ureq::Agent::config_builder().tls_config(tls).build().into()
}

#[test]
fn wallets_are_served_over_tls_by_the_named_certificate_and_the_operator_without() {
    let folder = Folder::init();
    let (certificate, key, trusted) = pair(&folder, "office");
    let (_, _, other) = pair(&folder, "other");
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let office = folder.serve_with(&["--tls-cert", &text(&certificate), "--tls-key", &text(&key)]);
    let address = office.url.strip_prefix("http://").unwrap();
    let url = format!("https://{address}/v1/office");
    let body = agent(&trusted).get(&url).call().unwrap().into_body().read_to_vec().unwrap();
    let info: OfficeInfo = decode(&body, OFFICE_BODY_MAX).unwrap();
    assert!(folder.ok(&["info", "--json"]).contains(&format!("{:?}", info.name.as_str())));
    let refused = agent(&other).get(&url).call().unwrap_err();
    assert!(refused.to_string().contains("invalid peer certificate"), "{refused}");
    // Whoever does not speak TLS is not answered, and the next one is.
    ureq::get(format!("http://{address}/v1/office")).call().unwrap_err();
    agent(&trusted).get(&url).call().unwrap();
    assert!(folder.ok(&["audit"]).ends_with("books balance\n"));
}

#[test]
fn a_certificate_or_key_that_cannot_be_used_is_named_and_nothing_is_served() {
    let folder = Folder::init();
    let (certificate, key, _) = pair(&folder, "office");
    let (_, strange, _) = pair(&folder, "other");
    let missing = folder.dir.path().join("missing");
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let says = |certificate: &PathBuf, key: &PathBuf| {
        let (certificate, key) = (text(certificate), text(key));
        folder.refused(&["serve", "--tls-cert", &certificate, "--tls-key", &key], 1)
    };
    let line = says(&missing, &key);
    assert!(line.starts_with(&format!("failed to read certificates from {}", text(&missing))));
    let line = says(&key, &key);
    assert!(
        line.starts_with(&format!("failed to read certificates from {}", text(&key))),
        "{line}"
    );
    let line = says(&certificate, &certificate);
    assert!(line.starts_with("failed to read a private key from "), "{line}");
    let line = says(&certificate, &strange);
    assert!(line.contains("are not a certificate and its key"), "{line}");
    let half = folder.run(&["serve", "--tls-cert", &text(&certificate)]);
    assert_eq!(half.status.code(), Some(2));
    assert!(!folder.path().join("serve.addr").exists());
}
