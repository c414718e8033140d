/// CRC-64/XZ (ECMA-182, reflected; check value of "123456789": 0x995D_C9BB_DF19_39FA). It finds
/// every burst of up to 64 flipped bits; another damage passes with a chance of 2⁻⁶⁴.
struct Checksum {
    private var state: UInt64 = ~0

    /// The checksum of what was added so far.
    var value: Int64 { Int64(bitPattern: ~state) }

    /// The checksum of some octets.
    static func of(_ bytes: [UInt8]) -> Int64 {
        var checksum = Checksum()
        checksum.add(bytes)
        return checksum.value
    }

    mutating func add(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { add($0) }
    }

    /// Eight octets, the highest first.
    mutating func add(_ number: Int64) {
        withUnsafeBytes(of: number.bigEndian) { add($0) }
    }

    /// A number that may be missing, with a mark that tells.
    mutating func add(_ number: Int64?) {
        add(Int64(number == nil ? 0 : 1))
        add(number ?? 0)
    }

    /// Length, then octets: what follows cannot be taken for a part of it.
    mutating func addCounted(_ bytes: [UInt8]) {
        add(Int64(bytes.count))
        add(bytes)
    }

    /// The same of a text, with a mark where it is missing.
    mutating func addCounted(_ text: String?) {
        guard let text else {
            add(Int64(-1))
            return
        }
        var copy = text
        copy.withUTF8 { utf8 in
            add(Int64(utf8.count))
            add(UnsafeRawBufferPointer(utf8))
        }
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        state = Checksum.tables.withUnsafeBufferPointer { tables in
            var crc = state
            var index = 0
            while index + 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                crc ^= UInt64(littleEndian: word)
                var next = tables[7 << 8 | Int(crc & 0xFF)]
                next ^= tables[6 << 8 | Int(crc >> 8 & 0xFF)]
                next ^= tables[5 << 8 | Int(crc >> 16 & 0xFF)]
                next ^= tables[4 << 8 | Int(crc >> 24 & 0xFF)]
                next ^= tables[3 << 8 | Int(crc >> 32 & 0xFF)]
                next ^= tables[2 << 8 | Int(crc >> 40 & 0xFF)]
                next ^= tables[1 << 8 | Int(crc >> 48 & 0xFF)]
                next ^= tables[Int(crc >> 56)]
                crc = next
                index += 8
            }
            while index < bytes.count {
                crc = tables[Int((crc ^ UInt64(bytes[index])) & 0xFF)] ^ crc >> 8
                index += 1
            }
            return crc
        }
    }

    /// Eight tables of 256 ("slicing by 8"): table k advances an octet by k more octets.
    private static let tables: [UInt64] = {
        var tables = [UInt64](repeating: 0, count: 8 * 256)
        for octet in 0..<256 {
            var crc = UInt64(octet)
            for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0xC96C_5795_D787_0F42 }
            tables[octet] = crc
        }
        for place in 256..<tables.count {
            let before = tables[place - 256]
            tables[place] = tables[Int(before & 0xFF)] ^ before >> 8
        }
        return tables
    }()
}
