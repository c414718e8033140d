import LedgerCore
import Projections

/// `fold`: JSON lines of events in, accounts out, no database (accounting.md §7).
public struct FoldRun {
    /// How it ends; the raw value is the process's exit status.
    public enum Status: Int32, Sendable {
        case folded = 0
        case refused = 3
        case failed = 4
    }

    /// One line that append would refuse.
    public struct RefusedLine: Sendable {
        /// From 1.
        public let line: Int
        /// What is wrong and what to do, in words.
        public let reason: String
    }

    /// Lines that append would refuse, in the order of the file.
    public private(set) var refused: [RefusedLine] = []
    /// Events taken, repeats included.
    public private(set) var eventCount = 0
    /// One ledger a book, in the order of their first line.
    private var ledgers: [(book: BookName, ledger: MemoryLedger)] = []
    /// In the order of their first event.
    private var positions: [(ledger: Int, id: UUID)] = []
    private var lineNumber = 0

    /// A run that has read no line.
    public init() {}

    /// Takes lines separated by line feeds; empty ones are skipped.
    public mutating func read(_ bytes: UnsafeBufferPointer<UInt8>) {
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != 0x0A { end += 1 }
            readLine(UnsafeBufferPointer(rebasing: bytes[start..<end]))
            start = end + 1
        }
    }

    /// Takes the next line, without its line feed; an empty one is skipped.
    public mutating func readLine(_ line: UnsafeBufferPointer<UInt8>) {
        lineNumber += 1
        if line.contains(where: { $0 > 0x20 }) { take(line) }
    }

    /// Counts the next line as refused; nothing else is known of it.
    public mutating func refuseLine(because reason: String) {
        lineNumber += 1
        refused.append(RefusedLine(line: lineNumber, reason: reason))
    }

    private mutating func take(_ bytes: UnsafeBufferPointer<UInt8>) {
        do throws(InvalidField) {
            let line = try EventLine(parsing: bytes)
            let index = ledgers.firstIndex { $0.book == line.book } ?? addLedger(line.book)
            do throws(Refusal) {
                if try ledgers[index].ledger.append(line.event) {
                    positions.append((index, line.event.positionID))
                }
                eventCount += 1
            } catch {
                refused.append(RefusedLine(line: lineNumber, reason: error.description))
            }
        } catch {
            refused.append(RefusedLine(line: lineNumber, reason: error.description))
        }
    }

    private mutating func addLedger(_ book: BookName) -> Int {
        ledgers.append((book, MemoryLedger()))
        return ledgers.count - 1
    }

    /// Folds every position and returns the JSON array and how it went.
    public func report() -> (json: [UInt8], status: Status) {
        var json = CanonicalJSON(reserving: 4096)
        var failed = false
        json.beginArray()
        for (index, position) in positions {
            guard let error = write(position, of: ledgers[index].ledger, to: &json) else {
                continue
            }
            failed = true
            json.beginObject()
            json.key("position_id")
            json.uuid(position)
            json.key("error")
            json.string(error)
            json.endObject()
        }
        json.endArray()
        return (json.bytes, !refused.isEmpty ? .refused : (failed ? .failed : .folded))
    }

    /// Appends the account; its error instead if the fold fails.
    private func write(
        _ position: UUID, of ledger: MemoryLedger, to json: inout CanonicalJSON
    ) -> String? {
        let account: PositionAccount
        do throws(FoldError) {
            account = try AccountFold.fold(ledger.events(of: position))
        } catch {
            return error.description
        }
        let start = json.mark
        do throws(FixedError) {
            try AccountReport(account).write(to: &json)
        } catch {
            json.rewind(to: start)
            return "a total of the position is out of range (|x| must stay below 10^20)"
        }
        return nil
    }
}
