import Foundation

/// A file of the package, as the checks see it.
struct SourceFile: Sendable {
    /// From the package's root, such as "Sources/LedgerCore/Fixed.swift".
    let path: String
    let lines: [Substring]

    init(path: String, text: String) {
        self.path = path
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        self.lines = lines
    }

    var isSwift: Bool { path.hasSuffix(".swift") }
    var isTest: Bool { path.hasPrefix("Tests/") }
    var isGenerated: Bool { path.contains("/Generated/") }

    /// The lines without comments and without what stands in quotes; what is computed within a
    /// literal stays out too.
    var code: [String] {
        var stripper = CodeStripper()
        return lines.map { stripper.strip($0) }
    }
}

/// Something to mend.
struct Violation: CustomStringConvertible, Equatable {
    let path: String
    /// From 1; 0 for the file as a whole.
    let line: Int
    let cure: String

    var description: String { "\(path):\(line): \(cure)" }
}

/// What git would commit of the package, besides what a check has no business with.
enum SourceTree {
    static let root: String = {
        let parts = #filePath.split(separator: "/")
        return "/" + parts.dropLast(3).joined(separator: "/")
    }()

    private static let folders = ["Sources", "Projections", "Tests", "sql", "ops"]
    private static let kinds: Set<String> = ["swift", "sql", "py", "sh", "proto", "md"]

    /// Every file with text that people write.
    static let files: [SourceFile] = {
        var files = ["Package.swift"]
        for folder in folders {
            let names = FileManager.default.enumerator(atPath: "\(root)/\(folder)")
            while let name = names?.nextObject() as? String {
                let parts = name.split(separator: "/")
                guard !parts.contains(where: { $0.hasPrefix(".") || $0 == "__pycache__" }) else {
                    continue
                }
                let kind = parts.last?.split(separator: ".", omittingEmptySubsequences: false)
                if folder == "ops" || kinds.contains(String(kind?.last ?? "")) {
                    files.append("\(folder)/\(name)")
                }
            }
        }
        return files.sorted().compactMap { path in
            (try? String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)).map {
                SourceFile(path: path, text: $0)
            }
        }
    }()

    /// The text of one file; nil where it is missing.
    static func text(_ path: String) -> String? {
        try? String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)
    }
}

/// Takes comments and literals out of Swift, line by line.
struct CodeStripper {
    private var isInBlockComment = false
    /// The end that is looked for; nil outside of a literal of several lines.
    private var closing: String?

    mutating func strip(_ line: Substring) -> String {
        var code = ""
        var rest = line
        while !rest.isEmpty {
            if isInBlockComment {
                guard let end = rest.range(of: "*/") else { return code }
                rest = rest[end.upperBound...]
                isInBlockComment = false
            } else if let closing {
                guard let end = rest.range(of: closing) else { return code }
                rest = rest[end.upperBound...]
                self.closing = nil
            } else if rest.hasPrefix("//") {
                return code
            } else if rest.hasPrefix("/*") {
                isInBlockComment = true
                rest = rest.dropFirst(2)
            } else if let literal = opening(rest) {
                code += "\"\""
                rest = rest.dropFirst(literal.count)
                let ending = String(literal.reversed())
                if literal.contains("\"\"\"") {
                    closing = ending
                } else {
                    skipLiteral(&rest, ending)
                }
            } else {
                code.append(rest.removeFirst())
            }
        }
        return code
    }

    /// `"`, `"""` or one of them after number signs.
    private func opening(_ rest: Substring) -> String? {
        let signs = rest.prefix { $0 == "#" }
        let quotes = rest.dropFirst(signs.count)
        guard quotes.hasPrefix("\"") else { return nil }
        return signs + (quotes.hasPrefix("\"\"\"") ? "\"\"\"" : "\"")
    }

    /// To the end of a literal of one line; parentheses of an interpolation may hold others.
    private func skipLiteral(_ rest: inout Substring, _ ending: String) {
        var depth = 0
        while !rest.isEmpty {
            if depth == 0, rest.hasPrefix(ending) {
                rest = rest.dropFirst(ending.count)
                return
            }
            if rest.hasPrefix("\\(") {
                depth += 1
                rest = rest.dropFirst(2)
            } else if depth > 0, rest.hasPrefix("\"") {
                rest = rest.dropFirst()
                skipLiteral(&rest, "\"")
            } else if rest.hasPrefix("\\"), ending == "\"" {
                rest = rest.dropFirst(2)
            } else {
                let next = rest.removeFirst()
                if depth > 0 { depth += next == "(" ? 1 : (next == ")" ? -1 : 0) }
            }
        }
    }
}
