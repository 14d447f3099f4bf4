"""Contradictions of one payer, section 8.1."""

from . import types
from .codec import Refused, decode
from .crypto import hash_of, wallet_id
from .trust import Fault, Trust, need


def fork_of_entries(trust, a, b):
    """The rule by which two AGREED of one checkpoint are a fork, or None. Signatures are not looked at."""
    one, other = a.body, b.body
    if one["checkpoint"] != other["checkpoint"] or trust.hash(a) == trust.hash(b):
        return None
    if one["seq"] == other["seq"]:
        return "same number"
    if one["prev"] == other["prev"]:
        return "same head"
    low, high = sorted((one, other), key=lambda body: body["seq"])
    return "gap" if high["cum_out"] < low["cum_out"] + high["amount"] else None


def fork_of_close(trust, agreed, sync):
    """The rule by which an AGREED and the SYNC of its checkpoint are a fork, or None."""
    entry, close = agreed.body, sync.body
    if entry["checkpoint"] != close["checkpoint"]:
        return None
    if entry["seq"] > close["seq"]:
        return "after the end"
    if entry["seq"] == close["seq"]:
        return None if trust.hash(agreed) == close["head"] else "other head"
    return "gap" if entry["cum_out"] >= close["cum_out"] else None


def check_proof(data, root, successors=()):
    """Checks a file of a fork proof. Successors of the root are trusted as well.

    Returns the guilty wallet's id, the rule and the proof's hash."""
    trust = Trust(root)
    trust.roots.extend(successors)
    return check_contents(trust, decode(types.ForkProof, data, types.OFFICE_MAX))


def check_contents(trust, proof):
    """The same of a proof that was read; the keys that it brings are trusted from then on."""
    for key in proof["office_keys"]:
        trust.add_key(key)
    key = trust.certificate(proof["payer"])["key"]
    first, (kind, second) = proof["first"], proof["second"]
    for statement in (first, second):
        trust.need_signed(statement, key, "the payer")
    if kind == "Entry":
        rule = fork_of_entries(trust, first, second)
        order = [(it.body["seq"], trust.hash(it)) for it in (first, second)]
        need(order[0] <= order[1], "8.1: the entries are in the wrong order")
    else:
        need(second.body["wallet"] == wallet_id(key), "8.1: the SYNC is of another wallet")
        rule = fork_of_close(trust, first, second)
    need(rule is not None, "8.1: the two statements do not contradict each other")
    return wallet_id(key), rule, hash_of("fork-proof", trust.hash(first), trust.hash(second))


__all__ = ["Fault", "Refused", "check_contents", "check_proof", "fork_of_close", "fork_of_entries"]
