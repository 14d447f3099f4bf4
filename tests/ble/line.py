"""A connection between two controllers: fragments in each direction, and the clock of silence."""

import asyncio
import collections
import random
import time

from bumble import hci

# What ends a connection in which nothing was heard for its supervision timeout.
TIMEOUT = 0x08


class Line:
    """A connection: two ends, a queue in each direction, and a clock that silence starts."""

    def __init__(self, radio, ends, parameters, handle):
        self.radio = radio
        # Central first.
        self.ends = ends
        self.interval = parameters.interval * 0.00125
        self.timeout = parameters.timeout * 0.01
        self.handle = handle
        self.queues = [collections.deque(), collections.deque()]
        self.pumps = [None, None]
        self.pdus = [Assembler(), Assembler()]
        self.heard = asyncio.Event()
        self.silence = None
        self.is_open = True

    def names(self):
        return [owner.name for owner, _ in self.ends]

    def side(self, owner):
        return 0 if self.ends[0][0] is owner else 1

    def is_silent(self):
        return any(owner.is_off for owner, _ in self.ends) or self.radio.pair(*self.names()).is_cut

    def look(self):
        """Starts or stops the clock of silence, after something has changed."""
        if not self.is_open:
            return
        if not self.is_silent():
            self.heard.set()
            if self.silence is not None:
                self.silence.cancel()
                self.silence = None
        else:
            self.heard.clear()
            if self.silence is None:
                loop = asyncio.get_running_loop()
                self.silence = loop.call_later(self.timeout, self.close, TIMEOUT)

    def close(self, reason):
        """Ends the connection at both ends that are still there."""
        if not self.is_open:
            return
        self.is_open = False
        if self.silence is not None:
            self.silence.cancel()
        for pump in self.pumps:
            if pump is not None:
                pump.cancel()
        self.radio.lines.discard(self)
        for owner, end in self.ends:
            if not owner.is_off and owner.le_connections.get(end.peer_address) is end:
                owner.on_le_disconnected(end, reason)
        self.radio.closed(self, reason)

    def send(self, owner, is_first, data):
        side = self.side(owner)
        if is_first and self.radio.mtu is not None:
            data = at_most(self.radio.mtu, data)
        due = time.monotonic() + self.radio.pair(*self.names()).delay
        self.queues[side].append((due, is_first, data))
        if self.pumps[side] is None:
            self.pumps[side] = asyncio.get_running_loop().create_task(self._pump(side))

    async def _pump(self, side):
        """One fragment after the other; what is lost is sent again a connection interval later."""
        queue = self.queues[side]
        while queue:
            due, is_first, data = queue[0]
            wait = due - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            await self._until_heard()
            while random.random() < self.radio.pair(*self.names()).lose:
                await asyncio.sleep(self.interval)
                await self._until_heard()
            pdu = self.pdus[side].feed(is_first, data)
            goes_on = pdu is None or self.radio.passes(self, side, pdu)
            if not goes_on:
                # It was cut at this one, which waits until it is heard again or the line ends.
                self.look()
                await self._until_heard()
            queue.popleft()
            self._deliver(side, is_first, data)
            if pdu is not None:
                self.radio.passed(self, side, pdu)
                self.look()
        self.pumps[side] = None

    async def _until_heard(self):
        self.look()
        await self.heard.wait()

    def _deliver(self, side, is_first, data):
        (owner, end), (other, far) = self.ends[side], self.ends[1 - side]
        flag = 2 if is_first else 1
        self.radio.fragments += 1
        if self.radio.capture is not None:
            self.radio.capture.data(self.handle, side == 0, is_first, data)
        other.send_hci_packet(hci.HCI_AclDataPacket(far.handle, flag, 0, len(data), data))
        done = hci.HCI_Number_Of_Completed_Packets_Event([end.handle], [1])
        owner.send_hci_packet(done)


class Assembler:
    """Puts L2CAP frames together from fragments."""

    def __init__(self):
        self.data = b""

    def feed(self, is_first, data):
        """The frame that this fragment completes: its channel and its contents."""
        self.data = data if is_first else self.data + data
        if len(self.data) < 4:
            return None
        size = int.from_bytes(self.data[:2], "little")
        if len(self.data) < 4 + size:
            return None
        return int.from_bytes(self.data[2:4], "little"), self.data[4 : 4 + size]


def at_most(mtu, data):
    """The frame with which stacks tell each other the largest that they take, with this at most."""
    is_exchange = data[:4] == b"\x03\0\x04\0" and data[4] in {0x02, 0x03}
    if not is_exchange:
        return data
    said = int.from_bytes(data[5:7], "little")
    return data[:5] + min(said, mtu).to_bytes(2, "little")


def att(pdu):
    """Operation and length of an attribute protocol frame; no operation if it is none."""
    channel, data = pdu
    if channel >= 0x40:
        # On the channels of EATT, a length comes first.
        data = data[2:]
    elif channel != 4:
        return None, len(data)
    return (data[0] if data else None), len(data)


def is_value(op, size):
    """Whether a frame carries something of the application.

    Writes, with an answer those that are longer than a subscription; notifications, one or several.
    """
    return op in {0x1B, 0x23, 0x52} or (op == 0x12 and size > 5)
