"""Makes a page of the marts: one HTML file that needs neither a network nor a script.

usage: make.py DATABASE OUT.html [SCHEMA]

DATABASE is the file of a DuckDB database, or the URL of a PostgreSQL server. SCHEMA is where dbt put
the marts: analytics, unless given."""

import collections
import datetime
import html
import os
import sys
import zoneinfo

WIDTH = 360  # of all drawings: about the width of a phone, so that their texts are not scaled down


def connect(database):
    """A function that runs a query and returns its rows as dictionaries."""
    if database.startswith(("postgres://", "postgresql://")):
        import psycopg2
        cursor = psycopg2.connect(database).cursor()
    else:
        import duckdb
        cursor = duckdb.connect(database, read_only=True).cursor()

    def rows(query):
        cursor.execute(query)
        columns = [d[0] for d in cursor.description]
        return [dict(zip(columns, row)) for row in cursor.fetchall()]
    return rows


class Period:
    """The last twelve months, with the current one, in the reporting zone."""

    def __init__(self, settings):
        self.zone, self.today = zoneinfo.ZoneInfo(settings["timezone"]), settings["today"]
        self.months = [self.month(self.today)]
        while len(self.months) < 24:
            self.months.insert(0, self.month(self.months[0] - datetime.timedelta(days=1)))
        self.before, self.months = self.months[:12], self.months[12:]

    @staticmethod
    def month(day):
        return day.replace(day=1)

    def month_of(self, time):
        """The local month of a time in UTC."""
        return self.month(time.replace(tzinfo=datetime.timezone.utc).astimezone(self.zone).date())


def part(above, below):
    return above / below if below else None


def mean(values):
    return part(sum(values), len(values))


def number(value, digits=0):
    return "–" if value is None else f"{value:,.{digits}f}"


def percent(value):
    return "–" if value is None else f"{100 * value:.0f}%"


def text(value):
    return html.escape(str(value))


def cut(value, length):
    value = " ".join(str(value).split())
    return value if len(value) <= length else value[:length - 1].rstrip() + "…"


def figure(name, value, shown):
    """A figure that a program can find again."""
    return f'<span data-figure="{text(name)}" data-value="{"" if value is None else value}">{shown}</span>'


# drawings

def bars(rows):
    """Horizontal bars: rows of a label, a share of the width, what to write, a class and a share within."""
    parts = []
    for n, (label, share, shown, *inner) in enumerate(rows):
        y = n * 38
        parts.append(f'<text x="0" y="{y + 12}">{text(cut(label, 38))}</text><text class="soft end" x="{WIDTH}" y="{y + 12}">{text(shown)}</text>'
                     f'<rect class="track" x="0" y="{y + 18}" width="{WIDTH}" height="9" rx="2"/>'
                     f'<rect class="{"pale" if inner else "main"}" x="0" y="{y + 18}" width="{max(share * WIDTH, 1 if share else 0):.1f}" height="9" rx="2"/>')
        if inner and inner[0]:
            parts.append(f'<rect class="{inner[1]}" x="0" y="{y + 18}" width="{share * WIDTH * inner[0]:.1f}" height="9" rx="2"/>')
    return f'<svg viewBox="0 0 {WIDTH} {max(len(rows) * 38 - 8, 10)}" role="img">{"".join(parts)}</svg>'


def columns(months, series, digits=0):
    """Columns by month: series are a class and a value for each month, which may be missing."""
    height, base, slot = 130, 146, WIDTH / len(months)
    top = max((v for _, values in series for v in values if v), default=1)
    parts = [f'<line class="axis" x1="0" x2="{WIDTH}" y1="{base}" y2="{base}"/>']
    wide = (slot - 8) / len(series)
    for n, at in enumerate(months):
        for k, (name, values) in enumerate(series):
            v, x = values[n], n * slot + 4 + k * wide
            if v is not None:
                tall = v / (top or 1) * (height - 18)
                parts.append(f'<rect class="{name}" x="{x:.1f}" y="{base - tall:.1f}" width="{wide - 1:.1f}" height="{tall:.1f}" rx="1.5"/>')
                if v or len(series) == 1:
                    parts.append(f'<text class="middle soft" style="font-size:{10 if len(series) == 1 else 9}px" x="{x + wide / 2:.1f}" y="{base - tall - 4:.1f}">{number(v, digits)}</text>')
        label = at.strftime("%b") if at.month > 1 and n else at.strftime("%b ’%y")
        if n % 2 == 0:
            parts.append(f'<text class="middle soft" style="font-size:10.5px" x="{n * slot + slot / 2:.1f}" y="{base + 15}">{label}</text>')
    return f'<svg viewBox="0 0 {WIDTH} {base + 20}" role="img">{"".join(parts)}</svg>'


