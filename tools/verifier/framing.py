"""Frames of section 4.5: read, written again, and put together."""

from .codec import Reader, Refused, varint
from .trust import need

BODY_MAX, FRAME_MAX = 16_388, 1_400
PIECE, LAST, OFFSET, ACK, ACK_OFFSET = 1, 2, 4, 8, 16


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _number(reader, bits=28):
    value = reader.varint(bits)
    if not reader.shortest:
        raise Refused("invalid", "a number that is not in its shortest form")
    return value


def _offset(reader, least=0):
    value = _number(reader)
    if not least <= value <= BODY_MAX:
        raise Refused("invalid", f"an offset of {value}")
    return value


def decode_frame(data):
    """The fields of a frame; Refused if it is not in the tables (L-4)."""
    if not 1 <= len(data) <= FRAME_MAX:
        raise Refused("invalid", f"a frame of {len(data)} bytes")
    reader = Reader(data)
    first = reader.take(1)[0]
    kind = first >> 6
    if kind == 0:
        return _segment(reader, first)
    if kind == 1 and first & 0x0F == 1:
        return _open(reader, first)
    if kind == 3 and 0xC1 <= first <= 0xC4 and len(data) == 1:
        return {"reset": first & 0x3F}
    raise Refused("invalid", f"a frame that begins with {first:#04x}")


def _segment(reader, flags):
    unusable = flags & 0x20 or not flags & (PIECE | ACK)
    unusable = unusable or flags & (LAST | OFFSET) and not flags & PIECE
    if unusable or flags & ACK_OFFSET and not flags & ACK:
        raise Refused("invalid", f"a segment with flags {flags:#04x}")
    frame = {"last": bool(flags & LAST)}
    if flags & ACK:
        message = _number(reader)
        frame["ack"] = (message, _offset(reader, 1) if flags & ACK_OFFSET else 0)
    if not flags & PIECE:
        frame["runs"] = _runs(reader, frame["ack"])
        return frame
    message = _number(reader)
    offset = _offset(reader, 1) if flags & OFFSET else 0
    piece = reader.data[reader.at :]
    if not piece or offset + len(piece) > BODY_MAX:
        raise Refused("invalid", "a piece of no bytes, or beyond the longest body")
    frame["piece"] = (message, offset, piece)
    return frame


def _runs(reader, ack):
    runs = []
    while reader.at < len(reader.data):
        start = (ack[0] + _number(reader), _offset(reader))
        end = (start[0] + _number(reader), _offset(reader))
        if not ack < start < end or end[0] >> 28 or len(runs) == 3:
            raise Refused("invalid", "runs that are not beyond the acknowledgement")
        runs.append((start, end))
    return runs


def _open(reader, first):
    frame = {"open": reader.take(8), "resume": bool(first & 0x10), "position": None}
    if first & 0x20:
        frame["position"] = (_number(reader), _offset(reader))
        if frame["position"] == (0, 0):
            raise Refused("invalid", "a position that says nothing")
    if reader.at < len(reader.data):
        raise Refused("invalid", "bytes after an OPEN")
    return frame


def encode_frame(frame):
    if "reset" in frame:
        return bytes([0xC0 | frame["reset"]])
    if "open" in frame:
        place = frame["position"]
        first = 0x41 | (0x10 if frame["resume"] else 0) | (0x20 if place else 0)
        tail = varint(place[0]) + varint(place[1]) if place else b""
        return bytes([first]) + frame["open"] + tail
    flags, out = LAST if frame["last"] else 0, b""
    if "ack" in frame:
        message, offset = frame["ack"]
        flags |= ACK | (ACK_OFFSET if offset else 0)
        out += varint(message) + (varint(offset) if offset else b"")
        for start, end in frame.get("runs", ()):
            out += varint(start[0] - message) + varint(start[1])
            out += varint(end[0] - start[0]) + varint(end[1])
    if "piece" in frame:
        message, offset, piece = frame["piece"]
        flags |= PIECE | (OFFSET if offset else 0)
        out += varint(message) + (varint(offset) if offset else b"") + piece
    return bytes([flags]) + out


class Incoming:
    """What one side has received."""

    def __init__(self):
        self.bodies, self.ends = {}, {}

    def take(self, frame):
        message, offset, piece = frame["piece"]
        body = self.bodies.setdefault(message, bytearray(BODY_MAX))
        body[offset : offset + len(piece)] = piece
        if frame["last"]:
            self.ends[message] = offset + len(piece)

    def messages(self):
        for number in range(len(self.ends)):
            body = bytes(self.bodies[number][: self.ends[number]])
            message, crc = body[:-4], body[-4:]
            need(int.from_bytes(crc, "big") == crc32c(message), "4.5: CRC-32C")
            yield message
