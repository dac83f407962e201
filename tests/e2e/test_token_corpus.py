"""Every token of the corpus has one verdict, and PyJWT has the same but where the corpus says why not."""

import itertools

import jwt
import pytest

from harness import attacks as basic
from harness import attacks_claims as more
from harness.attacks import AUDIENCE, ISSUER, KEYS, SECRET, Encoding
from harness.gateway import proxy_to

EXPLAINED = jwt.__version__.startswith("2.6.")  # Debian 12; a later one may have become stricter
ODD = {"RS256": more.odd_rs, "PS256": more.odd_ps, "ES256": more.odd_es, "EdDSA": more.odd_ed, "RS512": more.odd_rs, "PS384": more.odd_ps384,
       "ES384": more.odd_es384}


def hmac_corpus():
    makers = [basic.good_ones, basic.algorithm_attacks, basic.header_attacks, basic.signature_attacks, basic.base64_attacks,
              basic.structure_attacks, more.json_attacks, more.date_attacks, more.party_attacks]
    return list(itertools.chain.from_iterable(make() for make in makers))


def public_corpus(alg):
    return [*more.confusion(alg), *more.signatures(alg, ODD[alg]), *(more.other_s() if alg == "ES256" else [])]


def pyjwt_takes(token, key, algorithms):
    try:
        jwt.decode(token, key, algorithms=algorithms, issuer=ISSUER, audience=AUDIENCE, options={"require": ["exp"]})
        return True
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return False  # it raises others, too, for what is no token


def gate(algorithms, **key):
    return {"gate": {"protect": ["/"], "algorithms": algorithms, "issuer": ISSUER, "audience": AUDIENCE, "leeway": "0s", "require_exp": True,
                     "claims": {"id": "auth_id"}} | key, "limits": {"keepalive_requests": 10000}}


