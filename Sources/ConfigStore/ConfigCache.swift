import LedgerCore
import Postgres
import Synchronization

/// A copy of the whole configuration for readers that ask often: read anew when a change is told,
/// and when it is older than the time to live whatever was told.
///
/// ```
/// empty ──value──▶ fresh ──notice, or timeToLive──▶ stale ──value──▶ fresh
///                                                     └─database away: answers on, up to staleMax
/// ```
public final class ConfigCache: Sendable {
    private struct Copy {
        var values: [String: String]
        var readAt: ContinuousClock.Instant
        var isStale = false
    }

    private let store: ConfigStore
    private let timeToLive: Duration
    private let staleMax: Duration
    private let copy = Mutex<Copy?>(nil)
    /// Counts what was told, so that a copy that was read meanwhile is not taken for fresh.
    private let told = Mutex(0)

    /// A copy of what `store` reads.
    /// - Parameters:
    ///   - timeToLive: How old it may be without being told of a change.
    ///   - staleMax: How old it may be while the database does not answer.
    public init(
        _ store: ConfigStore, timeToLive: Duration = .seconds(30),
        staleMax: Duration = .seconds(3_600)
    ) {
        self.store = store
        self.timeToLive = timeToLive
        self.staleMax = staleMax
    }

    /// The value of an entry as JSON, or nil if there is none. Throws what the store throws when
    /// there is no copy that is young enough.
    public func value(of path: String) async throws -> String? {
        let now = ContinuousClock.now
        let known = copy.withLock { $0 }
        if let known, !known.isStale, now - known.readAt < timeToLive {
            return known.values[path]
        }
        let toldBefore = told.withLock { $0 }
        do {
            let entries = try await store.entries()
            let values = Dictionary(
                entries.map { ($0.path, $0.value) }, uniquingKeysWith: { first, _ in first })
            let isStale = told.withLock { $0 } != toldBefore
            copy.withLock { $0 = Copy(values: values, readAt: now, isStale: isStale) }
            return values[path]
        } catch {
            guard let known, now - known.readAt < staleMax else { throw error }
            return known.values[path]
        }
    }

    /// The next reader reads anew.
    public func invalidate() {
        told.withLock { $0 += 1 }
        copy.withLock { $0?.isStale = true }
    }

    /// Is told by `watch` until cancelled. The watch's errors are waited out: the time to live
    /// holds meanwhile.
    public func follow(_ watch: ConfigWatch) async {
        var through: Int64 = -1
        while !Task.isCancelled {
            do {
                let look = try await watch.look(after: through)
                if through >= 0, look.through > through { invalidate() }
                through = look.through
            } catch {
                invalidate()
                try? await Task.sleep(for: .seconds(5))
            }
        }
        await watch.shutdown()
    }
}
