"""The part of airbyte_check.py that runs in the environment of PyAirbyte and the protocol
models."""

import json
import os
import shutil
import subprocess
import sys

from airbyte_protocol_dataclasses.models import AirbyteMessage
from serpyco_rs import Serializer

from sandbox import Sandbox, compare
from loaders_read import read_duckdb_file

TAP, VENVS, WORK = sys.argv[1:4]
shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(WORK)
os.chdir(WORK)
passed, failed = 0, 0
serializer = Serializer(AirbyteMessage, omit_none=True)


def check(name, errors):
    global passed, failed
    if errors:
        failed += 1
        print(f"FAILED {name}\n" + "\n".join("    " + str(e)[:600] for e in errors[:12]), flush=True)
    else:
        passed += 1
        print(f"ok {name}", flush=True)


def messages(*args, code=0):
    """Runs the source and parses each line with the protocol's models."""
    out = subprocess.run([TAP, *args], capture_output=True, text=True)
    found, errors = [], []
    for line in out.stdout.split("\n"):
        if line:
            try:
                serializer.load(json.loads(line))
                found.append(json.loads(line))
            except Exception as e:  # whatever the models raise
                errors.append(f"{e}: {line[:300]}")
    if out.returncode != code:
        errors.append(f"exit code {out.returncode}: {out.stderr[-500:]}{out.stdout[-500:]}")
    return found, errors


def differs(streams):
    """The streams that are missing, or that the tap should not have."""
    return sorted(set(streams) ^ set(sandbox.discovered()))


def write(name, content):
    path = os.path.join(WORK, name)
    with open(path, "w") as f:
        json.dump(content, f)
    return path


def configured(catalog, mode):
    return {"streams": [{
        "stream": s, "sync_mode": mode if mode in s["supported_sync_modes"] else "full_refresh", "destination_sync_mode": "append",
        "generation_id": 1, "minimum_generation_id": 0, "sync_id": 1} for s in catalog["streams"] if s["name"] in sandbox.streams]}


def statuses(found):
    seen = {}
    for m in found:
        trace = m.get("trace", {})
        if trace.get("type") == "STREAM_STATUS":
            s = trace["stream_status"]
            seen.setdefault(s["stream_descriptor"]["name"], []).append(s["status"])
    return seen


