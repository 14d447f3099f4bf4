//! Frames that wait for a peer to read them.

use std::collections::VecDeque;

/// Frames that wait, at most. More than a channel has in flight, with its acknowledgements.
const FRAMES_MAX: usize = 48;

/// What a peer finds when it reads a polled characteristic: the next frame, or nothing.
///
/// A value longer than one response is read in parts: a read at offset 0 takes the next frame, a
/// read at a later offset goes on with that frame. A response that is lost takes its frame with it;
/// the channel above sends it again.
#[derive(Debug, Default)]
pub struct ReadQueue {
    waiting: VecDeque<Vec<u8>>,
    /// The frame that is being read.
    current: Vec<u8>,
}

impl ReadQueue {
    /// Makes an empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a frame, or gives it back if the queue is full: wait for a read.
    ///
    /// # Errors
    /// The frame itself; the queue is unchanged.
    pub fn push(&mut self, frame: Vec<u8>) -> Result<(), Vec<u8>> {
        if self.waiting.len() == FRAMES_MAX {
            return Err(frame);
        }
        self.waiting.push_back(frame);
        Ok(())
    }

    /// Answers a read at `offset`. Empty if there is nothing, or nothing more.
    pub fn read(&mut self, offset: usize) -> &[u8] {
        if offset == 0 {
            self.current = self.waiting.pop_front().unwrap_or_default();
        }
        self.current.get(offset..).unwrap_or_default()
    }

    /// Forgets everything, for the next connection.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.current.clear();
    }

    /// No frame waits to be read.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_in_order_and_long_ones_in_parts() {
        let mut queue = ReadQueue::new();
        queue.push(vec![1; 40]).unwrap();
        queue.push(vec![2]).unwrap();
        assert_eq!(queue.read(0), [1; 40]);
        assert_eq!(queue.read(22), [1; 18]);
        assert!(queue.read(40).is_empty() && queue.read(99).is_empty());
        assert_eq!(queue.read(0), [2]);
        assert!(queue.is_empty() && queue.read(0).is_empty());
    }

    #[test]
    fn a_peer_that_does_not_read_fills_a_bounded_queue() {
        let mut queue = ReadQueue::new();
        let taken = (0..1_000).take_while(|_| queue.push(vec![0; 500]).is_ok()).count();
        assert_eq!(taken, FRAMES_MAX);
    }

    #[test]
    fn a_channel_works_with_one_side_that_only_reads() {
        use crate::framing::{Channel, ChannelId};
        let (mut reader, mut server) =
            (Channel::connect(ChannelId([4; 8]), 100), Channel::accept(ChannelId([4; 8]), 100));
        let mut queue = ReadQueue::new();
        server.send(vec![8; 9_000]).unwrap();
        let got = (0..).map(|turn| turn * 10).take(500).find_map(|now| {
            [&mut reader, &mut server].into_iter().for_each(|side| side.handle_timeout(now));
            while let Some(frame) = reader.poll_frame(now) {
                server.handle_frame(now, &frame).unwrap();
            }
            while let Some(frame) = server.poll_frame(now) {
                queue.push(frame).unwrap();
            }
            let frame = queue.read(0);
            if !frame.is_empty() {
                reader.handle_frame(now, frame).unwrap();
            }
            reader.poll_message()
        });
        assert_eq!(got, Some(vec![8; 9_000]));
    }
}
