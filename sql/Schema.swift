import Postgres

/// The database's migrations, as the executable carries them (built in from `sql/migrations`).
public enum Schema {
    /// All migrations by version. A file without the other direction, or with a name that is not
    /// golang-migrate's NNNNNN_name.up.sql or .down.sql, stops the program: it is a defect of the
    /// build, and a test looks for it.
    public static let migrations: [Migration] = {
        var texts: [String: (up: String?, down: String?)] = [:]
        for file in embeddedFiles {
            if file.name.hasSuffix(".up.sql") {
                texts[String(file.name.dropLast(7)), default: (nil, nil)].up = file.text
            } else if file.name.hasSuffix(".down.sql") {
                texts[String(file.name.dropLast(9)), default: (nil, nil)].down = file.text
            } else {
                preconditionFailure("\(file.name) is neither an up nor a down migration")
            }
        }
        return texts.keys.sorted().map { stem in
            let parts = stem.split(separator: "_", maxSplits: 1)
            guard parts.count == 2, let version = Int64(parts[0]), let up = texts[stem]?.up else {
                preconditionFailure("\(stem) is no migration of the form NNNNNN_name")
            }
            return Migration(
                version: version, name: String(parts[1]), up: up, down: texts[stem]?.down)
        }
    }()

    /// The version that this build needs.
    public static var version: Int64 { migrations.last?.version ?? 0 }
}
