/// Rows of text in columns that line up, for people; programs read JSON.
///
/// Figures line up on their decimal point. On a terminal that is too narrow, columns are left out
/// that can be spared, the highest `spare` first.
struct Table: Sendable {
    enum Alignment: Sendable {
        case left, right
        /// On the decimal point; "–" stands where the units do.
        case point
    }

    struct Column: Sendable {
        var title: String
        var alignment: Alignment
        /// 0: always shown; else the highest goes first where the terminal is too narrow.
        var spare: Int

        static func text(_ title: String, spare: Int = 0) -> Column {
            Column(title: title, alignment: .left, spare: spare)
        }

        static func count(_ title: String, spare: Int = 0) -> Column {
            Column(title: title, alignment: .right, spare: spare)
        }

        static func figure(_ title: String, spare: Int = 0) -> Column {
            Column(title: title, alignment: .point, spare: spare)
        }
    }

    struct Cell: ExpressibleByStringLiteral, Sendable {
        var text: String
        var attributes: [Style.Attribute]

        init(_ text: String, _ attributes: [Style.Attribute] = []) {
            self.text = text.printable
            self.attributes = attributes
        }

        init(stringLiteral text: String) {
            self.init(text)
        }
    }

    private enum Row {
        case cells([Cell])
        case rule
    }

    /// Blanks between two columns.
    private static let gap = 2

    private let columns: [Column]
    private var rows: [Row] = []
    /// Rows with cells.
    private(set) var count = 0

    init(_ columns: [Column]) {
        self.columns = columns
    }

    /// One cell a column.
    mutating func add(_ cells: [Cell]) {
        precondition(cells.count == columns.count, "a row has a cell for each column")
        rows.append(.cells(cells))
        count += 1
    }

    /// A line between the rows above and those below.
    mutating func addRule() {
        rows.append(.rule)
    }

    /// The table with its head, each line ended.
    /// - Parameter widthMax: Columns of the terminal; nil: everything is shown, however wide.
    func text(_ style: Style = .standard, widthMax: Int? = nil) -> String {
        let layouts = columns.indices.map(layout)
        var shown = Array(columns.indices)
        if let widthMax { spare(&shown, layouts, widthMax) }
        var text = line(
            shown.map { index in
                style.painted(layouts[index].padded(Cell(columns[index].title), .plain), [.bold])
            })
        for row in rows {
            switch row {
            case .cells(let cells):
                text += line(shown.map { layouts[$0].padded(cells[$0], style) })
            case .rule:
                let width = width(of: shown, layouts)
                text += style.dim(String(repeating: "-", count: width)) + "\n"
            }
        }
        if shown.count < columns.count {
            let hidden = columns.indices.filter { !shown.contains($0) }.map { columns[$0].title }
            text += style.dim("(no room for: \(hidden.joined(separator: ", ")))") + "\n"
        }
        return text
    }

    private func line(_ cells: [String]) -> String {
        var line = cells.joined(separator: String(repeating: " ", count: Table.gap))
        while line.last == " " { line.removeLast() }
        return line + "\n"
    }

    private func width(of shown: [Int], _ layouts: [Layout]) -> Int {
        shown.reduce(0) { $0 + layouts[$1].width } + Table.gap * max(shown.count - 1, 0)
    }

    private func spare(_ shown: inout [Int], _ layouts: [Layout], _ widthMax: Int) {
        while width(of: shown, layouts) > widthMax {
            guard
                let last = shown.indices.max(by: { left, right in
                    (columns[shown[left]].spare, left) < (columns[shown[right]].spare, right)
                }), columns[shown[last]].spare > 0
            else { return }
            shown.remove(at: last)
        }
    }

    private func layout(of index: Int) -> Layout {
        var layout = Layout(columns[index])
        for case .cells(let cells) in rows { layout.fit(cells[index].text) }
        layout.fitTitle(columns[index].title)
        return layout
    }
}

/// How wide a column is, and where its decimal point stands.
private struct Layout {
    private let alignment: Table.Alignment
    /// Before the decimal point; the whole width for other alignments.
    private var whole = 0
    /// The decimal point and what follows.
    private var fraction = 0

    init(_ column: Table.Column) {
        alignment = column.alignment
    }

    var width: Int { whole + fraction }

    mutating func fit(_ text: String) {
        let parts = parts(of: text)
        whole = max(whole, parts.whole)
        fraction = max(fraction, parts.fraction)
    }

    mutating func fitTitle(_ title: String) {
        whole = max(whole, title.displayWidth - fraction)
    }

    /// The cell with blanks around it; only the text is painted.
    func padded(_ cell: Table.Cell, _ style: Style) -> String {
        let parts = parts(of: cell.text)
        let blanks = width - parts.whole - parts.fraction
        let before =
            switch alignment {
            case .left: 0
            case .right: blanks
            case .point: parts.isFigure ? whole - parts.whole : blanks
            }
        return String(repeating: " ", count: before) + style.painted(cell.text, cell.attributes)
            + String(repeating: " ", count: blanks - before)
    }

    private func parts(of text: String) -> (whole: Int, fraction: Int, isFigure: Bool) {
        let width = text.displayWidth
        guard alignment == .point, let first = text.first,
            first.isNumber || first == "-" || first == "~" || first == "–"
        else { return (width, 0, false) }
        guard let point = text.firstIndex(of: ".") else { return (width, 0, true) }
        let fraction = String(text[point...]).displayWidth
        return (width - fraction, fraction, true)
    }
}
