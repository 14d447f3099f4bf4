"""Amounts, section 6.1."""

from .trust import Fault, need

# ISO 4217: the codes by the number of their decimals. Codes without a minor unit are not here.
DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD "
    "FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD "
    "KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN "
    "NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL "
    "SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST "
    "XCD YER ZAR ZMW ZWL",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
EXPONENT = {code: number for number, codes in DECIMALS.items() for code in codes.split()}
AMOUNT_MAX = 2**64 - 1


def exponent(code):
    need(code in EXPONENT, f"M-7: {code!r} is not a currency")
    return EXPONENT[code]


def parse(text, code):
    """The minor units that a person wrote."""
    decimals = exponent(code)
    whole, point, part = text.partition(".")
    digits = whole + part
    need(bool(whole) and bool(part) == bool(point), "M-7: not digits around one point")
    need(digits.isascii() and digits.isdigit(), "M-7: not digits")
    need(len(part) <= decimals, "M-7: too many decimals")
    minor = int(digits) * 10 ** (decimals - len(part))
    need(1 <= minor <= AMOUNT_MAX, "M-7: zero, or more than 64 bits")
    return minor


def show(minor, code):
    decimals = exponent(code)
    digits = str(minor).rjust(decimals + 1, "0")
    if decimals:
        digits = f"{digits[:-decimals]}.{digits[-decimals:]}"
    return f"{digits} {code}"


__all__ = ["Fault", "exponent", "parse", "show"]
