import LedgerCore
import LedgerRPC

/// What `config export` writes and `config import` and `config diff` read: what is set, by path,
/// without defaults, without credentials, and without what is each environment's own.
///
/// ```
/// {"entries":{"system_settings/mode.operation":"normal"},"format":"nexus-config/1"}
/// ```
struct ConfigDocument: Equatable {
    private static let format = "nexus-config/1"
    /// Bytes of a file that is read.
    private static let bytesMax = 16 << 20
    /// Members of an entry that belong to one environment.
    private static let ownMembers: Set<String> = ["credential_version"]
    /// Entries that belong to one environment.
    private static let ownPaths: Set<String> = ["system_settings/mode.environment"]

    /// Values by path.
    var entries: [String: JSONValue] = [:]
    /// What the document has of its own environment, by path and member, which is not taken.
    private(set) var left: [String] = []

    /// What is set among `entries`.
    init(_ entries: [Nexus_Ledger_V1_ConfigEntry]) throws {
        for entry in entries where !entry.isDefault {
            guard !ConfigDocument.ownPaths.contains(entry.path) else { continue }
            self.entries[entry.path] = ConfigDocument.shared(
                try JSONValue(parsing: Array(entry.value.utf8)))
        }
    }

    /// Reads a document.
    init(_ bytes: [UInt8], named name: String) throws {
        guard bytes.count <= ConfigDocument.bytesMax else {
            throw Failure(.refused, "\(name) is longer than \(ConfigDocument.bytesMax) bytes")
        }
        let value: JSONValue
        do throws(InvalidField) { value = try JSONValue(parsing: bytes) } catch {
            throw Failure(.refused, "\(name) is no JSON: \(error)")
        }
        guard value["format"]?.text == ConfigDocument.format,
            case .object(let found)? = value["entries"]
        else {
            throw Failure(
                .refused,
                "\(name) is no document of `nexus-ledger config export`: it needs \"format\": "
                    + "\"\(ConfigDocument.format)\" and an object \"entries\"")
        }
        for (path, value) in found {
            guard !ConfigDocument.ownPaths.contains(path) else {
                left.append(path)
                continue
            }
            entries[path] = ConfigDocument.shared(value)
            guard case .object(let members) = value else { continue }
            left += ConfigDocument.ownMembers.filter { members[$0] != nil }.map { "\(path)/\($0)" }
        }
        left.sort()
    }

    private static func shared(_ value: JSONValue) -> JSONValue {
        guard case .object(let members) = value else { return value }
        return .object(members.filter { !ownMembers.contains($0.key) })
    }

    /// The document, an entry a line.
    var text: String {
        var lines: [String] = []
        for path in entries.keys.sorted() {
            guard let value = entries[path] else { continue }
            lines.append("    \(JSONValue.string(path).plainText): \(value.plainText)")
        }
        return "{\n  \"format\": \"\(ConfigDocument.format)\",\n  \"entries\": {\n"
            + lines.joined(separator: ",\n") + (lines.isEmpty ? "" : "\n") + "  }\n}\n"
    }

    /// A path that differs, with its value here and there; nil where it is not set.
    struct Difference {
        var path: String
        var before: JSONValue?
        var after: JSONValue?
    }

    /// How `other` differs from this, by path. Columns that it does not name stay, as they do when
    /// an entry is set.
    func differences(to other: ConfigDocument) -> [Difference] {
        Set(entries.keys).union(other.entries.keys).sorted().compactMap { path in
            let before = entries[path]
            let after = other.entries[path].map { ConfigDocument.laid($0, over: before) }
            return before == after ? nil : Difference(path: path, before: before, after: after)
        }
    }

    private static func laid(_ value: JSONValue, over other: JSONValue?) -> JSONValue {
        guard case .object(let members) = value, case .object(let under)? = other else {
            return value
        }
        return .object(under.merging(members) { $1 })
    }
}

extension JSONValue {
    /// JSON on one line, numbers in their own words.
    var plainText: String {
        String(decoding: canonicalBytes, as: UTF8.self)
    }
}
