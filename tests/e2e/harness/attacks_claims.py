"""More of attacks: what is signed as it should be and says what it should not, and signatures by private keys."""

import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from harness.attacks import (BITS, CLAIM, DATE, DAY, DEPTH, ED_ORDER, GOOD, KEYS, NOW, OTHER, P256_ORDER, P384_ORDER, TWICE, Case, Encoding, PublicFormat,
                             b64, claims, head, hs, parts, raw_signature, sign, signature_of, text, utils, with_signature)


def raw_claims(extra):
    """Good claims and a piece of text that json would not write."""
    return text(GOOD)[:-1] + b"," + extra + b"}"


def json_attacks():
    for name, payload, pyjwt in [
            ("a list", b"[]", None), ("text", b'"42"', None), ("a number", b"42", None), ("null", b"null", None), ("nothing", b"", None),
            ("open", text(GOOD)[:-1], None), ("with more behind", text(GOOD) + b"x", None), ("two", text(GOOD) * 2, None),
            ("a comma", raw_claims(b""), None), ("a comment", text(GOOD) + b"//", None),
            ("a BOM", b"\xef\xbb\xbf" + text(GOOD), "json takes a mark of UTF-8"), ("UTF-16", json.dumps(GOOD).encode("utf-16"), "json takes UTF-16"),
            ("no UTF-8", raw_claims(b'"x":"\xc0\xaf"'), None), ("NUL", raw_claims(b'"x":"\\u0000"'), "it takes U+0000"),
            ("NaN", raw_claims(b'"x":NaN'), "json takes NaN"), ("Infinity", raw_claims(b'"x":Infinity'), "json takes Infinity"),
            ("a number with a zero before it", raw_claims(b'"x":01'), None), ("a number in hexadecimal", raw_claims(b'"x":0x10'), None),
            ("a plus", raw_claims(b'"x":+1'), None), ("half a surrogate", raw_claims(b'"x":"\\udc00"'), "it takes half a surrogate pair"),
            ("depth", raw_claims(b'"x":' + b"[" * 17 + b"]" * 17), DEPTH), ("great depth", raw_claims(b'"x":' + b"[" * 1000 + b"]" * 1000), None),
            ("id twice", raw_claims(b'"id":"1"'), TWICE), ("exp twice", raw_claims(b'"exp":9999999999'), TWICE),
            ("aud twice", raw_claims(b'"aud":"yett"'), TWICE), ("iss twice by escape", raw_claims(b'"\\u0069ss":"https://issuer.example"'), TWICE),
            ("a name twice within", raw_claims(b'"x":{"y":1,"y":1}'), TWICE)]:
        yield Case(f"claims are {name}", hs(payload=payload), "token_malformed", pyjwt)


def date_attacks():
    late, soon = "token_expired", "token_not_yet_valid"
    for name, exp, why, pyjwt in [
            ("past", NOW - 60, late, None), ("0", 0, late, None), ("past, with a fraction", NOW - 60.5, late, None), ("0.5", 0.5, late, None),
            ("-1", -1, "token_claim", None), ("text", str(NOW + DAY), "token_claim", DATE), ("text past", str(NOW - 60), "token_claim", None),
            ("text with a space", f" {NOW + DAY}", "token_claim", DATE), ("no number", "tomorrow", "token_claim", None), ("empty", "", "token_claim", None),
            ("null", None, "token_claim", None), ("true", True, "token_claim", None), ("a list", [NOW + DAY], "token_claim", None),
            ("an object", {"x": 1}, "token_claim", None), ("1e99", 1e99, "token_claim", DATE), ("in milliseconds", NOW * 1000, "token_claim", DATE),
            ("2^63", 2**63, "token_claim", DATE), ("2^64", 2**64, "token_claim", DATE), ("10^400", 10**400, "token_malformed", DATE),
            ("a second after 9999", 253402300800, "token_claim", DATE)]:
        yield Case(f"exp {name}", hs(payload=claims(exp=exp)), why, pyjwt)
    yield Case("no exp", hs(payload=claims(exp=...)), "token_claim")
    yield Case("exp by another name", hs(payload=claims(exp=..., EXP=NOW + DAY, Exp=NOW + DAY)), "token_claim")
    yield Case("exp 1e999", hs(payload=text(claims()).replace(str(NOW + DAY).encode(), b"1e999")), "token_claim")
    for date in ("nbf", "iat"):
        for name, value, why, pyjwt in [
                ("future", NOW + DAY, soon, None), ("future, with a fraction", NOW + DAY + 0.5, soon, None), ("1e10", 1e10, soon, None),
                ("text", str(NOW - 60), "token_claim", DATE if date == "nbf" else None), ("no number", "x", "token_claim", None), ("-1", -1, "token_claim", DATE),
                ("null", None, "token_claim", None), ("true", True, "token_claim", DATE), ("a list", [1], "token_claim", None),
                ("an object", {}, "token_claim", None), ("1e99", 1e99, "token_claim", None), ("in milliseconds", NOW * 1000, "token_claim", None)]:
            yield Case(f"{date} {name}", hs(payload=claims(**{date: value})), why, pyjwt)