def key(*entries):
    return '<div class="key">' + "".join(f'<span><i class="{c}"></i>{text(label)}</span>' for c, label in entries) + "</div>"


def card(title, lead, body):
    return f'<section class="card"><h2>{title}</h2><p>{lead}</p>{body}</section>'


# sections

def tiles(rows, period):
    hires = rows("select hired_at, days_to_hire from application_enhanced where is_main_row and not is_prospect and hired_at is not null")
    fills = rows("select filled_at, days_to_fill from opening_enhanced where filled_at is not null")
    offers = rows("select resolved_at, is_accepted from offer_enhanced where (is_accepted or is_rejected) and resolved_at is not null")

    def within(records, column, months):
        months = set(months)
        return [r for r in records if period.month_of(r[column]) in months]

    def tile(name, label, measure, records, column, shown):
        now, before = measure(within(records, column, period.months)), measure(within(records, column, period.before))
        return f'<div class="tile"><span>{label}</span><b>{figure(name, now, shown(now))}</b><span>{shown(before)} the year before</span></div>'

    def days(column):
        return lambda records: mean([r[column] for r in records if r[column] is not None])
    open_now = rows("select count(*) as n from opening_enhanced where is_open")[0]["n"]
    expected = rows("select count(*) as n, sum(hire_probability) as hires from pipeline")[0]
    return '<div class="tiles">' + "".join([
        tile("hires", "Hires", len, hires, "hired_at", number),
        tile("days_to_hire", "Days to hire, on average", days("days_to_hire"), hires, "hired_at", number),
        tile("days_to_fill", "Days to fill, on average", days("days_to_fill"), fills, "filled_at", number),
        tile("acceptance", "Offers accepted", lambda r: part(sum(o["is_accepted"] for o in r), len(r)), offers, "resolved_at", percent),
        f'<div class="tile"><span>Open openings</span><b>{figure("open_openings", open_now, number(open_now))}</b><span>today</span></div>',
        f'<div class="tile"><span>Active applications</span><b>{figure("active", expected["n"], number(expected["n"]))}</b>'
        f'<span>{number(expected["hires"] or 0)} hires to expect of them</span></div>',
    ]) + "</div>"


def funnel(rows, period):
    r = rows(f"""select sum(count_applications) as applications, sum(count_interviewed) as interviewed, sum(count_offered) as offered,
        sum(count_hired) as hired from source_performance where cohort_month >= date '{period.months[0]}'""")[0]
    total = int(r["applications"] or 0)
    steps = [("Applied", "applications"), ("Interviewed", "interviewed"), ("Got an offer", "offered"), ("Hired", "hired")]
    shown = [(label, part(int(r[c] or 0), total) or 0, f"{number(int(r[c] or 0))} · {percent(part(int(r[c] or 0), total))}") for label, c in steps]
    figures = "".join(f'<span hidden data-figure="funnel {c}" data-value="{int(r[c] or 0)}"></span>' for _, c in steps)
    return card("From application to hire", "Those who applied in the last twelve months, and how far they have come.", bars(shown) + figures)


def stages(rows, period):
    found = rows(f"""select lower(trim(stage_name)) as label, min(trim(stage_name)) as stage, avg(stage_order) as place, sum(count_entered) as entered,
        sum(count_passed) as passed from stage_funnel where cohort_month >= date '{period.months[0]}' and stage_name is not null
        group by lower(trim(stage_name)) having sum(count_entered) > 0 order by sum(count_entered) desc limit 8""")
    found.sort(key=lambda r: (r["place"] is not None, r["place"] or 0))
    top = max((int(r["entered"]) for r in found), default=1)
    shown = [(r["stage"], int(r["entered"]) / top, f'{number(int(r["entered"]))} · {percent(part(int(r["passed"]), int(r["entered"])))} passed',
              part(int(r["passed"]), int(r["entered"])), "main") for r in found]
    return card("Stage by stage", "Who entered a stage, and the share that went on.", bars(shown) + key(("pale", "entered"), ("main", "passed")))


