import Projections

/// Tells one logic of the folds from another.
struct LogicMark: Hashable, Sendable {
    /// `AccountFold.logicVersion`.
    let version: Int32
    /// `AccountFold.logicFingerprint`: what somebody forgot to give a version of its own.
    let fingerprint: String

    /// That of this build.
    static let own = LogicMark(
        version: AccountFold.logicVersion, fingerprint: AccountFold.logicFingerprint)

    /// Whether a generation was folded by this logic, as far as its marks say: one from before
    /// fingerprints were kept has none.
    func matches(_ version: Int32, _ fingerprint: String) -> Bool {
        version == self.version && (fingerprint.isEmpty || fingerprint == self.fingerprint)
    }
}
