"""Measures whole processes against the sandbox, and prints tables. usage: measure.py TAP VENVS WORK
CANDIDATES

VENVS has a virtual environment for each of requirements/*.txt. What was measured goes to
WORK/results.json, for plot.py. With - for VENVS, only what a record costs the tap in CPU time is
measured, which a busy machine can do, too."""

import base64
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TAP, VENVS, WORK, CANDIDATES = sys.argv[1:5]
SDK = [f"{VENVS}/sdk/bin/python", f"{HERE}/peers/sdk_tap.py"]
LOWCODE = [f"{VENVS}/lowcode/bin/python", f"{HERE}/peers/lowcode.py"]

# The limit that the least time is counted under.
LIMIT, WINDOW, LATENCY = 50, 30, 0.15
LIMITED_CANDIDATES = "5600"


def programs(config):
    """The programs to compare, with their calls to read everything."""
    catalog = os.path.join(WORK, "catalog.json")
    with open(catalog, "w") as f:
        subprocess.run([*LOWCODE, "catalog"], stdout=f, check=True)
    return {
        "tap-greenhouse": [TAP, "--config", config],
        "tap-greenhouse read": [TAP, "read", "--config", config, "--catalog", catalog],
        "Singer SDK": [*SDK, "--config", config],
        "Airbyte low-code": [*LOWCODE, "read", "--config", config, "--catalog", catalog],
    }


