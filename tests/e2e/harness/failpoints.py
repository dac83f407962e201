"""Points at which a test ends the process that comes to one (lib/failpoint.h), by a file beside the binary that all of its
processes share."""

import glob
import os
import re
import struct

from .gateway import ROOT

SIZE = 64  # struct failpoint: left, pid, name


def all_points():
    """As they stand in the tree: a new one is tried without being named here."""
    found = set()
    for folder in "lib", "shm", "master", "worker":
        for file in glob.glob(os.path.join(ROOT, folder, "**", "*.c"), recursive=True):
            with open(file, encoding="utf-8") as f:
                found |= set(re.findall(r'FAILPOINT\("([^"]+)"\)', f.read()))
    return sorted(found)


class Failpoints:
    """Of this binary, before it is started."""

    def __init__(self, binary):
        self.file = binary + ".failpoints"
        self.write(bytes(SIZE), 0)

    def write(self, data, at):
        with open(self.file, "r+b" if os.path.exists(self.file) else "wb") as f:
            f.seek(at)
            f.write(data)

    def arm(self, name, nth=1):
        """The nth process to come there ends, once."""
        self.write(bytes(4), 0)
        self.write(struct.pack("=I56s", 0, name.encode()), 4)
        self.write(struct.pack("=I", nth), 0)

    def disarm(self):
        self.write(bytes(4), 0)

    @property
    def pid(self):
        """Whom it ended; 0: nobody yet."""
        with open(self.file, "rb") as f:
            return struct.unpack("=II", f.read(8))[1]
