import EventStore
import LedgerCore
import Postgres
import Synchronization

/// Folds positions afresh, one after the other, and compares them with their live rows, and now and
/// then adds up a day and a key of statistics: the books take turns, the rest is drawn. What it
/// finds is told once a position or sum, and kept for whoever asks.
public final class DriftAudit: Sendable {
    /// Positions a minute, over all books together; 0: nothing is checked.
    public let positionsPerMinute: Double

    private struct State {
        var books: [BookName: DriftState] = [:]
        /// The book whose turn was last.
        var turn: BookID?
        /// Why not even the books could be read.
        var error: String?
        /// Steps taken, by which drifted positions take turns too.
        var steps = 0
        /// Sums looked at.
        var sums = 0

        /// What is added up in this step; nil for nothing. Every fourth time a day that differed.
        mutating func wantedSum(_ book: BookName) -> WantedSum? {
            guard Int.random(in: 0..<DriftAudit.sumsEvery) == 0 else { return nil }
            sums += 1
            if sums.isMultiple(of: 2) { return .statistics }
            let places = books[book].map { Array($0.driftedSums.keys) } ?? []
            let days = places.compactMap { place in
                place.split(separator: " ").last.flatMap { Day(String($0)) }
            }
            return .day(sums % 4 == 1 ? days.randomElement() : nil)
        }
    }

    private enum WantedSum: Sendable {
        /// nil for one that is drawn.
        case day(Day?)
        case statistics
    }

    private let state = Mutex(State())
    private let connection: DedicatedConnection
    private let note: @Sendable (String) -> Void

    /// Positions of one step, however high the rate.
    static let batchMax = 50
    /// One step in so many adds up a day of daily_pnl or a key of trade_stats too, which reads the
    /// rows of all positions behind it.
    static let sumsEvery = 5
    /// For one step.
    static let deadline = Duration.seconds(20)
    /// After a failure, and while there is nothing to check.
    static let retryAfter = Duration.seconds(10)
    /// Drifted positions of a book that are remembered: many more are no sample's business.
    static let driftedMax = 1_000
    /// Rows of a position that the log tells.
    static let rowsMax = 10

    /// Opens nothing before `run`; `note` takes a line for the log.
    public init(
        _ info: ConnectionInfo, positionsPerMinute: Double,
        note: @escaping @Sendable (String) -> Void
    ) {
        self.positionsPerMinute = positionsPerMinute
        self.note = note
        connection = DedicatedConnection(info.preparing(true), name: "pg-drift")
    }

    /// What is known of a book; the same as nothing for one that was never looked at.
    public func state(of book: BookName) -> DriftState {
        state.withLock { state in
            var known = state.books[book] ?? DriftState()
            known.error = state.error ?? known.error
            return known
        }
    }

    /// Runs until cancelled; returns at once if it is off.
    public func run() async {
        guard positionsPerMinute > 0 else { return }
        let batch = batch
        let interval = Duration.seconds(Double(batch) * 60 / positionsPerMinute)
        while !Task.isCancelled {
            let isDone = await step(batch)
            try? await Task.sleep(for: isDone ? interval : max(interval, Self.retryAfter))
        }
        await connection.shutdown()
    }

    /// About a second's worth.
    private var batch: Int {
        Int(min(max((positionsPerMinute / 60).rounded(.up), 1), Double(Self.batchMax)))
    }

    /// A live generation that can be audited.
    private struct Target: Sendable {
        var book: BookID
        var name: BookName
        var slot: Int16
        var isOurs: Bool
        /// By the clock of the database.
        var at: Timestamp

        /// Of every book that a worker has been to.
        static func all(_ connection: Connection, _ deadline: Deadline) throws -> [Target] {
            try connection.query(AuditSQL.live, deadline: deadline).rows.compactMap { row in
                guard let name = BookName(try row[1].string()) else { return nil }
                return Target(
                    book: BookID(rawValue: try row[0].int32()), name: name,
                    slot: try row[2].int16(),
                    isOurs: LogicMark.own.matches(try row[3].int32(), try row[4].string()),
                    at: try row[5].timestamp())
            }
        }
    }

    /// Checks so many positions of the book whose turn it is, and one of those that are known to
    /// differ. False if there was nothing to check, or if it could not be done.
    func step(_ count: Int) async -> Bool {
        let deadline = Deadline.after(Self.deadline)
        let targets: [Target]
        do {
            targets = try await connection.run(deadline: deadline) {
                try Target.all($0, deadline)
            }
        } catch {
            state.withLock { $0.error = "\(error)" }
            return false
        }
        let (chosen, known) = choose(among: targets)
        guard let chosen else { return false }
        do {
            let (checked, differences) = try await connection.run(deadline: deadline) {
                try Self.check(chosen, count, known, $0, deadline)
            }
            keep(chosen, checked, Array(Set(checked + [known].compactMap(\.self))), differences)
            if let wanted = state.withLock({ $0.wantedSum(chosen.name) }) {
                let found = try await connection.run(deadline: deadline) {
                    try Self.check(wanted, of: chosen, $0, deadline)
                }
                if let found { keep(chosen, found) }
            }
            return true
        } catch {
            state.withLock { $0.books[chosen.name, default: DriftState()].error = "\(error)" }
            return false
        }
    }

