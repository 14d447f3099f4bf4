"""The check of a spend entry, section 6.5, as third parties make it, and claims of section 9.3."""

from . import types
from .crypto import hash_of, wallet_id
from .fork import fork_of_entries
from .trust import Fault, need

TOTAL_MAX = 8_192
RECEIPTS_MAX, RELEASES_MAX = 2, 8


def attachment_hash(attachment):
    return hash_of("attachment", types.Attachment.encode(attachment))


def check_entry(trust, certificate, checkpoint, agreed, attachments):
    """Steps 3 and 7 to 14 of section 6.5. Returns the payer's wallet id."""
    payer, purse = trust.purse(certificate, checkpoint)
    wallet, body = wallet_id(payer["key"]), agreed.body
    trust.need_signed(agreed, payer["key"], "the payer")
    check_part(trust, payer, checkpoint, body, wallet)
    releases, receipts = _attached(body, attachments)
    back = _check_releases(trust, payer, wallet, agreed, releases)
    inward, hops = _check_receipts(trust, payer, wallet, body, receipts)
    need(body["hops"] == hops, "6.5 step 13: hops")
    proven = purse["balance"] + inward + back
    need(body["cum_out"] <= proven, "M-12: more is spent than is proven")
    _check_limits(payer["limits"], body, back, len(releases))
    return wallet


def check_part(trust, payer, checkpoint, body, wallet):
    """Steps 8 and 9: what an entry without its attachments says."""
    _check_names(trust, payer, checkpoint, body, wallet)
    _check_chain(body, trust.hash(checkpoint))


def _check_names(trust, payer, checkpoint, body, wallet):
    need(body["checkpoint"] == trust.hash(checkpoint), "6.5 step 8: another checkpoint")
    need(body["currency"] == checkpoint.body["currency"], "6.5 step 8: another currency")
    need(body["payee"] != wallet, "6.5 step 8: payer and payee are one")
    date = checkpoint.body["expires"] + payer["claim_window"]
    need(body["redeem_by"] == date, "P-7: redeem_by")


def _check_chain(body, start):
    seq, amount, out = body["seq"], body["amount"], body["cum_out"]
    chained = seq >= 1 and amount >= 1 and out >= amount
    chained = chained and (body["prev"] == start) == (seq == 1)
    chained = chained and (seq != 1 or out == amount)
    chained = chained and out - amount >= seq - 1 and body["cum_back"] <= out
    need(chained, "6.5 step 9: the fields of the chain contradict each other")


def _attached(body, attachments):
    names = [attachment_hash(attachment) for attachment in attachments]
    need(names == body["attachments"], "6.5 step 10: other attachments than the entry names")
    need(len(set(names)) == len(names), "M-10: an attachment is named twice")
    releases = [content for name, content in attachments if name == "Release"]
    receipts = [content for name, content in attachments if name == "Receipt"]
    need(len(receipts) <= RECEIPTS_MAX and len(releases) <= RELEASES_MAX, "M-10: too many")
    total = sum(len(types.Attachment.encode(attachment)) for attachment in attachments)
    need(total <= TOTAL_MAX, "M-10: too large")
    return releases, receipts


def _check_releases(trust, payer, wallet, agreed, releases):
    entry = agreed.body
    for release in releases:
        other = release["agreed"].body
        check_release(trust, payer["key"], wallet, release)
        same = other["checkpoint"] == entry["checkpoint"] and other["seq"] < entry["seq"]
        need(same, "M-4: a release is of no earlier entry of the checkpoint")
    for key in ("tx", "seq"):
        values = [release["agreed"].body[key] for release in releases]
        need(len(set(values)) == len(values), f"M-4: two releases of one {key}")
    shown = [agreed] + [release["agreed"] for release in releases]
    for place, one in enumerate(shown):
        for other in shown[place + 1 :]:
            need(fork_of_entries(trust, one, other) is None, "6.5 step 11: a contradiction")
    return sum(release["agreed"].body["amount"] for release in releases)


def check_release(trust, key, wallet, release):
    """M-3: the entry is the payer's, and its payee or the office let it go."""
    agreed, (ground, content) = release["agreed"], release["ground"]
    trust.need_signed(agreed, key, "the payer")
    if ground == "Aborted":
        seller = trust.certificate(content["seller"])
        need(wallet_id(seller["key"]) == agreed.body["payee"], "M-3: the ABORT is another's")
        trust.need_signed(content["abort"], seller["key"], "the payee")
        need(aborts(content["abort"].body, agreed, wallet, trust), "M-3: an ABORT of another entry")
        return
    trust.office_signed(content)
    outcome, entry = content.body, agreed.body
    same = all(
        outcome[name] == entry[name] for name in ("tx", "checkpoint", "seq", "amount", "currency")
    )
    same = same and outcome["entry"] == trust.hash(agreed) and outcome["kind"] == "Void"
    need(same, "M-3: an OUTCOME of another entry, or not VOID")


def aborts(abort, agreed, payer, trust):
    """True if the ABORT is about this entry."""
    entry = agreed.body
    parties = (abort["tx"], abort["payer"], abort["payee"]) == (entry["tx"], payer, entry["payee"])
    kind, subject = abort["subject"]
    return parties and subject == (trust.hash(agreed) if kind == "Agreed" else entry["request"])


def _check_receipts(trust, payer, wallet, entry, receipts):
    hops = 0
    for receipt in receipts:
        body = receipt["agreed"].body
        check_claim(trust, receipt, payer["key"])
        need(receipt["committed"] is not None, "M-2: a receipt without COMMITTED")
        named = receipt["commit"].body["payee_checkpoint"]
        need(named == entry["checkpoint"], "M-2: a receipt of another checkpoint")
        need(body["refund_of"] is None, "M-17: a receipt of a refund")
        need(body["payee"] == wallet, "6.5 step 12: a receipt of somebody else")
        need(body["currency"] == entry["currency"], "6.5 step 12: a receipt in another currency")
        hops = max(hops, body["hops"] + 1)
    txs = [receipt["agreed"].body["tx"] for receipt in receipts]
    need(len(set(txs)) == len(txs), "6.5 step 12: two receipts of one payment")
    return sum(receipt["agreed"].body["amount"] for receipt in receipts), hops


def check_claim(trust, claim, payee_key):
    """A claim of section 9.3: the entry, its payee's COMMIT and the payer's COMMITTED."""
    agreed, commit, committed = claim["agreed"], claim["commit"], claim["committed"]
    payer = check_entry(
        trust, claim["payer"], claim["checkpoint"], agreed, claim["attachments"]
    )
    trust.need_signed(commit, payee_key, "the payee")
    need(wallet_id(payee_key) == agreed.body["payee"], "O-9: the payee is another")
    about = {"tx": agreed.body["tx"], "payer": payer, "payee": agreed.body["payee"]}
    about["agreed"] = trust.hash(agreed)
    need(all(commit.body[name] == it for name, it in about.items()), "O-9: another COMMIT")
    if committed is not None:
        trust.need_signed(committed, claim["payer"].body["key"], "the payer")
        about["commit"] = trust.hash(commit)
        same = all(committed.body[name] == it for name, it in about.items())
        need(same, "O-9: another COMMITTED")
    return payer


def _check_limits(limits, body, back, releases):
    reached = {
        "per_payment": body["amount"],
        "per_checkpoint": body["cum_out"] - back,
        "payments": body["seq"] - releases,
        "hops": body["hops"],
    }
    for name, value in reached.items():
        need(limits[name] is None or value <= limits[name], f"M-9: over the limit {name}")


__all__ = ["Fault", "aborts", "check_claim", "check_entry", "check_release"]
