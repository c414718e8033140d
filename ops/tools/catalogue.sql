-- What the pages of sql/docs tell of a database, as one JSON value. Left out: partitions, what an
-- extension made, and who is no role of ours.
WITH
schemas AS (
    SELECT n.oid, n.nspname AS name
      FROM pg_namespace AS n
     WHERE n.nspname IN ('positions', 'analytics', 'data_collector', 'funding', 'opportunities',
                         'risk', 'capital', 'config', 'audit', 'auth', 'maintenance', 'monitoring')
),
relations AS (
    SELECT c.oid, c.relkind, c.relname AS name, s.name AS schema, c.relnamespace
      FROM pg_class AS c
      JOIN schemas AS s
        ON s.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
       AND NOT c.relispartition
       -- A partition that retention has detached.
       AND c.relname !~ '_(p[0-9]{4,8}(_[0-9]{2})*|y[0-9]{4}m[0-9]{2})$'
       AND NOT EXISTS (SELECT
                         FROM pg_depend AS d
                        WHERE d.classid = 'pg_class'::regclass
                          AND d.objid = c.oid
                          AND d.deptype = 'e')
),
routines AS (
    SELECT p.*, s.name AS schema,
           format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) AS signature
      FROM pg_proc AS p
      JOIN schemas AS s
        ON s.oid = p.pronamespace
     WHERE NOT EXISTS (SELECT
                         FROM pg_depend AS d
                        WHERE d.classid = 'pg_proc'::regclass
                          AND d.objid = p.oid
                          AND d.deptype = 'e')
),
roles AS (
    SELECT r.oid, r.rolname AS name, r.rolcanlogin
      FROM pg_roles AS r
     WHERE r.rolname IN ('nexus_owner', 'nexus_reader', 'nexus_credential_reader',
                         'nexus_migrator', 'nexus_analyst', 'nexus_auditor', 'nexus_backup',
                         'nexus_maintainer', 'nexus_data_collector', 'nexus_funding',
                         'nexus_opportunities', 'nexus_positions', 'nexus_risk', 'nexus_capital',
                         'nexus_analytics', 'nexus_config', 'nexus_audit', 'nexus_auth')
)
SELECT json_build_object(
    'schemas',
    (SELECT json_agg(json_build_object(
                'name', s.name,
                'comment', obj_description(s.oid, 'pg_namespace')) ORDER BY s.name)
       FROM schemas AS s),
    'relations',
    (SELECT json_agg(json_build_object(
                'schema', r.schema,
                'name', r.name,
                'kind', r.relkind,
                'comment', obj_description(r.oid, 'pg_class'),
                'partitioned', CASE WHEN r.relkind = 'p' THEN pg_get_partkeydef(r.oid) END,
                'definition',
                CASE WHEN r.relkind IN ('v', 'm') THEN pg_get_viewdef(r.oid, true) END,
                'columns', (SELECT coalesce(json_agg(json_build_object(
                                       'name', a.attname,
                                       'type', format_type(a.atttypid, a.atttypmod),
                                       'not_null', a.attnotnull,
                                       'identity', a.attidentity,
                                       'generated', a.attgenerated,
                                       'default', pg_get_expr(d.adbin, d.adrelid),
                                       'comment', col_description(r.oid, a.attnum))
                                       ORDER BY a.attnum), '[]')
                              FROM pg_attribute AS a
                              LEFT JOIN pg_attrdef AS d
                                ON d.adrelid = a.attrelid
                               AND d.adnum = a.attnum
                             WHERE a.attrelid = r.oid
                               AND a.attnum > 0
                               AND NOT a.attisdropped),
                'constraints', (SELECT coalesce(json_agg(json_build_object(
                                           'name', k.conname,
                                           'kind', k.contype,
                                           'definition', pg_get_constraintdef(k.oid),
                                           'comment', obj_description(k.oid, 'pg_constraint'),
                                           'columns', (SELECT json_agg(a.attname ORDER BY x.place)
                                                         FROM unnest(k.conkey)
                                                              WITH ORDINALITY AS x (number, place)
                                                         JOIN pg_attribute AS a
                                                           ON a.attrelid = r.oid
                                                          AND a.attnum = x.number),
                                           'to', (SELECT json_build_array(n.nspname, c.relname)
                                                    FROM pg_class AS c
                                                    JOIN pg_namespace AS n
                                                      ON n.oid = c.relnamespace
                                                   WHERE c.oid = k.confrelid))
                                           ORDER BY array_position(
                                                        ARRAY['p', 'u', 'f', 'x', 'c', 't'],
                                                        k.contype::text), k.conname), '[]')
                                  FROM pg_constraint AS k
                                 WHERE k.conrelid = r.oid
                                   -- Of a foreign key, not what it makes for partitions.
                                   AND k.conparentid = 0),
                'indexes', (SELECT coalesce(json_agg(json_build_object(
                                       'name', c.relname,
                                       'definition', pg_get_indexdef(c.oid),
                                       'constraint', k.conname,
                                       'comment', obj_description(c.oid, 'pg_class'))
                                       ORDER BY k.conname IS NULL, c.relname), '[]')
                              FROM pg_index AS i
                              JOIN pg_class AS c
                                ON c.oid = i.indexrelid
                              LEFT JOIN pg_constraint AS k
                                ON k.conindid = c.oid
                               AND k.contype IN ('p', 'u', 'x')
                             WHERE i.indrelid = r.oid),
                'triggers', (SELECT coalesce(json_agg(json_build_object(
                                        'name', t.tgname,
                                        'definition', pg_get_triggerdef(t.oid, true),
                                        'comment', obj_description(t.oid, 'pg_trigger'))
                                        ORDER BY t.tgname), '[]')
                               FROM pg_trigger AS t
                              WHERE t.tgrelid = r.oid
                                AND NOT t.tgisinternal),
                'reads', (SELECT coalesce(json_agg(DISTINCT q.schema || '.' || q.name), '[]')
                            FROM pg_rewrite AS w
                            JOIN pg_depend AS d
                              ON d.classid = 'pg_rewrite'::regclass
                             AND d.objid = w.oid
                             AND d.refclassid = 'pg_class'::regclass
                            JOIN relations AS q
                              ON q.oid = d.refobjid
                           WHERE w.ev_class = r.oid
                             AND q.oid <> r.oid),
                'rights', (SELECT coalesce(json_object_agg(o.name, v.rights ORDER BY o.name), '{}')
                             FROM roles AS o
                            CROSS JOIN LATERAL (
                                  SELECT concat(
                                      CASE WHEN has_table_privilege(o.oid, r.oid, 'SELECT')
                                           THEN 'r'
                                           WHEN has_any_column_privilege(o.oid, r.oid, 'SELECT')
                                           THEN 'c'
                                      END,
                                      CASE WHEN has_table_privilege(o.oid, r.oid, 'INSERT')
                                             OR has_any_column_privilege(o.oid, r.oid, 'INSERT')
                                           THEN 'a'
                                      END,
                                      CASE WHEN has_table_privilege(o.oid, r.oid, 'UPDATE')
                                             OR has_any_column_privilege(o.oid, r.oid, 'UPDATE')
                                           THEN 'w'
                                      END,
                                      CASE WHEN has_table_privilege(o.oid, r.oid, 'DELETE')
                                           THEN 'd'
                                      END,
                                      CASE WHEN has_table_privilege(o.oid, r.oid, 'TRUNCATE')
                                           THEN 'D'
                                      END,
                                      CASE WHEN has_table_privilege(o.oid, r.oid, 'REFERENCES')
                                           THEN 'x'
                                      END,
                                      CASE WHEN has_table_privilege(o.oid, r.oid, 'TRIGGER')
                                           THEN 't'
                                      END) AS rights) AS v
                            WHERE has_schema_privilege(o.oid, r.relnamespace, 'USAGE')
                              AND v.rights <> ''),
                'hidden', (SELECT coalesce(json_agg(a.attname ORDER BY a.attname), '[]')
                             FROM pg_attribute AS a
                            WHERE a.attrelid = r.oid
                              AND a.attnum > 0
                              AND NOT a.attisdropped
                              AND EXISTS (SELECT
                                            FROM roles AS o
                                           WHERE o.name = 'nexus_reader'
                                             AND has_any_column_privilege(o.oid, r.oid, 'SELECT')
                                             AND NOT has_column_privilege(
                                                     o.oid, r.oid, a.attnum, 'SELECT'))))
                ORDER BY r.schema, r.name)
       FROM relations AS r),
    'routines',
    (SELECT coalesce(json_agg(json_build_object(
                'schema', p.schema,
                'name', p.proname,
                'signature', p.signature,
                'arguments', pg_get_function_arguments(p.oid),
                'result', pg_get_function_result(p.oid),
                'kind', p.prokind,
                'language', (SELECT l.lanname FROM pg_language AS l WHERE l.oid = p.prolang),
                'volatility', p.provolatile,
                'definer', p.prosecdef,
                'comment', obj_description(p.oid, 'pg_proc'),
                'executed_by', (SELECT coalesce(json_agg(o.name ORDER BY o.name), '[]')
                                  FROM roles AS o
                                 WHERE has_function_privilege(o.oid, p.oid, 'EXECUTE')
                                   AND has_schema_privilege(o.oid, p.pronamespace, 'USAGE')))
                ORDER BY p.schema, p.proname, p.signature), '[]')
       FROM routines AS p),
    'roles',
    (SELECT coalesce(json_agg(json_build_object(
                'name', o.name,
                'login', o.rolcanlogin,
                'comment', shobj_description(o.oid, 'pg_authid'),
                'member_of', (SELECT coalesce(json_agg(g.rolname ORDER BY g.rolname), '[]')
                                FROM pg_auth_members AS m
                                JOIN pg_roles AS g
                                  ON g.oid = m.roleid
                               WHERE m.member = o.oid),
                'schemas', (SELECT coalesce(json_object_agg(
                                       s.name,
                                       concat(CASE WHEN has_schema_privilege(o.oid, s.oid, 'USAGE')
                                                   THEN 'U'
                                              END,
                                              CASE WHEN has_schema_privilege(o.oid, s.oid, 'CREATE')
                                                   THEN 'C'
                                              END) ORDER BY s.name), '{}')
                              FROM schemas AS s))
                ORDER BY o.name), '[]')
       FROM roles AS o));
