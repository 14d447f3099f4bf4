"""Every case of the files in vectors/, section 14."""

import json
import pathlib

from . import entry, framing, gatt, judge, money, news, types
from .codec import Refused, decode
from .crypto import (
    Broken,
    Context,
    derive_secret,
    domain,
    hash_of,
    public_of,
    sign,
    statement_verifies,
    verifies,
    x25519_public,
)
from .handshake import Handshake, Reject
from .trust import Fault, Trust, need

# The statement types that go without another: a body of this type, and no more, is the input.
BODY_MAX = types.OFFICE_MAX
SKIPPED = {"records.json": "the project's own store, section 14 lets others skip it"}


def _hex(case, name):
    return bytes.fromhex(case[name])


def _same(what, found, given):
    need(found == given, f"{what}: {found!r} where the vector has {given!r}")


def message(case):
    kind, most = types.WHOLE[case["type"]]
    data = _hex(case, "bytes")
    try:
        value = decode(kind, data, most)
    except Refused as refused:
        _same("refusal", refused.args[0], case.get("error"))
        return
    need("error" not in case, f"decodes, where the vector has {case.get('error')}")
    _same("value", kind.show(value), case["value"])
    _same("encoding", kind.encode(value), data)


def statement(case):
    kind, body = types.STATEMENTS[case["type"]], _hex(case, "body")
    value = decode(kind, body, BODY_MAX)
    _same("value", kind.show(value), case["value"])
    given = domain(case["type"]) + _hex(case, "office") + body
    _same("signing input", given.hex(), case["signing_input"])
    trust = Trust(bytes(32))
    trust.office = _hex(case, "office")
    signed = types.signed(case["type"])
    whole = decode(signed, body + _hex(case, "signature"), BODY_MAX)
    _same("hash", trust.hash(whole).hex(), case["hash"])
    valid = verifies(_hex(case, "public"), given, _hex(case, "signature"))
    _same("validity", valid, case["valid"])
    if case["seed"] is not None:
        _same("public key", public_of(_hex(case, "seed")).hex(), case["public"])
        _same("signature", sign(_hex(case, "seed"), given).hex(), case["signature"])


def hpke(case):
    secret, info = _hex(case, "recipient_secret"), _hex(case, "info")
    _same("recipient", x25519_public(secret).hex(), case["recipient_public"])
    ephemeral = derive_secret(_hex(case, "ephemeral_ikm"))
    _same("ephemeral", ephemeral.hex(), case["ephemeral_secret"])
    _same("enc", x25519_public(ephemeral).hex(), case["enc"])
    sender = Context.of_sender(ephemeral, _hex(case, "recipient_public"), info)
    recipient = Context.of_recipient(secret, _hex(case, "enc"), info)
    for seal in case["seals"]:
        number, aad = int(seal["number"]), _hex(seal, "aad")
        sealed = sender.seal(number, aad, _hex(seal, "plaintext"))
        _same("ciphertext", sealed.hex(), seal["ciphertext"])
        _same("plaintext", recipient.open(number, aad, sealed).hex(), seal["plaintext"])


def handshake(case):
    it = Handshake(case)
    try:
        h2 = it.seller_hears_1()
        need("hello_2" in case, "HELLO 1 is answered, and the vector refuses it")
        given = _hex(case, "hello_2")
        if "hello_3" in case:
            _same("HELLO 2", h2.hex(), case["hello_2"])
        h3 = it.buyer_hears_2(given)
        need("hello_3" in case, "HELLO 2 is answered, and the vector refuses it")
        given_3 = _hex(case, "hello_3")
        if "error" not in case:
            _same("HELLO 3", h3.hex(), case["hello_3"])
        it.seller_hears_3(given, given_3)
    except Reject as reject:
        _same("Reject", reject.args[0], case.get("error"))
        return
    need("error" not in case, "HELLO 3 is accepted, and the vector refuses it")
    for name, value in it.values.items():
        _same(name, value.hex(), case[name])
    _same("short code", it.short_code, case["short_code"])
    for sealed in case["sealed"]:
        number, ack = int(sealed["number"]), int(sealed["ack"])
        parts = it.sealed(sealed["from"], number, ack, _hex(sealed, "message"))
        for name, part in zip(("aad", "ciphertext", "packet"), parts):
            _same(name, part.hex(), sealed[name])


def amounts(case):
    if "entry" in case:
        return _entry(case)
    try:
        minor = money.parse(case["text"], case["currency"])
    except Fault:
        need("error" in case, "an amount is refused that the vector accepts")
        return None
    need("error" not in case, f"{minor} where the vector has {case.get('error')!r}")
    _same("exponent", str(money.exponent(case["currency"])), case["exponent"])
    _same("minor units", str(minor), case["minor"])
    return _same("shown", money.show(minor, case["currency"]), case["shown"])


def _entry(case):
    def signed(name, kind):
        return decode(types.signed(kind), _hex(case, name), BODY_MAX)

    trust = Trust(_hex(case, "root"))
    _same("office", trust.office.hex(), case["office"])
    try:
        for key in case["office_keys"]:
            trust.add_key(decode(types.signed("office-key"), bytes.fromhex(key), BODY_MAX))
        attachments = [
            decode(types.Attachment, bytes.fromhex(it), BODY_MAX) for it in case["attachments"]
        ]
        certificate, checkpoint = signed("certificate", "certificate"), signed("checkpoint", "checkpoint")
        entry.check_entry(trust, certificate, checkpoint, signed("entry", "agreed"), attachments)
    except Fault as fault:
        need(case["fault"] is not None, f"refused ({fault}), and the vector accepts it")
        return
    need(case["fault"] is None, f"accepted, and the vector says {case['fault']!r}")


