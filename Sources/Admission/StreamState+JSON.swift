import LedgerCore

/// The form of positions.streams.progress.
extension StreamState {
    /// Canonical JSON of what changes: the life cycle and the voids that wait for their targets.
    public var progressBytes: [UInt8] {
        var json = CanonicalJSON(reserving: 256)
        json.beginObject()
        json.key("lifecycle")
        json.raw(lifecycle.canonicalBytes)
        if !pendingVoids.isEmpty {
            json.key("pending_voids")
            json.beginArray()
            for id in pendingVoids.sorted() { json.uuid(id) }
            json.endArray()
        }
        json.endObject()
        return json.bytes
    }

    /// Reads what `progressBytes` wrote; nil if it is something else.
    public init?(opened: PositionOpened, version: StreamVersion, progress: [UInt8]) {
        guard let value = try? JSONValue(parsing: progress), let inner = value["lifecycle"],
            let lifecycle = PositionLifecycle(inner),
            lifecycle.legs.count == opened.legs.count
        else { return nil }
        var pending: Set<UUID> = []
        if case .array(let ids)? = value["pending_voids"] {
            for id in ids {
                guard let target = id.text.flatMap({ UUID($0) }) else { return nil }
                pending.insert(target)
            }
        }
        self.init(
            opened: opened, version: version, lifecycle: lifecycle, pendingVoids: pending)
    }
}