def party_attacks():
    for iss in ("https://issuer.example/", "https://Issuer.example", "https://issuer.example\n", " https://issuer.example", "", "issuer.example",
                "https://issuer.example.evil", None, ["https://issuer.example"], 1, True, {}):
        yield Case(f"iss {iss!r}", hs(payload=claims(iss=iss)), "token_issuer")
    yield Case("no iss", hs(payload=claims(iss=...)), "token_issuer")
    for aud in ("Yett", "yett ", "yet", "yettx", "", "yett,other", "*", None, [], ["x"], ["yett", 1], [["yett"]], {"yett": 1}, 1, True, [None]):
        yield Case(f"aud {aud!r}", hs(payload=claims(aud=aud)), "token_audience")
    yield Case("no aud", hs(payload=claims(aud=...)), "token_audience")
    for value in (42, None, True, [], ["4,2"], ["42", ""], [42], [["42"]], {"x": 1}, "", " 42", "42 ", "4\n2", "4\r\nX-Admin: 1", "\t", "\x7f", "x" * 4097):
        yield Case(f"id {str(value)[:20]!r}", hs(payload=claims(id=value)), "token_claim", CLAIM)
    yield Case("id in a list", hs(payload=claims(id=["42"])), None)
    yield Case("no id", hs(payload=claims(id=...)), "token_claim", CLAIM)
    yield Case("id by another name", hs(payload=claims(id=..., ID="42", Id="42")), "token_claim", CLAIM)


def public(key, encoding):
    return key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def confusion(alg):
    """RFC 8725 section 2.1: the public key as a secret, and keys of one kind for another."""
    pem = public(KEYS[alg], Encoding.PEM)
    lines = pem.split(b"\n")
    for name, secret in {"PEM": pem, "PEM without its end": pem.rstrip(), "PEM with CRLF": pem.replace(b"\n", b"\r\n"), "PEM with a NUL": pem + b"\0",
                         "DER": public(KEYS[alg], Encoding.DER), "base64": b"".join(lines[1:-2]), "lines": b"\n".join(lines[1:-2]),
                         "a newline": b"\n", "a zero": b"\0"}.items():
        for hmac in ("HS256", "HS512"):
            yield Case(f"{alg}: {hmac} by {name}", sign(head(hmac), claims(), hmac, secret), "token_algorithm")
    for other in ("RS256", "PS256", "ES256", "EdDSA", "RS512", "ES384"):
        if other != alg:
            yield Case(f"{alg}: {other} by its own key", sign(head(other), claims(), other), "token_algorithm")
            yield Case(f"{alg}: {other} said of it", sign(head(other), claims(), alg), "token_algorithm")
    yield Case(f"{alg}: none", b64(text(head("none"))) + "." + b64(text(claims())) + ".", "token_algorithm")
    yield Case(f"{alg}: by HS256", hs(), "token_algorithm")
    yield Case(f"{alg}: by another key", sign(head(alg), claims(), alg, OTHER[alg]), "token_signature")
    yield Case(f"{alg}: good", sign(head(alg), claims(), alg), None)
    yield Case(f"{alg}: expired", sign(head(alg), claims(exp=1), alg), "token_expired")


