"""The image is built for real, and all four commands of an Airbyte source run in it, without a daemon and as the user that the image names.

usage: image_check.py TAP VENVS WORK"""

import json
import os
import shutil
import subprocess
import sys

from sandbox import Sandbox

TAP, _, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
PACKAGING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "packaging")
passed, failed = 0, 0
shutil.rmtree(WORK, ignore_errors=True)
context, config = os.path.join(WORK, "context"), os.path.join(WORK, "config")
os.makedirs(context)
os.makedirs(config)
shutil.copy(TAP, os.path.join(context, "tap-greenhouse"))
certificates = "/etc/ssl/certs/ca-certificates.crt"
if os.path.exists(certificates):
    shutil.copy(certificates, context)
else:
    open(os.path.join(context, "ca-certificates.crt"), "w").close()


def buildah(*args):
    return subprocess.run(["buildah", "--storage-driver", "vfs", "--root", os.path.join(WORK, "root"), "--runroot", os.path.join(WORK, "run"), *args],
                          capture_output=True, text=True)


def check(name, good, detail=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"ok {name}" if good else f"FAILED {name}\n{detail[-2000:]}", flush=True)


sandbox = Sandbox(TAP, WORK, "--candidates", "50")
try:
    out = buildah("bud", "--isolation", "chroot", "-f", os.path.join(PACKAGING, "Dockerfile"), "-t", "source-greenhouse", context)
    check("the image is built", out.returncode == 0, out.stdout + out.stderr)
    about = json.loads(buildah("inspect", "--type", "image", "source-greenhouse").stdout)["OCIv1"]["config"]
    check("entrypoint, user and labels", about["Entrypoint"] == ["/tap-greenhouse"] and about["User"] == "65532:65532"
          and "AIRBYTE_ENTRYPOINT=/tap-greenhouse" in about["Env"] and set(about["Labels"]) >= {"io.airbyte.version", "io.airbyte.name"}, str(about))
    container = buildah("from", "source-greenhouse").stdout.strip()

    def run(*args):
        out = buildah("run", "--isolation", "chroot", "-v", f"{config}:/config:ro", container, "--", "/tap-greenhouse", *args)
        return [json.loads(line) for line in out.stdout.split("\n") if line.startswith("{")], out.returncode, out.stdout + out.stderr

    with open(os.path.join(config, "config.json"), "w") as f:
        json.dump(sandbox.config, f)
    found, code, text = run("spec")
    check("spec", code == 0 and [m["type"] for m in found] == ["SPEC"], text)
    found, code, text = run("check", "--config", "/config/config.json")
    check("check", code == 0 and found[-1]["connectionStatus"]["status"] == "SUCCEEDED", text)
    found, code, text = run("discover", "--config", "/config/config.json")
    streams = found[-1]["catalog"]["streams"]
    check("discover", code == 0 and len(streams) == 73, text)
    with open(os.path.join(config, "catalog.json"), "w") as f:
        json.dump({"streams": [{"stream": s, "sync_mode": "full_refresh", "destination_sync_mode": "append"} for s in streams if s["name"] == "users"]}, f)
    found, code, text = run("read", "--config", "/config/config.json", "--catalog", "/config/catalog.json")
    check("read", code == 0 and sum(m["type"] == "RECORD" for m in found) == len(sandbox.rows("users")), text)
finally:
    sandbox.stop()
print(f"image: {passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
