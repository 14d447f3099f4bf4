"""A verdict for each message of a stream of lines.

A line is `context OFFICE KEY,KEY,...` in hexadecimal, or `TYPE BYTES`: a type of section 14 and its
encoding. The verdict of a message is the error of section 14, or `ok` and for each signed statement
in it, in the order of the signatures in the bytes, its type, the first four bytes of its hash, and the
number of the first key of the context that verifies it; `-` if none does.
"""

from . import types
from .codec import Refused, decode
from .trust import Trust


def verdicts(lines):
    trust, keys = Trust(bytes(32)), []
    for line in lines:
        kind, _, rest = line.strip().partition(" ")
        if kind == "context":
            office, _, listed = rest.partition(" ")
            trust.office = bytes.fromhex(office)
            keys = [bytes.fromhex(key) for key in listed.split(",") if key]
            continue
        if kind not in types.WHOLE:
            raise ValueError(f"no type is called {kind!r}")
        yield verdict(trust, keys, kind, bytes.fromhex(rest))


def verdict(trust, keys, kind, data):
    statements = []
    try:
        form, most = types.WHOLE[kind]
        decode(form, data, most, statements)
    except Refused as refused:
        return refused.args[0]
    words = ["ok"]
    for statement in statements:
        signer = next((n for n, key in enumerate(keys) if trust.verifies(statement, key)), "-")
        words.append(f"{statement.kind}:{trust.hash(statement)[:4].hex()}:{signer}")
    return " ".join(words)
