"""Greenhouse accounts on Temporal: a schedule for each account starts a workflow of one activity,
which reads the account into a loader.

    pip install temporalio
    python read_account.py work                 a worker
    python read_account.py schedule acme        read the account every 15 minutes
    python read_account.py read acme            read it now

Each account has a folder in ACCOUNTS_DIR, with config.json and target.json. Its state is
STATES/<account>.json: a folder on a volume, or s3://bucket/prefix, which all machines reach."""

import asyncio
import os
import signal
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import (Client, Schedule, ScheduleActionStartWorkflow, ScheduleIntervalSpec, ScheduleOverlapPolicy, SchedulePolicy, ScheduleSpec,
                               WorkflowFailureError)
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.worker import Worker

ACCOUNTS_DIR = os.environ.get("ACCOUNTS_DIR", "accounts")
STATES = os.environ.get("STATES", "states")
TAP = os.environ.get("TAP_GREENHOUSE", "tap-greenhouse")
LOADER = os.environ.get("LOADER", "target-jsonl")
SERVER = os.environ.get("TEMPORAL_ADDRESS", "127.0.0.1:7233")
QUEUE = "greenhouse"
ASK_A_PERSON = 2


@activity.defn
async def pipe(account: str) -> None:
    folder = os.path.join(ACCOUNTS_DIR, account)
    tap = await asyncio.create_subprocess_exec(
        TAP, "pipe", "--config", f"{folder}/config.json", "--state", f"{STATES}/{account}.json", "--grace", "20s",
        "--", LOADER, "--config", f"{folder}/target.json")
    ended = asyncio.ensure_future(tap.wait())
    try:
        while not (await asyncio.wait([ended], timeout=5))[0]:
            activity.heartbeat()
    finally:
        if not ended.done():  # cancelled, or the worker stops: the loader gets what was read, and ends
            tap.terminate()
            await asyncio.shield(ended)
    if ended.result():
        raise ApplicationError(f"{account}: exit code {ended.result()}; the log says why", non_retryable=ended.result() == ASK_A_PERSON)


@workflow.defn
class ReadAccount:
    @workflow.run
    async def run(self, account: str) -> None:
        await workflow.execute_activity(
            pipe, account, start_to_close_timeout=timedelta(hours=6), heartbeat_timeout=timedelta(seconds=30),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=10), maximum_interval=timedelta(hours=1)))


async def main(verb: str, account: str = "") -> int:
    client = await Client.connect(SERVER)
    id = f"greenhouse-{account}"
    match verb:
        case "work":
            stop = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
            async with Worker(client, task_queue=QUEUE, workflows=[ReadAccount], activities=[pipe]):
                await stop.wait()
        case "schedule":
            await client.create_schedule(id, Schedule(
                action=ScheduleActionStartWorkflow(ReadAccount.run, account, id=id, task_queue=QUEUE),
                spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(minutes=15))]),
                policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP)))
        case "read":
            try:
                await client.execute_workflow(ReadAccount.run, account, id=id, task_queue=QUEUE)
            except (WorkflowFailureError, WorkflowAlreadyStartedError) as e:
                print(getattr(e.cause, "cause", e.cause) or e, file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    code = asyncio.run(main(*sys.argv[1:]))
    sys.stdout.flush()
    os._exit(code)  # the client's own threads can crash an interpreter that is ending
