"""What Redis does for refreshes: the scripts themselves. Of any order in which owners come, stand still and come back, the
latest result stays, and none is thrown away while there is no later one."""

import itertools
import os
import re
import time

import pytest

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../worker/refresh_script.c")
KEYS = [f"{kind}:corp:1" for kind in ("refreshLock", "refreshToken", "accessToken", "idToken")]
LOCK, REFRESH, ACCESS, ID = KEYS


class Scripts:
    def __init__(self, db):
        self.db = db
        with open(SOURCE, encoding="utf-8") as f:
            text = f.read()
        for name, body in re.findall(r"static const char (\w+)_script\[\] =\s*(.*?);\n\n", text, re.S):
            lua = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', body)).replace("\\n", "\n")
            setattr(self, "_" + name, db.register_script(lua))
        db.hset(REFRESH, mapping={"ID": "corp:1", "Value": "r0", "ExpiresAt": "never", "Subject": "7", "ProviderID": "corp"})
        db.pexpire(REFRESH, 50000)

    def take(self, owner, ms=3000, kept=None):
        kept = (self.db.hget(REFRESH, "Kept") or b"").decode() if kept is None else kept
        return (self._take(KEYS, [owner, ms, kept]) + [b""])[:2]

    def store(self, owner, fence, access, refresh="", token="", sub=""):
        return self._store(KEYS, [owner, fence, access, "2030-01-01T00:00:00Z", refresh, "never", token, sub, 3600])

    def fail(self, owner, why="", ms=1000, gone="", kept=""):
        return self._fail(KEYS, [owner, why, ms, gone, kept])

    def renew(self, owner, ms=15000):
        return self._renew(KEYS, [owner, ms])

    def look(self):
        names = ("lock", "ms", "refresh", "refresh_ends", "kept", "gone", "access", "ends", "id")
        return dict(zip(names, self._look(KEYS)))


@pytest.fixture
def s(store):
    return Scripts(store.db)


def test_one_at_a_time(s):
    assert s.take("a") == [1, b"r0"] and s.take("b") == [0, b""]
    assert s.look()["lock"] == b"a" and 0 < s.look()["ms"] <= 3000
    assert s.renew("b") == 0 and s.renew("a") == 1 and 3000 < s.look()["ms"] <= 15000
    assert s.fail("b") == 0 and s.look()["lock"] == b"a"
    assert s.store("a", 1, "a1", "r1") == 1
    seen = s.look()
    assert (seen["lock"], seen["refresh"], seen["access"], seen["kept"]) == (None, b"r1", b"a1", b"1")
    assert s.db.hgetall(ACCESS)[b"Subject"] == b"7" and 0 < s.db.pttl(ACCESS) <= 50000
    assert s.take("b") == [2, b"r1"]


def test_who_read_before_another_stored_does_not_get_it(s):
    s.take("a")
    s.store("a", 1, "a1", "r1")
    assert s.take("b", kept="")[0] == 0 and s.take("b", kept="1")[0] == 2


def test_a_lock_that_ran_out_is_taken_again_by_who_needs_it(s):
    s.take("a", ms=20)
    time.sleep(0.05)
    assert s.renew("a") == 1 and s.take("b")[0] == 0
    s.db.delete(LOCK)
    assert s.take("b")[0] == 2 and s.renew("a") == 0


def test_every_order_of_three_results(s):
    for order in itertools.permutations((1, 2, 3)):
        s.db.delete(*KEYS)
        Scripts(s.db)
        for owner in (1, 2, 3):
            assert s.take(owner, kept="")[0] == owner
            s.db.delete(LOCK)  # it ran out
        done, latest = [], 0
        for owner in order:
            done.append(s.store(owner, owner, f"a{owner}", f"r{owner}"))
            latest = max(latest, owner)
            assert s.look()["refresh"] == f"r{latest}".encode() and s.look()["access"] == f"a{latest}".encode()
        assert done == [1 if owner == max(order[:i + 1]) else 2 for i, owner in enumerate(order)]
        assert s.store(3, 3, "a3", "r3") == 1  # told twice


def test_an_answer_without_a_refresh_token_keeps_the_old_one(s):
    s.take("a")
    assert s.store("a", 1, "a1") == 1 and s.look()["refresh"] == b"r0"


def test_id_token_of_its_user_alone(s):
    s.take("a")
    s.store("a", 1, "a1", "r1", "i1", "7")
    assert s.look()["id"] == b"i1"
    s.take("a")
    s.store("a", 2, "a2", "r2", "i2", "8")
    assert s.look()["id"] == b"i1" and s.look()["access"] == b"a2"


def test_a_session_that_ended_does_not_stand_up_again(s):
    s.take("a")
    s.db.delete(REFRESH)
    assert s.store("a", 1, "a1", "r1") == 0 and s.db.keys() == []
    assert s.take("b")[0] == 0 and s.db.keys() == []


def test_gone_unless_somebody_stored_meanwhile(s):
    s.take("a")
    s.fail("a", gone="1")
    assert s.look()["gone"] == b"1" and s.look()["lock"] is None
    s.db.hdel(REFRESH, "Gone")
    s.take("b")
    s.db.delete(LOCK)
    s.take("c")
    assert s.store("c", 3, "a3", "r3") == 1
    s.fail("b", gone="1")  # its old token is no more, which is no wonder
    assert s.look()["gone"] is None
    s.take("d")
    s.fail("d", gone="1", kept="3")
    assert s.look()["gone"] == b"1"
    s.take("e")
    assert s.store("e", 5, "a5", "r5") == 1 and s.look()["gone"] is None


def test_a_failure_is_told_to_the_others_for_a_while(s):
    s.take("a")
    s.fail("a", "unavailable", 60)
    assert s.look()["lock"] == b"!unavailable" and s.take("b")[0] == 0
    time.sleep(0.08)
    assert s.take("b")[0] == 2
