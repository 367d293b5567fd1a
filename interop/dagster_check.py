"""Runs the Dagster example: two accounts as partitions, read twice by Dagster's own command, with
their state in its store.

usage: dagster_check.py TAP VENVS WORK"""

import json
import os
import shutil
import subprocess
import sys

from results import check, finish
from sandbox import Sandbox

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "dagster", "greenhouse.py")
METADATA = """
import json, sys
import dagster as dg
instance = dg.DagsterInstance.get()
records = instance.get_event_records(dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION, asset_key=dg.AssetKey("greenhouse"), asset_partitions=[sys.argv[1]]), limit=9)
print(json.dumps([{k: v.value for k, v in r.asset_materialization.metadata.items()} for r in records]))
"""

shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(os.path.join(WORK, "home"))
sandboxes = {}
env = {**os.environ, "DAGSTER_HOME": os.path.join(WORK, "home"), "DAGSTER_DISABLE_TELEMETRY": "1", "TAP_GREENHOUSE": TAP, "ACCOUNTS_DIR": os.path.join(WORK, "accounts"),
       "TAP_GREENHOUSE_ACCOUNTS": "acme,globex,dead", "LOADER": os.path.join(VENVS, "jsonl", "bin", "target-jsonl")}
with open(os.path.join(WORK, "home", "dagster.yaml"), "w") as f:
    f.write("telemetry:\n  enabled: false\n")


def materialize(account):
    return subprocess.run([os.path.join(VENVS, "dagster", "bin", "dagster"), "asset", "materialize", "--select", "greenhouse", "--partition", account, "-f", EXAMPLE],
                          env=env, capture_output=True, text=True, cwd=WORK)


def metadata(account):
    out = subprocess.run([os.path.join(VENVS, "dagster", "bin", "python"), "-c", METADATA, account], env=env, capture_output=True, text=True)
    return json.loads(out.stdout.strip().split("\n")[-1])


try:
    for n, account in enumerate(["acme", "globex", "dead"]):
        folder = os.path.join(WORK, "accounts", account)
        os.makedirs(os.path.join(folder, "out"))
        sandboxes[account] = Sandbox(TAP, folder, "--candidates", "40", "--seed", str(n + 1))
        config = dict(sandboxes[account].config, **({"client_secret": "revoked"} if account == "dead" else {}))
        for name, content in {"config.json": config, "target.json": {"destination_path": os.path.join(folder, "out"), "do_timestamp_file": False}}.items():
            with open(os.path.join(folder, name), "w") as f:
                json.dump(content, f)
    for account in "acme", "globex":
        out = materialize(account)
        told = metadata(account)
        check(f"{account} is read", out.returncode == 0 and "streams are complete" in told[0]["outcome"] and told[0]["records"] > 500, out.stderr)
    out = materialize("acme")
    told = metadata("acme")
    check("the state is in Dagster's store: nothing comes twice", out.returncode == 0 and told[0]["records"] < told[1]["records"] / 2, out.stderr)
    sandboxes["acme"].change(1)
    out = materialize("acme")
    told = metadata("acme")
    check("what is new comes", 0 < told[0]["records"] < told[2]["records"] / 2 and told[0]["requests"] >= len(sandboxes["acme"].streams), str(told[:1])[:500])
    rows = set()
    with open(os.path.join(WORK, "accounts", "acme", "out", "candidates.jsonl")) as f:
        rows = {json.loads(line)["id"] for line in f}
    check("every candidate arrives", set(sandboxes["acme"].rows("candidates")) <= rows)
    out = materialize("dead")
    check("dead credentials fail at once, with what to do", out.returncode != 0 and "client_secret" in out.stderr + out.stdout, out.stderr)
finally:
    for sandbox in sandboxes.values():
        sandbox.stop()
finish("dagster")
