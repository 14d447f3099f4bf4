//! Payments from device to device with no network.
