"""The tables of sections 4, 5, 8 and 9, as types of the codec."""

from .codec import Bool, Bytes, Code, Enum, Fixed, List, Option, Signed, Struct, Text, U8, Varint

u8, u32, u64 = U8(), Varint(32), Varint(64)
hash32, key32, wallet, tx_id = (Fixed(32) for _ in range(4))
nonce, signature = Fixed(16), Fixed(64)
currency = Struct(code=Code(3), exponent=u8)

# Section 13.
PACKET_MAX = 9_216
OFFICE_MAX = 4_194_304

# Section 9: what the office states.
OfficeKey = Struct(number=u32, key=key32, mail_key=key32, not_before=u64, not_after=u64)
NewRoot = Struct(number=u32, root=key32, **{"from": u64})
Limits = Struct(
    per_payment=Option(u64),
    per_payee=Option(u64),
    per_checkpoint=Option(u64),
    payments=Option(u32),
    hops=u8,
)
Class = Enum(Person=None, Merchant=None)
Certificate = Struct(
    key=key32,
    mail_key=key32,
    name=Text(40),
    **{"class": Class},
    limits=Limits,
    currency=currency,
    claim_window=u32,
    not_before=u64,
    not_after=u64,
    epoch=u32,
    signed_by=u32,
)
Checkpoint = Struct(
    wallet=wallet,
    epoch=u32,
    number=u32,
    balance=u64,
    currency=currency,
    base_seq=u64,
    base_head=hash32,
    base_cum_out=u64,
    issued=u64,
    expires=u64,
    revocations=u32,
    signed_by=u32,
)
Enrol = Struct(key=key32, mail_key=key32, name=Text(40), **{"class": Class})
Outcome = Struct(
    tx=tx_id,
    entry=hash32,
    checkpoint=hash32,
    seq=u64,
    amount=u64,
    currency=currency,
    kind=Enum(Paid=None, Void=None, Disputed=hash32),
    signed_by=u32,
)
Pending = Struct(tx=tx_id, until=u64, signed_by=u32)
Revocations = Struct(number=u32, wallets=List(wallet, 4096), signed_by=u32)
RevocationDelta = Struct(number=u32, added=List(wallet, 64), signed_by=u32)

# Section 5: payments.
CommitRequest = Struct(
    payer=wallet,
    payee=wallet,
    buyer_nonce=nonce,
    seller_nonce=nonce,
    epoch=u32,
    number=u64,
    amount=u64,
    currency=currency,
    order_id=Text(32),
    order_hash=hash32,
    vote_ms=u32,
    redeem_by=u64,
    refund_of=Option(tx_id),
)
Agreed = Struct(
    checkpoint=hash32,
    seq=u64,
    prev=hash32,
    amount=u64,
    cum_out=u64,
    cum_back=u64,
    cum_in=u64,
    currency=currency,
    payee=wallet,
    tx=tx_id,
    request=hash32,
    redeem_by=u64,
    refund_of=Option(tx_id),
    hops=u8,
    attachments=List(hash32, 10),
)
LimitName = Enum(PerPayment=None, PerPayee=None, PerCheckpoint=None, Payments=None, Hops=None)
RefusedReason = Enum(
    Declined=None,
    InsufficientFunds=None,
    OverLimit=Struct(name=LimitName, limit=u64),
    OrderNotFree=None,
    Terms=None,
    Refund=Struct(left=u64),
)
Refused = Struct(tx=tx_id, payer=wallet, payee=wallet, request=hash32, reason=RefusedReason)
Commit = Struct(
    tx=tx_id, payer=wallet, payee=wallet, agreed=hash32, payee_checkpoint=Option(hash32)
)
AbortReason = Enum(
    Expired=None, Cancelled=None, Refused=None, Restarted=None, InvalidVote=None, OrderPaid=None
)
Abort = Struct(
    tx=tx_id,
    payer=wallet,
    payee=wallet,
    subject=Enum(Request=hash32, Agreed=hash32),
    reason=AbortReason,
)
Committed = Struct(tx=tx_id, payer=wallet, payee=wallet, agreed=hash32, commit=hash32)
Released = Struct(tx=tx_id, payer=wallet, payee=wallet, abort=hash32)
Status = Struct(tx=tx_id, asker=wallet, request=hash32, agreed=Option(hash32))
SellerProof = Struct(version=u8, wallet=wallet, earlier=hash32)
BuyerProof = Struct(version=u8, wallet=wallet, seller=wallet, earlier=hash32)
Resolve = Struct(tx=tx_id, payer=wallet, agreed=hash32, nonce=nonce)

