"""Greenhouse accounts as one Dagster asset, with a partition for each account.

    pip install dagster dagster-webserver dagster-dg-cli
    dg dev -f greenhouse.py

Each account has a folder in ACCOUNTS_DIR, with config.json and target.json. Its state is
STATES/<account>.json: a folder on a volume, or s3://bucket/prefix, which all machines reach."""

import json
import os
import subprocess
import tempfile

import dagster as dg

ACCOUNTS_DIR = os.environ.get("ACCOUNTS_DIR", "accounts")
STATES = os.environ.get("STATES", "states")
TAP = os.environ.get("TAP_GREENHOUSE", "tap-greenhouse")
LOADER = os.environ.get("LOADER", "target-jsonl")
ASK_A_PERSON = 2
UNDER_WAY = [dg.DagsterRunStatus[s] for s in ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")]

accounts = dg.DynamicPartitionsDefinition(name="greenhouse_accounts")


@dg.asset(partitions_def=accounts, pool="greenhouse", retry_policy=dg.RetryPolicy(max_retries=5, delay=60, backoff=dg.Backoff.EXPONENTIAL))
def greenhouse(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    account = context.partition_key
    folder = os.path.join(ACCOUNTS_DIR, account)
    with tempfile.TemporaryDirectory() as work:
        report = os.path.join(work, "report.json")
        command = [TAP, "pipe", "--config", f"{folder}/config.json", "--state", f"{STATES}/{account}.json", "--report", report,
                   "--", LOADER, "--config", f"{folder}/target.json"]
        with subprocess.Popen(command) as tap:
            try:
                code = tap.wait()
            finally:
                tap.terminate()  # of a run that is terminated: the loader gets what was read, and ends
        if code and not os.path.exists(report):
            raise dg.Failure(f"{account}: another run reads it, or the tap did not start: the log says why", allow_retries=False)
        with open(report) as f:
            run = json.load(f)
    if code:
        raise dg.Failure(f"{account}: {run['outcome']}", allow_retries=code != ASK_A_PERSON)
    return dg.MaterializeResult(metadata={
        "outcome": run["outcome"], "records": sum(s["records"] for s in run["streams"]), "requests": run["requests"]["lists"]})


@dg.schedule(target=greenhouse, cron_schedule="*/15 * * * *")
def quarter_hourly(context):
    """Takes on the accounts that have a folder, and reads those that are not being read."""
    runs = context.instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY))
    names = set(os.listdir(ACCOUNTS_DIR))
    context.instance.add_dynamic_partitions(accounts.name, sorted(names))
    return [dg.RunRequest(partition_key=name) for name in sorted(names - {run.tags.get("dagster/partition") for run in runs})]


defs = dg.Definitions(assets=[greenhouse], schedules=[quarter_hourly])
