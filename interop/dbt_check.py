"""Fills a DuckDB database through target-duckdb, and builds the dbt package on it.

usage: dbt_check.py TAP VENVS WORK"""

import collections
import json
import os
import shutil
import subprocess
import sys

from sandbox import Sandbox

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
PROJECT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "dbt")
DATABASE = os.path.join(WORK, "warehouse.duckdb")

shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(WORK)
target = os.path.join(WORK, "target.json")
with open(target, "w") as f:
    json.dump({"path": DATABASE, "default_target_schema": "greenhouse"}, f)

sandbox = Sandbox(TAP, WORK)
try:
    with open(os.path.join(WORK, "log.txt"), "w") as log:
        tap = subprocess.Popen([TAP, "--config", sandbox.config_file], stdout=subprocess.PIPE, stderr=log)
        loader = subprocess.run(
            [os.path.join(VENVS, "duckdb", "bin", "target-duckdb"), "--config", target], stdin=tap.stdout, stdout=log, stderr=log)
        tap.stdout.close()
    if (tap.wait(), loader.returncode) != (0, 0):
        raise SystemExit(f"tap and loader ended with {tap.returncode} and {loader.returncode}: see log.txt in {WORK}")
finally:
    sandbox.stop()

out = os.path.join(WORK, "target")
dbt = subprocess.run(
    [os.path.join(VENVS, "dbt", "bin", "dbt"), "--no-version-check", "build", "--project-dir", PROJECT, "--profiles-dir", PROJECT,
     "--vars", "{greenhouse_source_tests: true}", "--target-path", out,
     "--log-path", WORK],
    env={**os.environ, "GREENHOUSE_DUCKDB": DATABASE}, capture_output=True, text=True, timeout=500)
if not os.path.exists(os.path.join(out, "run_results.json")):
    raise SystemExit(dbt.stdout[-3000:] + dbt.stderr[-3000:])
with open(os.path.join(out, "run_results.json")) as f:
    results = json.load(f)["results"]
counts = collections.Counter(r["status"] for r in results)
for r in results:
    if r["status"] not in ("pass", "success"):
        print("FAILED", r["unique_id"], r["status"], (r["message"] or "")[:300])
print("dbt build:", ", ".join(f"{n} {status}" for status, n in sorted(counts.items())))
deprecated = [line for line in dbt.stdout.splitlines() if "Deprecation" in line]
if deprecated:
    raise SystemExit("\n".join(deprecated))
if dbt.returncode != 0 or set(counts) - {"pass", "success"} or counts["pass"] < 200:
    raise SystemExit(1)
