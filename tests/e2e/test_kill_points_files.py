"""The points of writing what was last known (see test_kill_points.py): what is left is also started from without Redis."""

import pytest

from test_kill_points import FILES, POINTS, killed_at
from test_kill_points import life  # noqa: F401


@pytest.mark.parametrize("point", [p for p in POINTS if p.partition("-")[0] in FILES])
def test_killed_at(life, point):  # noqa: F811
    killed_at(life, point)
