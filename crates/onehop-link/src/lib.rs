//! Frames between two devices: framing, LAN, loopback.
