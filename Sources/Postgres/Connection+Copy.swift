import CLibPQ
import Glibc

extension Connection {
    /// Runs COPY … FROM STDIN and lets `body` send the data; returns the number of rows.
    ///
    /// When `body` throws, the COPY is called off, nothing of it is stored, and the error is
    /// thrown on; the connection stays usable. Else throws `PostgresError`; the server's refusal
    /// of a row comes when `body` has returned.
    @discardableResult
    public func copyIn(
        _ sql: String, deadline: Deadline, _ body: (borrowing CopyInWriter) throws -> Void
    ) throws -> Int {
        let handle = try open()
        try startCopy(sql, PGRES_COPY_IN, handle, deadline)
        do {
            try body(CopyInWriter(connection: self, handle: handle, deadline: deadline))
        } catch {
            try callOffCopy(handle, deadline)
            throw error
        }
        guard self.handle != nil else { throw PostgresError.unreachable("lost within COPY") }
        guard PQputCopyEnd(handle, nil) == 1 else { throw failedCall(handle) }
        try flush(handle, deadline)
        return try awaitLastResult(handle, deadline)?.affectedRows ?? 0
    }

    /// Runs COPY … TO STDOUT and calls `row` with each row's bytes, in whatever format `sql` asks
    /// for; they are valid until `row` returns. Returns the number of rows.
    ///
    /// When `row` throws, the connection is closed (the rest would have to be read first) and the
    /// error is thrown on. Else throws `PostgresError`.
    @discardableResult
    public func copyOut(
        _ sql: String, deadline: Deadline, row: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        let handle = try open()
        try startCopy(sql, PGRES_COPY_OUT, handle, deadline)
        var buffer: UnsafeMutablePointer<CChar>?
        while true {
            let count = PQgetCopyData(handle, &buffer, 1)
            if count == -1 { break }
            guard count >= 0 else { throw failedCall(handle) }
            guard count > 0, let message = buffer else {
                try waitAndConsume(handle, POLLIN, deadline)
                continue
            }
            defer { PQfreemem(message) }
            do {
                try row(UnsafeRawBufferPointer(start: message, count: Int(count)))
            } catch {
                abandonStatement()
                throw error
            }
            // The closure may have used, and so broken, the connection.
            guard self.handle != nil else { throw PostgresError.unreachable("lost within COPY") }
        }
        return try awaitLastResult(handle, deadline)?.affectedRows ?? 0
    }

    /// Runs COPY … TO STDOUT (FORMAT binary) and calls `row` with each row, taken apart; its
    /// fields are valid until `row` returns. Returns the number of rows; errors as `copyOut`.
    @discardableResult
    public func copyRows(
        _ sql: String, deadline: Deadline, row: (inout CopyRow) throws -> Void
    ) throws -> Int {
        var reader = CopyRowReader()
        return try copyOut(sql, deadline: deadline) { message in
            if var fields = try reader.row(in: message) { try row(&fields) }
        }
    }

    private func startCopy(
        _ sql: String, _ expected: ExecStatusType, _ handle: OpaquePointer, _ deadline: Deadline
    ) throws(PostgresError) {
        activity = sql
        guard PQsendQuery(handle, sql) == 1 else { throw failedCall(handle) }
        guard let result = try awaitResult(handle, deadline) else {
            throw abandoned(.protocolViolation("COPY without an answer"))
        }
        defer { PQclear(result) }
        let status = PQresultStatus(result)
        guard status != expected else { return }
        guard status == PGRES_FATAL_ERROR else {
            throw abandoned(.protocolViolation("not the expected kind of COPY: \(sql)"))
        }
        let failure = error(of: result, handle)
        if self.handle != nil { try? drain(handle, deadline) }
        throw failure
    }

    private func callOffCopy(
        _ handle: OpaquePointer, _ deadline: Deadline
    ) throws(PostgresError) {
        // The body's own error may be that the connection is gone.
        guard self.handle != nil else { return }
        guard PQputCopyEnd(handle, "called off by the client") == 1 else {
            _ = failedCall(handle)
            return
        }
        try? flush(handle, deadline)
        guard self.handle != nil else { return }
        try? drain(handle, deadline)
    }

    /// Reads and drops what is left of a statement's answers.
    private func drain(
        _ handle: OpaquePointer, _ deadline: Deadline
    ) throws(PostgresError) {
        while let result = try awaitResult(handle, deadline) { PQclear(result) }
    }
}

/// Sends the data of one COPY … FROM STDIN.
public struct CopyInWriter: ~Copyable {
    private let connection: Connection
    private let handle: OpaquePointer
    private let deadline: Deadline

    /// What is handed to libpq at once: large enough for few calls, small enough that what
    /// waits in its buffer stays bounded.
    private static let chunkBytesMax = 1 << 18

    init(connection: Connection, handle: OpaquePointer, deadline: Deadline) {
        self.connection = connection
        self.handle = handle
        self.deadline = deadline
    }

    /// Sends bytes in the COPY's own format; they need not end where a row ends. Waits until the
    /// system took them; throws `.unreachable`, `.timedOut`.
    public func send(_ bytes: UnsafeRawBufferPointer) throws(PostgresError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard connection.handle != nil else { throw .unreachable("lost within COPY") }
            let chunk = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.chunkBytesMax))
            let start = chunk.assumingMemoryBound(to: CChar.self).baseAddress
            switch PQputCopyData(handle, start, Int32(chunk.count)) {
            case 1: rest = rest.dropFirst(chunk.count)
            case 0: break
            default: throw connection.failedCall(handle)
            }
            try connection.flush(handle, deadline)
        }
    }

    /// Hands `rows` to libpq once they are at least `bytesMin` long, and sends what the system
    /// takes without waiting: the server works on it while the next rows are made. What it does
    /// not take yet is kept in memory, so the caller bounds how much it offers.
    public func offer(
        _ rows: inout BinaryCopyWriter, bytesMin: Int = 1 << 15
    ) throws(PostgresError) {
        guard rows.byteCount >= bytesMin else { return }
        try rows.drain { (bytes) throws(PostgresError) in
            guard connection.handle != nil else { throw .unreachable("lost within COPY") }
            let start = bytes.assumingMemoryBound(to: CChar.self).baseAddress
            guard PQputCopyData(handle, start, Int32(bytes.count)) == 1 else {
                // Its buffer cannot grow: in turn with the server, then.
                return try send(bytes)
            }
            guard PQflush(handle) >= 0 else { throw connection.failedCall(handle) }
        }
    }

    /// Sends bytes in the COPY's own format.
    public func send(_ bytes: [UInt8]) throws(PostgresError) {
        var failure: PostgresError?
        bytes.withUnsafeBytes { buffer in
            do throws(PostgresError) { try send(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Sends text in the COPY's own format, as UTF-8.
    public func send(_ text: String) throws(PostgresError) {
        try send(Array(text.utf8))
    }

    /// Sends the rows of `rows`, once they are at least `bytesMin` long; call it after each row.
    public func send(
        _ rows: inout BinaryCopyWriter, bytesMin: Int = 1 << 16
    ) throws(PostgresError) {
        guard rows.byteCount >= bytesMin else { return }
        try rows.drain { (bytes) throws(PostgresError) in try send(bytes) }
    }

    /// Sends what is left of `rows` and the format's trailer; `rows` is as new afterwards.
    public func finish(_ rows: inout BinaryCopyWriter) throws(PostgresError) {
        rows.putTrailer()
        try rows.drain { (bytes) throws(PostgresError) in try send(bytes) }
        rows.reset()
    }
}
