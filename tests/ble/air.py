"""The air of the Bluetooth lab: controllers for virtual machines, and what lies between them.

    air.py CONTROL LOG MACHINE=SOCKET=ADDRESS...

Each machine's controller is at the far end of a unix socket, H4 packets both ways; a connection to
it is a controller that has just got power, its end a loss of power. On CONTROL, one JSON object a
line is a wish, and one comes back: `{"ok": true}` or `{"error": ...}`. LOG gets an object for each
event, with `t` in seconds of the monotonic clock. The air ends when its standard input does.

Wishes, `a` and `b` being names of machines, any where they are missing:
  {"do": "cut"|"restore", "a", "b"}        nothing passes; a connection ends by its own timeout
  {"do": "lose", "share": 0.1, "a", "b"}   adverts vanish, data is sent again an interval later
  {"do": "delay", "seconds": 0.05, ...}    each fragment takes so long
  {"do": "trip", "frame": 3, "from": "a", "after": false}
                                           cut at the third frame with a value, before or after it
  {"do": "mtu", "size": 23}                stacks agree to this at most, from the next connection on
  {"do": "capture", "file": PATH}          btsnoop from now on; without a file, no more
  {"do": "mark", "what": TEXT}             a line in the log
  {"do": "stats"}                          counts so far
  {"do": "hostile", "kind": ..., ...}      a hostile device; see hostile.py
"""

import asyncio
import itertools
import json
import logging
import os
import sys
import time

from bumble import hci
from bumble.transport.common import StreamPacketSource

import hostile
from capture import Capture
from laptop import Controller
from radio import Radio, Trip


class Socket(asyncio.Protocol):
    """A machine, as long as its QEMU runs."""

    def __init__(self, air, name, address):
        self.air, self.name, self.address = air, name, address

    def connection_made(self, transport):
        self.source = StreamPacketSource()
        address = hci.Address(self.address, hci.Address.PUBLIC_DEVICE_ADDRESS)
        sink = type("Sink", (), {"on_packet": lambda _, packet: transport.write(packet)})()
        self.controller = Controller(self.name, self.source, sink, self.air.radio, address)
        self.air.tell({"event": "power on", "machine": self.name})

    def data_received(self, data):
        try:
            self.source.data_received(data)
        except Exception as error:
            self.air.tell({"event": "controller failed", "machine": self.name,
                           "why": repr(error)})

    def connection_lost(self, _):
        self.controller.power_off()
        self.air.tell({"event": "power off", "machine": self.name})


class Air:
    """What the wishes are about."""

    def __init__(self, log, machines):
        self.log = open(log, "w", buffering=1)
        self.radio = Radio(self.tell)
        self.machines = machines
        self.hostile = hostile.Hostile(self.radio, self.tell)

    def tell(self, event):
        self.log.write(json.dumps({"t": time.monotonic(), **event}) + "\n")

    def pairs(self, wish):
        names = [*self.machines, *self.hostile.names()]
        for one, other in itertools.combinations(names, 2):
            if {wish.get("a"), wish.get("b")} - {None} <= {one, other}:
                yield self.radio.pair(one, other)

    async def grant(self, wish):
        match wish["do"]:
            case "cut" | "restore" as what:
                for pair in self.pairs(wish):
                    pair.is_cut = what == "cut"
                self.radio.look()
            case "lose":
                for pair in self.pairs(wish):
                    pair.lose = wish["share"]
            case "delay":
                for pair in self.pairs(wish):
                    pair.delay = wish["seconds"]
            case "trip":
                frame = wish.get("frame")
                trip = frame and Trip(frame, wish.get("from"), wish.get("after", False))
                self.radio.trip = trip or None
            case "mtu":
                self.radio.mtu = wish["size"]
            case "capture":
                if self.radio.capture is not None:
                    self.radio.capture.close()
                file = wish.get("file")
                self.radio.capture = Capture(file) if file else None
            case "mark":
                pass
            case "stats":
                return {"fragments": self.radio.fragments, "adverts": self.radio.adverts}
            case "hostile":
                return await self.hostile.start(wish)
            case other:
                return {"error": f"no such wish: {other}"}
        self.tell({"event": "wish", **wish})
        return {"ok": True}

    async def listen(self, reader, writer):
        while line := await reader.readline():
            try:
                answer = await self.grant(json.loads(line))
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()


async def main(control, log, *machines):
    logging.basicConfig(level=os.environ.get("BUMBLE_LOG", "ERROR"))
    loop = asyncio.get_running_loop()
    named = [machine.split("=") for machine in machines]
    air = Air(log, [name for name, _, _ in named])
    for name, socket, address in named:
        await loop.create_unix_server(
            lambda name=name, address=address: Socket(air, name, address), socket
        )
    await asyncio.start_unix_server(air.listen, control)
    air.tell({"event": "ready"})
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    os._exit(0)


asyncio.run(main(*sys.argv[1:]))
