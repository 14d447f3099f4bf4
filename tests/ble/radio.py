"""The air between controllers: who hears whom, and what is delayed, lost or cut.

LE data goes by the addresses of its connection, also where they are public; silence ends a connection
after its supervision timeout.
"""

import asyncio
import collections
import random

from bumble import link, ll

from laptop import LEGACY
from line import Line, att, is_value

# The end of a connection that its other end never answered.
NOT_ESTABLISHED = 0x3E


class Pair:
    """How two machines hear each other."""

    def __init__(self):
        self.lose = 0.0
        self.delay = 0.0
        self.is_cut = False


class Radio(link.LocalLink):
    """All controllers, and every pair of them."""

    def __init__(self, tell):
        super().__init__()
        # Told of what happens: a dictionary each.
        self.tell = tell
        self.pairs = collections.defaultdict(Pair)
        self.lines = set()
        self.capture = None
        self.trip = None
        # The largest frame of the attribute protocol that stacks come to agree to, if not theirs.
        self.mtu = None
        self.handles = 0
        self.fragments = 0
        self.adverts = 0

    def pair(self, one, other):
        return self.pairs[frozenset((one, other))]

    def line(self, owner, end):
        return next((line for line in self.lines if (owner, end) in line.ends), None)

    def name_of(self, address):
        """The machine that advertises with this address, if one does."""
        for one in self.controllers:
            adverts = [one.le_legacy_advertiser, *one.advertising_sets.values()]
            if address == one.public_address or address in [it.address for it in adverts]:
                return one.name
        return None

    def look(self):
        for line in list(self.lines):
            line.look()

    def send_advertising_pdu(self, sender, packet):
        if isinstance(packet, ll.ConnectInd):
            asyncio.get_running_loop().call_soon(self._connect, sender, packet)
            return
        legacy = sender.le_legacy_advertiser
        is_legacy, response = True, bytes(legacy.scan_response_data)
        if isinstance(packet, ll.AdvExtInd):
            sets = sender.advertising_sets.values()
            its = next((one for one in sets if one.address == packet.advertiser_address), None)
            is_legacy = bool(its and its.parameters.advertising_event_properties & LEGACY)
            response = bytes(its.scan_response_data) if its else b""
        self.adverts += 1
        if self.capture is not None:
            self.capture.advert(packet.advertiser_address, packet.data, False)
            if response:
                self.capture.advert(packet.advertiser_address, response, True)
        for other in list(self.controllers):
            if other is not sender and self._is_heard(sender, other):
                what = (packet.advertiser_address, packet.data, response, is_legacy)
                asyncio.get_running_loop().call_soon(other.hear_advert, *what)

    def _is_heard(self, one, other):
        pair = self.pair(one.name, other.name)
        return not pair.is_cut and random.random() >= pair.lose

    def _connect(self, central, packet):
        end = central.le_connections.get(packet.advertiser_address)
        if end is None:
            return
        for other in list(self.controllers):
            if other is central or self.pair(central.name, other.name).is_cut:
                continue
            had = other.le_connections.get(packet.initiator_address)
            far = other.on_le_connect_ind(packet)
            if far is not None and far is not had:
                self.handles = self.handles % 0xEFF + 1
                line = Line(self, [(central, end), (other, far)], packet, self.handles)
                self.lines.add(line)
                if self.capture is not None:
                    facts = (packet.interval, packet.latency, packet.timeout)
                    self.capture.connected(line.handle, packet.advertiser_address, *facts)
                self._tell("connected", line, timeout=line.timeout)
                return
        central.on_le_disconnected(end, NOT_ESTABLISHED)

    def closed(self, line, reason):
        if self.capture is not None:
            self.capture.disconnected(line.handle, reason)
        self._tell("disconnected", line, reason=reason)

    def _tell(self, event, line, **more):
        central, peripheral = line.names()
        self.tell({"event": event, "central": central, "peripheral": peripheral,
                   "line": line.handle, **more})

    def send_ll_control_pdu(self, sender_address, receiver_address, packet):
        for line in list(self.lines):
            for side, (owner, end) in enumerate(line.ends):
                if (end.self_address, end.peer_address) != (sender_address, receiver_address):
                    continue
                if isinstance(packet, ll.TerminateInd):
                    asyncio.get_running_loop().call_soon(self._terminate, line, side, packet)
                elif not line.is_silent():
                    other = line.ends[1 - side][0]
                    loop = asyncio.get_running_loop()
                    loop.call_soon(other.on_ll_control_pdu, sender_address, packet)
                return

    def _terminate(self, line, side, packet):
        """One end has closed the line; the other hears of it, or nothing for the timeout."""
        if not line.is_silent():
            line.close(packet.error_code)

    def passes(self, line, side, pdu):
        """Whether a frame still passes; the trip may cut the air just before it."""
        trip = self.trip
        if trip is None or not trip.counts(line, side, pdu):
            return True
        trip.left -= 1
        if trip.left > 0:
            return True
        self.trip = None
        self.pair(*line.names()).is_cut = True
        self._tell("tripped", line, sender=line.names()[side], after=trip.after)
        return trip.after

    def passed(self, line, side, pdu):
        """A frame has arrived."""
        channel, _ = pdu
        op, size = att(pdu)
        self._tell("frame", line, sender=line.names()[side], channel=channel, op=op, size=size,
                   value=is_value(op, size))


class Trip:
    """Cuts the air at the so-manieth frame that carries something of the application."""

    def __init__(self, left, sender, after):
        self.left = left
        self.sender = sender
        self.after = after

    def counts(self, line, side, pdu):
        if self.sender is not None and line.names()[side] != self.sender:
            return False
        return is_value(*att(pdu))
