//! What the person types, a line at a time.

use std::io::BufRead as _;

use tokio::sync::mpsc;

/// Lines of stdin. They are read in a thread that ends with the program.
#[derive(Debug)]
pub(crate) struct Lines {
    receiver: mpsc::UnboundedReceiver<String>,
}

impl Lines {
    /// Begins to read.
    pub(crate) fn of_stdin() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let lines = std::io::stdin().lock().lines();
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { receiver }
    }

    /// Nobody is there to type.
    pub(crate) fn none() -> Self {
        let (_, receiver) = mpsc::unbounded_channel();
        Self { receiver }
    }

    /// The next line; `None` once there will be no more. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<String> {
        self.receiver.recv().await.map(|line| line.trim().to_owned())
    }
}

/// The next line of stdin, waited for in this thread; `None` at its end.
pub(crate) fn line_now() -> Option<String> {
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim().to_owned()),
    }
}
