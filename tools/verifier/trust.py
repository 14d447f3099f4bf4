"""Who may sign for the office: B-1, B-2 and B-3 of section 2."""

from .crypto import office_id, statement_hash, statement_verifies, verifies, wallet_id


class Fault(Exception):
    """A rule of the specification that something does not keep, named by its tag or section."""


def need(kept, rule):
    if not kept:
        raise Fault(rule)


class Trust:
    """The office as its first root key and the statements seen so far make it known."""

    def __init__(self, root):
        self.office, self.roots, self.keys = office_id(root), [root], {}

    def copy(self):
        other = Trust(self.roots[0])
        other.office, other.roots, other.keys = self.office, list(self.roots), dict(self.keys)
        return other

    def hash(self, statement):
        return statement_hash(statement, self.office)

    def verifies(self, statement, key):
        return statement_verifies(statement, self.office, key)

    def need_signed(self, statement, key, who):
        need(self.verifies(statement, key), f"W-10: a {statement.kind} is not signed by {who}")

    def add_root(self, statement):
        signed = any(self.verifies(statement, root) for root in self.roots)
        need(signed, "B-1: a new root is not signed by a root before it")
        self.roots.append(statement.body["root"])

    def add_key(self, statement):
        signed = any(self.verifies(statement, root) for root in self.roots)
        need(signed, "B-1: an office key is not signed by a root")
        self.keys[statement.body["number"]] = statement.body

    def office_signed(self, statement):
        """The office key that signs the statement."""
        key = self.keys.get(statement.body["signed_by"])
        need(key is not None, f"B-1: a {statement.kind} names an unknown office key")
        self.need_signed(statement, key["key"], "the office key it names")
        return key

    def certificate(self, statement):
        key, body = self.office_signed(statement), statement.body
        dated = key["not_before"] <= body["not_before"] <= key["not_after"]
        need(dated, "B-2: a certificate is not of the time of its office key")
        return body

    def checkpoint(self, statement):
        key, body = self.office_signed(statement), statement.body
        dated = key["not_before"] <= body["issued"] <= key["not_after"]
        need(dated, "B-2: a checkpoint is not of the time of its office key")
        return body

    def purse(self, certificate, checkpoint):
        """B-3, after B-1 and B-2: certificate and checkpoint of one wallet that belong together."""
        body, at = self.certificate(certificate), self.checkpoint(checkpoint)
        need(at["wallet"] == wallet_id(body["key"]), "B-3: a checkpoint is of another wallet")
        need(at["currency"] == body["currency"], "B-3: a checkpoint is in another currency")
        need(at["epoch"] == body["epoch"], "B-3: a checkpoint is of another epoch")
        need(at["issued"] >= body["not_before"], "B-3: a checkpoint is older than its certificate")
        need(at["expires"] <= body["not_after"], "B-3: a checkpoint outlives its certificate")
        return body, at


__all__ = ["Fault", "Trust", "need", "verifies"]
