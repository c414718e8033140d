"""Who may do what, as the rules say it: written apart from the grants, which are held against it.

`of_relation` and `of_routine` answer (may, rule): True if a role has to be able to do it, False if
it must not, None where the rules leave it to the owner of the schema.
"""
SERVICES = {
    "nexus_data_collector": "data_collector", "nexus_funding": "funding",
    "nexus_opportunities": "opportunities", "nexus_positions": "positions", "nexus_risk": "risk",
    "nexus_capital": "capital", "nexus_analytics": "analytics", "nexus_config": "config",
    "nexus_audit": "audit", "nexus_auth": "auth"}
#: They read and never write.
OBSERVERS = {"nexus_analyst", "nexus_auditor"}
OWNERS = {"nexus_owner", "nexus_migrator"}
LOGINS = {*SERVICES, *OBSERVERS, "nexus_migrator", "nexus_backup", "nexus_maintainer"}
GROUPS = {"nexus_owner", "nexus_reader", "nexus_credential_reader"}
#: A role that is none of ours, which the check makes: what PUBLIC may.
STRANGER = "nexus_role_check_stranger"
#: Members of nexus_reader.
READERS = {*SERVICES, *OBSERVERS, "nexus_maintainer", "nexus_reader"}
CREDENTIAL_READERS = {"nexus_credential_reader", "nexus_data_collector", "nexus_positions"}
#: Readable by all, but for secret columns.
SHARED = {"config", "audit", "auth"}
#: Views of the database itself, which name statements of others: for who looks after it.
WATCHED = {"monitoring", "maintenance"}
WATCHERS = {"nexus_maintainer", *OBSERVERS}

SECRETS = {
    ("config", "exchange_credentials"): {"cipher"},
    ("auth", "users"): {"password_hash"},
    ("auth", "service_accounts"): {"token_hash"},
    ("auth", "sessions"): {"token_hash"}}

#: Facts and logs: no role changes or removes a row, its owner neither.
APPEND_ONLY = {
    ("audit", "actions"), ("audit", "api_calls"), ("config", "change_log"),
    ("positions", "events"), ("positions", "event_keys"), ("positions", "deliveries"),
    ("positions", "outbox_discards"), ("positions", "generation_steps")}
#: Where the service of the schema removes rows: each with why that is legitimate.
DELETABLE = {
    ("positions", "live_slot"): "a slot is emptied",
    ("positions", "projection_checkpoints"): "a slot is emptied",
    ("positions", "quarantine"): "a position that was mended leaves it",
    ("positions", "comparisons"): "the newest 20 are kept",
    ("positions", "active_rows"): "a position that is closed leaves it",
    ("positions", "legs_rows"): "folded anew", ("positions", "history_rows"): "folded anew",
    ("analytics", "position_days_rows"): "folded anew",
    ("analytics", "daily_pnl_rows"): "folded anew",
    ("analytics", "trade_stats_rows"): "folded anew",
    ("analytics", "funding_collected_rows"): "folded anew",
    ("auth", "user_roles"): "a right is taken, the audit keeps it",
    ("auth", "sessions"): "old ones are removed",
    ("config", "exchanges"): "an entry is unset", ("config", "risk_limits"): "an entry is unset",
    ("config", "maintenance_windows"): "an entry is unset",
    ("config", "system_settings"): "an entry is unset",
    ("config", "strategy_parameters"): "an entry is unset",
    ("config", "ui_preferences"): "an entry is unset"}

