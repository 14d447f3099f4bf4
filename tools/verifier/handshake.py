"""The three HELLOs of section 4.2 and the sealed messages of section 4.3."""

import struct

from . import types
from .codec import Refused, decode
from .crypto import (
    Broken,
    Context,
    concat,
    derive_secret,
    domain,
    hash_of,
    public_of,
    sign,
    signing_input,
    verifies,
    wallet_id,
    x25519_public,
)
from .trust import Fault, Trust, need

VERSIONS = (1,)


class Reject(Exception):
    """The code with which a HELLO is answered."""


def _packet(data, variant):
    try:
        name, hello = decode(types.Packet, data, types.PACKET_MAX)
    except (Refused, ValueError):
        raise Reject("Handshake") from None
    if name != variant:
        raise Reject("Handshake")
    return hello


class Handshake:
    """One case of handshake.json, worked out step by step."""

    def __init__(self, case):
        self.case = case
        self.office, self.root = self.hex("office"), self.hex("root")
        self.now, self.lookup = int(case["now"]), self.hex("lookup")
        self.h1 = self.hex("hello_1")
        self.values = {"earlier_1": hash_of("earlier", concat(self.lookup, self.h1))}

    def hex(self, name):
        return bytes.fromhex(self.case[name])

    def trust(self, side):
        trust = Trust(self.root)
        for key in self.case[f"{side}_knows"]:
            trust.add_key(decode(types.signed("office-key"), bytes.fromhex(key), 200))
        return trust

    def statement(self, name, kind):
        return decode(types.signed(kind), self.hex(name), 400)

    def seller_hears_1(self):
        """The HELLO 2 that the seller answers, or Reject."""
        hello = _packet(self.h1, "Hello1")
        version = next((v for v in hello["versions"] if v in VERSIONS), None)
        if version is None:
            raise Reject("Version")
        if hello["lookup"] != hash_of("lookup", self.lookup):
            raise Reject("Handshake")
        session, ephemeral = self.hex("seller_secret"), derive_secret(self.hex("seller_ikm"))
        info = domain("hpke-seller") + self.values["earlier_1"]
        try:
            self.to_buyer = Context.of_sender(ephemeral, hello["session_key"], info)
        except Broken:
            raise Reject("Handshake") from None
        clear = bytes([version]) + x25519_public(session) + x25519_public(ephemeral)
        earlier = hash_of("earlier", concat(self.lookup, self.h1, clear))
        certificate = self.statement("seller_certificate", "certificate")
        proof = {"version": version, "wallet": wallet_id(certificate.body["key"]), "earlier": earlier}
        key = None
        if hello["want_office_key"]:
            wanted = self.case["seller_knows"][0]
            key = decode(types.signed("office-key"), bytes.fromhex(wanted), 200)
        raw = types.SellerProof.encode(proof)
        introduction = {
            "certificate": certificate,
            "office_key": key,
            "proof": sign(self.hex("seller_seed"), signing_input("hello-2", self.office, raw)),
        }
        plain = types.SellerIntroduction.encode(introduction)
        hello_2 = dict(version=version, session_key=clear[1:33], enc=clear[33:])
        hello_2["sealed"] = self.to_buyer.seal(0, earlier, plain)
        self.values["earlier_2"] = earlier
        return types.Packet.encode(("Hello2", hello_2))

    def buyer_hears_2(self, h2):
        """The HELLO 3 that the buyer answers, or Reject."""
        hello_1, hello = _packet(self.h1, "Hello1"), _packet(h2, "Hello2")
        if hello["version"] not in hello_1["versions"]:
            raise Reject("Version")
        clear = bytes([hello["version"]]) + hello["session_key"] + hello["enc"]
        earlier = hash_of("earlier", concat(self.lookup, self.h1, clear))
        info = domain("hpke-seller") + self.values["earlier_1"]
        try:
            self.from_seller = Context.of_recipient(
                self.hex("buyer_secret"), hello["enc"], info
            )
            plain = self.from_seller.open(0, earlier, hello["sealed"])
            seller = decode(types.SellerIntroduction, plain, types.PACKET_MAX)
        except (Broken, Refused):
            raise Reject("Handshake") from None
        trust = self.trust("buyer")
        key = self._introduced(trust, seller)
        proof = {"version": hello["version"], "wallet": wallet_id(key), "earlier": earlier}
        self._proven("hello-2", types.SellerProof, proof, key, seller["proof"])
        return self._hello_3(h2, hello, wallet_id(key))

    def _hello_3(self, h2, hello, seller):
        earlier = hash_of("earlier", concat(self.lookup, self.h1, h2))
        ephemeral = derive_secret(self.hex("buyer_ikm"))
        info = domain("hpke-buyer") + earlier
        try:
            self.to_seller = Context.of_sender(ephemeral, hello["session_key"], info)
        except Broken:
            raise Reject("Handshake") from None
        wallet = wallet_id(public_of(self.hex("buyer_seed")))
        proof = {"version": 1, "wallet": wallet, "seller": seller, "earlier": earlier}
        raw = types.BuyerProof.encode(proof)
        introduction = {
            "certificate": self.statement("buyer_certificate", "certificate"),
            "office_key": None,
            "checkpoint": self.statement("buyer_checkpoint", "checkpoint"),
            "proof": sign(self.hex("buyer_seed"), signing_input("hello-3", self.office, raw)),
        }
        plain = types.BuyerIntroduction.encode(introduction)
        sealed = self.to_seller.seal(0, earlier, plain)
        self.values["earlier_3"] = earlier
        return types.Packet.encode(
            ("Hello3", {"enc": x25519_public(ephemeral), "sealed": sealed})
        )

    def seller_hears_3(self, h2, h3):
        """Establishes the session, or Reject."""
        hello = _packet(h3, "Hello3")
        earlier = hash_of("earlier", concat(self.lookup, self.h1, h2))
        info = domain("hpke-buyer") + earlier
        try:
            self.from_buyer = Context.of_recipient(
                self.hex("seller_secret"), hello["enc"], info
            )
            plain = self.from_buyer.open(0, earlier, hello["sealed"])
            buyer = decode(types.BuyerIntroduction, plain, types.PACKET_MAX)
        except (Broken, Refused):
            raise Reject("Handshake") from None
        key = self._introduced(self.trust("seller"), buyer)
        seller = wallet_id(public_of(self.hex("seller_seed")))
        proof = {"version": 1, "wallet": wallet_id(key), "seller": seller, "earlier": earlier}
        self._proven("hello-3", types.BuyerProof, proof, key, buyer["proof"])
        self.transcript = hash_of("transcript", concat(self.lookup, self.h1, h2, h3))
        number = int.from_bytes(self.transcript[:8], "big") % 1_000_000
        self.values["transcript"] = self.transcript
        self.short_code = f"{number // 1000:03} {number % 1000:03}"

    def _introduced(self, trust, introduction):
        """The key of a certificate, and checkpoint if there is one, that hold today."""
        try:
            if introduction["office_key"] is not None:
                trust.add_key(introduction["office_key"])
            if "checkpoint" in introduction:
                certificate, purse = trust.purse(
                    introduction["certificate"], introduction["checkpoint"]
                )
                need(self.now <= purse["expires"], "H-10: the checkpoint is expired")
            else:
                certificate = trust.certificate(introduction["certificate"])
            dated = certificate["not_before"] <= self.now <= certificate["not_after"]
            need(dated, "the certificate is not within its dates")
        except Fault:
            raise Reject("Certificate") from None
        return certificate["key"]

    def _proven(self, kind, body, proof, key, signature):
        if not verifies(key, signing_input(kind, self.office, body.encode(proof)), signature):
            raise Reject("Handshake")

    def sealed(self, side, number, ack, message):
        """The packet in which `side` seals `message`, with its additional data and ciphertext."""
        aad = self.transcript + struct.pack(">II", number, ack)
        sender = self.to_seller if side == "buyer" else self.to_buyer
        receiver = self.from_buyer if side == "buyer" else self.from_seller
        ciphertext = sender.seal(number, aad, message)
        need(receiver.open(number, aad, ciphertext) == message, "4.3: opens to something else")
        sealed = {"number": number, "ack": ack, "ciphertext": ciphertext}
        return aad, ciphertext, types.Packet.encode(("Sealed", sealed))
