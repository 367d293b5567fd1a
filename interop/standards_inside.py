"""The standard tests of Airbyte's CDK, run by standards_check.py through pytest. They need a Python
source; Executable is one that runs the tap."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from airbyte_cdk.models import AirbyteMessageSerializer, AirbyteStateMessageSerializer
from airbyte_cdk.sources import Source
from airbyte_cdk.sources.message import InMemoryMessageRepository
from airbyte_cdk.test.standard_tests import SourceTestSuiteBase


class Executable(Source):
    """A source of the CDK that passes each command to the executable, and returns its messages
    unchanged."""

    def __init__(self):
        self.message_repository = InMemoryMessageRepository()

    def messages(self, command, **files):
        """The messages of one command; files are the contents of --config, --catalog and
        --state."""
        with tempfile.TemporaryDirectory() as folder:
            args = [os.environ["TAP"], command]
            for name, content in files.items():
                path = os.path.join(folder, name)
                with open(path, "w") as f:
                    json.dump(content, f)
                args += ["--" + name, path]
            process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
            with process.stdout:
                for line in process.stdout:
                    yield AirbyteMessageSerializer.load(json.loads(line))
            if code := process.wait():
                raise subprocess.CalledProcessError(code, command)

    def answer(self, command, kind, **files):
        """The one message of a kind that a command is run for. All others are emitted before it."""
        found = []
        for message in self.messages(command, **files):
            if message.type.value == kind:
                found.append(message)
            else:
                self.message_repository.emit_message(message)
        assert len(found) == 1, f"{command} sent {len(found)} messages of type {kind}"
        return found[0]

    def spec(self, logger):
        return self.answer("spec", "SPEC").spec

    def check(self, logger, config):
        return self.answer("check", "CONNECTION_STATUS", config=config).connectionStatus

    def discover(self, logger, config):
        return self.answer("discover", "CATALOG", config=config).catalog

    def read_catalog(self, path):
        return self._read_json_file(path)  # as it is: it is the executable that has to refuse one that is wrong

    def read(self, logger, config, catalog, state=None):
        files = {"config": config, "catalog": catalog}
        if state:
            files["state"] = [AirbyteStateMessageSerializer.dump(s) for s in state]
        yield from self.messages("read", **files)


class TestStandards(SourceTestSuiteBase):
    """All tests of the suite, including those of an image: a stand-in for `docker` runs the tap."""

    connector = Executable

    # It compares with what is published in Airbyte's registry, on the internet.
    test_docker_image_spec_backward_compatibility = None

    @classmethod
    def get_connector_root_dir(cls):
        return Path(os.environ["CONNECTOR"])
