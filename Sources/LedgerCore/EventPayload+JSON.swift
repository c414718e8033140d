extension EventPayload {
    /// Reads the payload of `type` at its current schema version. Errors name the member.
    public init(_ type: EventType, _ reader: inout JSONReader) throws(InvalidField) {
        do throws(InvalidField) {
            guard reader.kind() == .object else {
                throw InvalidField("", "", "must be a JSON object")
            }
            switch type {
            case .positionOpened: self = .opened(try PositionOpened(&reader))
            case .legFillRecorded: self = .fill(try Fill(&reader))
            case .fundingRecorded: self = .funding(try Funding(&reader))
            case .feeRecorded: self = .fee(try Fee(&reader))
            case .feeValued: self = .feeValued(try FeeValuation(&reader))
            case .markRecorded: self = .mark(try Mark(&reader))
            case .adjustmentRecorded: self = .adjustment(try Adjustment(&reader))
            case .closeRequested: self = .closeRequested(reason: try EventPayload.reason(&reader))
            case .positionClosed: self = .closed(try EventPayload.closeReason(&reader))
            case .positionCancelled: self = .cancelled(reason: try EventPayload.reason(&reader))
            case .eventVoided: self = .voided(try EventVoid(&reader))
            }
        } catch {
            throw error.within("payload")
        }
    }

    /// The same from the payload's own bytes.
    public init(
        _ type: EventType, parsing bytes: UnsafeBufferPointer<UInt8>
    ) throws(InvalidField) {
        var reader = JSONReader(bytes)
        try self.init(type, &reader)
        do throws(InvalidField) { try reader.finish() } catch { throw error.within("payload") }
    }

    /// The canonical bytes (RFC 8785) that are stored and hashed.
    public var canonicalBytes: [UInt8] {
        var json = CanonicalJSON()
        write(to: &json)
        return json.bytes
    }

    func write(to json: inout CanonicalJSON) {
        switch self {
        case .opened(let opened): opened.write(to: &json)
        case .fill(let fill): fill.write(to: &json)
        case .funding(let funding): funding.write(to: &json)
        case .fee(let fee): fee.write(to: &json)
        case .feeValued(let valuation): valuation.write(to: &json)
        case .mark(let mark): mark.write(to: &json)
        case .adjustment(let adjustment): adjustment.write(to: &json)
        case .closeRequested(let reason), .cancelled(let reason): write(reason, to: &json)
        case .closed(let reason): write(reason.rawValue, to: &json)
        case .voided(let void): void.write(to: &json)
        }
    }

    private func write(_ reason: String, to json: inout CanonicalJSON) {
        json.beginObject()
        json.key("reason")
        json.string(reason)
        json.endObject()
    }

    private static func reason(_ reader: inout JSONReader) throws(InvalidField) -> String {
        var reason: String?
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            guard key == "reason" else { throw unknown(key, allowed: "reason") }
            let text = try reader.text("reason", max: TextLimit.reasonBytesMax)
            try keep(&reason, "reason", text)
        }
        return try require(reason, "reason")
    }

    private static func closeReason(_ reader: inout JSONReader) throws(InvalidField) -> CloseReason
    {
        var reason: CloseReason?
        var first = true
        try reader.beginObject()
        while let key = try reader.nextKey(first: &first) {
            guard key == "reason" else { throw unknown(key, allowed: "reason") }
            try keep(&reason, "reason", try reader.choice("reason", CloseReason.self))
        }
        return try require(reason, "reason")
    }
}
