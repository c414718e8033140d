-- Why:   the whole NEXUS database: a schema for each service, one login role for each, least
--        privilege, and an owner that nobody logs in as. Time-partitioned tables are kept by
--        pg_partman, behind functions that hold its settings in one place.
-- Locks: none that others wait for, but ACCESS EXCLUSIVE on each table of positions and analytics
--        for the moment in which its owner changes.
-- Takes: milliseconds, the extensions some 100 ms.
--
-- Roles belong to the cluster, not to this database: they are made where they are missing, and the
-- down file takes their rights here and drops those that no other database knows. A login role has
-- no password until an operator gives it one. Extensions and roles need a superuser once; after
-- that nexus_migrator, who acts as nexus_owner, can run every migration.

CREATE SCHEMA IF NOT EXISTS partman;

CREATE EXTENSION IF NOT EXISTS pgcrypto
    WITH SCHEMA public;

CREATE EXTENSION IF NOT EXISTS pg_partman
    WITH SCHEMA partman;

DO $do$
DECLARE
    name     text;
    is_login boolean;
    command  text;
    services CONSTANT text[] := ARRAY[
        'nexus_data_collector', 'nexus_funding', 'nexus_opportunities', 'nexus_positions',
        'nexus_risk', 'nexus_capital', 'nexus_analytics', 'nexus_config', 'nexus_audit',
        'nexus_auth'];
BEGIN
    FOR name, is_login IN
        SELECT r.name, false
          FROM unnest(ARRAY['nexus_owner', 'nexus_reader', 'nexus_credential_reader'])
               AS r (name)
         UNION ALL
        SELECT r.name, true
          FROM unnest(services || ARRAY['nexus_migrator', 'nexus_analyst', 'nexus_auditor',
                                        'nexus_backup', 'nexus_maintainer']) AS r (name)
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = name);
        BEGIN
            EXECUTE format('CREATE ROLE %I %s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION',
                           name, CASE WHEN is_login THEN 'LOGIN' ELSE 'NOLOGIN' END);
        EXCEPTION
            -- Another database of the cluster is migrated at the same moment.
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;

    -- Of the cluster, as the roles: said once, by who may.
    FOR command IN
        SELECT format('COMMENT ON ROLE %I IS %L', c.role, c.comment)
          FROM (VALUES
                ('nexus_owner', 'Owns all objects of NEXUS; nobody logs in as it.'),
                ('nexus_reader', 'What every service may read of the others: their views.'),
                ('nexus_credential_reader', 'May decrypt credentials of exchanges, with the key.'),
                ('nexus_data_collector', 'Service: collects instruments and market data.'),
                ('nexus_funding', 'Service: keeps funding rates and settlements.'),
                ('nexus_opportunities', 'Service: finds opportunities and executes them.'),
                ('nexus_positions', 'Service: the ledger, its log and its projections.'),
                ('nexus_risk', 'Service: measures risk, keeps breaches and alerts.'),
                ('nexus_capital', 'Service: allocates and transfers capital.'),
                ('nexus_analytics', 'Service: statistics over what is projected.'),
                ('nexus_config', 'Service: reads and changes the configuration.'),
                ('nexus_audit', 'Service: writes down who did what.'),
                ('nexus_auth', 'Service: users, roles, sessions.'),
                ('nexus_migrator', 'Runs migrations, as nexus_owner.'),
                ('nexus_analyst', 'A person who reads views and figures.'),
                ('nexus_auditor', 'A person who reads everything but secrets, the audit too.'),
                ('nexus_backup', 'Reads all data, for dumps.'),
                ('nexus_maintainer', 'Runs the jobs and watches the server.')) AS c (role, comment)
         WHERE shobj_description(c.role::regrole, 'pg_authid') IS NULL
    LOOP
        BEGIN
            EXECUTE command;
        EXCEPTION
            WHEN insufficient_privilege OR unique_violation OR internal_error THEN NULL;
        END;
    END LOOP;

    -- Who is a member of what. A backup reads everything (pg_read_all_data) and changes nothing.
    FOR command IN
        SELECT format('GRANT %I TO %I', m.granted, m.member)
          FROM (SELECT 'nexus_reader', unnest(services)
                 UNION ALL
                VALUES ('nexus_reader', 'nexus_analyst'),
                       ('nexus_reader', 'nexus_auditor'),
                       ('nexus_reader', 'nexus_maintainer'),
                       ('nexus_owner', 'nexus_migrator'),
                       ('pg_read_all_data', 'nexus_backup'),
                       ('pg_monitor', 'nexus_maintainer'),
                       ('pg_read_all_stats', 'nexus_auditor'),
                       ('nexus_credential_reader', 'nexus_data_collector'),
                       ('nexus_credential_reader', 'nexus_positions')) AS m (granted, member)
         WHERE NOT EXISTS (SELECT
                             FROM pg_catalog.pg_auth_members AS a
                            WHERE a.roleid = m.granted::regrole
                              AND a.member = m.member::regrole)
    LOOP
        BEGIN
            EXECUTE command;
        EXCEPTION
            WHEN unique_violation OR internal_error THEN NULL;
        END;
    END LOOP;

    -- A migrator acts as the owner from the first statement on, so that what it makes is owned so.
    IF NOT EXISTS (SELECT
                     FROM pg_catalog.pg_db_role_setting AS s
                    WHERE s.setrole = 'nexus_migrator'::regrole
                      AND s.setdatabase = 0
                      AND s.setconfig @> ARRAY['role=nexus_owner']) THEN
        BEGIN
            ALTER ROLE nexus_migrator SET role = 'nexus_owner';
        EXCEPTION
            WHEN internal_error THEN NULL;
        END;
    END IF;

    EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO nexus_owner', current_database());
    -- Whoever may connect could otherwise fill the disk with temporary tables.
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$do$;

