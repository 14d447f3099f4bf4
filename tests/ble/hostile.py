"""Hostile devices on the air: hosts of their own on a controller of their own, with no machine.

Of those that pose as a seller:
  wrong-service   advertises our service and has another
  mute            has our service and never answers a read
  flood           answers with noise, and notifies noise without end
  dropper         ends every connection as soon as it is made
  garbage         advertises our service with garbage behind it
Of those that pose as a buyer, to every seller they hear, again and again:
  oversized       writes values of 512 bytes, the most there is
  endless         writes noise as fast as the stack takes it
  subscriber      subscribes and unsubscribes
  disconnecter    connects and disconnects
"""

import asyncio
import os
import random

from bumble import core, gatt, hci
from bumble.device import Device, Peer
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from laptop import Controller

SERVICE = core.UUID("7aa70960-4360-4f59-b6e3-c3ced797f146")
CHARACTERISTIC = core.UUID("dca8589e-bf47-4d1f-9c45-15be4b3c1149")
OTHER = core.UUID("00005555-0000-1000-8000-00805f9b34fb")
SERVICES = core.AdvertisingData.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS
ADVERT = bytes([2, 1, 6, 17, 7]) + bytes(SERVICE)
# What a list in an advert may not be: longer than the advert, and empty.
GARBAGE = bytes([9, 0xFF, 1, 2, 3, 0, 0, 200])
SELLERS = {"wrong-service", "mute", "flood", "dropper", "garbage"}
BUYERS = {"oversized", "endless", "subscriber", "disconnecter"}
NAME = "hostile"
ADDRESS = "C0:01:00:00:00:EE"


class Hostile:
    """The one that runs, if any."""

    def __init__(self, radio, tell):
        self.radio, self.tell = radio, tell
        self.device = self.controller = self.task = None

    def names(self):
        return [NAME]

    async def start(self, wish):
        kind = wish["kind"]
        await self.stop()
        if kind == "none":
            return {"ok": True}
        if kind not in SELLERS | BUYERS:
            return {"error": f"no such device: {kind}"}
        address = hci.Address(ADDRESS, hci.Address.PUBLIC_DEVICE_ADDRESS)
        self.controller = Controller(NAME, link=self.radio, public_address=address)
        host = Host(self.controller, AsyncPipeSink(self.controller))
        self.device = Device(name="", address=hci.Address("F0:F1:F2:F3:F4:F5"), host=host)
        await self.device.power_on()
        self.deeds = 0
        if kind in SELLERS:
            await self._sell(kind)
        else:
            self.task = asyncio.create_task(self._buy(kind))
        self.tell({"event": "hostile", "kind": kind})
        return {"ok": True}

    async def stop(self):
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            self.task = None
        if self.controller is not None:
            self.tell({"event": "hostile ended", "deeds": self.deeds})
            self.controller.power_off()
            self.controller = self.device = None

    async def _sell(self, kind):
        properties = gatt.Characteristic.Properties
        permissions = gatt.Characteristic.Permissions
        characteristic = gatt.Characteristic(
            CHARACTERISTIC,
            properties.READ | properties.WRITE | properties.WRITE_WITHOUT_RESPONSE
            | properties.NOTIFY,
            permissions.READABLE | permissions.WRITEABLE,
            gatt.CharacteristicValue(read=self._mute if kind == "mute" else self._noise,
                                     write=self._swallow),
        )
        uuid = OTHER if kind == "wrong-service" else SERVICE
        self.device.add_service(gatt.Service(uuid, [characteristic]))
        advert = ADVERT + GARBAGE if kind == "garbage" else ADVERT
        self.device.on("connection", lambda connection: self._connected(kind, connection))
        await self.device.start_advertising(advertising_data=advert, auto_restart=True,
                                            advertising_interval_min=100,
                                            advertising_interval_max=100)
        if kind == "flood":
            self.task = asyncio.create_task(self._flood(characteristic))

    def _connected(self, kind, connection):
        self.deeds += 1
        if kind == "dropper":
            asyncio.create_task(self._quietly(connection.disconnect()))

    async def _mute(self, _):
        await asyncio.get_running_loop().create_future()

    def _noise(self, _):
        self.deeds += 1
        return os.urandom(random.randrange(1, 500))

    def _swallow(self, _, value):
        self.deeds += 1

    async def _flood(self, characteristic):
        while True:
            await asyncio.sleep(0.002)
            await self._quietly(self.device.notify_subscribers(characteristic, os.urandom(200)))
            self.deeds += 1

    async def _quietly(self, deed):
        """Does what may fail because the other side has gone."""
        try:
            return await asyncio.wait_for(deed, 20)
        except Exception:
            return None

    async def _buy(self, kind):
        while True:
            heard = await self._hear()
            connection = await self._quietly(self.device.connect(heard))
            if connection is None:
                await asyncio.sleep(0.2)
                continue
            self.deeds += 1
            if kind != "disconnecter":
                await self._quietly(self._visit(kind, connection))
            await self._quietly(connection.disconnect())

    async def _hear(self):
        found = asyncio.get_running_loop().create_future()

        def report(advert):
            if SERVICE in (advert.data.get(SERVICES) or []) and not found.done():
                found.set_result(advert.address)

        self.device.on("advertisement", report)
        await self.device.start_scanning()
        try:
            return await found
        finally:
            self.device.remove_listener("advertisement", report)
            await self.device.stop_scanning()

    async def _visit(self, kind, connection):
        peer = Peer(connection)
        await peer.request_mtu(517)
        await peer.discover_services([SERVICE])
        await peer.discover_characteristics([CHARACTERISTIC])
        found = peer.get_characteristics_by_uuid(CHARACTERISTIC)
        for _ in range(400):
            for one in found:
                await self._deed(kind, one)
                self.deeds += 1
            await asyncio.sleep(0.002)

    async def _deed(self, kind, characteristic):
        if kind == "oversized":
            await characteristic.write_value(os.urandom(512), random.random() < 0.5)
        elif kind == "endless":
            await characteristic.write_value(os.urandom(random.randrange(1, 500)), False)
        else:
            await characteristic.subscribe(lambda _: None)
            await characteristic.unsubscribe()