def times(rows, period):
    cards = []
    for title, lead, mart, column, at in (
            ("Time to hire", "Days from application to accepted offer, by month of the hire.", "application_enhanced", "days_to_hire", "hired_at"),
            ("Time to fill", "Days from opening to hire, by month of filling.", "opening_enhanced", "days_to_fill", "filled_at")):
        only = " and is_main_row and not is_prospect" if mart == "application_enhanced" else ""
        by_month = collections.defaultdict(list)
        for r in rows(f"select {at}, {column} from {mart} where {at} is not null and {column} is not null{only}"):
            by_month[period.month_of(r[at])].append(r[column])
        cards.append(card(title, lead, columns(period.months, [("main", [mean(by_month[m]) for m in period.months])])))
    return "".join(cards)


def sources(rows, period):
    found = rows(f"""select coalesce(sourced_from, 'No source') as source, sum(count_applications) as applications, sum(count_hired) as hired
        from source_performance where cohort_month >= date '{period.months[0]}' group by coalesce(sourced_from, 'No source')
        order by sum(count_hired) desc, sum(count_applications) desc, 1""")
    total, shown = sum(int(r["applications"]) for r in found), []
    rest = found[7:]
    if rest:
        found = found[:7] + [{"source": f"{len(rest)} others", "applications": sum(r["applications"] for r in rest), "hired": sum(r["hired"] for r in rest)}]
    for r in found:
        share = part(int(r["applications"]), total) or 0
        shown.append((r["source"], share, f'{number(int(r["applications"]))} → {number(int(r["hired"]))} hired', part(int(r["hired"]), int(r["applications"])), "main"))
    return card("Where they come from", "Share of the applications, and who of them was hired; most hires first.", bars(shown) + key(("pale", "applications"), ("main", "hired")))


def offers(rows, period):
    yes, no = collections.Counter(), collections.Counter()
    for r in rows("select resolved_at, is_accepted from offer_enhanced where (is_accepted or is_rejected) and resolved_at is not null"):
        (yes if r["is_accepted"] else no)[period.month_of(r["resolved_at"])] += 1
    pending = rows("select count(*) as n from offer_enhanced where is_pending")[0]["n"]
    return card("Offers", f"Answers by month. {number(pending)} wait for an answer today.",
                columns(period.months, [("main", [yes[m] for m in period.months]), ("warm", [no[m] for m in period.months])])
                + key(("main", "accepted"), ("warm", "rejected")))


def feedback(rows, period, settings):
    due = settings["scorecard_due_hours"]
    classes = [("within 4 hours", 4), (f"within {due:g} hours", due), ("within 2 days", 48), ("within a week", 168), ("later", None)]
    case = " ".join(f"when hours_to_submit <= {limit} then {n}" for n, (_, limit) in enumerate(classes) if limit)
    found = {r["class"]: int(r["n"]) for r in rows(f"""select case {case} else {len(classes) - 1} end as class, count(*) as n from interview_enhanced
        where hours_to_submit is not null and start_at >= timestamp '{period.months[0]}' group by 1""")}
    total = sum(found.values())
    missing = rows(f"select count(*) as n from interview_enhanced where is_scorecard_missing and start_at >= timestamp '{period.months[0]}'")[0]["n"]
    shown = [(label, part(found.get(n, 0), total) or 0, f"{number(found.get(n, 0))} · {percent(part(found.get(n, 0), total))}") for n, (label, _) in enumerate(classes)
             if n == 0 or classes[n][1] is None or classes[n][1] > classes[n - 1][1]]
    return card("Feedback after interviews", f'Scorecards by their delay. {figure("missing_scorecards", missing, number(missing))} are due and missing.', bars(shown))


def ageing(rows, settings):
    found = rows("""select min(coalesce(trim(current_job_stage), 'No stage')) as stage, count(*) as n, sum(case when is_stuck then 1 else 0 end) as stuck
        from pipeline group by lower(trim(current_job_stage)) order by count(*) desc, 1 limit 8""")
    top = max((r["n"] for r in found), default=1)
    stuck = rows("select count(*) as n from pipeline where is_stuck")[0]["n"]
    shown = [(r["stage"], r["n"] / top, f'{number(r["n"])} · {number(int(r["stuck"]))} stuck', part(int(r["stuck"]), r["n"]), "warm") for r in found]
    return card("Who waits, and where", f'Active applications by stage. {figure("stuck", stuck, number(stuck))} are in theirs for more than {settings["stuck_days"]} days.',
                bars(shown) + key(("pale", "active"), ("warm", "stuck")))


