"""Runs the tap against its sandbox and prints a table. usage: whole.py TAP WORK CANDIDATES"""

import base64
import http.client
import json
import os
import re
import resource
import subprocess
import sys
import time
import urllib.parse
import urllib.request

TAP, WORK, CANDIDATES = sys.argv[1:4]


def serve(*flags):
    process = subprocess.Popen([TAP, "sandbox", "--addr", "127.0.0.1:0", "--limit=-1", "--candidates", CANDIDATES, *flags],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    text = ""
    while not text.rstrip().endswith("}"):
        text += process.stdout.readline()
    path = os.path.join(WORK, "config.json")
    with open(path, "w") as f:
        f.write(text)
    return process, path, json.loads(text)


def sync(config):
    began, before = time.time(), resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.Popen([TAP, "--config", config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    log = run.stderr.read()
    _, _, usage = os.wait4(run.pid, 0)
    wall = time.time() - began
    records = int(re.search(r"(\d+) records", log).group(1))
    requests = int(re.search(r"(\d+) requests", log).group(1))
    return records, requests, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def bare(config):
    """Bytes a second of the sandbox, to a reader that discards them."""
    token = json.load(urllib.request.urlopen(urllib.request.Request(
        config["auth_url"], data=b"grant_type=client_credentials",
        headers={"Authorization": "Basic " + base64.b64encode(f"{config['client_id']}:{config['client_secret']}".encode()).decode()})))["access_token"]
    at = urllib.parse.urlsplit(config["api_url"])
    connection = http.client.HTTPConnection(at.hostname, at.port)
    total, began, buffer = 0, time.time(), bytearray(4 << 20)
    for _ in range(400):
        connection.request("GET", "/v3/candidates?per_page=500", headers={"Authorization": "Bearer " + token})
        answer = connection.getresponse()
        while n := answer.readinto(buffer):
            total += n
    return total / (time.time() - began)


print("| Answers | Records | Requests | Records/s | CPU a record | Peak memory | Sandbox alone |\n|---|---|---|---|---|---|---|")
for name, flags in (("plain", []), ("gzip", ["--gzip"])):
    process, path, config = serve(*flags)
    try:
        speed = bare(config)
        best = min((sync(path) for _ in range(3)), key=lambda r: r[3])
        records, requests, wall, cpu, memory = best
        print(f"| {name} | {records:,} | {requests:,} | {records / wall:,.0f} | {cpu / records * 1e6:.2f} us | {memory:.0f} MB | {speed / 1e9:.1f} GB/s |")
    finally:
        process.terminate()
        process.wait()