def item(case):
    trust = news.office_trust(decode(types.OfficeInfo, _hex(case, "office"), BODY_MAX))
    told = decode(types.NewsItem, _hex(case, "item"), BODY_MAX)
    try:
        news.check_item(trust, told)
    except Fault as fault:
        need(case["fault"] is not None, f"dropped ({fault}), and the vector accepts it")
        return
    need(case["fault"] is None, f"accepted, and the vector says {case['fault']!r}")


def parcel(case):
    office, key = _hex(case, "office"), decode(types.signed("office-key"), _hex(case, "office_key"), BODY_MAX)
    number = key.body["number"].to_bytes(4, "big")
    try:
        raw = _hex(case, "parcel")
        given = decode(types.Parcel, raw, BODY_MAX)
        need(given["office"] == office, "9.12: another office")
        info = domain("parcel-info") + given["office"] + given["number"].to_bytes(4, "big")
        need(given["number"].to_bytes(4, "big") == number, "9.12: another key")
        opened = Context.of_recipient(_hex(case, "office_mail_secret"), given["enc"], info).open(
            0, b"", given["sealed"]
        )
        letter = decode(types.Letter, opened, 65_536)
        need(len(opened) % 1024 == 0 and not any(letter["padding"]), "9.12: padding")
        _same("letter", opened.hex(), case["letter"])
        hashed = hash_of("parcel", raw)
        _same("parcel hash", hashed.hex(), case["parcel_hash"])
        reply = decode(types.Reply, _hex(case, "reply"), BODY_MAX)
        need(reply["parcel"] == hashed, "9.12: the reply to another parcel")
        info = domain("reply-info") + office + reply["parcel"]
        opened = Context.of_recipient(_hex(case, "wallet_mail_secret"), reply["enc"], info).open(
            0, b"", reply["sealed"]
        )
        answered = decode(types.signed("answered"), opened, 65_536)
        need(answered.body["parcel"] == hashed, "9.12: signed for another parcel")
        need(statement_verifies(answered, office, key.body["key"]), "9.12: not signed by the office")
    except (Fault, Refused, Broken) as error:
        need("error" in case, f"refused ({error}), and the vector accepts it")
        return
    need("error" not in case, "accepted, and the vector refuses it")


def frames(case):
    sides = {"connecting": framing.Incoming(), "accepting": framing.Incoming()}
    other = {"connecting": "accepting", "accepting": "connecting"}
    mtu, last = int(case["mtu"]), len(case["frames"]) - 1
    for number, sent in enumerate(case["frames"]):
        data = _hex(sent, "frame")
        need(len(data) <= mtu, "L-2: a frame is longer than the MTU")
        dropped = "error" in case and number == last
        try:
            frame = framing.decode_frame(data)
        except Refused as refused:
            need(dropped, f"frame {number} is dropped: {refused.args[1]}")
            continue
        need(not dropped, f"frame {number} is read, and the vector drops it")
        _same("frame", framing.encode_frame(frame).hex(), sent["frame"])
        if "open" in frame:
            _same("channel", frame["open"].hex(), case["channel"])
        if "piece" in frame:
            need(frame["last"] or len(data) == mtu, "4.5: a piece shorter than the MTU allows")
            sides[other[sent["from"]]].take(frame)
    for side, incoming in sides.items():
        sent = [it["message"] for it in case["messages"] if it["from"] == other[side]]
        _same("messages", [message.hex() for message in incoming.messages()], sent)


def judgements(case):
    found = []
    try:
        for row, guilty, first, second in judge.judge(_hex(case, "file"), _hex(case, "root")):
            wallet = None if guilty is None else guilty.hex()
            found.append(
                {"row": str(row), "guilty": wallet, "first": str(first), "second": str(second)}
            )
    except judge.Unverified as unverified:
        _same("refusal", unverified.part, case.get("refused"))
        return
    _same("findings", found, case.get("findings"))


def bluetooth(case):
    value = gatt.READ[case["kind"]](_hex(case, "bytes"))
    if "error" in case:
        need(value is None, "a value is read that the vector refuses")
        return
    need(value is not None, "a value is refused that the vector reads")
    for name, part in value.items():
        _same(name, part, case[name])


CHECKS = {
    "messages.json": message,
    "statements.json": statement,
    "hpke.json": hpke,
    "handshake.json": handshake,
    "money.json": amounts,
    "framing.json": frames,
    "bluetooth.json": bluetooth,
    "judgements.json": judgements,
    "news.json": item,
    "parcels.json": parcel,
}


def check_folder(folder):
    """Checks each file; gives the number of cases, what failed, and what was skipped."""
    folder, cases, failed, skipped = pathlib.Path(folder), 0, [], []
    names = {path.name for path in folder.glob("*.json")} | set(CHECKS)
    for name in sorted(names):
        if name in SKIPPED:
            skipped.append(f"{name}: {SKIPPED[name]}")
            continue
        if name not in CHECKS:
            failed.append(f"{name}: no check for this file")
            continue
        found = json.loads((folder / name).read_text(encoding="utf-8"))["cases"]
        for case in found:
            cases += 1
            try:
                CHECKS[name](case)
            except (Fault, Refused, Broken, KeyError, ValueError) as error:
                failed.append(f"{name}: {case.get('name')}: {type(error).__name__} {error}")
    return cases, failed, skipped
