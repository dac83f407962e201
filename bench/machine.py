"""What the figures were made on."""

import datetime
import os
import re
import subprocess

import processes

VERSIONS = {"yett": None, "nginx": ("nginx", "-v"), "haproxy": ("haproxy", "-v"), "openssl": ("openssl", "version")}


def _version(argv):
    command = processes.find(argv[0])
    if not command:
        return None
    done = subprocess.run([command, *argv[1:]], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+[\w.]*", done.stdout + done.stderr)
    return found[0] if found else None


def _field(path, name):
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            key, _, value = line.partition(":" if ":" in line else "=")
            if key.strip() == name:
                return value.strip().strip('"')
    return "?"


def describe(tools):
    """The members: cpu, cores, memory_gib, kernel, system, date, versions."""
    asked = {name: (tools["yett"], "--version") if name == "yett" and "yett" in tools else argv
             for name, argv in VERSIONS.items()}
    versions = {name: _version(argv) for name, argv in asked.items() if argv}
    return {
        "cpu": _field("/proc/cpuinfo", "model name"), "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": os.uname().release, "system": _field("/etc/os-release", "PRETTY_NAME"),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "versions": {name: version for name, version in versions.items() if version},
    }


def sentence(machine):
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (f"{machine['date']}: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, kernel "
            f"{machine['kernel']}, {machine['system']}; {versions}")
