"""Checks what a person sees: the live display in terminals of several sizes, and the report in a
headless Chromium, whose figures are compared with the run's.

usage: screen_check.py TAP VENVS WORK [PICTURE]     PICTURE is an SVG of the display to write, for
the README: with it, nothing is checked"""

import html
import json
import os
import re
import shutil
import subprocess
import sys

from results import check, finish
from sandbox import Sandbox

TAP, VENVS, WORK = (os.path.abspath(p) for p in sys.argv[1:4])
HERE = os.path.dirname(os.path.abspath(__file__))
shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(WORK)


echoes = {}  # whether what is typed showed again, after the last call of each command


def at_terminal(argv, cols, rows, program=TAP, **spec):
    spec = {"argv": [program, *argv], "cols": cols, "rows": rows, **spec}
    out = subprocess.run([os.path.join(VENVS, "screen", "bin", "python"), os.path.join(HERE, "terminal.py"), json.dumps(spec)],
                         capture_output=True, text=True, timeout=120)
    if out.returncode:
        raise SystemExit(out.stderr)
    answer = json.loads(out.stdout)
    with open(os.path.join(WORK, "screens.txt"), "a") as f:
        for screen in answer["screens"]:
            f.write(f"\n$ tap-greenhouse {' '.join(argv)}  ({cols}x{rows})\n" + "".join(f"|{line}|\n" for line in screen))
    echoes[argv[0] if argv else ""] = answer["echoes"]
    return answer["code"], [[line.rstrip() for line in screen] for screen in answer["screens"]]


def text(screen):
    return "\n".join(screen)


def shows(screen):
    return bool(re.search(r"^\d+ of \d+ streams", text(screen), re.M))


PIPE = "tap-greenhouse pipe --config config.json --state state.json -- target-jsonl"


def picture(path, cols=90):
    """A run of the command that the README tells: the display after 3 s, and how it ends, as an SVG."""
    bin = os.path.join(WORK, "bin")
    os.makedirs(bin)
    os.symlink(TAP, os.path.join(bin, "tap-greenhouse"))
    search = os.pathsep.join([bin, os.path.join(VENVS, "jsonl", "bin"), os.environ["PATH"]])
    sandbox = Sandbox(TAP, WORK, "--candidates", "1500", "--limit=50", "--latency", "100ms")
    try:
        with open(os.path.join(WORK, "config.json"), "w") as f:
            json.dump(sandbox.config, f)
        code, screens = at_terminal(["-c", f"cd {WORK} && exec {PIPE}"], cols, 24, program="sh", env={"PATH": search}, at=[3])
    finally:
        sandbox.stop()
    if code or not shows(screens[0]):
        raise SystemExit(f"exit code {code}:\n{text(screens[-1])}")
    rows = ["$ " + PIPE]
    for screen in screens:
        rows += [line for line in screen if line] + [""]
    lines = "".join(f'<text xml:space="preserve" x="14" y="{24 + 20 * i}">{html.escape(row)}</text>' for i, row in enumerate(rows))
    with open(path, "w") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {9 * cols} {20 * len(rows) + 20}" font-family="ui-monospace, Menlo, Consolas, monospace" '
                f'font-size="14" fill="#d7dae0"><rect width="100%" height="100%" rx="8" fill="#1d2027"/>{lines}</svg>\n')


def demo():
    for cols, rows in (80, 24), (140, 40):
        code, screens = at_terminal(["demo"], cols, rows)
        end = text(screens[-1])
        check(f"demo at {cols}x{rows} ends within the screen", code == 0 and len(re.findall(r"\b(\d+) of \1 streams", end)) == 1 and "demo | target-jsonl" in end and not shows(screens[-1]), end)


def run(cols, rows, more=None, candidates=5000, **spec):
    """A run in a terminal, of a fresh account with a full budget."""
    sandbox = Sandbox(TAP, WORK, "--candidates", str(candidates), "--limit=50", "--latency", "100ms")
    try:
        with open(sandbox.config_file, "w") as f:
            json.dump({**sandbox.config, **(more or {})}, f)
        return at_terminal(["--config", sandbox.config_file], cols, rows, out=os.path.join(WORK, "messages.jsonl"), **spec)
    finally:
        sandbox.stop()


