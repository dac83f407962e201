"""A Prometheus that scrapes one gateway, and promtool."""

import json
import os
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from . import procs

CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: yett
    static_configs: [{{targets: ["{target}"]}}]
"""


class Prometheus:
    """It must not have logged a warning or worse."""

    def __init__(self, target, rules):
        self.dir, self.port = tempfile.mkdtemp(prefix="prometheus-"), procs.free_port()
        self.log_file = os.path.join(self.dir, "log")
        with open(os.path.join(self.dir, "prometheus.yml"), "w") as f:
            f.write(CONFIG.format(rules=rules, target=target))
        with open(self.log_file, "wb") as log:
            self.process = procs.spawn(
                ["prometheus", f"--config.file={self.dir}/prometheus.yml", f"--storage.tsdb.path={self.dir}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log)

    def has_scraped(self):
        """It looks for the first time five seconds after its start."""
        procs.wait_until(lambda: self.value("up") == 1, 15, 0.05, what=lambda: f"a scrape; {self.log()}")
        return self

    def log(self):
        with open(self.log_file) as f:
            return f.read()

    def ask(self, path, **parameters):
        """The data of an answer of its API; None before it answers. An error of the query is one of ours."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as e:
            if e.code == 503:
                return None
            raise AssertionError(f"{parameters}: {e.read().decode()}") from None
        except OSError:
            return None

    def query(self, expression):
        """A vector or a matrix: [{"metric": labels, "value" or "values": ...}]."""
        data = self.ask("query", query=expression)
        return data and data["result"]

    def value(self, expression):
        """Of its one sample."""
        result = self.query(expression)
        return float(result[0]["value"][1]) if result else None

    def finish(self):
        log = self.log()
        self.process.terminate()
        self.process.wait(10)
        procs.forget(self.process)
        shutil.rmtree(self.dir)
        assert "level=error" not in log and "level=warn" not in log, log


def promtool(*arguments):
    """Its output; it must find nothing wrong."""
    r = procs.run(["promtool", *arguments])
    assert r.returncode == 0, r
    return r.stdout


def check_metrics(gw, folder):
    """promtool has nothing to say of the names, types and help of what this gateway tells."""
    file = os.path.join(folder, "metrics")
    with open(file, "wb") as f:
        f.write(gw.admin("/metrics").body)
    r = procs.run(["sh", "-c", 'exec promtool check metrics < "$1"', "sh", file])
    assert r.returncode == 0 and r.stdout + r.stderr == "", r
