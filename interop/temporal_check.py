"""Runs the Temporal example on the development server: workers are killed, stopped and cancelled in
the middle of a read, and the state outlives them all.

usage: temporal_check.py TAP VENVS WORK"""

import json
import os
import shutil
import subprocess
import sys

from results import check, finish
from sandbox import Sandbox
from waiting import processes, until

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "temporal", "read_account.py")
PYTHON, CLI = (os.path.join(VENVS, "temporal", "bin", name) for name in ("python", "temporal"))
ADDRESS = "127.0.0.1:25435"

shutil.rmtree(WORK, ignore_errors=True)
folder = os.path.join(WORK, "accounts", "acme")
state, out, loader = os.path.join(WORK, "states", "acme.json"), os.path.join(folder, "out.jsonl"), os.path.join(WORK, "loader")
os.makedirs(folder)
os.makedirs(os.path.dirname(state))
with open(loader, "w") as f:  # it echoes each state at once
    f.write("""#!/bin/sh
tee -a "$(dirname "$2")/out.jsonl" | grep --line-buffered '"type":"STATE"'
""")
os.chmod(loader, 0o755)
env = {**os.environ, "TEMPORAL_ADDRESS": ADDRESS, "TAP_GREENHOUSE": TAP, "ACCOUNTS_DIR": os.path.join(WORK, "accounts"), "STATES": os.path.dirname(state), "LOADER": loader}
log = open(os.path.join(WORK, "log"), "w")
server = subprocess.Popen([CLI, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", ADDRESS.split(":")[1]], stdout=log, stderr=log)
sandbox = Sandbox(TAP, folder, "--candidates", "3000", "--latency", "100ms")
workers = []


def work():
    workers.append(subprocess.Popen([PYTHON, EXAMPLE, "work"], env=env, stdout=log, stderr=log, start_new_session=True))
    return workers[-1]


def call(*args):
    return subprocess.Popen([PYTHON, EXAMPLE, *args], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def temporal(*args):
    return subprocess.run([CLI, *args, "--address", ADDRESS], capture_output=True, text=True)


def write(**settings):
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump({**sandbox.config, **settings}, f)


def records():
    """The records that were loaded, and the ids of the candidates among them."""
    if not os.path.exists(out):
        return 0, set()
    with open(out) as f:
        loaded = [json.loads(line) for line in f if line.endswith("}\n") and '"RECORD"' in line]
    return len(loaded), {m["record"]["id"] for m in loaded if m["stream"] == "candidates"}


def version():
    """Which state is stored."""
    return os.path.exists(state) and os.stat(state).st_mtime_ns


def reading():
    """The processes that read the account, or load it."""
    return processes(f"{TAP} pipe .*{folder}", loader)


def half():
    """Waits until a part of the account is loaded, and its state stored."""
    before = version()
    check("a read is under way", until(lambda: version() != before and reading()))


try:
    write(concurrency=1)
    until(lambda: temporal("operator", "cluster", "health").returncode == 0)
    worker = work()
    run = call("read", "acme")
    half()
    os.killpg(worker.pid, 9)  # with the tap, as a machine that dies
    until(lambda: not reading())
    worker = work()
    half()
    worker.terminate()
    worker.wait()
    check("a worker that is stopped leaves no tap and no loader behind", not reading(), reading())
    worker = work()
    _, err = run.communicate(timeout=200)
    count, candidates = records()
    check("whoever comes next reads on, until every candidate is there", run.returncode == 0 and candidates >= set(sandbox.rows("candidates")), err)
    all = sum(len(sandbox.rows(stream)) for stream in sandbox.streams)
    check("little comes twice", count < 1.3 * all, f"{count} of {all}")

    write(client_secret="revoked")
    run = call("read", "acme")
    _, err = run.communicate(timeout=100)
    check("refused credentials fail at once", run.returncode == 1 and "exit code 2" in err, err)
    write()
    sandbox.change(1)
    run = call("read", "acme")
    _, err = run.communicate(timeout=100)
    check("a failure loses no state: the next read brings only what is new", run.returncode == 0 and 0 < records()[0] - count < all / 10, err)

    os.remove(state)
    write(concurrency=1)
    run = call("read", "acme")
    half()
    temporal("workflow", "cancel", "--workflow-id", "greenhouse-acme")
    _, err = run.communicate(timeout=60)
    check("a workflow that is cancelled leaves no tap and no loader behind", run.returncode == 1 and not reading(), err + reading())
    write()
    before = version()
    made = call("schedule", "acme")
    made.communicate(timeout=60)
    temporal("schedule", "trigger", "--schedule-id", "greenhouse-acme")
    check("a schedule reads on from there", made.returncode == 0 and until(lambda: version() != before) and until(lambda: not reading()))
finally:
    for worker in workers:
        worker.terminate()
    sandbox.stop()
    server.terminate()
finish("temporal")
