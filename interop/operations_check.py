"""The queries of docs/operations.md, run in DuckDB on what target-duckdb loaded: runs that are
complete, that skip a stream, that are stopped.

usage: operations_check.py TAP VENVS WORK"""

import json
import os
import re
import signal
import subprocess
import sys

from results import check, finish
from sandbox import Sandbox
from waiting import until

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "operations.md")
STREAMS = ["users", "candidates", "jobs", "offers", "sync_log"]
QUERY = "import duckdb, json, sys; c = duckdb.connect(sys.argv[1], read_only=True); print(json.dumps([c.sql(q).fetchall() for q in sys.argv[2:]], default=str))"


def write(name, content):
    path = os.path.join(WORK, name)
    with open(path, "w") as f:
        json.dump(content, f)
    return path


def sync(config, stop=False):
    """A run into DuckDB. A stopped one gets its signal with its first page under way."""
    state = os.path.join(WORK, "state.json")
    given = ["--state", state] if os.path.exists(state) else []
    sandbox.get("requests")  # counted from here
    with open(os.path.join(WORK, "log.txt"), "a") as log:
        tap = subprocess.Popen([TAP, "--config", config, *given], stdout=subprocess.PIPE, stderr=log)
        target = subprocess.Popen(LOADER, stdin=tap.stdout, stdout=subprocess.PIPE, stderr=log, text=True)
        tap.stdout.close()
        if stop:
            until(lambda: sandbox.get("requests")["lists"])
            tap.send_signal(signal.SIGTERM)
        out = target.communicate()[0]
        code = tap.wait()
    if out.strip():
        with open(state, "w") as f:
            f.write(out.strip().split("\n")[-1])
    return code


def queries():
    """The queries of the page, in order."""
    with open(PAGE) as f:
        return re.findall(r"^```sql\n(.*?)^```", f.read(), re.S | re.M)


def ask(*texts):
    python = os.path.join(VENVS, "duckdb", "bin", "python")
    out = subprocess.run([python, "-c", QUERY, DATABASE, *texts], capture_output=True, text=True)
    if out.returncode:
        raise SystemExit(out.stderr)
    return json.loads(out.stdout)


os.makedirs(WORK, exist_ok=True)
DATABASE = os.path.join(WORK, "t.duckdb")
LOADER = [os.path.join(VENVS, "duckdb", "bin", "target-duckdb"), "--config",
          write("duckdb.json", {"path": DATABASE, "default_target_schema": "greenhouse"})]
sandbox = Sandbox(TAP, WORK, "--candidates", "300", "--latency", "300ms",
                  *(f"--scopes=harvest:{s}:list" for s in STREAMS[:3]))
try:
    config = write("config.json", dict(sandbox.config, streams=STREAMS, concurrency=1))
    codes = [sync(config), sync(config, stop=True), sync(config)]
    check("two runs are complete and one is stopped", codes == [0, 143, 0], codes)
    stale, failed, days = ask(*queries())
    check("the stalest stream is the one that was never read", stale[0][0] == "offers" and stale[0][1] is None, stale)
    check("each stream has a row", sorted(r[0] for r in stale) == sorted(STREAMS[:4]), stale)
    check("the others are complete until this run", all(r[1] for r in stale[1:]), stale)
    check("what failed is named", {r[2] for r in failed} == {"skipped", "unfinished"}, failed)
    check("three runs a day", sum(d[1] for d in days) == 3 and sum(d[2] for d in days) > 8, days)
finally:
    sandbox.stop()
finish("operations")
