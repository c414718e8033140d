import Testing

@testable import LedgerCore

/// Words of a fixed choice are read octet by octet.
struct VocabularyTests {
    private func expectOnlyItsWords<Choice: Word>(_ type: Choice.Type) {
        for choice in Choice.allCases {
            let word = choice.rawValue
            #expect(Choice.words[word] == choice)
            for other in [
                "", word + "\0", "\0" + word, word + " ", String(word.dropLast()),
                String(repeating: "\0", count: 32) + word,
                word == word.uppercased() ? word.lowercased() : word.uppercased(),
                String(repeating: "é", count: word.utf8.count),
            ] {
                #expect(Choice.words[other] == Choice(rawValue: other), "\(word), \(other)")
            }
        }
    }

    @Test func `a word is read, and nothing that is like it`() {
        expectOnlyItsWords(EventType.self)
        expectOnlyItsWords(EventSource.self)
        expectOnlyItsWords(InstrumentKind.self)
        expectOnlyItsWords(LegSide.self)
        expectOnlyItsWords(TradeSide.self)
        expectOnlyItsWords(Liquidity.self)
        expectOnlyItsWords(FillIntent.self)
        expectOnlyItsWords(FillCause.self)
        expectOnlyItsWords(FeeCategory.self)
        expectOnlyItsWords(CloseReason.self)
    }
}
