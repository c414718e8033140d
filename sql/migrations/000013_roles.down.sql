-- Why:   undoes 000013_roles: schemas and functions go, the owner of the rest is who runs this,
--        and roles that no other database of the cluster knows are dropped.
-- Locks: ACCESS EXCLUSIVE on every table of positions and analytics for a moment.
-- Takes: milliseconds.

DROP FUNCTION IF EXISTS maintenance.ensure_partitions(regclass, timestamptz, timestamptz);

DROP FUNCTION IF EXISTS maintenance.unpartition(regclass);

DROP FUNCTION IF EXISTS maintenance.partition(regclass, interval, int);

DROP FUNCTION IF EXISTS maintenance.adopt(name);

DROP SCHEMA IF EXISTS monitoring;
DROP SCHEMA IF EXISTS maintenance;
DROP SCHEMA IF EXISTS auth;
DROP SCHEMA IF EXISTS audit;
DROP SCHEMA IF EXISTS config;
DROP SCHEMA IF EXISTS capital;
DROP SCHEMA IF EXISTS risk;
DROP SCHEMA IF EXISTS opportunities;
DROP SCHEMA IF EXISTS funding;
DROP SCHEMA IF EXISTS data_collector;

DROP EXTENSION IF EXISTS pg_partman;
DROP SCHEMA IF EXISTS partman;
DROP EXTENSION IF EXISTS pgcrypto;

DO $do$
DECLARE
    name    text;
    command text;
    -- Roles belong to the cluster: they stay while another database of it has an owner.
    is_last CONSTANT boolean := NOT EXISTS (
        SELECT
          FROM pg_catalog.pg_shdepend AS d
          JOIN pg_catalog.pg_roles AS r
            ON r.oid = d.refobjid
           AND d.refclassid = 'pg_authid'::regclass
         WHERE r.rolname = 'nexus_owner'
           AND d.dbid <> 0
           AND d.dbid <> (SELECT b.oid
                            FROM pg_catalog.pg_database AS b
                           WHERE b.datname = current_database()));
BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
    -- What is left of maintenance.adopt. REASSIGN OWNED BY would take other databases' owner too.
    FOR command IN
        SELECT format('ALTER %s %s OWNER TO CURRENT_USER',
                      CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, c.oid::regclass)
          FROM pg_catalog.pg_class AS c
         WHERE c.relnamespace IN ('positions'::regnamespace, 'analytics'::regnamespace)
           AND c.relkind IN ('r', 'p', 'v')
           AND pg_catalog.pg_get_userbyid(c.relowner) = 'nexus_owner'
         UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO CURRENT_USER', p.oid::regprocedure)
          FROM pg_catalog.pg_proc AS p
         WHERE p.pronamespace IN ('positions'::regnamespace, 'analytics'::regnamespace)
           AND pg_catalog.pg_get_userbyid(p.proowner) = 'nexus_owner'
         UNION ALL
        SELECT format('ALTER SCHEMA %I OWNER TO CURRENT_USER', n.nspname)
          FROM pg_catalog.pg_namespace AS n
         WHERE n.nspname IN ('positions', 'analytics')
           AND pg_catalog.pg_get_userbyid(n.nspowner) = 'nexus_owner'
    LOOP
        EXECUTE command;
    END LOOP;
    FOR name IN
        SELECT r.rolname
          FROM pg_catalog.pg_roles AS r
         WHERE r.rolname IN ('nexus_owner', 'nexus_reader', 'nexus_credential_reader',
                             'nexus_migrator', 'nexus_analyst', 'nexus_auditor', 'nexus_backup',
                             'nexus_maintainer', 'nexus_data_collector', 'nexus_funding',
                             'nexus_opportunities', 'nexus_positions', 'nexus_risk',
                             'nexus_capital', 'nexus_analytics', 'nexus_config', 'nexus_audit',
                             'nexus_auth')
    LOOP
        -- DROP OWNED BY would take its rights on the other databases too.
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA positions, analytics, public FROM %I',
                       name);
        EXECUTE format('REVOKE ALL ON ALL ROUTINES IN SCHEMA positions, analytics, public FROM %I',
                       name);
        EXECUTE format('REVOKE ALL ON SCHEMA positions, analytics FROM %I', name);
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM %I', current_database(), name);
        CONTINUE WHEN NOT is_last;
        EXECUTE format('REASSIGN OWNED BY %I TO CURRENT_USER', name);
        EXECUTE format('DROP OWNED BY %I', name);
        BEGIN
            EXECUTE format('DROP ROLE %I', name);
        EXCEPTION
            -- Another database of the cluster gives it rights, or drops it at this moment.
            WHEN dependent_objects_still_exist OR undefined_object OR internal_error THEN NULL;
        END;
    END LOOP;
END
$do$;

REVOKE UPDATE
    ON positions.generation_steps
    FROM CURRENT_USER;

GRANT EXECUTE
    ON FUNCTION positions.log_position_at(int, timestamptz)
    TO PUBLIC;
