"""What passes over the air, as a file that Wireshark and tshark read.

The format is btsnoop with H4 packets, as a sniffer beside the central would log them: an advert is
the report of one, a connection begins and ends with its events, and data that the central sends is
marked sent, data of the peripheral received. Each connection has a handle of its own.
"""

import struct
import time

# Microseconds from the year 0 to 1970.
EPOCH = 0x00DCDDB30F2F8000
H4 = 1002
RECEIVED = 1
COMMAND_OR_EVENT = 2


class Capture:
    """A file that grows while it is open."""

    def __init__(self, path):
        self.file = open(path, "wb", buffering=0)
        self.file.write(b"btsnoop\0" + struct.pack(">II", 1, H4))

    def close(self):
        self.file.close()

    def advert(self, address, data, is_response):
        """An advert, or the answer to an active scan."""
        kind = 4 if is_response else 0
        report = struct.pack("<BBB", 1, kind, address.address_type) + bytes(address)
        self._event(0x3E, b"\x02" + report + bytes([len(data)]) + data + b"\xce")

    def connected(self, handle, address, interval, latency, timeout):
        """A connection of the central to the peripheral with this address."""
        head = struct.pack("<BBHBB", 1, 0, handle, 0, address.address_type)
        tail = struct.pack("<HHHB", interval, latency, timeout, 0)
        self._event(0x3E, head + bytes(address) + tail)

    def disconnected(self, handle, reason):
        """Its end, as the central learns of it."""
        self._event(0x05, struct.pack("<BHB", 0, handle, reason))

    def data(self, handle, from_central, is_first, data):
        """A fragment, one packet on the air."""
        flag = 0x2000 if is_first else 0x1000
        packet = struct.pack("<BHH", 2, handle | flag, len(data)) + data
        self._record(packet, 0 if from_central else RECEIVED)

    def _event(self, code, body):
        self._record(bytes([4, code, len(body)]) + body, RECEIVED | COMMAND_OR_EVENT)

    def _record(self, packet, flags):
        now = EPOCH + time.time_ns() // 1000
        size = len(packet)
        self.file.write(struct.pack(">IIIIQ", size, size, flags, 0, now) + packet)
