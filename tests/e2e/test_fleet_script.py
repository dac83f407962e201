"""What Redis does for a fleet, its rates and its gateways: the scripts themselves, against a clock of ours."""

import datetime
import os
import random
import re

import pytest

MASTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../master")
UTC = datetime.timezone.utc


def script_of(store, file, name, clock):
    """Of a source file; `clock`: what says the time in the place of Redis."""
    with open(os.path.join(MASTER, file), encoding="utf-8") as f:
        text = re.sub(r"/\*.*?\*/", "", f.read().partition(f" {name}[] =")[2], flags=re.S)
    script = "".join(re.findall(r'"(.*?)"\s*(?:\n|;)', text.partition("\";\n")[0] + "\";"))
    assert script.count("redis.call('TIME')") == 1
    return store.db.register_script(script.replace("redis.call('TIME')", clock))


@pytest.fixture
def ask(store):
    """ask(now, kind, units, seconds, burst, asked=0, debt=0, back=0, period=0, gateways=2, waiting=0)"""
    run = script_of(store, "fleet_script.c", "fleet_script", "{ARGV[11], ARGV[12]}")

    def call(now, kind, units, seconds, burst, asked=0, debt=0, back=0, period=0, gateways=2, waiting=0):
        us = round(now * 1e6)
        return run(["k"], [kind, units, round(seconds * 1e6), burst, asked, debt, back, period, gateways, waiting, us // 10**6, us % 10**6])

    return call


def test_months_and_days(ask, store):
    day = datetime.datetime(2026, 1, 1, tzinfo=UTC)
    odd = (datetime.datetime(2100, 1, 20, tzinfo=UTC) - day).days  # no leap year
    for i in (*range(0, 30000, 23), *range(odd, odd + 50)):
        now = day + datetime.timedelta(days=i, hours=i % 24, seconds=i % 3600)
        month = now.replace(day=1, hour=0, minute=0, second=0)
        ends = (month + datetime.timedelta(days=32)).replace(day=1)
        midnight = now.replace(hour=0, minute=0, second=0)
        for kind, first, end in (("month", month, ends), ("day", midnight, midnight + datetime.timedelta(days=1))):
            store.db.delete("k")
            granted, left, closed, reset, period = ask(now.timestamp(), kind, 10, 0, 10, asked=20)
            assert (granted, left) == (2, 8) and closed == 0
            assert period == first.timestamp() and reset == (end - now).total_seconds() * 1000


def test_a_day(ask):
    now = datetime.datetime(2096, 11, 27, 23, 59, 50, tzinfo=UTC).timestamp()  # to come, or the keys have expired
    granted, left, closed, reset, period = ask(now, "day", 1000, 0, 1000, asked=100)
    assert (granted, left, closed, reset) == (31, 969, 0, 10000)  # one of 16 for each of two
    assert ask(now, "day", 1000, 0, 1000, asked=300, waiting=250)[:2] == [250, 719]  # nobody holds what is waited for
    assert ask(now, "day", 1000, 0, 1000, back=250, period=period)[:2] == [0, 969]
    assert ask(now, "day", 1000, 0, 1000, debt=965)[:2] == [0, 4]
    assert ask(now, "day", 1000, 0, 1000, asked=1, back=6, period=period)[:2] == [1, 9]
    assert ask(now, "day", 1000, 0, 1000, debt=50)[1] == 0  # more than there was: it stays spent
    assert ask(now, "day", 1000, 0, 1000, asked=5)[:3] == [0, 0, 10000]
    assert ask(now + 10, "day", 1000, 0, 1000, debt=100)[1] == 900
    tomorrow = ask(now + 10, "day", 1000, 0, 1000, asked=1, back=50, period=period)  # these are of yesterday
    assert tomorrow[:2] == [1, 899] and tomorrow[4] == period + 86400


def test_a_bucket_is_never_overdrawn(ask, store):
    """However it is asked: no more than the burst and what came back; and that, if enough is asked for."""
    rng = random.Random(5)
    for rate, burst in ((100, 100), (100, 95), (100, 1), (3, 7), (5000, 200), (0.1, 4)):
        store.db.delete("k")
        begin = now = 2e9
        seconds, got = 10 / rate, 0
        held = 0
        for _ in range(400):
            back = rng.randrange(held + 1) if rng.random() < 0.1 else 0
            asked = rng.choice((0, 1, 8, 500))
            granted, left, closed, reset, _ = ask(now, "bucket", 10, seconds, burst, asked=asked, back=back)
            held = granted
            got += granted - back
            assert got <= burst + (now - begin) * rate + 0.001 and granted <= asked and left <= burst
            now += rng.choice((0, 0.001, 0.05, 0.3)) / rate * 10
        store.db.delete("k")
        got = closed = 0
        while not closed:
            granted, _, closed, *_ = ask(now, "bucket", 10, seconds, burst, asked=1000)
            got += granted
        assert got == burst  # nothing of it stays behind
        got = 0
        begin = now
        while now < begin + 1000 / rate:
            granted, left, closed, *_ = ask(now, "bucket", 10, seconds, burst, asked=1000)
            got += granted
            now += closed / 1000
        assert got >= 0.85 * 1000, (rate, burst, got)


def test_debts_are_of_one_burst(ask, store):
    """Nobody pays for a large answer for days; and no number is too large for Redis."""
    for units, seconds, debt in ((100, 10, 5000), (1, 3600, 2**40)):
        store.db.delete("k")
        now = 2e9 + units
        assert ask(now, "bucket", units, seconds, units, debt=debt)[:4] == [0, 0, 0, 2000 * seconds]
        assert ask(now + seconds, "bucket", units, seconds, units, debt=debt)[3] == 2000 * seconds
        assert ask(now + 3 * seconds, "bucket", units, seconds, units, asked=units)[0] > 0


def test_a_clock_that_is_set_back(store):
    """Who is gone is not counted until Redis' clock is where it was; who lives is not lost."""
    run = script_of(store, "roster.c", "announce_script", "{ARGV[4], ARGV[5]}")

    def announce(now, name):
        *told, at = run([f"yett:gateway:{name}", "heard"], ["{}", 7, name, now, 500000])
        assert at == now
        return told

    for name in "abc":
        assert announce(100000, name) == ["abc".index(name) + 1, 1]
    assert announce(100002, "a") == [3, 0]
    for now, expected in ((96000, 3), (96005, 3), (96009, 1)):  # an hour ago; b and c are gone
        assert announce(now, "a") == [expected, 0]
    assert store.db.zrange("heard", 0, -1, withscores=True) == [(b"b", 96000500), (b"c", 96000500), (b"a", 96009500)]
    store.db.zadd("heard", {f"rubbish-{i}": 1e15 + i for i in range(250)})  # some at a time
    assert [announce(96010, "a")[0] for _ in range(3)] == [251] * 3
    assert announce(96020, "a") == [1, 0]
    assert announce(96700, "a") == [1, 0] and store.db.zcard("heard") == 1
