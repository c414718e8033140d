import Admission
import LedgerCore
import LedgerTesting
import Testing

/// What is kept of a position between two batches.
struct StreamStateTests {
    @Test(arguments: (1...20).map { UInt64($0) })
    func `a state is read back from its progress`(seed: UInt64) throws {
        let (_, stream) = RandomStreams.stream(seed: seed)
        var desk = Desk()
        for event in stream {
            let new = try NewEvent(
                positionID: event.positionID, payload: event.payload,
                effectiveAt: event.effectiveAt, source: .venueREST, actor: "tests",
                eventID: event.type.derivesID ? nil : event.eventID)
            _ = try desk.admit([new])
            let found = desk.state(event.positionID)
            let state = try #require(found)
            let again = StreamState(
                opened: state.opened, version: state.version, progress: state.progressBytes)
            #expect(again == state, "seed \(seed), version \(event.version)")
        }
    }

    @Test func `voids that wait for their targets are kept`() throws {
        var story = PositionStory()
        story.void(UUID(high: 2, low: 2))
        story.void(UUID(high: 1, low: 1))
        var desk = try Desk(story)
        let found = try desk.state(story.positionID)
        let state = try #require(found)
        let text = String(decoding: state.progressBytes, as: UTF8.self)
        #expect(
            text == #"{"lifecycle":{"fills":0,"legs":[{"qty":"0"}]},"pending_voids":["#
                + #""00000000-0000-0001-0000-000000000001","#
                + #""00000000-0000-0002-0000-000000000002"]}"#)
        let again = StreamState(
            opened: state.opened, version: state.version, progress: Array(text.utf8))
        #expect(again?.pendingVoids == [UUID(high: 1, low: 1), UUID(high: 2, low: 2)])
    }

    @Test(
        arguments: [
            "", "{}", "[]", #"{"lifecycle":{}}"#, #"{"lifecycle":{"fills":0,"legs":[]}}"#,
            #"{"lifecycle":{"fills":0,"legs":[{"qty":"0"},{"qty":"0"}]}}"#,
            #"{"lifecycle":{"fills":0,"legs":[{"qty":"0"}]},"pending_voids":["x"]}"#,
        ])
    func `another text is no progress of the position`(text: String) {
        let opened = PositionStory().opened
        #expect(
            StreamState(opened: opened, version: .none.next, progress: Array(text.utf8)) == nil)
    }
}
