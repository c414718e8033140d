"""What ops/database-docs does: database_docs.py QUERIES FOLDER writes the pages into FOLDER.

The database is the one of libpq's variables.
"""
import json
import os
import pathlib
import subprocess
import sys
from decimal import Decimal

import diagrams
import pages

HERE = pathlib.Path(__file__).resolve().parent
#: What config.definitions has, so that the page of settings can be told from it.
DEFINITIONS = """
SELECT coalesce(json_agg(to_json(d) ORDER BY d.section, d.key COLLATE "C"), '[]')
  FROM config.definitions AS d
"""


def query(text):
    """What one query answers, as JSON."""
    environment = os.environ | {"PGOPTIONS": "-c search_path=pg_catalog -c timezone=UTC"}
    done = subprocess.run(
        [os.environ.get("PSQL", "psql"), "--no-psqlrc", "--no-align", "--tuples-only", "--quiet",
         "--set=ON_ERROR_STOP=1", "--file=-"],
        input=text, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"database-docs: {done.stderr.strip()}")
    return json.loads(done.stdout, parse_float=Decimal)


def read():
    """The catalogue, with what config says of settings."""
    catalogue = query((HERE / "catalogue.sql").read_text())
    names = {(relation["schema"], relation["name"]) for relation in catalogue["relations"] or []}
    if not names:
        sys.exit("database-docs: there is none of our tables: is this a migrated database?")
    catalogue["definitions"] = query(DEFINITIONS) if ("config", "definitions") in names else []
    return catalogue


def main(queries, folder):
    catalogue = read()
    folder = pathlib.Path(folder)
    (folder / "schemas").mkdir(parents=True)
    made = {f"schemas/{schema['name']}.md": pages.schema(catalogue, schema)
            for schema in catalogue["schemas"]}
    made |= {
        "schema-diagrams.md": diagrams.page(catalogue),
        "data-constraints.md": pages.constraints(catalogue),
        "roles.md": pages.roles(catalogue),
        "config-tables.md": pages.config(catalogue),
        "query-patterns.md": pages.queries(pathlib.Path(queries)),
    }
    for name, text in made.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
