"""Which statements can run twice, as far as their form tells."""
import pytest

import idempotence
import statements

TWICE = """
CREATE TABLE IF NOT EXISTS a.b (c bigint);
CREATE UNIQUE INDEX IF NOT EXISTS b_by_c ON a.b (c);
CREATE INDEX CONCURRENTLY IF NOT EXISTS b_by_c ON a.b (c)
CREATE OR REPLACE FUNCTION a.f() RETURNS int LANGUAGE sql AS $$ INSERT INTO x VALUES (1); $$;
CREATE OR REPLACE VIEW a.v AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW IF NOT EXISTS a.m AS SELECT 1 AS one;
CREATE SCHEMA IF NOT EXISTS a; COMMENT ON SCHEMA a IS 'CREATE TABLE; it''s text';
CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public;
CREATE OR REPLACE TRIGGER t BEFORE UPDATE ON a.b FOR EACH ROW EXECUTE FUNCTION a.f();
DROP TRIGGER IF EXISTS t ON b; CREATE CONSTRAINT TRIGGER t AFTER DELETE ON a.b EXECUTE FUNCTION f()
DROP POLICY IF EXISTS p ON a.b; CREATE POLICY p ON a.b USING (true);
DROP TYPE IF EXISTS a.t; CREATE TYPE a.t AS ENUM ('x');
DO $do$ BEGIN CREATE TYPE a.t AS ENUM ('x'); END $do$;
ALTER TABLE a.b ADD COLUMN IF NOT EXISTS d numeric(38,18), ADD COLUMN IF NOT EXISTS e text;
ALTER TABLE ONLY a.b ALTER COLUMN c SET NOT NULL, ENABLE ROW LEVEL SECURITY;
ALTER TABLE a.b DROP CONSTRAINT IF EXISTS c_is_1, ADD CONSTRAINT c_is_1 CHECK (c IN (1, 2));
ALTER TABLE a.b DROP CONSTRAINT IF EXISTS k; ALTER TABLE a.b ADD CONSTRAINT k CHECK (c > 1);
ALTER TABLE IF EXISTS a.b DROP COLUMN IF EXISTS c;
INSERT INTO a.b (c) VALUES (1) ON CONFLICT DO NOTHING;
INSERT INTO a.b (c) SELECT 1 WHERE NOT EXISTS (SELECT FROM a.b);
SET LOCAL lock_timeout = '2s';
GRANT SELECT ON a.b TO nexus_reader;
-- CREATE TABLE in a comment; /* and INSERT INTO there */
/* nested /* DROP TABLE a; */ comments */ SELECT 1;
SELECT "CREATE TABLE a; " FROM a.b;
SELECT E'it\\'s; DROP TABLE x';
ALTER TYPE a.t ADD VALUE IF NOT EXISTS 'y';
"""

ONCE = [
    ("CREATE TABLE a.b (c bigint)", "IF NOT EXISTS"),
    ("create unlogged table a.b (c bigint)", "IF NOT EXISTS"),
    ("CREATE UNIQUE INDEX b_by_c ON a.b (c)", "IF NOT EXISTS"),
    ("CREATE SCHEMA a", "IF NOT EXISTS"),
    ("CREATE FUNCTION a.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "OR REPLACE"),
    ("CREATE VIEW a.v AS SELECT 1", "OR REPLACE"),
    ("CREATE TRIGGER t BEFORE UPDATE ON a.b FOR EACH ROW EXECUTE FUNCTION a.f()", "OR REPLACE"),
    ("CREATE TYPE a.t AS ENUM ('x')", "within DO"),
    ("CREATE POLICY p ON a.b", "within DO"),
    ("CREATE ROLE somebody", "within DO"),
    ("DROP POLICY IF EXISTS q ON a.b; CREATE POLICY p ON a.b", "within DO"),
    ("DROP TABLE a.b", "IF EXISTS"),
    ("DROP FUNCTION a.f()", "IF EXISTS"),
    ("ALTER TABLE a.b ADD COLUMN d text", "ADD COLUMN IF NOT EXISTS"),
    ("ALTER TABLE a.b ADD d text", "ADD COLUMN IF NOT EXISTS"),
    ("ALTER TABLE a.b ADD COLUMN IF NOT EXISTS d numeric(38, 18), ADD COLUMN e text", "ADD COLUMN"),
    ("ALTER TABLE a.b DROP COLUMN d", "IF EXISTS"),
    ("ALTER TABLE a.b DROP CONSTRAINT k", "IF EXISTS"),
    ("ALTER TABLE a.b ADD CONSTRAINT k CHECK (c > 1)", "ADD CONSTRAINT fails"),
    ("ALTER TABLE a.z DROP CONSTRAINT IF EXISTS k; ALTER TABLE a.b ADD CONSTRAINT k CHECK (true)",
     "ADD CONSTRAINT fails"),
    ("ALTER TABLE a.b ADD CHECK (c > 1)", "a name"),
    ("ALTER TABLE a.b ATTACH PARTITION a.c DEFAULT", "within DO"),
    ("ALTER TABLE a.b RENAME TO c", "within DO"),
    ("ALTER TABLE a.b RENAME COLUMN c TO d", "within DO"),
    ("ALTER TABLE a.b SET SCHEMA z", "within DO"),
    ("ALTER TYPE a.t ADD VALUE 'y'", "IF NOT EXISTS"),
    ("INSERT INTO a.b VALUES (1)", "twice"),
    ("WITH x AS (SELECT 1) INSERT INTO a.b SELECT * FROM x", "twice"),
    ("BEGIN", "one transaction"),
    ("SELECT 1; COMMIT", "one transaction"),
    ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a.b (c); SELECT 1", "of its own"),
    ("VACUUM a.b", "in no migration"),
    ("SET search_path = a", "SET LOCAL"),
    ("\\set x 1\nSELECT 1", "no command of psql"),
    ("COPY a.b FROM '/x'", "no COPY"),
]


@pytest.mark.parametrize("text", TWICE.strip().splitlines())
def test_it_can_run_twice(text):
    assert idempotence.problems(text) == []


@pytest.mark.parametrize("text, cure", ONCE)
def test_it_can_not_run_twice(text, cure):
    found = idempotence.problems("SELECT 1;\n" + text)
    assert len(found) == 1 and cure in found[0][1], found
    assert found[0][0] == 2


def test_a_problem_is_told_with_the_line_of_its_statement():
    text = "-- head\n\nSELECT ';' AS a, $x$\n;;\n$x$;\n/* a\n b */\n\n  CREATE TABLE a.b ()"
    (line, _), = idempotence.problems(text)
    assert line == 9


def test_a_text_without_statements_has_none():
    assert statements.split("-- nothing;\n/* here; */ ;\n;\n") == []


def test_what_stands_in_dollars_is_kept_apart():
    one, two = statements.split("DO $do$ BEGIN; $$x;$$ END $do$; SELECT $1, $2")
    assert one.text == "DO ''" and one.bodies == (" BEGIN; $$x;$$ END ",)
    assert two.text == "SELECT $1, $2"
