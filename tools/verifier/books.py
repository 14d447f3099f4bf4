"""Section 9.9: the books of an office, from its rows of evidence alone."""

from . import entry
from .crypto import wallet_id
from .debts import Debts, account, bond
from .fork import fork_of_close, fork_of_entries
from .trust import Trust, need

CASH = "cash"
# How far the date of an operator's order may be off the office's clock.
COMMAND_SECONDS = 300


def purse(wallet, number):
    return f"purse/{wallet.hex()}/{number}"


class Owner:
    """A wallet that enrolled."""

    def __init__(self, certificate, checkpoint, name):
        self.certificate, self.checkpoint, self.name = certificate, checkpoint, name
        self.sync, self.forked, self.lost, self.liable_until = None, False, False, 0
        # When its period of charges began, the sum in it, and the sum in all.
        self.charged = (0, 0, 0)

    def charge(self, amount, limits, now):
        since, before, total = self.charged
        if now >= since + limits["charge_period"]:
            since, before = now, 0
        self.charged = (since, before + amount, total + amount)
        for most, reached in zip((limits["charge_per_period"], limits["charge_total"]), self.charged[1:]):
            need(most is None or reached <= most, "O-35: charged beyond a limit")

    @property
    def key(self):
        return self.certificate.body["key"]

    @property
    def number(self):
        return self.checkpoint.body["number"]


class Purse:
    """A checkpoint that was issued, with the certificate it belongs to."""

    def __init__(self, certificate, checkpoint):
        self.body, self.certificate = checkpoint.body, certificate.body
        self.redeem_by = self.body["expires"] + self.certificate["claim_window"]
        self.sync, self.lapsed, self.entries = None, False, []

    @property
    def pays(self):
        return self.sync is not None or self.lapsed


class Payment:
    """What is known of a payment: its first entry, and what was said about it."""

    def __init__(self, key, agreed, name):
        self.tx, self.payer, self.payee = key
        self.agreed, self.entry, self.amount = agreed, name, agreed.body["amount"]
        self.commit, self.committed, self.aborted = None, False, False
        self.outcome, self.left_out = None, False
        # Whether the payer asked for the money or said that it came back; what the payee has.
        self.asked_back, self.received, self.debt = False, 0, None

    @property
    def released(self):
        return self.aborted and not self.committed

    @property
    def claimed(self):
        return self.commit is not None and not self.released

    @property
    def is_void(self):
        return self.outcome == "Void"

    @property
    def suspense(self):
        return f"suspense/{self.tx.hex()}/{self.payer.hex()}/{self.payee.hex()}"