def signatures(alg, odd):
    token = sign(head(alg), claims(), alg)
    h, p, s = parts(token)
    raw = signature_of(token)
    size = len(raw)
    for name, other in {"empty": b"", "zeroes": bytes(size), "ones": b"\xff" * size, "cut": raw[:-1], "longer": raw + b"\0", "before it a zero": b"\0" + raw,
                        "turned round": raw[::-1], "first bit turned": bytes([raw[0] ^ 128]) + raw[1:], "last bit turned": raw[:-1] + bytes([raw[-1] ^ 1]),
                        "of other claims": signature_of(sign(head(alg), claims(id="1"), alg)), **odd(f"{h}.{p}".encode(), raw)}.items():
        yield Case(f"{alg}: signature {name}", with_signature(token, other), "token_signature")
    if size % 3:
        yield Case(f"{alg}: bits that nobody needs", token[:-1] + chr(ord(token[-1]) + 1), "token_malformed", BITS)


def odd_rsa(data, raw):
    n = KEYS["RS256"].public_key().public_numbers().n
    value = int.from_bytes(raw, "big")
    yield "negative", (n - value).to_bytes(256, "big")
    yield "and the modulus", (n + value).to_bytes(257, "big")
    if n + value < 1 << 2048:
        yield "and the modulus, in size", (n + value).to_bytes(256, "big")
    yield "1", (1).to_bytes(256, "big")
    yield "the modulus less 1", (n - 1).to_bytes(256, "big")
    for digest in (hashes.SHA1, hashes.SHA384):
        yield f"by {digest.name}", KEYS["RS256"].sign(data, padding.PKCS1v15(), digest())


def odd_rs(data, raw):
    return dict(odd_rsa(data, raw)) | {"by PSS": raw_signature("PS256", KEYS["RS256"], data), "by PSS, long": raw_signature("PS512", KEYS["RS256"], data)}


def pss(data, salt, digest, mgf):
    return KEYS["RS256"].sign(data, padding.PSS(padding.MGF1(mgf()), salt), digest())


def odd_ps384(data, raw):
    return dict(odd_rsa(data, raw)) | {
        "by PKCS1": raw_signature("RS384", KEYS["RS256"], data), "by PS256": raw_signature("PS256", KEYS["RS256"], data),
        "with short salt": pss(data, 32, hashes.SHA384, hashes.SHA384), "with another mask": pss(data, 48, hashes.SHA384, hashes.SHA256)}


def odd_ps(data, raw):
    return dict(odd_rsa(data, raw)) | {
        "by PKCS1": raw_signature("RS256", KEYS["RS256"], data), "without salt": pss(data, 0, hashes.SHA256, hashes.SHA256),
        "with much salt": pss(data, 222, hashes.SHA256, hashes.SHA256),
        "with another mask": pss(data, 32, hashes.SHA256, hashes.SHA1)}


def odd_es(data, raw):
    return odd_ecdsa(raw, 32, P256_ORDER) | {"of the other curve": raw_signature("ES384", KEYS["ES384"], data)}


def odd_es384(data, raw):
    return odd_ecdsa(raw, 48, P384_ORDER) | {"of the other curve": raw_signature("ES256", KEYS["ES256"], data)}


def odd_ecdsa(raw, size, order):
    r, s = int.from_bytes(raw[:size], "big"), int.from_bytes(raw[size:], "big")
    both = {"r 0": (0, s), "s 0": (r, 0), "r and s in the other order": (s, r), "r the order": (order, s), "s the order": (r, order),
            "both the order": (order, order), "1 and 1": (1, 1), "0 and 1": (0, 1), "1 and 0": (1, 0), "r negative": (order - r, s)}
    odd = {name: x.to_bytes(size, "big") + y.to_bytes(size, "big") for name, (x, y) in both.items()}
    return odd | {"in DER": utils.encode_dss_signature(r, s), "in more bytes": bytes(8) + raw[:size] + bytes(8) + raw[size:], "r alone": raw[:size]}


