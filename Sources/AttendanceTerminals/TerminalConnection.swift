import AttendanceCore
import AttendanceStore
import Logging
import NIOCore
import NIOWebSocket

/// One terminal's connection: frames in, decisions of `TerminalSession`, actions out, one message after the other.
///
/// Confined to the one task that serves the connection. Its state lives here and not in the task's frames, and only
/// `converse` and what stores suspends: a task keeps the memory of its deepest moment for as long as it lives, and
/// there are tens of thousands of them.
final class TerminalConnection {
    private let listener: TerminalListener
    private let service: TerminalService
    private let channel: any Channel
    private let pulse: TerminalPulse
    private let address: String
    private let number: Int64
    private var session: TerminalSession
    private var rate: TokenBucket
    private var remarks: TokenBucket
    private var serial: SerialNumber?
    /// Whose the messages are that somebody looks at: also of a terminal that is not served.
    private var tapped: SerialNumber?
    /// What is still to be done for the message in hand.
    private var actions: ArraySlice<TerminalSession.Action> = []
    private var followUp: TerminalSession.FollowUp?
    private var started: Duration = .zero

    /// - Parameter target: path and query of the handshake.
    init(
        listener: TerminalListener, channel: any Channel, pulse: TerminalPulse, address: String,
        target: String
    ) {
        let service = listener.service
        self.listener = listener
        self.service = service
        self.channel = channel
        self.pulse = pulse
        self.address = address
        number = service.nextConnection()
        let tokens = TerminalToken.presented(in: target)
        session = TerminalSession(
            connection: number, policy: service.currentPolicy(),
            admission: {
                service.registry.admission(of: $0, $1, tokens, from: address, at: service.now())
            }, admits: { listener.admits($0) })
        rate = TokenBucket(
            burst: listener.bounds.messageBurst, perSecond: listener.bounds.messagesPerSecond,
            at: FrameState.now)
        remarks = TokenBucket(burst: 20, perSecond: 1, at: FrameState.now)
        // A secret path stays out of the log; what is known to be no secret helps to find a wrong setting.
        let shown = listener.hasSecretPath || !tokens.digests.isEmpty ? "secret" : target.withoutQuery
        service.logger.debug("terminal connected", metadata: metadata(["path": "\(shown)"]))
    }

    func converse(_ inbound: NIOAsyncChannelInboundStream<InboundMessage>) async throws {
        for try await message in inbound {
            let wait = admitMessage()
            // Not reading is all the brake it takes: the peer's own buffers fill.
            if wait > .zero { try await Task.sleep(for: wait) }
            receive(message)
            while let work = advance() {
                switch work {
                case .batch(let batch):
                    do {
                        stored(try await service.store.record(batch), batch)
                    } catch {
                        notStored(batch, error)
                    }
                case .enrolment(let enrolment, let serial):
                    await collect(enrolment, serial)
                case .code(let code, let serial):
                    send(await service.admit(code, at: serial))
                }
            }
            pulse.messageServed(at: service.now())
        }
    }

    /// Tells the end to everyone who counts connections. `error` is what ended it, where something did.
    func ended(_ error: (any Error)?) {
        if let error {
            // The peer is gone in the middle of something. What was stored is stored; what was not was not
            // acknowledged, so it comes again.
            service.logger.debug("connection broke", metadata: metadata(["error": "\(error)"]))
        }
        pulse.ended()
        guard let serial else { return }
        service.presence.leave(serial, connection: number)
        if service.presence.entry(of: serial) == nil { service.registry.left(serial, at: service.now()) }
        service.logger.info("terminal disconnected", metadata: metadata(["serial": "\(serial)"]))
    }

    // MARK: One message

    private func admitMessage() -> Duration {
        started = FrameState.now
        service.metrics.messages.increment()
        return rate.take(at: started)
    }

    private func receive(_ message: InboundMessage) {
        let now = service.now()
        let conversation = pulse.conversation
        if service.tap.isOn { tap(message.bytes, isFromTerminal: true) }
        actions = message.bytes.withUnsafeReadableBytes {
            session.received(
                $0, at: now, policy: service.currentPolicy,
                exchange: { conversation?.received($0, bytes: $1) ?? .notMine })[...]
        }
        // A page that was asked for and is not taken: from a terminal that waits for its approval.
        if let conversation, !actions.contains(where: \.isPage) { conversation.pageStored(false) }
    }

    /// Carries out what needs no waiting, up to the next batch that must be stored first; nil when all is done.
    private func advance() -> Work? {
        while let action = actions.popFirst() {
            switch action {
            case .reply(let reply): send(reply)
            case .store(let batch, let next):
                followUp = next
                return .batch(service.withSealedPhotos(batch))
            case .collect(let enrolment, let serial, let next):
                followUp = next
                return .enrolment(enrolment, serial)
            case .admit(let code, let serial): return .code(code, serial)
            case .register(let new, let registration, let skew): register(new, registration, skew: skew)
            case .wait(let new, let registration, let skew):
                sight(new, registration, skew: skew, at: service.now())
            case .notice(let notice): report(notice, serial: serial)
            case .close(.notUTF8): close(.dataInconsistentWithMessage)
            case .close(.notAllowed): close(.policyViolation)
            }
        }
        // Not merely empty: a terminal that is idle for hours would hold on to the room of its registration.
        actions = []
        return nil
    }

