"""A model of one Redis that many gateways ask: one thread, which in each turn of its loop reads what has come from all connections,
does it, and then writes the answers of all. What each thing costs is measured; how long the last of N gateways waits follows."""

import heapq
import typing


class Costs(typing.NamedTuple):
    """Seconds. `rounds`: of Redis' thread for each round that a gateway says; `hear`: for one announcement to one gateway. `write`: until the
    change is stored; `turn`: of a gateway between hearing and saying; `way`: of the network, in one direction."""
    rounds: list
    hear: float
    write: float
    turn: float
    way: float

    @property
    def of_gateway(self):
        return self.hear + sum(self.rounds)


class Server:
    """What it was asked for meanwhile is one turn of its loop."""

    def __init__(self):
        self.free, self.queue = 0.0, []

    def turn(self, now):
        """[(when its answer leaves, who)] of all that has come by now."""
        todo, self.queue = self.queue, []
        at = max(now, self.free) + sum(cost for cost, _ in todo) / 2
        out = []
        for cost, who in todo:
            at += cost / 2
            out.append((at, who))
        self.free = at
        return out


def last_of(n, costs, together=False):
    """Seconds until the last of n gateways has read what all of them are told of at once. `together`: they are one process on one
    processor, as the simulated ones are."""
    server, hands, done = Server(), 0.0, 0.0
    server.free = costs.write + costs.hear * n
    events = [(costs.write + costs.hear * (i + 1) + costs.way, i, "gateway", i, 0) for i in range(n)]
    order = n
    while events:
        at, _, what, who, number = heapq.heappop(events)
        order += n
        if what == "gateway":
            at = (max(at, hands) if together else at) + costs.turn
            hands = at
            if number == len(costs.rounds):
                done = max(done, at)
            else:
                heapq.heappush(events, (at + costs.way, order, "server", who, number))
        elif what == "server":
            server.queue.append((costs.rounds[number], (who, number)))
            heapq.heappush(events, (max(at, server.free), order, "loop", 0, 0))
        elif server.queue and at < server.free:
            heapq.heappush(events, (server.free, order, "loop", 0, 0))
        elif server.queue:
            for i, (left, (asker, said)) in enumerate(server.turn(at)):
                heapq.heappush(events, (left + costs.way, order + i, "gateway", asker, said + 1))
    return done
