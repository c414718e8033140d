import GRPCCore

/// Makes the errors that calls are answered with, small enough and clean enough to be sent.
///
/// Status and metadata travel in HTTP/2 headers, of which a client takes 8 KiB. What does not fit
/// would reach the caller as another error, so both are cut here.
public enum RPCStatus {
    /// Bytes of UTF-8 of the longest message; a longer one is cut and ends in "…".
    public static let messageBytesMax = 1_024

    /// Bytes of UTF-8 of the longest value of a detail; a longer one is cut and ends in "…".
    public static let detailBytesMax = 256

    /// Details of the largest error.
    public static let detailsMax = 8

    /// An error to be thrown from a handler.
    ///
    /// - Parameters:
    ///   - code: The gRPC status.
    ///   - message: A sentence for people, in any language; names the field, limit or id.
    ///   - details: What programs read, sent as metadata: at most 8, names of lower-case ASCII
    ///     letters, digits, `-`, `_` and `.`. What is not printable ASCII in a value, and `%`, is
    ///     sent percent-encoded as UTF-8.
    ///   - cause: Kept for the log of this process; not sent.
    public static func error(
        _ code: RPCError.Code,
        _ message: String,
        details: KeyValuePairs<String, String> = [:],
        cause: (any Error)? = nil
    ) -> RPCError {
        precondition(details.count <= detailsMax, "an error has at most \(detailsMax) details")
        var metadata = Metadata()
        for (name, value) in details {
            precondition(isMetadataName(name), "not a name for metadata: \(name)")
            metadata.addString(percentEncoded(cut(value, to: detailBytesMax)), forKey: name)
        }
        return RPCError(
            code: code, message: cut(message, to: messageBytesMax), metadata: metadata, cause: cause
        )
    }

    /// The value of a detail of an error that was received; nil when it has none of this name.
    public static func detail(_ name: String, of error: RPCError) -> String? {
        for value in error.metadata[stringValues: name] { return percentDecoded(value) }
        return nil
    }

    // MARK: Text

    private static func isMetadataName(_ name: String) -> Bool {
        !name.isEmpty && !name.hasSuffix("-bin") && !name.hasPrefix("grpc-")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default:
                    false
                }
            }
    }

    private static func cut(_ text: String, to bytesMax: Int) -> String {
        guard text.utf8.count > bytesMax else { return text }
        let ellipsis = "…"
        var kept = ""
        var bytes = ellipsis.utf8.count
        for scalar in text.unicodeScalars {
            bytes += scalar.utf8.count
            if bytes > bytesMax { break }
            kept.unicodeScalars.append(scalar)
        }
        return kept + ellipsis
    }

    private static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "%"), 0..<0x20, 0x7F...:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += byte < 0x10 ? "%0\(digits)" : "%\(digits)"
            default:
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return encoded
    }

    private static func percentDecoded(_ text: String) -> String {
        var decoded: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            let value = digits.utf8.count == 2 ? UInt8(digits, radix: 16) : nil
            if byte == UInt8(ascii: "%"), let value {
                decoded.append(value)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte)
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }
}
