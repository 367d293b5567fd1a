"""Reads the marts of a database, and compares them with the oracle's, column by column.

usage: dbt_compare.py QUESTION, a file with the database (the path of a DuckDB file or the port of a
PostgreSQL server), and with statements to execute there and queries whose rows it prints, or with
accounts and settings to compare with; without any, it prints the marts"""

import collections
import datetime
import decimal
import json
import math
import sys

import dbt_oracle
from dbt_oracle import KEYS


def plain(value):
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (decimal.Decimal, int, float)):
        return float(value)
    if isinstance(value, datetime.datetime):
        return value
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            pass
    return value


def same(a, b):
    a, b = plain(a), plain(b)
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return type(a) is type(b) and a == b


def differences(mart, wanted, found):
    """found are the rows of a table; a text for each difference."""
    keys = ("source_relation", *KEYS[mart])
    errors = []
    have, want = ({tuple(r[k] for k in keys): r for r in rows} for rows in (found, wanted))
    if len(have) != len(found) or len(want) != len(wanted):
        errors.append(f"{mart}: {len(found) - len(have)} duplicates in the table, {len(want) - len(wanted)} in the oracle")
    missing, extra = [k for k in want if k not in have], [k for k in have if k not in want]
    if missing or extra:
        errors.append(f"{mart}: {len(missing)} of {len(want)} rows are missing, such as {missing[:2]}; {len(extra)} are too many, such as {extra[:2]}")
    if found and wanted:
        columns = set(found[0]) - {c for c in found[0] if c.endswith("_key")}
        if columns != set(wanted[0]):
            errors.append(f"{mart}: columns {sorted(columns ^ set(wanted[0]))} are only on one side")
        wrong = collections.defaultdict(list)
        for key in want.keys() & have.keys():
            for c in want[key].keys() & columns:
                if not same(want[key][c], have[key][c]):
                    wrong[c].append((key, want[key][c], have[key][c]))
        for c, cases in sorted(wrong.items()):
            key, a, b = cases[0]
            errors.append(f"{mart}.{c}: {len(cases)} of {len(want)} differ, such as {key}: {a!r} became {b!r}")
    return errors


def read(cursor, schema):
    """The marts of a schema, by a DB-API cursor."""
    tables = {}
    for mart in KEYS:
        cursor.execute(f'select * from "{schema}".greenhouse__{mart}')
        columns = [d[0] for d in cursor.description]
        tables[mart] = [dict(zip(columns, row)) for row in cursor.fetchall()]
    return tables


def connect(database, read_only):
    if isinstance(database, int):
        import psycopg2
        return psycopg2.connect(host="127.0.0.1", port=database, user="postgres", dbname="postgres")
    import duckdb
    return duckdb.connect(database, read_only=read_only)


if __name__ == "__main__":
    with open(sys.argv[1]) as f:
        question = json.load(f)
    connection = connect(question["database"], read_only="statements" not in question)
    cursor = connection.cursor()
    for statement in question.get("statements", []):
        cursor.execute(statement)
    if "statements" in question:
        connection.commit()
    found = {} if "statements" in question else read(cursor, "analytics")
    if "queries" in question:
        found = []
        for query in question["queries"]:
            cursor.execute(query)
            found.append(cursor.fetchall())
    if "accounts" in question:
        accounts = {a: {s: {int(k): r for k, r in rows.items()} for s, rows in streams.items()} for a, streams in question["accounts"].items()}
        wanted = dbt_oracle.marts(accounts, **question["settings"])
        found = {mart: differences(mart, wanted[mart], found[mart]) for mart in KEYS}
    json.dump(found, sys.stdout, default=str)
