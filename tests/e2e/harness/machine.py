"""A machine to install on: systemd as process 1, in namespaces of its own, over the files of this one, of which nothing is
changed. It is up in less than a second, and gone with this process."""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile

from . import procs

NAMESPACES = ["--fork", "--kill-child", "--pid", "--mount", "--cgroup", "--uts", "--ipc", "--net"]
PR_SET_PDEATHSIG = 1
CLONE_NEWNET = 0x40000000
# A control group that is the root of the machine's own: of two machines each has its own units.
GROUP = r"""
set -e
mount -t cgroup2 cgroup2 "$0"
group="$0/${0##*/}"
mkdir "$group"
echo 0 > "$group/cgroup.procs"
exec unshare "$@"
"""
GROUP_GONE = r"""
mount -t cgroup2 cgroup2 "$0"
find "$0/${0##*/}" -depth -type d -exec rmdir {} +
"""
PROBE = r"""
set -e
mount --make-rprivate /
mount -t cgroup2 cgroup2 /mnt
mount -t tmpfs none /mnt
mkdir /mnt/changed /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/changed,workdir=/mnt/work /mnt/root
"""
MAKE = r"""
set -e
mount --make-rprivate /
mount -t tmpfs none "$0"
mkdir "$0"/changed "$0"/work "$0"/root
mount -t overlay overlay -o lowerdir=/,upperdir="$0"/changed,workdir="$0"/work "$0"/root
cd "$0"/root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for folder in run tmp dev; do mount -t tmpfs tmpfs $folder; done
mkdir -p dev/pts dev/shm old
mount -t devpts devpts dev/pts -o newinstance,ptmxmode=666
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
ln -s /proc/self/fd dev/fd
ln -s pts/ptmx dev/ptmx
mount --bind proc/sys proc/sys # of the one kernel; the network is ours
mount --bind proc/sys/net proc/sys/net
mount -o remount,bind,ro proc/sys
ip link set lo up
rm -f usr/sbin/policy-rc.d var/lib/man-db/auto-update # packages may start services; the pages are not listed anew
rm -rf etc/systemd/system/*.wants usr/lib/systemd/system/*.wants etc/yett run/yett var/lib/yett var/log/yett
printf '[Unit]\nDescription=A machine for tests\n' > etc/systemd/system/default.target
pivot_root . old
umount -l old
mount --make-rshared /
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /usr/lib/systemd/systemd --system --log-target=journal --show-status=0
"""


def why_not():
    """Why there can be none here; "": there can."""
    if os.geteuid() != 0:
        return "only root makes namespaces"
    for program in ("/usr/lib/systemd/systemd", "/usr/bin/unshare", "/usr/bin/nsenter", "/usr/sbin/ip"):
        if not os.path.exists(program):
            return f"there is no {program}: etc/setup test"
    r = procs.run(["unshare", *NAMESPACES, "sh", "-c", PROBE])
    return f"no namespaces: {r.stderr.strip()}" if r.returncode else ""


class Machine:
    def __init__(self):
        self.first = None
        self.folder = tempfile.mkdtemp(prefix="yett-machine-")
        self.process = procs.spawn(["unshare", "--mount", "sh", "-c", GROUP, self.folder, *NAMESPACES, "sh", "-c", MAKE, self.folder],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
        try:
            self.first = procs.wait_until(self.find_first, 10, what="systemd")
            procs.wait_until(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() == "running", 20,
                             what="the machine")
        except BaseException:
            self.finish()
            raise

    def find_first(self):
        for pid in procs.children(self.process.pid):
            if os.readlink(f"/proc/{pid}/exe").endswith("/systemd"):
                return pid

    def path(self, path):
        """Where a path of the machine is seen from outside."""
        return f"/proc/{self.first}/root{path}"

    @property
    def within(self):
        """Words that run a command in it."""
        return ["nsenter", "-t", str(self.first), "-m", "-p", "-n", "-u", "-i", "-C", "-r", "-w"]

    def run(self, *command, check=True, timeout=60):
        done = procs.run([*self.within, *command], timeout=timeout)
        if check and done.returncode != 0:
            lines = self.run("journalctl", "-n", "2000", "-o", "cat", check=False).stdout.splitlines()
            log = "\n".join([line for line in lines if not line.startswith("{")][-60:])  # no access log
            raise AssertionError(f"{command}: {done.stdout}{done.stderr}{log}")
        return done

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w") as f:
            f.write(text)
        os.chmod(self.path(path), mode)

    def copy(self, source, path):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        shutil.copy(source, self.path(path))

    def __enter__(self):
        """From here on this thread, and what it starts, is in the network of the machine."""
        self.outside = os.open("/proc/self/ns/net", os.O_RDONLY)
        enter_network(f"/proc/{self.first}/ns/net")
        return self

    def __exit__(self, *_):
        enter_network(f"/proc/self/fd/{self.outside}")
        os.close(self.outside)

    def show(self, unit, name):
        return self.run("systemctl", "show", "-P", name, unit).stdout.strip()

    def finish(self):
        self.process.kill()
        self.process.wait(10)
        procs.forget(self.process)
        procs.wait_until(lambda: not self.first or not procs.alive(self.first), 10, what="the end of all in it")
        procs.run(["unshare", "--mount", "sh", "-c", GROUP_GONE, self.folder])
        os.rmdir(self.folder)


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def enter_network(path):
    fd = os.open(path, os.O_RDONLY)
    r = ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET)
    os.close(fd)
    assert r == 0, os.strerror(ctypes.get_errno())
