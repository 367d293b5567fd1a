"""Tries loaders that CI does not run: installs each in its own virtual environment and loads all
streams twice, the second time with the state that it echoed and with changed rows. Prints a table
in Markdown for docs/loaders.md.

usage: trials.py TAP VENVS WORK [NAME...]"""

import glob
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request

from postgres import Postgres
from sandbox import Sandbox

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
PORT = 25499
S3 = "http://127.0.0.1:25498"


def files(folder):
    return {"destination_path": folder}


def database(_, **more):
    return {"postgres_host": "127.0.0.1", "postgres_port": PORT, "postgres_username": "postgres", "postgres_password": "none", "postgres_database": "postgres",
            "postgres_schema": "public", **more}


def pipelinewise(_):
    return {"host": "127.0.0.1", "port": PORT, "user": "postgres", "password": "none", "dbname": "postgres", "default_target_schema": "wise"}


def s3(**more):
    return lambda _: {"aws_access_key_id": "test", "aws_secret_access_key": "test", "s3_bucket": "loaded", "aws_region": "us-east-1", "aws_endpoint_url": S3, **more}


# name in the table: what pip installs, the program, the version of Python, its config
LOADERS = {
    "target-csv (singer-io)": ("target-csv==0.3.0", "target-csv", "3.9", files),
    "target-csv (MeltanoLabs)": ("meltanolabs-target-csv==0.5.0", "target-csv", "3.11", lambda f: {"output_path": f, "file_naming_scheme": "{stream_name}.csv"}),
    "target-json": ("target-json==0.0.11 pytz", "target-json", "3.9", files),
    "target-singer-jsonl": ("target-singer-jsonl==0.1.0", "target-singer-jsonl", "3.11", lambda f: {"destination": "local", "local": {"folder": f}}),
    "target-sqlite": ("target-sqlite==0.2.0", "target-sqlite", "3.9", lambda f: {"database": os.path.join(f, "t")}),
    "target-parquet (PyPI)": ("target-parquet==0.0.1", "target-parquet", "3.8", files),
    "target-avro": ("target-avro==0.2.0 fastavro<1.5", "target-avro", "3.9", lambda f: {**files(f), "prefix": "gh", "schemas": {}}),
    "target-postgres (datamill)": ("singer-target-postgres==0.2.4", "target-postgres", "3.9", database),
    "target-postgres (statsbot)": ("--no-deps target-postgres==1.1.3 psycopg2-binary singer-python==5.0.4 jsonschema==2.6.0 attrs backoff==1.3.2 python-dateutil six simplejson pytz pendulum "
                                   "arrow==0.12.1 nose", "target-postgres", "3.8", lambda f: {
                                       "host": "127.0.0.1", "port": PORT, "dbname": "postgres", "user": "postgres", "password": "none", "schema": "statsbot"}),
    "target-postgres (PipelineWise)": ("pipelinewise-target-postgres==2.1.2", "target-postgres", "3.9", pipelinewise),
    "target-postgres (MeltanoLabs)": ("meltanolabs-target-postgres==0.8.1", "target-postgres", "3.11", lambda f: {
        "host": "127.0.0.1", "port": PORT, "user": "postgres", "password": "none", "database": "postgres", "default_target_schema": "labs"}),
    "target-s3-csv (PipelineWise)": ("pipelinewise-target-s3-csv==1.5.0", "target-s3-csv", "3.9", s3()),
    "target-s3-jsonl": ("target-s3-jsonl==2.0.1", "target-s3-jsonl", "3.9", s3(path_template="{stream}.json", cloud_provider={
        "cloud_provider_type": "aws", "aws": {"aws_access_key_id": "test", "aws_secret_access_key": "test", "aws_bucket": "loaded", "aws_region": "us-east-1", "aws_endpoint_override": S3}})),
}


def python(version):
    env = dict(os.environ)
    for path in sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python3"))):
        return path, env
    return f"python{version}", env


def last_line(text):
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return lines[-1][:300] if lines else ""


def trial(name, package, program, version, config):
    folder = os.path.join(WORK, name.replace(" ", "-").strip("()"))
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "out"))
    interpreter, env = python(version)
    subprocess.run([interpreter, "-m", "venv", os.path.join(folder, "venv")], check=True, env=env)
    pip = os.path.join(folder, "venv", "bin", "pip")
    done = subprocess.run([pip, "install", "-q", "--disable-pip-version-check", "setuptools<81", "wheel", *package.split()], capture_output=True, text=True, timeout=600)
    if done.returncode:
        return "", "cannot be installed", last_line(done.stderr.replace("note: This error originates", ""))
    frozen = subprocess.run([pip, "freeze"], capture_output=True, text=True).stdout
    base = package.split("==")[0].split()[0].split("/")[-1].lower()
    installed = next((line.split("==")[-1] for line in frozen.split("\n") if line.lower().startswith(base + "==")), "")
    settings = os.path.join(folder, "target.json")
    with open(settings, "w") as f:
        json.dump(config(os.path.join(folder, "out")), f)
    sandbox = Sandbox(TAP, folder, "--candidates", "100")
    state = os.path.join(folder, "state.json")
    with open(state, "w") as f:
        f.write("{}")
    told, error = [], ""
    try:
        for n in range(2):
            began = time.time()
            tap = subprocess.Popen([TAP, "--config", sandbox.config_file, "--state", state], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            try:
                target = subprocess.run([os.path.join(folder, "venv", "bin", program), "--config", settings], stdin=tap.stdout, capture_output=True, text=True, timeout=400,
                                        cwd=folder)
                code, error = target.returncode, last_line(target.stderr)
                states = [line for line in target.stdout.split("\n") if line.startswith("{")]
            except subprocess.TimeoutExpired:
                code, error, states = "slow", "it did not end within 400 s", []
            tap.kill()
            tap.wait()
            if states:
                with open(state, "w") as f:
                    f.write(states[-1])
            told.append(f"{'ok' if code == 0 and states else 'no state' if code == 0 else 'stops'}, {time.time() - began:.0f} s")
            if code != 0:
                break
            error = ""
            sandbox.change(n)
    finally:
        sandbox.stop()
    return installed, "; ".join(told), error


os.makedirs(WORK, exist_ok=True)
server = Postgres(WORK, PORT)
server.query("create schema statsbot")
moto = subprocess.Popen([os.path.join(VENVS, "moto", "bin", "moto_server"), "-H", "127.0.0.1", "-p", S3.rsplit(":", 1)[1]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
time.sleep(3)
urllib.request.urlopen(urllib.request.Request(S3 + "/loaded", method="PUT"))
wanted = sys.argv[4:]
print("| Loader | Version | Python | Twice, all streams | What stopped it |\n|---|---|---|---|---|")
try:
    for name, spec in LOADERS.items():
        if wanted and not any(w in name for w in wanted):
            continue
        try:
            version, result, why = trial(name, *spec)
        except (OSError, subprocess.SubprocessError) as e:
            version, result, why = "", "was not tried", str(e)[:200]
        print(f"| {name} | {version} | {spec[2]} | {result} | {why.replace('|', '/')} |", flush=True)
finally:
    server.stop()
    moto.terminate()