def ask(gw, corpus):
    """The reasons, in order."""
    c, said = gw.connect(), []
    for case in corpus:
        c.send(f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {case.token}\r\n\r\n".encode("latin-1"))
        r = c.read()
        said.append(r.why or (None if r.status == 200 else r.status))
        if r.header("Connection") == "close":
            c.close()
            c = gw.connect()
    c.close()
    return said


def compare(gw, corpus, key, algorithms):
    names = [case.name for case in corpus]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    wrong = [(case.name, got, "not", case.why) for case, got in zip(corpus, ask(gw, corpus)) if got != case.why]
    for case in corpus:
        theirs, ours = pyjwt_takes(case.token, key, algorithms), case.why is None
        if theirs != ours and not case.pyjwt or case.pyjwt and theirs == ours and EXPLAINED:
            wrong.append((case.name, "PyJWT", "takes" if theirs else "refuses", case.pyjwt))
        if ours and not theirs:
            wrong.append((case.name, "we may be stricter, never laxer"))
    assert not wrong, "\n".join(map(str, wrong))


def test_hmac(gateway, serve):
    corpus = hmac_corpus()
    assert len(corpus) >= 300
    compare(gateway(proxy_to(serve()) | gate(["HS256"], secret=SECRET)), corpus, SECRET, ["HS256"])


@pytest.mark.parametrize("alg", ODD)
def test_public_keys(gateway, serve, tmp_path, alg):
    (tmp_path / "issuer.pem").write_bytes(more.public(KEYS[alg], Encoding.PEM))
    gw = gateway(proxy_to(serve()) | gate([alg], public_key={"file": str(tmp_path / "issuer.pem")}))
    compare(gw, public_corpus(alg), KEYS[alg].public_key(), [alg])


def test_key_and_secret_side_by_side(gateway, serve, tmp_path):
    """Both are taken, each for its own: the attacks of confusion have a gate that listens to HMAC."""
    (tmp_path / "issuer.pem").write_bytes(more.public(KEYS["RS256"], Encoding.PEM))
    gw = gateway(proxy_to(serve()) | gate(["RS256", "HS256"], secret=SECRET, public_key={"file": str(tmp_path / "issuer.pem")}))
    by_secret = [c for c in public_corpus("RS256") if ": HS256 by " in c.name]
    assert len(by_secret) >= 9 and set(ask(gw, by_secret)) == {"token_signature"}
    both = [c for c in public_corpus("RS256") + hmac_corpus() if c.why is None]
    assert set(ask(gw, both)) == {None}


def test_scopes_and_roles(gateway, serve):
    corpus = list(more.scope_attacks())
    gw = gateway(proxy_to(serve(), authorize={"scopes": ["orders:write"], "roles": ["clerk"]}) | gate(["HS256"], secret=SECRET))
    wrong = [(case.name, got, "not", case.why) for case, got in zip(corpus, ask(gw, corpus)) if got != case.why]
    assert not wrong, "\n".join(map(str, wrong))


def carriers(good, bad):
    """Several at a time: fields, and the one verdict."""
    a, c = "Authorization", "Cookie"
    b = "Bearer "
    yield [(a, b + good), (a, b + good)], "token_repeated"
    yield [(a, b + good), ("authorization", b + bad)], "token_repeated"
    yield [(a, b + bad), ("AUTHORIZATION", b + good)], "token_repeated"
    yield [(a, ""), (a, b + good)], "token_repeated"
    yield [(a, "Digest x"), (a, b + good), (c, "token=" + good)], "token_repeated"
    yield [(a, f"{b}{good}, {b}{good}")], "token_malformed"
    yield [(a, f"{b}{good} {good}")], "token_malformed"
    yield [(a, f"{b}{b}{good}")], "token_malformed"
    yield [(a, b)], "token_malformed"
    yield [(a, b + bad), (c, "token=" + good)], "token_signature"
    yield [(a, b), (c, "token=" + good)], "token_malformed"
    yield [(a, b + good), (c, "token=" + bad)], None
    yield [(a, "Digest x"), (c, "token=" + good)], None
    yield [(a, "Basic !"), (c, "token=" + good)], "token_malformed"
    yield [(c, f"token={good}; token={bad}")], "token_repeated"
    yield [(c, f"token={bad}; token={good}")], "token_repeated"
    yield [(c, "token=" + good), (c, "token=" + bad)], "token_repeated"
    yield [(c, "token=" + bad), (c, "token=" + good)], "token_repeated"
    yield [(c, f"token={good}; token={good}"), (c, "token=" + good)], None
    yield [(c, "a=b"), (c, "c=d; token=" + good)], None
    yield [(c, "Token=" + good)], "token_missing"
    yield [(c, f"x=token={good}")], "token_missing"
    yield [(c, f'x="; token={good}; y="')], None  # quotes hold nothing together (RFC 6265 section 5.2)
    yield [(c, f"token={bad}%00{good}")], "token_malformed"
    yield [("X-Authorization", b + good), ("Proxy-Authorization", b + good), ("X-Forwarded-Access-Token", good)], "token_missing"


def test_several_tokens_at_a_time(gateway, serve):
    good, bad = basic.hs(), basic.hs(key=b"another secret of thirty-two bytes")
    gw = gateway(proxy_to(serve()) | gate(["HS256"], secret=SECRET))
    wrong = []
    for fields, why in carriers(good, bad):
        got = gw.ask("/", headers=fields)
        if (got.why, got.status == 200) != (why, why is None):
            wrong.append((fields, got.status, got.why, "not", why))
    assert not wrong, "\n".join(map(str, wrong))


# Four who issue tokens, two of them with one RSA key for different algorithms.
PARTIES = {"https://own": ("HS256", "HS256", {"secret": SECRET}), "https://rs": ("RS256", "RS256", {"audience": ["rs"]}),
           "https://ps": ("PS256", "RS256", {}), "https://es": ("ES256", "ES256", {})}


def claimed_by(iss, header):
    """Tokens that say they are of `iss`, by every key and algorithm, and whether they are."""
    pems = {a: more.public(KEYS[a], Encoding.PEM) for a in ("RS256", "ES256")}
    alg, key, _ = PARTIES.get(iss, (None, None, None))
    for by in ("HS256", "RS256", "PS256", "ES256"):
        for said in {by, alg or by}:
            payload = basic.claims(iss=iss, aud=["rs", "yett"])
            t = basic.sign(basic.head(said, **header), payload, by)
            yield f"{iss}: {said}, by the key of {by}", t, said == by == alg and key == (by if by != "PS256" else "RS256")
        yield f"{iss}: {by} by another key", basic.sign(basic.head(by, **header), basic.claims(iss=iss), by, basic.OTHER[by]), False
    for name, pem in pems.items():
        for hmac in ("HS256", "HS384"):
            yield f"{iss}: {hmac} by {name}'s public key", basic.sign(basic.head(hmac, **header), basic.claims(iss=iss), hmac, pem), False
    yield f"{iss}: none", basic.b64(basic.text(basic.head("none", **header))) + "." + basic.b64(basic.text(basic.claims(iss=iss))) + ".", False


def takes(token):
    """What PyJWT says, asked as a service with these issuers would."""
    try:
        iss = jwt.decode(token, options={"verify_signature": False}).get("iss")
        alg, key, how = PARTIES[iss]
        key = SECRET if alg == "HS256" else KEYS[key].public_key()
        jwt.decode(token, key, algorithms=[alg], issuer=iss, audience=how.get("audience"), options={"verify_aud": "audience" in how})
        return True
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return False


def test_several_issuers(gateway, serve, tmp_path):
    """Whose token it says it is decides by whose key and algorithms it is judged, and nothing else of it does."""
    issuers = {}
    for iss, (alg, key, how) in PARTIES.items():
        (tmp_path / alg).write_bytes(b"" if alg == "HS256" else more.public(KEYS[key], Encoding.PEM))
        issuers[alg.lower()] = {"issuer": iss, "algorithms": [alg]} | how | ({} if alg == "HS256" else {"public_key": {"file": str(tmp_path / alg)}})
    gw = gateway(proxy_to(serve()) | {"gate": {"protect": ["/"], "issuers": issuers}, "limits": {"keepalive_requests": 10000}})
    strangers = ["https://rs/", "https://RS", "https://rs https://own", "", "rs256", "https://else"]
    corpus = [case for iss in [*PARTIES, *strangers] for header in ({}, {"iss": "https://own"}, {"kid": "https://own", "jku": "https://own"})
              for case in claimed_by(iss, header)]
    odd = {"in a list": ["https://own"], "null": None, "a number": 1, "an object": {"https://own": 1}}
    corpus += [(f"iss {name}", basic.hs(payload=basic.claims(iss=iss)), False) for name, iss in odd.items()]
    corpus += [("no iss", basic.hs(payload=basic.claims(iss=...)), False),
               ("iss twice", basic.hs(payload=b'{"iss":"https://else","iss":"https://own"}'), False),
               ("for another audience", basic.sign(basic.head("RS256"), basic.claims(iss="https://rs", aud="yett"), "RS256"), False)]
    said = ask(gw, [basic.Case(name, t, None) for name, t, _ in corpus])
    wrong = [(name, why or "passes") for (name, _, good), why in zip(corpus, said) if (why is None) != good]
    wrong += [(name, "PyJWT") for name, t, good in corpus if takes(t) != good and name != "iss twice"]
    assert not wrong and sum(why is None for why in said) == 3 * len(PARTIES) and len(corpus) > 300, wrong