class Sandbox:
    """A sandbox in its own process, which ends with the block."""

    def __init__(self, *flags):
        self.process = subprocess.Popen([TAP, "sandbox", "--addr", "127.0.0.1:0", *flags], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        text = ""
        while not text.rstrip().endswith("}"):
            text += self.process.stdout.readline()
        self.config = json.loads(text)
        self.file = os.path.join(WORK, "config.json")
        with open(self.file, "w") as f:
            f.write(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def counts(self):
        """Requests to lists and how many of them were refused for the limit, since the last
        call."""
        status = json.load(urllib.request.urlopen(self.config["api_url"] + "/sandbox/requests"))["status"]
        return sum(status.values()), status.get("429", 0)

    def speed(self):
        """Bytes per second from the sandbox to a reader that discards them."""
        sign = base64.b64encode(f"{self.config['client_id']}:{self.config['client_secret']}".encode()).decode()
        token = json.load(urllib.request.urlopen(urllib.request.Request(
            self.config["auth_url"], data=b"grant_type=client_credentials", headers={"Authorization": "Basic " + sign})))["access_token"]
        at = urllib.parse.urlsplit(self.config["api_url"])
        connection = http.client.HTTPConnection(at.hostname, at.port)
        total, began, buffer = 0, time.time(), bytearray(4 << 20)
        for _ in range(400):
            connection.request("GET", "/v3/candidates?per_page=500", headers={"Authorization": "Bearer " + token})
            answer = connection.getresponse()
            while n := answer.readinto(buffer):
                total += n
        self.counts()
        return total / (time.time() - began)


def sync(sandbox, call):
    """Runs a program to its end. Its records are counted in another process, which costs both sides
    the same."""
    began = time.time()
    counter = subprocess.Popen(["grep", "-c", '^{"type": *"RECORD"'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    run = subprocess.Popen(call, stdout=counter.stdin, stderr=subprocess.DEVNULL)
    counter.stdin.close()
    _, status, usage = os.wait4(run.pid, 0)
    wall = time.time() - began
    if status != 0:
        sys.exit(f"{call} ended with {os.waitstatus_to_exitcode(status)}")
    requests, refused = sandbox.counts()
    return {"records": int(counter.stdout.read()), "requests": requests, "refused": refused, "seconds": wall,
            "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss / 1024}


def cost():
    """What a record costs the tap: the least of three runs."""
    print("| Answers | Records | Requests | CPU per record | Peak memory |\n|---|---|---|---|---|")
    for answers, flags in (("plain", []), ("gzip", ["--gzip"])):
        with Sandbox("--limit=-1", "--candidates", CANDIDATES, *flags) as sandbox:
            runs = [sync(sandbox, [TAP, "--config", sandbox.file]) for _ in range(3)]
            r = min(runs, key=lambda r: r["cpu"])
            memory = max(r["memory"] for r in runs)
            print(f"| {answers} | {r['records']:,} | {r['requests']:,} | {r['cpu'] / r['records'] * 1e6:.2f} us | {memory:.0f} MB |")


def read_everything():
    """Reads everything without a limit: the cost of a record."""
    rows = []
    for answers, flags in (("plain", []), ("gzip", ["--gzip"])):
        with Sandbox("--limit=-1", "--candidates", CANDIDATES, *flags) as sandbox:
            speed = sandbox.speed()
            for name, call in programs(sandbox.file).items():
                repeats = 3 if call[0] == TAP else 1
                runs = [sync(sandbox, call) for _ in range(repeats)]
                best = min(runs, key=lambda r: r["cpu"])
                rows.append({"program": name, "answers": answers, "sandbox": speed, **best, "memory": max(r["memory"] for r in runs)})
    print("| Program | Answers | Records | Requests | Records/s | CPU per record | Peak memory | Sandbox alone |\n|---|---|---|---|---|---|---|---|")
    for r in rows:
        print(f"| {r['program']} | {r['answers']} | {r['records']:,} | {r['requests']:,} | {r['records'] / r['seconds']:,.0f} | "
              f"{r['cpu'] / r['records'] * 1e6:.2f} us | {r['memory']:.0f} MB | {r['sandbox'] / 1e9:.1f} GB/s |")
    return rows


def read_under_a_limit():
    """Reads as much as a few windows hold: how close each program comes to the least time. Each
    starts with a fresh window."""
    rows = []
    with Sandbox("--limit", str(LIMIT), "--window", f"{WINDOW}s", "--latency", f"{LATENCY}s", "--candidates", LIMITED_CANDIDATES) as sandbox:
        for name, call in programs(sandbox.file).items():
            time.sleep(WINDOW - time.time() % WINDOW + 0.1)
            rows.append({"program": name, **sync(sandbox, call)})
    pages = min(r["requests"] - r["refused"] for r in rows)
    least = (pages - 1) // LIMIT * WINDOW + LATENCY
    print(f"\n{LIMIT} requests in {WINDOW} s, {LATENCY * 1000:.0f} ms each; {pages} pages to read, which takes {least:.0f} s at the least.\n")
    print("| Program | Requests | Refused (429) | Seconds | Over the least |\n|---|---|---|---|---|")
    for r in rows:
        r["least"], r["pages"] = least, pages
        print(f"| {r['program']} | {r['requests']} | {r['refused']} | {r['seconds']:.1f} | {r['seconds'] / least:.2f} times |")
    return rows


def first_request(call, listener):
    """Seconds from the start of a program to its first request."""
    began = time.time()
    run = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    connection, _ = listener.accept()
    connection.recv(1)
    took = time.time() - began
    run.kill()
    run.wait()
    connection.close()
    return took


def start():
    """Start-up: to the end of commands without a request, and to the first request."""
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = os.path.join(WORK, "start.json")
    with open(config, "w") as f:
        json.dump({"client_id": "c", "client_secret": "s", "api_url": base, "auth_url": base + "/token"}, f)

    def whole(call, _):
        began = time.time()
        subprocess.run(call, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.time() - began

    reads = programs(config)
    rows = []
    for name, what, call, measure in (
        ("tap-greenhouse", "--discover", [TAP, "--config", config, "--discover"], whole),
        ("tap-greenhouse", "spec", [TAP, "spec"], whole),
        ("tap-greenhouse", "first request", reads["tap-greenhouse"], first_request),
        ("tap-greenhouse read", "first request", reads["tap-greenhouse read"], first_request),
        ("Singer SDK", "--discover", [*SDK, "--config", config, "--discover"], whole),
        ("Singer SDK", "first request", reads["Singer SDK"], first_request),
        ("Airbyte low-code", "spec", [*LOWCODE, "spec"], whole),
        ("Airbyte low-code", "first request", reads["Airbyte low-code"], first_request),
    ):
        times = [measure(call, listener) for _ in range(21 if call[0] == TAP else 3)]
        rows.append({"program": name, "what": what, "seconds": statistics.median(times)})
    print("\n| Program | From its start to | Milliseconds (median) |\n|---|---|---|")
    for r in rows:
        print(f"| {r['program']} | {r['what']} | {r['seconds'] * 1000:.1f} |")
    return rows


if __name__ == "__main__":
    if VENVS == "-":
        cost()
        sys.exit()
    results = {"everything": read_everything(), "limit": read_under_a_limit(), "start": start()}
    with open(os.path.join(WORK, "results.json"), "w") as f:
        json.dump(results, f)
