"""Three gateways agree in no more than ten times its bound; what is to happen once happens once."""

from harness.fleet_times import Fleet
from harness.gateway import LONG


def test_three_gateways():
    fleet = Fleet()
    try:
        rows = fleet.all(10 if LONG else 2)
    finally:
        fleet.finish()
    print("\n".join(str(row) for row in rows))
    for row in rows:
        assert row.worst <= {"ms": 10 * row.bound, "%": row.bound + 5}.get(row.unit, row.bound), str(row)
