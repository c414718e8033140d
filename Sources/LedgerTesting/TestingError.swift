/// Why a test has no database to run on.
public enum TestingError: Error, Equatable, Sendable {
    /// No cluster was named. The test must fail, not pass without having looked.
    case noCluster
    /// The cluster was named in a form to which no database can be added.
    case unusableConnectionInfo
}

extension TestingError: CustomStringConvertible {
    /// What happened, and what to do about it.
    public var description: String {
        switch self {
        case .noCluster:
            "\(TemporaryCluster.variable) is not set, so there is no PostgreSQL to test on:"
                + " run ops/test, which starts one"
        case .unusableConnectionInfo:
            "\(TemporaryCluster.variable) must be of the form \"host=… user=… dbname=…\":"
                + " run ops/test, which sets it"
        }
    }
}
