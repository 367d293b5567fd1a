"""Runs the Airflow example on SQLite: a task mapped over accounts, with their states in a folder.

usage: airflow_check.py TAP VENVS WORK"""

import json
import os
import shutil
import signal
import subprocess
import sys

from results import check, finish
from sandbox import Sandbox
from waiting import processes, until

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "airflow")
AIRFLOW = os.path.join(VENVS, "airflow", "bin", "airflow")

shutil.rmtree(WORK, ignore_errors=True)
for folder in "home", "states", "accounts":
    os.makedirs(os.path.join(WORK, folder))
env = {**os.environ, "AIRFLOW_HOME": os.path.join(WORK, "home"), "AIRFLOW__CORE__DAGS_FOLDER": EXAMPLES, "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
       "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False", "TAP_GREENHOUSE": TAP, "ACCOUNTS_DIR": os.path.join(WORK, "accounts"),
       "STATES": os.path.join(WORK, "states"), "LOADER": os.path.join(VENVS, "jsonl", "bin", "target-jsonl")}
sandboxes = {}


def run():
    """Starts one run of the DAG."""
    log = open(os.path.join(WORK, "log"), "w")
    return subprocess.Popen([AIRFLOW, "dags", "test", "greenhouse"], env=env, cwd=WORK, stdout=log, stderr=log)


def log():
    with open(os.path.join(WORK, "log")) as f:
        return f.read()


def add(account, *flags, **settings):
    folder = os.path.join(WORK, "accounts", account)
    os.makedirs(os.path.join(folder, "out"))
    sandboxes[account] = Sandbox(TAP, WORK, "--candidates", "40", "--seed", str(len(sandboxes)), *flags)
    for name, content in {"config.json": {**sandboxes[account].config, **settings},
                          "target.json": {"destination_path": os.path.join(folder, "out"), "do_timestamp_file": False}}.items():
        with open(os.path.join(folder, name), "w") as f:
            json.dump(content, f)


def loaded(account, stream="candidates"):
    with open(os.path.join(WORK, "accounts", account, "out", stream + ".jsonl")) as f:
        return [json.loads(line)["id"] for line in f]


def reading():
    """The processes that read an account, or load it."""
    return processes(f"{TAP} pipe .*{WORK}", f"target-jsonl --config {WORK}")


try:
    migrated = subprocess.run([AIRFLOW, "db", "migrate"], env=env, cwd=WORK, capture_output=True, text=True)
    check("Airflow's database is made", migrated.returncode == 0, migrated.stderr)
    for account in "acme", "globex":
        add(account)
    code = run().wait()
    check("the DAG runs", code == 0 and "successful" in log(), log())
    for account, sandbox in sandboxes.items():
        check(f"every candidate of {account} arrives", set(sandbox.rows("candidates")) == set(loaded(account)))
    before, jobs = len(loaded("acme")), len(loaded("acme", "jobs"))
    sandboxes["acme"].change(1)
    add("dead", client_secret="revoked")
    add("slow", "--latency", "1s", concurrency=1)
    ending = run()
    check("a slow account is being read", until(lambda: "accounts/slow/target.json" in reading()), log())
    seen = len(log())
    until(lambda: "stream is complete" in log()[seen:])
    ending.send_signal(signal.SIGTERM)
    check("a task that is killed leaves no tap and no loader behind", until(lambda: not [p for p in reading().split("\n") if "slow" in p]), reading())
    check("the state of what was read is kept", os.path.exists(os.path.join(WORK, "states", "slow.json")), log())
    check("refused credentials fail at once, with what to do", until(lambda: "AirflowFailException: dead" in log()) and "client_secret" in log(), log())
    check("the state of the last run counts: what is new comes, and little else",
          until(lambda: len(loaded("acme")) > before) and len(loaded("acme", "jobs")) < 2 * jobs, loaded("acme"))
    ending.kill()  # before it tries the slow account again
    ending.wait()
    until(lambda: not reading())  # the tap that it may have left ends by itself
finally:
    for sandbox in sandboxes.values():
        sandbox.stop()
finish("airflow")
