/// HTML with every text escaped as it is added: what callers have stored stays text.
///
/// Names of elements and attributes are fixed in the source; values and texts may be anything.
struct Markup {
    typealias Attribute = (name: StaticString, value: String)

    private(set) var bytes: [UInt8] = []

    /// Source text that stands as it is.
    mutating func raw(_ html: StaticString) {
        html.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// Text of any origin.
    mutating func text(_ text: String) {
        for byte in text.printable.utf8 {
            switch byte {
            case UInt8(ascii: "&"): raw("&amp;")
            case UInt8(ascii: "<"): raw("&lt;")
            case UInt8(ascii: ">"): raw("&gt;")
            case UInt8(ascii: "\""): raw("&quot;")
            case UInt8(ascii: "'"): raw("&#39;")
            default: bytes.append(byte)
            }
        }
    }

    /// An element with what `body` adds.
    mutating func element(
        _ name: StaticString, _ attributes: [Attribute] = [], _ body: (inout Markup) -> Void
    ) {
        open(name, attributes)
        body(&self)
        raw("</")
        raw(name)
        raw(">")
    }

    /// An element with a text.
    mutating func element(_ name: StaticString, _ attributes: [Attribute] = [], text: String) {
        element(name, attributes) { $0.text(text) }
    }

    /// A start tag alone, of an element that has no content.
    mutating func open(_ name: StaticString, _ attributes: [Attribute] = []) {
        raw("<")
        raw(name)
        for attribute in attributes {
            raw(" ")
            raw(attribute.name)
            raw("=\"")
            text(attribute.value)
            raw("\"")
        }
        raw(">")
    }
}
