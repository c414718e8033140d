-- Why:   undoes 000012_generation_steps. THE AUDIT RECORDS OF PROMOTIONS GO WITH IT: copy
--        positions.generation_steps out first (sql/docs/README.md, "Rolling back"). A rebuild
--        under way is lost, its slot has to be emptied by hand.
-- Locks: ACCESS EXCLUSIVE on positions.projection_checkpoints and positions.live_slot, which
--        stops readers of the projections and the workers.
-- Takes: milliseconds once the locks are held.

DROP TABLE IF EXISTS positions.comparisons;
DROP TABLE IF EXISTS positions.generation_steps;

ALTER TABLE IF EXISTS positions.live_slot
    DROP COLUMN IF EXISTS former_slot;

ALTER TABLE IF EXISTS positions.projection_checkpoints
    DROP COLUMN IF EXISTS logic_fingerprint,
    DROP COLUMN IF EXISTS rebuilt_through,
    DROP COLUMN IF EXISTS rebuilt_events,
    DROP COLUMN IF EXISTS rebuilding_to,
    DROP COLUMN IF EXISTS retired_at,
    DROP COLUMN IF EXISTS built_at;
