"""Section 9.4: who owes what once stronger evidence comes after an OUTCOME."""

from .crypto import hash_of
from .fork import fork_of_close, fork_of_entries


def account(wallet):
    return f"account/{wallet.hex()}"


def bond(wallet):
    return f"bond/{wallet.hex()}"


class Debt:
    """What one wallet owes another because of one payment."""

    def __init__(self, key, creditor, payment, amount):
        self.debtor, self.number = key[0], key[1]
        self.creditor, self.payment, self.open = creditor, payment, amount

    @property
    def name(self):
        payment = self.payment
        parties = f"{payment.tx.hex()}/{payment.payer.hex()}/{payment.payee.hex()}"
        return f"debt/{self.debtor.hex()}/{self.number}/{parties}"


class Debts:
    """The part of the books about debts: `debts`, by debtor, row and payment, the oldest first."""

    # Who is guilty.

    def convict(self, wallet, one, other):
        if fork_of_entries(self.trust, one, other):
            hashes = sorted((it.body["seq"], self.trust.hash(it)) for it in (one, other))
            self.forks[hash_of("fork-proof", hashes[0][1], hashes[1][1])] = wallet

    def convict_by_close(self, wallet, agreed, sync):
        if fork_of_close(self.trust, agreed, sync):
            proof = hash_of("fork-proof", self.trust.hash(agreed), self.trust.hash(sync))
            self.forks[proof] = wallet

    # What is right.

    def reconsider(self, payment):
        if payment.outcome is None:
            return
        guilty = None
        if not isinstance(payment.outcome, str):
            guilty = self.forks.get(payment.outcome[1])
            if guilty is None:
                return
        due = payment.committed if payment.outcome == "Void" else payment.claimed
        if due:
            broke_word = payment.committed and payment.asked_back
            debtor, creditor = guilty or (payment.payer if broke_word else None), payment.payee
        else:
            debtor, creditor = payment.payee, guilty or payment.payer
        if due and guilty is not None:
            self._pay_suspended(payment)
        before = payment.debt
        if before is not None:
            if (before.debtor, before.creditor) == (debtor, creditor):
                return
            before.open, payment.debt = 0, None
        amount = payment.amount - payment.received if due else payment.received
        if debtor is not None and debtor != creditor and amount > 0:
            key = (debtor, self.number, payment.tx, payment.payer, payment.payee)
            self.debts[key] = payment.debt = Debt(key, creditor, payment, amount)

    def _pay_suspended(self, payment):
        held = max(self.held(payment.suspense), 0)
        amount = min(held, payment.amount - payment.received)
        self.move(payment.suspense, account(payment.payee), amount)
        payment.received += amount

    # What is collected.

    def _take(self, debt, source):
        amount = min(max(self.held(source), 0), debt.open)
        if amount == 0:
            return 0
        self.move(source, account(debt.creditor), amount)
        debt.open -= amount
        to_payee = debt.creditor == debt.payment.payee
        debt.payment.received += amount if to_payee else -amount
        return amount

    def collect(self):
        taken = 1
        while taken:
            taken = 0
            for _, debt in sorted(self.debts.items(), key=lambda it: it[0]):
                for source in (bond(debt.debtor), account(debt.debtor)):
                    taken += self._take(debt, source)

    def collect_from_purse(self, wallet, source):
        for key in sorted(self.debts):
            if key[0] == wallet:
                self._take(self.debts[key], source)
