import GRPCCore
import NIOCore
import NIOHPACK
import NIOHTTP2

/// Refuses a request message that is too large, by its length prefix, before its body is kept.
///
/// The transport has such a limit too, but resets the stream, which reaches clients as UNAVAILABLE:
/// they would send the same message again. Here the call ends with RESOURCE_EXHAUSTED.
final class MessageLimitHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload
    typealias OutboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let bytesMax: Int
    private var framing = MessageFraming()
    private var hasSentHeaders = false
    private var hasSentTrailers = false
    private var isRefused = false

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .data(let frame) = unwrapInboundIn(data), case .byteBuffer(let bytes) = frame.data {
            // After the refusal the rest of the message is read and forgotten.
            if isRefused { return }
            if let length = framing.read(bytes.readableBytesView, lengthMax: bytesMax) {
                return refuse(length: length, context: context)
            }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isRefused else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        if case .headers(let frame) = unwrapOutboundIn(data) {
            hasSentHeaders = true
            hasSentTrailers = frame.endStream
        }
        context.write(data, promise: promise)
    }

    private func refuse(length: Int, context: ChannelHandlerContext) {
        isRefused = true
        let error = RPCStatus.error(
            .resourceExhausted,
            "a request message has \(length) bytes, the limit messageBytesMax is \(bytesMax)")
        // Ends the call's handler, and with it the stream.
        defer { context.fireErrorCaught(error) }
        if hasSentTrailers { return }
        var headers: HPACKHeaders =
            hasSentHeaders ? [:] : [":status": "200", "content-type": "application/grpc"]
        headers.add(name: "grpc-status", value: "\(error.code.rawValue)")
        headers.add(name: "grpc-message", value: error.message)
        let trailers = HTTP2Frame.FramePayload.Headers(headers: headers, endStream: true)
        context.writeAndFlush(wrapOutboundOut(.headers(trailers)), promise: nil)
    }
}

/// Follows the messages in a stream of bytes: each is a flag, a length of four bytes, a body.
struct MessageFraming {
    private static let prefixBytes = 5

    private var prefixRead = 0
    private var length = 0
    private var bodyLeft = 0

    /// Reads on; returns the length of the first message that is longer than `lengthMax`, else nil.
    mutating func read(_ bytes: ByteBufferView, lengthMax: Int) -> Int? {
        var rest = bytes
        while !rest.isEmpty {
            let skipped = min(bodyLeft, rest.count)
            rest = rest.dropFirst(skipped)
            bodyLeft -= skipped
            while bodyLeft == 0, let byte = rest.popFirst() {
                // The first byte is the flag.
                length = prefixRead == 0 ? 0 : length << 8 | Int(byte)
                prefixRead += 1
                guard prefixRead == Self.prefixBytes else { continue }
                if length > lengthMax { return length }
                prefixRead = 0
                bodyLeft = length
            }
        }
        return nil
    }
}
