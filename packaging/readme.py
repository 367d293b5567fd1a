"""The README as it reads outside of the repository: its links lead to the files of a release.

usage: readme.py VERSION"""

import os
import re
import sys

REPOSITORY = "https://github.com/tap-greenhouse/tap-greenhouse"


def readme(version):
    """The text of README.md with absolute links, those of pictures to their bytes."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "README.md"), encoding="utf-8") as f:
        text = f.read()
    relative = r"\((?!https?:|#)([^()\s]+)\)"
    text = re.sub(r"(!\[[^\]]*\])" + relative, rf"\1({REPOSITORY}/raw/v{version}/\2)", text)
    text = re.sub(r"\]" + relative, rf"]({REPOSITORY}/blob/v{version}/\1)", text)
    return re.sub(r"<!--.*?-->\n?", "", text, flags=re.S)


if __name__ == "__main__":
    sys.stdout.write(readme(sys.argv[1]))
