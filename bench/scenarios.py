"""What is measured. A scenario is one row; what a row does not say is as in `plain`."""

import dataclasses


@dataclasses.dataclass
class Scenario:
    name: str
    text: str
    path: str = "/1k"
    length: int = 1024  # of each answer
    connections: int = 64
    gate: bool = False  # tokens are checked; each gateway is measured without the check beside it
    new_connection: bool = False
    method: str = "GET"
    body: int = 0  # of each request


@dataclasses.dataclass
class Freshness:
    name: str
    text: str
    writes: int = 200
    workers: int = 2


SCENARIOS = {scenario.name: scenario for scenario in (
    Scenario("plain", "1 KiB answers over kept-alive connections"),
    Scenario("jwt", "the same with a check of an HS256 token that was seen before", gate=True),
    Freshness("freshness", "time from a raw SET in Redis until every worker answers by it"),
)}
