//! A deterministic world: clock, radio, disk, faults, checkers.
