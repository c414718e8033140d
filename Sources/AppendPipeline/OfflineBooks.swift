import Admission
import LedgerCore

/// What is known of positions without PostgreSQL: how their last commit left them, and what was
/// buffered since. It decides what can be decided offline; the drain decides the rest. Bounded: two
/// halves, of which the older is forgotten whole, and what is forgotten is not known.
struct OfflineBooks {
    /// A position.
    private struct Key: Hashable {
        var book: BookName
        var position: UUID
    }

    /// What is known of a position.
    struct Known {
        /// Its version in PostgreSQL, as far as this process knows; lower than the truth where
        /// another process appends too.
        var committed: StreamVersion
        /// The version with everything that is buffered.
        var version: StreamVersion
        /// So many of the buffered events may repeat committed ones and raise no version.
        var doubts: Int64 = 0
        /// Whether every committed event of it is remembered (`RecentCommits`); nil until somebody
        /// has looked.
        var isWhole: Bool?
        /// nil where something was buffered whose effect only the whole stream tells, such as a
        /// void.
        var state: StreamState?
        /// Its frozen terms, where they are known.
        var terms: FrozenTerms?
    }

    /// A request that may be buffered.
    struct Accepted {
        /// For each position whose version was known, the one that its events in the log may not
        /// exceed but by this outbox's own (`Outbox.Draft.bases`).
        var bases: [UUID: StreamVersion] = [:]
        fileprivate var after: [UUID: Known] = [:]
        /// Of these more exists than is known.
        fileprivate var unseen: Set<UUID> = []
    }

    private var young: [Key: Known] = [:]
    private var old: [Key: Known] = [:]
    private let half: Int

    /// Positions that are remembered; about 1 KB each.
    static let positionsMax = 20_000

    init(positionsMax: Int = OfflineBooks.positionsMax) {
        half = max(1, positionsMax / 2)
    }

    /// A position as it is known; nil if it is not.
    func known(_ book: BookName, _ position: UUID) -> Known? {
        let key = Key(book: book, position: position)
        return young[key] ?? old[key]
    }

    /// The frozen terms of a position; nil where they are not known.
    func terms(_ book: BookName, _ position: UUID) -> FrozenTerms? {
        known(book, position)?.terms
    }

    /// PostgreSQL has left positions so; nothing of them is buffered.
    mutating func committed(_ book: BookName, _ streams: [UUID: StreamState]) {
        for (position, state) in streams {
            // A commit that was overtaken by a later one tells nothing new.
            if let later = known(book, position), later.committed > state.version { continue }
            remember(
                Known(
                    committed: state.version, version: state.version, state: state,
                    terms: state.terms),
                Key(book: book, position: position))
        }
    }

    /// An event that was known to PostgreSQL has this version: where less is known of its position,
    /// nothing is.
    mutating func exists(_ book: BookName, _ position: UUID, _ version: StreamVersion) {
        guard let known = known(book, position), known.committed < version else { return }
        forget(book, [position])
    }

    /// What somebody has found who looked whether all its committed events are remembered.
    mutating func isWhole(_ book: BookName, _ position: UUID, _ isWhole: Bool) {
        guard var known = known(book, position) else { return }
        known.isWhole = isWhole
        remember(known, Key(book: book, position: position))
    }

    /// What a position has come to is only known to the outbox now.
    mutating func forget(_ book: BookName, _ positions: some Sequence<UUID>) {
        for position in positions {
            let key = Key(book: book, position: position)
            young[key] = nil
            old[key] = nil
        }
    }

    private mutating func remember(_ known: Known, _ key: Key) {
        if young.count >= half, young[key] == nil {
            old = young
            young = [:]
        }
        young[key] = known
    }

