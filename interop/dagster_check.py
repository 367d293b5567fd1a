"""Runs the Dagster example: accounts as partitions, launched and terminated as its UI does it, with
their states in a folder.

usage: dagster_check.py TAP VENVS WORK"""

import json
import os
import shutil
import subprocess
import sys

from results import check, finish
from sandbox import Sandbox
from waiting import processes, until

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "dagster", "greenhouse.py")
BIN = os.path.join(VENVS, "dagster", "bin")
GRPC = ["--grpc-host", "127.0.0.1", "--grpc-port", "25440"]
SCHEDULED = """
import runpy, sys
import dagster as dg
schedule = runpy.run_path(sys.argv[1])["quarter_hourly"]
with dg.DagsterInstance.get() as instance, dg.build_schedule_context(instance=instance) as context:
    print([request.partition_key for request in schedule(context)])
"""
METADATA = """
import json, sys
import dagster as dg
records = dg.DagsterInstance.get().fetch_materializations(dg.AssetRecordsFilter(asset_key=dg.AssetKey("greenhouse"), asset_partitions=[sys.argv[1]]), limit=9).records
print(json.dumps([{k: v.value for k, v in r.asset_materialization.metadata.items()} for r in records]))
"""
TERMINATE = """
import dagster as dg
instance = dg.DagsterInstance.get()
[run] = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
print(instance.run_launcher.terminate(run.run_id))
"""

shutil.rmtree(WORK, ignore_errors=True)
for folder in "home", "states", "accounts":
    os.makedirs(os.path.join(WORK, folder))
sandboxes = {}
env = {**os.environ, "DAGSTER_HOME": os.path.join(WORK, "home"), "DAGSTER_DISABLE_TELEMETRY": "1", "TAP_GREENHOUSE": TAP,
       "ACCOUNTS_DIR": os.path.join(WORK, "accounts"), "STATES": os.path.join(WORK, "states"), "LOADER": os.path.join(VENVS, "jsonl", "bin", "target-jsonl")}
with open(os.path.join(WORK, "home", "dagster.yaml"), "w") as f:
    # Runs start at once, without Dagster's daemon.
    f.write("telemetry:\n  enabled: false\nrun_coordinator:\n  module: dagster._core.run_coordinator\n  class: DefaultRunCoordinator\n")


def dagster(*args):
    return subprocess.run([os.path.join(BIN, "dagster"), *args], env=env, capture_output=True, text=True, cwd=WORK)


def materialize(account):
    return dagster("asset", "materialize", "--select", "greenhouse", "--partition", account, "-f", EXAMPLE)


def python(code, *args):
    return subprocess.run([os.path.join(BIN, "python"), "-c", code, *args], env=env, capture_output=True, text=True)


def metadata(account):
    return json.loads(python(METADATA, account).stdout.strip().split("\n")[-1])


def reading():
    """The processes that read an account, or load it."""
    return processes(f"{TAP} pipe .*{WORK}", f"target-jsonl --config {WORK}")


python("import dagster as dg; dg.DagsterInstance.get()")  # makes the database, which two at once cannot
server = subprocess.Popen([os.path.join(BIN, "dagster"), "api", "grpc", "--python-file", EXAMPLE, "--host", "127.0.0.1", "--port", GRPC[-1]],
                          env=env, cwd=WORK, stdout=open(os.path.join(WORK, "server.log"), "w"), stderr=subprocess.STDOUT)
try:
    for n, account in enumerate(["acme", "globex", "slow", "dead"]):
        folder = os.path.join(WORK, "accounts", account)
        os.makedirs(os.path.join(folder, "out"))
        sandboxes[account] = Sandbox(TAP, folder, "--candidates", "40", "--seed", str(n + 1), *(["--latency", "1s"] if account == "slow" else []))
        config = dict(sandboxes[account].config, **({"client_secret": "revoked"} if account == "dead" else {"concurrency": 1} if account == "slow" else {}))
        for name, content in {"config.json": config, "target.json": {"destination_path": os.path.join(folder, "out"), "do_timestamp_file": False}}.items():
            with open(os.path.join(folder, name), "w") as f:
                json.dump(content, f)
    out = python(SCHEDULED, EXAMPLE)
    check("the schedule takes on the accounts that have a folder", "['acme', 'dead', 'globex', 'slow']" in out.stdout, out.stdout + out.stderr)
    for account in "acme", "globex":
        out = materialize(account)
        told = metadata(account)
        check(f"{account} is read", out.returncode == 0 and "streams are complete" in told[0]["outcome"] and told[0]["records"] > 500, out.stderr)
    out = materialize("acme")
    told = metadata("acme")
    check("the state is kept: nothing comes twice", out.returncode == 0 and told[0]["records"] < told[1]["records"] / 2, out.stderr)
    sandboxes["acme"].change(1)
    out = materialize("acme")
    told = metadata("acme")
    check("what is new comes", 0 < told[0]["records"] < told[2]["records"] / 2 and told[0]["requests"] >= len(sandboxes["acme"].streams), str(told[:1])[:500])
    with open(os.path.join(WORK, "accounts", "acme", "out", "candidates.jsonl")) as f:
        rows = {json.loads(line)["id"] for line in f}
    check("every candidate arrives", set(sandboxes["acme"].rows("candidates")) <= rows)
    out = materialize("dead")
    check("dead credentials fail at once, with what to do", out.returncode != 0 and "client_secret" in out.stderr + out.stdout, out.stderr)
    launched = dagster("job", "launch", *GRPC, "-j", "__ASSET_JOB", "--tags", '{"dagster/partition": "slow"}')
    check("a slow account is being read", until(lambda: "target-jsonl" in reading()), launched.stderr)
    out = python(SCHEDULED, EXAMPLE)
    check("the schedule leaves it alone", "['acme', 'dead', 'globex']" in out.stdout, out.stdout + out.stderr)
    out = python(TERMINATE)
    check("Terminate leaves no tap and no loader behind", "True" in out.stdout and until(lambda: not reading()), out.stdout + out.stderr + reading())
    check("the state of what was read is kept", os.path.exists(os.path.join(WORK, "states", "slow.json")))
finally:
    server.terminate()
    for sandbox in sandboxes.values():
        sandbox.stop()
finish("dagster")