    /// What must be durable before its answer goes out.
    private enum Work {
        case batch(IntakeBatch)
        case enrolment(Enrolment, SerialNumber)
        case code(PresentedCode, SerialNumber)
    }

    /// Of what it holds nothing reaches the log, whatever goes wrong.
    private func collect(_ enrolment: Enrolment, _ serial: SerialNumber) async {
        do {
            try await service.collect(enrolment, from: serial)
            if let reply = followUp?.stored { send(reply) }
        } catch {
            if let reply = followUp?.notStored { send(reply) }
            service.logger.error(
                "credential not stored, the terminal keeps it",
                metadata: metadata(["serial": "\(serial)", "error": "\(error.localizedDescription)"]))
        }
    }

    private func send(_ reply: Reply) {
        // Each message has at most one answer and a terminal waits for it. Who lets 64 KiB of answers lie only sends.
        // A command with a photo may be on its way out; its own time limit ends that.
        guard channel.isWritable || pulse.conversation?.isWriting == true else {
            service.logger.warning("peer does not read its answers, connection closed", metadata: metadata())
            channel.close(promise: nil)
            return
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(160)
        reply.encode(into: &bytes)
        let buffer = ByteBuffer(bytes: bytes)
        if service.tap.isOn { tap(buffer, isFromTerminal: false) }
        channel.writeAndFlush(OutboundMessage.text(buffer), promise: nil)
    }

    private func tap(_ bytes: ByteBuffer, isFromTerminal: Bool) {
        tapped = bytes.withUnsafeReadableBytes {
            service.tap.saw(
                serial ?? tapped, isFromTerminal: isFromTerminal, $0, at: service.now())
        }
    }

    private func close(_ code: WebSocketErrorCode) {
        channel.writeAndFlush(OutboundMessage.close(code), promise: nil)
    }

    // MARK: Storing

    private func stored(_ receipt: IntakeReceipt, _ batch: IntakeBatch) {
        if let reply = followUp?.stored { send(reply) }
        // Before whoever asked for the page hears that it is there.
        service.took(batch, receipt, by: followUp)
        if followUp?.isPage == true { pulse.conversation?.pageStored(true) }
        service.recorded(receipt, after: FrameState.now - started, isPulled: followUp?.isPage == true)
        if batch.isHeld {
            service.registry.held(receipt.held, of: batch.terminal)
            tellOfWaiting(batch.terminal)
        }
        var times = 0
        if receipt.stored == 0, receipt.repeated > 0, followUp?.isPage != true {
            times = service.timesSent(batch)
            if times == 3 || times % 100 == 0 {
                service.logger.warning(
                    "terminal sends the same batch again and again",
                    metadata: metadata(["serial": "\(batch.terminal)", "times": "\(times)"]))
            }
        }
        // What is not acknowledged the terminal keeps, and what it does not keep it has not counted.
        // A page of what it counts as unsent is taken off its count as it is sent.
        if followUp?.stored != nil || followUp?.isBacklog == true {
            pulse.stored(batch, receipt, times: times, at: batch.received)
        }
        service.logger.debug(
            "batch stored",
            metadata: metadata([
                "serial": "\(batch.terminal)", "stored": "\(receipt.stored)",
                "repeated": "\(receipt.repeated)",
                "quarantined": "\(receipt.quarantined)",
            ]))
    }

    private func notStored(_ batch: IntakeBatch, _ error: any Error) {
        if let reply = followUp?.notStored {
            send(reply)
            pulse.notStored(at: service.now())
        }
        if followUp?.isPage == true { pulse.conversation?.pageStored(false) }
        service.metrics.notStored.increment()
        service.logger.error(
            "batch not stored, the terminal keeps it",
            metadata: metadata([
                "serial": "\(batch.terminal)", "records": "\(batch.punches.count + batch.quarantined.count)",
                "error": "\(error.localizedDescription)",
            ]))
    }

    // MARK: Registering

    private func register(_ serial: SerialNumber, _ registration: Registration, skew: Int?) {
        let now = service.now()
        let isNew = self.serial != serial
        if let old = self.serial, old != serial {
            service.presence.leave(old, connection: number)
            pulse.dropCommands()
        }
        self.serial = serial
        pulse.registered(
            isNew: isNew, at: now, backlog: registration.backlog.map(Int.init(clamping:)), skew: skew,
            setsClock: service.currentPolicy().sendsClock,
            deviceInfo: registration.deviceInfo)
        service.metrics.registrations.increment()
        let arrival = service.registry.arrived(serial, isNew: isNew, from: address, at: now)
        let replaced = service.presence.arrive(
            serial, connection: number, address: address, at: now, pulse: pulse,
            line: ChannelLine(channel: channel))
        var fields: Logger.Metadata = [
            "serial": "\(serial)", "model": "\(registration.model ?? "-")",
            "firmware": "\(registration.firmware ?? "-")",
        ]
        if let name = service.currentPolicy().name(of: serial) { fields["name"] = "\(name)" }
        if let backlog = registration.backlog { fields["backlog"] = "\(backlog)" }
        if let skew { fields["skew_seconds"] = "\(skew)" }
        // Some terminals register again and again as their heartbeat.
        service.logger.log(level: isNew ? .info : .debug, "terminal registered", metadata: metadata(fields))
        if isNew, let skew, abs(skew) > 60 {
            service.logger.warning(
                "terminal clock is wrong",
                metadata: metadata(["serial": "\(serial)", "skew_seconds": "\(skew)"]))
        }
        if let before = arrival.movedFrom {
            service.logger.log(
                level: arrival.isJump ? .warning : .info, "terminal has another address than before",
                metadata: metadata(["serial": "\(serial)", "before": "\(before)"]))
        }
        tellOfWaiting(serial)
        if let replaced {
            service.registry.replaced(
                serial, from: address, older: replaced.address, lastHeard: replaced.figures.lastHeard,
                at: now)
            let moved = replaced.address != address
            service.logger.log(
                level: moved ? .warning : .info, "an older connection with this serial was closed",
                metadata: metadata(["serial": "\(serial)", "older_peer": "\(replaced.address)"]))
        }
        sight(serial, registration, skew: skew, at: now)
        // The answer to `reg` is on its way already: nothing is asked of a terminal before it.
        service.registered(serial, registration)
    }

    private func sight(_ serial: SerialNumber, _ registration: Registration, skew: Int?, at now: UnixTime) {
        // One that found no room must not fill the journal either.
        guard let standing = service.registry.standing(of: serial) else { return }
        service.sightings.add(
            TerminalSighting(
                serial: serial, at: now, address: address, model: registration.model,
                firmware: registration.firmware, backlog: registration.backlog.map(Int.init(clamping:)),
                skew: skew, deviceInfo: registration.deviceInfo, standing: standing))
    }

    /// Says once what to do about a terminal that nobody has approved.
    private func tellOfWaiting(_ serial: SerialNumber) {
        guard service.registry.isToBeTold(serial) else { return }
        service.logger.notice(
            "terminal waits for approval",
            metadata: metadata(["serial": "\(serial)", "approve": "\(serial.approval)"]))
    }

    private func report(turnedAway serial: SerialNumber?, _ verdict: TerminalAdmission) {
        guard let serial else { return }
        let now = service.now()
        let fields = metadata(["serial": "\(serial)", "listener": "\(listener.name)"])
        let logger = service.logger
        if verdict == .withheld { return report(waiting: serial, fields, at: now) }
        let isTold = service.registry.refused(serial, from: address, at: now)
        let level: Logger.Level = isTold ? .warning : .debug
        switch verdict {
        case .served, .held, .withheld: break
        case .blocked: logger.log(level: level, "blocked terminal refused", metadata: fields)
        case .withoutToken:
            logger.log(
                level: level, "terminal came without its token, or with a wrong one, and was refused",
                metadata: fields)
        case .unregistered:
            logger.log(
                level: level, "punches without a registration refused (WithoutRegistration = refuse)",
                metadata: fields)
        }
    }

    private func report(waiting serial: SerialNumber, _ fields: Logger.Metadata, at now: UnixTime) {
        guard let standing = service.registry.standing(of: serial) else {
            guard let unsaid = service.registry.overflowToTell(at: now) else { return }
            service.logger.warning(
                "too many unknown terminals, new ones are turned away (terminals list --pending shows who waits)",
                metadata: fields.merging(["turned_away": "\(unsaid)"]) { $1 })
            return
        }
        tellOfWaiting(serial)
        // It may never have registered: then it would stand nowhere.
        service.sightings.add(
            TerminalSighting(serial: serial, at: now, address: address, standing: standing))
        service.logger.info("terminal keeps its punches until it is approved", metadata: fields)
    }

    // MARK: Telling

    private func report(_ notice: TerminalSession.Notice, serial: SerialNumber?) {
        // What a peer sends must not become a flood of lines; all of it is counted in the metrics.
        guard remarks.takeNow(at: FrameState.now) else { return }
        if case .turnedAway(let refused, let verdict) = notice {
            return report(turnedAway: refused, verdict)
        }
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
        case .turnedAway: return  // told above
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
        case .unusableCredential(let defect):
            message = "a credential cannot be used and was dropped"
            fields["found"] = "\(defect.found)"
            fields["allowed"] = "\(defect.allowed)"
        case .strayAnswer(let word):
            message = "answer to nothing asked"
            level = .debug
            fields["ret"] = "\(word)"
        }
        service.logger.log(level: level, message, metadata: metadata(fields))
    }

    private func metadata(_ more: Logger.Metadata = [:]) -> Logger.Metadata {
        var fields = more
        fields["peer"] = "\(address)"
        fields["connection"] = "\(number)"
        return fields
    }
}