#: Functions that change something and that others may call, by the roles that need them.
GRANTED = {
    ("audit", "record"): READERS, ("audit", "record_call"): READERS,
    ("risk", "raise_alert"): {*SERVICES, "nexus_maintainer"},
    ("risk", "resolve_alert"): {*SERVICES, "nexus_maintainer"},
    # Somebody at the interface of operators has seen it.
    ("risk", "acknowledge_alert"): {"nexus_risk", "nexus_config", "nexus_maintainer"},
    # A position is opened with capital that was allocated for it, and gives it back.
    ("capital", "allocate"): {"nexus_capital", "nexus_positions"},
    ("capital", "activate"): {"nexus_capital", "nexus_positions"},
    ("capital", "release"): {"nexus_capital", "nexus_positions"},
    # Rates that are ingested are a run of their source, and leave gaps.
    ("data_collector", "start_run"): {"nexus_data_collector", "nexus_funding"},
    ("data_collector", "count_rows"): {"nexus_data_collector", "nexus_funding"},
    ("data_collector", "end_run"): {"nexus_data_collector", "nexus_funding"},
    ("data_collector", "record_gap"): {"nexus_data_collector", "nexus_funding"},
    ("data_collector", "fill_gap"): {"nexus_data_collector", "nexus_funding"},
    ("funding", "ingest_rates"): {"nexus_funding", "nexus_data_collector"},
    # What pg_cron and maintain call.
    ("funding", "take_snapshot"): {"nexus_funding", "nexus_maintainer"},
    ("funding", "find_discrepancies"): {"nexus_funding", "nexus_maintainer"},
    ("funding", "find_gaps"): {"nexus_funding", "nexus_maintainer"},
    # Who opens a position says what became of the opportunity.
    ("opportunities", "advance"): {"nexus_opportunities", "nexus_positions"},
    ("opportunities", "start_execution"): {"nexus_opportunities", "nexus_positions"},
    ("opportunities", "end_execution"): {"nexus_opportunities", "nexus_positions"},
    ("config", "request_credential"): CREDENTIAL_READERS,
    ("config", "open_credential"): CREDENTIAL_READERS,
    ("positions", "ensure_months"): {"nexus_positions", "nexus_maintainer"},
    # The ledger calls it hourly, in case that no job runs at all.
    ("maintenance", "check_jobs"): {"nexus_positions", "nexus_maintainer"}}
#: For their holders alone, also within the schema.
PRIVATE = {("config", "request_credential"), ("config", "open_credential")}

READS = {"select"}
WRITES = {"insert", "update", "delete"}
DDL = {"alter", "drop", "trigger", "index", "own"}


def of_relation(role, relation, act):
    """Of a table or a view."""
    schema, name = relation["schema"], relation["root"]
    is_view = relation["kind"] in "vm"
    own = SERVICES.get(role)
    if role in OWNERS:
        if (schema, name) in APPEND_ONLY and act in ("update", "delete", "truncate"):
            if relation["is_partition"]:
                # Rows are guarded by a trigger of each row; retention may drop the whole.
                return None, "its owner drops old ones"
            return False, "append only, for its owner too"
        return (None if act in WRITES | {"truncate"} or is_view else True), "it owns the table"
    if act in DDL:
        return False, "nobody but nexus_owner may DDL"
    if act == "truncate":
        if role == "nexus_positions" and relation["is_slot"]:
            return True, "the ledger empties a slot"
        return False, "nobody but nexus_owner may TRUNCATE"
    if role == "nexus_backup":
        if is_view and act == "select":
            return None, "a backup reads tables"
        return act == "select" or act == "secret", "a backup reads everything, and changes nothing"
    if role == STRANGER or role == "nexus_credential_reader":
        return False, "it may nothing by itself"
    if act == "secret":
        if role == "nexus_auth" and schema == "auth":
            return None, "it compares hashes"
        return False, "secret columns are read by nobody else"
    if act == "select":
        return may_read(role, relation, own, is_view)
    if relation["is_partition"] and not relation["is_slot"]:
        return False, "a partition is written through its table"
    if role in OBSERVERS:
        return False, "an observer writes nothing"
    if is_view:
        return False, "a view is read"
    return may_write(role, (schema, name), own, act)


def may_read(role, relation, own, is_view):
    schema = relation["schema"]
    if relation["is_partition"]:
        if role in OBSERVERS or own == schema or role == "nexus_positions" and own_of(schema):
            return None, "a partition is read through its table"
        return False, "a partition is read through its table"
    if role in OBSERVERS:
        return True, "an observer reads all tables and views"
    if own == schema:
        return True, "a service reads its own schema"
    if role == "nexus_positions" and schema == "analytics":
        return True, "the ledger folds analytics"
    if schema in SHARED:
        return True, "shared schemas are readable by all, but for secret columns"
    if schema in WATCHED:
        if role in WATCHERS:
            return True, "who looks after the database reads it"
        return None if is_view else False, "a foreign table is not read"
    if is_view:
        return True, "views are what others read"
    return False, "a foreign table is not read"


