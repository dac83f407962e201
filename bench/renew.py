"""A certificate that becomes another one, each second: what fails meanwhile, over kept connections and over new ones, and how
soon the new one is shown. Gateways that do not see it by themselves are told to reload."""

import contextlib
import json
import statistics
import subprocess
import time

import stage as stages

EVERY_S = 1.0


def shown(setting):
    """The serial number of the certificate that it shows."""
    connection = stages.connect(setting)
    try:
        connection.connect()
        return int(connection.sock.getpeercert()["serialNumber"], 16)
    finally:
        connection.close()


def renew(entry):
    """Seconds until the new one is shown; None: not before the next is due."""
    setting, begin = entry.setting, time.monotonic()
    serial, delay = setting.certificate.renew(), None
    if not entry.peer.renews and subprocess.call(entry.peer.reload(setting, entry.pid), shell=True):
        raise entry.process.failure("the reload failed")
    written = time.monotonic()
    while time.monotonic() < begin + EVERY_S:
        with contextlib.suppress(OSError):
            if delay is None and shown(setting) == serial:
                delay = time.monotonic() - written
        time.sleep(0.02)
    return delay


def row_of(entry, scenario, stage):
    with contextlib.ExitStack() as stack:
        stages.start(entry, scenario, stage, stack, can_reload=True)
        kept = stages.attach(entry, stage, stack)
        new = stages.attach(entry, stage, stack, new_connection=True)
        seconds = scenario.renewals * EVERY_S
        kept.process.say(f"run {seconds} {stage.options.rate or scenario.rate}")
        new.process.say(f"run {seconds} {scenario.new_rate}")
        delays = [renew(entry) for _ in range(scenario.renewals)]
        results = [json.loads(load.process.line()) for load in (kept, new)]
    seen = [delay for delay in delays if delay is not None]
    errors = {}
    for result in results:
        for kind, n in result["by_kind"].items():
            if n:
                errors[kind] = errors.get(kind, 0) + n
    return {"gateway": entry.label, "requests": sum(r["requests"] for r in results), "errors": errors,
            "failed": sum(r["errors"] for r in results), "renewals": len(delays), "late": len(delays) - len(seen),
            "delay_ms": statistics.median(seen) * 1000 if seen else None,
            "kept_p99_us": results[0]["latency_us"]["p99"], "new_p99_us": results[1]["latency_us"]["p99"]}


def run(scenario, chosen, stage):
    found, notes = stages.entries_of(scenario, chosen)
    notes += [f"{entry.label} cannot reload" for entry in found if not entry.peer.reload]
    rows = [row_of(entry, scenario, stage) for entry in found if entry.peer.reload]
    targets = []
    for row in rows:
        if row["gateway"] == "yett":
            targets += [{"what": "failed requests", "value": row["failed"], "limit": 0},
                        {"what": "certificates shown too late", "value": row["late"], "limit": 0}]
    return {"kind": "renew", "rows": rows, "notes": notes, "targets": targets}
