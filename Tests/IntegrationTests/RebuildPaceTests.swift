import Testing

@testable import ProjectionEngine

/// How much of the machine a rebuild takes.
@Suite struct RebuildPaceTests {
    private func pace(cores: Int, _ heads: Int64...) -> RebuildPace {
        var pace = RebuildPace(cores: cores)
        for head in heads { pace.look(head) }
        return pace
    }

    @Test(arguments: [1, 2, 3, 4, 64])
    func `all of it while nothing is appended`(cores: Int) {
        let pace = pace(cores: cores, 7, 7)
        #expect(!pace.isBesideAppends)
        #expect(pace.overlaps)
        #expect(pace.folders == cores)
        #expect(pace.rangeEventsMax == .max)
    }

    @Test(arguments: [(1, false, 1), (2, false, 1), (3, false, 2), (4, true, 1), (64, true, 61)])
    func `one core is left to appends, and until none are known to come`(
        cores: Int, overlaps: Bool, folders: Int
    ) {
        for pace in [pace(cores: cores), pace(cores: cores, 7), pace(cores: cores, 7, 8)] {
            #expect(pace.isBesideAppends)
            #expect(pace.overlaps == overlaps)
            #expect(pace.folders == folders)
            #expect(pace.rangeEventsMax < Rebuild.rangeEventsMax)
        }
    }

    @Test func `all of it again when the last append is over`() {
        #expect(!pace(cores: 2, 7, 8, 8).isBesideAppends)
    }
}