def odd_ed(data, raw):
    s = int.from_bytes(raw[32:], "little")
    identity = bytes([1]) + bytes(31)
    return {"s and the order": raw[:32] + (s + ED_ORDER).to_bytes(32, "little"), "s negative": raw[:32] + (ED_ORDER - s).to_bytes(32, "little"),
            "of no point": identity + bytes(32), "of no point, s 1": identity + identity, "both halves in the other order": raw[32:] + raw[:32]}


def other_s():
    """(r, n - s) is as good as (r, s): nobody may take a signature for the name of a token."""
    token = sign(head("ES256"), claims(), "ES256")
    raw = signature_of(token)
    s = int.from_bytes(raw[32:], "big")
    yield Case("ES256: the other s", with_signature(token, raw[:32] + (P256_ORDER - s).to_bytes(32, "big")), None)


def authorised(**more):
    return hs(payload=claims(**{"scope": "read orders:write", "realm_access": {"roles": ["clerk"]}} | more))


def scope_attacks():
    """What asks for the scope orders:write and the role clerk; PyJWT has no word on them."""
    lacks, who = "scope_insufficient", "not_authorised"
    yield Case("may: as it should be", authorised(), None)
    for name, scope in {"in a list": ["read", "orders:write"], "with spaces": "  orders:write  "}.items():
        yield Case(f"may: scope {name}", authorised(scope=scope), None)
    for name, more in {"as scp": {"scope": ..., "scp": "orders:write"}, "as scp beside": {"scope": "read", "scp": ["orders:write"]},
                       "roles at the top": {"realm_access": ..., "roles": ["clerk"]}, "roles by a name with a dot": {
                           "realm_access": ..., "realm_access.roles": "clerk"}}.items():
        yield Case(f"may: {name}", authorised(**more), None)
    for scope in (..., None, "", [], {}, True, 1, "Orders:write", "orders:writes", "orders", "orders:*", "*", "orders:write,read", "read\torders:write",
                  "orders:write\n", "\u043erders:write", "orders\u200b:write", "orders:write\u00a0", "\uff4frders:write", '"orders:write"',
                  {"orders:write": True}, [["orders:write"]], [{"value": "orders:write"}], "scope=orders:write"):
        yield Case(f"may not: scope {scope!r}", authorised(scope=scope), lacks)
    for name, more in {"Scope": "orders:write", "SCOPE": "orders:write", "scopes": ["orders:write"], "permissions": ["orders:write"], "scope ": "orders:write",
                       "scp.x": "orders:write", "claims": {"scope": "orders:write"}}.items():
        yield Case(f"may not: as {name!r}", authorised(**{"scope": ..., name: more}), lacks)
    for name, more in {"none": ..., "in a text": "clerk", "in a list": ["clerk"], "in an object": {"roles": {"clerk": 1}}, "in a list in a list": {
            "roles": [["clerk"]]}, "with a space": {"roles": "clerk x"}, "in another case": {"roles": ["Clerk"]}, "of another name": {"role": ["clerk"]},
            "of a name in another case": {"Roles": ["clerk"]}, "a list of objects": [{"roles": "clerk"}]}.items():
        yield Case(f"may not: realm_access {name}", authorised(realm_access=more), who)
    yield Case("may not: both by names with a dot", authorised(**{"scope": ..., "realm_access": {"roles": []}, "realm_access.scope": "orders:write"}), lacks)
    for name, raw in {"scope twice": b'"scope":"orders:write","scope":"read"', "scope twice, by escape": b'"scope":"read","\\u0073cope":"orders:write"',
                      "roles twice": b'"scope":"orders:write","realm_access":{"roles":[],"roles":["clerk"]}',
                      "realm_access twice": b'"scope":"orders:write","realm_access":{},"realm_access":{"roles":["clerk"]}',
                      "a NUL": b'"scope":"orders:write\\u0000x"'}.items():
        yield Case(f"may not: {name}", hs(payload=raw_claims(raw)), "token_malformed")
