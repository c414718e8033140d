import Glibc

/// Colour and emphasis on a terminal, plain text everywhere else.
///
/// Off when the descriptor is no terminal, when NO_COLOR has a value (no-color.org), and on a
/// terminal that calls itself dumb. What matters is never said by colour alone.
struct Style: Sendable {
    /// One of the attributes of "Select Graphic Rendition" (ECMA-48 §8.3.117).
    enum Attribute: String, Sendable {
        case bold = "1"
        case dim = "2"
        case struck = "9"
        case red = "31"
        case green = "32"
        case yellow = "33"
    }

    /// Whether `painted` adds anything.
    var isOn: Bool

    static let plain = Style(isOn: false)

    /// What standard output takes.
    static let standard = Style(of: STDOUT_FILENO)

    init(isOn: Bool) {
        self.isOn = isOn
    }

    /// What suits a descriptor.
    init(of descriptor: Int32) {
        isOn =
            isatty(descriptor) == 1 && Environment.value("NO_COLOR") == nil
            && Environment.value("TERM") != "dumb"
    }

    /// The text with the attributes around it.
    func painted(_ text: String, _ attributes: [Attribute]) -> String {
        guard isOn, !attributes.isEmpty, !text.isEmpty else { return text }
        let codes = attributes.map(\.rawValue).joined(separator: ";")
        return "\u{1B}[\(codes)m\(text)\u{1B}[0m"
    }

    func bold(_ text: String) -> String { painted(text, [.bold]) }
    func dim(_ text: String) -> String { painted(text, [.dim]) }
    func red(_ text: String) -> String { painted(text, [.red]) }
}
