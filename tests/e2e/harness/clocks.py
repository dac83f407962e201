"""Gateways whose clocks are off, or step: clock_gettime and its kin, with seconds added to what they say of the time of day. The
host's clock is left alone."""

import os
import shutil
import struct
import tempfile

from . import procs

SHIM = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static const volatile int64_t *step;
static void __attribute__((constructor)) map_step(void) /* a worker opens no file */
{
	int fd = open(STEP, O_RDONLY | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *step, PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0) close(fd);
	if (p != MAP_FAILED) step = p;
}
static int64_t off(void) { const char *s = getenv("CLOCK_OFF"); return (s ? atoi(s) : 0) + (step ? *step : 0); }
int clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) ts->tv_sec += off();
	return r;
}
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec ts;
	int r = clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec; tv->tv_usec = ts.tv_nsec / 1000;
	return r;
}
time_t time(time_t *t)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	if (t) *t = ts.tv_sec;
	return ts.tv_sec;
}
"""


class Clocks:
    """env(seconds) is the environment of a gateway whose clock is so far ahead, beside what step(seconds) has set for all."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="clocks-")
        source, self.library = (os.path.join(self.dir, name) for name in ("shim.c", "shim.so"))
        with open(source, "w") as f:
            f.write(SHIM)
        self.steps = os.path.join(self.dir, "step")
        built = procs.run(["cc", "-shared", "-fPIC", f'-DSTEP="{self.steps}"', "-o", self.library, source])
        assert built.returncode == 0, built.stderr
        self.step(0)

    def step(self, seconds):
        """From now on, not from what it was before."""
        with open(self.steps, "r+b" if os.path.exists(self.steps) else "wb") as f:
            f.write(struct.pack("=q", seconds))

    def env(self, seconds):
        return {"LD_PRELOAD": self.library, "CLOCK_OFF": str(seconds), "ASAN_OPTIONS": "detect_leaks=0:handle_sigill=1:verify_asan_link_order=0"}

    def within(self):
        """Words of a command that runs a gateway whose workers, too, have that clock: they get nothing by the environment."""
        script = """set -e; d="$1"; lib="$2"; shift 2; mkdir -p "$d/upper" "$d/work"; mount -t overlay overlay \
-o "lowerdir=/etc,upperdir=$d/upper,workdir=$d/work" /etc; echo "$lib" >/etc/ld.so.preload; exec "$@\""""
        return "unshare", "--mount", "sh", "-c", script, "sh", self.dir, self.library

    def finish(self):
        shutil.rmtree(self.dir)
