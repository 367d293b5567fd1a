"""Stores the contents of attachments and the ids of rows in a real S3 server (moto), and compares
them with the sandbox's.

usage: store_check.py TAP VENVS WORK"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request

from results import check, finish
from sandbox import Sandbox
from waiting import until

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
ADDRESS = "http://127.0.0.1:25433"


def run(config, **env):
    out = subprocess.run([TAP, "--config", "-"], input=json.dumps(config), capture_output=True, text=True,
                         env={**os.environ, "AWS_ENDPOINT_URL": ADDRESS, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest", "AWS_REGION": "us-east-1", **env})
    records = [m["record"] for m in map(json.loads, filter(None, out.stdout.split("\n"))) if m["type"] == "RECORD"]
    return out.returncode, records, out.stderr


READ = f"""
import boto3, sys
s3 = boto3.client("s3", endpoint_url="{ADDRESS}", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="testtest")
sys.stdout.buffer.write(s3.get_object(Bucket=sys.argv[1], Key=sys.argv[2])["Body"].read())
"""


def put_bucket(name):
    urllib.request.urlopen(urllib.request.Request(f"{ADDRESS}/{name}", method="PUT"))


shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(WORK)
moto = subprocess.Popen([os.path.join(VENVS, "moto", "bin", "moto_server"), "-H", "127.0.0.1", "-p", ADDRESS.rsplit(":", 1)[1]],
                        stdout=open(os.path.join(WORK, "moto.log"), "w"), stderr=subprocess.STDOUT)
sandbox = Sandbox(TAP, WORK, "--candidates", "60")
try:
    for _ in range(100):
        try:
            put_bucket("greenhouse")
            break
        except OSError:
            time.sleep(0.2)
    config = dict(sandbox.config, streams=["attachments"], attachments={"store": "s3://greenhouse/files"}, deletes={"store": "s3://greenhouse/ids", "every": "0s"})
    code, records, log = run(config)
    check("a sync into a bucket", code == 0 and len(records) == len(sandbox.rows("attachments")), log[-2000:])
    wrong = []
    for r in records[:12]:
        bucket, key = r["content_url"].removeprefix("s3://").split("/", 1)
        body = subprocess.run([os.path.join(VENVS, "moto", "bin", "python"), "-c", READ, bucket, key], capture_output=True, check=True).stdout
        if hashlib.sha256(body).hexdigest() != r["content_sha256"] or len(body) != r["content_bytes"] or not key.startswith(f"files/{r['id']}/"):
            wrong.append(r["content_url"])
    check("objects are whole and in their place", not wrong, str(wrong[:3]))
    sandbox.get("links")
    code, again, log = run(config)
    check("what is there is not fetched again, also after a lost state", code == 0 and [r["content_sha256"] for r in again] == [r["content_sha256"] for r in records], log[-2000:])
    code, records, log = run(dict(config, attachments={"store": "s3://nowhere/files"}))
    check("a missing bucket fails the stream, and is named", code == 1 and not records and "nowhere" in log, log[-2000:])

    # pipe keeps its state in the bucket, for one run at a time
    out = os.path.join(WORK, "piped.jsonl")
    pipe = [TAP, "pipe", "--config", os.path.join(WORK, "users.json"), "--state", "s3://greenhouse/acme/state.json", "--", "sh", "-c"]
    with open(os.path.join(WORK, "users.json"), "w") as f:
        json.dump(dict(sandbox.config, streams=["users"]), f)
    echo = f"tee -a {out} | grep '\"type\":\"STATE\"'"
    env = {**os.environ, "AWS_ENDPOINT_URL": ADDRESS, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest", "AWS_REGION": "us-east-1"}
    first = subprocess.run([*pipe, echo], env=env, capture_output=True, text=True)
    state = subprocess.run([os.path.join(VENVS, "moto", "bin", "python"), "-c", READ, "greenhouse", "acme/state.json"], capture_output=True).stdout
    check("pipe keeps the state in a bucket", first.returncode == 0 and "users" in json.loads(state or "{}").get("bookmarks", {}), first.stderr[-1000:])
    size = os.path.getsize(out)
    holder = subprocess.Popen([*pipe, echo + "; sleep 30"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    check("the first has begun", until(lambda: os.path.getsize(out) > size))
    second = subprocess.run([*pipe, echo], env=env, capture_output=True, text=True)
    check("a second pipe on it ends with exit 2", second.returncode == 2 and "another process uses it" in second.stderr, second.stderr[-1000:])
    holder.kill()
    holder.wait()
    before = open(out).read().count('"RECORD"')
    last = subprocess.run([*pipe, echo], env=env, capture_output=True, text=True)
    check("after a kill, the next one continues from there", last.returncode == 0 and open(out).read().count('"RECORD"') == before, last.stderr[-1000:])

    # the container of the Kubernetes example, as its node is drained
    secrets, state = os.path.join(WORK, "secrets"), "s3://greenhouse/k8s/acme.json"
    os.makedirs(secrets)
    with open(os.path.join(secrets, "config.json"), "w") as f:
        json.dump(dict(sandbox.config, concurrency=1), f)
    with open(os.path.join(secrets, "target-postgres"), "w") as f:
        f.write(f"#!/bin/sh\nexec tee -a {WORK}/k8s.jsonl | grep --line-buffered '\"type\":\"STATE\"'\n")
    os.chmod(f.name, 0o755)
    reader = """
import json, sys, yaml
pod = yaml.safe_load(open(sys.argv[1]))["spec"]["jobTemplate"]["spec"]["template"]["spec"]
print(json.dumps(pod["containers"][0]["command"] + pod["containers"][0]["args"]))
"""
    manifest = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "kubernetes", "cronjob.yaml")
    command = json.loads(subprocess.run([os.path.join(VENVS, "moto", "bin", "python"), "-c", reader, manifest], capture_output=True, check=True).stdout)
    command = [TAP if a == "tap-greenhouse" else state if a.startswith("s3://") else a.replace("/secrets", secrets) for a in command]
    podenv = {**env, "PATH": secrets + ":" + os.environ["PATH"]}
    drained = subprocess.Popen(command, env=podenv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in drained.stderr:
        if "stream is complete" in line:
            break
    drained.terminate()
    log = drained.communicate()[1]
    count = open(f"{WORK}/k8s.jsonl").read().count('"RECORD"')
    check("a pod that is drained ends with 143", drained.returncode == 143 and 0 < count < 5000, log[-2000:])
    last = subprocess.run(command, env=podenv, capture_output=True, text=True)
    every = sum(len(sandbox.rows(stream)) for stream in sandbox.streams)
    total = open(f"{WORK}/k8s.jsonl").read().count('"RECORD"')
    check("the next pod continues from there", last.returncode == 0 and every <= total < every + 0.9 * count, f"{count}, then {total} of {every}: {last.stderr[-1000:]}")

    code, records, log = run(config, AWS_ENDPOINT_URL="http://127.0.0.1:9", TAP_GREENHOUSE_MAX_RETRY_TIME="1s")
    check("a store that does not answer is exit 1", code == 1, log[-500:])
finally:
    sandbox.stop()
    moto.terminate()
    moto.wait()
finish("store")