sandbox = Sandbox(TAP, WORK, "--candidates", "150")
try:
    nested = {"api_url": sandbox.config["api_url"], "auth_url": sandbox.config["auth_url"], "credentials": {
        "auth_type": "client_credentials", "client_id": sandbox.config["client_id"], "client_secret": sandbox.config["client_secret"]}}
    config = write("config.json", nested)
    found, errors = messages("spec")
    check("spec", errors or [] if [m["type"] for m in found] == ["SPEC"] else found)
    found, errors = messages("check", "--config", config)
    check("check", errors + [m for m in found if m["type"] == "CONNECTION_STATUS" and m["connectionStatus"]["status"] != "SUCCEEDED"])
    wrong = write("wrong.json", dict(nested, credentials=dict(nested["credentials"], client_secret="wrong")))
    found, errors = messages("check", "--config", wrong)
    status = [m["connectionStatus"] for m in found if m["type"] == "CONNECTION_STATUS"]
    check("check says what is wrong", errors or ([] if status and status[0]["status"] == "FAILED" and "client_secret" in status[0]["message"] else [status]))
    found, errors = messages("discover", "--config", config)
    catalog = [m["catalog"] for m in found if m["type"] == "CATALOG"][0]
    check("discover", errors or differs(s["name"] for s in catalog["streams"]))

    chosen = write("catalog.json", configured(catalog, "incremental"))
    found, errors = messages("read", "--config", config, "--catalog", chosen)
    check("read: every message parses", errors)
    check("read: streams start, run and complete", [f"{n}: {s}" for n, s in statuses(found).items() if s != ["STARTED", "RUNNING", "COMPLETE"]])
    since, errors, state = {}, [], {}
    for m in found:
        if m["type"] == "RECORD":
            since[m["record"]["stream"]] = since.get(m["record"]["stream"], 0) + 1
        if m["type"] == "STATE":
            name = m["state"]["stream"]["stream_descriptor"]["name"]
            if m["state"]["sourceStats"]["recordCount"] != since.pop(name, 0):
                errors.append(f"{name}: a wrong recordCount")
            state[name] = m["state"]
    check("read: a state counts the records since the last one, and one comes after the last record", errors + list(since))
    kept = write("state.json", list(state.values()))
    sandbox.change(seed=9)
    found, errors = messages("read", "--config", config, "--catalog", chosen, "--state", kept)
    records = sum(m["type"] == "RECORD" for m in found)
    check("read: again, what changed", errors + ([] if 70 < records < 1000 else [records]))

    # Column selection, and a scope that is missing.
    narrow = configured(catalog, "full_refresh")
    narrow["streams"] = [s for s in narrow["streams"] if s["stream"]["name"] in ("users", "jobs")]
    for s in narrow["streams"]:
        s["stream"]["json_schema"]["properties"] = {k: v for k, v in s["stream"]["json_schema"]["properties"].items() if k in ("id", "name", "updated_at")}
    sandbox.get("scopes?names=harvest:users:list")
    found, errors = messages("read", "--config", config, "--catalog", write("narrow.json", narrow), code=1)
    for m in found:
        if m["type"] == "RECORD" and set(m["record"]["data"]) != {"id", "name", "updated_at"}:
            errors.append(m)
    check("read: a missing scope is INCOMPLETE, the others COMPLETE", errors + (
        [] if statuses(found) == {"users": ["STARTED", "RUNNING", "COMPLETE"], "jobs": ["STARTED", "INCOMPLETE"]} else [statuses(found)]))
    failures = [m["trace"]["error"] for m in found if m.get("trace", {}).get("type") == "ERROR"]
    check("read: the error names the scope", [] if len(failures) == 1 and failures[0]["failure_type"] == "config_error" and "harvest:jobs:list" in failures[0]["message"] else failures)
    sandbox.get("scopes?names=all")

    # Deletes: the rows come with their key, the bookmark column and the time, and the discovered
    # schema has that column.
    deletes = write("deletes.json", dict(nested, deletes={"store": "file://" + os.path.join(WORK, "ids"), "every": "0s"}))
    found, errors = messages("discover", "--config", deletes)
    with_column = [m["catalog"] for m in found if m["type"] == "CATALOG"][0]
    chosen_streams = ("users", "candidates", "job_posts")
    with_column["streams"] = [s for s in with_column["streams"] if s["name"] in chosen_streams]
    check("deletes: discovered", errors + [s["name"] for s in with_column["streams"] if "_ab_cdc_deleted_at" not in s["json_schema"]["properties"]])
    path = write("deletes-catalog.json", configured(with_column, "incremental"))
    found, errors = messages("read", "--config", deletes, "--catalog", path)
    kept = write("deletes-state.json", list({m["state"]["stream"]["stream_descriptor"]["name"]: m["state"] for m in found if m["type"] == "STATE"}.values()))
    before = {s: set(sandbox.rows(s)) for s in chosen_streams}
    sandbox.get("change?remove=3&seed=5&streams=" + ",".join(chosen_streams))
    found, errors = messages("read", "--config", deletes, "--catalog", path, "--state", kept)
    gone = {s: set() for s in chosen_streams}
    for m in found:
        data = m.get("record", {}).get("data", {})
        if data.get("_ab_cdc_deleted_at"):
            gone[m["record"]["stream"]].add(data["id"])
            if set(data) != {"id", "updated_at", "_ab_cdc_deleted_at"} or data["updated_at"] != data["_ab_cdc_deleted_at"]:
                errors.append(data)
    check("deletes: exactly the rows that are gone", errors + [
        (s, gone[s]) for s in chosen_streams if gone[s] != before[s] - set(sandbox.rows(s)) or not gone[s]])

    # PyAirbyte, with its DuckDB cache.
    import airbyte as ab
    from airbyte.caches import DuckDBCache

    source = ab.get_source("source-greenhouse", local_executable=TAP, config=nested)
    source.check()
    available = source.get_available_streams()
    check("PyAirbyte discovers", differs(available))
    source.select_streams(sandbox.streams)
    cache_file = os.path.join(WORK, "cache.duckdb")
    cache = DuckDBCache(db_path=cache_file)
    for n, what in enumerate(("first read", "changed rows")):
        if n:
            sandbox.change(seed=11)
            sandbox.get("requests")
        source.read(cache=cache)
        cache.get_sql_engine().dispose()
        tables = read_duckdb_file(VENVS, cache_file, "main", sandbox.streams, venv="airbyte")
        errors = []
        for stream in sandbox.streams:
            errors += compare(stream, sandbox.rows(stream), tables[stream])
        check(f"PyAirbyte: {what}: {len(sandbox.streams)} streams, column by column", errors)
    asked = sandbox.get("requests")["lists"]
    check("PyAirbyte: the second read is incremental", [(s, n) for s, n in asked.items() if n != (2 if s == "job_posts" else 1)])
finally:
    sandbox.stop()
print(f"airbyte: {passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
