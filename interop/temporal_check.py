"""Runs the Temporal example on the development server: an account is read, its worker is killed in
the middle, and another one continues.

usage: temporal_check.py TAP VENVS WORK"""

import json
import os
import shutil
import subprocess
import sys
import time

from results import check, finish
from sandbox import Sandbox

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "temporal", "read_account.py")
PYTHON = os.path.join(VENVS, "temporal", "bin", "python")
ADDRESS = "127.0.0.1:25435"

shutil.rmtree(WORK, ignore_errors=True)
folder = os.path.join(WORK, "accounts", "acme")
os.makedirs(os.path.join(folder, "out"))
env = {**os.environ, "TEMPORAL_ADDRESS": ADDRESS, "TAP_GREENHOUSE": TAP, "ACCOUNTS_DIR": os.path.join(WORK, "accounts"), "LOADER": os.path.join(VENVS, "jsonl", "bin", "target-jsonl")}
log = open(os.path.join(WORK, "log"), "w")
server = subprocess.Popen([os.path.join(VENVS, "temporal", "bin", "temporal"), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", ADDRESS.split(":")[1]],
                          stdout=log, stderr=log)
sandbox = Sandbox(TAP, folder, "--candidates", "3000", "--latency", "40ms")
workers = []


def work():
    workers.append(subprocess.Popen([PYTHON, EXAMPLE, "work"], env=env, stdout=log, stderr=log, start_new_session=True))
    return workers[-1]


def read():
    return subprocess.Popen([PYTHON, EXAMPLE, "read", "acme"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


try:
    for name, content in {"config.json": sandbox.config, "target.json": {"destination_path": os.path.join(folder, "out"), "do_timestamp_file": False}}.items():
        with open(os.path.join(folder, name), "w") as f:
            json.dump(content, f)
    for _ in range(40):
        time.sleep(0.5)
        worker = work()
        time.sleep(2)
        if worker.poll() is None:
            break
    run = read()
    time.sleep(2.5)
    os.killpg(worker.pid, 9)  # with the tap and the loader, as a machine that dies
    work()
    out, err = run.communicate(timeout=200)
    check("a killed worker's account is read by another", run.returncode == 0 and "bookmarks" in out, err)
    with open(os.path.join(folder, "out", "candidates.jsonl")) as f:
        rows = {json.loads(line)["id"] for line in f if line.endswith("}\n")}
    check("every candidate arrives", set(sandbox.rows("candidates")) <= rows, f"{len(rows)} of 3000")
    again = read()
    out, err = again.communicate(timeout=100)
    check("the next read continues from its state", again.returncode == 0 and "bookmarks" in out, err)
finally:
    for worker in workers:
        worker.terminate()
    sandbox.stop()
    server.terminate()
finish("temporal")
