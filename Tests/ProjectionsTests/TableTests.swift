import LedgerCore
import LedgerTesting
import Projections
import Testing

/// How accounts become rows (accounting.md §8).
struct TableTests {
    /// Accounts of short and of long streams, at several moments of each; all that are over.
    private static let accounts: [PositionAccount] = {
        var accounts: [PositionAccount] = []
        for seed in seeds {
            let shape = RandomStreams.Shape { $0.events = seed % 2 == 0 ? 6 : 36 }
            let stream = RandomStreams.stream(seed: seed * 10, shape: shape).events
            for length in 1...stream.count {
                guard let account = Folded(Array(stream[..<length])).account,
                    length % 6 == 1 || account.state.isOver
                else { continue }
                accounts.append(account)
            }
        }
        return accounts
    }()

    /// The case of a cell, which is the type of its column.
    private func type(_ cell: Cell) -> String {
        switch cell {
        case .null: "null"
        case .int2: "int2"
        case .int4: "int4"
        case .int8: "int8"
        case .decimal: "decimal"
        case .text: "text"
        case .texts: "texts"
        case .uuid: "uuid"
        case .timestamp: "timestamp"
        case .date: "date"
        case .json: "json"
        }
    }

    @Test(arguments: AccountTables.all.map(\.name))
    func `every row has a cell of one type for each column`(name: String) throws {
        let table = try #require(AccountTables.all.first { $0.name == name })
        #expect(Set(table.columns).count == table.columns.count)
        #expect(table.columns.first == "position_id")
        #expect(table.columns.suffix(2) == ["log_position", "changed_at"])
        var types: [String: Set<String>] = [:]
        var rows = 0
        for account in TableTests.accounts {
            for row in try table.rows(account, "a reason") {
                rows += 1
                try #require(row.cells.count == table.columns.count)
                #expect(row.cells[0] == .uuid(account.positionID))
                for (column, cell) in zip(table.columns, row.cells) where cell != .null {
                    types[column, default: []].insert(type(cell))
                }
            }
        }
        #expect(rows > 3)
        for (column, found) in types { #expect(found.count == 1, "\(column): \(found)") }
    }

    @Test(arguments: AccountTables.all.map(\.name))
    func `a row's key is made of its key columns and is its own`(name: String) throws {
        let table = try #require(AccountTables.all.first { $0.name == name })
        let places = try table.keyColumns.map { try #require(table.columns.firstIndex(of: $0)) }
        for account in TableTests.accounts {
            let rows = try table.rows(account, nil)
            for row in rows { #expect(row.key == places.map { row.cells[$0] }) }
            #expect(Set(rows.map(\.key)).count == rows.count)
        }
    }

    @Test func `a position stands in positions.active or in positions.history`() throws {
        var counts = [0, 0]
        for account in TableTests.accounts {
            let active = try ActivePositions.table.rows(account, nil)
            let history = try History.table.rows(account, nil)
            #expect(active.count + history.count == 1, "\(account.state)")
            #expect(history.count == (account.state.isOver ? 1 : 0), "\(account.state)")
            counts[0] += active.count
            counts[1] += history.count
        }
        #expect(counts.allSatisfy { $0 > 3 })
    }

    @Test func `a position has a row for each leg, and for each day of a leg`() throws {
        for account in TableTests.accounts {
            #expect(try Legs.table.rows(account, nil).count == account.legs.count)
            let days = account.legs.reduce(0) { $0 + $1.days.count }
            #expect(try PositionDays.table.rows(account, nil).count == days)
        }
    }

    @Test func `why a position is stale stands in its row`() throws {
        for account in TableTests.accounts.prefix(20) {
            let table = account.state.isOver ? History.table : ActivePositions.table
            let place = try #require(table.columns.firstIndex(of: "stale_reason"))
            #expect(try table.rows(account, "halted")[0].cells[place] == .text("halted"))
            #expect(try table.rows(account, nil)[0].cells[place] == .null)
        }
    }

    @Test func `a row is stamped with the last event that changed it`() throws {
        for account in TableTests.accounts {
            let last = account.version.rawValue
            for table in AccountTables.all {
                let place = try #require(table.columns.firstIndex(of: "log_position"))
                for row in try table.rows(account, nil) {
                    guard case .int8(let position) = row.cells[place] else {
                        Issue.record("\(table.name): \(row.cells[place])")
                        continue
                    }
                    #expect((1...last).contains(position), "\(table.name)")
                }
            }
        }
    }
}
