import Glibc

/// The session advisory locks by which golang-migrate excludes a second migrator.
///
/// Its key depends on how it got the database's name: the command line takes the path of the URL,
/// with its slash ("/ledger"), programs ask current_database() ("ledger"). Both are taken, always
/// in the same order, so that either kind is kept out. They are polled, not waited for: a waiting
/// pg_advisory_lock holds a snapshot, and CREATE INDEX CONCURRENTLY of the other waits for that.
struct MigrationLock {
    let keys: [Int64]

    /// How long to wait between two attempts.
    static let retryInterval = Duration.milliseconds(100)

    init(schema: String, table: String, database: String) {
        keys = [database, "/" + database].map {
            Self.key(schema: schema, table: table, database: $0)
        }
    }

    /// database/util.go, GenerateAdvisoryLockId(database, schema, table): CRC-32 (IEEE) of
    /// schema, table, database with NULs in between, times its salt, in 32 bits.
    static func key(schema: String, table: String, database: String) -> Int64 {
        let text = "\(schema)\0\(table)\0\(database)"
        return Int64(crc32(text.utf8) &* 1_486_364_155)
    }

    private static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var remainder = UInt32.max
        for byte in bytes {
            remainder ^= UInt32(byte)
            for _ in 0..<8 {
                let isOdd = remainder & 1 == 1
                remainder = (remainder >> 1) ^ (isOdd ? 0xEDB8_8320 : 0)
            }
        }
        return ~remainder
    }

    /// Takes both locks; throws `.locked` when that does not succeed in time. `isBusy` is called
    /// once when they are taken.
    func acquire(
        _ connection: Connection, deadline: Deadline, isBusy: () -> Void
    ) throws(MigrationError) {
        var hasTold = false
        while true {
            if try tryAcquire(connection, deadline) { return }
            if !hasTold { isBusy() }
            hasTold = true
            let pause = Deadline.earlier(.after(Self.retryInterval), deadline)
            _ = poll(nil, 0, pause.pollTimeout)
            if deadline.hasPassed { throw .locked }
        }
    }

    private func tryAcquire(
        _ connection: Connection, _ deadline: Deadline
    ) throws(MigrationError) -> Bool {
        for (index, key) in keys.enumerated() {
            do throws(PostgresError) {
                let result = try connection.query(
                    "SELECT pg_try_advisory_lock($1)", [.int8(key)], deadline: deadline)
                if try result.onlyRow()[0].bool() { continue }
            } catch {
                throw .database(error)
            }
            release(connection, keys.prefix(index), deadline)
            return false
        }
        return true
    }

    /// Gives both locks back; a closed connection has given them back already.
    func release(_ connection: Connection, deadline: Deadline) {
        release(connection, keys[...], deadline)
    }

    private func release(
        _ connection: Connection, _ taken: ArraySlice<Int64>, _ deadline: Deadline
    ) {
        for key in taken.reversed() where connection.isUsable {
            do throws(PostgresError) {
                try connection.query(
                    "SELECT pg_advisory_unlock($1)", [.int8(key)], deadline: deadline)
            } catch {
                // A session that cannot unlock must not go on holding the lock.
                connection.close()
            }
        }
    }
}