-- pgcrypto's functions take keys and secrets: only our own functions call them.
DO $do$
DECLARE
    routine regprocedure;
BEGIN
    FOR routine IN
        SELECT d.objid::regprocedure
          FROM pg_catalog.pg_depend AS d
          JOIN pg_catalog.pg_extension AS e
            ON e.oid = d.refobjid
         WHERE d.classid = 'pg_proc'::regclass
           AND d.refclassid = 'pg_extension'::regclass
           AND e.extname IN ('pgcrypto', 'pg_partman')
    LOOP
        BEGIN
            EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', routine);
            EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO nexus_owner', routine);
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'as a superuser, restrict % to nexus_owner', routine;
        END;
    END LOOP;
END
$do$;

GRANT USAGE, CREATE
    ON SCHEMA partman
    TO nexus_owner;
GRANT ALL
    ON ALL TABLES IN SCHEMA partman
    TO nexus_owner;
GRANT ALL
    ON ALL SEQUENCES IN SCHEMA partman
    TO nexus_owner;

CREATE SCHEMA IF NOT EXISTS data_collector;
CREATE SCHEMA IF NOT EXISTS funding;
CREATE SCHEMA IF NOT EXISTS opportunities;
CREATE SCHEMA IF NOT EXISTS risk;
CREATE SCHEMA IF NOT EXISTS capital;
CREATE SCHEMA IF NOT EXISTS config;
CREATE SCHEMA IF NOT EXISTS audit;
CREATE SCHEMA IF NOT EXISTS auth;
CREATE SCHEMA IF NOT EXISTS maintenance;
CREATE SCHEMA IF NOT EXISTS monitoring;

COMMENT ON SCHEMA data_collector IS
    'What was collected from where: sources, instruments, ingestion runs and their gaps.';
COMMENT ON SCHEMA funding IS
    'Funding rates of all sources, snapshots of them, and where sources disagree.';
COMMENT ON SCHEMA opportunities IS
    'Opportunities that were detected, and what became of them.';
COMMENT ON SCHEMA risk IS
    'Risk: snapshots, alerts and breaches of limits.';
COMMENT ON SCHEMA capital IS
    'Capital: accounts, what of them is allocated, and transfers between them.';
COMMENT ON SCHEMA config IS
    'Configuration that services read at run time, and every change of it. Readable by all.';
COMMENT ON SCHEMA audit IS
    'Who did what, and what was said to the outside. Append only. Readable by all.';
COMMENT ON SCHEMA auth IS
    'Users, roles, service accounts and sessions; secrets only as hashes. Readable by all.';
COMMENT ON SCHEMA maintenance IS
    'Jobs, partitions by time, retention.';
COMMENT ON SCHEMA monitoring IS
    'Views for those who are woken at night.';

-- Ownership. SECURITY INVOKER: only who may give an object away can.
CREATE OR REPLACE FUNCTION maintenance.adopt(schema name)
    RETURNS int
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    command text;
    adopted int := 0;
