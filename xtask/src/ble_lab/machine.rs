//! A machine of the lab: QEMU with a disk and an adapter, and what runs inside.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::vm::process::dies_with_us;
use crate::vm::tools;

use super::air::hci_socket;

/// How long anything inside of a machine may take. They are emulated, on a busy host.
pub(super) const PATIENCE: Duration = Duration::from_secs(240);
/// How long a machine may take to say what its system has noted.
const TESTIMONY: Duration = Duration::from_secs(10);
/// How long a pause of nothing is before it is looked again whether a process still runs.
const LOOK: Duration = Duration::from_millis(50);

/// What a machine is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    pub(super) name: &'a str,
    pub(super) kernel: &'a Path,
    pub(super) archive: &'a Path,
    pub(super) disk: &'a Path,
    /// For sockets and logs.
    pub(super) folder: &'a Path,
    /// Variables for its first program.
    pub(super) settings: &'a str,
}

/// A machine that runs. Dropping it cuts its power.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) name: String,
    qemu: Child,
    port: UnixStream,
    hub: Arc<Mutex<Hub>>,
    own: Receiver<String>,
    next: u32,
    console: PathBuf,
}

/// Who waits for lines of which command.
#[derive(Debug)]
struct Hub {
    jobs: HashMap<u32, Sender<Said>>,
    own: Option<Sender<String>>,
    log: File,
    began: Instant,
    daemon_ends: u64,
}

/// What a command inside of a machine says, and when it came out.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Out(Instant, String),
    Err(Instant, String),
    Exit(i32),
}

/// A command that runs inside of a machine. Dropping it does not end it.
#[derive(Debug)]
pub(super) struct Job {
    id: u32,
    what: String,
    port: UnixStream,
    said: Receiver<Said>,
    /// All lines so far, those of the errors as well.
    pub(super) lines: Vec<(Instant, String)>,
    code: Option<i32>,
}

