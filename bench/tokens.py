"""Tokens and requests of the scenarios: every scenario sends the same bytes, so that their costs can be subtracted. Tokens are
minted by bench-mint; keys, and tokens that take long to sign, are kept in a folder for the next run."""

import os
import subprocess

import processes

ISSUER = "https://issuer.example"
SECRET = "a-secret-of-the-benchmark-longer-than-32-bytes"
TOKEN_BYTES = 296  # with HS256
REQUEST_BYTES = 640
MANY = 60000  # RS256 tokens that stand for "never seen before": more than any of the caches holds
YEARS = "315360000"  # seconds


class Keys:
    def __init__(self, tools, folder):
        self.mint_tool, self.folder = tools["bench-mint"], folder
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.secret, self.private, self.public = (os.path.join(folder, n) for n in ("secret", "rsa.pem", "rsa.pub"))
        with open(self.secret, "w", encoding="ascii") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(SECRET)
        self.claims = ["--claim", f"iss={ISSUER}", "--claim", "sub=user-{n}"]
        pad = "x" * ((TOKEN_BYTES - len(self.mint("HS256", pad="")[0])) * 3 // 4)
        self.claims += ["--claim", f"pad={pad}"]

    def prepare(self, algorithm):
        if algorithm != "RS256" or os.path.exists(self.public):
            return
        processes.run_quietly(["openssl", "genrsa", "-out", self.private + ".new", "2048"])
        os.chmod(self.private + ".new", 0o600)
        os.rename(self.private + ".new", self.private)
        processes.run_quietly(["openssl", "rsa", "-in", self.private, "-pubout", "-out", self.public])

    def key(self, algorithm):
        return self.private if algorithm == "RS256" else self.secret

    def command(self, algorithm, count, first=0, ttl="86400"):
        return [self.mint_tool, "--jwt-secret", self.key(algorithm), "--tokens", str(count), "--first", str(first),
                "--ttl", ttl, *self.claims]

    def mint(self, algorithm, count=1, ttl="86400", pad=None):
        extra = [] if pad is None else ["--claim", f"pad={pad}"]
        return processes.run_quietly(self.command(algorithm, count, ttl=ttl) + extra).split()

    def file(self, algorithm, count):
        """Name of a file of so many tokens. Signing takes a while with RS256: two processes, and the file is kept."""
        path = os.path.join(self.folder, f"tokens-{algorithm}-{count}")
        if os.path.exists(path):
            return path
        half = count // 2
        jobs = [subprocess.Popen(self.command(algorithm, n, first, YEARS), stdout=subprocess.PIPE)
                for first, n in ((0, half), (half, count - half))]
        text = b"".join(job.communicate()[0] for job in jobs)
        if any(job.returncode for job in jobs) or text.count(b"\n") != count:
            raise processes.Failure("bench-mint failed")
        with open(path + ".new", "wb") as f:
            f.write(text)
        os.rename(path + ".new", path)
        return path

    def forged(self, token):
        """The same with another signature."""
        at = token.rindex(".") + 10
        return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1:]

    def load_options(self, scenario):
        """How bench-load gets the tokens of a scenario, and what stands for one in its requests."""
        algorithm = scenario.gate or "HS256"
        if scenario.tokens == 1:
            return [], self.mint(algorithm)[0]
        if algorithm == "RS256":
            return ["--token-file", self.file(algorithm, scenario.tokens or MANY)], "{token}"
        return ["--jwt-secret", self.secret, "--tokens", str(scenario.tokens), *self.claims], "{token}"


def fields(host, path, token, cookie=""):
    """Header fields of a browser-like request, REQUEST_BYTES in all with its request line; `token` None: without one."""
    lines = [
        f"Host: {host}",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101",
        "Accept: application/json, text/plain, */*",
        "Accept-Language: en-GB,en;q=0.7",
        "Cookie: theme=dark; consent=yes; pad=",
    ]
    if token and cookie:
        lines[-1] = lines[-1].replace("pad=", cookie + "; pad=")
    if token:
        lines.insert(4, f"Authorization: Bearer {token}")
        size = len(f"GET {path} HTTP/1.1\r\n\r\n") + sum(len(line) + 2 for line in lines)
        lines[-1] += "x" * (REQUEST_BYTES - size - (TOKEN_BYTES - len(token) if token == "{token}" else 0))
    return lines
