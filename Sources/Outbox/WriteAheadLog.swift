import Glibc

/// What a write-ahead log holds, read without SQLite. SQLite ends its recovery at the first frame
/// whose checksum is wrong, without a word: flipped bits there would lose acknowledged requests.
/// So a log is refused where one of these holds:
/// - its header is damaged, and frames follow;
/// - a frame is wrong, and a frame of a later commit, linked to what precedes it, is right;
/// - a frame is wrong or missing that the shared memory counts as committed. SQLite counts it
///   there only after the flush, so that the count is never too high, also after a power failure.
///
/// Wrong frames at the end are the rest of a commit that was never acknowledged.
struct WriteAheadLog {
    static let headerSize = 32
    static let frameHeaderSize = 24

    /// Frames until the last commit, each with the page that it holds.
    private(set) var pages: [UInt32] = []
    /// Pages of the database after the last commit; nil where the log holds none.
    private(set) var pageCount: UInt32?

    /// Frame `number` (from 0) begins here.
    static func offset(ofFrame number: Int) -> Int64 {
        Int64(headerSize) + Int64(number) * Int64(frameHeaderSize + SQLitePage.size)
    }

    /// Reads and checks the log of an outbox that nobody has open.
    init(_ file: OutboxFile) throws {
        let counted = SharedMemory(file)
        guard let size = OutboxFile.size(file.log), size >= WriteAheadLog.headerSize else {
            guard (counted?.unmovedFrames ?? 0) == 0 else {
                throw Flaw("the write-ahead log is missing; it held committed requests")
            }
            return
        }
        let input = try FileReader(file.log)
        let header = try Header(input)
        guard let header else {
            guard size < WriteAheadLog.offset(ofFrame: 1) else {
                throw Flaw("the header of the write-ahead log is not what was written")
            }
            return
        }
        let committed = counted?.salts == header.salts ? counted?.frames ?? 0 : 0
        try scan(input, header, frames: Int((size - 32) / 4120), committed: committed)
    }

    private mutating func scan(
        _ input: FileReader, _ header: Header, frames: Int, committed: Int
    ) throws {
        var right: [UInt32] = []
        var sum = header.sum
        var wrong: Int?
        for number in 0..<frames {
            let frame = try input.octets(
                WriteAheadLog.frameHeaderSize + SQLitePage.size,
                at: WriteAheadLog.offset(ofFrame: number))
            guard frame.count == 24 + SQLitePage.size, Array(frame[8..<16]) == header.salts else {
                if wrong == nil { wrong = number }
                break
            }
            let computed = header.add(frame[0..<8], frame[24...], to: sum)
            let stored = WriteAheadSum(frame[16..<24])
            // Beyond a wrong frame, the checksum that it stored tells whether the next belongs.
            sum = stored
            if computed != stored {
                if wrong == nil { wrong = number }
                continue
            }
            let commit = frame.bigEndian32(4)
            if let wrong, commit != 0 {
                throw Flaw("frame \(wrong + 1) of the write-ahead log is not what was written")
            }
            guard wrong == nil else { continue }
            right.append(frame.bigEndian32(0))
            if commit != 0 {
                pages = right
                pageCount = commit
            }
        }
        guard pages.count >= committed else {
            throw Flaw(
                "the write-ahead log has \(pages.count) committed frames of \(committed)")
        }
    }

    /// The first 32 octets.
    struct Header {
        var salts: [UInt8]
        var sum: WriteAheadSum
        private let isBigEndian: Bool

        /// nil if it is damaged or no header.
        init?(_ input: FileReader) throws {
            let octets = try input.octets(WriteAheadLog.headerSize, at: 0)
            let magic = octets.bigEndian32(0)
            guard octets.count == 32, magic & ~1 == 0x377F_0682,
                octets.bigEndian32(8) == UInt32(SQLitePage.size)
            else { return nil }
            isBigEndian = magic & 1 == 1
            salts = Array(octets[16..<24])
            sum = WriteAheadSum(octets[24..<32])
            let computed = WriteAheadSum().adding(octets[0..<24], bigEndian: isBigEndian)
            guard computed == sum else { return nil }
        }

        func add(
            _ head: ArraySlice<UInt8>, _ page: ArraySlice<UInt8>, to sum: WriteAheadSum
        ) -> WriteAheadSum {
            sum.adding(head, bigEndian: isBigEndian).adding(page, bigEndian: isBigEndian)
        }
    }
}

/// The running checksum of a write-ahead log (https://www.sqlite.org/fileformat2.html, 4.2).
struct WriteAheadSum: Equatable {
    private var first: UInt32 = 0
    private var second: UInt32 = 0

    init() {}

    /// As it is stored, high octets first.
    init(_ octets: ArraySlice<UInt8>) {
        let copy = Array(octets)
        first = copy.bigEndian32(0)
        second = copy.bigEndian32(4)
    }

    func adding(_ octets: ArraySlice<UInt8>, bigEndian: Bool) -> WriteAheadSum {
        var sum = self
        octets.withUnsafeBytes { raw in
            for index in stride(from: 0, to: raw.count & ~7, by: 8) {
                var one = raw.loadUnaligned(fromByteOffset: index, as: UInt32.self)
                var two = raw.loadUnaligned(fromByteOffset: index + 4, as: UInt32.self)
                one = bigEndian ? UInt32(bigEndian: one) : UInt32(littleEndian: one)
                two = bigEndian ? UInt32(bigEndian: two) : UInt32(littleEndian: two)
                sum.first = sum.first &+ one &+ sum.second
                sum.second = sum.second &+ two &+ sum.first
            }
        }
        return sum
    }
}

/// The header of the "-shm" file that the last owner left: how many frames it committed.
struct SharedMemory {
    /// Which log it speaks of.
    let salts: [UInt8]
    /// Frames that were committed.
    let frames: Int
    /// Frames of them that had not been moved to the file.
    let unmovedFrames: Int

    /// nil if there is none, or its two copies differ, or its checksum is wrong.
    init?(_ file: OutboxFile) {
        guard let input = try? FileReader(file.sharedMemory),
            let octets = try? input.octets(136, at: 0), octets.count == 136,
            octets[0..<48].elementsEqual(octets[48..<96])
        else { return nil }
        func native(_ offset: Int) -> UInt32 {
            octets.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
        }
        #if _endian(little)
            let sum = WriteAheadSum().adding(octets[0..<40], bigEndian: false)
        #else
            let sum = WriteAheadSum().adding(octets[0..<40], bigEndian: true)
        #endif
        var stored: [UInt8] = []
        stored.append(UInt64(native(40)), octets: 4)
        stored.append(UInt64(native(44)), octets: 4)
        guard native(0) == 3_007_000, octets[12] == 1, sum == WriteAheadSum(stored[...]) else {
            return nil
        }
        salts = Array(octets[32..<40])
        frames = Int(native(16))
        unmovedFrames = max(0, frames - Int(native(96)))
    }
}
