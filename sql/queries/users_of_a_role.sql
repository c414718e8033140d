-- Query: Who has a role.
-- Index: auth.user_roles_by_role
-- Buffers: at most 100
-- Example: $1 = 'role77'
SELECT u.name, u.status, r.granted_at, r.granted_by
  FROM auth.user_roles AS r
  JOIN auth.users AS u
    ON u.user_id = r.user_id
 WHERE r.role = $1
 ORDER BY u.name;
