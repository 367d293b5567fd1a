"""Runs the standard tests of Airbyte's CDK on the executable, through an adapter and as the entry
point of an image.

usage: standards_check.py TAP VENVS WORK"""

import json
import os
import shutil
import stat
import subprocess
import sys

from sandbox import Sandbox

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTOR = os.path.join(WORK, "source-greenhouse")  # the suite takes the connector's name from its folder

# Replaces `docker run --rm [-v HOST:CONTAINER[:rw]]... IMAGE ARGS...` for the suite, without a
# daemon: it runs the tap with the mounted files.
DOCKER = """#!/usr/bin/env python3
import os, sys
args, mounted = sys.argv[1:], {}
assert args[:2] == ["run", "--rm"], args
del args[:2]
while args[0] == "-v":
    host, container = args[1].split(":")[:2]
    mounted[container] = host
    del args[:2]
os.execv(os.environ["TAP"], [os.environ["TAP"]] + [mounted.get(a, a) for a in args[1:]])
"""

shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(os.path.join(WORK, "bin"))
os.makedirs(os.path.join(CONNECTOR, "configs"))
docker = os.path.join(WORK, "bin", "docker")
with open(docker, "w") as f:
    f.write(DOCKER)
os.chmod(docker, stat.S_IRWXU)
shutil.copy(os.path.join(HERE, "..", "packaging", "metadata.yaml"), CONNECTOR)

sandbox = Sandbox(TAP, WORK)
try:
    flat = sandbox.config
    server = {k: flat[k] for k in ("api_url", "auth_url")}
    client = {k: flat[k] for k in ("client_id", "client_secret")}
    configs = {
        "config": {**server, "credentials": {"auth_type": "client_credentials", **client}},
        "flat": flat,
        "wrong_secret": {**server, "credentials": {"auth_type": "client_credentials", **client, "client_secret": "0-not-the-secret-0"}},
        "unreachable": {**server, "api_url": "http://127.0.0.1:9", "auth_url": "http://127.0.0.1:9/token", "credentials": {
            "auth_type": "client_credentials", **client}, "max_retry_time": "1s"},
    }
    for name, config in configs.items():
        with open(os.path.join(CONNECTOR, "configs", name + ".json"), "w") as f:
            json.dump(config, f)
    good = [{"config_path": f"configs/{name}.json"} for name in ("config", "flat")]
    bad = [{"config_path": f"configs/{name}.json", "status": "failed"} for name in ("wrong_secret", "unreachable")]
    suite = {"connector_image": "airbyte/source-greenhouse:dev", "test_strictness_level": "high", "acceptance_tests": {
        "spec": {"tests": [{"config_path": f"configs/{name}.json"} for name in configs]},
        "connection": {"tests": [{**t, "status": "succeed"} for t in good] + bad},
        "discovery": {"tests": good}, "basic_read": {"tests": good}, "full_refresh": {"tests": good}}}
    with open(os.path.join(CONNECTOR, "acceptance-test-config.yml"), "w") as f:
        json.dump(suite, f)  # JSON is YAML
    python = os.path.join(VENVS, "airbyte", "bin", "python")
    tests = subprocess.run(
        [python, "-m", "pytest", "-q", "-rs", "-p", "airbyte_cdk.test.standard_tests.pytest_hooks", "-p", "no:cacheprovider",
         "-W", "error::airbyte_cdk.test.standard_tests.DiscoveredCatalogWarning", "--connector-image", "under-test", "--read-scenarios", "config,flat", "--read-from-streams", "all",
         "--rootdir", WORK, os.path.join(HERE, "standards_inside.py")],
        cwd=WORK, env={**os.environ, "TAP": TAP, "CONNECTOR": CONNECTOR, "PATH": os.path.join(WORK, "bin") + os.pathsep + os.environ["PATH"],
                       "DO_NOT_TRACK": "1", "AIRBYTE_OFFLINE_MODE": "1", "PYTHONDONTWRITEBYTECODE": "1"})
finally:
    sandbox.stop()
sys.exit(tests.returncode)
