"""A Greenhouse account as a Temporal workflow: one activity pipes the tap into a loader and sends
each state that the loader echoes as a heartbeat, so that the next attempt continues from there, on
any machine.

    python read_account.py work                 a worker
    python read_account.py read acme            read the account once, and print its state

Each account has a folder below ACCOUNTS_DIR with config.json and target.json."""

import asyncio
import json
import os
import sys
import tempfile
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.worker import Worker

ACCOUNTS_DIR = os.environ.get("ACCOUNTS_DIR", "accounts")
TAP = os.environ.get("TAP_GREENHOUSE", "tap-greenhouse")
LOADER = os.environ.get("LOADER", "target-jsonl")
SERVER = os.environ.get("TEMPORAL_ADDRESS", "127.0.0.1:7233")
QUEUE = "greenhouse"
ASK_A_PERSON = 2


@activity.defn
async def pipe(account: str, state: dict) -> dict:
    """Reads the account once, and returns its state."""
    beats = activity.info().heartbeat_details
    state = beats[0] if beats else state
    folder = os.path.join(ACCOUNTS_DIR, account)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(state, file)
        file.flush()
        read, write = os.pipe()
        tap = await asyncio.create_subprocess_exec(TAP, "--config", os.path.join(folder, "config.json"), "--state", file.name, stdout=write)
        loader = await asyncio.create_subprocess_exec(LOADER, "--config", os.path.join(folder, "target.json"), stdin=read, stdout=asyncio.subprocess.PIPE, limit=2**26)
        os.close(read)
        os.close(write)

        async def beat():  # also while the budget is waited for, and nothing is echoed
            while True:
                activity.heartbeat(state)
                await asyncio.sleep(5)

        beating = asyncio.create_task(beat())
        try:
            async for line in loader.stdout:
                if line.startswith(b"{"):
                    state = json.loads(line)
                    activity.heartbeat(state)
            loaded, code = await loader.wait(), await tap.wait()
        except asyncio.CancelledError:
            tap.terminate()  # it hands its last state to the loader
            await asyncio.wait([asyncio.create_task(p.wait()) for p in (tap, loader)], timeout=30)
            raise
        finally:
            beating.cancel()
    if code == ASK_A_PERSON:
        raise ApplicationError(f"{account}: the tap ended with 2; its log says what a person has to do", non_retryable=True)
    if code != 0 or loaded != 0:
        raise ApplicationError(f"{account}: the tap ended with {code}, the loader with {loaded}")
    return state


@workflow.defn
class ReadAccount:
    @workflow.run
    async def run(self, account: str, state: dict) -> dict:
        return await workflow.execute_activity(
            pipe, args=[account, state], start_to_close_timeout=timedelta(hours=6), heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=10), maximum_interval=timedelta(hours=1)))


async def main() -> int:
    client = await Client.connect(SERVER)
    if sys.argv[1] == "work":
        await Worker(client, task_queue=QUEUE, workflows=[ReadAccount], activities=[pipe]).run()
        return 0
    account = sys.argv[2]
    # One workflow per account: Temporal refuses a second one with the same id.
    id, state = f"greenhouse-{account}", {}
    try:
        state = await client.get_workflow_handle(id).result()
    except Exception:  # the first run, or one that failed: its state is in its last heartbeat, and rows come again
        pass
    try:
        print(json.dumps(await client.execute_workflow(ReadAccount.run, args=[account, state or {}], id=id, task_queue=QUEUE)))
    except (WorkflowFailureError, WorkflowAlreadyStartedError) as e:
        print(e.cause or e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)  # the client's own threads can crash an interpreter that is ending
