"""Makes a wheel of a static binary, which pip, uvx, pipx and Meltano's pip_url install. It runs
without Python. usage: wheel.py BINARY VERSION PLATFORM-TAG FOLDER

The same binary and version make the same bytes."""

import base64
import hashlib
import os
import sys
import zipfile

NAME = "tap_greenhouse"
METADATA = """Metadata-Version: 2.1
Name: tap-greenhouse
Version: {version}
Summary: Reads Greenhouse (Harvest v3) and speaks Singer and Airbyte
Home-page: https://github.com/tap-greenhouse/tap-greenhouse
License: Apache-2.0
"""


def main(binary, version, tag, folder):
    windows = tag.startswith("win")
    info, scripts = f"{NAME}-{version}.dist-info", f"{NAME}-{version}.data/scripts"
    with open(binary, "rb") as f:
        program = f.read()
    files = [
        (f"{scripts}/tap-greenhouse" + (".exe" if windows else ""), program, 0o755),
        (f"{info}/METADATA", METADATA.format(version=version).encode(), 0o644),
        (f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: packaging/wheel.py\nRoot-Is-Purelib: false\nTag: py3-none-{tag}\n".encode(), 0o644),
    ]
    record = ""
    for name, data, _ in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    files.append((f"{info}/RECORD", (record + f"{info}/RECORD,,\n").encode(), 0o644))
    path = os.path.join(folder, f"{NAME}-{version}-py3-none-{tag}.whl")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data, mode in files:
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            entry.external_attr, entry.compress_type, entry.create_system = (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED, 3
            wheel.writestr(entry, data)
    print(path)


if __name__ == "__main__":
    main(*sys.argv[1:5])
