/// Which statements a connection has prepared, by their text.
struct PreparedStatements {
    struct Entry {
        let name: String
        /// The types that it was prepared for; with others it cannot be called by name.
        let types: [PostgresType]
    }

    /// How a statement is to be run.
    enum Plan {
        /// Already prepared under this name.
        case call(String)
        /// Prepare it under this name, then call it.
        case prepare(String)
        /// Run it without a name.
        case unnamed
    }

    /// Further statements are run without a name; each one held costs memory on the server.
    static let countMax = 256

    private var entries: [String: Entry] = [:]
    private var namesUsed = 0

    func plan(for sql: String, _ parameters: [Parameter]) -> Plan {
        if let entry = entries[sql] {
            let isSame = entry.types.elementsEqual(parameters.lazy.map(\.type))
            return isSame ? .call(entry.name) : .unnamed
        }
        return entries.count < Self.countMax ? .prepare("s\(namesUsed + 1)") : .unnamed
    }

    /// Takes note that preparing was sent, so that later statements of the pipeline call it.
    mutating func insert(_ sql: String, _ name: String, _ parameters: [Parameter]) {
        namesUsed += 1
        entries[sql] = Entry(name: name, types: parameters.map(\.type))
    }

    /// Preparing failed, or the server does not know the name (any more).
    mutating func forget(_ sql: String) {
        entries[sql] = nil
    }

    mutating func forgetAll() {
        entries.removeAll()
    }
}
