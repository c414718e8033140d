/// The images of pages that a file and its write-ahead log hold, however damaged they are.
///
/// Of a page that the log holds, the newest image counts; one whose frame does not fit its
/// checksum is tried first and the newest sound one after it: the checksum of each row decides.
/// Frames behind the last commit are left out.
final class SalvagePages {
    /// Where an image lies: in the file, or in the log.
    struct Source: Hashable {
        var isLog: Bool
        var offset: Int64
    }

    private let file: FileReader
    private let log: FileReader?
    /// Sources in the log of each page that it holds, the newest first.
    private var frames: [UInt32: [Source]] = [:]
    /// The highest page number that there can be.
    private(set) var last: UInt32

    init(_ paths: OutboxFile) throws {
        file = try FileReader(paths.path)
        last = UInt32(clamping: (OutboxFile.size(paths.path) ?? 0) / Int64(SQLitePage.size))
        guard let size = OutboxFile.size(paths.log), size > 32 else {
            log = nil
            return
        }
        let input = try FileReader(paths.log)
        log = input
        try readLog(input, frames: Int((size - 32) / 4120))
    }

    private func readLog(_ input: FileReader, frames count: Int) throws {
        let stride = 24 + SQLitePage.size
        let header = try WriteAheadLog.Header(input)
        var salts = header?.salts
        var sum = header?.sum
        var seen: [(page: UInt32, source: Source, isSound: Bool)] = []
        var committed = 0
        for number in 0..<count {
            let offset = WriteAheadLog.offset(ofFrame: number)
            let frame = try input.octets(stride, at: offset)
            guard frame.count == stride else { break }
            if salts == nil { salts = Array(frame[8..<16]) }
            guard Array(frame[8..<16]) == salts else { continue }
            let stored = WriteAheadSum(frame[16..<24])
            let isSound = sum.map { header?.add(frame[0..<8], frame[24...], to: $0) == stored }
            sum = stored
            seen.append(
                (
                    frame.bigEndian32(0), Source(isLog: true, offset: offset + 24),
                    isSound ?? false
                ))
            if frame.bigEndian32(4) != 0 { committed = seen.count }
        }
        for (page, source, isSound) in seen[..<committed] where page > 0 && page <= 1 << 28 {
            last = max(last, page)
            // A sound image replaces those before it; a doubtful one is put before them.
            frames[page] = isSound ? [source] : [source] + frames[page, default: []]
        }
        let sound = Set(seen[..<committed].filter(\.isSound).map(\.page))
        for (page, sources) in frames where !sound.contains(page) {
            frames[page] = sources + [main(page)]
        }
    }

    private func main(_ page: UInt32) -> Source {
        Source(isLog: false, offset: Int64(page - 1) * Int64(SQLitePage.size))
    }

    /// Where to look for a page, the best guess first.
    func sources(_ page: UInt32) -> [Source] {
        frames[page] ?? [main(page)]
    }

    /// The octets of an image; empty if they cannot be read.
    func image(_ source: Source) -> [UInt8] {
        let octets =
            source.isLog
            ? try? log?.octets(SQLitePage.size, at: source.offset)
            : try? file.octets(SQLitePage.size, at: source.offset)
        guard let octets, octets.count == SQLitePage.size else { return [] }
        return octets
    }

    /// The record of a cell with its overflow pages, each from the source of a number (the best
    /// guess is 0); shorter where the chain breaks.
    func record(_ cell: SQLitePage.Cell, on page: [UInt8], guess: Int) -> [UInt8] {
        let local = SQLitePage.local(ofPayload: cell.payload)
        var record = Array(page[cell.start..<cell.start + local])
        guard local < cell.payload else { return record }
        record.reserveCapacity(cell.payload)
        var next = page.bigEndian32(cell.start + local)
        while record.count < cell.payload, next > 0, next <= last {
            let sources = sources(next)
            let image = image(sources[min(guess, sources.count - 1)])
            guard !image.isEmpty else { break }
            record += image[4..<min(4 + cell.payload - record.count, image.count)]
            next = image.bigEndian32(0)
        }
        return record
    }
}
