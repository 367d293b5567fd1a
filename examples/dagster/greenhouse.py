"""Greenhouse accounts as a Dagster asset with one partition per account. The state and the report
of each run are metadata of the asset.

    TAP_GREENHOUSE_ACCOUNTS=acme,globex dagster dev -f greenhouse.py

Each account has a folder below ACCOUNTS_DIR with config.json and target.json."""

import json
import os
import subprocess
import tempfile

import dagster as dg

ACCOUNTS = os.environ.get("TAP_GREENHOUSE_ACCOUNTS", "acme").split(",")
ACCOUNTS_DIR = os.environ.get("ACCOUNTS_DIR", "accounts")
TAP = os.environ.get("TAP_GREENHOUSE", "tap-greenhouse")
LOADER = os.environ.get("LOADER", "target-jsonl")
RETRY_LATER, ASK_A_PERSON = 1, 2

partitions = dg.StaticPartitionsDefinition(ACCOUNTS)


def last_state(context):
    """The state of this account's last run, from Dagster's store."""
    for record in context.instance.get_event_records(
        dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION, asset_key=context.asset_key, asset_partitions=[context.partition_key]), limit=1,
    ):
        return record.asset_materialization.metadata["state"].value
    return {}


@dg.asset(
    partitions_def=partitions,
    retry_policy=dg.RetryPolicy(max_retries=5, delay=60, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS),
    op_tags={"dagster/concurrency_key": "greenhouse"},
)
def greenhouse(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    folder = os.path.join(ACCOUNTS_DIR, context.partition_key)
    with tempfile.TemporaryDirectory() as work:
        state, report, errors = (os.path.join(work, name) for name in ("state.json", "run.json", "log"))
        with open(state, "w") as f:
            json.dump(last_state(context), f)
        with open(errors, "w") as log:
            tap = subprocess.Popen([TAP, "--config", os.path.join(folder, "config.json"), "--state", state, "--report", report], stdout=subprocess.PIPE, stderr=log)
            loader = subprocess.Popen([LOADER, "--config", os.path.join(folder, "target.json")], stdin=tap.stdout, stdout=subprocess.PIPE, text=True)
            tap.stdout.close()
            echoed = loader.communicate()[0]
        code = tap.wait()
        with open(errors) as log:
            context.log.info(log.read())
        run = {}
        if os.path.exists(report):
            with open(report) as f:
                run = json.load(f)
    states = [line for line in echoed.split("\n") if line.startswith("{")]
    metadata = {
        "state": dg.MetadataValue.json(json.loads(states[-1]) if states else last_state(context)),
        "outcome": run.get("outcome", "the run could not begin"),
        "records": sum(s["records"] for s in run.get("streams", [])),
        "requests": run.get("requests", {}).get("lists", 0),
        "seconds waited for the budget": run.get("requests", {}).get("waited_seconds", 0),
        "streams that are not complete": [s["stream"] for s in run.get("streams", []) if s["status"] not in ("complete", "left_alone", "skipped")],
    }
    if code == ASK_A_PERSON:
        raise dg.Failure(f"{context.partition_key}: {metadata['outcome']}", allow_retries=False)
    if code != 0 or loader.returncode != 0:
        # Keep what the loader has echoed, even if the run failed: it is loaded.
        context.log_event(dg.AssetMaterialization(context.asset_key, partition=context.partition_key, metadata=metadata))
        raise dg.Failure(f"{context.partition_key}: {metadata['outcome']}")
    return dg.MaterializeResult(metadata=metadata)


@dg.schedule(job=dg.define_asset_job("read_all", selection=[greenhouse], partitions_def=partitions), cron_schedule="*/15 * * * *")
def quarter_hourly(context):
    for account in ACCOUNTS:
        yield dg.RunRequest(partition_key=account)


defs = dg.Definitions(assets=[greenhouse], schedules=[quarter_hourly])