impl Machine {
    /// Starts a machine. It is not ready yet.
    ///
    /// # Errors
    /// If QEMU cannot be started or ends at once.
    pub(super) fn start(parts: &Parts<'_>) -> Result<Self> {
        let Parts { name, folder, settings, .. } = *parts;
        let socket = folder.join(format!("{name}.port"));
        std::fs::remove_file(&socket).ok();
        let listener = UnixListener::bind(&socket).context("failed to listen for the machine")?;
        let console = folder.join(format!("{name}.console"));
        let hci = hci_socket(folder, name);
        let chardev = |id: &str, path: &Path| format!("socket,id={id},path={}", path.display());
        // On a busy host, a timer may seem not to tick for as long as the kernel looks at it.
        let append = format!(
            "console=ttyS0 quiet panic=-1 nokaslr mitigations=off no_timer_check \
             random.trust_cpu=on rdinit=/init name={name} {settings}"
        );
        let drive = format!("file={},format=raw,if=virtio,cache=writeback", parts.disk.display());
        let mut qemu = dies_with_us(tools::find("qemu-system-x86_64")?)?
            .args(["-machine", "q35", "-accel", "tcg", "-cpu", "Westmere,+rdrand", "-smp", "1"])
            .args(["-m", "384", "-nodefaults", "-no-user-config", "-display", "none"])
            .args(["-no-reboot", "-serial", &format!("file:{}", console.display())])
            .args(["-append", &append, "-device", "virtio-serial-pci"])
            .args(["-chardev", &chardev("hci", &hci), "-device", "virtconsole,chardev=hci"])
            .args(["-chardev", &chardev("lab", &socket)])
            .args(["-device", "virtserialport,chardev=lab,name=lab"])
            .args([Path::new("-kernel"), parts.kernel, Path::new("-initrd"), parts.archive])
            .args(["-drive", &drive])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.join(format!("{name}.qemu")))?)
            .spawn()
            .context("failed to start QEMU")?;
        let port = match accept(&listener, &mut qemu) {
            Ok(port) => port,
            Err(error) => {
                qemu.kill().ok();
                qemu.wait().ok();
                return Err(error);
            }
        };
        let log = folder.join(format!("{name}.log"));
        let log = File::options().create(true).append(true).open(log)?;
        let (sender, own) = channel();
        let hub = Hub {
            jobs: HashMap::new(),
            own: Some(sender),
            log,
            began: Instant::now(),
            daemon_ends: 0,
        };
        let hub = Arc::new(Mutex::new(hub));
        let (reader, shared) = (port.try_clone()?, Arc::clone(&hub));
        thread::spawn(move || listen(reader, &shared));
        Ok(Self { name: name.to_owned(), qemu, port, hub, own, next: 0, console })
    }

    /// Waits until the adapter is powered.
    ///
    /// # Errors
    /// If it is not in time, or the machine goes off.
    pub(super) fn ready(&mut self) -> Result<()> {
        self.hear("powered")
    }

    /// Waits for a line of the machine's own that begins so.
    fn hear(&mut self, what: &str) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.own.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.starts_with(what) => return Ok(()),
                Ok(line) if line.starts_with("failed") => bail!("machine {}: {line}", self.name),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!("machine {} is not {what} in {} s", self.name, PATIENCE.as_secs())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("machine {} went off: {}", self.name, self.last_words())
                }
            }
        }
    }

    /// Starts a command inside.
    ///
    /// # Errors
    /// If the machine is gone.
    pub(super) fn begin(&mut self, command: &str) -> Result<Job> {
        ensure!(!command.contains('\n'), "a command is one line");
        self.next += 1;
        let id = self.next;
        let (sender, said) = channel();
        lock(&self.hub).jobs.insert(id, sender);
        let mut job = Job {
            id,
            what: format!("{}: {command}", self.name),
            port: self.port.try_clone()?,
            said,
            lines: Vec::new(),
            code: None,
        };
        job.tell(&format!("run {id} {command}"))?;
        Ok(job)
    }

    /// Runs a command inside to its end: its code, and its lines.
    ///
    /// # Errors
    /// If it does not end in time.
    pub(super) fn run(&mut self, command: &str) -> Result<(i32, Vec<String>)> {
        let mut job = self.begin(command)?;
        let code = job.end()?;
        Ok((code, job.lines.into_iter().map(|(_, line)| line).collect()))
    }

    /// How often its Bluetooth daemon has ended since it is on.
    pub(super) fn daemon_ends(&self) -> u64 {
        lock(&self.hub).daemon_ends
    }

    /// Something that the machine's first program does itself, such as `adapter`.
    pub(super) fn order(&mut self, what: &str) -> Result<()> {
        writeln!(self.port, "{what}").context("the machine is gone")
    }

    /// Cuts the power.
    pub(super) fn cut(&mut self) {
        self.qemu.kill().ok();
        self.qemu.wait().ok();
    }

    /// Switches the machine off as its system would.
    ///
    /// # Errors
    /// If it does not go off in time.
    pub(super) fn off(&mut self) -> Result<()> {
        self.order("off")?;
        self.hear("off")?;
        let until = Instant::now() + PATIENCE;
        while self.qemu.try_wait()?.is_none() {
            ensure!(Instant::now() < until, "machine {} does not go off", self.name);
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Has what the system says of itself written into the log, for people.
    pub(super) fn testify(&mut self) {
        if let Ok(mut job) = self.begin("tail -n 40 /tmp/*.log; dmesg | tail -n 20; ps") {
            job.ended(Instant::now() + TESTIMONY).ok();
        }
    }

    fn last_words(&self) -> String {
        let console = std::fs::read(&self.console).unwrap_or_default();
        let console = String::from_utf8_lossy(&console);
        console.lines().next_back().unwrap_or("nothing on its console").trim().to_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.cut();
    }
}

fn accept(listener: &UnixListener, qemu: &mut Child) -> Result<UnixStream> {
    listener.set_nonblocking(true)?;
    let until = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((port, _)) => {
                port.set_nonblocking(false)?;
                return Ok(port);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        ensure!(qemu.try_wait()?.is_none(), "QEMU ended at once; its complaint is in its log");
        ensure!(Instant::now() < until, "QEMU does not connect");
        thread::sleep(LOOK);
    }
}

fn lock(hub: &Mutex<Hub>) -> std::sync::MutexGuard<'_, Hub> {
    hub.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Deals out lines until the machine is off; then nobody waits any more.
fn listen(port: UnixStream, hub: &Mutex<Hub>) {
    let mut port = BufReader::new(port);
    let mut line = Vec::new();
    while matches!(port.read_until(b'\n', &mut line), Ok(1..)) && line.ends_with(b"\n") {
        let now = Instant::now();
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        let mut hub = lock(hub);
        // For people only: nothing is read from it.
        let seconds = now.duration_since(hub.began).as_secs_f64();
        writeln!(hub.log, "{seconds:8.3} {text}").ok();
        deal(&mut hub, now, &text);
        line.clear();
    }
    let mut hub = lock(hub);
    hub.jobs.clear();
    hub.own = None;
}

fn deal(hub: &mut Hub, now: Instant, text: &str) {
    if let Some(own) = text.strip_prefix("! ") {
        hub.daemon_ends += u64::from(own.starts_with("bluetoothd ended"));
        if let Some(sender) = &hub.own {
            sender.send(own.to_owned()).ok();
        }
        return;
    }
    let mut parts = text.splitn(3, ' ');
    let (id, kind, rest) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
    let Some(id) = id.and_then(|id| id.parse::<u32>().ok()) else { return };
    let said = match kind {
        Some("o") => Said::Out(now, rest.to_owned()),
        Some("e") => Said::Err(now, rest.to_owned()),
        Some("x") => Said::Exit(rest.trim().parse().unwrap_or(-1)),
        _ => return,
    };
    let is_end = matches!(said, Said::Exit(_));
    if let Some(sender) = hub.jobs.get(&id) {
        sender.send(said).ok();
    }
    if is_end {
        hub.jobs.remove(&id);
    }
}

impl Job {
    /// Waits for a line that is meant, among those to come.
    ///
    /// # Errors
    /// If the command ends first, the machine goes off, or it takes too long.
    pub(super) fn until(
        &mut self,
        what: &str,
        is_meant: impl Fn(&str) -> bool,
    ) -> Result<(Instant, String)> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.hear(end)? {
                Some(Said::Out(at, line) | Said::Err(at, line)) if is_meant(&line) => {
                    return Ok((at, line));
                }
                Some(Said::Out(..) | Said::Err(..)) => {}
                Some(Said::Exit(code)) => {
                    bail!("{} ended with {code} before {what}: {}", self.what, self.last())
                }
                None => bail!("{} says no {what}: {}", self.what, self.last()),
            }
        }
    }

    /// Waits for its end: its code.
    ///
    /// # Errors
    /// If the machine goes off, or it takes too long.
    pub(super) fn end(&mut self) -> Result<i32> {
        let end = Instant::now() + PATIENCE;
        while self.code.is_none() {
            if self.hear(end)?.is_none() {
                bail!("{} does not end: {}", self.what, self.last());
            }
        }
        self.code.context("no code")
    }

    /// What comes next until then; nothing if the time is up.
    ///
    /// # Errors
    /// If the machine has gone off.
    pub(super) fn hear(&mut self, until: Instant) -> Result<Option<Said>> {
        if let Some(code) = self.code {
            return Ok(Some(Said::Exit(code)));
        }
        match self.said.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(said) => {
                match &said {
                    Said::Out(at, line) | Said::Err(at, line) => {
                        self.lines.push((*at, line.clone()));
                    }
                    Said::Exit(code) => self.code = Some(*code),
                }
                Ok(Some(said))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("{}: the machine is off", self.what),
        }
    }

    /// The shell's words for its process, inside of the machine.
    pub(super) fn process(&self) -> String {
        format!("$(cat /run/{}.pid)", self.id)
    }

    /// Whether it has ended until then.
    ///
    /// # Errors
    /// If the machine has gone off.
    pub(super) fn ended(&mut self, until: Instant) -> Result<bool> {
        while self.code.is_none() && self.hear(until)?.is_some() {}
        Ok(self.code.is_some())
    }

    /// Takes what had come out of a machine before it went off.
    pub(super) fn drain(&mut self) {
        while let Ok(Some(said)) = self.hear(Instant::now()) {
            if matches!(said, Said::Exit(_)) {
                break;
            }
        }
    }

    /// A line into what it reads.
    ///
    /// # Errors
    /// If the machine is gone.
    pub(super) fn say(&mut self, line: &str) -> Result<()> {
        let id = self.id;
        self.tell(&format!("say {id} {line}"))
    }

    /// A signal, such as `TERM`.
    ///
    /// # Errors
    /// If the machine is gone.
    pub(super) fn signal(&mut self, signal: &str) -> Result<()> {
        let id = self.id;
        self.tell(&format!("end {id} {signal}"))
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        writeln!(self.port, "{line}").context("the machine is gone")
    }

    /// The last thing it said.
    pub(super) fn last(&self) -> &str {
        self.lines.last().map_or("it said nothing", |(_, line)| line)
    }
}
