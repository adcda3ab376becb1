import AttendanceCore
import AttendanceStore

extension RosterSync {
    /// The commands of the roster, and how each is known again when its answer comes.
    enum Orders {
        struct Order: Sendable {
            var request: CommandRequest
            var reference: String
            var reason: String?
            var isChange = false
            var isEnable = false
        }

        static let list = Order(request: .getUserList, reference: Reference.list.text)
        static let disable = Order(
            request: .disableDevice, reference: Reference.disable.text, isChange: true)
        /// Stands in the journal before the terminal is disabled, and is sent whatever happens in between.
        static let enable = Order(
            request: .enableDevice, reference: Reference.enable.text, isChange: true, isEnable: true)

        /// Nil where the number is none that a terminal can be asked for.
        static func read(_ id: EnrollID, slot: Int) -> Order? {
            guard let place = CredentialSlot(Int64(slot)),
                let request = try? CommandRequest.getUserInfo(id, slot: place)  // nil tells as much
            else { return nil }
            return Order(request: request, reference: Reference.read(id, slot: slot).text)
        }

        /// The whole person, and the question that proves it. None for a number that no terminal can hold.
        static func remove(_ id: EnrollID) -> [Order] {
            guard let delete = try? CommandRequest.deleteUser(id),  // nil tells as much
                let question = try? CommandRequest.getUserInfo(id)
            else { return [] }
            return [
                Order(
                    request: delete, reference: Reference.remove(id).text,
                    reason: "no longer on any terminal, by the roster", isChange: true),
                Order(request: question, reference: Reference.gone(id).text),
            ]
        }

        static let namingWord = "setusername"

        static func name(_ id: EnrollID, _ name: String) -> [Order] {
            guard let requests = try? CommandRequest.setUserNames([(id: id, name: name)]) else { return [] }
            return requests.map {
                Order(request: $0, reference: Reference.name(id, name).text, isChange: true)
            }
        }

        /// Throws `CommandRefusal` where it does not fit the terminal.
        static func give(
            _ content: CredentialContent, _ facts: CredentialFacts, _ id: EnrollID, name: String,
            role: PersonRole, algorithm: String?
        ) throws(CommandRefusal) -> [Order] {
            guard let slot = CredentialSlot(Int64(facts.slot)) else { return [] }
            let request = try CommandRequest.setUserInfo(
                id, name: name, admin: Int64(role.rawValue), slot: slot, record: .text(content.text),
                origin: TemplateOrigin(algorithm: facts.algorithm),
                for: TerminalTraits(templateAlgorithm: algorithm))
            let question = try CommandRequest.getUserInfo(id, slot: slot)
            return [
                Order(
                    request: request,
                    reference: Reference.give(id, slot: facts.slot, digest: facts.digest).text, isChange: true
                ),
                Order(
                    request: question,
                    reference: Reference.verify(id, slot: facts.slot, digest: facts.digest).text),
            ]
        }
    }
}

extension RosterSync.Orders {
    /// What a command was for. Stands in the journal beside it: of what is secret only a keyed digest.
    enum Reference: Hashable, Sendable {
        case list, disable, enable
        case read(EnrollID, slot: Int)
        case verify(EnrollID, slot: Int, digest: [UInt8])
        case give(EnrollID, slot: Int, digest: [UInt8])
        case name(EnrollID, String)
        case remove(EnrollID)
        case gone(EnrollID)

        var text: String {
            switch self {
            case .list: "list"
            case .disable: "disable"
            case .enable: "enable"
            case .read(let id, let slot): "read|\(id.canonical)|\(slot)"
            case .verify(let id, let slot, let digest): "verify|\(id.canonical)|\(slot)|\(Self.hex(digest))"
            case .give(let id, let slot, let digest): "give|\(id.canonical)|\(slot)|\(Self.hex(digest))"
            case .name(let id, let name): "name|\(id.canonical)|\(name)"
            case .remove(let id): "remove|\(id.canonical)"
            case .gone(let id): "gone|\(id.canonical)"
            }
        }

        init?(_ text: String) {
            let parts = text.split(separator: "|", maxSplits: 3, omittingEmptySubsequences: false).map(
                String.init)
            func id() -> EnrollID? { parts.count > 1 ? EnrollID(parts[1]) : nil }
            func slot() -> Int? { parts.count > 2 ? Int(parts[2]) : nil }
            func digest() -> [UInt8]? { parts.count > 3 ? Self.bytes(parts[3]) : nil }
            switch parts[0] {
            case "list": self = .list
            case "disable": self = .disable
            case "enable": self = .enable
            case "read":
                guard let id = id(), let slot = slot() else { return nil }
                self = .read(id, slot: slot)
            case "verify":
                guard let id = id(), let slot = slot(), let digest = digest() else { return nil }
                self = .verify(id, slot: slot, digest: digest)
            case "give":
                guard let id = id(), let slot = slot(), let digest = digest() else { return nil }
                self = .give(id, slot: slot, digest: digest)
            case "name":
                guard let id = id(), parts.count > 2 else { return nil }
                self = .name(id, parts.dropFirst(2).joined(separator: "|"))
            case "remove":
                guard let id = id() else { return nil }
                self = .remove(id)
            case "gone":
                guard let id = id() else { return nil }
                self = .gone(id)
            default: return nil
            }
        }

        private static func hex(_ bytes: [UInt8]) -> String {
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }

        private static func bytes(_ text: String) -> [UInt8]? {
            let digits = text.compactMap(\.hexDigitValue)
            guard digits.count == text.count, digits.count.isMultiple(of: 2) else { return nil }
            return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        }
    }
}