def openings(rows, period):
    by_month = {r["month"]: r for r in rows("""select month, sum(count_opened) as opened, sum(count_filled) as filled, sum(count_open_at_end) as still
        from openings_monthly group by month""")}

    def values(column):
        return [int(by_month[m][column]) if m in by_month else 0 for m in period.months]
    return card("Openings opened and filled", "By month.", columns(period.months, [("pale", values("opened")), ("main", values("filled"))])
                + key(("pale", "opened"), ("main", "filled"))) + card(
        "Openings still open", "At the end of each month; today in the current one.", columns(period.months, [("grey", values("still"))]))


def diversity(rows, settings):
    year = rows("select max(cohort_year) as year from diversity_funnel")[0]["year"]
    if year is None:
        return ""
    tables = []
    found = rows(f"select * from diversity_funnel where cohort_year = {int(year)} order by dimension, is_suppressed, count_applications desc, answer")
    groups = collections.defaultdict(list)
    for r in found:
        groups[r["dimension"]].append(r)
    first = ["gender", "race", "veteran_status", "disability_status"]
    for dimension, answers in sorted(groups.items(), key=lambda g: (first.index(g[0]) if g[0] in first else len(first), g[0]))[:9]:
        lines, hidden = [], sum(r["is_suppressed"] for r in answers)
        for r in [r for r in answers if not r["is_suppressed"]][:10]:
            lines.append(f'<tr><td>{text(cut(r["answer"], 60))}</td><td>{number(r["count_applications"])}</td><td>{percent(r["interview_rate"])}</td><td>{percent(r["hire_rate"])}</td></tr>')
        if hidden:
            lines.append(f'<tr><td class="hidden">{hidden} small group{"s" if hidden > 1 else ""}</td><td class="hidden" colspan="3">hidden</td></tr>')
        tables.append(f'<div><h3>{text(cut(dimension.replace("_", " ").capitalize(), 60))}</h3><table><tr><th></th><th>applied</th><th>interviewed</th><th>hired</th></tr>{"".join(lines)}</table></div>')
    return card(f"Who applies, and who is hired: {year}", f'Voluntary answers. Groups of fewer than {settings["min_group_size"]} are hidden, and one more where a single one could be subtracted.',
                f'<div class="columns">{"".join(tables)}</div>')


MARTS = ("application_enhanced", "opening_enhanced", "offer_enhanced", "pipeline", "source_performance", "stage_funnel", "interview_enhanced", "openings_monthly", "diversity_funnel")


def page(query, schema):
    names = ", ".join(f'{m} as (select * from "{schema}".greenhouse__{m})' for m in MARTS)

    def rows(text):
        return query(f"with {names} {text}")
    settings = query(f'select * from "{schema}".int_greenhouse__settings')[0]
    if isinstance(settings["today"], datetime.datetime):
        settings["today"] = settings["today"].date()
    period = Period(settings)
    accounts = [r["source_relation"] for r in rows("select distinct source_relation from application_enhanced order by 1")]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "page.css")) as f:
        css = f.read()
    day = settings["today"].strftime("%-d %B %Y")
    body = "".join([
        tiles(rows, period), '<div class="cards">', funnel(rows, period), stages(rows, period), sources(rows, period), times(rows, period), offers(rows, period),
        feedback(rows, period, settings), ageing(rows, settings), openings(rows, period), "</div>", diversity(rows, settings)])
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Hiring until {day}</title>
<style>
{css}</style>
</head>
<body>
<main>
<header><h1>Hiring in the last twelve months</h1>
<p>{period.months[0].strftime("%B %Y")} to {day} · {text(", ".join(accounts))}</p></header>
{body}
<footer>As of {settings["as_of"]} UTC; months and days in {text(settings["timezone"])}. A scorecard is on time within {settings["scorecard_due_hours"]} hours; an application is
stuck after {settings["stuck_days"]} days in its stage; groups of fewer than {settings["min_group_size"]} are hidden. Applications leave out prospects. Made from the marts of greenhouse_v3.</footer>
</main>
</body>
</html>
"""


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    made = page(connect(sys.argv[1]), sys.argv[3] if len(sys.argv) == 4 else "analytics")
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write(made)
