//! A real office in a temporary folder.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use onehop_wire::decode;
use onehop_wire::encode;
use onehop_wire::limits::OFFICE_BODY_MAX;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

pub(crate) struct Folder {
    pub(crate) dir: TempDir,
}

pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) url: String,
    /// Where the operator is served.
    pub(crate) operator: String,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) media_type: String,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn read<T: Serialize + DeserializeOwned>(&self) -> T {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, 200, "{text}");
        decode(&self.body, OFFICE_BODY_MAX).unwrap()
    }

    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.media_type, "application/problem+json");
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        assert!(problem["type"].as_str().unwrap().starts_with("urn:onehop:office:"));
        assert!(problem["title"].is_string());
        problem["detail"].as_str().unwrap().to_owned()
    }
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub(crate) fn init() -> Self {
        Self::init_with(&[])
    }

    pub(crate) fn init_with(args: &[&str]) -> Self {
        let folder = Self::new();
        folder.ok(&[&["init", "--currency", "INR", "--profile", "rbi-2023"], args].concat());
        folder
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("office")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_money-office"));
        command.env("MONEY_OFFICE", self.path());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }

    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}: {}", said(&out));
        String::from_utf8(out.stdout).unwrap()
    }

    pub(crate) fn refused(&self, args: &[&str], code: i32) -> String {
        let out = self.run(args);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {}", said(&out));
        let line = String::from_utf8(out.stderr).unwrap();
        assert_eq!(line.lines().count(), 1, "{line}");
        line.trim().strip_prefix("money-office: ").unwrap().to_owned()
    }

    pub(crate) fn serve(&self) -> Serving {
        self.serve_with(&[])
    }

    pub(crate) fn serve_with(&self, args: &[&str]) -> Serving {
        self.serve_at("127.0.0.1:0", args)
    }

    pub(crate) fn serve_at(&self, listen: &str, args: &[&str]) -> Serving {
        let log = std::fs::File::create(self.dir.path().join("log")).unwrap();
        let mut child = self
            .command()
            .args(["serve", "--listen", listen])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap();
        let operator = std::fs::read_to_string(self.path().join("operator.addr")).unwrap();
        let operator = format!("http://{}", operator.trim());
        Serving { url: format!("http://{address}"), operator, child }
    }

    /// What the service has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn reply(response: ureq::http::Response<ureq::Body>) -> Reply {
    let status = response.status().as_u16();
    let media_type = response.headers().get("content-type");
    let media_type = media_type.map_or("", |value| value.to_str().unwrap()).to_owned();
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
    let body = response.into_body().read_to_vec().unwrap();
    Reply { status, media_type, retry_after, body }
}

impl Serving {
    pub(crate) fn post<T: Serialize>(&self, path: &str, body: &T) -> Reply {
        self.post_bytes(path, "application/octet-stream", &encode(body))
    }

    pub(crate) fn post_bytes(&self, path: &str, media_type: &str, body: &[u8]) -> Reply {
        let url = format!("{}{path}", self.url);
        reply(agent().post(url).header("content-type", media_type).send(body).unwrap())
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        reply(agent().get(format!("{}{path}", self.url)).call().unwrap())
    }

    /// The same service as its operator meets it.
    pub(crate) fn as_operator<T>(&mut self, ask: impl FnOnce(&Self) -> T) -> T {
        std::mem::swap(&mut self.url, &mut self.operator);
        let answer = ask(self);
        std::mem::swap(&mut self.url, &mut self.operator);
        answer
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // SIGKILL: what was answered must be on the disk.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
