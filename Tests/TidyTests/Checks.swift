import Foundation

/// The rules of style.md that a program can check.
enum Checks {
    static let linesMax = 400
    static let columnsMax = 100

    /// A fold has no clock, no locale and no I/O.
    static func foundation(_ files: [SourceFile]) -> [Violation] {
        find(files.filter { $0.path.hasPrefix("Projections/") || isCore($0) }) { line in
            let words = line.split(separator: " ")
            return words.contains("import") && words.contains { $0.hasPrefix("Foundation") }
                ? "take Foundation out: folds and LedgerCore are pure" : nil
        }
    }

    private static func isCore(_ file: SourceFile) -> Bool {
        file.path.hasPrefix("Sources/LedgerCore/")
    }

    static func length(_ files: [SourceFile]) -> [Violation] {
        files.filter { $0.isSwift && !$0.isGenerated && $0.lines.count > linesMax }.map { file in
            Violation(
                path: file.path, line: file.lines.count,
                cure: "split the file: \(file.lines.count) lines, at most \(linesMax)")
        }
    }

    /// Of what people write; golden files and SQL that a tool wrote are not.
    static func columns(_ files: [SourceFile]) -> [Violation] {
        let written = files.filter { file in
            !file.isGenerated && file.path != "sql/schema.sql" && !file.path.hasSuffix(".md")
        }
        return written.flatMap { file in
            file.lines.enumerated().compactMap { index, line in
                line.count > columnsMax
                    ? Violation(
                        path: file.path, line: index + 1,
                        cure: "break the line: \(line.count) columns, at most \(columnsMax)")
                    : nil
            }
        }
    }

    /// What stops the process where an error could be thrown.
    static func traps(_ files: [SourceFile]) -> [Violation] {
        find(files.filter { $0.isSwift && !$0.isTest && !$0.isGenerated }) { line in
            if line.contains("try!") { return "handle the error: `try!` stops the process" }
            if line.contains("as!") { return "use `as?` and say what to do otherwise" }
            return unwraps(line) ? "unwrap with `guard let`, or state why in a precondition" : nil
        }
    }

    /// An exclamation mark behind a name, a bracket or a parenthesis.
    private static func unwraps(_ line: String) -> Bool {
        let bytes = Array(line.utf8)
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "!") && index > 0 {
            let (before, after) = (bytes[index - 1], bytes.dropFirst(index + 1).first)
            guard after != UInt8(ascii: "=") else { continue }
            let isName =
                before >= 0x80 || before == UInt8(ascii: "_")
                || UInt8(ascii: "0")...UInt8(ascii: "9") ~= before
                || UInt8(ascii: "a")...UInt8(ascii: "z") ~= before | 0x20
            if isName || before == UInt8(ascii: ")") || before == UInt8(ascii: "]") { return true }
        }
        return false
    }

    /// "TODO(name): …"
    static func owners(_ files: [SourceFile]) -> [Violation] {
        let marks = ["TODO", "FIXME", "XXX", "HACK"]
        return files.filter { !$0.path.hasPrefix("Tests/TidyTests/") && !$0.isGenerated }
            .flatMap { file in
                file.lines.enumerated().compactMap { index, line in
                    for mark in marks {
                        guard let place = line.range(of: mark) else { continue }
                        let isWord = line[..<place.lowerBound].last.map { !$0.isLetter } ?? true
                        let rest = line[place.upperBound...]
                        guard isWord, rest.first.map({ !$0.isLetter }) ?? true else { continue }
                        let owner = rest.dropFirst().prefix { $0 != ")" }
                        if rest.hasPrefix("("), !owner.isEmpty { continue }
                        return Violation(
                            path: file.path, line: index + 1,
                            cure: "name who does it: \(mark)(name), or do it")
                    }
                    return nil
                }
            }
    }

    /// Pairs of up and down, numbered 000001, 000002 …
    static func migrations(_ names: [String]) -> [Violation] {
        let folder = "sql/migrations"
        var violations: [Violation] = []
        func stems(_ ending: String) -> [String] {
            names.filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }.sorted()
        }
        let (ups, downs) = (stems(".up.sql"), stems(".down.sql"))
        for stem in ups where !downs.contains(stem) {
            violations.append(
                Violation(
                    path: "\(folder)/\(stem).up.sql", line: 0, cure: "write \(stem).down.sql"))
        }
        for stem in downs where !ups.contains(stem) {
            violations.append(
                Violation(
                    path: "\(folder)/\(stem).down.sql", line: 0, cure: "write \(stem).up.sql"))
        }
        for (index, stem) in ups.enumerated() {
            let number = String(format: "%06d", index + 1)
            guard !stem.hasPrefix(number + "_") else { continue }
            violations.append(
                Violation(
                    path: "\(folder)/\(stem).up.sql", line: 0,
                    cure: "number it \(number): a gap is skipped silently by golang-migrate"))
            break
        }
        for name in names where !name.hasSuffix(".up.sql") && !name.hasSuffix(".down.sql") {
            violations.append(
                Violation(path: "\(folder)/\(name)", line: 0, cure: "move it out of here"))
        }
        return violations
    }

    /// Every command of the executable has to be in README.md.
    static func readme(_ text: String, _ files: [SourceFile]) -> [Violation] {
        var violations: [Violation] = []
        for file in files where file.path.hasPrefix("Sources/nexus-ledger/") {
            for (index, line) in file.lines.enumerated() {
                guard let name = commandName(line), name != "nexus-ledger",
                    !mentions(text, name)
                else { continue }
                violations.append(
                    Violation(
                        path: file.path, line: index + 1,
                        cure: "say in README.md what `nexus-ledger \(name)` does"))
            }
        }
        return violations
    }

    /// The name in `commandName: "…"`.
    static func commandName(_ line: Substring) -> String? {
        guard let start = line.range(of: "commandName: \"") else { return nil }
        return String(line[start.upperBound...].prefix { $0 != "\"" })
    }

    private static func mentions(_ text: String, _ word: String) -> Bool {
        text.split { !$0.isLetter && !$0.isNumber && $0 != "-" && $0 != "_" }
            .contains { $0 == word }
    }

    private static func find(
        _ files: [SourceFile], _ cure: (String) -> String?
    ) -> [Violation] {
        files.flatMap { file in
            file.code.enumerated().compactMap { index, line in
                cure(line).map { Violation(path: file.path, line: index + 1, cure: $0) }
            }
        }
    }
}
