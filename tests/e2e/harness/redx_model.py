"""What redx does with a request, for given rules, as a dozen lines: the rules as Redis holds them, a Host field and a raw
path; and a generator of such triples."""

import random


def find(dialect, depth, frontends, backends, host, path):
    """The set of servers that the request may go to; empty when redx has none."""
    if dialect == "redx":  # nginx' $host: lower case, no port
        host = host.lower().partition(":")[0]
    segments = [s for s in path.partition("?")[0].split("/") if s][:depth]
    end = "/" if dialect == "redx" else ""
    keys = [host + "/" + "/".join(segments[:n]) + end for n in range(len(segments), 0, -1)] + [host]
    for key in keys:
        if key in frontends:
            return {s for s in backends.get(frontends[key], {}) if not s.startswith("_")}
    return set()


WORDS = ["a", "b", "ab", "A", "api", "v1", "users", "a.b", "a~b", "x%20y", "caf%C3%A9"]


class Generator:
    """Rule sets under hosts of their own, so that many of them stand in one Redis."""

    def __init__(self, seed, servers):
        self.random = random.Random(seed)
        self.servers = servers

    def words(self, most):
        return [self.random.choice(WORDS) for _ in range(self.random.randint(0, most))]

    def host(self, number):
        name = self.random.choice(["test.com", "a.test.com", "Test.Com", "b.test.com"])
        return f"s{number}.{name}" + self.random.choice(["", "", "", ":8080"])

    def rules(self, number):
        backends = {f"s{number}-{n}": {} for n in "abcd"}
        for servers in backends.values():
            for server in self.random.sample(self.servers, self.random.choice([0, 1, 1, 1, 2])):
                servers[server] = "0"
        names = list(backends) + [f"s{number}-absent"]
        frontends = {}
        for _ in range(self.random.randint(2, 10)):
            url = "/".join([self.host(number)] + self.words(4)) + self.random.choice(["", "", "/"])
            frontends[url] = self.random.choice(names)
        return frontends, backends

    def request(self, number, frontends):
        """Mostly near a rule: random ones would hardly ever meet one."""
        if self.random.random() < 0.7:
            host, *words = self.random.choice(sorted(frontends)).rstrip("/").split("/")
            words += self.words(2)
            if words and self.random.random() < 0.3:
                words[self.random.randrange(len(words))] = self.random.choice(WORDS)
            if self.random.random() < 0.2:
                words = words[:-1]
            host = self.random.choice([host, host, host.lower(), host.upper(), host.partition(":")[0], "x" + host])
        else:
            host, words = self.host(number), self.words(5)
        path = "/" + "/".join(words)
        if words and self.random.random() < 0.4:
            path += "/"
        return host, path + self.random.choice(["", "", "?q=/a/b", "?"])
