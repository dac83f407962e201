"""A Redis with the routes of a scenario, as the tools of redx write them: more than a file should have. They have the host of the
load, since each of redx's has one."""

import redis_server

HOST, BATCH = "127.0.0.1", 5000


def url(path):
    return f"{HOST}{path}"


def fill(redis, setting):
    redis.command("HSET", "backend:up", f"127.0.0.1:{setting.upstream}", "0")
    redis.command("HSET", "backend:again", f"127.0.0.1:{setting.upstream}", "0")
    paths = setting.routes()
    for at in range(0, len(paths), BATCH):
        pairs = [(f"frontend:{url(path)}", "up") for path in paths[at:at + BATCH]]
        redis.command("MSET", *(word for pair in pairs for word in pair))


def start(setting, stack):
    """Its port."""
    port = redis_server.start(setting.folder, stack)
    fill(redis_server.Redis(port), setting)
    return port
