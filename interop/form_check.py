"""Renders Airbyte's form of the tap with an open JSON Schema form in Chromium, by Airbyte's rules of
layout, and checks what a person sees. form.png in WORK is a picture of it.

usage: form_check.py TAP VENVS WORK"""

import html.parser
import json
import os
import shutil
import subprocess
import sys

from results import check, finish

TAP, _, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "form")
CARDS = ["Sign-in", "What to read", "Personal data", "Deletes and files", "The rest"]


class Seen(html.parser.HTMLParser):
    """The cards of the page, with the names of their open and folded fields."""

    def __init__(self):
        super().__init__()
        self.cards, self.open, self.folded, self.unsupported, self.inside, self.depth = [], [], [], False, "", 0

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "h2":
            self.inside = "h2"
        if tag == "details":
            self.depth += 1
            self.folded += attributes.get("data-fields", "").split()
        name = attributes.get("id", "")
        if tag in ("input", "select", "textarea") and name.startswith("root_") and not self.depth and attributes.get("type") != "hidden":
            self.open.append(name.removeprefix("root_"))
        self.unsupported |= "unsupported-field" in attributes.get("class", "")

    def handle_endtag(self, tag):
        self.inside = "" if tag == "h2" else self.inside
        self.depth -= tag == "details"

    def handle_data(self, data):
        if self.inside == "h2":
            self.cards.append(data)


def chromium(*args):
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=5000", *args, "file://" + os.path.join(WORK, "page.html")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


shutil.rmtree(WORK, ignore_errors=True)
shutil.copytree(SOURCE, WORK)
spec = json.loads(subprocess.run([TAP, "spec"], capture_output=True, text=True, check=True).stdout)["spec"]["connectionSpecification"]
with open(os.path.join(WORK, "spec.json"), "w") as f:
    json.dump(spec, f)
out = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=WORK, capture_output=True, text=True)
check("the form's packages", out.returncode == 0, out.stderr)
out = subprocess.run(["npx", "esbuild", "form.jsx", "--bundle", "--minify", "--alias:spec=./spec.json", '--define:process.env.NODE_ENV="production"', "--outfile=form.js"],
                     cwd=WORK, capture_output=True, text=True)
check("the form is built", out.returncode == 0, out.stderr)
seen = Seen()
seen.feed(chromium("--dump-dom", "--window-size=900,2400").stdout)
check("cards in their order", seen.cards == CARDS, seen.cards)
check("every field can be filled in", seen.open and not seen.unsupported, seen.open)
check("the form opens with the sign-in", seen.open[:3] == ["credentials__oneof_select", "credentials_client_id", "credentials_client_secret"], seen.open)
check("start date, custom fields, personal data and deletes stand open",
      {"start_date", "custom_fields", "privacy_contact", "deletes_store"} <= set(seen.open), seen.open)
check("the rest is folded away", {"lookback", "concurrency", "api_url"} <= set(seen.folded), seen.folded)
chromium("--window-size=900,2400", "--screenshot=" + os.path.join(WORK, "form.png"))
check("a picture", os.path.exists(os.path.join(WORK, "form.png")))
finish("form")
