import AttendanceCore
import Crypto
import Foundation
import Synchronization

/// Seals what nobody may read in the journal: templates, photos, PINs, card numbers.
///
/// AES-GCM with 256 bits. The keys are in a file apart from the journal, made on first need: whoever has only one of
/// both has nothing. Every sealed text is bound to its place by a context, so that none can be moved to another row
/// and read there. Decision: docs/decisions/0033-vault.md.
package final class Vault: Sendable {
    /// Bytes that sealing adds: version, key id, nonce and tag.
    package static let overhead = 1 + VaultKeyID.length + 12 + 16
    static let version: UInt8 = 1

    private let file: VaultFile
    private let state: Mutex<State>

    private struct State {
        /// Nil until they are needed first.
        var keys: VaultKeys?
        /// Whether the journal holds something sealed, so that a missing file must not be made anew.
        var isInUse: Bool
    }

    package var path: String { file.path }

    /// Touches no file yet.
    ///
    /// - Parameters:
    ///   - path: of the key file.
    ///   - isInUse: whether the journal holds something that was sealed; then a missing key file is an error.
    package init(path: String, isInUse: Bool = false) {
        file = VaultFile(path: path)
        state = Mutex(State(keys: nil, isInUse: isInUse))
    }

    /// Throws `VaultError` when the key file is there and cannot be used, or lacks one of the keys; makes none.
    package func check(holding ids: Set<VaultKeyID> = []) throws(VaultError) {
        guard let keys = try file.read() else {
            guard ids.isEmpty else { throw .missing(path: path) }
            return
        }
        for id in ids.sorted(by: { $0.description < $1.description }) where keys[id] == nil {
            throw .lacksKey(path: path, key: id)
        }
    }

    // MARK: Sealing

    /// Throws `VaultError` when there is no usable key file and none may be made.
    ///
    /// - `context`: what it is and whose, such as `VaultContext` makes; needed again to open it.
    package func seal(_ bytes: [UInt8], for context: String) throws(VaultError) -> [UInt8] {
        let key = try keys().current
        let header = [Self.version] + key.id.bytes
        do {
            let box = try AES.GCM.seal(bytes, using: key.sealing, authenticating: header + context.utf8)
            guard let combined = box.combined else {
                throw VaultError.unreadable(path: path, detail: "sealing gave no result")
            }
            return header + combined
        } catch let error as VaultError {
            throw error
        } catch {
            throw .unreadable(path: path, detail: "sealing failed")
        }
    }

    /// What was sealed for the same context. Throws `VaultError`.
    package func open(_ sealed: [UInt8], for context: String) throws(VaultError) -> [UInt8] {
        guard sealed.count >= Self.overhead, let id = VaultKeyID(of: sealed) else {
            throw .notAuthentic(context: context)
        }
        let header = sealed[...VaultKeyID.length]
        let key = try key(id)
        do {
            let box = try AES.GCM.SealedBox(combined: sealed.dropFirst(header.count))
            return Array(
                try AES.GCM.open(box, using: key.sealing, authenticating: Array(header) + context.utf8))
        } catch {
            throw .notAuthentic(context: context)
        }
    }

    // MARK: Comparing

    /// By which equal texts are known without opening them; whoever lacks the key file learns nothing from it, not
    /// even of a PIN of four digits. Only digests of one context and key (`VaultKeyID(of:)`) can be compared.
    package func digest(_ bytes: [UInt8], for context: String) throws(VaultError) -> [UInt8] {
        Self.digest(bytes, for: context, by: try keys().current)
    }

    /// Whether a digest is that of these bytes in this context, by whichever key it was made.
    package func isDigest(_ digest: [UInt8], of bytes: [UInt8], for context: String) throws(VaultError)
        -> Bool
    {
        guard let id = VaultKeyID(of: digest) else { return false }
        return ConstantTime.equal(Self.digest(bytes, for: context, by: try key(id)), digest)
    }

    /// The digests of these bytes by every key there is, the current one's first: for looking up what is only known by
    /// its digest.
    package func digests(_ bytes: [UInt8], for context: String) throws(VaultError) -> [[UInt8]] {
        try keys().all.reversed().map { Self.digest(bytes, for: context, by: $0) }
    }

    private static func digest(_ bytes: [UInt8], for context: String, by key: VaultKeys.Key) -> [UInt8] {
        var code = HMAC<SHA256>(key: key.digesting)
        // The length first, so that no text can slip from the context into the content.
        withUnsafeBytes(of: UInt64(context.utf8.count).littleEndian) { code.update(data: Array($0)) }
        code.update(data: Array(context.utf8))
        code.update(data: bytes)
        return [version] + key.id.bytes + Array(code.finalize())
    }

    // MARK: Rotation

    /// The key that seals now; makes one where there is none.
    package func currentKey() throws(VaultError) -> VaultKeyID { try keys().current.id }

    /// Seals with a new key from now on, and goes on opening with the older ones. Where a rotation was begun before
    /// and not finished, that one's key stays, so that a restart goes on where it was. Throws `VaultError`.
    ///
    /// - Returns: the key to seal with, and how many older ones there are.
    @discardableResult
    package func beginRotation() throws(VaultError) -> (key: VaultKeyID, older: Int) {
        try locked { state throws(VaultError) in
            var keys = try Self.load(&state, file)
            if keys.all.count == 1 {
                keys.addCurrent()
                try file.replace(with: keys)
                state.keys = keys
            }
            return (keys.current.id, keys.all.count - 1)
        }
    }

    /// Forgets all keys but the current one. Only when nothing in the journal is sealed with another. What was sealed
    /// with them, backups included, cannot be opened with this key file any more. Returns how many were dropped.
    @discardableResult
    package func finishRotation() throws(VaultError) -> Int {
        try locked { state throws(VaultError) in
            var keys = try Self.load(&state, file)
            let dropped = keys.all.count - 1
            guard dropped > 0 else { return 0 }
            keys.dropOld()
            try file.replace(with: keys)
            state.keys = keys
            return dropped
        }
    }

    // MARK: Keys

    private func keys() throws(VaultError) -> VaultKeys {
        try locked { state throws(VaultError) in try Self.load(&state, file) }
    }

    private func key(_ id: VaultKeyID) throws(VaultError) -> VaultKeys.Key {
        try locked { state throws(VaultError) in
            state.isInUse = true
            if let known = try Self.load(&state, file)[id] { return known }
            // The operator may have put back the right file meanwhile.
            guard let fresh = try file.read(), let found = fresh[id] else {
                throw VaultError.lacksKey(path: file.path, key: id)
            }
            state.keys = fresh
            return found
        }
    }

    private static func load(_ state: inout State, _ file: VaultFile) throws(VaultError) -> VaultKeys {
        if let keys = state.keys { return keys }
        if let keys = try file.read() {
            state.keys = keys
            return keys
        }
        guard !state.isInUse else { throw .missing(path: file.path) }
        let new = VaultKeys()
        let keys = try file.create(new) ? new : try file.read()
        guard let keys else { throw .unreadable(path: file.path, detail: "it was made and is gone") }
        state.keys = keys
        return keys
    }

    private func locked<Value: Sendable>(
        _ body: (inout sending State) throws(VaultError) -> Value
    ) throws(VaultError) -> Value {
        try state.withLock { state throws(VaultError) in try body(&state) }
    }
}
