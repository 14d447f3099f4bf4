"""Who is to blame, sections 8.2 and 8.3: a case file judged by the first root key alone."""

from itertools import combinations

from . import types
from .codec import Refused, decode
from .crypto import hash_of, wallet_id
from .fork import fork_of_close, fork_of_entries
from .trust import Trust

# Section 8.3: the field by which an exhibit names its signer. AGREED names none.
SIGNERS = {
    "CommitRequest": "payee",
    "Commit": "payee",
    "Abort": "payee",
    "Committed": "payer",
    "Refused": "payer",
    "Released": "payer",
    "Resolve": "payer",
    "Status": "asker",
    "Sync": "wallet",
}


class Unverified(Exception):
    """A part of the file does not verify."""

    def __init__(self, part, why):
        super().__init__(f"{part} {why}")
        self.part = part


class Exhibit:
    """What is shown: its kind, its content, the hash that names it, and the wallet that signed it."""

    def __init__(self, kind, content, name, signer):
        self.kind, self.content, self.name, self.signer = kind, content, name, signer
        self.paid, self.back = set(), set()

    @property
    def body(self):
        return self.content.body


class Case:
    """A case file of which every part verifies."""

    def __init__(self, file, root):
        self.trust = Trust(root)
        self.keys = self._office_keys(file)
        self.wallets = {}
        for place, statement in enumerate(file["certificates"]):
            self._office_signed(statement, f"certificate {place}", statement.body["not_before"])
            key = statement.body["key"]
            self.wallets.setdefault(wallet_id(key), key)
        named = {
            name
            for kind, content in file["exhibits"]
            if kind == "Agreed"
            for name in content.body["attachments"]
        }
        self.exhibits = [
            self._exhibit(kind, content, f"exhibit {place}", named)
            for place, (kind, content) in enumerate(file["exhibits"])
        ]
        for exhibit in self.exhibits:
            self._listen(exhibit)

    def _office_keys(self, file):
        roots = self.trust.roots
        for place, statement in enumerate(file["new_roots"]):
            if not any(self.trust.verifies(statement, root) for root in roots):
                raise Unverified(f"new root {place}", "is not announced by a root before it")
            roots.append(statement.body["root"])
        for place, statement in enumerate(file["office_keys"]):
            if not any(self.trust.verifies(statement, root) for root in roots):
                raise Unverified(f"office key {place}", "is not signed by a root")
        return [statement.body for statement in file["office_keys"]]

    def _office_signed(self, statement, part, date=None):
        for key in self.keys:
            dated = date is None or key["not_before"] <= date <= key["not_after"]
            if key["number"] == statement.body["signed_by"] and dated:
                if self.trust.verifies(statement, key["key"]):
                    return
        raise Unverified(part, "is not signed by an office key of the file")

    def _exhibit(self, kind, content, part, named):
        if kind == "Attachment":
            name = hash_of("attachment", types.Attachment.encode(content))
            if name not in named:
                raise Unverified(part, "is an attachment that no AGREED of the file names")
            return Exhibit(kind, content, name, None)
        name = self.trust.hash(content)
        if kind in ("Outcome", "Pending"):
            self._office_signed(content, part)
            return Exhibit(kind, content, name, None)
        if kind == "Agreed":
            candidates = self.wallets
        else:
            candidates = [it for it in self.wallets if it == content.body[SIGNERS[kind]]]
        for wallet in candidates:
            if self.trust.verifies(content, self.wallets[wallet]):
                return Exhibit(kind, content, name, wallet)
        raise Unverified(part, "is not signed by a wallet whose certificate is in the file")

    def _listen(self, exhibit):
        """Notes which entries an exhibit says are paid, and which that they came back."""
        if exhibit.kind == "Committed":
            exhibit.paid.add(exhibit.body["agreed"])
        elif exhibit.kind == "Sync":
            for entry in exhibit.body["entries"]:
                state = entry["state"] if isinstance(entry["state"], str) else entry["state"][0]
                if state == "Committed":
                    exhibit.paid.add(self.trust.hash(entry["agreed"]))
                elif state in ("Aborted", "Voided"):
                    exhibit.back.add(self.trust.hash(entry["agreed"]))
        elif exhibit.kind == "Agreed":
            for other in self.exhibits:
                if other.kind == "Attachment" and other.name in exhibit.body["attachments"]:
                    variant, release = other.content
                    if variant == "Release":
                        exhibit.back.add(self.trust.hash(release["agreed"]))

    def rows(self, a, b):
        """The rows of section 8.2 that two exhibits with different bodies fill."""
        kinds, found = {a.kind, b.kind}, []
        if a.kind == b.kind == "Agreed" and fork_of_entries(self.trust, a.content, b.content):
            found.append(1)
        if kinds == {"Agreed", "Sync"}:
            entry, close = (a, b) if a.kind == "Agreed" else (b, a)
            if fork_of_close(self.trust, entry.content, close.content):
                found.append(1)
        if kinds == {"Commit", "Abort"} and payment(a) == payment(b):
            commit, abort = (a, b) if a.kind == "Commit" else (b, a)
            variant, subject = abort.body["subject"]
            if variant == "Request" or subject == commit.body["agreed"]:
                found.append(2)
        if a.kind == b.kind == "Commit" and payment(a) == payment(b):
            found.append(3)
        if a.paid & b.back or b.paid & a.back:
            found.append(4)
        if a.kind == b.kind == "CommitRequest" and request_id(a) == request_id(b):
            found.append(5)
        if a.kind == b.kind == "Sync" and a.body["checkpoint"] == b.body["checkpoint"]:
            found.append(6)
        return found if a.signer == b.signer else []

    def two_outcomes(self, a, b):
        if a.kind != "Outcome" or b.kind != "Outcome" or a.body["tx"] != b.body["tx"]:
            return False
        if a.body["entry"] == b.body["entry"]:
            return True
        payees = [self._payee(it.body["entry"]) for it in (a, b)]
        one_checkpoint = a.body["checkpoint"] == b.body["checkpoint"]
        return one_checkpoint and payees[0] is not None and payees[0] == payees[1]

    def _payee(self, entry):
        shown = [it for it in self.exhibits if it.kind == "Agreed" and it.name == entry]
        return shown[0].body["payee"] if shown else None


