"""Fills a table with the text of every resume in Greenhouse.

Reads Singer messages of the stream attachments from standard input, as the tap writes them with the
setting `attachments`. Extracts the text of each PDF, DOCX or text file in the store to DuckDB:
resumes(attachment_id, candidate_id, filename, content_sha256, text, problem). A file whose SHA-256
is already in the table is skipped.

tap-greenhouse --config config.json | python resumes.py resumes.duckdb"""

import io
import json
import sys
from urllib.parse import urlparse

import docx
import duckdb
import pypdf


def text_of(content, content_type):
    """The text of a document; the type comes from the file host."""
    if content_type == "application/pdf":
        return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    if content_type.endswith("wordprocessingml.document"):
        return "\n".join(p.text for p in docx.Document(io.BytesIO(content)).paragraphs)
    if content_type.startswith("text/"):
        return content.decode("utf-8", "replace")
    raise ValueError(f"no text is taken from {content_type}")


def main(database):
    db = duckdb.connect(database)
    db.execute("""create table if not exists resumes (attachment_id bigint primary key, candidate_id bigint, filename varchar, content_sha256 varchar,
                  text varchar, problem varchar)""")
    known = dict(db.execute("select attachment_id, content_sha256 from resumes").fetchall())
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if message["type"] != "RECORD" or message["stream"] != "attachments":
            continue
        r = message["record"]
        if not r.get("content_url") or known.get(r["id"]) == r["content_sha256"]:
            continue
        text = problem = None
        try:
            with open(urlparse(r["content_url"]).path, "rb") as f:
                text = text_of(f.read(), r["content_type"])
        except Exception as e:  # a resume that nobody can read must not stop the others
            problem = f"{type(e).__name__}: {e}"
        db.execute("insert or replace into resumes values (?, ?, ?, ?, ?, ?)",
                   [r["id"], r.get("candidate_id"), r.get("filename"), r["content_sha256"], text, problem])
    db.close()


if __name__ == "__main__":
    main(sys.argv[1])