BEGIN
    FOR command IN
        SELECT format('ALTER %s %I.%I OWNER TO nexus_owner',
                      CASE c.relkind
                          WHEN 'v' THEN 'VIEW'
                          WHEN 'm' THEN 'MATERIALIZED VIEW'
                          WHEN 'S' THEN 'SEQUENCE'
                          ELSE 'TABLE'
                      END, schema, c.relname)
          FROM pg_class AS c
         WHERE c.relnamespace = schema::text::regnamespace
           AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
           AND c.relowner <> 'nexus_owner'::regrole
           AND NOT EXISTS (SELECT
                             FROM pg_depend AS d
                            WHERE d.classid = 'pg_class'::regclass
                              AND d.objid = c.oid
                              AND d.deptype IN ('e', 'i', 'a')
                              AND (d.deptype = 'e' OR c.relkind = 'S'))
         UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO nexus_owner', p.oid::regprocedure)
          FROM pg_proc AS p
         WHERE p.pronamespace = schema::text::regnamespace
           AND p.proowner <> 'nexus_owner'::regrole
         UNION ALL
        SELECT format('ALTER SCHEMA %I OWNER TO nexus_owner', schema)
          FROM pg_namespace AS n
         WHERE n.nspname = schema
           AND n.nspowner <> 'nexus_owner'::regrole
    LOOP
        EXECUTE command;
        adopted := adopted + 1;
    END LOOP;
    RETURN adopted;
END
$function$;

COMMENT ON FUNCTION maintenance.adopt(name) IS
    'Makes nexus_owner the owner of a schema and of the tables, views, sequences and routines in '
    'it; returns how many it was not yet. The last statement of every migration.';

-- One place that knows the settings of pg_partman: partitions for ever (also while no rows come),
-- bounds in UTC, no DEFAULT partition that would hide a missing one.
CREATE OR REPLACE FUNCTION maintenance.partition(parent regclass, every interval, ahead int)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET datestyle = 'ISO, YMD'
    SET intervalstyle = 'postgres'
AS $function$
DECLARE
    parent_name text;
    control     name;
BEGIN
    SELECT format('%s.%s', n.nspname, c.relname), a.attname
      INTO parent_name, control
      FROM pg_class AS c
      JOIN pg_namespace AS n
        ON n.oid = c.relnamespace
      JOIN pg_partitioned_table AS p
        ON p.partrelid = c.oid
      JOIN pg_attribute AS a
        ON a.attrelid = c.oid
       AND a.attnum = p.partattrs[0]
     WHERE c.oid = parent
       AND p.partstrat = 'r';
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'wrong_object_type',
            MESSAGE = format('%s is not partitioned by range', parent),
            HINT    = 'Make it with PARTITION BY RANGE of one timestamptz column.';
    END IF;
    IF EXISTS (SELECT FROM partman.part_config AS k WHERE k.parent_table = parent_name) THEN
        UPDATE partman.part_config AS k
           SET premake = ahead
         WHERE k.parent_table = parent_name;
        RETURN false;
    END IF;

    -- What partman.create_parent writes, without its DEFAULT partition and its template. Called
    -- here it would leave its own search_path to the session: it sets it without LOCAL.
    INSERT INTO partman.part_config
           (parent_table, control, partition_type, partition_interval, datetime_string, premake,
            infinite_time_partitions, retention_keep_table, retention_keep_index, jobmon)
    VALUES (parent_name, control,
            -- What its fourth major version calls native, the fifth calls range.
            (SELECT CASE WHEN e.extversion LIKE '4.%' THEN 'native' ELSE 'range' END
               FROM pg_extension AS e
              WHERE e.extname = 'pg_partman'),
            every::text,
            CASE WHEN every >= interval '1 year' THEN 'YYYY'
                 WHEN every >= interval '1 month' THEN 'YYYY_MM'
                 ELSE 'YYYY_MM_DD'
            END,
            ahead, true, true, true, false);
    PERFORM maintenance.ensure_partitions(parent, now() - every, now() + ahead * every);
    RETURN true;
END
$function$;

COMMENT ON FUNCTION maintenance.partition(regclass, interval, int) IS
    'Hands a table that is partitioned by range of one time to pg_partman: partitions of `every`, '
    '`ahead` of them made ahead, bounds in UTC, no DEFAULT. False if it was handed over before; '
    'then only `ahead` is set. nexus_owner has to own the table: maintenance.adopt first. Raises '
    '42809 for another kind of table.';

CREATE OR REPLACE FUNCTION maintenance.unpartition(parent regclass)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    parent_name text;
    template    text;
