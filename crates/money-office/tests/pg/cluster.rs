//! A PostgreSQL cluster of our own in a temporary folder, reached over a socket in it.

use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tempfile::TempDir;

/// Where Debian and others keep the programs of the server.
const PLACES: [&str; 3] =
    ["/usr/lib/postgresql", "/usr/local/lib/postgresql", "/opt/homebrew/opt/postgresql"];

pub(crate) struct Cluster {
    dir: TempDir,
    port: u16,
    /// Databases that were made in it.
    databases: AtomicU32,
}

/// The folder of the newest server programs on this machine.
fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = PLACES
        .iter()
        .filter_map(|place| std::fs::read_dir(place).ok())
        .flatten()
        .map(|version| version.unwrap().path().join("bin"))
        .filter(|bin| bin.join("initdb").is_file())
        .collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).filter(|bin| bin.join("initdb").is_file());
    found.pop().or_else(|| in_path.last()).expect("PostgreSQL is not installed: no initdb")
}

/// Who runs the server, if this process may not: PostgreSQL refuses the superuser.
fn server_user() -> Option<(u32, u32)> {
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    is_root.then(|| {
        let users = std::fs::read_to_string("/etc/passwd").unwrap();
        let ids = |name: &str| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2).map(|id| id.parse().unwrap());
            Some((fields.next()?, fields.next()?))
        };
        ids("postgres").or_else(|| ids("nobody")).expect("no user to run PostgreSQL as")
    })
}

fn run(program: &str, args: &[&str]) -> Output {
    let mut command = Command::new(programs().join(program));
    command.args(args).current_dir("/");
    if let Some((user, group)) = server_user() {
        command.uid(user).gid(group);
    }
    command.output().unwrap()
}

#[track_caller]
fn ok(program: &str, args: &[&str]) -> String {
    let out = run(program, args);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{program} {args:?}: {said}");
    String::from_utf8(out.stdout).unwrap()
}

impl Cluster {
    /// A new cluster that serves, with `settings` beside the usual ones.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("onehop-pg").tempdir().unwrap();
        if let Some((user, group)) = server_user() {
            chown(dir.path(), Some(user), Some(group)).unwrap();
        }
        // A port that was free a moment ago; the socket's name has it too.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { dir, port, databases: AtomicU32::new(0) };
        let auth = ["--auth=trust", "--username=office", "--encoding=UTF8", "--locale=C"];
        let data = cluster.data();
        ok("initdb", &[&["--no-sync", "--pgdata", &data], &auth[..]].concat());
        let mut lines = format!(
            "port = {port}\nlisten_addresses = ''\nunix_socket_directories = '{}'\n\
             max_connections = 40\nshared_buffers = 32MB\n",
            cluster.dir.path().display()
        );
        for setting in settings {
            lines.push_str(setting);
            lines.push('\n');
        }
        let file = Path::new(&data).join("postgresql.auto.conf");
        std::fs::write(file, lines).unwrap();
        cluster.serve();
        cluster
    }

    /// One cluster for all tests that do not kill it, as long as one of them holds it: what a static
    /// owned would outlive this process.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap();
        shared.upgrade().unwrap_or_else(|| {
            let cluster = Arc::new(Self::start(&[]));
            *shared = Arc::downgrade(&cluster);
            cluster
        })
    }

    fn data(&self) -> String {
        self.dir.path().join("data").display().to_string()
    }

    /// Serves, again after a kill: what is left of the killed server goes away by itself, and until
    /// then a new one refuses to start.
    pub(crate) fn serve(&self) {
        let log = self.dir.path().join("log").display().to_string();
        let args = ["start", "--wait", "--silent", "--pgdata", &self.data(), "--log", &log];
        let tries = (0..50).any(|_| run("pg_ctl", &args).status.success());
        assert!(tries, "{}", std::fs::read_to_string(log).unwrap_or_default());
    }

    /// The process that all others of the server belong to.
    pub(crate) fn pid(&self) -> String {
        let file = Path::new(&self.data()).join("postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().next().unwrap().to_owned()
    }

    /// SIGKILL to the server and to every process of it: nothing is finished, nothing written.
    pub(crate) fn kill(&self) {
        let server = self.pid();
        let listed = Command::new("ps").args(["-o", "pid=", "--ppid", &server]).output().unwrap();
        let children = String::from_utf8(listed.stdout).unwrap();
        let all = std::iter::once(server.as_str()).chain(children.split_whitespace());
        let killed = Command::new("kill").arg("-9").args(all).output().unwrap();
        assert!(killed.status.success() || !killed.stderr.is_empty());
    }

    /// Stops the server as an administrator would who does not wait for clients.
    pub(crate) fn stop(&self) {
        ok("pg_ctl", &["stop", "--wait", "--silent", "--mode=fast", "--pgdata", &self.data()]);
    }

    /// The address of a new, empty database.
    pub(crate) fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("office_{number}");
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        let dir = self.dir.path().display();
        format!("postgres://office@localhost:{}/{name}?host={dir}", self.port)
    }

    /// What another program does in the database at this address.
    pub(crate) fn meddle(&self, url: &str, statement: &str) -> String {
        let name = url.rsplit('/').find_map(|part| part.split_once("?host=")).unwrap().0;
        self.psql(name, statement)
    }

    fn psql(&self, database: &str, statement: &str) -> String {
        let (dir, port) = (self.dir.path().display().to_string(), self.port.to_string());
        let to = ["--host", &dir, "--port", &port, "--username=office", "--dbname", database];
        let how = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", statement];
        ok("psql", &[&to[..], &how[..]].concat())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        run("pg_ctl", &["stop", "--mode=immediate", "--pgdata", &self.data()]);
    }
}
