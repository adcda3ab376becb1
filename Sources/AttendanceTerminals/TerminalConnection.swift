import AttendanceCore
import AttendanceStore
import Logging
import NIOCore
import NIOWebSocket

/// One terminal's connection: frames in, decisions of `TerminalSession`, actions out, one message after the other.
struct TerminalConnection {
    private let listener: TerminalListener
    private let service: TerminalService
    private let address: String
    private let path: String
    private let number: Int64

    init(listener: TerminalListener, address: String, path: String) {
        self.listener = listener
        self.service = listener.service
        self.address = address
        self.path = path
        number = listener.service.nextConnection()
    }

    func run(on channel: NIOAsyncChannel<InboundMessage, OutboundMessage>) async {
        service.logger.debug("terminal connected", metadata: metadata(path: true))
        var serial: SerialNumber?
        do {
            try await withTaskCancellationHandler {
                try await channel.executeThenClose { inbound, outbound in
                    try await converse(inbound, outbound, channel.channel, &serial)
                }
            } onCancel: {
                channel.channel.close(promise: nil)
            }
        } catch {
            // The peer is gone in the middle of something. What was stored is stored; what was not was not
            // acknowledged, so it comes again.
            service.logger.debug("connection broke", metadata: metadata(["error": "\(error)"]))
        }
        if let serial {
            service.presence.leave(serial, connection: number)
            service.logger.info("terminal disconnected", metadata: metadata(["serial": "\(serial)"]))
        }
    }

    private func converse(
        _ inbound: NIOAsyncChannelInboundStream<InboundMessage>,
        _ outbound: NIOAsyncChannelOutboundWriter<OutboundMessage>, _ channel: any Channel,
        _ serial: inout SerialNumber?
    ) async throws {
        let listener = self.listener
        var session = TerminalSession(connection: number, policy: service.currentPolicy()) {
            listener.admits($0)
        }
        var rate = TokenBucket(
            burst: listener.bounds.messageBurst, perSecond: listener.bounds.messagesPerSecond,
            at: FrameState.now)
        for try await message in inbound {
            let started = FrameState.now
            let wait = rate.take(at: started)
            // Not reading is all the brake it takes: the peer's own buffers fill.
            if wait > .zero { try await Task.sleep(for: wait) }
            service.metrics.messages.increment()
            let now = service.now()
            let actions = message.bytes.withUnsafeReadableBytes {
                session.received($0, at: now, policy: service.currentPolicy)
            }
            for action in actions {
                try await perform(action, outbound, channel, &serial, since: started)
            }
        }
    }

    private func perform(
        _ action: TerminalSession.Action, _ outbound: NIOAsyncChannelOutboundWriter<OutboundMessage>,
        _ channel: any Channel, _ serial: inout SerialNumber?, since started: Duration
    ) async throws {
        switch action {
        case .reply(let reply):
            try await outbound.write(.text(encode(reply, channel.allocator)))
        case .store(let batch, let followUp):
            if let reply = await store(batch) ? followUp.stored : followUp.notStored {
                try await outbound.write(.text(encode(reply, channel.allocator)))
            }
            service.metrics.acknowledgement.recordNanoseconds((FrameState.now - started).nanoseconds)
        case .register(let new, let registration, let skew):
            if let old = serial, old != new { service.presence.leave(old, connection: number) }
            serial = new
            await register(new, registration, skew: skew, channel)
        case .notice(let notice):
            report(notice, serial: serial)
        case .close(let ending):
            switch ending {
            case .notUTF8: try await outbound.write(.close(.dataInconsistentWithMessage))
            case .notAllowed: try await outbound.write(.close(.policyViolation))
            }
        }
    }

    private func encode(_ reply: Reply, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(160)
        reply.encode(into: &bytes)
        var buffer = allocator.buffer(capacity: bytes.count)
        buffer.writeBytes(bytes)
        return buffer
    }