def live():
    for cols, rows in (80, 24), (140, 40):
        code, screens = run(cols, rows, at=[2], interrupt=2.5)
        under = text(screens[0])
        check(f"a run at {cols}x{rows} shows streams, records, requests and budget",
              shows(screens[0]) and re.search(r"records +\d+ requests", under) and re.search(r"budget: \d+ of \d+ left, full again in \d+s", under), under)
        end = text(screens[-1])
        check(f"Ctrl-C at {cols}x{rows} leaves a clean screen", code == 130 and not shows(screens[-1]) and end.startswith("The run was stopped") and "summary: " in end, end)
    code, screens = run(80, 24, at=[1.5, 3], resize=[2, 44, 12], interrupt=3.5)
    check("a window that gets narrow is drawn anew", shows(screens[1]) and all(len(line) <= 44 for line in screens[1]), text(screens[1]))
    code, screens = run(30, 7, at=[2], interrupt=2.5)
    check("a window of 30x7 holds it", shows(screens[0]) and code == 130, text(screens[0]))
    for name, env in {"CI": {"CI": "true"}, "TERM=dumb": {"TERM": "dumb"}, "--log-format json": {"TAP_GREENHOUSE_LOG_FORMAT": "json"}}.items():
        code, screens = run(200, 60, env=env, at=[2], interrupt=2.5)
        check(f"plain lines with {name}", not shows(screens[0]) and "stream is complete" in text(screens[0]), text(screens[0]))
    code, screens = run(80, 24, env={"NO_COLOR": "1"}, at=[2], interrupt=2.5)
    check("NO_COLOR", shows(screens[0]), text(screens[0]))
    code, screens = run(80, 24, more={"client_secret": "wrong"})
    check("refused credentials leave a clean screen", code == 2 and not shows(screens[-1]) and "client_secret" in text(screens[-1]), text(screens[-1]))


def completion():
    """The completion scripts, in their shells, with a tab."""
    bin = os.path.join(WORK, "bin")
    os.makedirs(bin)
    os.symlink(TAP, os.path.join(bin, "tap-greenhouse"))
    shells = {
        "bash": (["bash", "--norc"], "source {}"),
        "zsh": (["zsh", "-f"], "autoload -Uz compinit && compinit -u -D; source {}"),
        "fish": (["fish", "--no-config"], "source {}"),
    }
    for shell, (argv, load) in shells.items():
        script = os.path.join(WORK, "completion." + shell)
        with open(script, "w") as f:
            subprocess.run([TAP, "completion", shell], stdout=f, check=True)
        for start, whole in {"tap-greenhouse sco": "tap-greenhouse scopes", "tap-greenhouse scopes --pro": "tap-greenhouse scopes --probe", "tap-greenhouse --disc": "tap-greenhouse --discover"}.items():
            _, screens = at_terminal(argv[1:], 100, 24, program=argv[0], env={"PATH": bin + ":" + os.environ["PATH"], "HOME": WORK, "XDG_DATA_HOME": WORK, "XDG_CONFIG_HOME": WORK},
                                     type=[[1, "clear; " + load.format(script) + "\r"], [2, start + "\t"]], at=[3], interrupt=3.2, hangup=3.4)
            check(f"{shell} completes {start}", whole in text(screens[0]).replace("\n", ""), text(screens[0]))