BEGIN
    SELECT format('%s.%s', n.nspname, c.relname)
      INTO parent_name
      FROM pg_class AS c
      JOIN pg_namespace AS n
        ON n.oid = c.relnamespace
     WHERE c.oid = parent;
    DELETE FROM partman.part_config AS k
     WHERE k.parent_table = parent_name
    RETURNING k.template_table
      INTO template;
    IF to_regclass(template) IS NOT NULL THEN
        EXECUTE format('DROP TABLE %s', template::regclass);
    END IF;
END
$function$;

COMMENT ON FUNCTION maintenance.unpartition(regclass) IS
    'Takes a table back from pg_partman; its partitions stay. For down migrations.';

CREATE OR REPLACE FUNCTION maintenance.ensure_partitions(
        parent regclass, from_at timestamptz, to_at timestamptz)
    RETURNS int
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET datestyle = 'ISO, YMD'
    SET intervalstyle = 'postgres'
AS $function$
DECLARE
    -- Any fixed number will do; this one is only used here.
    partition_lock CONSTANT bigint := 7088416218532262;
    parent_name text;
    every       interval;
    suffix      text;
    unit        text;
    at          timestamptz;
    missing     timestamptz[];
    -- Read from the catalogue, which waiting for the lock refreshes under READ COMMITTED.
    find_missing CONSTANT text :=
        'SELECT array_agg(t.at ORDER BY t.at)'
        '  FROM generate_series(date_trunc($1, $2, ''UTC''), $3, $4) AS t (at)'
        ' WHERE NOT EXISTS ('
        '       SELECT'
        '         FROM pg_inherits AS i'
        '         JOIN pg_class AS c'
        '           ON c.oid = i.inhrelid'
        '        CROSS JOIN LATERAL regexp_match('
        '                 pg_get_expr(c.relpartbound, c.oid),'
        '                 ''FROM \(''''([^'''']+)''''\) TO \(''''([^'''']+)''''\)'') AS b (bounds)'
        '        WHERE i.inhparent = $5'
        '          AND t.at >= b.bounds[1]::timestamptz'
        '          AND t.at < b.bounds[2]::timestamptz)';
BEGIN
    SELECT k.parent_table, k.partition_interval::interval, k.datetime_string
      INTO parent_name, every, suffix
      FROM partman.part_config AS k
     WHERE to_regclass(k.parent_table) = parent;
    IF NOT found THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s is not kept by maintenance.partition', parent),
            HINT    = 'SELECT parent_table FROM partman.part_config lists those that are.';
    END IF;
    IF from_at IS NULL
    OR to_at IS NULL
    OR from_at > to_at
    OR from_at < timestamptz '1970-01-01 00:00:00+00'
    OR to_at >= timestamptz '2200-01-01 00:00:00+00' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('no partition of %s can hold the times from %s to %s', parent,
                             coalesce(from_at::text, 'null'), coalesce(to_at::text, 'null')),
            HINT    = 'Give times from 1970 to 2199, the earlier one first.';
    END IF;
    unit := CASE WHEN every >= interval '1 year' THEN 'year'
                 WHEN every >= interval '1 month' THEN 'month'
                 ELSE 'day'
            END;
    IF (to_at - from_at) > every * 4000 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'program_limit_exceeded',
            MESSAGE = format('from %s to %s are more than 4000 partitions of %s', from_at, to_at,
                             parent),
            HINT    = 'Bring the facts in parts of a shorter time.';
    END IF;

    EXECUTE find_missing INTO missing USING unit, from_at, to_at, every, parent;
    IF missing IS NULL THEN
        RETURN 0;
    END IF;
    -- One maker at a time.
    PERFORM pg_advisory_xact_lock(partition_lock);
    EXECUTE find_missing INTO missing USING unit, from_at, to_at, every, parent;
    IF missing IS NULL THEN
        RETURN 0;
    END IF;
    -- As partman.create_partition_time names them; it is not called, see maintenance.partition.
    FOREACH at IN ARRAY missing LOOP
        IF to_regclass(format('%s_p%s', parent_name, to_char(at, suffix))) IS NOT NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('%s of %s is no partition any more: retention has detached it',
                                 parent_name, to_char(at, suffix)),
                HINT    = format('Leave out facts that are so old; or raise the setting '
                                 'retention.%1$s and ALTER TABLE %1$s ATTACH PARTITION %1$s_p%2$s '
                                 'FOR VALUES FROM (%3$L) TO (%4$L).',
                                 parent_name, to_char(at, suffix), at, at + every);
        END IF;
        EXECUTE format('CREATE TABLE %1$s_p%2$s PARTITION OF %1$s FOR VALUES FROM (%3$L) TO (%4$L)',
                       parent_name, to_char(at, suffix), at, at + every);
    END LOOP;
    RETURN cardinality(missing);
