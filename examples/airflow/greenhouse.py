"""Greenhouse accounts on Airflow 3: one task, mapped over the accounts.

    pip install apache-airflow
    cp greenhouse.py "$AIRFLOW_HOME/dags" && airflow standalone

Each account has a folder in ACCOUNTS_DIR, with config.json and target.json. Its state is
STATES/<account>.json: a folder on a volume, or s3://bucket/prefix, which all workers reach."""

import os
import subprocess
from datetime import timedelta

from airflow.sdk import DAG, BaseOperator, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

ACCOUNTS_DIR = os.environ.get("ACCOUNTS_DIR", "accounts")
STATES = os.environ.get("STATES", "states")
TAP = os.environ.get("TAP_GREENHOUSE", "tap-greenhouse")
LOADER = os.environ.get("LOADER", "target-jsonl")
ASK_A_PERSON = 2


class Pipe(BaseOperator):
    """Reads an account into the loader."""

    def __init__(self, *, account: str, **kwargs):
        super().__init__(**kwargs)
        self.account = account

    def execute(self, context):
        folder = os.path.join(ACCOUNTS_DIR, self.account)
        self.tap = subprocess.Popen([TAP, "pipe", "--config", f"{folder}/config.json", "--state", f"{STATES}/{self.account}.json",
                                     "--", LOADER, "--config", f"{folder}/target.json"])
        code = self.tap.wait()
        if code == ASK_A_PERSON:
            raise AirflowFailException(f"{self.account}: exit code 2; the log says what to do")
        if code:
            raise AirflowException(f"{self.account}: exit code {code}; the log says why")

    def on_kill(self):
        self.tap.terminate()  # the loader gets what was read, and ends


with DAG("greenhouse", schedule="*/15 * * * *", catchup=False, max_active_runs=1):

    @task
    def accounts() -> list[str]:
        return sorted(os.listdir(ACCOUNTS_DIR))

    Pipe.partial(task_id="read", map_index_template="{{ task.account }}", retries=3, retry_delay=timedelta(minutes=1), retry_exponential_backoff=True) \
        .expand(account=accounts())
