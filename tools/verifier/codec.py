"""Canonical bytes of section 3: every value has one encoding.

A type decodes, encodes, and shows a value as the vectors of section 14 write it. Decoding goes
through the whole input even if a number is not in its shortest form, so that the refusal names the
first of: too-long, invalid, trailing, not-canonical.
"""

DEPTH_MAX = 8
# Section 3.2, W-7: characters that a text must not hold, beside those of general category Cc.
HIDDEN = [(0x200B, 0x200F), (0x2028, 0x202E), (0x2066, 0x2069), (0xFEFF, 0xFEFF)]


class Refused(Exception):
    """The bytes are not a value of the type; the first argument is the error of section 14."""


class SignedValue(dict):
    """A signed statement: body and signature, with what section 3.3 hashes and signs."""

    def __init__(self, kind, raw, body, signature):
        super().__init__(body=body, signature=signature)
        self.kind, self.raw = kind, raw

    @property
    def body(self):
        return self["body"]

    @property
    def signature(self):
        return self["signature"]


class Reader:
    """The input, how far it is read, and what was met on the way."""

    def __init__(self, data):
        self.data, self.at, self.depth, self.statements = data, 0, 0, []
        self.shortest = True

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Refused("invalid", f"cut off at byte {len(self.data)}")
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self, bits):
        value, shift = 0, 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if value >> bits:
                raise Refused("invalid", f"a number above {bits} bits")
            if byte < 0x80:
                self.shortest &= byte != 0 or shift == 7
                return value
            if shift >= bits:
                raise Refused("invalid", f"a number of too many bytes for {bits} bits")


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


class U8:
    def decode(self, reader):
        return reader.take(1)[0]

    def encode(self, value):
        return bytes([value])

    show = staticmethod(str)


class Varint:
    def __init__(self, bits):
        self.bits = bits

    def decode(self, reader):
        return reader.varint(self.bits)

    def encode(self, value):
        return varint(value)

    show = staticmethod(str)


class Bool:
    def decode(self, reader):
        byte = reader.take(1)[0]
        if byte > 1:
            raise Refused("invalid", f"a bool of {byte}")
        return byte == 1

    def encode(self, value):
        return b"\1" if value else b"\0"

    def show(self, value):
        return value


class Fixed:
    def __init__(self, size):
        self.size = size

    def decode(self, reader):
        return reader.take(self.size)

    def encode(self, value):
        return value

    def show(self, value):
        return value.hex()


class Code(Fixed):
    """The three letters of a currency. Which letters there are is a matter of M-7, not of bytes."""

    def show(self, value):
        return value.decode("ascii", "replace")


class Bytes:
    def __init__(self, most):
        self.most = most

    def length(self, reader):
        count = reader.varint(64)
        if count > self.most:
            raise Refused("invalid", f"{count} where {self.most} is the bound")
        return count

    def decode(self, reader):
        return reader.take(self.length(reader))

    def encode(self, value):
        return varint(len(value)) + value

    def show(self, value):
        return value.hex()


class Text(Bytes):
    def decode(self, reader):
        try:
            text = super().decode(reader).decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("invalid", "a text is not UTF-8") from None
        for char in map(ord, text):
            if char < 0x20 or 0x7F <= char < 0xA0 or any(a <= char <= b for a, b in HIDDEN):
                raise Refused("invalid", f"a text holds U+{char:04X}")
        return text

    def encode(self, value):
        return super().encode(value.encode())

    def show(self, value):
        return value


class List(Bytes):
    def __init__(self, item, most):
        super().__init__(most)
        self.item = item

    def decode(self, reader):
        return [self.item.decode(reader) for _ in range(self.length(reader))]

    def encode(self, value):
        return varint(len(value)) + b"".join(map(self.item.encode, value))

    def show(self, value):
        return [self.item.show(item) for item in value]


class Option:
    def __init__(self, inner):
        self.inner = inner

    def decode(self, reader):
        byte = reader.take(1)[0]
        if byte > 1:
            raise Refused("invalid", f"an option of {byte}")
        return self.inner.decode(reader) if byte else None

    def encode(self, value):
        return b"\0" if value is None else b"\1" + self.inner.encode(value)

    def show(self, value):
        return None if value is None else self.inner.show(value)


class Struct:
    def __init__(self, **fields):
        self.fields = fields

    def decode(self, reader):
        return {name: kind.decode(reader) for name, kind in self.fields.items()}

    def encode(self, value):
        return b"".join(kind.encode(value[name]) for name, kind in self.fields.items())

    def show(self, value):
        return {name: kind.show(value[name]) for name, kind in self.fields.items()}


class Enum:
    """Variants by name, in the order of their table; a value is a name, or a name and a content."""

    def __init__(self, nested=None, **variants):
        self.names, self.inner, self.nested = list(variants), list(variants.values()), nested

    def decode(self, reader):
        number = reader.varint(32)
        if number >= len(self.names):
            raise Refused("invalid", f"a variant of number {number}")
        name, inner = self.names[number], self.inner[number]
        if inner is None:
            return name
        if name != self.nested:
            return (name, inner.decode(reader))
        reader.depth += 1
        if reader.depth > DEPTH_MAX:
            raise Refused("invalid", f"receipts more than {DEPTH_MAX} deep")
        value = (name, inner.decode(reader))
        reader.depth -= 1
        return value

    def encode(self, value):
        name, content = (value, None) if isinstance(value, str) else value
        number = self.names.index(name)
        inner = self.inner[number]
        return varint(number) + (inner.encode(content) if inner else b"")

    def show(self, value):
        if isinstance(value, str):
            return value
        return {value[0]: self.inner[self.names.index(value[0])].show(value[1])}


class Signed:
    """The body, then 64 bytes of signature."""

    def __init__(self, kind, body):
        self.kind, self.body = kind, body

    def decode(self, reader):
        start = reader.at
        body = self.body.decode(reader)
        raw = reader.data[start : reader.at]
        value = SignedValue(self.kind, raw, body, reader.take(64))
        reader.statements.append(value)
        return value

    def encode(self, value):
        return self.body.encode(value["body"]) + value["signature"]

    def show(self, value):
        return {"body": self.body.show(value["body"]), "signature": value["signature"].hex()}


def decode(kind, data, most, statements=None):
    """The value that `data` encodes, or `Refused`. Signed statements are added to `statements`."""
    if len(data) > most:
        raise Refused("too-long", f"{len(data)} bytes where {most} is the bound")
    reader = Reader(data)
    value = kind.decode(reader)
    if reader.at < len(data):
        raise Refused("trailing", f"{len(data) - reader.at} bytes after the end")
    if not reader.shortest:
        raise Refused("not-canonical", "a number is not in its shortest form")
    if kind.encode(value) != data:
        raise Refused("not-canonical", "encoding gives other bytes")
    if statements is not None:
        statements.extend(reader.statements)
    return value
