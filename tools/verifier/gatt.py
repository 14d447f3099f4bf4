"""Values of the Bluetooth bearer (section 4.7)."""

VERSION = 1
LOOKUP_MAX = 256
POLLED = 0x8000
ATT_MTU = range(23, 518)
VALUE_MAX = 500


def offer(data):
    """What is read before there is a stream."""
    if len(data) < 3 or data[0] != VERSION or len(data) > 3 + LOOKUP_MAX:
        return None
    stream = int.from_bytes(data[1:3], "big")
    if not 1 <= stream < POLLED:
        return None
    return {"stream": str(stream), "lookup": data[3:].hex()}


def value(data):
    """Every other value."""
    if len(data) < 2 or len(data) > VALUE_MAX:
        return None
    bits = int.from_bytes(data[:2], "big")
    if bits & ~POLLED == 0:
        return None
    return {"stream": str(bits & ~POLLED), "polled": bool(bits & POLLED), "rest": data[2:].hex()}


def greeting(data):
    """The rest of the first value on a stream."""
    mtu = int.from_bytes(data, "big")
    if len(data) != 2 or mtu not in ATT_MTU:
        return None
    return {"att_mtu": str(mtu), "frame_mtu": str(min(mtu - 5, VALUE_MAX) - 2)}


READ = {"offer": offer, "value": value, "greeting": greeting}
