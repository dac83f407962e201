"""Gateways whose clocks are off: clock_gettime and its kin, with seconds added to what they say of the time of day."""

import os
import shutil
import tempfile

from . import procs

SHIM = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static int off(void) { const char *s = getenv("CLOCK_OFF"); return s ? atoi(s) : 0; }
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
    """env(seconds) is the environment of a gateway whose clock is so far ahead."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="clocks-")
        source, self.library = (os.path.join(self.dir, name) for name in ("shim.c", "shim.so"))
        with open(source, "w") as f:
            f.write(SHIM)
        built = procs.run(["cc", "-shared", "-fPIC", "-o", self.library, source])
        assert built.returncode == 0, built.stderr

    def env(self, seconds):
        return {"LD_PRELOAD": self.library, "CLOCK_OFF": str(seconds), "ASAN_OPTIONS": "detect_leaks=0:handle_sigill=1:verify_asan_link_order=0"}

    def finish(self):
        shutil.rmtree(self.dir)
