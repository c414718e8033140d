-- Query: Which strategies use a value.
-- Index: config.strategy_parameters_by_value
-- Buffers: at most 30
-- Example: $1 = '77'::jsonb
SELECT p.strategy, p.key
  FROM config.strategy_parameters AS p
 WHERE p.value @> $1
 ORDER BY p.strategy, p.key;
