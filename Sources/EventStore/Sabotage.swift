import Glibc

/// A defect on demand, so that `ops/chaos --sabotage` can show that it finds one. Debug builds
/// only: they read it from NEXUS_SABOTAGE once. In a release build there is none.
public enum Sabotage: String, CaseIterable, Sendable {
    /// Events whose ids are known already are appended again.
    case skipIDCheck = "skip-id-check"
    /// An append is answered before PostgreSQL has flushed it.
    case ackBeforeCommit = "ack-before-commit"
    /// A buffered request that is refused at last counts as drained.
    case dropParked = "drop-parked"

    #if DEBUG
        /// What this process does wrong.
        public static let current: Sabotage? = getenv("NEXUS_SABOTAGE").flatMap { name in
            Sabotage(rawValue: String(cString: name))
        }
    #else
        /// Nothing.
        public static let current: Sabotage? = nil
    #endif
}
