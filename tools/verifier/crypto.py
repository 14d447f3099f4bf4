"""Hashes, strict Ed25519 and HPKE of sections 3.3 and 4.2."""

import hashlib
import hmac
import struct

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

# The field and the group of RFC 8032.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


class Broken(Exception):
    """Something does not open, does not verify, or is not usable."""


def domain(kind):
    return f"onehop/1/{kind}".encode("ascii").ljust(32, b"\0")


def hash_of(kind, *parts):
    return hashlib.sha256(domain(kind) + b"".join(parts)).digest()


def office_id(root):
    return hash_of("office-id", root)


def wallet_id(key):
    return hash_of("wallet-id", key)


def signing_input(kind, office, raw):
    return domain(kind) + office + raw


def statement_hash(statement, office):
    """The hash of a signed statement: of its body, never of its signature."""
    return hashlib.sha256(signing_input(statement.kind, office, statement.raw)).digest()


def concat(*items):
    return b"".join(struct.pack(">I", len(item)) + item for item in items)


def _root(square):
    """A square root modulo P."""
    root = pow(square, (P + 3) // 8, P)
    if root * root % P != square % P:
        root = root * pow(2, (P - 1) // 4, P) % P
    if root * root % P != square % P:
        raise ValueError("not a square")
    return root


def _small_y():
    """The second coordinates of the points whose order divides 8.

    Order 1: 1. Order 2: -1. Order 4: 0. A point of order 8 doubles to one whose y is 0, so that
    x^2 = -y^2, and with the equation of the curve d*y^4 + 2*y^2 - 1 = 0.
    """
    values = {0, 1, P - 1}
    for sign in (1, -1):
        try:
            y = _root((-1 + sign * _root(1 + D)) * pow(D, P - 2, P) % P)
        except ValueError:
            continue
        values |= {y, P - y}
    return values


SMALL_Y = _small_y()


def _y(point):
    """The second coordinate as the 32 bytes write it: it may be P or more."""
    return int.from_bytes(point, "little") & (2**255 - 1)


def verifies(public, message, signature):
    """True if the signature holds by W-10 and W-11."""
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= L or _y(r) >= P:
        return False
    if _y(public) % P in SMALL_Y or _y(r) in SMALL_Y:
        return False
    try:
        # The rest, without the cofactor: R as computed, encoded, is R as given.
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def statement_verifies(statement, office, key):
    given = signing_input(statement.kind, office, statement.raw)
    return verifies(key, given, statement.signature)


def sign(seed, message):
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def public_of(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


# HPKE, RFC 9180, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305.

KEM = b"KEM" + struct.pack(">H", 0x0020)
SUITE = b"HPKE" + struct.pack(">HHH", 0x0020, 0x0001, 0x0003)


def _extract(salt, ikm):
    return hmac.new(salt or bytes(32), ikm, "sha256").digest()


def _expand(prk, info, size):
    out, block, number = b"", b"", 0
    while len(out) < size:
        number += 1
        block = hmac.new(prk, block + info + bytes([number]), "sha256").digest()
        out += block
    return out[:size]


def _labeled_extract(suite, salt, label, ikm):
    return _extract(salt, b"HPKE-v1" + suite + label + ikm)


def _labeled_expand(suite, prk, label, info, size):
    return _expand(prk, struct.pack(">H", size) + b"HPKE-v1" + suite + label + info, size)


def derive_secret(ikm):
    """DeriveKeyPair of RFC 9180, section 7.1.3: the secret key."""
    return _labeled_expand(KEM, _labeled_extract(KEM, b"", b"dkp_prk", ikm), b"sk", b"", 32)


def x25519_public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def x25519(secret, public):
    try:
        key = X25519PublicKey.from_public_bytes(public)
        return X25519PrivateKey.from_private_bytes(secret).exchange(key)
    except ValueError:
        raise Broken("the X25519 result is all zero") from None


class Context:
    """An HPKE context of one direction."""

    def __init__(self, shared, enc, recipient, info):
        prk = _labeled_extract(KEM, b"", b"eae_prk", shared)
        secret = _labeled_expand(KEM, prk, b"shared_secret", enc + recipient, 32)
        ids = _labeled_extract(SUITE, b"", b"psk_id_hash", b"")
        context = b"\0" + ids + _labeled_extract(SUITE, b"", b"info_hash", info)
        prk = _labeled_extract(SUITE, secret, b"secret", b"")
        self.aead = ChaCha20Poly1305(_labeled_expand(SUITE, prk, b"key", context, 32))
        self.base = int.from_bytes(_labeled_expand(SUITE, prk, b"base_nonce", context, 12), "big")

    @classmethod
    def of_sender(cls, ephemeral, recipient, info):
        enc = x25519_public(ephemeral)
        return cls(x25519(ephemeral, recipient), enc, recipient, info)

    @classmethod
    def of_recipient(cls, secret, enc, info):
        return cls(x25519(secret, enc), enc, x25519_public(secret), info)

    def _nonce(self, number):
        return (self.base ^ number).to_bytes(12, "big")

    def seal(self, number, aad, plaintext):
        return self.aead.encrypt(self._nonce(number), plaintext, aad)

    def open(self, number, aad, ciphertext):
        try:
            return self.aead.decrypt(self._nonce(number), ciphertext, aad)
        except (InvalidTag, ValueError):
            raise Broken("what was sealed does not open") from None
