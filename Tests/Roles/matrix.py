"""Tries every act as every role, and holds what came of it against the rules.

Each role logs in where the server trusts it (a group, and who is not let in, by SET SESSION
AUTHORIZATION), runs all acts in one transaction, each in a subtransaction that is rolled back, and
tells what PostgreSQL answered. The connection is that of libpq's variables, a superuser's.
"""
import json
import os
import re
import subprocess

import rules

#: As `RAISE` says it when the act was carried out, before it is rolled back.
DONE = "NXOK0"
#: What says no: the privilege, or the guard of what is append only.
DENIED, GUARDED = "42501", "NX001"
#: A view of several tables is written by nobody; what is not there can not be tried.
NOT_UPDATABLE, MISSING = {"55000", "428C9"}, {"42883", "42P01", "3F000"}
SCHEMAS = ["positions", "analytics", "data_collector", "funding", "opportunities", "risk",
           "capital", "config", "audit", "auth", "maintenance", "monitoring"]

RELATIONS = """
SELECT coalesce(json_agg(x ORDER BY x.schema, x.name), '[]')
  FROM (SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind,
               c.relispartition AS is_partition,
               c.relispartition AND c.relname ~ '_rows_[123]$' AS is_slot,
               coalesce((SELECT p.relname
                           FROM pg_class AS p
                          WHERE p.oid = pg_partition_root(c.oid)), c.relname) AS root,
               (SELECT json_agg(json_build_object(
                           'name', a.attname,
                           'settable', a.attidentity <> 'a' AND a.attgenerated = '')
                           ORDER BY a.attnum)
                  FROM pg_attribute AS a
                 WHERE a.attrelid = c.oid
                   AND a.attnum > 0
                   AND NOT a.attisdropped) AS columns,
               row_number() OVER (PARTITION BY c.relispartition, pg_partition_root(c.oid)
                                      ORDER BY c.relname) AS place
          FROM pg_class AS c
          JOIN pg_namespace AS n
            ON n.oid = c.relnamespace
         WHERE n.nspname = ANY (string_to_array(:'schemas', ','))
           AND c.relkind IN ('r', 'p', 'v', 'm')) AS x
 -- Of the partitions of a table one is as good as another.
 WHERE NOT x.is_partition
    OR x.place = 1
"""
ROUTINES = """
SELECT coalesce(json_agg(x ORDER BY x.schema, x.signature), '[]')
  FROM (SELECT n.nspname AS schema, p.proname AS name, p.prokind AS kind,
               p.oid::regprocedure::text AS signature, p.provolatile AS volatility,
               p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) AS is_trigger,
               p.prosecdef AS is_definer,
               EXISTS (SELECT
                         FROM unnest(p.proconfig) AS s (setting)
                        WHERE s.setting LIKE 'search_path=%') AS has_path,
               (SELECT coalesce(json_agg(format_type(t.type, NULL) ORDER BY t.place), '[]')
                  FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]))
                       WITH ORDINALITY AS t (type, place)
                 WHERE coalesce(p.proargmodes[t.place], 'i') IN ('i', 'b', 'v')) AS arguments
          FROM pg_proc AS p
          JOIN pg_namespace AS n
            ON n.oid = p.pronamespace
         WHERE n.nspname = ANY (string_to_array(:'schemas', ','))
           AND p.prokind IN ('f', 'p')) AS x
"""
#: A right that may be passed on would make its holder a giver of rights.
PASSED_ON = """
SELECT coalesce(json_agg(DISTINCT format('%s: may pass %s of %s on', g.rolname, a.privilege_type,
                                         x.name)), '[]')
  FROM (SELECT c.oid::regclass::text AS name, c.relacl AS acl, c.relowner AS owner
          FROM pg_class AS c
         WHERE c.relnamespace::regnamespace::text = ANY (string_to_array(:'schemas', ','))
         UNION ALL
        SELECT p.oid::regprocedure::text, p.proacl, p.proowner
          FROM pg_proc AS p
         WHERE p.pronamespace::regnamespace::text = ANY (string_to_array(:'schemas', ','))) AS x
 CROSS JOIN LATERAL aclexplode(x.acl) AS a
  JOIN pg_roles AS g
    ON g.oid = a.grantee
 WHERE a.is_grantable
   AND a.grantee <> x.owner
"""
ROLES = """
SELECT json_object_agg(r.rolname, r.rolcanlogin)
  FROM pg_roles AS r
 WHERE r.rolname LIKE 'nexus\\_%'
"""
#: The acts of a role: [[number, [statement, …]]], of which the first that is not denied counts.
TRY = """
DO $try$
DECLARE
    act       json;
    statement text;
    answers   text[] := '{}';
    answer    text;
BEGIN
    FOR act IN SELECT a.value FROM json_array_elements($acts$@ACTS@$acts$) AS a LOOP
        FOR statement IN SELECT s.value FROM json_array_elements_text(act -> 1) AS s LOOP
            BEGIN
                EXECUTE statement;
                RAISE EXCEPTION USING ERRCODE = 'NXOK0', MESSAGE = 'done';
            EXCEPTION
                WHEN OTHERS THEN
                    answer := json_build_array(act -> 0, sqlstate, sqlerrm);
                    -- A column of a view that nobody can update tells nothing.
                    EXIT WHEN sqlstate NOT IN ('42501', '428C9')
                          AND sqlerrm NOT LIKE 'cannot update column %';
            END;
        END LOOP;
        answers := answers || answer;
    END LOOP;
    RAISE NOTICE 'answers [%]', array_to_string(answers, ',');
END
$try$;
"""


