"""The controller of a machine, as Bumble 0.0.236 has it, with what a host would notice mended.

A peripheral is told the central's connection parameters; fragments pass one by one and are confirmed to
their sender when they arrive; a connection attempt can be cancelled; a reset ends everything; scan
responses are the advertiser's own.
"""

import asyncio

from bumble import controller, hci

from line import TIMEOUT

UNKNOWN_CONNECTION = 0x02
# Reports of extended scanning about legacy adverts.
REPORT_ADV = 0x13
REPORT_RESPONSE = 0x1B
EXTENDED_CONNECTABLE = 0x01
LEGACY = 0x10
# In the mask of events: the longer form of the event of a connection.
ENHANCED = 1 << 9


def enhanced(event):
    """The longer form of an event."""
    return hci.HCI_LE_Enhanced_Connection_Complete_Event(
        status=event.status,
        connection_handle=event.connection_handle,
        role=event.role,
        peer_address_type=event.peer_address_type,
        peer_address=event.peer_address,
        local_resolvable_private_address=hci.Address.ANY,
        peer_resolvable_private_address=hci.Address.ANY,
        connection_interval=event.connection_interval,
        peripheral_latency=event.peripheral_latency,
        supervision_timeout=event.supervision_timeout,
        central_clock_accuracy=event.central_clock_accuracy,
    )


class Controller(controller.Controller):
    """A machine's controller; it begins when the machine's socket connects."""

    acl_data_packet_length = 251
    total_num_acl_data_packets = 8
    le_acl_data_packet_length = 251
    total_num_le_acl_data_packets = 8
    supported_max_tx_octets = 251
    supported_max_rx_octets = 251
    suggested_max_tx_octets = 251
    is_off = False
    _connect = None
    _heard = frozenset()
    _is_extended = False

    def power_off(self):
        """The machine has no power: nobody hears it from now on."""
        self.is_off = True
        self.hci_sink = None
        self._hush()
        self.link.controllers.discard(self)
        self.link.look()

    def _hush(self):
        self.le_legacy_advertiser.stop()
        for advert in self.advertising_sets.values():
            advert.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None

    def on_hci_reset_command(self, command):
        self._hush()
        self.advertising_sets.clear()
        for end in list(self.le_connections.values()):
            line = self.link.line(self, end)
            del self.le_connections[end.peer_address]
            if line is not None:
                line.close(TIMEOUT)
        return super().on_hci_reset_command(command)

    def on_hci_le_create_connection_cancel_command(self, command):
        if self.pending_le_connection is None:
            status = hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR
            return hci.HCI_StatusReturnParameters(status)
        pending, self.pending_le_connection = self.pending_le_connection, None
        asyncio.get_running_loop().call_soon(self._cancelled, pending.peer_address)
        return super().on_hci_le_create_connection_cancel_command(command)

    def _cancelled(self, address):
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=UNKNOWN_CONNECTION,
                connection_handle=0,
                role=0,
                peer_address_type=address.address_type,
                peer_address=address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )

    def on_hci_le_set_scan_enable_command(self, command):
        self._is_extended = False
        self._scan(command.le_scan_enable)
        return super().on_hci_le_set_scan_enable_command(command)

    def on_hci_le_set_extended_scan_enable_command(self, command):
        self._is_extended = True
        self._scan(command.enable)
        return super().on_hci_le_set_extended_scan_enable_command(command)

    def _scan(self, is_on):
        if is_on and not self.le_scan_enable:
            self._heard = frozenset()

    def on_hci_le_create_connection_command(self, command):
        self._connecting(command)
        return super().on_hci_le_create_connection_command(command)

    def on_hci_le_extended_create_connection_command(self, command):
        self._connecting(command)
        return super().on_hci_le_extended_create_connection_command(command)

    def _connecting(self, command):
        if self.pending_le_connection is None:
            peer = self.link.name_of(command.peer_address)
            self.link.tell({"event": "connecting", "central": self.name, "peripheral": peer})

    def on_hci_le_connection_update_command(self, command):
        end = self.find_le_connection_by_handle(command.connection_handle)
        line = end and self.link.line(self, end)
        if line:
            line.interval = command.connection_interval_max * 0.00125
            line.timeout = command.supervision_timeout * 0.01
        return super().on_hci_le_connection_update_command(command)

    def on_hci_acl_data_packet(self, packet):
        end = self.find_le_connection_by_handle(packet.connection_handle)
        line = end and self.link.line(self, end)
        if line:
            line.send(self, packet.pb_flag != 1, bytes(packet.data))

    def on_le_connect_ind(self, packet):
        self._connect = packet
        super().on_le_connect_ind(packet)
        self._connect = None
        return self.le_connections.get(packet.initiator_address)

    def send_hci_packet(self, packet):
        told = self._connect
        if told is not None and isinstance(packet, hci.HCI_LE_Connection_Complete_Event):
            packet = hci.HCI_LE_Connection_Complete_Event(
                status=packet.status,
                connection_handle=packet.connection_handle,
                role=packet.role,
                peer_address_type=packet.peer_address_type,
                peer_address=packet.peer_address,
                connection_interval=told.interval,
                peripheral_latency=told.latency,
                supervision_timeout=told.timeout,
                central_clock_accuracy=0,
            )
        if isinstance(packet, hci.HCI_LE_Connection_Complete_Event) and self._wants_enhanced():
            packet = enhanced(packet)
        super().send_hci_packet(packet)

    def _wants_enhanced(self):
        """A host that has asked for this event waits for no other, and for it before all else."""
        return bool(self.le_event_mask & ENHANCED)

    def hear_advert(self, address, data, response, is_legacy):
        """An advert, with what its sender answers to an active scan; `None`: not scannable."""
        if self.le_scan_enable:
            if address not in self._heard:
                self._heard |= {address}
                peer = self.link.name_of(address)
                self.link.tell({"event": "heard", "by": self.name, "advertiser": peer})
            self._report(address, data, REPORT_ADV if is_legacy else EXTENDED_CONNECTABLE)
            if response is not None:
                self._report(address, response, REPORT_RESPONSE)
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == address:
            self.create_le_connection(address)

    def _report(self, address, data, kind):
        if not self._is_extended:
            event = hci.HCI_LE_Advertising_Report_Event
            old = event.EventType.SCAN_RSP if kind == REPORT_RESPONSE else event.EventType.ADV_IND
            report = event.Report(
                event_type=old,
                address_type=address.address_type,
                address=address,
                data=data,
                rssi=-50,
            )
            self.send_hci_packet(event([report]))
            return
        event = hci.HCI_LE_Extended_Advertising_Report_Event
        report = event.Report(
            event_type=kind,
            address_type=address.address_type,
            address=address,
            primary_phy=hci.Phy.LE_1M,
            secondary_phy=0 if kind & LEGACY else hci.Phy.LE_1M,
            advertising_sid=0xFF if kind & LEGACY else 0,
            tx_power=0x7F,
            rssi=-50,
            periodic_advertising_interval=0,
            direct_address_type=0,
            direct_address=hci.Address.ANY,
            data=data,
        )
        self.send_hci_packet(event([report]))