class Books(Debts):
    """Balances in minor units, and all that later rows refer to."""

    def __init__(self, root, operator, limits, grace):
        self.trust, self.operator = Trust(root), operator
        self.limits, self.grace = limits, grace
        self.balances, self.owners, self.purses = {}, {}, {}
        self.payments, self.by_entry, self.order, self.aborts = {}, {}, {}, {}
        self.forks, self.debts, self.number = {}, {}, 0

    # Balances.

    def held(self, name):
        return self.balances.get(name, 0)

    def move(self, source, target, amount):
        self.balances[source] = self.held(source) - amount
        self.balances[target] = self.held(target) + amount

    def coming(self, wallet):
        owner = self.owners.get(wallet)
        return purse(wallet, owner.number + 1 if owner else 1)

    def owner(self, wallet):
        need(wallet in self.owners, "9.9: a wallet that never enrolled")
        return self.owners[wallet]

    def purse(self, name):
        need(name in self.purses, "9.9: a checkpoint that was never issued")
        return self.purses[name]

    def set_aside(self, payer):
        for payment in self.order.get(payer, ()):
            at = self.purses[payment.agreed.body["checkpoint"]]
            due = at.sync is not None or (at.lapsed and payment.claimed)
            if payment.outcome or payment.left_out or payment.released or not due:
                continue
            for source in (purse(payer, at.body["number"]), self.coming(payer)):
                lacking = payment.amount - self.held(payment.suspense)
                self.move(source, payment.suspense, min(lacking, max(self.held(source), 0)))

    # Rows.

    def row(self, number, kind, content):
        self.number = number
        try:
            getattr(self, "_" + kind.lower())(content)
        finally:
            self.collect()

    def _officekey(self, key):
        self.trust.add_key(key)

    def _newroot(self, root):
        self.trust.add_root(root)

    def _enrolled(self, row):
        enrol, certificate, checkpoint = row["enrol"], row["certificate"], row["checkpoint"]
        self.trust.need_signed(enrol, enrol.body["key"], "its own key")
        body, at = self.trust.purse(certificate, checkpoint)
        same = all(body[name] == enrol.body[name] for name in ("key", "mail_key", "name", "class"))
        need(same, "O-1: a certificate says something else than its ENROL")
        need(body["limits"] == self.limits["limits"], "O-22: a certificate with other limits")
        wallet = wallet_id(body["key"])
        before = self.owners.get(wallet)
        need(at["number"] == (before.number + 1 if before else 1), "9.9: a number out of turn")
        base = (at["base_seq"], at["base_head"], at["base_cum_out"])
        need((at["balance"], base) == (0, (0, bytes(32), 0)), "9.1: a first purse is not empty")
        if before:
            waiting = self.coming(wallet)
            self.move(waiting, purse(wallet, at["number"] + 1), self.held(waiting))
        name = self.trust.hash(checkpoint)
        self.purses[name] = Purse(certificate, checkpoint)
        self.owners[wallet] = Owner(certificate, checkpoint, name)
        ends = self.purses[name].redeem_by
        self.owners[wallet].liable_until = max(ends, before.liable_until if before else 0)
        if before:
            self.owners[wallet].charged = before.charged

    def _operator(self, order):
        self.trust.need_signed(order, self.operator, "the operator")
        need(not isinstance(order.body["command"], str), "9.9: an order that only asks")
        kind, content = order.body["command"]
        if kind == "SetLimits":
            need(content["number"] == self.limits["number"] + 1, "O-34: a number out of turn")
            self.limits = content
            return
        if kind == "Refund":
            self._refunded(content["from"], content["to"], order.body["at"])
            return
        wallet = content["wallet"]
        owner = self.owner(wallet)
        if kind == "Deposit":
            self.move(CASH, account(wallet), content["amount"])
        elif kind == "Redeem":
            self.move(account(wallet), CASH, content["amount"])
        elif kind == "ReportLost":
            owner.lost = True
        elif kind == "Bond":
            self.move(account(wallet), bond(wallet), content["amount"])
        elif kind == "ReleaseBond":
            self._need_free(wallet, order.body["at"])
            self.move(bond(wallet), account(wallet), content["amount"])

    def _need_free(self, wallet, at):
        """O-32: nothing that the wallet signed can be claimed in time. An order's date may be off."""
        over = at + COMMAND_SECONDS >= self.owner(wallet).liable_until + self.grace
        owes = any(debt.open for key, debt in self.debts.items() if key[0] == wallet)
        need(over and not owes, "O-32: what secures payments was given back too early")

    def _refunded(self, lost, heir, at):
        owner = self.owner(lost)
        need(owner.lost, "O-32: a refund of a wallet that nobody reported lost")
        self.owner(heir)
        for source in (purse(lost, owner.number), self.coming(lost), bond(lost)):
            self.move(source, account(lost), max(self.held(source), 0))
        self.collect()
        self._need_free(lost, at)
        self.move(account(lost), account(heir), max(self.held(account(lost)), 0))

    def _synced(self, sync):
        body = sync.body
        owner, at = self.owner(body["wallet"]), self.purse(body["checkpoint"])
        self.trust.need_signed(sync, owner.key, "the wallet")
        open_now = owner.name == body["checkpoint"] and at.sync is None
        need(open_now, "O-4: the checkpoint is not the open one")
        self._chain(sync, at, owner)
        self._refunds_synced(sync.body)
        at.sync = owner.sync = sync
        for abort in body["aborts"]:
            self.trust.need_signed(abort, owner.key, "the wallet")
            self._waived(abort)
        for item in body["entries"]:
            self._stated(body["wallet"], item["agreed"], item["state"])
        named = {self.trust.hash(item["agreed"]) for item in body["entries"]}
        for payment in at.entries:
            if payment.entry not in named:
                owner.forked, payment.left_out = True, not payment.claimed
                for item in body["entries"]:
                    self.convict(payment.payer, payment.agreed, item["agreed"])
                self.convict_by_close(payment.payer, payment.agreed, sync)
        self.set_aside(body["wallet"])

    def _chain(self, sync, at, owner):
        """O-4: the entries are 1 to seq, chained, signed, and end in head."""
        body, head, out = sync.body, sync.body["checkpoint"], 0
        for number, item in enumerate(body["entries"], 1):
            agreed = item["agreed"]
            self.trust.need_signed(agreed, owner.key, "the wallet")
            out += agreed.body["amount"]
            given = tuple(agreed.body[name] for name in ("checkpoint", "seq", "prev", "cum_out"))
            need(given == (body["checkpoint"], number, head, out), f"O-4: entry {number}")
            head = self.trust.hash(agreed)
        end = (len(body["entries"]), head, out)
        need(end == (body["seq"], body["head"], body["cum_out"]), "O-4: the end of the chain")

    def _stated(self, payer, agreed, state):
        payment = self._learn(payer, agreed)
        if state == "InDoubt":
            return
        kind, statement = state
        if kind == "Voided":
            self.trust.office_signed(statement)
            self._asked_back(payment, agreed)
            return
        self.trust.need_signed(statement, self.owner(agreed.body["payee"]).key, "the payee")
        if kind == "Committed":
            about = (statement.body["agreed"], statement.body["payer"])
            need(about == (self.trust.hash(agreed), payer), "O-4: a COMMIT of another entry")
            self._commits(payment, statement, True)
        else:
            about = entry.aborts(statement.body, agreed, payer, self.trust)
            need(about, "O-4: an ABORT of another entry")
            self._waived(statement)
            self._asked_back(payment, agreed)

    def _learn(self, payer, agreed):
        """The payment of an entry; the first entry of a payment is the one that counts."""
        at = self.purse(agreed.body["checkpoint"])
        need(at.body["wallet"] == payer, "9.9: an entry under another wallet's checkpoint")
        key = (agreed.body["tx"], payer, agreed.body["payee"])
        if key not in self.payments:
            payment = Payment(key, agreed, self.trust.hash(agreed))
            self.payments[key] = self.by_entry[payment.entry] = payment
            self.order.setdefault(payer, []).append(payment)
            at.entries.append(payment)
            for abort in self.aborts.get(key, ()):
                payment.aborted |= entry.aborts(abort.body, payment.agreed, payer, self.trust)
        return self.payments[key]

    def _waived(self, abort):
        key = tuple(abort.body[name] for name in ("tx", "payer", "payee"))
        self.aborts.setdefault(key, []).append(abort)
        payment = self.payments.get(key)
        if payment:
            payment.aborted |= entry.aborts(abort.body, payment.agreed, key[1], self.trust)
            self.reconsider(payment)

    def _asked_back(self, payment, agreed):
        payment.asked_back |= payment.entry == self.trust.hash(agreed)
        self.reconsider(payment)

    def _commits(self, payment, commit, committed):
        if payment.entry == commit.body["agreed"]:
            payment.commit = payment.commit or commit
            payment.committed |= committed
        self.reconsider(payment)

    def _claimed(self, claim):
        agreed = claim["agreed"]
        payee = self.owner(agreed.body["payee"])
        payer = entry.check_claim(self.trust, claim, payee.key)
        at = self.purse(agreed.body["checkpoint"])
        name = self.trust.hash(agreed)
        self._refund_claimed(payer, agreed.body)
        if name not in self.by_entry:
            others = [payment.agreed for payment in at.entries]
            clash = any(fork_of_entries(self.trust, agreed, other) for other in others)
            late = at.sync is not None
            if clash or late and fork_of_close(self.trust, agreed, at.sync):
                self.owner(payer).forked = True
            for other in others:
                self.convict(payer, agreed, other)
            if late:
                self.convict_by_close(payer, agreed, at.sync)
            payment = self._learn(payer, agreed)
            payment.left_out |= late and payment.entry == name
        payment = self._learn(payer, agreed)
        self._commits(payment, claim["commit"], claim["committed"] is not None)
        self.set_aside(payer)

    # Refunds: never above the payment that they name.

    def _given_back(self, first, counts):
        """What was given back of a payment and neither released nor voided."""
        tx, giver, taker = first
        return sum(
            refund.amount
            for refund in self.order.get(taker, ())
            if refund.agreed.body["refund_of"] == tx
            and refund.payee == giver
            and not refund.released
            and not refund.is_void
            and counts(refund)
        )

    def _refund_claimed(self, payer, body):
        """O-41, by what the payee of the refunds committed to."""
        key = (body["tx"], payer, body["payee"])
        known = self.payments.get(key)
        if body["refund_of"] is None or known and known.commit is not None:
            return
        at = (body["refund_of"], body["payee"], payer)
        first = self.payments.get(at)
        need(first is not None and first.commit is not None, "O-41: of a payment nobody claimed")
        before = self._given_back(at, lambda it: it.commit is not None and it.tx != body["tx"])
        need(before + body["amount"] <= first.amount, "O-41: refunds are more than the payment")

    def _refunds_synced(self, body):
        """O-42, by what the payer of the refunds signed."""
        sums = {}
        for item in body["entries"]:
            entry_body, state = item["agreed"].body, item["state"]
            if state == "InDoubt" or state[0] == "Committed":
                if entry_body["refund_of"] is not None:
                    at = (entry_body["refund_of"], entry_body["payee"], body["wallet"])
                    sums[at] = sums.get(at, 0) + entry_body["amount"]
        for at, total in sums.items():
            first = self.payments.get(at)
            need(first is not None, "O-42: a refund of a payment that is not known")
            if first.commit is not None:
                here = body["checkpoint"]
                total += self._given_back(at, lambda it: it.agreed.body["checkpoint"] != here)
                need(total <= first.amount, "O-42: refunds are more than the payment")

    def _resolved(self, asked):
        request, agreed, resolve = asked["request"], asked["agreed"], asked["resolve"]
        payer, payee = request.body["payer"], request.body["payee"]
        for statement in (agreed, resolve):
            self.trust.need_signed(statement, self.owner(payer).key, "the payer")
        self.trust.need_signed(request, self.owner(payee).key, "the payee")
        name = self.trust.hash(agreed)
        asks = (resolve.body["tx"], resolve.body["payer"], resolve.body["agreed"])
        need(asks == (agreed.body["tx"], payer, name), "9.4: a RESOLVE of another entry")
        about = (self.trust.hash(request), payee)
        need(about == (agreed.body["request"], agreed.body["payee"]), "9.4: another request")
        self._asked_back(self._learn(payer, agreed), agreed)
        if asked["abort"] is not None:
            self.trust.need_signed(asked["abort"], self.owner(payee).key, "the payee")
            need(entry.aborts(asked["abort"].body, agreed, payer, self.trust), "9.4: another ABORT")
            self._waived(asked["abort"])
        self.set_aside(payer)

    def _lapsed(self, row):
        at = self.purse(row["checkpoint"])
        need(row["at"] > at.redeem_by, "9.9: a checkpoint lapsed within its claim window")
        at.lapsed = True
        self.set_aside(at.body["wallet"])

    def _givenback(self, row):
        at = self.purse(row["checkpoint"])
        wallet = at.body["wallet"]
        over = row["at"] >= at.redeem_by + self.grace and at.lapsed
        owner = self.owner(wallet)
        newest = owner.name == row["checkpoint"]
        need(over and (not newest or owner.forked), "O-3: given back too early")
        old = purse(wallet, at.body["number"])
        target = account(wallet) if newest else self.coming(wallet)
        self.move(old, target, self.held(old))
        self.set_aside(wallet)

    def _decided(self, outcome):
        self.trust.office_signed(outcome)
        body = outcome.body
        payment = self.by_entry.get(body["entry"])
        need(payment is not None, "9.9: an OUTCOME of an unknown entry")
        need(payment.outcome is None, "O-14: a second OUTCOME")
        agreed = payment.agreed.body
        for name in ("tx", "checkpoint", "seq", "amount", "currency"):
            need(body[name] == agreed[name], f"9.4: an OUTCOME with another {name}")
        if body["kind"] == "Paid":
            self._paid(payment)
        elif body["kind"] == "Void":
            need(not payment.claimed, "O-15: a claimed payment is voided")
            self.move(payment.suspense, self.coming(payment.payer), self.held(payment.suspense))
        payment.outcome = body["kind"]
        payment.received = payment.amount if body["kind"] == "Paid" else 0
        self.reconsider(payment)
        self.set_aside(payment.payee)
        self.set_aside(payment.payer)

    def _paid(self, payment):
        need(payment.claimed, "O-10: paid without a claim")
        need(self.purse(payment.agreed.body["checkpoint"]).pays, "O-11: paid before the close")
        backed = self.held(payment.suspense) == payment.amount
        need(backed, "O-13: paid beyond what the payer's money covers")
        named = self.purses.get(payment.commit.body["payee_checkpoint"])
        target = account(payment.payee)
        if named is not None and named.body["wallet"] == payment.payee:
            need(named.pays, "O-12: paid before the payee's checkpoint closed")
            target = self.coming(payment.payee)
        self.move(payment.suspense, target, payment.amount)

    def _issued(self, row):
        body, at = self.trust.purse(row["certificate"], row["checkpoint"])
        wallet = at["wallet"]
        owner, new = self.owner(wallet), self.coming(wallet)
        need(purse(wallet, at["number"]) == new, "O-5: a number out of turn")
        sync = owner.sync
        need(sync is not None and sync.body["checkpoint"] == owner.name, "O-5: no SYNC before")
        base = (at["base_seq"], at["base_head"], at["base_cum_out"])
        end = (sync.body["seq"], sync.body["head"], sync.body["cum_out"])
        need(base == end, "O-5: other base fields than the SYNC's")
        need(body["key"] == owner.key, "9.2: a certificate of another key")
        old = purse(wallet, owner.number)
        self.move(old, new, self.held(old))
        self.collect_from_purse(wallet, new)
        need(body["limits"] == self.limits["limits"], "O-22: a certificate with other limits")
        most = 0 if owner.forked else self.limits["purse_max"]
        self.move(new, account(wallet), max(self.held(new) - most, 0))
        self.collect()
        if row["transferred"] and sync.body["transfer"] != "None":
            kind, amount = sync.body["transfer"]
            if kind == "Charge":
                owner.charge(amount, self.limits, at["issued"])
            ways = {"Charge": (account(wallet), new), "Withdraw": (new, account(wallet))}
            self.move(*ways[kind], amount)
        name, certificate = self.trust.hash(row["checkpoint"]), row["certificate"]
        self.purses[name] = Purse(certificate, row["checkpoint"])
        renewed = self.owners[wallet] = Owner(certificate, row["checkpoint"], name)
        renewed.forked, renewed.lost, renewed.charged = owner.forked, owner.lost, owner.charged
        renewed.liable_until = max(owner.liable_until, self.purses[name].redeem_by)
        found = self.held(new)
        need(at["balance"] == found, f"O-5: a checkpoint over {at['balance']}, it holds {found}")
