"""What HTTP/1.1 asks of a proxy, as a table: raw bytes in, what must come back, what the upstream must have seen. Each case
names its section (of RFC 9112 and 9110, or what it says), and says where nginx, which is run on the same table, differs and
why."""

import dataclasses
import typing


@dataclasses.dataclass
class Case:
    name: str
    section: str
    send: bytes
    status: typing.Any = 200       # of the answer; a set: one of these; a list: of each answer; CUT: it breaks off
    closed: typing.Any = None      # True, False; by default what follows from the status; ANY
    body: typing.Any = None        # of the (last) answer
    has: tuple = ()                # fields of the (last) answer: "Name: value"
    lacks: tuple = ()              # names that it must not have
    target: typing.Any = None      # what the upstream saw
    saw: tuple = ()                # fields: "Name: value"
    unseen: tuple = ()             # names of fields that it must not have seen
    got: typing.Any = None         # the body that it got
    trailers: typing.Any = None    # and its trailers; of the answer: `late`
    late: typing.Any = None
    requests: typing.Any = None    # how many reached it; by default what follows from the status
    whole: bool = True             # False: what it got must not look complete
    answer: typing.Any = None      # what the upstream says (Recorder.expect)
    reason: typing.Any = None      # the gateway's reason code
    interim: typing.Any = None     # statuses of the answers before the answer
    then: str = "probe"            # or "leave": the client goes once it has sent this; "half": it ends its side
    nginx: str = ""                # why nginx differs; "": it must agree

    def __str__(self):
        return self.name


CUT = "cut"
ANY = "any"


def head(method, target="/", *fields, version="1.1", host="t"):
    lines = [f"{method} {target} HTTP/{version}"] + ([f"Host: {host}"] if host is not None else []) + list(fields)
    return "\r\n".join(lines + ["", ""]).encode("latin-1")


def get(*fields, **how):
    return head("GET", how.pop("target", "/"), *fields, **how)


def post(*fields, body=b"", **how):
    return head("POST", how.pop("target", "/"), *fields, **how) + body


def chunked(body, *fields, **how):
    return post("Transfer-Encoding: chunked", *fields, body=body, **how)


def answer(status="200 OK", *fields, body=b"", version="1.1"):
    return "\r\n".join([f"HTTP/{version} {status}", *fields, "", ""]).encode("latin-1") + body


def cases():
    from . import answers, bodies, fields, forwarding, framing, limits, targets
    return [case for part in (framing, bodies, fields, targets, forwarding, limits, answers) for case in part.CASES]