    /// Whether the batch is durable.
    private func store(_ batch: IntakeBatch) async -> Bool {
        do {
            let receipt = try await service.record(batch)
            if receipt.stored == 0, receipt.repeated > 0 {
                let times = service.timesSent(batch)
                if times == 3 || times % 100 == 0 {
                    service.logger.warning(
                        "terminal sends the same batch again and again",
                        metadata: metadata(["serial": "\(batch.terminal)", "times": "\(times)"]))
                }
            } else if receipt.stored > 0 {
                _ = service.timesSent(batch)
            }
            service.logger.debug(
                "batch stored",
                metadata: metadata([
                    "serial": "\(batch.terminal)", "stored": "\(receipt.stored)",
                    "repeated": "\(receipt.repeated)",
                    "quarantined": "\(receipt.quarantined)",
                ]))
            return true
        } catch {
            service.metrics.notStored.increment()
            service.logger.error(
                "batch not stored, the terminal keeps it",
                metadata: metadata([
                    "serial": "\(batch.terminal)",
                    "records": "\(batch.punches.count + batch.quarantined.count)",
                    "error": "\(error.localizedDescription)",
                ]))
            return false
        }
    }

    private func register(
        _ serial: SerialNumber, _ registration: Registration, skew: Int?, _ channel: any Channel
    ) async {
        let now = service.now()
        service.metrics.registrations.increment()
        let replaced = service.presence.arrive(serial, connection: number, address: address, at: now) {
            channel.writeAndFlush(OutboundMessage.close(.normalClosure), promise: nil)
        }
        var fields: Logger.Metadata = [
            "serial": "\(serial)", "model": "\(registration.model ?? "-")",
            "firmware": "\(registration.firmware ?? "-")",
        ]
        if let backlog = registration.backlog { fields["backlog"] = "\(backlog)" }
        if let skew { fields["skew_seconds"] = "\(skew)" }
        service.logger.info("terminal registered", metadata: metadata(fields))
        if let skew, abs(skew) > 60 {
            service.logger.warning(
                "terminal clock is wrong",
                metadata: metadata(["serial": "\(serial)", "skew_seconds": "\(skew)"]))
        }
        if let replaced {
            let moved = replaced.address != address
            service.logger.log(
                level: moved ? .warning : .info, "an older connection with this serial was closed",
                metadata: metadata(["serial": "\(serial)", "older_peer": "\(replaced.address)"]))
        }
        do {
            try await service.store.note(
                TerminalSighting(
                    serial: serial, at: now, address: address, model: registration.model,
                    firmware: registration.firmware, backlog: registration.backlog.map(Int.init(clamping:)),
                    skew: skew, deviceInfo: registration.deviceInfo))
        } catch {
            // Registering must work while the disk is full, so that the terminal can tell us what it holds.
            service.logger.warning(
                "what the terminal says of itself could not be kept",
                metadata: metadata(["serial": "\(serial)", "error": "\(error.localizedDescription)"]))
        }
    }

    private func report(_ notice: TerminalSession.Notice, serial: SerialNumber?) {
        var fields: Logger.Metadata = [:]
        if let serial { fields["serial"] = "\(serial)" }
        let message: Logger.Message
        var level = Logger.Level.warning
        switch notice {
        case .unreadable(let error, let kept):
            message = "message could not be read"
            fields["error"] = "\(error)"
            fields["kept"] = kept ? "yes" : "no"
        case .serialNotAllowed(let refused):
            message = "serial number not allowed on this listener"
            fields["serial"] = "\(refused?.text ?? "none")"
            fields["listener"] = "\(listener.name)"
        case .trailingObject(let bytes):
            message = "more than one object in a message, the rest is kept"
            fields["bytes"] = "\(bytes)"
        case .foreignSerial(let claimed):
            message = "message names another serial than the connection"
            fields["claimed"] = "\(claimed)"
        case .emptyBatch(let word):
            message = "batch without records"
            fields["cmd"] = "\(word)"
        case .unknownWord(let word):
            message = "unknown command acknowledged"
            level = .info
            fields["cmd"] = "\(word)"
        case .quarantined(let count, let reason):
            message = "records in quarantine"
            fields["records"] = "\(count)"
            fields["reason"] = "\(reason)"
        case .doubtfulTimes(let count):
            message = "punches with an implausible time kept, not forwarded"
            fields["punches"] = "\(count)"
        case .strayAnswer(let word):
            message = "answer to nothing asked"
            level = .debug
            fields["ret"] = "\(word)"
        }
        service.logger.log(level: level, message, metadata: metadata(fields))
    }

    private func metadata(_ more: Logger.Metadata = [:], path: Bool = false) -> Logger.Metadata {
        var fields = more
        fields["peer"] = "\(address)"
        fields["connection"] = "\(number)"
        if path { fields["path"] = "\(self.path)" }
        return fields
    }
}