#: A schema's USAGE has no act of its own that needs nothing besides.
USAGE = """DO $usage$
BEGIN
    IF NOT has_schema_privilege('{0}', 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = 'permission denied for schema {0}';
    END IF;
END
$usage$"""


class CheckError(Exception):
    """The check itself could not be made."""


def psql(text, user=None, **variables):
    """Runs a text in one session, and stops at the first error."""
    command = [os.environ.get("PSQL", "psql"), "--no-psqlrc", "--no-align", "--tuples-only",
               "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--file=-"]
    command += [f"--set={name}={value}" for name, value in variables.items()]
    environment = os.environ | {"PGCLIENTENCODING": "UTF8", "PGOPTIONS": "-c lc_messages=C"}
    if user:
        environment |= {"PGUSER": user, "PGOPTIONS": ""}
    return subprocess.run(command, input=text, capture_output=True, text=True, env=environment)


def ask(text, **variables):
    done = psql(text, **variables)
    if done.returncode:
        raise CheckError(done.stderr.strip())
    return json.loads(done.stdout)


def quoted(*names):
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


# ---------------------------------------------------------------- the acts


def acts_on_relation(relation):
    """{act: [statement, …]}; a second statement is tried where the first was denied."""
    schema, name = relation["schema"], relation["name"]
    target = quoted(schema, name)
    secret = rules.SECRETS.get((schema, relation["root"]), set())
    columns = [column["name"] for column in relation["columns"]]
    shown = ", ".join(quoted(column) for column in columns if column not in secret)
    acts = {"select": [f"SELECT {shown} FROM {target} LIMIT 0"]}
    if secret:
        acts["secret"] = [f"SELECT {quoted(column)} FROM {target} LIMIT 0"
                          for column in columns if column in secret]
    settable = [column["name"] for column in relation["columns"] if column["settable"]]
    if relation["kind"] != "m":
        acts["insert"] = [f"INSERT INTO {target} DEFAULT VALUES"]
        acts["update"] = [f"UPDATE {target} SET {quoted(column)} = NULL WHERE false"
                          for column in settable]
        acts["delete"] = [f"DELETE FROM {target} WHERE false"]
    if relation["kind"] in "rp":
        acts["truncate"] = [f"TRUNCATE {target}"]
        acts["alter"] = [f"ALTER TABLE {target} ALTER COLUMN {quoted(columns[0])} "
                         "SET STATISTICS 100"]
        acts["drop"] = [f"DROP TABLE {target}"]
        acts["index"] = [f"CREATE INDEX role_check ON {target} ({quoted(columns[0])})"]
        acts["trigger"] = [f"CREATE TRIGGER role_check AFTER INSERT ON {target} FOR EACH "
                           "STATEMENT EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_"
                           "trigger()", f"ALTER TABLE {target} DISABLE TRIGGER ALL"]
        acts["own"] = [f"ALTER TABLE {target} OWNER TO CURRENT_USER"]
    else:
        kind = "MATERIALIZED VIEW" if relation["kind"] == "m" else "VIEW"
        acts["alter"] = [f"ALTER {kind} {target} RENAME TO role_check"]
        acts["drop"] = [f"DROP {kind} {target}"]
        acts["own"] = [f"ALTER {kind} {target} OWNER TO CURRENT_USER"]
    return acts


def call(routine):
    """A call with nulls, which is harmless: it is rolled back, and most refuse it."""
    name = routine["signature"].split("(")[0]
    if routine["kind"] == "p":
        nulls = ", ".join(f"NULL::{type}" for type in routine["arguments"])
        return f"CALL {name}({nulls})"
    # The call of a strict function with a plain null is planned away before anybody asks whether
    # the role may call it.
    nulls = ", ".join(f"(SELECT NULL::{type})" for type in routine["arguments"])
    return f"SELECT {name}({nulls})"


def all_acts(relations, routines):
    """[(object, act, statements, kind, of what)], each tried by every role."""
    acts = []
    for relation in relations:
        for act, statements in acts_on_relation(relation).items():
            acts.append((f"{relation['schema']}.{relation['name']}", act, statements,
                         "relation", relation))
    for routine in routines:
        acts.append((routine["signature"], "execute", [call(routine)], "routine", routine))
        acts.append((routine["signature"], "alter", [
            f"ALTER ROUTINE {routine['signature']} SECURITY DEFINER"], "alter", routine))
    for schema in SCHEMAS:
        acts.append((schema, "create", [f"CREATE TABLE {quoted(schema)}.role_check (a int)"],
                     "schema", schema))
        acts.append((schema, "usage", [USAGE.format(schema)], "schema", schema))
    for act, (statement, _) in rules.GLOBAL.items():
        acts.append(("the database", act, [statement], "global", None))
    return acts


