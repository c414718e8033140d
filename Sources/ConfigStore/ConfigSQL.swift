import Postgres

/// All statements about the configuration. Functions of schema `config` decide; see
/// sql/migrations/000016_config.up.sql.
public enum ConfigSQL {
    static let get = "SELECT config.get($1)::text"

    static let list = """
        SELECT path, coalesce(value, 'null')::text, is_default, coalesce(kind, ''),
               coalesce(unit, ''), coalesce(description, ''), changed_at
        FROM config.entries
        WHERE starts_with(path, $1)
        ORDER BY path
        """

    static let listAt = """
        SELECT path, value::text
        FROM config.at($2)
        WHERE starts_with(path, $1)
        ORDER BY path
        """

    static let begin = "SELECT config.begin_change($1)"

    static let actor = "SELECT set_config('nexus.actor', $1, true)"

    static let set = "SELECT config.set($1, $2::text::jsonb, nullif($3, ''))"

    static let unset = "SELECT config.unset($1, nullif($2, ''))"

    static let rollbackChange = "SELECT config.rollback_change($1, nullif($2, ''))"

    static let rollbackTo = """
        SELECT count(change_id)
        FROM config.rollback_to($1, nullif($2, ''), $3)
        """

    static let last = "SELECT coalesce(max(change_id), 0) FROM config.change_log"

    private static let columns = """
        change_id, changed_at, actor, db_role, path, previous::text, current::text, reason,
               rolls_back
        """

    static let changesAfter = """
        SELECT \(columns)
        FROM config.change_log
        WHERE change_id > $1
          AND starts_with(path, $2)
        ORDER BY change_id
        LIMIT $3
        """

    static let changesBefore = """
        SELECT \(columns)
        FROM config.change_log
        WHERE ($1 = 0 OR change_id < $1)
          AND starts_with(path, $2)
        ORDER BY change_id DESC
        LIMIT $3
        """

    static let backend = "SELECT pg_backend_pid()"

    static let timeToLive = "SELECT (config.setting('config.cache_ttl_s') #>> '{}')::int"

    static let parametersLogged = """
        SELECT current_setting('log_parameter_max_length'),
               current_setting('log_parameter_max_length_on_error'),
               coalesce(nullif(current_setting('pgaudit.log_parameter', true), ''), 'off')
        """

    static let storeCredential = "CALL config.store_credential($1, $2, $3, nullif($4, ''), NULL)"

    static let rotateCredentials = "CALL config.rotate_credentials($1, $2, $3, NULL)"

    /// For the test that prepares each of them; CALL cannot be prepared.
    public static let all = [
        get, list, listAt, begin, actor, set, unset, rollbackChange, rollbackTo, last, changesAfter,
        changesBefore, backend, timeToLive, parametersLogged,
    ]
}
