import AttendanceCore
import AttendanceStore

/// Seals what nobody may read, and opens it where it is needed: `Vault`.
package protocol SecretBox: Sendable {
    /// `context` is needed again to open it.
    func seal(secret bytes: [UInt8], for context: String) throws -> [UInt8]
    func open(secret sealed: [UInt8], for context: String) throws -> [UInt8]
}

extension Vault: SecretBox {
    package func seal(secret bytes: [UInt8], for context: String) throws -> [UInt8] {
        try seal(bytes, for: context)
    }

    package func open(secret sealed: [UInt8], for context: String) throws -> [UInt8] {
        try open(sealed, for: context)
    }
}

/// Takes the secrets of commands out before they are kept, and puts them back before they are sent.
package struct CommandSealing: Sendable {
    private let box: any SecretBox

    package init(_ box: any SecretBox) { self.box = box }

    /// What nobody may read is sealed apart. Throws what the box throws; nothing is sealed where there is no secret.
    package func seal(_ command: NewCommand) throws -> SealedCommand {
        let (plain, secrets) = command.request.splittingSecrets()
        guard !secrets.isEmpty else { return SealedCommand(command: command) }
        var kept = command
        kept.request = plain
        return SealedCommand(
            command: kept,
            secrets: try box.seal(
                secret: JSONValue.object(secrets).bytes,
                for: VaultContext.command(to: command.terminal, word: plain.word)))
    }

    /// The whole request again. Throws what the box throws, and `CommandUnreadable`.
    func open(_ command: OpenCommand) throws -> CommandRequest {
        let record = command.record
        var request = try record.request()
        guard let sealed = command.secrets else { return request }
        let bytes = try box.open(
            secret: sealed, for: VaultContext.command(to: record.terminal, word: record.word))
        guard case .object(let secrets)? = JSONValue(parsing: String(decoding: bytes, as: UTF8.self)) else {
            throw CommandUnreadable(id: record.id)
        }
        request = request.joining(secrets: secrets)
        return request
    }
}

/// A row of the journal that holds no command.
struct CommandUnreadable: Error, CustomStringConvertible {
    let id: Int64
    var description: String { "command \(id) cannot be read back from the journal" }
}

extension CommandRecord {
    /// Without what is sealed. Throws `CommandUnreadable`.
    func request() throws -> CommandRequest {
        guard case .object(let fields)? = JSONValue(parsing: self.fields) else {
            throw CommandUnreadable(id: id)
        }
        return CommandRequest(word: word, fields: fields)
    }
}