END
$function$;

COMMENT ON FUNCTION maintenance.ensure_partitions(regclass, timestamptz, timestamptz) IS
    'Makes the partitions of a table that hold the times of a range, where they do not stand; '
    'returns how many it made. Raises 22023 for a table that is not kept by '
    'maintenance.partition or times beyond 1970 to 2199, 54000 for more than 4000 partitions, '
    '55000 for one that retention has detached.';

REVOKE ALL
    ON ALL FUNCTIONS IN SCHEMA maintenance
    FROM PUBLIC;

SELECT maintenance.adopt(s.schema)
  FROM unnest(ARRAY['positions', 'analytics', 'data_collector', 'funding', 'opportunities',
                    'risk', 'capital', 'config', 'audit', 'auth', 'maintenance', 'monitoring'])
       AS s (schema);

GRANT USAGE
    ON SCHEMA positions, analytics, data_collector, funding, opportunities, risk, capital, config,
              audit, auth, maintenance, monitoring
    TO nexus_reader;

-- Where the migrations stand: every program looks before it works, and a migrator keeps it.
DO $do$
BEGIN
    IF to_regclass('public.schema_migrations') IS NOT NULL THEN
        GRANT SELECT ON public.schema_migrations TO nexus_reader;
        GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON public.schema_migrations
            TO nexus_owner;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN NULL;
END
$do$;

-- The ledger itself, and what others may read of it. Rows, the log and its guards are the
-- ledger's alone; others read the views.
GRANT SELECT
    ON ALL TABLES IN SCHEMA positions
    TO nexus_positions, nexus_analyst, nexus_auditor;
GRANT SELECT
    ON ALL TABLES IN SCHEMA analytics
    TO nexus_positions, nexus_analytics, nexus_analyst, nexus_auditor;
GRANT SELECT
    ON positions.active, positions.legs, positions.history,
       analytics.position_days, analytics.daily_pnl, analytics.trade_stats,
       analytics.funding_collected, analytics.funding_totals
    TO nexus_reader;
GRANT INSERT
    ON positions.books, positions.log_head, positions.events, positions.event_keys,
       positions.deliveries, positions.streams, positions.outbox_discards,
       positions.generation_steps
    TO nexus_positions;
GRANT INSERT, UPDATE, DELETE
    ON positions.live_slot, positions.projection_checkpoints, positions.quarantine,
       positions.comparisons
    TO nexus_positions;
GRANT UPDATE
    ON positions.log_head, positions.streams
    TO nexus_positions;
REVOKE ALL
    ON FUNCTION positions.log_position_at(int, timestamptz)
    FROM PUBLIC;
GRANT EXECUTE
    ON FUNCTION positions.ensure_month(timestamptz), positions.ensure_months(int),
                positions.ensure_book(text, int), positions.log_position_at(int, timestamptz)
    TO nexus_positions;
GRANT EXECUTE
    ON FUNCTION positions.ensure_months(int)
    TO nexus_maintainer;
GRANT EXECUTE
    ON FUNCTION positions.log_position_at(int, timestamptz)
    TO nexus_analyst, nexus_auditor;

-- Foreign keys lock the rows that refer to what is removed, which takes the owner's UPDATE; the
-- triggers refuse every change all the same.
GRANT UPDATE
    ON positions.generation_steps
    TO nexus_owner;

-- The rows of the projections; emptying a slot is a TRUNCATE of its partitions.
DO $do$
DECLARE
    rows_of regclass;
BEGIN
    FOR rows_of IN
        SELECT c.oid::regclass
          FROM pg_catalog.pg_class AS c
         WHERE c.relnamespace IN ('positions'::regnamespace, 'analytics'::regnamespace)
           AND c.relkind IN ('r', 'p')
           AND c.relname ~ '_rows(_[123])?$'
    LOOP
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO nexus_positions', rows_of);
        IF rows_of::text ~ '_[123]$' THEN
            EXECUTE format('GRANT TRUNCATE ON %s TO nexus_positions', rows_of);
        END IF;
    END LOOP;
END
$do$;