def payment(exhibit):
    return [exhibit.body[name] for name in ("tx", "payer", "payee")]


def request_id(exhibit):
    """The tx_id of section 5.2."""
    names = ("payee", "payer", "buyer_nonce", "seller_nonce", "order_hash")
    return hash_of("tx-id", *(exhibit.body[name] for name in names))


def judge(data, root):
    """Row, guilty wallet (None for the office), and the places of the two halves, in their order."""
    case = Case(decode(types.CaseFile, data, types.OFFICE_MAX), root)
    found = []
    for (first, a), (second, b) in combinations(enumerate(case.exhibits), 2):
        if a.name == b.name:
            continue
        found.extend((row, a.signer, first, second) for row in case.rows(a, b))
        if case.two_outcomes(a, b):
            found.append((7, None, first, second))
    for (first, a), (second, b) in combinations(enumerate(case.keys), 2):
        if a["number"] == b["number"] and a != b:
            found.append((8, None, first, second))
    return sorted(found, key=lambda it: (it[0], it[2], it[3]))


def verdicts(lines):
    """For each line, a root key and a case file: the findings, `nobody`, or what refuses it."""
    for line in lines:
        root, _, data = line.strip().partition(" ")
        try:
            found = judge(bytes.fromhex(data), bytes.fromhex(root))
        except Unverified as unverified:
            yield f"refused: {unverified.part}"
        except Refused as refused:
            yield f"refused: {refused.args[0]}"
        else:
            words = [
                f"{row} {guilty.hex() if guilty else 'office'} {first} {second}"
                for row, guilty, first, second in found
            ]
            yield "; ".join(words) or "nobody"


__all__ = ["Refused", "Unverified", "judge", "verdicts"]