    /// The book whose turn it is, and a position of it that differed before.
    private func choose(among targets: [Target]) -> (target: Target?, known: UUID?) {
        state.withLock { state in
            state.error = nil
            state.steps += 1
            for target in targets where !target.isOurs {
                state.books[target.name, default: DriftState()].error =
                    "its tables were folded by another logic: compare them with a replay"
            }
            let ours = targets.filter(\.isOurs)
            let last = state.turn
            let next = ours.first { target in
                last.map { target.book.rawValue > $0.rawValue } ?? true
            }
            guard let chosen = next ?? ours.first else { return (nil, nil) }
            state.turn = chosen.book
            let drifted = state.books[chosen.name]?.drifted ?? []
            return (chosen, drifted.isEmpty ? nil : drifted[state.steps % drifted.count])
        }
    }

    /// A difference counts if it is there twice, and the generation is the live one still: a slot
    /// that was promoted away from may be emptied while it is looked at.
    private static func check(
        _ target: Target, _ count: Int, _ known: UUID?, _ connection: Connection,
        _ deadline: Deadline
    ) throws -> (checked: [UUID], differences: [RowDifference]) {
        let audit = PositionAudit(
            book: target.book, slot: target.slot, tables: ProjectedTable.all)
        let picked = try audit.pick(count, on: connection, deadline: deadline)
        let positions = Set(picked).union([known].compactMap(\.self))
        let first = try audit.check(Array(positions), on: connection, deadline: deadline)
        let suspects = Set(first.differences.compactMap(\.position))
        guard !suspects.isEmpty else { return (picked, []) }
        let second = try audit.check(Array(suspects), on: connection, deadline: deadline)
        return try isLive(target, connection, deadline)
            ? (picked, second.differences) : ([], [])
    }

    /// One statement sees both sides at one moment, so once is enough if the generation is live
    /// afterwards. nil if there is nothing to add up.
    private static func check(
        _ wanted: WantedSum, of target: Target, _ connection: Connection, _ deadline: Deadline
    ) throws -> SumsAudit.Found? {
        let audit = SumsAudit(book: target.book, slot: target.slot)
        let found: SumsAudit.Found
        switch wanted {
        case .day(let day):
            found = try audit.checkDay(day, on: connection, deadline: deadline)
        case .statistics: found = try audit.checkStatistics(on: connection, deadline: deadline)
        }
        guard found.place != nil else { return nil }
        guard !found.differences.isEmpty else { return found }
        return try isLive(target, connection, deadline) ? found : nil
    }

    private static func isLive(
        _ target: Target, _ connection: Connection, _ deadline: Deadline
    ) throws -> Bool {
        try Target.all(connection, deadline).contains { now in
            now.book == target.book && now.slot == target.slot && now.isOurs
        }
    }

    private func keep(_ target: Target, _ found: SumsAudit.Found) {
        guard let place = found.place else { return }
        let lines = state.withLock { state in
            var book = state.books[target.name] ?? DriftState()
            book.sumsChecked += 1
            let known = book.driftedSums[place]
            if found.differences.isEmpty {
                book.driftedSums[place] = nil
            } else if known != nil || book.driftedSums.count < Self.driftedMax {
                book.driftedSums[place] = found.differences
            }
            state.books[target.name] = book
            guard known == nil else {
                return found.differences.isEmpty
                    ? ["book \(target.name): \(place) is the sum of its positions again"] : []
            }
            return found.differences.prefix(Self.rowsMax).map { "book \(target.name): \($0)" }
        }
        for line in lines { note(line) }
    }

    private func keep(
        _ target: Target, _ picked: [UUID], _ positions: [UUID], _ differences: [RowDifference]
    ) {
        guard !picked.isEmpty else { return }
        let byPosition = Dictionary(grouping: differences) { $0.position }
        var lines: [String] = []
        state.withLock { state in
            var book = state.books[target.name] ?? DriftState()
            book.checked += Int64(picked.count)
            book.lastCheckedAt = target.at
            book.error = nil
            for position in positions.sorted() {
                let place = book.drifted.firstIndex(of: position)
                if let found = byPosition[position] {
                    guard place == nil, book.drifted.count < Self.driftedMax else { continue }
                    book.drifted.append(position)
                    lines.append("book \(target.name): \(Self.line(position, found))")
                } else if let place {
                    book.drifted.remove(at: place)
                    lines.append(
                        "book \(target.name): position \(position) is what the log comes to again")
                }
            }
            state.books[target.name] = book
        }
        for line in lines { note(line) }
    }

    /// "position … differs from the fold of the log: positions.legs long: qty is 5, not 1"
    private static func line(_ position: UUID, _ differences: [RowDifference]) -> String {
        var parts = differences.prefix(rowsMax).map { difference in
            let key = difference.key.filter { $0.column != "position_id" }.map(\.value)
            let place = ([difference.table] + key).joined(separator: " ")
            switch difference.kind {
            case .onlyBefore: return "\(place): the row should not be there"
            case .onlyAfter: return "\(place): the row is missing"
            case .changed:
                let columns = difference.columns.map { column in
                    "\(column.name) is \(column.before ?? "null"), not \(column.after ?? "null")"
                }
                return "\(place): \(columns.joined(separator: ", "))"
            }
        }
        if differences.count > rowsMax { parts.append("\(differences.count - rowsMax) more rows") }
        return "position \(position) differs from the fold of the log: "
            + parts.joined(separator: "; ")
    }
}
