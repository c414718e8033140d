import LedgerCore

/// How figures and instants read in tables. Programs take them from JSON, where they are exact.
enum Figures {
    /// Decimal places that tables show.
    static let placesMax = 8

    /// What stands for null: not known, or it does not exist.
    static let null = "–"

    /// What tables say below them about rounding.
    static let note = "at most \(placesMax) decimals; --json is exact; \(null) is not known or none"

    /// A decimal rounded half-even for reading; "~0" for what would vanish.
    static func text(_ decimal: String) -> String {
        guard !decimal.isEmpty else { return null }
        guard let value = Fixed(decimal) else { return decimal }
        return text(value)
    }

    static func text(_ value: Fixed?) -> String {
        guard let value else { return null }
        guard let rounded = try? value.multiplied(by: .one, dividedBy: .one, places: placesMax)
        else { return value.description }
        if rounded.isZero, !value.isZero { return value.isNegative ? "-~0" : "~0" }
        return rounded.description
    }

    /// A cell; losses are red.
    static func result(_ decimal: String) -> Table.Cell {
        let text = text(decimal)
        return Table.Cell(text, text.hasPrefix("-") ? [.red] : [])
    }

    /// "2026-01-05 08:00:00", with milliseconds where `precise` and there are any.
    static func instant(us microseconds: Int64, precise: Bool = false) -> String {
        guard microseconds != 0 else { return null }
        let kept = microseconds - microseconds % (precise ? 1_000 : Timestamp.secondInMicroseconds)
        let text = Timestamp(microseconds: kept).description
        return String(text.dropLast()).replacing("T", with: " ")
    }

    /// "3 d 4 h", "5 min 6 s", "0.42 s": the two largest units.
    static func duration(seconds: Double) -> String {
        guard seconds >= 10 else {
            let hundredths = Int128((max(seconds, 0) * 100).rounded())
            let exact = try? Fixed(scaled: hundredths * 10_000_000_000_000_000)
            return "\(text(exact)) s"
        }
        let whole = Int64(min(seconds, 1e12))
        let units: [(Int64, String)] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")]
        var rest = whole
        var words: [String] = []
        for (size, name) in units where rest >= size && words.count < 2 {
            words.append("\(rest / size) \(name)")
            rest %= size
        }
        return words.joined(separator: " ")
    }

    /// "84 MB"
    static func bytes(_ count: Int64) -> String {
        count < 10_000_000 ? "\(count / 1_000) kB" : "\(count / 1_000_000) MB"
    }

    /// "1 event", "2 events"
    static func count(_ count: some BinaryInteger, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}
