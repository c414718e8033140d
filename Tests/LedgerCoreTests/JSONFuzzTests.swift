import LedgerTesting
import Testing

@testable import LedgerCore

/// Hostile input: whatever the octets are, they are taken or refused, and nothing traps.
struct JSONFuzzTests {
    /// What was taken must be as good as a well-formed line: it is written and read back.
    private func take(_ bytes: [UInt8], _ note: Comment) {
        if let value = try? JSONValue(parsing: bytes) {
            #expect((try? JSONValue(parsing: value.canonicalBytes)) == value, note)
        }
        guard let line = try? Samples.parse(bytes) else { return }
        let again = try? Samples.parse(line.canonicalBytes)
        #expect(again == line, note)
    }

    @Test(arguments: Samples.payloads)
    func `a line that ends at any octet is refused`(payload: EventPayload) throws {
        let bytes = try Samples.line(payload).canonicalBytes
        for length in 0..<bytes.count {
            #expect(Samples.refusal(Array(bytes[..<length])) != nil, "\(length) octets")
            #expect((try? JSONValue(parsing: Array(bytes[..<length]))) == nil, "\(length) octets")
        }
        #expect(Samples.refusal(bytes) == nil)
    }

    @Test(arguments: Samples.payloads)
    func `a line with any octet removed or replaced does no harm`(payload: EventPayload) throws {
        let bytes = try Samples.line(payload).canonicalBytes
        let hostile: [UInt8] = [
            0, 0x22, 0x5C, 0x7B, 0x5D, 0x2C, 0x3A, 0x2D, 0x30, 0x80, 0xED, 0xFF,
        ]
        for index in bytes.indices {
            var changed = bytes
            changed.remove(at: index)
            take(changed, "without octet \(index)")
            for octet in hostile {
                changed = bytes
                changed[index] = octet
                take(changed, "octet \(index) is \(octet)")
            }
        }
    }

    @Test(arguments: seeds)
    func `random changes of a line do no harm`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let lines = try Samples.payloads.map { try Samples.line($0).canonicalBytes }
        var taken = 0
        for round in 0..<3_000 {
            var bytes = random.one(of: lines)
            for _ in 0..<random.within(1...4) { mutate(&bytes, &random, lines) }
            take(bytes, "seed \(seed), round \(round): \(String(decoding: bytes, as: UTF8.self))")
            if Samples.refusal(bytes) == nil { taken += 1 }
        }
        #expect(taken > 0, "seed \(seed): nothing was taken, so nothing was tried")
    }

    private func mutate(
        _ bytes: inout [UInt8], _ random: inout SeededRandom, _ lines: [[UInt8]]
    ) {
        guard !bytes.isEmpty else { return }
        let index = random.below(bytes.count)
        switch random.below(7) {
        case 0: bytes[index] = UInt8(random.below(256))
        case 1: bytes[index] ^= 1 << UInt8(random.below(8))
        case 2: bytes.insert(UInt8(random.below(256)), at: index)
        case 3: bytes.removeSubrange(index..<min(bytes.count, index + random.within(1...20)))
        case 4: bytes.insert(contentsOf: bytes[index...].prefix(random.within(1...40)), at: index)
        case 5:
            let words = [
                "null", "{}", "[]", "\"\"", "\\ud800", "\\u0000", "-0", "1e999",
                "9999999999999999999999",
            ]
            bytes.insert(contentsOf: Array(random.one(of: words).utf8), at: index)
        default:
            let other = random.one(of: lines)
            bytes = Array(bytes[..<index]) + other[random.below(other.count)...]
        }
    }

    @Test(arguments: seeds)
    func `random octets are refused`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let alphabet =
            Array("{}[]\",:\\u0123456789abcdefnulltrue -+.eE".utf8) + [0, 0x80, 0xC3, 0xFF]
        for round in 0..<3_000 {
            let bytes = (0..<random.below(40)).map { _ in random.one(of: alphabet) }
            take(bytes, "seed \(seed), round \(round): \(bytes)")
            #expect(Samples.refusal(bytes) != nil, "seed \(seed), round \(round): \(bytes)")
        }
    }

    @Test(arguments: seeds)
    func `random texts are decimals, times and ids only in their one form`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let alphabet = Array("0123456789.-+eE:TZ abcdef".utf8)
        let starts = ["2026-01-02T03:04:05.678Z", "-12.5", "3d802e6a-196d-5702-923e-14f875ff508f"]
        for round in 0..<1_500 {
            var bytes = Array(random.one(of: starts).utf8)
            for _ in 0..<random.below(3) {
                bytes[random.below(bytes.count)] = random.one(of: alphabet)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let note: Comment = "seed \(seed), round \(round): \(text)"
            if let value = Fixed(text) { #expect(Fixed(value.description) == value, note) }
            if let value = try? Fixed(foreign: text) {
                #expect(Fixed(value.description) == value, note)
            }
            if let time = Timestamp(text) { #expect(Timestamp(time.description) == time, note) }
            if let id = UUID(text) { #expect(id.description == text.lowercased(), note) }
        }
    }
}
