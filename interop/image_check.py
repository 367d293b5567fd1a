"""Builds the image, and runs all four commands of an Airbyte source in it as the platform does:
through sh, with [, sleep, mv and eval, and as the image's user. CI reaches no registry, so the base
is made from Debian's static busybox, and a finished binary replaces the stage that compiles.

usage: image_check.py TAP VENVS WORK"""

import json
import os
import shutil
import subprocess
import sys

from results import check, finish
from sandbox import Sandbox

TAP, _, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
PACKAGING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "packaging")
ENTRYPOINT = "/usr/local/bin/tap-greenhouse"
# What the platform's pods run, in short: wait for the input, run the connector, move its output.
PLATFORM = """
fail=0
TIMEOUT=50
while [ ! -f /config/config.json ] && [ $TIMEOUT -gt 0 ]; do sleep 0.1; TIMEOUT=$((TIMEOUT - 1)); done
(eval "$AIRBYTE_ENTRYPOINT %s" > /tmp/stdout.part) || fail=$?
mv /tmp/stdout.part /tmp/stdout
cat /tmp/stdout
exit $fail
"""
shutil.rmtree(WORK, ignore_errors=True)
base, build, config = (os.path.join(WORK, d) for d in ("base", "build/out", "config"))
for folder in (base, build, config):
    os.makedirs(folder)
shutil.copy("/bin/busybox", base)
with open(os.path.join(base, "Dockerfile"), "w") as f:
    f.write('FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\nRUN mkdir -m 1777 /tmp\n')
shutil.copy(TAP, os.path.join(build, "tap-greenhouse"))
shutil.copy(os.path.join(PACKAGING, "..", "LICENSE"), build)
with open(os.path.join(build, "THIRD_PARTY_NOTICES"), "w") as f:
    subprocess.run([os.path.join(PACKAGING, "notices")], check=True, stdout=f)
certificates = "/etc/ssl/certs/ca-certificates.crt"
if os.path.exists(certificates):
    shutil.copy(certificates, build)
else:
    open(os.path.join(build, "ca-certificates.crt"), "w").close()
VERSION = subprocess.run([TAP, "--version"], capture_output=True, text=True, check=True).stdout.split("v")[1].split()[0]


def buildah(*args):
    return subprocess.run(["buildah", "--storage-driver", "vfs", "--root", os.path.join(WORK, "root"), "--runroot", os.path.join(WORK, "run"), *args],
                          capture_output=True, text=True)


sandbox = Sandbox(TAP, WORK, "--candidates", "50")
try:
    out = buildah("bud", "--isolation", "chroot", "-t", "localhost/base", base)
    check("a base with a shell", out.returncode == 0, out.stdout + out.stderr)
    out = buildah("bud", "--isolation", "chroot", "--build-context", "build=" + os.path.dirname(build), "--build-arg", "BASE=localhost/base",
                  "--build-arg", "VERSION=" + VERSION, "-f", os.path.join(PACKAGING, "Dockerfile"), "-t", "source-greenhouse", WORK)
    check("the image is built", out.returncode == 0, out.stdout + out.stderr)
    about = json.loads(buildah("inspect", "--type", "image", "source-greenhouse").stdout)["OCIv1"]["config"]
    check("entrypoint, user and labels", about["Entrypoint"] == [ENTRYPOINT] and about["User"] == "65532:65532"
          and "AIRBYTE_ENTRYPOINT=" + ENTRYPOINT in about["Env"] and about["Labels"]["io.airbyte.version"] == VERSION
          and about["Labels"]["io.airbyte.name"] == "tap-greenhouse/source-greenhouse", str(about))
    container = buildah("from", "source-greenhouse").stdout.strip()

    def run(call):
        out = buildah("run", "--isolation", "chroot", "-v", f"{config}:/config:ro", container, "--", "sh", "-c", PLATFORM % call)
        return [json.loads(line) for line in out.stdout.split("\n") if line.startswith("{")], out.returncode, out.stdout + out.stderr

    with open(os.path.join(config, "config.json"), "w") as f:
        json.dump(sandbox.config, f)
    found, code, text = run("spec")
    check("spec", code == 0 and [m["type"] for m in found] == ["SPEC"], text)
    found, code, text = run("check --config /config/config.json")
    check("check", code == 0 and found and found[-1]["connectionStatus"]["status"] == "SUCCEEDED", text)
    found, code, text = run("discover --config /config/config.json")
    streams = found[-1]["catalog"]["streams"] if found else []
    check("discover", code == 0 and sorted(s["name"] for s in streams) == sandbox.discovered(), text)
    with open(os.path.join(config, "catalog.json"), "w") as f:
        json.dump({"streams": [{"stream": s, "sync_mode": "full_refresh", "destination_sync_mode": "append"} for s in streams if s["name"] == "users"]}, f)
    found, code, text = run("read --config /config/config.json --catalog /config/catalog.json")
    check("read", code == 0 and sum(m["type"] == "RECORD" for m in found) == len(sandbox.rows("users")), text)
finally:
    sandbox.stop()
finish("image")
