-- Why:   Takes 000027_keys_by_position back.
-- Locks: ACCESS EXCLUSIVE on the five tables and their slots while the keys are made.
-- Takes: About two seconds for each million rows of analytics.position_days, the largest.

DO $do$
DECLARE
    key   record;
    child record;
BEGIN
    FOR key IN
        SELECT v.parent, v.name, v.columns
          FROM (VALUES
               ('positions.active_rows', 'open_position_has_one_row',
                'slot, book_id, position_id'),
               ('positions.legs_rows', 'leg_has_one_row',
                'slot, book_id, position_id, leg'),
               ('positions.history_rows', 'ended_position_has_one_row',
                'slot, book_id, position_id'),
               ('analytics.position_days_rows', 'leg_has_one_row_a_day',
                'slot, book_id, position_id, leg, day'),
               ('analytics.funding_collected_rows', 'leg_has_one_row_a_month',
                'slot, book_id, position_id, leg, month')
               ) AS v (parent, name, columns)
         WHERE pg_get_constraintdef((SELECT c.oid
                                       FROM pg_catalog.pg_constraint AS c
                                      WHERE c.conrelid = v.parent::regclass
                                        AND c.conname = v.name))
               <> format('PRIMARY KEY (%s)', v.columns)
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', key.parent, key.name);
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY (%s)',
                       key.parent, key.name, key.columns);
        FOR child IN
            SELECT i.indexrelid::regclass AS generated,
                   format('%s_%s', key.name, right(i.indrelid::regclass::text, 1)) AS name
              FROM pg_catalog.pg_index AS i
              JOIN pg_catalog.pg_inherits AS h
                ON h.inhrelid = i.indrelid
             WHERE h.inhparent = key.parent::regclass
               AND i.indisprimary
        LOOP
            EXECUTE format('ALTER INDEX %s RENAME TO %I', child.generated, child.name);
        END LOOP;
    END LOOP;
END
$do$;
