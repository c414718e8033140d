"""The check of the roles finds every right that is planted or taken.

Needs a migrated database in libpq's variables, of which it makes a copy.
"""
import contextlib
import os
import subprocess

import pytest

import matrix
import rules

WRONG = {
    "GRANT SELECT ON positions.events TO nexus_risk":
        "nexus_risk: select positions.events: must be refused (a foreign table is not read)",
    "GRANT UPDATE (name) ON config.exchanges TO nexus_risk":
        "nexus_risk: update config.exchanges: must be refused (a foreign table is written through",
    "GRANT INSERT ON audit.actions TO nexus_risk":
        "nexus_risk: insert audit.actions: must be refused",
    "GRANT SELECT (token_hash) ON auth.sessions TO nexus_risk":
        "nexus_risk: secret auth.sessions: must be refused",
    "GRANT TRUNCATE ON maintenance.runs TO nexus_risk":
        "nexus_risk: truncate maintenance.runs: must be refused",
    "GRANT CREATE ON SCHEMA risk TO nexus_risk":
        "nexus_risk: create risk: must be refused (only nexus_owner makes objects)",
    "GRANT TRIGGER ON positions.events TO nexus_risk":
        "nexus_risk: trigger positions.events: must be refused",
    "GRANT EXECUTE ON FUNCTION config.set(text, jsonb, text) TO nexus_risk":
        "nexus_risk: execute config.set(text,jsonb,text): must be refused",
    "GRANT EXECUTE ON FUNCTION config.request_credential(text, text) TO nexus_risk":
        "nexus_risk: execute config.request_credential(text,text): must be refused",
    "GRANT EXECUTE ON FUNCTION audit.refuse_change() TO nexus_risk":
        "nexus_risk: execute audit.refuse_change(): must be refused",
    "REVOKE SELECT ON positions.active FROM nexus_reader":
        "nexus_risk: select positions.active: has to be allowed (views are what others read)",
    "REVOKE SELECT ON config.exchanges FROM nexus_reader":
        "nexus_risk: select config.exchanges: has to be allowed (shared schemas",
    "REVOKE USAGE ON SCHEMA funding FROM nexus_reader":
        "nexus_risk: usage funding: has to be allowed",
    "GRANT SELECT ON config.definitions TO nexus_risk WITH GRANT OPTION":
        "nexus_risk: may pass SELECT of config.definitions on",
    "ALTER VIEW positions.legs OWNER TO nexus_risk":
        "nexus_risk: drop positions.legs: must be refused (nobody but nexus_owner may DDL)",
    "GRANT SELECT ON positions.events TO PUBLIC; GRANT USAGE ON SCHEMA positions TO PUBLIC":
        f"{rules.STRANGER}: select positions.events: must be refused (it may nothing by itself)",
    "GRANT TEMPORARY ON DATABASE @ TO nexus_risk":
        "nexus_risk: make a temporary table the database: must be refused",
    "ALTER FUNCTION config.get(text) RESET search_path":
        "config.get(text): runs with its owner's rights and without a search_path",
    "GRANT DELETE ON positions.events TO nexus_owner; ALTER TABLE positions.events DISABLE "
    "TRIGGER USER":
        "nexus_owner: delete positions.events: must be refused (append only, for its owner too)",
}


@pytest.fixture(scope="module")
def copy():
    """The name of a copy of the database that has every wrong of the list."""
    name, template = "nexus_roles_wrong", os.environ["PGDATABASE"]

    def run(text, database):
        subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"],
                       input=text, text=True, check=True, capture_output=True)

    with contextlib.ExitStack() as stack:
        run(f"DROP DATABASE IF EXISTS {name}", "postgres")
        run(f"CREATE DATABASE {name} TEMPLATE {template}", "postgres")
        stack.callback(run, f"DROP DATABASE {name} WITH (FORCE)", "postgres")
        run("".join(f"{statement};\n".replace("@", name) for statement in WRONG), name)
        yield name


@pytest.fixture(scope="module")
def found(copy):
    """What the check says of the copy."""
    before = os.environ["PGDATABASE"]
    os.environ["PGDATABASE"] = copy
    try:
        deviations, ways, _ = matrix.check({"nexus_risk", "nexus_owner", rules.STRANGER})
    finally:
        os.environ["PGDATABASE"] = before
    assert ways["nexus_owner"] == "authorization"
    return deviations


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_right_is_found(found, wrong):
    assert any(deviation.startswith(WRONG[wrong]) for deviation in found), found


def test_what_a_refusal_means():
    for kind, state, message, done in [
            ("relation", "NXOK0", "done", True),
            ("relation", "23502", "null value", True),
            ("relation", "42501", "permission denied for table events", False),
            ("relation", "NX001", "UPDATE is refused", False),
            ("relation", "55000", "cannot update view", False),
            ("relation", "42P01", "no such table", None),
            ("routine", "42501", "permission denied for function set", False),
            ("routine", "42501", "request 1 opens no credential", True),
            ("routine", "42501", "permission denied for table exchanges", True),
            ("routine", "42883", "no operator", True)]:
        assert matrix.carried_out(kind, state, message) is done, (kind, state, message)
