import Glibc

/// Files that tests read but that are not in the package: the folder `shared` beside it, or the
/// one that NEXUS_SHARED names.
public enum Fixtures {
    /// The environment variable that names another place for the folder.
    public static let variable = "NEXUS_SHARED"

    /// The package's root.
    public static let packageRoot = ancestor(of: #filePath, levels: 3)

    /// The folder, whether it is there or not.
    public static var sharedFolder: String {
        if let named = getenv(variable), named.pointee != 0 { return String(cString: named) }
        return ancestor(of: packageRoot, levels: 1) + "/shared"
    }

    /// The path of a file or folder in it, such as "vectors/events.json". Where it is missing,
    /// says so on standard error and gives nil: the caller requires it or passes over the test.
    public static func shared(_ path: String) -> String? {
        let whole = "\(sharedFolder)/\(path)"
        if access(whole, R_OK) == 0 { return whole }
        let words = Array(
            ("\(whole) is missing: tests that read it cannot run."
                + " \(variable) names another place for the folder `shared`.\n").utf8)
        _ = write(STDERR_FILENO, words, words.count)
        return nil
    }

    private static func ancestor(of path: String, levels: Int) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        return "/" + parts.dropLast(levels).joined(separator: "/")
    }
}
