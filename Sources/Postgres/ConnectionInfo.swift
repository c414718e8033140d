import CLibPQ
import Glibc

/// Where and as whom to connect: a libpq string or URI, with overrides.
///
/// Host names are resolved by getaddrinfo, which no deadline bounds: prefer a Unix socket or
/// `hostaddr`. With several hosts the deadline covers them together.
public struct ConnectionInfo: Hashable, Sendable {
    /// Keywords of libpq ("host", "dbname", …) that were given, defaults left out.
    private var values: [String: String]

    /// Whether statements are prepared once a connection and called by name afterwards, which
    /// saves planning on a hot path. Off unless asked for: PgBouncer before 1.21 loses names in
    /// transaction mode.
    public var preparesStatements = false

    /// Parses `text`, a libpq string ("host=/run dbname=ledger") or URI ("postgresql://…"), and
    /// sets each of `overrides` on top; an empty override takes the keyword away.
    /// Throws `.invalidConnectionInfo`; what it says quotes nothing of `text`.
    public init(_ text: String, overrides: [String: String] = [:]) throws(PostgresError) {
        values = try Self.parse(text)
        for (keyword, value) in overrides { self[keyword] = value }
    }

    /// The value of a libpq keyword; `nil` when not given. Setting `nil` or "" takes it away.
    public subscript(keyword: String) -> String? {
        get { values[keyword] }
        set { values[keyword] = newValue.flatMap { $0.isEmpty ? nil : $0 } }
    }

    /// Name of the database; `nil` leaves it to libpq (PGDATABASE, then the user's name).
    public var databaseName: String? { values["dbname"] }

    /// A copy with one keyword set.
    public func with(_ keyword: String, _ value: String?) -> ConnectionInfo {
        var copy = self
        copy[keyword] = value
        return copy
    }

    /// A copy that prepares statements, or does not.
    public func preparing(_ prepares: Bool) -> ConnectionInfo {
        var copy = self
        copy.preparesStatements = prepares
        return copy
    }

    /// Calls `body` with parallel arrays of keywords and values, as PQconnectStartParams takes
    /// them. What this module relies on is added: UTF-8.
    func withKeywords<R>(
        _ body: (
            UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>
        ) -> R
    ) -> R {
        var all = values
        all["client_encoding"] = "UTF8"
        let pairs = all.sorted { $0.key < $1.key }
        let keywords = pairs.map { strdup($0.key) }
        let contents = pairs.map { strdup($0.value) }
        defer { for pointer in keywords + contents { free(pointer) } }
        let end: [UnsafePointer<CChar>?] = [nil]
        let keywordList = keywords.map { $0.map { UnsafePointer($0) } } + end
        let contentList = contents.map { $0.map { UnsafePointer($0) } } + end
        return keywordList.withUnsafeBufferPointer { keywordBuffer in
            contentList.withUnsafeBufferPointer { contentBuffer in
                guard let keys = keywordBuffer.baseAddress, let all = contentBuffer.baseAddress
                else { preconditionFailure("a list with an end mark is never empty") }
                return body(keys, all)
            }
        }
    }

    /// `message` on one line and without the password, should the server or libpq quote it.
    func sanitised(_ message: String) -> String {
        var clean = message
        // Shorter ones would tear ordinary words apart, and so tell more than they hide.
        if let password = values["password"], password.count >= 4 {
            clean = clean.replacing(password, with: "***")
        }
        return clean.split(whereSeparator: \.isNewline)
            .map { $0.drop(while: \.isWhitespace) }
            .joined(separator: " ")
    }

    private static func parse(_ text: String) throws(PostgresError) -> [String: String] {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(text, &message) else {
            defer { PQfreemem(message) }
            let text = message.map { String(cString: $0) } ?? "out of memory"
            throw .invalidConnectionInfo(withoutQuotations(text))
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                values[String(cString: keyword)] = String(cString: value)
            }
            option += 1
        }
        return values
    }

    /// libpq's complaint with all that it quotes taken out: any of it can be (a part of) the
    /// password, for example when a blank in it was not quoted.
    private static func withoutQuotations(_ message: String) -> String {
        guard let first = message.firstIndex(of: "\"") else { return message }
        let last = message.lastIndex(of: "\"") ?? first
        let rest = first == last ? "" : message[message.index(after: last)...]
        let clean = message[..<first] + "…" + rest
        return String(clean).split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}

extension ConnectionInfo: CustomStringConvertible, CustomReflectable {
    /// Keywords and values in alphabetical order, secrets as "***".
    public var description: String {
        values.sorted { $0.key < $1.key }.map { keyword, value in
            "\(keyword)=\(Self.secretKeywords.contains(keyword) ? "***" : value)"
        }.joined(separator: " ")
    }

    /// As `description`, so that `dump` and test failures do not show the password either.
    public var customMirror: Mirror {
        Mirror(self, children: ["description": description])
    }

    private static let secretKeywords: Set<String> = ["password", "sslpassword", "passfile"]
}
