#!/usr/bin/python3
"""What three gateways of two workers each take to agree: pushes, suspensions, keys, limits, deletions, refreshes, each beside its
bound (that of a suspension is promised in yett(8)). Usage: bench/fleet.py [ROUNDS], with YETT naming a gateway that was built for
release (build-bench/master/yett)."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
os.environ.setdefault("YETT", os.path.join(ROOT, "build-bench/master/yett"))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))

from harness.fleet_times import Fleet  # noqa: E402


def main():
    fleet = Fleet()
    try:
        rows = fleet.all(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    finally:
        fleet.finish()
    print(f"{'':58} {'median':>8} {'worst':>8} {'bound':>9}")
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
