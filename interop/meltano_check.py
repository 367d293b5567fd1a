"""Runs the project in examples/meltano with the real Meltano: config test, select, a run into
DuckDB that keeps its state, and an incremental one.

usage: meltano_check.py TAP VENVS WORK"""

import json
import os
import shutil
import subprocess
import sys

from results import check, finish
from sandbox import Sandbox, compare
from loaders_read import read_duckdb_file

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "meltano")
DEFINITION = os.path.join(os.path.dirname(EXAMPLE), "..", "packaging", "meltano", "tap-greenhouse.yml")


project = os.path.join(WORK, "project")
shutil.rmtree(project, ignore_errors=True)
shutil.copytree(EXAMPLE, project)
bin = os.path.join(WORK, "bin")
os.makedirs(bin, exist_ok=True)
for name, path in (("tap-greenhouse", TAP), ("target-duckdb", os.path.join(VENVS, "duckdb", "bin", "target-duckdb"))):
    if not os.path.lexists(os.path.join(bin, name)):
        os.symlink(path, os.path.join(bin, name))
sandbox = Sandbox(TAP, WORK, "--candidates", "120")
env = dict(
    os.environ, PATH=bin + ":" + os.environ["PATH"], MELTANO_SEND_ANONYMOUS_USAGE_STATS="false", NO_COLOR="1",
    TAP_GREENHOUSE_CLIENT_ID=sandbox.config["client_id"], TAP_GREENHOUSE_CLIENT_SECRET=sandbox.config["client_secret"],
    TAP_GREENHOUSE_API_URL=sandbox.config["api_url"], TAP_GREENHOUSE_AUTH_URL=sandbox.config["auth_url"])


STREAMS = sandbox.streams


def meltano(*args, folder=project):
    out = subprocess.run([os.path.join(VENVS, "meltano", "bin", "meltano"), *args], cwd=folder, env=env, capture_output=True, text=True)
    return out.returncode, out.stdout, out.stdout + out.stderr


def landed():
    tables = read_duckdb_file(VENVS, os.path.join(project, "warehouse.duckdb"), "greenhouse", STREAMS)
    errors = []
    for stream in STREAMS:
        wanted = sandbox.rows(stream)
        if stream == "candidates":
            for row in wanted.values():
                del row["addresses"]
            if any("addresses" in row for row in tables[stream].values()):
                errors.append("candidates.addresses was deselected and is there")
        errors += compare(stream, wanted, tables[stream])
    return errors


try:
    code, _, text = meltano("config", "test", "tap-greenhouse")
    check("meltano config test", code == 0, text)
    code, out, text = meltano("select", "tap-greenhouse", "--list", "--all")
    check("meltano select --list", code == 0 and "candidates.first_name" in out, text)
    sandbox.get("requests")
    code, _, text = meltano("run", "tap-greenhouse", "target-duckdb")
    errors = landed() if code == 0 else []
    check("meltano run: first", code == 0 and not errors, text + "\n".join(errors))
    code, out, text = meltano("state", "get", "dev:tap-greenhouse-to-target-duckdb")
    try:
        marks = json.loads(out[out.index("{"):])["singer_state"]["bookmarks"]
    except (ValueError, KeyError):
        marks = {}
    check("meltano keeps the state", all("replication_key_value" in marks.get(s, {}) for s in STREAMS if not s.startswith("demographic_")), text)
    sandbox.change(seed=5)
    sandbox.get("requests")
    code, _, text = meltano("run", "tap-greenhouse", "target-duckdb")
    errors = landed() if code == 0 else []
    check("meltano run: second", code == 0 and not errors, text + "\n".join(errors))
    asked = sandbox.get("requests")["lists"]
    check("the second run is incremental", asked == {s: 2 if s == "job_posts" else 1 for s in STREAMS}, str(asked))

    # A new project, with the definition that is generated from the config's schema.
    shutil.rmtree(os.path.join(WORK, "fresh"), ignore_errors=True)
    meltano("init", "fresh", "--no-usage-stats", folder=WORK)
    fresh = os.path.join(WORK, "fresh")
    code, _, text = meltano("add", "--no-install", "--plugin-type", "extractor", "tap-greenhouse", "--from-ref", DEFINITION, folder=fresh)
    check("meltano add --from-ref", code == 0, text)
    # It has no pip_url: nothing is installed, and the tap on the PATH runs.
    code, _, text = meltano("install", "--plugin-type", "extractor", "tap-greenhouse", folder=fresh)
    check("meltano install", code == 0, text)
    code, _, text = meltano("invoke", "tap-greenhouse", "--about", folder=fresh)
    check("meltano invoke", code == 0 and "privacy_columns" in text, text)
finally:
    sandbox.stop()
finish("meltano")
