import Glibc

extension Fixtures {
    /// The octets of a file of the folder `shared`, such as "vectors/events.json"; nil where it
    /// is missing, which is said on standard error.
    public static func bytes(_ path: String) -> [UInt8]? {
        guard let whole = shared(path), let file = fopen(whole, "rb") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}
