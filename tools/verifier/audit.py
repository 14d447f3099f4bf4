"""The audit of an evidence file, section 9.9: each row, and the books against what it adds up to."""

import json

from . import types
from .books import CASH, Books
from .codec import Refused, decode
from .crypto import hash_of, office_id
from .fork import check_proof
from .trust import Fault, need

LISTED_MAX = 100


class Report:
    """What was found, and the sums of the books as the evidence gives them."""

    def __init__(self):
        self.rows, self.accounts, self.proofs, self.guilty = 0, 0, 0, set()
        self.findings, self.cash, self.owed = [], 0, 0

    def find(self, line):
        if len(self.findings) < LISTED_MAX:
            self.findings.append(line)

    def figures(self):
        return {
            "rows": self.rows,
            "accounts": self.accounts,
            "proofs": self.proofs,
            "guilty": sorted(wallet.hex() for wallet in self.guilty),
            "cash": self.cash,
            "owed": self.owed,
            "findings": self.findings,
        }

    def __str__(self):
        words = "books balance" if not self.findings else f"{len(self.findings)} findings"
        return (
            f"{self.rows} rows, {self.accounts} accounts, {self.proofs} proofs, "
            f"cash {self.cash}, owed {self.owed}: {words}"
        )


class Audit:
    def __init__(self, head):
        need(head.get("evidence") == "1", "9.9: not an evidence file of format 1")
        self.root = bytes.fromhex(head["root"])
        need(office_id(self.root).hex() == head["office"], "9.9: the root is another office's")
        operator = bytes.fromhex(head["operator"])
        limits = decode(types.LimitSet, bytes.fromhex(head["limits"]), types.OFFICE_MAX)
        self.books = Books(self.root, operator, limits, int(head["grace"]))
        self.chain, self.report, self.stated = bytes.fromhex(head["office"]), Report(), {}
        self.owed = {}
        self.ended = False

    def line(self, line):
        if self.ended:
            self.report.find("a line after the last")
        elif "row" in line:
            self._row(line)
        elif "account" in line:
            self._account(line["account"], int(line["balance"]))
        elif "debt" in line:
            self.owed[line["debt"]] = int(line["open"])
        elif "proof" in line:
            self._proof(bytes.fromhex(line["proof"]))
        else:
            self._end(int(line["rows"]), bytes.fromhex(line["chain"]))

    def _end(self, rows, chain):
        self.ended = True
        self._missing(rows + 1)
        if (rows, chain) != (self.report.rows, self.chain):
            self.report.find(f"the last line names {rows} rows and another chain")

    def _missing(self, before):
        for number in range(self.report.rows + 1, before):
            self.report.find(f"row {number} is missing")

    def _row(self, line):
        number, data = int(line["row"]), bytes.fromhex(line["bytes"])
        self._missing(number)
        if number <= self.report.rows:
            self.report.find(f"row {number} comes twice")
        self.report.rows, given = number, bytes.fromhex(line["chain"])
        if hash_of("evidence", self.chain, data) != given:
            self.report.find(f"row {number} is not the one that was chained here")
        # On from the chain as given, so that one edited row is one finding.
        self.chain = given
        try:
            kind, content = decode(types.Evidence, data, types.OFFICE_MAX)
            need(kind == line["kind"], f"9.9: it is called {line['kind']} and is {kind}")
            self.books.row(number, kind, content)
        except (Fault, Refused) as fault:
            self.report.find(f"row {number}: {fault}")

    def _account(self, name, balance):
        if name in self.stated:
            self.report.find(f"{name} comes twice")
        self.stated[name], self.report.accounts = balance, self.report.accounts + 1

    def _proof(self, data):
        self.report.proofs += 1
        try:
            self.report.guilty.add(check_proof(data, self.root, self.books.trust.roots[1:])[0])
        except (Fault, Refused) as fault:
            self.report.find(f"proof {self.report.proofs}: {fault}")

    def finish(self):
        if not self.ended:
            self.report.find("the file is cut off: it has no last line")
        for name in sorted(self.stated.keys() | self.books.balances.keys()):
            stated, found = self.stated.get(name, 0), self.books.held(name)
            if stated != found:
                self.report.find(f"{name} is stated as {stated}, the evidence says {found}")
        open_debts = {debt.name: debt.open for debt in self.books.debts.values() if debt.open}
        for name in sorted(self.owed.keys() | open_debts.keys()):
            stated, found = self.owed.get(name, 0), open_debts.get(name, 0)
            if stated != found:
                self.report.find(f"{name} is stated as {stated}, the evidence says {found}")
        self.report.cash = -self.stated.get(CASH, 0)
        self.report.owed = sum(it for name, it in self.stated.items() if name != CASH)
        if self.report.cash != self.report.owed:
            self.report.find(f"cash {self.report.cash} and what is owed {self.report.owed} differ")
        return self.report


def audit_file(lines):
    """Audits the lines of one file."""
    parsed = map(json.loads, lines)
    audit = None
    for number, line in enumerate(parsed, 1):
        try:
            if audit is None:
                audit = Audit(line)
            else:
                audit.line(line)
        except (Fault, KeyError, TypeError) as error:
            raise ValueError(f"line {number} is not of an evidence file: {error}") from None
    if audit is None:
        raise ValueError("the file is empty")
    return audit.finish()
