extension String {
    /// Columns that the text takes on a terminal: 2 for wide East Asian characters and emoji, 0 for
    /// marks that combine with the character before them, 1 for all others.
    var displayWidth: Int {
        if utf8.allSatisfy({ $0 < 0x80 }) { return utf8.count }
        return reduce(0) { $0 + $1.displayWidth }
    }

    /// The text with "�" in place of control characters: what callers have stored must not steer
    /// the terminal of whoever reads it.
    var printable: String {
        guard unicodeScalars.contains(where: \.isControl) else { return self }
        var clean = ""
        for scalar in unicodeScalars {
            clean.unicodeScalars.append(scalar.isControl ? "\u{FFFD}" : scalar)
        }
        return clean
    }
}

extension Unicode.Scalar {
    /// C0, DEL, C1, and the marks that change the direction of what follows.
    fileprivate var isControl: Bool {
        properties.generalCategory == .control || (0x202A...0x202E).contains(value)
            || (0x2066...0x2069).contains(value)
    }
}

extension Character {
    fileprivate var displayWidth: Int {
        guard let first = unicodeScalars.first else { return 0 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: return Character.isWide(first.value) ? 2 : 1
        }
    }

    /// The blocks of wide and fullwidth characters in Unicode's EastAsianWidth.txt, and emoji.
    private static func isWide(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
            0xA000...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF,
            0x20000...0x3FFFD:
            true
        default: false
        }
    }
}
