"""Maintenance: a route, or everything, answers 503 with a page and Retry-After, by configuration or by command."""

import json

import pytest

from harness.gateway import proxy_to


def test_route_by_configuration(gateway, serve):
    up = serve()
    config = proxy_to(up)
    config["routes"] = [{"upstream": "u"}, {"path": "/down", "upstream": "u", "maintenance": "10m"}]
    gw = gateway(config)
    r = gw.ask("/down/x")
    assert (r.status, r.header("X-Yett-Reason"), r.header("Retry-After")) == (503, "maintenance", "600")
    assert gw.ask("/").status == 200 and len(up.requests) == 1
    del config["routes"][1]["maintenance"]
    assert gw.reload(config).returncode == 0 and gw.ask("/down/x").status == 200


def test_all_by_configuration_with_a_page(gateway, serve, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<p>Back at noon.</p>")
    gw = gateway(proxy_to(serve()) | {"maintenance": "90s", "error_pages": {"503": {"file": str(page)}}})
    r = gw.ask("/", headers={"Accept": "text/html"})
    assert (r.status, r.header("Retry-After"), r.body) == (503, "90", b"<p>Back at noon.</p>")
    assert gw.ask("/nowhere", host="other").status == 503 and gw.admin("/ready").status == 200
    assert gw.cli("maintenance").stdout == "every request is answered by 503, Retry-After: 90 (by configuration)\n"
    assert gw.cli("maintenance", "off").stdout == "requests are served (by command)\n"
    assert gw.ask().status == 200


def test_all_by_command(gateway, serve):
    gw = gateway(proxy_to(serve()))
    with gw.connect() as c:
        assert c.ask().status == 200
        assert json.loads(gw.cli("maintenance", "10m", "--json").stdout)["maintenance"] == {"retry_after_s": 600, "by": "command"}
        r = c.ask()
        assert r.status == 503 and r.header("Retry-After") == "600"
    assert gw.reload().returncode == 0 and gw.ask().status == 503
    gw.stop()
    gw.start()
    assert gw.ask().status == 503 and gw.status()["maintenance"]["retry_after_s"] == 600
    assert gw.cli("maintenance", "--undo").stdout == "requests are served (by configuration)\n"
    assert gw.ask().status == 200
    gw.stop()
    gw.start()
    assert gw.ask().status == 200


@pytest.mark.parametrize("word,status", [("10x", 2), ("", 2), ("99d", 1), ("h", 1)])
def test_what_is_no_duration(gateway_to_echo, word, status):
    r = gateway_to_echo.cli("maintenance", word)
    assert r.returncode == status and r.stderr and gateway_to_echo.ask().status == 200
