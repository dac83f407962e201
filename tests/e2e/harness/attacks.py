"""Tokens that somebody might try: those of RFC 8725 and of the libraries' known mistakes, and good ones that look odd. Each has
its verdict: None passes, else the gateway's reason. Where PyJWT, used as its documentation says, decides otherwise, `pyjwt` says
why. Made anew for each run; nothing but the keys is random."""

import collections
import hashlib
import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from harness.tokens import SECRET, b64

Case = collections.namedtuple("Case", "name token why pyjwt", defaults=[None])
NOW = int(time.time())  # when they are collected: what must be good is good for as long as the suite may take
DAY = 86400
ISSUER, AUDIENCE = "https://issuer.example", ["yett", "other"]
GOOD = {"id": "42", "iss": ISSUER, "aud": "yett", "exp": NOW + DAY}
ALGORITHMS = jwt.algorithms.get_default_algorithms()
KEYS = {"RS256": rsa.generate_private_key(65537, 2048), "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(), "HS256": SECRET.encode()}
KEYS |= {"PS256": KEYS["RS256"], "RS512": KEYS["RS256"], "PS384": KEYS["RS256"], "ES384": ec.generate_private_key(ec.SECP384R1())}
OTHER = {"RS256": rsa.generate_private_key(65537, 2048), "ES256": ec.generate_private_key(ec.SECP256R1()),
         "EdDSA": ed25519.Ed25519PrivateKey.generate(), "HS256": b"another secret of thirty-two bytes"}
OTHER |= {"PS256": OTHER["RS256"], "RS512": OTHER["RS256"], "PS384": OTHER["RS256"], "ES384": ec.generate_private_key(ec.SECP384R1())}
P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
P384_ORDER = int("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)
ED_ORDER = 2**252 + 27742317777372353535851937790883648493

PADDED = "it takes padding"
LENIENT = "it leaves out characters that are no base64url"
BITS = "it does not look at the bits that the last character does not need"
TWICE = "json takes the last of two members of one name"
TYP = "it does not look at typ"
CRIT = "version 2.6 does not know crit"
KID = "version 2.6 takes any kid"
DEPTH = "its depth has no bound but Python's"
CLAIM = "the claim becomes a header: that is the gateway's matter"
DATE = "it takes any number or text that int() takes"


def text(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def head(alg, **more):
    return {"alg": alg, "typ": "JWT"} | more


def claims(**more):
    """Of a good token, changed; what is ... is left out."""
    return {n: v for n, v in (GOOD | more).items() if v is not ...}


def raw_signature(alg, key, data):
    return ALGORITHMS[alg].sign(data, key)


def sign(header, payload, alg="HS256", key=None):
    data = b64(text(header)) + "." + b64(text(payload))
    return data + "." + b64(raw_signature(alg, key or KEYS[alg], data.encode()))


def hs(header=None, payload=None, key=None):
    return sign(head("HS256") if header is None else header, claims() if payload is None else payload, "HS256", key)


def parts(token):
    h, p, s = token.split(".")
    return h, p, s


def with_signature(token, signature):
    return token.rpartition(".")[0] + "." + b64(signature)


def signature_of(token):
    s = token.rpartition(".")[2]
    return jwt.utils.base64url_decode(s)


def good_ones():
    deep = {"x": 1}
    for _ in range(14):
        deep = {"d": deep}
    for name, header in {
            "plain": head("HS256"), "no typ": {"alg": "HS256"}, "typ jwt": head("HS256", typ="jwt"),
            "typ at+jwt": head("HS256", typ="at+jwt"), "typ AT+JWT": head("HS256", typ="AT+JWT"), "cty": head("HS256", cty="x"),
            "kid of nobody": head("HS256", kid="nobody"), "kid as path": head("HS256", kid="../../../dev/null"),
            "kid as query": head("HS256", kid="x' UNION SELECT 'secret"), "empty kid": head("HS256", kid=""),
            "b64 without crit": head("HS256", b64=True), "unknown members": head("HS256", x=[1, {"y": None}]),
            "a key of its own": head("HS256", jwk={"kty": "oct", "k": "eA"}), "jku": head("HS256", jku="http://127.0.0.1:1/x"),
            "x5u": head("HS256", x5u="file:///etc/passwd"), "x5c": head("HS256", x5c=["MIIB"]),
            "spaces": b' {\t"alg" :\n"HS256"\r\n} ', "escapes": b'{"\\u0061lg":"\\u0048S256"}'}.items():
        yield Case(f"good: header {name}", hs(header), None)
    for name, payload in {
            "aud in a list": claims(aud=["x", "yett"]), "the other aud": claims(aud="other"), "exp with a fraction": claims(exp=NOW + DAY + 0.5),
            "exp in exponents": text(claims()).replace(str(NOW + DAY).encode(), b"4.1e9"), "nbf past": claims(nbf=NOW - 60),
            "nbf 0": claims(nbf=0), "iat past": claims(iat=NOW - 60), "iat with a fraction": claims(iat=NOW - 60.25),
            "the last second of 9999": claims(exp=253402300799), "deep": claims(realm=deep), "names alike": claims(ID="43", Exp=1),
            "names twice in other objects": claims(a={"x": 1}, b={"x": 1}), "text of all kinds": claims(name="\u00e9\u4e2d\U0001f600\\\"/\n"),
            "numbers of all kinds": claims(n=[0, -1, 1.5, 1e300, 10**40]), "large": claims(x="x" * 5000)}.items():
        yield Case(f"good: {name}", hs(payload=payload), None)
    yield Case("good: id in UTF-8", hs(payload=claims(id="Zo\u00eb")), None)


def algorithm_attacks():
    """RFC 8725 sections 2.1, 3.1."""
    good = hs()
    for alg in ["none", "None", "NONE", "nOnE", "none ", " none", "", "HS256 ", " HS256", "hs256", "Hs256", "HS-256", "HS257", "HS1",
                "HMAC", "SHA256", "A256KW", "dir", "RSA-OAEP", "HS256,none", "HS256\u0000", "\u0130S256", "RS256", "ES256", "PS256",
                "EdDSA", "ES256K", "HS384", "HS512", "MD5", "null"]:
        header, why = head(alg), "token_malformed" if "\0" in alg else "token_algorithm"
        yield Case(f"alg {alg!r} unsigned", b64(text(header)) + "." + parts(good)[1] + ".", why)
        yield Case(f"alg {alg!r} signed", hs(header), why)
    for size in ("HS384", "HS512"):
        yield Case(f"alg {size} in truth", sign(head(size), claims(), size, KEYS["HS256"]), "token_algorithm")
    for alg in (None, True, 0, 256, ["HS256"], [], {"HS256": 1}, {}):
        yield Case(f"alg {alg!r}", hs(head(alg)), "token_malformed")
    yield Case("no alg", hs({"typ": "JWT"}), "token_malformed")
    yield Case("alg by another name", hs({"Alg": "HS256", "ALG": "HS256"}), "token_malformed")
    yield Case("alg twice: none last", hs(b'{"alg":"HS256","alg":"none"}'), "token_malformed")
    yield Case("alg twice: none first", hs(b'{"alg":"none","alg":"HS256"}'), "token_malformed", TWICE)
    yield Case("alg twice: none first, by escape", hs(b'{"\\u0061lg":"none","alg":"HS256"}'), "token_malformed", TWICE)


def header_attacks():
    attacker = b"the attacker's own secret of 32 b"
    for name, more in {
            "jwk": {"jwk": {"kty": "oct", "k": b64(attacker)}}, "jku": {"jku": "https://evil.example/jwks"},
            "x5u": {"x5u": "https://evil.example/x"}, "x5c": {"x5c": [b64(attacker)]}, "kid": {"kid": b64(attacker)},
            "kid to /dev/null": {"kid": "/dev/null"}}.items():
        yield Case(f"brings its own key: {name}", hs(head("HS256", **more), key=attacker), "token_signature")
        yield Case(f"signed with nothing: {name}", hs(head("HS256", **more), key=b"\0"), "token_signature")
    for crit in (["exp"], [], "exp", ["b64"], None, ["x"], [1], {}, True):
        yield Case(f"crit {crit!r}", hs(head("HS256", crit=crit, b64=True, x=1)), "token_malformed", CRIT)
    data = b64(text(head("HS256", b64=False, crit=["b64"]))) + "." + text(claims()).decode().replace(" ", "")
    signature = b64(raw_signature("HS256", KEYS["HS256"], data.encode()))
    yield Case("payload not in base64 (RFC 7797)", data + "." + signature, "token_malformed")
    for kid in (1, None, ["a"], {"a": 1}, True, 1.5):
        yield Case(f"kid {kid!r}", hs(head("HS256", kid=kid)), "token_malformed", KID)
    for typ in ("JOSE", "JWE", "jwt ", "application/jwt", "", "logout+jwt", "secevent+jwt", "dpop+jwt", "at+jwt;x", None, 1, ["JWT"]):
        yield Case(f"typ {typ!r}", hs(head("HS256", typ=typ)), "token_malformed", TYP)
    for name, header, pyjwt in [
            ("a list", b'["HS256"]', None), ("text", b'"HS256"', None), ("a number", b"1", None), ("null", b"null", None),
            ("nothing", b"", None), ("open", b'{"alg":"HS256"', None), ("with more behind", b'{"alg":"HS256"}x', None),
            ("two", b'{"alg":"HS256"}{}', None), ("a comma", b'{"alg":"HS256",}', None), ("quotes", b"{'alg':'HS256'}", None),
            ("a comment", b'{"alg":"HS256"/**/}', None), ("a BOM", b'\xef\xbb\xbf{"alg":"HS256"}', "json takes a mark of UTF-8"),
            ("no UTF-8", b'{"alg":"HS256","x":"\xff"}', None), ("UTF-16", '{"alg":"HS256"}'.encode("utf-16"), "json takes UTF-16"),
            ("NUL", b'{"alg":"HS256","x":"\\u0000"}', "it takes U+0000"), ("NaN", b'{"alg":"HS256","x":NaN}', "json takes NaN"),
            ("a control character", b'{"alg":"HS256","x":"\x01"}', None), ("depth", b'{"alg":"HS256","x":[[[[[]]]]]}', DEPTH),
            ("a name twice", b'{"alg":"HS256","x":1,"x":2}', TWICE),
            ("half a surrogate", b'{"alg":"HS256","x":"\\ud800"}', "it takes half a surrogate pair")]:
        yield Case(f"header is {name}", hs(header), "token_malformed", pyjwt)


def signature_attacks():
    good = hs()
    h, p, s = parts(good)
    raw = signature_of(good)
    for at in range(0, 256, 8):
        changed = bytearray(raw)
        changed[at // 8] ^= 1 << at % 7
        yield Case(f"bit {at} turned", with_signature(good, bytes(changed)), "token_signature")
    for name, other in {
            "empty": b"", "zeroes": bytes(32), "ones": b"\xff" * 32, "cut": raw[:-1], "half": raw[:16], "one byte": raw[:1],
            "longer": raw + b"\0", "before it a zero": b"\0" + raw, "twice": raw + raw, "turned round": raw[::-1],
            "in hexadecimal": raw.hex().encode(), "of the claims alone": raw_signature("HS256", KEYS["HS256"], p.encode()),
            "of the claims decoded": raw_signature("HS256", KEYS["HS256"], text(claims())),
            "a bare digest": hashlib.sha256(f"{h}.{p}".encode()).digest(), "the secret behind": hashlib.sha256(f"{h}.{p}".encode() + KEYS["HS256"]).digest(),
            "the secret before": hashlib.sha256(KEYS["HS256"] + f"{h}.{p}".encode()).digest(),
            "of 384 bits, cut": raw_signature("HS384", KEYS["HS256"], f"{h}.{p}".encode())[:32],
            "of another secret": raw_signature("HS256", OTHER["HS256"], f"{h}.{p}".encode()),
            "of the secret and a newline": raw_signature("HS256", KEYS["HS256"] + b"\n", f"{h}.{p}".encode()),
            "of the secret in base64": raw_signature("HS256", b64(KEYS["HS256"]).encode(), f"{h}.{p}".encode()),
            "of an empty secret": raw_signature("HS256", b"\0", f"{h}.{p}".encode())}.items():
        yield Case(f"signature {name}", with_signature(good, other), "token_signature")
    other = hs(payload=claims(id="43"))
    yield Case("claims of another token", ".".join([h, parts(other)[1], s]), "token_signature")
    yield Case("signature of another token", ".".join([h, p, parts(other)[2]]), "token_signature")
    yield Case("header of another token", ".".join([parts(hs({"alg": "HS256"}))[0], p, s]), "token_signature")
    yield Case("header and claims in the other order", ".".join([p, h, s]), "token_malformed")


def base64_attacks():
    h, p, s = parts(hs())
    at = next(i for i in range(9, len(s)) if s[i].isalnum())  # what is put there stands for no other character of the same value
    twin = s[:-1] + chr(ord(s[-1]) + 1)  # the last of 43 characters holds four bits: the other two are nothing
    yield Case("base64: bits that nobody needs", f"{h}.{p}.{twin}", "token_malformed", BITS)
    for name, token, pyjwt in [
            ("padding", f"{h}.{p}.{s}=", PADDED), ("padding twice", f"{h}.{p}.{s}==", LENIENT), ("padding in front", f"{h}.{p}.={s}", None),
            ("a space within", f"{h}.{p}.{s[:9]} {s[9:]}", None), ("a tab within", f"{h}.{p}.{s[:9]}\t{s[9:]}", None),
            ("a plus", f"{h}.{p}.{s[:at]}+{s[at + 1:]}", None), ("a slash", f"{h}.{p}.{s[:at]}/{s[at + 1:]}", None), ("a percent", f"{h}.{p}.%{s}", None),
            ("two characters over", f"{h}.{p}.{s}AA", None), ("characters of no base64", f"{h}.{p}.{s[:9]}!!!!{s[9:]}", LENIENT),
            ("a tilde", f"{h}.{p}.~~~~{s}", LENIENT), ("header padded", sign_text(h + "=", p), PADDED), ("claims padded", sign_text(h, p + "=="), PADDED),
            ("header of one character", f"a.{p}.{s}", None), ("claims with a star", sign_text(h, p[:8] + "****" + p[8:]), LENIENT),
            ("header in plain", f"{text(head('HS256')).decode().replace(' ', '')}.{p}.{s}", None), ("a letter of Latin 1", f"{h}.{p}.{s[:-1]}\xe9", None)]:
        yield Case(f"base64: {name}", token, "token_malformed", pyjwt)


def sign_text(h, p):
    return f"{h}.{p}." + b64(raw_signature("HS256", KEYS["HS256"], f"{h}.{p}".encode()))


def structure_attacks():
    good = hs()
    h, p, s = parts(good)
    for number, token in enumerate([
            ".", "..", "...", "....", "a", "a.b", "a.b.c", h, f"{h}.", f"{h}.{p}", f".{p}.{s}", f"..{s}", f"{h}.{p}.{s}.",
            f".{good}", f"{good}.{s}", f"{good}.{s}.{s}", f"{p}.{p}.{s}", f"{good},{good}", f"{good};{good}", f'"{good}"',
            f"<{good}>", "null", "undefined", "{}", '{"payload":"","signatures":[]}', good.replace(".", ","), good.replace(".", "%2e"),
            f"{good} {good}", f"Bearer {good}", "x" * 9000]):
        yield Case(f"structure {number}: {token[:50]}", token, "token_malformed")
    for name, token in {"no signature": f"{h}.{p}.", "no claims": f"{h}..{s}", "the header thrice": f"{h}.{h}.{h}"}.items():
        yield Case(f"structure: {name}", token, "token_signature")
    yield Case("structure: DEL", good + "\x7f", "bad_request")
    yield Case("structure: one character over", good + "A", "token_signature")
    room = 8192 - len(hs(payload=claims(x="")))
    fit = next(t for t in (hs(payload=claims(x="x" * n)) for n in range(room * 3 // 4 + 3, 0, -1)) if len(t) <= 8192)
    yield Case("structure: of 8192 bytes at most", fit, None)
    yield Case("structure: of more", hs(payload=claims(x="x" * 6200)), "token_malformed", "it takes tokens of any length")