def own_of(schema):
    """Whether the ledger writes the schema."""
    return schema in ("positions", "analytics")


def may_write(role, table, own, act):
    schema = table[0]
    if role == "nexus_maintainer" and schema == "maintenance":
        return None, "it looks after jobs"
    if schema == "analytics":
        writer = role == "nexus_positions"
    else:
        writer = own == schema
    if not writer:
        return False, "a foreign table is written through functions"
    if table in APPEND_ONLY and act != "insert":
        return False, "append only"
    if act == "delete":
        return ((None, DELETABLE[table]) if table in DELETABLE
                else (False, "nothing says why rows of it would be removed"))
    return None, "a service writes its own schema"


def of_routine(role, routine):
    """Of EXECUTE."""
    schema, name = routine["schema"], routine["name"]
    own = SERVICES.get(role)
    if role in OWNERS:
        return True, "it owns the function"
    if routine["is_trigger"]:
        return False, "a trigger function is called by its trigger"
    if role in (STRANGER, "nexus_backup"):
        return False, "nothing is granted to PUBLIC"
    if (schema, name) in GRANTED:
        if role in GRANTED[schema, name]:
            return (None if role == "nexus_credential_reader" else True), "it needs it"
        if (schema, name) in PRIVATE:
            return False, "for credential readers alone"
    if role == "nexus_credential_reader":
        return False, "it opens credentials, and nothing else"
    if own == schema or role == "nexus_positions" and schema == "analytics":
        return None, "its own schema"
    if role == "nexus_maintainer" and schema in WATCHED:
        return None, "it looks after the database"
    if routine["volatility"] == "v":
        return False, "what changes something is granted to who needs it, see rules.py"
    return None, "it only reads"


def of_schema(role, act):
    """Of a schema: usage or create."""
    if act == "create":
        return role in OWNERS, "only nexus_owner makes objects"
    if role in OWNERS or role in READERS:
        return True, "everybody finds the views"
    if role == "nexus_backup":
        return True, "a backup reads everything"
    return None, "it has nothing to look for there"


#: What concerns the whole cluster or database; nobody may but who is named.
GLOBAL = {
    "make a schema": ("CREATE SCHEMA role_check", OWNERS),
    "make a role": ("CREATE ROLE role_check", set()),
    "let itself make databases": ("ALTER ROLE CURRENT_USER CREATEDB", set()),
    "make a temporary table": ("CREATE TEMPORARY TABLE role_check (a int)", OWNERS),
    "make a table in public": ("CREATE TABLE public.role_check (a int)", set()),
    "make an untrusted language": ("CREATE LANGUAGE role_check HANDLER pg_catalog.plpgsql_call_"
                                   "handler", set()),
    "run a program": ("COPY (SELECT 1) TO PROGRAM 'true'", set()),
    "write a file": ("COPY (SELECT 1) TO '/tmp/role_check'", set()),
    "read a file": ("SELECT pg_catalog.pg_read_file('postgresql.conf')", set()),
    "change the server": ("SELECT pg_catalog.pg_reload_conf()", set()),
    "become superuser": ("ALTER ROLE CURRENT_USER SUPERUSER", set()),
    "become owner": ("SET LOCAL ROLE nexus_owner", OWNERS),
    "act as the reader of credentials": ("SET LOCAL ROLE nexus_credential_reader",
                                         CREDENTIAL_READERS),
    "make itself a member": ("GRANT nexus_owner TO CURRENT_USER", set()),
    "switch the guards off": ("SET LOCAL session_replication_role = replica", set()),
    "log less": ("SET LOCAL log_statement = 'none'", set()),
    # pg_read_all_data reads this too, and pg_dumpall needs it to back roles up.
    "read passwords": ("SELECT rolpassword FROM pg_catalog.pg_authid", {"nexus_backup"}),
    "take pgcrypto": ("SELECT public.pgp_sym_decrypt('\\x00', 'key')", OWNERS),
    "make partitions by hand": ("SELECT partman.run_maintenance()", OWNERS),
    "read the settings of partitions": ("SELECT parent_table FROM partman.part_config LIMIT 0",
                                        {*OWNERS, "nexus_backup"}),
}


def of_global(role, act):
    return role in GLOBAL[act][1], "nobody but " + (", ".join(sorted(GLOBAL[act][1])) or
                                                    "a superuser")
