"""`seed --scale`: every table has rows, and they fit together."""

import datetime
import pathlib
import subprocess

import conftest

#: Twelve days before today, whatever the day is when the second one is seeded.
START = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=12)
END = f"'{START + datetime.timedelta(days=11)} 00:00+00'"
ASSERTIONS = pathlib.Path(__file__).parents[2] / "sql/tests/lib/assertions.sql"
TABLES = """
SELECT string_agg(c.oid::regclass::text, ' ')
  FROM pg_class AS c
 WHERE c.relnamespace::regnamespace::text = ANY (string_to_array(
           'positions,analytics,data_collector,funding,opportunities,risk,capital,config,audit,'
           'auth,maintenance', ','))
   AND c.relkind IN ('r', 'p', 'm')
   AND NOT c.relispartition"""


def make(cluster, name):
    conftest.as_postgres([conftest.PROGRAMS / "createdb", "-h", cluster.folder, "-U", "postgres",
                          "-T", "template0", name])
    database = cluster.conninfo(database=name)
    for command in (["migrate", "up"], ["seed", "--scale", "1", "--seed", "7",
                                          "--start", f"{START}T00:00:00Z"]):
        done = subprocess.run([conftest.LEDGER, *command, "--database", database],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return database


def test_every_table_has_rows_that_fit_together(cluster):
    database = make(cluster, "seeded")
    for table in cluster.sql(TABLES, database="seeded").split():
        count = int(cluster.sql(f"SELECT count(*) FROM {table}", database="seeded"))
        assert count > 0, table
    found = cluster.sql(
        "CREATE EXTENSION pgtap; SELECT no_plan();\n"
        f"\\i {ASSERTIONS}\nSELECT pg_temp.assert_state(); SELECT * FROM finish();",
        database="seeded")
    assert "not ok" not in found and "\nok " in found
    assert cluster.sql("SELECT count(*) FROM maintenance.runs WHERE outcome = 'failed'",
                       database="seeded") == "0"
    assert cluster.sql("SELECT count(*) FROM opportunities.orphans", database="seeded") == "0"
    again = subprocess.run([conftest.LEDGER, "seed", "--scale", "1", "--seed", "7", "--database",
                            database], capture_output=True, text=True, check=False)
    assert again.returncode == 2 and "in use" in again.stderr


def test_the_same_seed_makes_the_same_facts(cluster):
    make(cluster, "seeded_again")
    for fact in ["SELECT md5(string_agg(event_id::text, ',' ORDER BY log_position))"
                 " FROM positions.events",
                 "SELECT md5(string_agg(concat(exchange, symbol, source, rate), ',' ORDER BY"
                 " exchange, symbol, source, funding_time)) FROM funding.rates"
                 f" WHERE funding_time < {END}",
                 "SELECT md5(string_agg(concat(asset, score, spread), ',' ORDER BY detected_at))"
                 f" FROM opportunities.detected WHERE detected_at < {END}"]:
        assert cluster.sql(fact, database="seeded_again") == cluster.sql(fact, database="seeded")
