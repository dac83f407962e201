"""The dashboard where not all is well: more routes than it loads, a token that goes, a gateway that is away or stuck."""

import os
import re
import signal

from harness import procs
from harness.api import Api
from harness.gateway import merge
from test_dashboard import OPERATE, come_back, needs_browser, row, there, visit  # noqa: F401

pytestmark = needs_browser


def test_thousands_of_routes(there, visit):
    """Those are shown that are asked for, by their ids; what is loaded and built does not grow with all."""
    gw, port, _ = there
    boss = Api(port, OPERATE)
    before = boss.data("frontends")
    many = {f["url"]: f["backend_name"] for f in before} | {f"h{i}.example": "more" for i in range(5001)}
    boss.done("POST", "apply", body={"frontends": many})
    for _ in range(9):
        gw.ask("/", host="h7.example")
    b = visit(OPERATE)
    b.until("document.querySelector('#routes').innerText.includes('routes those with requests of their own are shown')")
    told = b.run("[...document.querySelectorAll('#routes tbody tr')].map(r => [r.cells[0].innerText, r.cells[1].innerText])")
    assert ["redis:h7.example", "\u2013"] in told
    assert b.run("document.querySelectorAll('*').length") < 3000
    b.fill("#routes input", "H4711. example")
    b.run("document.querySelector('#routes input').dispatchEvent(new Event('change'))")
    b.until(f"({row('routes', 'h4711.example')})[2] == 'more' && document.querySelector('#routes').innerText.includes('1 have these words')")
    assert not any(name.endswith("/routes") for name in b.run("performance.getEntriesByType('resource').map(e => e.name)"))
    boss.done("POST", "apply", query="force=1", body={"frontends": {f["url"]: f["backend_name"] for f in before}})
    assert b.complaints() == []


def test_a_token_that_is_taken_away(there, visit):
    """The picture stays, no button does, and another token is asked for."""
    gw, _, dead = there
    b = visit(OPERATE)
    b.until(f"({row('upstreams', dead)})[2] == 'dead'")
    assert gw.reload(merge(gw.config, {"admin": {"api": {"tokens": {"boss": {"secret": "n" * 32}}}}})).returncode == 0
    come_back(b)
    b.until("document.querySelector('#notice').innerText.includes('does not know the token any more')")
    assert b.run(row("upstreams", dead))[2] == "dead" and b.run("document.querySelectorAll('main td button').length") == 0
    b.click("#notice button")
    b.fill("#token-dialog input", "n" * 32)
    b.click("#token-dialog .main")
    b.until("document.querySelector('#notice').hidden && document.querySelector('#upstreams td button')")
    assert all("401" in text for text in b.complaints())
    assert gw.reload(gw.config).returncode == 0


def test_a_gateway_that_is_away(there, visit):
    """The last picture stays, and says how old it is."""
    gw, _, dead = there
    b = visit(OPERATE)
    b.until(f"({row('upstreams', dead)})[2] == 'dead'")
    gw.stop()
    come_back(b)
    b.until("/does not answer.*What you see is [1-9]\\d* s old/.test(document.querySelector('#notice').innerText)")
    assert b.run(row("upstreams", dead))[2] == "dead" and b.run("document.title").startswith("(!) no answer")
    assert not re.search("[0-9] s old", b.run("document.querySelector('#notice span').innerText"))  # who listens would hear it each second
    b.shot("dashboard-away")
    gw.start()
    come_back(b)
    b.until("document.querySelector('#notice').hidden && document.title == 'Yett'")
    assert b.run("document.querySelector('#done').innerText").startswith("The gateway answers again; it was started ")
    assert all("ERR_CONNECTION" in text for text in b.complaints())


def test_a_gateway_that_is_stuck(there, visit):
    """What was asked for meanwhile is waited for; and a look that came to nothing is soon followed by another one."""
    gw, _, _ = there
    b = visit(OPERATE)
    b.until("document.querySelector('#role').innerText == 'token:boss, operate'")
    b.fill("#explain input[name=url]", "http://a.example/nothing")
    os.kill(gw.pid, signal.SIGSTOP)
    come_back(b)
    b.click("#explain form button")
    b.until("document.querySelector('#notice').innerText.includes('it has not answered for 6 s')")
    assert b.run("document.querySelector('.answer').innerText") == ""
    os.kill(gw.pid, signal.SIGCONT)
    b.until("document.querySelector('.result').innerText.includes('404 no_route')")
    procs.wait_until(lambda: b.run("document.querySelector('#notice').hidden"), 20)
    assert b.complaints() == []
