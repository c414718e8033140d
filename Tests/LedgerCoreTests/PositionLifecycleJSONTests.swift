import LedgerTesting
import Testing

@testable import LedgerCore

/// What is kept of a life cycle between two appends.
struct PositionLifecycleJSONTests {
    @Test(arguments: seeds)
    func `a life cycle is read back from its JSON`(seed: UInt64) throws {
        for number in 0..<20 {
            let (opened, stream) = RandomStreams.stream(seed: seed &+ UInt64(number))
            for length in 1...stream.count {
                var lifecycle = PositionLifecycle.fold(
                    Array(stream[..<length]), terms: opened
                ) { _ in false }
                if length % 3 == 0 { lifecycle.needsRefold = true }
                let bytes = lifecycle.canonicalBytes
                let value = try JSONValue(parsing: bytes)
                let note: Comment = "seed \(seed), stream \(number), \(length) events"
                #expect(PositionLifecycle(value) == lifecycle, note)
                #expect(value.canonicalBytes == bytes, note)
            }
        }
    }

    @Test func `an untouched life cycle has the shortest form`() {
        let text = String(decoding: PositionLifecycle(legCount: 2).canonicalBytes, as: UTF8.self)
        #expect(text == #"{"fills":0,"legs":[{"qty":"0"},{"qty":"0"}]}"#)
    }

    @Test(
        arguments: [
            "null", "{}", #"{"legs":[]}"#, #"{"fills":0}"#, #"{"fills":"x","legs":[]}"#,
            #"{"fills":0,"legs":[{}]}"#, #"{"fills":0,"legs":[{"qty":"x"}]}"#,
            #"{"fills":0,"legs":{"qty":"0"}}"#,
        ])
    func `another JSON is no life cycle`(text: String) throws {
        #expect(PositionLifecycle(try JSONValue(parsing: Array(text.utf8))) == nil)
    }
}
