"""Items of NEWS, section 5.12: whether one that a wallet is told proves what it says."""

from . import types
from .crypto import wallet_id
from .entry import check_part
from .fork import check_contents
from .trust import Fault, Trust, need


def office_trust(info):
    """What an OfficeInfo makes known."""
    trust = Trust(info["root"])
    for root in info["new_roots"]:
        trust.add_root(root)
    trust.add_key(info["office_key"])
    return trust


def check_item(trust, item):
    """Refuses an item that proves nothing. An accepted root or key is trusted from then on."""
    kind, content = item
    if kind == "Root":
        trust.add_root(content)
    elif kind == "Key":
        known = trust.keys.get(content.body["number"])
        need(known in (None, content.body), "8.2 row 8: two office keys of one number")
        trust.add_key(content)
    elif kind == "Delta":
        trust.office_signed(content)
    elif kind == "Fork":
        check_contents(trust.copy(), content)
    else:
        payer, _ = trust.purse(content["payer"], content["checkpoint"])
        trust.need_signed(content["agreed"], payer["key"], "the payer")
        check_part(trust, payer, content["checkpoint"], content["agreed"].body, wallet_id(payer["key"]))


__all__ = ["Fault", "check_item", "office_trust", "types"]
