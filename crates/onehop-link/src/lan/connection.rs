//! One TCP connection: frames with a length of two bytes, big endian, 1..=1,400.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::timeout,
};

use super::{Happening, LanConfig};
use crate::{framing::FRAME_MAX, link::LinkId};

/// Frames that wait to be written, at most.
pub(super) const WAITING_MAX: usize = 64;

/// Connects to `address`, then carries frames until the connection ends.
pub(super) async fn dial(
    link: LinkId,
    address: SocketAddr,
    config: LanConfig,
    frames: mpsc::Receiver<Vec<u8>>,
    events: mpsc::Sender<Happening>,
) {
    let stream = timeout(config.connect_timeout, connect(address, &config)).await;
    match stream {
        Ok(Ok(stream)) => {
            if events.send(Happening::Connected(link)).await.is_ok() {
                carry(link, stream, None, config, frames, events).await;
            }
        }
        // Once the link is dropped nobody waits for this.
        Ok(Err(_)) | Err(_) => drop(events.send(Happening::Ended(link)).await),
    }
}

/// Carries frames until the connection ends. `first_within` bounds the wait for the first one.
pub(super) async fn carry(
    link: LinkId,
    stream: TcpStream,
    first_within: Option<Duration>,
    config: LanConfig,
    frames: mpsc::Receiver<Vec<u8>>,
    events: mpsc::Sender<Happening>,
) {
    // Frames go out late without it, but they go out.
    stream.set_nodelay(true).ok();
    let (reader, writer) = stream.into_split();
    tokio::select! {
        _ = read_frames(link, reader, first_within, config.frame_timeout, &events) => {}
        _ = write_frames(writer, frames, config.write_timeout) => {}
    }
    // Once the link is dropped nobody waits for this.
    drop(events.send(Happening::Ended(link)).await);
}

async fn connect(address: SocketAddr, config: &LanConfig) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(interface) = config.interface {
        socket.bind(SocketAddr::new(interface.into(), 0))?;
    }
    socket.connect(address).await
}

async fn read_frames(
    link: LinkId,
    mut reader: OwnedReadHalf,
    mut first_within: Option<Duration>,
    rest_within: Duration,
    events: &mpsc::Sender<Happening>,
) -> io::Result<()> {
    loop {
        let first = match first_within.take() {
            Some(limit) => timeout(limit, reader.read_u8()).await??,
            None => reader.read_u8().await?,
        };
        // A peer may be silent between frames, not within one.
        let bytes = timeout(rest_within, read_rest(&mut reader, first)).await??;
        if events.send(Happening::Frame(link, bytes)).await.is_err() {
            return Ok(());
        }
    }
}

async fn read_rest(reader: &mut OwnedReadHalf, first: u8) -> io::Result<Vec<u8>> {
    let len = usize::from(u16::from_be_bytes([first, reader.read_u8().await?]));
    if len == 0 || len > FRAME_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; len];
    reader.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn write_frames(
    mut writer: OwnedWriteHalf,
    mut frames: mpsc::Receiver<Vec<u8>>,
    within: Duration,
) -> io::Result<()> {
    while let Some(frame) = frames.recv().await {
        let len = u16::try_from(frame.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut bytes = Vec::with_capacity(2 + frame.len());
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(&frame);
        timeout(within, writer.write_all(&bytes)).await??;
    }
    writer.shutdown().await
}
