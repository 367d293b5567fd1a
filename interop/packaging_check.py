"""Builds the release for this machine twice, with the same bytes; installs the wheel in a clean
virtual environment, and pipes its demo into a loader.

usage: packaging_check.py TAP VENVS WORK"""

import glob
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

_, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
PACKAGING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "packaging")
BUILD = os.path.join(PACKAGING, "build")
VERSION = subprocess.run([os.path.join(PACKAGING, "version")], check=True, capture_output=True, text=True).stdout.strip()
shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(WORK)


def sums(folder):
    subprocess.run([BUILD, VERSION, folder], check=True, stdout=subprocess.DEVNULL, env={**os.environ, "TARGETS": "linux/amd64"})
    with open(os.path.join(folder, "SHA256SUMS")) as f:
        return f.read()


once, twice = sums(os.path.join(WORK, "once")), sums(os.path.join(WORK, "twice"))
if once != twice:
    raise SystemExit(f"the same commit makes other bytes:\n{once}{twice}")
print("ok two builds are the same")
with open(glob.glob(os.path.join(WORK, "once", "*.cdx.json"))[0]) as f:
    components = json.load(f)["components"]
parts = {c["name"]: c["version"] for c in components}
with open(os.path.join(os.path.dirname(BUILD), "..", "go.mod")) as f:
    direct = [line.split()[:2] for line in f if line.startswith("\t") and "// indirect" not in line]
missing = [m for m, v in direct if m in parts and parts[m] != v] + [m for m in ("std", "github.com/cenkalti/backoff/v4") if m not in parts]
if missing:
    raise SystemExit(f"the SBOM lacks, or has in another version: {missing}")
unlicensed = [c["name"] for c in components if not c.get("licenses") and not c.get("evidence", {}).get("licenses")]
if unlicensed:
    raise SystemExit(f"the SBOM has no licence of {unlicensed}")
print(f"ok the SBOM names {len(parts)} modules, with their licences")
with open(os.path.join(PACKAGING, "metadata.yaml")) as f:
    if f"dockerImageTag: {VERSION}\n" not in f.read():
        raise SystemExit(f"packaging/metadata.yaml does not name the version of CHANGELOG.md, {VERSION}")
print("ok one version")
with tarfile.open(glob.glob(os.path.join(WORK, "once", "*.tar.gz"))[0]) as archive:
    inside = {os.path.basename(m.name): archive.extractfile(m).read().decode(errors="replace") for m in archive.getmembers() if m.isfile()}
with zipfile.ZipFile(glob.glob(os.path.join(WORK, "once", "*.whl"))[0]) as wheel:
    inside |= {"wheel: " + os.path.basename(n): wheel.read(n).decode(errors="replace") for n in wheel.namelist()}
for name, text in (("LICENSE", "Apache License"), ("THIRD_PARTY_NOTICES", "github.com/minio/minio-go"), ("README.md", f"/blob/v{VERSION}/docs/pipe.md"),
                   ("wheel: LICENSE", "Apache License"), ("wheel: THIRD_PARTY_NOTICES", "github.com/minio/minio-go"), ("wheel: METADATA", "# tap-greenhouse")):
    if text not in inside.get(name, ""):
        raise SystemExit(f"{name} of the package lacks {text!r}")
print("ok licences, notices and README in archive and wheel")
venv = os.path.join(WORK, "venv")
subprocess.run([sys.executable, "-m", "venv", venv], check=True)
subprocess.run([os.path.join(venv, "bin", "pip"), "install", "-q", "--no-index", *glob.glob(os.path.join(WORK, "once", "*.whl"))], check=True)
tap = os.path.join(venv, "bin", "tap-greenhouse")
version = subprocess.run([tap, "--version"], capture_output=True, text=True, check=True).stdout
if VERSION not in version:
    raise SystemExit(f"the version is {version}")
print("ok the wheel installs, with its version")
demo = subprocess.Popen([tap, "demo", "--candidates", "100"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
loader = subprocess.run([os.path.join(VENVS, "jsonl", "bin", "target-jsonl")], stdin=demo.stdout, cwd=WORK, capture_output=True, text=True)
files = glob.glob(os.path.join(WORK, "candidates*.jsonl"))
if demo.wait() or loader.returncode or not files or sum(1 for _ in open(files[0], "rb")) != 100:
    raise SystemExit(f"demo and loader ended with {demo.returncode} and {loader.returncode}: {loader.stderr[-1000:]}")
print("ok a loader reads the demo of the installed program")
print("packaging: 6 passed, 0 failed")
