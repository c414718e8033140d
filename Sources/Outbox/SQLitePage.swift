/// Pages and rows of an SQLite file, read without SQLite
/// (https://www.sqlite.org/fileformat2.html), so that a salvage needs no whole b-tree: each leaf
/// of a table is understood alone.
enum SQLitePage {
    /// Octets of a page; new files are made so.
    static let size = 4096

    /// Octets of a record that lie on its leaf.
    static func local(ofPayload count: Int) -> Int {
        let whole = size - 35
        guard count > whole else { return count }
        let least = (size - 12) * 32 / 255 - 23
        let rest = least + (count - least) % (size - 4)
        return rest <= whole ? rest : least
    }

    /// Where the cells of a page begin; empty unless it is a leaf of a table.
    static func cells(_ page: [UInt8], isFirst: Bool) -> [Int] {
        let start = isFirst ? 100 : 0
        guard page.count == size, page[start] == 0x0D else { return [] }
        let count = page.bigEndian16(start + 3)
        guard start + 8 + 2 * count <= size else { return [] }
        return (0..<count).map { page.bigEndian16(start + 8 + 2 * $0) }
    }

    /// A cell: its row id, the length of its record, and where the record begins.
    struct Cell {
        var rowID: Int64
        var payload: Int
        var start: Int

        init?(_ page: [UInt8], at offset: Int) {
            var index = offset
            guard let count = SQLitePage.varint(page, &index),
                let rowID = SQLitePage.varint(page, &index), count > 0, count <= 1 << 31
            else { return nil }
            self.rowID = rowID
            payload = Int(count)
            start = index
            guard start + SQLitePage.local(ofPayload: payload) <= SQLitePage.size else {
                return nil
            }
        }
    }

    /// A number of one to nine octets, seven bits in each but the ninth.
    static func varint(_ bytes: [UInt8], _ index: inout Int) -> Int64? {
        var value: UInt64 = 0
        for place in 0..<9 {
            guard index >= 0, index < bytes.count else { return nil }
            let octet = bytes[index]
            index += 1
            if place == 8 { return Int64(bitPattern: value << 8 | UInt64(octet)) }
            value = value << 7 | UInt64(octet & 0x7F)
            if octet < 0x80 { break }
        }
        return Int64(bitPattern: value)
    }
}

/// A value of a record.
enum SQLiteValue {
    case null
    case integer(Int64)
    case real
    case text([UInt8])
    case blob([UInt8])

    var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    var blob: [UInt8]? { if case .blob(let value) = self { value } else { nil } }
    var text: String? {
        if case .text(let value) = self { String(decoding: value, as: UTF8.self) } else { nil }
    }

    /// The values of a record, or those of the columns that lie whole in its first octets.
    static func values(_ record: [UInt8]) -> [SQLiteValue] {
        var index = 0
        guard let length = SQLitePage.varint(record, &index), length <= record.count else {
            return []
        }
        var types: [Int64] = []
        while index < Int(length) {
            guard let type = SQLitePage.varint(record, &index) else { return [] }
            types.append(type)
        }
        var reader = OctetReader(Array(record[min(Int(length), record.count)...]))
        var values: [SQLiteValue] = []
        for type in types {
            guard let value = SQLiteValue(type, &reader) else { break }
            values.append(value)
        }
        return values
    }

    private init?(_ type: Int64, _ reader: inout OctetReader) {
        switch type {
        case 0: self = .null
        case 1...6:
            let octets = [1, 2, 3, 4, 6, 8][Int(type) - 1]
            guard let raw = reader.number(octets) else { return nil }
            let shift = UInt64(64 - 8 * octets)
            self = .integer(Int64(bitPattern: raw << shift) >> Int64(shift))
        case 7:
            guard reader.number(8) != nil else { return nil }
            self = .real
        case 8: self = .integer(0)
        case 9: self = .integer(1)
        case 12...:
            guard let octets = reader.octets(Int((type - 12) / 2)) else { return nil }
            self = type % 2 == 0 ? .blob(octets) : .text(octets)
        default: return nil
        }
    }
}