def init():
    """The questions of init in a terminal: a secret is never echoed."""
    sandbox = Sandbox(TAP, WORK, "--candidates", "20")
    addresses = {"TAP_GREENHOUSE_API_URL": sandbox.config["api_url"], "TAP_GREENHOUSE_AUTH_URL": sandbox.config["auth_url"]}
    file = os.path.join(WORK, "made.json")
    answers = [[1, sandbox.config["client_id"] + "\r"], [1.5, sandbox.config["client_secret"] + "\r"], [2, "\r"]]
    try:
        code, screens = at_terminal(["init", "--config", file], 100, 60, env=addresses, type=answers, at=[2.4])
        end = text(screens[-1])
        check("init asks, tries the credential and shows what it reaches", code == 0 and "Client ID: " + sandbox.config["client_id"] in end and "Candidates" in end
              and f"{TAP} pipe --config {file}" in end.replace("\n", ""), end)
        check("the secret is not shown", sandbox.config["client_secret"] not in end.replace("\n", ""), end)
        with open(file) as f:
            made = json.load(f)
        check("the config is written, for its owner alone", made["client_secret"] == sandbox.config["client_secret"] and os.stat(file).st_mode & 0o777 == 0o600, oct(os.stat(file).st_mode))
        before = open(file).read()
        code, screens = at_terminal(["init", "--config", file], 100, 30, env=addresses, type=answers)
        check("an existing file is left as it is, before anything is asked", code == 2 and "--force" in text(screens[-1]) and open(file).read() == before, text(screens[-1]))
        other = os.path.join(WORK, "other.json")
        wrong = [answers[0], [1.5, "not the secret\r"], answers[2]] + [[t, text] for n in (3, 4) for t, text in ((n, "\r"), (n + 0.5, "not the secret\r"))]
        code, screens = at_terminal(["init", "--config", other], 100, 30, env=addresses, type=wrong)
        check("a credential that does not work writes nothing", code == 2 and not os.path.exists(other) and "nothing was written" in text(screens[-1]), text(screens[-1]))
        typo = answers[:2] + [[2, "ann@example.com\r"], [2.5, "\r"]]
        code, screens = at_terminal(["init", "--config", other], 100, 60, env=addresses, type=typo)
        check("a user that is no number is asked for again", code == 0 and os.path.exists(other) and "That is no number" in text(screens[-1]), text(screens[-1]))
        os.remove(other)
        code, screens = at_terminal(["init", "--config", other], 100, 30, env=addresses, type=[answers[0], [1.5, "\x03"]])
        check("Ctrl-C among the questions writes nothing, and what is typed shows again", code in (130, 2) and not os.path.exists(other) and echoes["init"], f"{code} {text(screens[-1])}")
        code, screens = at_terminal(["init", "--config", other], 100, 30, env={k: "http://127.0.0.1:9" for k in addresses}, type=answers)
        check("a dead address is told within 15 s", code != 0 and not os.path.exists(other) and "127.0.0.1:9 does not answer" in text(screens[-1]).replace("\n", ""), text(screens[-1]))
    finally:
        sandbox.stop()


def chromium(*args):
    return subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                           "--disable-component-update", "--disable-sync", f"--user-data-dir={WORK}/chromium", *args],
                          capture_output=True, text=True, timeout=120)


def report(sandbox):
    page = os.path.join(WORK, "run.html")
    config = os.path.join(WORK, "scoped.json")
    with open(config, "w") as f:
        json.dump(dict(sandbox.config), f)
    out = subprocess.run([TAP, "--config", config, "--report", page, "--log-format", "json"], capture_output=True, text=True)
    told = {}
    for line in out.stderr.splitlines():
        metric = json.loads(line).get("extra", {}).get("metric_info")
        if metric and metric["metric"] == "record_count":
            told[metric["tags"]["stream"]] = metric["value"]
    summary = json.loads(out.stderr.splitlines()[-1])["message"]
    requests = int(re.search(r"(\d+) requests", summary)[1])
    dom = chromium("--dump-dom", "file://" + page).stdout
    plain = html.unescape(re.sub(r"<[^>]+>", "\x1f", dom))
    shown = {}
    for row in re.findall(r"<tr.*?</tr>", dom, re.S):
        cells = [html.unescape(re.sub(r"<[^>]+>", "", c)).strip() for c in re.findall(r"<t[dh].*?</t[dh]>", row, re.S)]
        if cells and cells[0] in told:
            shown[cells[0]] = cells
    wrong = [f"{s}: {n:.0f}, the page has {shown.get(s)}" for s, n in told.items() if f"{n:,.0f}" not in shown.get(s, [])]
    check(f"the page has the records of all {len(told)} streams", len(told) == len(sandbox.streams) and not wrong, "\n".join(wrong[:5]))
    check("and the requests", f"{requests:,}" in plain, f"{requests} is not on the page")
    check("no script, no address outside", "<script" not in dom and not re.search(r'(src|href)="(?!#|data:)', dom) and os.path.getsize(page) < 300_000, os.path.getsize(page))
    for name, args in {"light": [], "dark": ["--blink-settings=preferredColorScheme=0"], "narrow": ["--window-size=500,900"]}.items():
        shot = os.path.join(WORK, f"report-{name}.png")
        chromium(f"--screenshot={shot}", *(args or ["--window-size=1200,1600"]), "file://" + page)
        check(f"it is drawn, {name}", os.path.exists(shot) and os.path.getsize(shot) > 20_000)
    pdf = os.path.join(WORK, "report.pdf")
    chromium(f"--print-to-pdf={pdf}", "file://" + page)
    check("it prints", os.path.exists(pdf) and os.path.getsize(pdf) > 20_000)


if len(sys.argv) > 4:
    picture(sys.argv[4])
    sys.exit()
completion()
init()
demo()
live()
sandbox = Sandbox(TAP, WORK, "--candidates", "60", "--chaos", "0.05")
try:
    report(sandbox)
finally:
    sandbox.stop()
finish("screen")