def expected(role, act, kind, what):
    if kind == "relation":
        return rules.of_relation(role, what, act)
    if kind == "routine":
        return rules.of_routine(role, what)
    if kind == "alter":
        return role in rules.OWNERS, "nobody but nexus_owner may DDL"
    if kind == "schema":
        return rules.of_schema(role, act)
    return rules.of_global(role, act)


def carried_out(kind, sqlstate, message):
    """Whether the answer means that the role may. An error that comes later than the check of the
    privilege does; a function that refuses has been called."""
    if kind == "routine":
        return not (sqlstate == DENIED and re.match(
            r"permission denied for (function|procedure|routine|schema|view)", message))
    if sqlstate in MISSING:
        return None
    if message.startswith("cannot update column "):
        return False
    return sqlstate not in (DENIED, GUARDED, *NOT_UPDATABLE)


# ---------------------------------------------------------------- trying


def attempt(role, acts, may_login):
    """[(SQLSTATE, message)] of the acts of a role, and how it came in: login or authorization."""
    numbered = json.dumps([[number, statements] for number, (_, _, statements, *_)
                           in enumerate(acts)])
    body = TRY.replace("@ACTS@", numbered)
    # A lock that somebody holds would be an answer of its own.
    begin, end = "SET lock_timeout = '5s';\nBEGIN;\n", body + "\nROLLBACK;\n"
    way = "login"
    done = psql(begin + end, user=role) if may_login else None
    if done is None or done.returncode == 2:
        way = "authorization"
        # As its login would, see 000013_roles.
        owner = "SET ROLE nexus_owner;\n" if role == "nexus_migrator" else ""
        done = psql(begin + f"SET SESSION AUTHORIZATION {quoted(role)};\n" + owner + end)
    found = re.search(r"NOTICE:  answers (\[.*\])$", done.stderr, re.MULTILINE | re.DOTALL)
    if not found:
        raise CheckError(f"{role}: {done.stderr.strip()[-1000:]}")
    # The notice ends with its line; a message may have line breaks, which JSON escapes.
    answers = json.loads(found[1].split("\n")[0])
    if [answer[0] for answer in answers] != list(range(len(acts))):
        raise CheckError(f"{role}: not every act was answered")
    return [(state, message) for _, state, message in answers], way


def deviations(role, acts, answers):
    """[text] of what a role may or may not, against the rules."""
    found = []
    for (name, act, _, kind, what), (state, message) in zip(acts, answers):
        may, rule = expected(role, act, kind, what)
        done = carried_out(kind, state, message)
        if done is None:
            if may:
                found.append(f"{role}: {act} {name}: could not be tried: {state} {message}")
        elif may is not None and may != done:
            should = "has to be allowed" if may else "must be refused"
            found.append(f"{role}: {act} {name}: {should} ({rule}); the answer was {state} "
                         f"{message}")
    return found


def of_catalogue(routines):
    """Deviations of what no act can show."""
    return [f"{routine['signature']}: runs with its owner's rights and without a search_path of "
            "its own" for routine in routines
            if routine["is_definer"] and not routine["has_path"]]


def of_logins(roles):
    found = []
    for name in sorted(rules.LOGINS | rules.GROUPS):
        if name not in roles:
            found.append(f"{name}: there is no such role")
        elif roles[name] != (name in rules.LOGINS):
            found.append(f"{name}: {'can' if roles[name] else 'can not'} log in")
    return found


def check(only=None):
    """(deviations, {role: how it came in}, how many acts each tried); of all roles, or of some."""
    relations = ask(RELATIONS, schemas=",".join(SCHEMAS))
    routines = ask(ROUTINES, schemas=",".join(SCHEMAS))
    roles = ask(ROLES) or {}
    if not relations or not roles:
        raise CheckError("there are no tables or no roles of ours: is this a migrated database?")
    acts = all_acts(relations, routines)
    found = of_logins(roles) + of_catalogue(routines)
    found += ask(PASSED_ON, schemas=",".join(SCHEMAS))
    ways = {}
    # Whoever makes it too, in another database of the cluster, makes the same.
    psql(f"CREATE ROLE {rules.STRANGER} LOGIN")
    for role in sorted((rules.LOGINS | rules.GROUPS) & roles.keys()) + [rules.STRANGER]:
        if only and role not in only:
            continue
        answers, ways[role] = attempt(role, acts, role not in rules.GROUPS)
        found += deviations(role, acts, answers)
    psql(f"DROP ROLE {rules.STRANGER}")
    return found, ways, len(acts)
