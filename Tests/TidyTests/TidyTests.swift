import Foundation
import Testing

/// The package keeps its own style (style.md). Each violation is reported as path:line and cure.
@Suite struct TidyTests {
    private func report(_ violations: [Violation]) {
        for violation in violations { Issue.record("\(violation)") }
    }

    @Test func `the files that are checked are there`() {
        let paths = Set(SourceTree.files.map(\.path))
        for path in [
            "Package.swift", "Projections/AccountFold.swift", "Sources/LedgerCore/Fixed.swift",
            "Tests/TidyTests/TidyTests.swift", "sql/Schema.swift", "ops/test",
        ] {
            #expect(paths.contains(path))
        }
    }

    @Test func `folds and the core do without Foundation`() {
        report(Checks.foundation(SourceTree.files))
    }

    @Test func `no Swift file is too long`() {
        report(Checks.length(SourceTree.files))
    }

    @Test func `no line is too wide`() {
        report(Checks.columns(SourceTree.files))
    }

    @Test func `nothing outside of tests traps where it could throw`() {
        report(Checks.traps(SourceTree.files))
    }

    @Test func `what is to be done has an owner`() {
        report(Checks.owners(SourceTree.files))
    }

    @Test func `migrations come in pairs and without gaps`() throws {
        let names = try FileManager.default.contentsOfDirectory(
            atPath: SourceTree.root + "/sql/migrations")
        try #require(!names.isEmpty)
        report(Checks.migrations(names))
    }

    @Test func `README.md mentions every command`() throws {
        let text = try #require(
            SourceTree.text("README.md"), "README.md:0: write it: a new user begins there")
        report(Checks.readme(text, SourceTree.files))
    }
}
