/// The parameters of one statement, laid out as libpq takes them.
///
/// All values are copied into one buffer, which is kept from call to call: that costs a memcpy,
/// and saves nesting a closure a parameter to keep their pointers valid.
final class ParameterPack {
    private(set) var types: [UInt32] = []
    private(set) var values: [UnsafePointer<CChar>?] = []
    private(set) var lengths: [Int32] = []
    private(set) var formats: [Int32] = []
    private var scratch = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 16)
    private var capacityBytes = 4096

    /// The wire counts parameters in 16 bits.
    static let countMax = 65_535
    /// A larger buffer is given back at the next, smaller statement.
    private static let keptBytesMax = 4 << 20

    deinit {
        scratch.deallocate()
    }

    var count: Int32 { Int32(types.count) }

    func load(_ parameters: [Parameter]) {
        precondition(parameters.count <= Self.countMax, "more than 65535 parameters")
        var total = 0
        for parameter in parameters { total += parameter.bytes?.count ?? 0 }
        reserve(total)
        types.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        formats.removeAll(keepingCapacity: true)
        var offset = 0
        for parameter in parameters {
            types.append(parameter.type.rawValue)
            formats.append(1)
            guard let bytes = parameter.bytes else {
                values.append(nil)
                lengths.append(0)
                continue
            }
            let place = scratch + offset
            bytes.withUnsafeBytes { source in
                if let base = source.baseAddress {
                    place.copyMemory(from: base, byteCount: source.count)
                }
            }
            values.append(UnsafePointer(place.assumingMemoryBound(to: CChar.self)))
            lengths.append(Int32(bytes.count))
            offset += bytes.count
        }
    }

    private func reserve(_ bytes: Int) {
        let isTooLarge = capacityBytes > Self.keptBytesMax && bytes <= Self.keptBytesMax
        guard bytes > capacityBytes || isTooLarge else { return }
        scratch.deallocate()
        capacityBytes = max(bytes, isTooLarge ? 4096 : min(capacityBytes * 2, bytes * 2))
        scratch = UnsafeMutableRawPointer.allocate(byteCount: capacityBytes, alignment: 16)
    }
}
