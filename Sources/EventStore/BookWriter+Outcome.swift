import Admission
import LedgerCore

extension BookWriter {
    /// What became of one request.
    public enum Outcome: Sendable {
        /// Its events have these places, known ones their first.
        case committed([Place])
        /// The rules refuse it, and nothing of it was appended.
        case refused(Refusal)
        /// It was not decided: it touches a position of an earlier request of the batch, of this
        /// number, which was refused (`keepsOrder`).
        case blocked(by: Int)
    }

    /// What became of a batch.
    public struct Committed: Sendable {
        /// One for each submission, in their order.
        public var outcomes: [Outcome]
        /// The book's head after the commit.
        public var head: LogPosition
        /// When it was; at the origin where nothing was appended.
        public var recordedAt: Timestamp
        /// The positions that were appended to, and how they are left.
        public var streams: [UUID: StreamState] = [:]
        /// Events that were appended.
        public var appended: Int
    }
}
