"""Loads an account with the example of a Go sink and with MeltanoLabs' target-postgres, into Debian's
PostgreSQL, compares the sink's tables with the sandbox's rows, and measures what each run costs.

usage: sink_check.py TAP VENVS WORK"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

from postgres import Postgres
from results import check, clean, finish
from sandbox import Sandbox, compare
from waiting import until

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "postgres")
PORT = 25441

shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(WORK)
server = Postgres(WORK, PORT)
sink = os.path.join(WORK, "postgres")
env = {**os.environ, "DATABASE_URL": f"postgres://postgres@127.0.0.1:{PORT}/postgres"}
target, state = os.path.join(WORK, "target.json"), os.path.join(WORK, "state.json")
with open(target, "w") as f:
    json.dump(server.config(default_target_schema="loader"), f)


def run(*command):
    """Runs a command; returns its exit code, the CPU seconds of it and its children, and the megabytes of the largest."""
    log = open(os.path.join(WORK, "log"), "w")
    child = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def log():
    with open(os.path.join(WORK, "log")) as f:
        return f.read()


def stored(stream):
    return server.rows(f"greenhouse.{stream}")


def taken():
    """Whether a run has the schema for itself. PostgreSQL may see late that a killed one is gone."""
    return server.query("select count(*) from pg_locks where locktype = 'advisory' and granted") != ["0"]


sandbox = Sandbox(TAP, WORK, "--candidates", "300")
try:
    made = subprocess.run(["go", "build", "-o", sink, "."], cwd=EXAMPLE, capture_output=True, text=True)
    check("the example is built", made.returncode == 0, made.stderr)
    vetted = subprocess.run(["go", "vet", "."], cwd=EXAMPLE, capture_output=True, text=True)
    check("go vet", vetted.returncode == 0, vetted.stderr)
    packages = subprocess.run(["go", "list", "-deps", "."], cwd=EXAMPLE, capture_output=True, text=True).stdout
    check("it contains no client for S3", "pgx" in packages and "minio" not in packages)

    copy, loader = [sink, sandbox.config_file, "greenhouse"], [TAP, "pipe", "--config", sandbox.config_file, "--state", state, "--",
                                                               os.path.join(VENVS, "postgres", "bin", "target-postgres"), "--config", target]
    figures = {}
    for what in "first", "nothing new":
        figures[what] = run(*copy)
        check(f"the sink: {what}", figures[what][0] == 0, log())
        figures[what] += run(*loader)
        check(f"target-postgres: {what}", figures[what][3] == 0, log())
    sandbox.change(1)
    check("the sink: changed rows", run(*copy)[0] == 0, log())
    errors = []
    for stream in sandbox.streams:
        errors += compare(stream, sandbox.rows(stream), stored(stream))
    clean(f"{len(sandbox.streams)} streams, column by column", errors)

    server.query("drop schema greenhouse cascade")
    with open(sandbox.config_file, "w") as f:
        json.dump({**sandbox.config, "concurrency": 1}, f)
    for after in 0.3, 0.6, 1.2:
        killed = subprocess.Popen(copy, env=env, stderr=subprocess.DEVNULL)
        time.sleep(after)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    until(lambda: not taken())
    slow = subprocess.Popen(copy, env=env, stderr=subprocess.DEVNULL)
    until(taken)
    slow.send_signal(signal.SIGSTOP)
    check("a second one at once is refused", run(*copy)[0] == 1 and "another run" in log(), log())
    slow.send_signal(signal.SIGCONT)
    slow.wait()
    check("killed and started again, it has every candidate", slow.returncode == 0 and set(stored("candidates")) == set(sandbox.rows("candidates")))
    for what, (_, cpu, size, _, loader_cpu, loader_size) in figures.items():
        print(f"  {what}: the sink {cpu:.2f} s of CPU and {size:.0f} MB; pipe with target-postgres {loader_cpu:.2f} s and {loader_size:.0f} MB")
finally:
    sandbox.stop()
    server.stop()
finish("sink")
