/// Comma-separated values (RFC 4180).
enum CSV {
    /// The fields with commas between them and CRLF at the end; quoted where one needs it.
    static func record(_ fields: [String]) -> String {
        fields.map(field).joined(separator: ",") + "\r\n"
    }

    /// The same, where nil, an empty field, is another value than the empty text, `""`.
    static func record(nullable fields: [String?]) -> String {
        fields.map { $0.map { $0.isEmpty ? "\"\"" : field($0) } ?? "" }.joined(separator: ",")
            + "\r\n"
    }

    private static func field(_ text: String) -> String {
        let special: Set<UInt8> = [
            UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\r"), UInt8(ascii: "\n"),
        ]
        guard text.utf8.contains(where: special.contains) else { return text }
        // Octet by octet: a quote that a mark is combined with is another character, and a quote.
        var quoted: [UInt8] = [UInt8(ascii: "\"")]
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") { quoted.append(byte) }
            quoted.append(byte)
        }
        quoted.append(UInt8(ascii: "\""))
        return String(decoding: quoted, as: UTF8.self)
    }
}
