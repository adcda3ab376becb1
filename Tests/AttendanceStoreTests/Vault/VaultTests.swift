import Foundation
import Testing

@testable import AttendanceStore

@Suite(.timeLimit(.minutes(10))) struct VaultTests {
    static let secret = Array("template 1(3)ab".utf8)

    /// The `VaultError` that `body` throws.
    static func error(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
    ) throws -> VaultError {
        let error = #expect(throws: VaultError.self, sourceLocation: sourceLocation) { try body() }
        return try #require(error, sourceLocation: sourceLocation)
    }

    @Test func `what is sealed is opened again, also after a restart`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/vault.key"
            let sealed = try Vault(path: path).seal(Self.secret, for: "a")
            #expect(sealed.count == Self.secret.count + Vault.overhead)
            #expect(!Data(sealed).contains(Data(Self.secret)))
            #expect(try Vault(path: path, isInUse: true).open(sealed, for: "a") == Self.secret)
            #expect(try Vault(path: path).seal(Self.secret, for: "a") != sealed)
            #expect(try Vault(path: path).open(Vault(path: path).seal([], for: "a"), for: "a") == [])
        }
    }

    @Test func `the key file is made for its owner alone, and only on first need`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/vault.key"
            let vault = Vault(path: path)
            try vault.check()
            #expect(!FileManager.default.fileExists(atPath: path))
            _ = try vault.currentKey()
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["vault.key"])
        }
    }

    @Test func `a changed byte anywhere is noticed`() async throws {
        try await withTemporaryFolder { folder in
            let vault = Vault(path: folder + "/vault.key")
            let sealed = try vault.seal(Self.secret, for: "a")
            for index in sealed.indices {
                var changed = sealed
                changed[index] ^= 1
                #expect(throws: VaultError.self) { try vault.open(changed, for: "a") }
            }
            for length in [0, 1, 9, 36, sealed.count - 1] {
                #expect(throws: VaultError.self) { try vault.open(Array(sealed.prefix(length)), for: "a") }
            }
        }
    }

    @Test func `a sealed text cannot be read in another place`() async throws {
        try await withTemporaryFolder { folder in
            let vault = Vault(path: folder + "/vault.key")
            let sealed = try vault.seal(Self.secret, for: "credential 12 0")
            let error = try Self.error { _ = try vault.open(sealed, for: "credential 13 0") }
            #expect(error == .notAuthentic(context: "credential 13 0"))
        }
    }

    @Test func `another key file is refused and named, and the right one helps at once`() async throws {
        try await withTemporaryFolder { folder in
            let sealed = try Vault(path: folder + "/a.key").seal(Self.secret, for: "a")
            let key = try #require(VaultKeyID(of: sealed))
            let other = Vault(path: folder + "/b.key")
            _ = try other.currentKey()
            let error = try Self.error { _ = try other.open(sealed, for: "a") }
            #expect(error == .lacksKey(path: folder + "/b.key", key: key))
            let checking = try Self.error { try other.check(holding: [key]) }
            #expect(checking == error)
            try FileManager.default.removeItem(atPath: folder + "/b.key")
            try FileManager.default.copyItem(atPath: folder + "/a.key", toPath: folder + "/b.key")
            #expect(try other.open(sealed, for: "a") == Self.secret)
        }
    }

    @Test func `a missing key file is not made anew when something is sealed`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/vault.key"
            let vault = Vault(path: path, isInUse: true)
            let sealing = try Self.error { _ = try vault.seal(Self.secret, for: "a") }
            let checking = try Self.error { try vault.check(holding: [VaultKeyID()]) }
            #expect(sealing == .missing(path: path) && checking == sealing)
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o700 | 0o001])
    func `a key file that others can use is refused`(mode: Int) async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/vault.key"
            let sealed = try Vault(path: path).seal(Self.secret, for: "a")
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            let error = try Self.error { _ = try Vault(path: path).open(sealed, for: "a") }
            #expect(error == .readableByOthers(path: path, mode: mode))
            #expect(error.errorDescription?.contains("chmod 600 \(path)") == true)
        }
    }

    @Test func `a damaged key file is refused and left as it is`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/vault.key"
            _ = try Vault(path: path).currentKey()
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            var swapped = whole
            swapped[whole.count / 2] ^= 1
            for damaged in [Data(), whole.prefix(40), swapped, Data(count: 70_000), Data("key".utf8)] {
                try damaged.write(to: URL(fileURLWithPath: path))
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
                let error = try Self.error { _ = try Vault(path: path).seal(Self.secret, for: "a") }
                if case .damaged = error {} else { Issue.record("\(error)") }
                #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == damaged)
            }
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            #expect(throws: VaultError.self) { try Vault(path: path).currentKey() }
        }
    }

    @Test func `errors tell neither keys nor contents`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/vault.key"
            _ = try Vault(path: path).currentKey()
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let secret = try #require(text.split(separator: "\n").last { $0.hasPrefix("key") }?.suffix(64))
            try text.replacing("check ", with: "check 0").write(
                toFile: path, atomically: false, encoding: .utf8)
            let error = try Self.error { _ = try Vault(path: path).currentKey() }
            #expect(!"\(error) \(error.localizedDescription)".contains(secret))
        }
    }

    @Test func `a rotation goes on after a restart and drops the old key at its end`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/vault.key"
            let vault = Vault(path: path)
            let old = try vault.seal(Self.secret, for: "a")
            let begun = try vault.beginRotation()
            #expect(begun.older == 1 && VaultKeyID(of: old) != begun.key)
            #expect(try VaultKeyID(of: vault.seal([1], for: "a")) == begun.key)
            #expect(try vault.open(old, for: "a") == Self.secret)
            // Killed here.
            let again = Vault(path: path)
            #expect(try again.beginRotation() == begun)
            #expect(try again.open(old, for: "a") == Self.secret)
            #expect(try again.finishRotation() == 1)
            #expect(try again.finishRotation() == 0)
            #expect(throws: VaultError.self) { try again.open(old, for: "a") }
            #expect(throws: VaultError.self) { try Vault(path: path).open(old, for: "a") }
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test func `equal texts are known by digests that tell nothing else`() async throws {
        try await withTemporaryFolder { folder in
            let vault = Vault(path: folder + "/vault.key")
            let digest = try vault.digest(Self.secret, for: "card")
            #expect(try vault.digest(Self.secret, for: "card") == digest)
            #expect(try vault.digest(Self.secret + [1], for: "card") != digest)
            #expect(try vault.digest(Self.secret, for: "pin") != digest)
            #expect(try Vault(path: folder + "/other.key").digest(Self.secret, for: "card") != digest)
            try vault.beginRotation()
            #expect(try vault.digest(Self.secret, for: "card") != digest)
            #expect(try vault.isDigest(digest, of: Self.secret, for: "card"))
            #expect(try !vault.isDigest(digest, of: [1], for: "card"))
        }
    }
}
