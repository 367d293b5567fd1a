"""A PostgreSQL server from Debian's packages, for one check."""

import glob
import json
import os
import shutil
import subprocess

BIN = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
AS_POSTGRES = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


class Postgres:
    def __init__(self, work, port):
        self.port, self.data = port, os.path.join(work, "pg")
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
        os.makedirs(self.data)
        if AS_POSTGRES:
            shutil.chown(self.data, "postgres", "postgres")
            for parent in (work, os.path.dirname(work)):
                os.chmod(parent, 0o755)
        self.call("initdb", "-D", self.data, "-A", "trust", "-E", "UTF8", "--no-sync", capture_output=True)
        self.call("pg_ctl", "-D", self.data, "-l", os.path.join(self.data, "log"), "-o",
                  f"-p {port} -k {self.data} -c listen_addresses=127.0.0.1 -c fsync=off", "-w", "start", stdout=subprocess.DEVNULL)

    def call(self, program, *args, **kwargs):
        return subprocess.run([*AS_POSTGRES, os.path.join(BIN, program), *args], check=True, **kwargs)

    def stop(self):
        subprocess.run([*AS_POSTGRES, os.path.join(BIN, "pg_ctl"), "-D", self.data, "stop", "-m", "immediate"], capture_output=True)

    def query(self, sql):
        """The rows of a query, as psql prints them."""
        out = subprocess.run([os.path.join(BIN, "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-At", "-c", sql],
                             capture_output=True, text=True)
        if out.returncode:
            raise SystemExit(out.stderr)
        return [line for line in out.stdout.split("\n") if line]

    def rows(self, table):
        """The rows of a table by id."""
        return {row["id"]: row for row in map(json.loads, self.query(f"select row_to_json(t) from {table} t"))}

    def config(self, **more):
        """A config of meltanolabs-target-postgres."""
        return {"host": "127.0.0.1", "port": self.port, "user": "postgres", "password": "none", "database": "postgres", **more}
