import AttendanceCore
import Crypto
import CryptoExtras
import Foundation
import Synchronization

/// A password's slow hash as it is stored: `$scrypt$ln=15,r=8,p=1$SALT$HASH`, salt and hash in base64 without padding.
/// The cost stands in it, so that it can be raised without anybody having to choose another password.
package struct PasswordHash: Hashable, Sendable {
    /// What one hash costs: about 128 · r · 2^ln bytes, and time in proportion.
    package struct Cost: Hashable, Sendable {
        /// Logarithm of the rounds.
        package var ln: Int
        package var r: Int
        package var p: Int

        /// 32 MiB, and about a tenth of a second on a small machine.
        package static let live = Cost(ln: 15, r: 8, p: 1)
        /// For tests alone.
        package static let cheap = Cost(ln: 4, r: 1, p: 1)

        package init(ln: Int, r: Int, p: Int) {
            self.ln = ln
            self.r = r
            self.p = p
        }

        /// What is taken from the journal must not make a sign-in eat the machine.
        fileprivate var isSound: Bool { (1...18).contains(ln) && (1...16).contains(r) && (1...4).contains(p) }
    }

    let cost: Cost
    let salt: [UInt8]
    let hash: [UInt8]

    private static let saltLength = 16
    private static let hashLength = 32

    /// Of `PasswordRules.normalised`, with a new salt.
    init(of password: [UInt8], cost: Cost) throws {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<Self.saltLength).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        self.cost = cost
        self.salt = salt
        hash = try Self.derive(password, salt, cost, Self.hashLength)
    }

    /// One that no password has, and that takes as long to find that out.
    static func ofNobody(cost: Cost) -> PasswordHash {
        PasswordHash(
            cost: cost, salt: [UInt8](repeating: 0, count: saltLength),
            hash: [UInt8](repeating: 0, count: hashLength))
    }

    private init(cost: Cost, salt: [UInt8], hash: [UInt8]) {
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    /// As it is stored; nil for anything else.
    init?(_ text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt" else { return nil }
        var values: [Substring: Int] = [:]
        for part in parts[2].split(separator: ",") {
            let pair = part.split(separator: "=")
            guard pair.count == 2, let value = Int(pair[1]) else { return nil }
            values[pair[0]] = value
        }
        guard let ln = values["ln"], let r = values["r"], let p = values["p"] else { return nil }
        cost = Cost(ln: ln, r: r, p: p)
        guard cost.isSound, let salt = Self.bytes(parts[3]), let hash = Self.bytes(parts[4]), salt.count >= 8,
            hash.count >= 16
        else { return nil }
        self.salt = salt
        self.hash = hash
    }

    var text: String {
        "$scrypt$ln=\(cost.ln),r=\(cost.r),p=\(cost.p)$\(Self.text(salt))$\(Self.text(hash))"
    }

    /// Takes as long whatever the password.
    func matches(_ password: [UInt8]) throws -> Bool {
        ConstantTime.equal(try Self.derive(password, salt, cost, hash.count), hash)
    }

    private static func derive(_ password: [UInt8], _ salt: [UInt8], _ cost: Cost, _ length: Int) throws
        -> [UInt8]
    {
        // An empty buffer has no address to hand over; no password is empty, but what is typed may be.
        let key = try KDF.Scrypt.deriveKey(
            from: password.isEmpty ? [0] : password, salt: salt, outputByteCount: length,
            rounds: 1 << cost.ln,
            blockSize: cost.r, parallelism: cost.p)
        return key.withUnsafeBytes { Array($0) }
    }

    private static func text(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("=", with: "")
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return Data(base64Encoded: text + padding).map { Array($0) }
    }
}

/// Hashes passwords away from the event loops, a few at a time: a flood of sign-ins waits and in the end is turned
/// away, and what terminals send is stored meanwhile.
final class PasswordHasher: Sendable {
    /// Too many wait already.
    struct Busy: Error {}

    let cost: PasswordHash.Cost
    private let queue: OperationQueue
    private let mostWaiting: Int
    /// What is hashed for names that nobody has.
    private let nobody: PasswordHash
    /// Hashes made so far.
    let count = Atomic<Int>(0)

    /// - Parameters:
    ///   - atOnce: at most; by itself two, and one where there are two processors or fewer.
    ///   - mostWaiting: with those under way; further ones throw `Busy`.
    init(cost: PasswordHash.Cost, atOnce: Int? = nil, mostWaiting: Int = 32) {
        self.cost = cost
        self.mostWaiting = mostWaiting
        queue = OperationQueue()
        queue.name = "passwords"
        queue.qualityOfService = .utility
        queue.maxConcurrentOperationCount =
            atOnce ?? min(2, max(1, ProcessInfo.processInfo.activeProcessorCount - 1))
        nobody = .ofNobody(cost: cost)
    }

    /// Throws `Busy`.
    func hash(_ password: [UInt8]) async throws -> String {
        try await run { [cost] in try PasswordHash(of: password, cost: cost).text }
    }

    /// Whether the password is that of the stored text; nil as the text: nobody's, which takes as long and is false.
    /// Throws `Busy`.
    func matches(_ password: [UInt8]?, _ stored: String?) async throws -> Bool {
        let known = stored.flatMap { PasswordHash($0) }
        let hash = known ?? nobody
        let isRight = try await run { try hash.matches(password ?? []) }
        return isRight && known != nil && password != nil
    }

    /// Whether the stored text is made by another cost than new ones.
    func isOutdated(_ stored: String) -> Bool { PasswordHash(stored)?.cost != cost }

    private func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        guard queue.operationCount < mostWaiting else { throw Busy() }
        count.add(1, ordering: .relaxed)
        return try await withCheckedThrowingContinuation { continuation in
            queue.addOperation { continuation.resume(with: Result { try work() }) }
        }
    }
}