# Section 3.4, with the bodies that only this project's office signs.
STATEMENTS = {
    "office-key": OfficeKey,
    "new-root": NewRoot,
    "certificate": Certificate,
    "checkpoint": Checkpoint,
    "outcome": Outcome,
    "pending": Pending,
    "revocations": Revocations,
    "revocation-delta": RevocationDelta,
    "enrol": Enrol,
    "resolve": Resolve,
    "hello-2": SellerProof,
    "hello-3": BuyerProof,
    "commit-request": CommitRequest,
    "commit": Commit,
    "abort": Abort,
    "agreed": Agreed,
    "refused": Refused,
    "committed": Committed,
    "released": Released,
    "status": Status,
}


def signed(kind):
    return Signed(kind, STATEMENTS[kind])


# Section 5.11. A receipt holds attachments, and one of those can be a receipt.
Release = Struct(
    agreed=signed("agreed"),
    ground=Enum(
        Aborted=Struct(abort=signed("abort"), seller=signed("certificate")),
        Voided=signed("outcome"),
    ),
)
Attachment = Enum(nested="Receipt", Receipt=None, Release=Release)
Claim = Struct(
    payer=signed("certificate"),
    checkpoint=signed("checkpoint"),
    agreed=signed("agreed"),
    attachments=List(Attachment, 10),
    commit=signed("commit"),
    committed=Option(signed("committed")),
)
Attachment.inner[0] = Claim

# Section 9.2.
STATEMENTS["sync"] = Sync = Struct(
    wallet=wallet,
    checkpoint=hash32,
    seq=u64,
    head=hash32,
    cum_out=u64,
    entries=List(
        Struct(
            agreed=signed("agreed"),
            state=Enum(
                InDoubt=None,
                Committed=signed("commit"),
                Aborted=signed("abort"),
                Voided=signed("outcome"),
            ),
        ),
        1024,
    ),
    aborts=List(signed("abort"), 1024),
    transfer=Enum(**{"None": None}, Charge=u64, Withdraw=u64),
)

# Sections 5.12 and 8.1.
ForkProof = Struct(
    office_keys=List(signed("office-key"), 16),
    payer=signed("certificate"),
    first=signed("agreed"),
    second=Enum(Entry=signed("agreed"), Close=signed("sync")),
)
Head = Struct(
    payer=signed("certificate"), checkpoint=signed("checkpoint"), agreed=signed("agreed")
)
NewsItem = Enum(
    Root=signed("new-root"),
    Key=signed("office-key"),
    Delta=signed("revocation-delta"),
    Fork=ForkProof,
    Head=Head,
)

Message = Enum(
    CommitRequest=Struct(request=signed("commit-request"), order=Text(256)),
    Attachment=Attachment,
    Agreed=signed("agreed"),
    Refused=signed("refused"),
    Commit=signed("commit"),
    Abort=signed("abort"),
    Committed=signed("committed"),
    Released=signed("released"),
    Status=Struct(
        status=signed("status"),
        request=signed("commit-request"),
        agreed=Option(signed("agreed")),
    ),
    Unknown=tx_id,
    News=Struct(revocations=u32, items=List(NewsItem, 64)),
)

# Section 4.
Lookup = Struct(version=u8, tag=Fixed(8))
Packet = Enum(
    Hello1=Struct(
        versions=Bytes(4),
        lookup=hash32,
        session_key=key32,
        nonce=nonce,
        want_office_key=Bool(),
    ),
    Hello2=Struct(version=u8, session_key=key32, enc=key32, sealed=Bytes(PACKET_MAX)),
    Hello3=Struct(enc=key32, sealed=Bytes(PACKET_MAX)),
    Sealed=Struct(number=u32, ack=u32, ciphertext=Bytes(PACKET_MAX)),
    Reject=Enum(Version=None, Handshake=None, Certificate=None, Busy=None, Ended=None),
)
SellerIntroduction = Struct(
    certificate=signed("certificate"), office_key=Option(signed("office-key")), proof=signature
)
BuyerIntroduction = Struct(
    certificate=signed("certificate"),
    office_key=Option(signed("office-key")),
    checkpoint=signed("checkpoint"),
    proof=signature,
)