    /// Decides a request on what is known: the same rules and errors as online, as far as they can
    /// be known. `isNew` says of each event whether the outbox does not hold it yet; `strangers`
    /// are positions that exist without being known. Nothing is remembered before `take`.
    func admit(
        _ events: [NewEvent], isNew: [Bool], strangers: Set<UUID> = [], in book: BookName
    ) -> Result<Accepted, Refusal> {
        var accepted = Accepted()
        var versions: [UUID: StreamVersion] = [:]
        var doubts: [UUID: Int64] = [:]
        var admission = Admission(
            history: OfflineHistory(known: { known(book, $0)?.state }), head: .origin)
        /// Positions of which something is buffered that cannot be followed offline.
        var lost: Set<UUID> = []
        /// Positions that it opens and that are not known.
        var opened: Set<UUID> = []
        for (index, event) in events.enumerated() {
            let position = event.positionID
            let before = known(book, position)
            let version = versions[position] ?? before?.version
            let doubt = doubts[position] ?? before?.doubts ?? 0
            if let refusal = conflict(event, at: index, version: version, doubts: doubt) {
                return .failure(refusal)
            }
            if let version, case .exact(let expected) = event.expectedVersion, expected < version {
                // Some of them are repeats.
                doubts[position] = doubt - (version.rawValue - expected.rawValue)
                versions[position] = expected
            }
            if let before, before.state == nil { lost.insert(position) }
            if let version, case .exact(let expected) = event.expectedVersion, expected > version {
                // The caller knows of an event that this process has not seen.
                lost.insert(position)
                accepted.unseen.insert(position)
                accepted.bases[position] = nil
                versions[position] = expected
            }
            if accepted.bases[position] == nil, !accepted.unseen.contains(position) {
                accepted.bases[position] = before?.committed ?? base(event)
            }
            guard isNew[index] else {
                lost.insert(position)
                continue
            }
            if before == nil, versions[position] == nil, event.type == .positionOpened,
                !strangers.contains(position)
            {
                versions[position] = StreamVersion.none
                opened.insert(position)
            }
            if event.isBeyondOffline { lost.insert(position) }
            if !lost.contains(position), before != nil || opened.contains(position) {
                var plain = event
                plain.expectedVersion = .any
                switch try? admission.admit([plain], recordedAt: .latest) {
                case .success: break
                case .failure(let refusal): return .failure(refusal.moved(to: index))
                case nil: lost.insert(position)
                }
            }
            versions[position] = (versions[position] ?? version)?.next
            if before?.isWhole == false, event.expectedVersion == .any {
                doubts[position] = (doubts[position] ?? doubt) + 1
            }
        }
        let states = admission.streams
        for (position, version) in versions {
            let state = lost.contains(position) ? nil : states[position]
            let before = known(book, position)
            accepted.after[position] = Known(
                committed: before?.committed ?? .none, version: version,
                doubts: doubts[position] ?? before?.doubts ?? 0,
                isWhole: before == nil ? true : before?.isWhole,
                state: state?.lifecycle.needsRefold == true ? nil : state,
                terms: before?.terms ?? states[position]?.terms)
        }
        return .success(accepted)
    }

    /// The request is buffered.
    mutating func take(_ accepted: Accepted, in book: BookName) {
        for (position, known) in accepted.after where !accepted.unseen.contains(position) {
            remember(known, Key(book: book, position: position))
        }
        forget(book, accepted.unseen)
    }

    /// Versions never fall: what expects a lower one than is known cannot be right any more. What
    /// expects a higher one may be: another process appends too.
    private func conflict(
        _ event: NewEvent, at index: Int, version: StreamVersion?, doubts: Int64
    ) -> Refusal? {
        guard let version else { return nil }
        switch event.expectedVersion {
        case .any: return nil
        case .noStream where version == .none: return nil
        case .exact(let expected)
        where expected.rawValue >= version.rawValue - doubts
            && expected.rawValue - version.rawValue <= Self.unseenMax:
            return nil
        case .noStream, .exact:
            return .versionConflict(
                index: index, positionID: event.positionID, expected: event.expectedVersion,
                actual: version)
        }
    }

    /// Events of a position that may be there without being known; more is a mistake.
    private static let unseenMax: Int64 = 1 << 40

    /// What a position that is not known must not exceed.
    private func base(_ event: NewEvent) -> StreamVersion? {
        event.expectedVersion == .noStream ? StreamVersion.none : nil
    }
}

/// What is known of the past offline: how positions stand, and no event of theirs.
private struct OfflineHistory: StreamHistory {
    let known: (UUID) -> StreamState?

    func state(of position: UUID) -> StreamState? { known(position) }
    func event(_ id: UUID) -> Event? { nil }
    func events(of position: UUID) -> [Event] { [] }
}

extension NewEvent {
    /// Whether what it does depends on events that are not at hand.
    fileprivate var isBeyondOffline: Bool {
        switch payload {
        case .fill(let fill): fill.replaces != nil
        case .funding(let funding): funding.replaces != nil
        case .voided, .adjustment, .feeValued: true
        case .opened, .fee, .mark, .closeRequested, .closed, .cancelled: false
        }
    }
}

extension Refusal {
    /// The same of another event of the request.
    fileprivate func moved(to index: Int) -> Refusal {
        switch self {
        case .invalid(_, let field): .invalid(index: index, field)
        case .versionConflict(_, let position, let expected, let actual):
            .versionConflict(
                index: index, positionID: position, expected: expected, actual: actual)
        case .contentConflict(_, let id, let member, let known):
            .contentConflict(index: index, eventID: id, member: member, known: known)
        case .partlyKnown: self
        case .precondition(_, let reason): .precondition(index: index, reason: reason)
        }
    }
}
