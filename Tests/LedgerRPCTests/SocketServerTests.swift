import Glibc
import Testing

@testable import LedgerRPC

@Suite struct SocketServerTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.file("s")
    }

    private func mode(_ path: String) -> mode_t? {
        var info = stat()
        return lstat(path, &info) == 0 ? info.st_mode : nil
    }

    /// What `open(path)` and listening on it failed with.
    private func refusal(_ path: String) -> SocketError? {
        do throws(SocketError) {
            _ = try SocketServer(path: path)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a client can connect as soon as the socket is made`() throws {
        let server = try SocketServer(path: path)
        _ = try RawSocket.connected(to: path)
        server.close()
    }

    @Test func `owner and group may connect and nobody else`() throws {
        let server = try SocketServer(path: path)
        #expect(mode(path) == S_IFSOCK | 0o660)
        server.close()
    }

    @Test func `a second server is refused and told the pid of the first`() throws {
        let server = try SocketServer(path: path)
        let refused = refusal(path)
        #expect(refused == .inUse(path: path, pid: getpid()))
        #expect(refused?.description == "another ledger serves \(path) (pid \(getpid()))")
        _ = try RawSocket.connected(to: path)
        server.close()
    }

    @Test func `a socket that nobody listens on is replaced`() throws {
        for listened in [true, false] {
            _ = try RawSocket.serving(path, listens: listened)
            #expect(mode(path) != nil)
            let server = try SocketServer(path: path)
            _ = try RawSocket.connected(to: path)
            server.close()
        }
    }

    @Test func `a socket that somebody listens on without the lock is left alone`() throws {
        let other = try RawSocket.serving(path)
        #expect(refusal(path) == .inUse(path: path, pid: getpid()))
        _ = try RawSocket.connected(to: path)
        withExtendedLifetime(other) {}
    }

    @Test func `what is not a socket is refused and left alone`() throws {
        let target = directory.file("target")
        let listening = try RawSocket.serving(target)
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        #expect(refusal(path) == .notASocket(path: path))
        #expect(mode(path) == S_IFREG | 0o600)
        // Not even a lock file is made beside it.
        #expect(mode(path + ".lock") == nil)
        unlink(path)

        symlink(target, path)
        #expect(refusal(path) == .notASocket(path: path))
        #expect(mode(path).map { $0 & S_IFMT } == S_IFLNK)
        #expect(refusal(directory.path) == .notASocket(path: directory.path))
        withExtendedLifetime(listening) {}
    }

    @Test func `a path of 107 bytes is served and one of 108 is refused`() throws {
        let fill = 107 - directory.file("").utf8.count
        let longest = directory.file(String(repeating: "a", count: fill))
        let server = try SocketServer(path: longest)
        _ = try RawSocket.connected(to: longest)
        server.close()

        let tooLong = longest + "a"
        #expect(refusal(tooLong) == .pathTooLong(path: tooLong, bytes: 108, bytesMax: 107))
        #expect(refusal("") == .pathInvalid(path: ""))
        #expect(refusal("/tmp/a\0b") == .pathInvalid(path: "/tmp/a\0b"))
    }

    @Test func `a directory that is missing is named`() throws {
        let refused = refusal(directory.file("missing/s"))
        let words = "cannot open the lock file \(directory.path)/missing/s.lock: "
        #expect(refused?.description.hasPrefix(words) == true)
    }

    @Test func `close removes the socket and leaves the lock file, which is free again`() throws {
        let first = try SocketServer(path: path)
        first.close()
        #expect(mode(path) == nil)
        #expect(mode(path + ".lock") != nil)
        let second = try SocketServer(path: path)
        first.close()
        _ = try RawSocket.connected(to: path)
        second.close()
    }

    @Test func `close leaves a socket that is not its own`() throws {
        let server = try SocketServer(path: path)
        unlink(path)
        let other = try RawSocket.serving(path)
        server.close()
        _ = try RawSocket.connected(to: path)
        withExtendedLifetime(other) {}
    }

    @Test func `a server that is forgotten closes itself`() throws {
        _ = try SocketServer(path: path)
        #expect(mode(path) == nil)
        #expect(refusal(path) == nil)
    }

    @Test func `a relinquished descriptor is not closed`() throws {
        let server = try SocketServer(path: path)
        let descriptor = try #require(server.descriptor)
        server.relinquish()
        server.close()
        #expect(server.descriptor == nil)
        #expect(fcntl(descriptor, F_GETFD) >= 0)
        close(descriptor)
    }

    @Test func `the backlog is restored for whoever takes the descriptor`() throws {
        let server = try SocketServer(path: path, backlogMax: 7)
        let descriptor = try #require(server.descriptor)
        // What SwiftNIO does with a descriptor that it is handed.
        listen(descriptor, 1)
        server.relinquish()
        var waiting: [RawSocket] = []
        while waiting.count < 100, let next = try? RawSocket.connected(to: path) {
            waiting.append(next)
        }
        // Linux lets one more wait than it was told.
        #expect(waiting.count == 8)
        close(descriptor)
        server.close()
    }

    @Test func `a child process inherits neither the lock nor the socket`() throws {
        let server = try SocketServer(path: path)
        let descriptor = try #require(server.descriptor)
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        #expect(lockDescriptors().map { fcntl($0, F_GETFD) & FD_CLOEXEC } == [FD_CLOEXEC])
        server.close()
        #expect(lockDescriptors() == [])
    }

    /// This process's descriptors of the lock file.
    private func lockDescriptors() -> [CInt] {
        var lock = stat()
        guard lstat(path + ".lock", &lock) == 0 else { return [] }
        return (CInt(0)..<1_024).filter { descriptor in
            var info = stat()
            return fstat(descriptor, &info) == 0 && info.st_ino == lock.st_ino
                && info.st_dev == lock.st_dev
        }
    }
}