# Sections 9.3 to 9.6.
EnrolAnswer = Struct(
    new_roots=List(signed("new-root"), 16),
    office_key=signed("office-key"),
    certificate=signed("certificate"),
    checkpoint=signed("checkpoint"),
)
SyncAnswer = Struct(
    sync=hash32,
    office_keys=List(signed("office-key"), 16),
    certificate=signed("certificate"),
    checkpoint=signed("checkpoint"),
    transfer=Enum(Done=None, Refused=Text(200)),
    revocations=signed("revocations"),
    deltas=List(signed("revocation-delta"), 64),
    new_roots=List(signed("new-root"), 16),
    outcomes=List(signed("outcome"), 4096),
)
ClaimBundle = Struct(claims=List(Claim, 64))
Verdict = Enum(Outcome=signed("outcome"), Pending=signed("pending"), Refused=Text(200))
ClaimAnswer = Struct(verdicts=List(Verdict, 64))
ResolveRequest = Struct(
    resolve=signed("resolve"),
    request=signed("commit-request"),
    agreed=signed("agreed"),
    abort=Option(signed("abort")),
)
OfficeInfo = Struct(
    root=key32,
    new_roots=List(signed("new-root"), 16),
    office_key=signed("office-key"),
    currency=currency,
    name=Text(40),
)
# Section 9.12.
Parcel = Struct(office=hash32, number=u32, enc=key32, sealed=Bytes(65_536))
Reply = Struct(parcel=hash32, enc=key32, sealed=Bytes(65_536))
OfficeRequest = Enum(
    Enrol=signed("enrol"),
    Sync=signed("sync"),
    Claim=ClaimBundle,
    Resolve=ResolveRequest,
    Relay=Parcel,
)
OfficeAnswer = Enum(
    Enrol=EnrolAnswer,
    Sync=SyncAnswer,
    Claim=ClaimAnswer,
    Resolve=Verdict,
    Refused=Text(200),
    Relay=Reply,
)
Letter = Struct(reply_to=key32, request=OfficeRequest, padding=Bytes(2_048))
STATEMENTS["answered"] = Struct(parcel=hash32, answer=OfficeAnswer, signed_by=u32)
ReceiptFile = Struct(
    office_keys=List(signed("office-key"), 16), payee=signed("certificate"), claim=Claim
)
# Section 8.3.
CaseFile = Struct(
    new_roots=List(signed("new-root"), 16),
    office_keys=List(signed("office-key"), 16),
    certificates=List(signed("certificate"), 16),
    exhibits=List(
        Enum(
            CommitRequest=signed("commit-request"),
            Agreed=signed("agreed"),
            Commit=signed("commit"),
            Abort=signed("abort"),
            Committed=signed("committed"),
            Refused=signed("refused"),
            Released=signed("released"),
            Status=signed("status"),
            Resolve=signed("resolve"),
            Sync=signed("sync"),
            Outcome=signed("outcome"),
            Pending=signed("pending"),
            Attachment=Attachment,
        ),
        64,
    ),
)

# What crosses a boundary by itself: the type, and the bound of its whole input.
WHOLE = {
    "Lookup": (Lookup, 1_024),
    "Packet": (Packet, PACKET_MAX),
    "Message": (Message, PACKET_MAX),
    "SellerIntroduction": (SellerIntroduction, PACKET_MAX),
    "BuyerIntroduction": (BuyerIntroduction, PACKET_MAX),
    "OfficeInfo": (OfficeInfo, OFFICE_MAX),
    "OfficeRequest": (OfficeRequest, OFFICE_MAX),
    "OfficeAnswer": (OfficeAnswer, OFFICE_MAX),
    "ClaimBundle": (ClaimBundle, OFFICE_MAX),
    "ReceiptFile": (ReceiptFile, OFFICE_MAX),
    "ForkProof": (ForkProof, OFFICE_MAX),
    "CaseFile": (CaseFile, OFFICE_MAX),
}

# Section 9.7.
LimitSet = Struct(
    number=u32,
    limits=Limits,
    purse_max=u64,
    credit_line=u64,
    charge_per_period=Option(u64),
    charge_period=u64,
    charge_total=Option(u64),
)
# Section 9.9.
OperatorCommand = Struct(
    nonce=nonce,
    at=u64,
    command=Enum(
        Deposit=Struct(wallet=wallet, amount=u64),
        Redeem=Struct(wallet=wallet, amount=u64),
        Revoke=Struct(wallet=wallet),
        # 3 to 8, 14 and 15 only ask; evidence holds none of them.
        Settle=None,
        Audit=None,
        Wallets=None,
        Wallet=None,
        Export=None,
        Debts=None,
        ReportLost=Struct(wallet=wallet),
        Refund=Struct(**{"from": wallet, "to": wallet}),
        Bond=Struct(wallet=wallet, amount=u64),
        ReleaseBond=Struct(wallet=wallet, amount=u64),
        SetLimits=LimitSet,
        Limits=None,
        Exposure=None,
    ),
)
STATEMENTS["operator-command"] = OperatorCommand
Dated = Struct(checkpoint=hash32, at=u64)
Evidence = Enum(
    OfficeKey=signed("office-key"),
    Enrolled=Struct(
        enrol=signed("enrol"), certificate=signed("certificate"), checkpoint=signed("checkpoint")
    ),
    Operator=signed("operator-command"),
    Synced=signed("sync"),
    Issued=Struct(
        certificate=signed("certificate"), checkpoint=signed("checkpoint"), transferred=Bool()
    ),
    Claimed=Claim,
    Resolved=ResolveRequest,
    Lapsed=Dated,
    GivenBack=Dated,
    Decided=signed("outcome"),
    NewRoot=signed("new-root"),
)
