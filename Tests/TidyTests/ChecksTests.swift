import Testing

/// The checks find what they are for, and nothing else.
@Suite struct ChecksTests {
    private func file(_ path: String, _ text: String) -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test func `Foundation is found in folds and the core only`() {
        for line in ["import Foundation", "@preconcurrency import FoundationEssentials"] {
            #expect(Checks.foundation([file("Projections/A.swift", line)]).count == 1)
            #expect(Checks.foundation([file("Sources/LedgerCore/A.swift", line)]).count == 1)
            #expect(Checks.foundation([file("Sources/Postgres/A.swift", line)]).isEmpty)
        }
        #expect(Checks.foundation([file("Projections/A.swift", "// import Foundation")]).isEmpty)
    }

    @Test func `long files and wide lines are found, generated ones are not`() {
        let long = String(repeating: "x\n", count: Checks.linesMax + 1)
        #expect(Checks.length([file("Sources/A.swift", long)]).map(\.line) == [401])
        #expect(Checks.length([file("Sources/A.swift", String(long.dropLast(2)))]).isEmpty)
        #expect(Checks.length([file("Sources/X/Generated/A.swift", long)]).isEmpty)
        let wide = "\n" + String(repeating: "é", count: Checks.columnsMax + 1)
        #expect(Checks.columns([file("Sources/A.swift", wide)]).map(\.line) == [2])
        #expect(Checks.columns([file("Sources/A.swift", String(wide.dropLast()))]).isEmpty)
        #expect(Checks.columns([file("Sources/X/Generated/A.swift", wide)]).isEmpty)
    }

    @Test(
        arguments: [
            "let a = try! b()", "let a = b as! C", "let a = b!", "let a = b()!.c", "a[0]! += 1",
            "var a: Int!", "f(\"x\", b!)", "f(\"\\(c)\", b!)", "let a = \"x\" + b!  // c",
        ])
    func `what traps is found`(line: String) {
        #expect(Checks.traps([file("Sources/A.swift", line)]).count == 1)
        #expect(Checks.traps([file("Tests/A.swift", line)]).isEmpty)
    }

    @Test(
        arguments: [
            "if a != b {", "if !a { }", "let a = !b", "f(!a)", "// b!", "let a = \"b!\"",
            "/* b! */", "\"\"\"\nb! try! as!\n\"\"\"", "#\"a\"b! \"#", "let a = \"\\(b(\"!\"))c!\"",
            "[!a]", "/// try! it", "a && !b",
        ])
    func `what does not trap is left alone`(text: String) {
        #expect(Checks.traps([file("Sources/A.swift", text)]) == [])
    }

    @Test func `a task needs an owner`() {
        func count(_ line: String) -> Int { Checks.owners([file("Sources/A.swift", line)]).count }
        #expect(count("// TODO: later") == 1)
        #expect(count("// FIXME") == 1)
        #expect(count("// TODO(): later") == 1)
        #expect(count("// TODO(ann): later") == 0)
        #expect(count("let TODOS = 1") == 0)
    }

    @Test func `migrations without a partner or out of sequence are found`() {
        #expect(
            Checks.migrations([
                "000001_a.up.sql", "000001_a.down.sql", "000002_b.up.sql", "000002_b.down.sql",
            ]) == [])
        #expect(
            Checks.migrations(["000001_a.up.sql"]).map(\.path) == [
                "sql/migrations/000001_a.up.sql"
            ])
        #expect(Checks.migrations(["000001_a.down.sql"]).count == 1)
        #expect(Checks.migrations(["000002_a.up.sql", "000002_a.down.sql"]).count == 1)
        #expect(Checks.migrations(["notes.txt"]).count == 1)
    }

    @Test func `a command that README.md leaves out is found`() {
        let source = file(
            "Sources/nexus-ledger/Commands/A.swift", "x\n        commandName: \"tail\",")
        #expect(Checks.readme("Use `nexus-ledger tail`.", [source]) == [])
        #expect(Checks.readme("The details.", [source]).map(\.line) == [2])
    }
}
