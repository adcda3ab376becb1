import AttendanceCore
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceWeb

@Suite(.timeLimit(.minutes(10))) struct AccountKeepingTests {
    private let root = Author("root (command line)")
    private let new = "quite another password"

    // MARK: The first administrator

    @Test func `the setup link makes the first administrator, once`() async throws {
        try await withDesk { desk in
            let accounts = desk.accounts
            #expect(try await accounts.needsSetup())
            let token = try #require(try await accounts.setupToken())
            #expect(try await accounts.setupToken() == token)
            #expect(
                accounts.isSetupToken(token)
                    && !accounts.isSetupToken(token.reversed().map(String.init).joined()))
            func make(_ token: String, _ name: String = "ada", _ password: String = Desk.password)
                async throws
                -> SignedIn
            {
                try await accounts.createFirstAdministrator(
                    setupToken: token, name: name, password: password, language: "ar", address: "127.0.0.1",
                    userAgent: "")
            }
            for wrong in ["", "x", String(repeating: "A", count: 43)] {
                #expect(await desk.refusal { _ = try await make(wrong) }?.field == .setupToken)
            }
            #expect(await desk.refusal { _ = try await make(token, "a b") }?.field == .name)
            #expect(
                await desk.refusal { _ = try await make(token, "ada", "short") }?.key == "password-too-short")
            let first = try await make(token)
            #expect(first.principal.role == .administrator && first.principal.language == "ar")
            #expect(try await accounts.principal(session: first.token) == first.principal)
            #expect(await desk.refusal { _ = try await make(token, "eve") }?.key == "wrong-setup-token")
            #expect(try await !accounts.needsSetup())
            #expect(try await accounts.setupToken() == nil && !accounts.isSetupToken(token))
            let trail = try await desk.store.auditTrail(after: 0, limit: 9)
            #expect(trail.map(\.action) == ["accounts.create", "accounts.sign-in"])
            #expect(trail.allSatisfy { $0.author.name == "ada" })
        }
    }

    @Test func `two who have the link at once make one administrator`() async throws {
        try await withDesk { desk in
            let token = try #require(try await desk.accounts.setupToken())
            let made = await withTaskGroup(of: Bool.self) { tasks in
                for number in 0..<8 {
                    tasks.addTask {
                        do {
                            _ = try await desk.accounts.createFirstAdministrator(
                                setupToken: token, name: "admin\(number)", password: Desk.password,
                                address: "127.0.0.1", userAgent: "")
                            return true
                        } catch {
                            return false
                        }
                    }
                }
                return await tasks.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(made == 1)
            #expect(try await desk.store.accounts(after: 0, limit: 9).count == 1)
        }
    }

    @Test func `the link of an earlier run does not work any more`() async throws {
        try await withDesk { desk in
            let old = try #require(try await desk.accounts.setupToken())
            let later = desk.restarted()
            let token = try #require(try await later.accounts.setupToken())
            #expect(!later.accounts.isSetupToken(old))
            #expect(
                await desk.refusal {
                    _ = try await desk.accounts.createFirstAdministrator(
                        setupToken: old, name: "ada", password: Desk.password, address: "", userAgent: "")
                }?.key == "wrong-setup-token")
            // An account made otherwise ends it as well.
            try await later.add("ada")
            #expect(
                await desk.refusal {
                    _ = try await later.accounts.createFirstAdministrator(
                        setupToken: token, name: "eve", password: Desk.password, address: "", userAgent: "")
                }?.key == "wrong-setup-token")
        }
    }

    // MARK: Accounts

    @Test func `what is wrong with an account is said for its field`() async throws {
        try await withDesk { desk in
            try await desk.add("ada")
            func create(
                _ name: String = "bob", _ password: String = Desk.password, role: Role = .viewer,
                reach: Reach? = nil,
                language: String? = nil
            ) async -> AccountRefusal? {
                await desk.refusal {
                    try await desk.accounts.create(
                        name: name, password: password, role: role, reach: reach, language: language, by: root
                    )
                }
            }
            #expect(await create("<script>") == AccountRefusal(.badName, field: .name))
            #expect(await create("ADA") == AccountRefusal(.nameTaken, field: .name))
            #expect(await create("bob", "short") == AccountRefusal(.password(.tooShort), field: .password))
            let reach = try Reach(groups: ["x"], sinks: nil)
            #expect(
                await create(role: .administrator, reach: reach)
                    == AccountRefusal(.limitedAdministrator, field: .reach))
            for language in ["", "x", "english language", "e1", "en-", "../etc", "\u{0660}\u{0661}"] {
                #expect(await create(language: language) == AccountRefusal(.badLanguage, field: .language))
            }
            #expect(try await desk.actions() == ["accounts.create"])
        }
    }

    @Test func `every refusal has words and a key of its own`() {
        let reasons: [AccountRefusal.Reason] =
            [
                .badName, .nameTaken, .wrongPassword, .wrongCode, .codesNotBegun, .vault("words"), .badRole,
                .badReach,
                .limitedAdministrator, .badLanguage, .lastAdministrator, .unknownAccount, .tooMany,
                .badTokenName,
                .badScopes, .expiryHasPassed, .wrongSetupToken, .throttled(.milliseconds(1500)), .busy,
            ] + PasswordRules.Problem.allCases.map { .password($0) }
        let refusals = reasons.map { AccountRefusal($0) }
        #expect(Set(refusals.map(\.key)).count == refusals.count)
        #expect(refusals.allSatisfy { $0.errorDescription?.isEmpty == false })
        #expect(
            AccountRefusal(.throttled(.milliseconds(1500))).errorDescription
                == "too many tries; wait 2 seconds")
    }

    @Test func `who is signed in changes their password with the old one, and stays signed in here alone`()
        async throws
    {
        try await withDesk { desk in
            try await desk.add("ada")
            let accounts = desk.accounts
            let here = try await desk.signedIn()
            let there = try await desk.signedIn()
            func change(_ old: String, _ new: String) async throws {
                try await accounts.changePassword(of: here.principal, old: old, new: new, address: "10.0.0.5")
            }
            #expect(await desk.refusal { try await change("wrong password", new) }?.field == .oldPassword)
            #expect(await desk.refusal { try await change(Desk.password, "short") }?.field == .password)
            #expect(try await accounts.principal(session: there.token) != nil)
            try await change(Desk.password, new)
            #expect(try await accounts.principal(session: here.token) != nil)
            #expect(try await accounts.principal(session: there.token) == nil)
            #expect(try await desk.signIn() == .refused(.wrong))
            guard case .signedIn = try await desk.signIn("ada", new) else {
                Issue.record("not signed in")
                return
            }
        }
    }

    @Test func `guessing the old password from a session that was left open is slowed down`() async throws {
        try await withDesk { desk in
            try await desk.add("ada")
            let principal = try await desk.signedIn().principal
            var keys: [String?] = []
            for number in 0..<20 {
                keys.append(
                    await desk.refusal {
                        try await desk.accounts.changePassword(
                            of: principal, old: "guess \(number)", new: new, address: "10.0.0.5")
                    }?.key)
            }
            #expect(keys.count { $0 == "wrong-password" } == 11)
            #expect(keys.count { $0 == "throttled" } == 9)
        }
    }

    @Test func `an administrator gives another password, which ends all sessions and all waiting`()
        async throws
    {
        try await withDesk { desk in
            let id = try await desk.add("ada")
            let token = try await desk.signedIn().token
            for _ in 0..<10 { _ = try await desk.signIn("ada", "wrong password", from: "192.0.2.1") }
            try await desk.accounts.setPassword(new, of: id, by: root)
            #expect(try await desk.accounts.principal(session: token) == nil)
            guard case .signedIn = try await desk.signIn("ada", new, from: "192.0.2.2") else {
                Issue.record("not signed in")
                return
            }
            #expect(
                await desk.refusal { try await desk.accounts.setPassword(new, of: 77, by: root) }?.key
                    == "unknown-account")
        }
    }

    // MARK: One-time codes

    /// RFC 6238 appendix B, the last six of eight digits.
    @Test(arguments: [
        (Int64(59), "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"), (20_000_000_000, "353130"),
    ])
    func `makes the codes of RFC 6238`(second: Int64, code: String) {
        let mac = Accounts.mac(Array("12345678901234567890".utf8))
        #expect(OneTimeCode.code(of: OneTimeCode.step(at: UnixTime(seconds: second)), by: mac) == code)
    }

    /// As an authenticator program would show it.
    private func code(_ enrolment: CodeEnrolment, at now: UnixTime) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var (bytes, buffer, bits) = ([UInt8](), 0, 0)
        for letter in enrolment.secret {
            buffer = (buffer << 5 | (alphabet.firstIndex(of: letter) ?? 0)) & 0xFFFF
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(buffer >> bits & 0xFF))
            }
        }
        return OneTimeCode.code(of: OneTimeCode.step(at: now), by: Accounts.mac(bytes))
    }

    @Test func `with codes the password alone is not enough, and a code works once`() async throws {
        try await withDesk { desk in
            let id = try await desk.add("ada")
            let accounts = desk.accounts
            let principal = try await desk.signedIn().principal
            func begin(_ password: String) async throws -> CodeEnrolment {
                try await accounts.beginCodes(
                    of: principal, password: password, issuer: "gateway", address: "10.0.0.5")
            }
            #expect(await desk.refusal { _ = try await begin("wrong password") }?.field == .oldPassword)
            #expect(
                await desk.refusal { try await accounts.confirmCodes(of: principal, code: "123456") }?.key
                    == "codes-not-begun")
            let enrolment = try await begin(Desk.password)
            #expect(enrolment.secret.count == 32 && enrolment.uri.contains("secret=\(enrolment.secret)&"))
            let first = code(enrolment, at: desk.now)
            let wrong = first == "000000" ? "000001" : "000000"
            #expect(
                await desk.refusal { try await accounts.confirmCodes(of: principal, code: wrong) }?.key
                    == "wrong-code")
            // Nothing is asked for before it is confirmed.
            _ = try await desk.signedIn()
            try await accounts.confirmCodes(of: principal, code: first)
            #expect(try await desk.store.account(id)?.usesCodes == true)

            #expect(try await desk.signIn() == .needsCode)
            #expect(try await desk.signIn(code: "  ") == .needsCode)
            #expect(try await desk.signIn(code: first) == .refused(.wrongCode), "used when it was confirmed")
            #expect(try await desk.signIn("ada", "wrong password", code: first) == .refused(.wrong))
            desk.pass(.seconds(30))
            let second = code(enrolment, at: desk.now)
            _ = try await desk.signedIn(code: second)
            #expect(try await desk.signIn(code: second) == .refused(.wrongCode))
            // Also after a restart.
            #expect(try await desk.restarted().signIn(code: second) == .refused(.wrongCode))
            desk.pass(.seconds(30))
            _ = try await desk.restarted().signedIn(code: code(enrolment, at: desk.now))

            try await accounts.removeCodes(of: id, by: root)
            _ = try await desk.signedIn()
            let changes = try await desk.actions().filter { $0.hasPrefix("accounts.codes") }
            #expect(changes == ["accounts.codes-on", "accounts.codes-off"])
        }
    }

    @Test func `a code that two bring at once lets one of them in`() async throws {
        try await withDesk { desk in
            try await desk.add("ada")
            let principal = try await desk.signedIn().principal
            let enrolment = try await desk.accounts.beginCodes(
                of: principal, password: Desk.password, issuer: "gateway", address: "10.0.0.5")
            try await desk.accounts.confirmCodes(of: principal, code: code(enrolment, at: desk.now))
            desk.pass(.seconds(60))
            let code = code(enrolment, at: desk.now)
            let results = try await withThrowingTaskGroup(of: SignInResult.self) { tasks in
                for _ in 0..<5 { tasks.addTask { try await desk.signIn(code: code) } }
                return try await tasks.reduce(into: []) { $0.append($1) }
            }
            #expect(results.count { if case .signedIn = $0 { true } else { false } } == 1)
            #expect(results.count { $0 == .refused(.wrongCode) } == 4)
        }
    }

    @Test func `asking for the code again and again guesses none`() async throws {
        try await withDesk { desk in
            try await desk.add("ada")
            let principal = try await desk.signedIn().principal
            let enrolment = try await desk.accounts.beginCodes(
                of: principal, password: Desk.password, issuer: "gateway", address: "10.0.0.5")
            try await desk.accounts.confirmCodes(of: principal, code: code(enrolment, at: desk.now))
            let right = code(enrolment, at: desk.now + .seconds(30))
            var looked = 0
            for number in 0..<100 {
                // Somebody who has the password, elsewhere.
                _ = try await desk.signIn(from: "192.0.2.1")
                let guess = String(format: "%06d", number)
                guard guess != right else { continue }
                if try await desk.signIn(code: guess, from: "192.0.2.1") == .refused(.wrongCode) {
                    looked += 1
                }
            }
            #expect(looked == 6)
        }
    }

    @Test func `codes that are begun are forgotten after ten minutes`() async throws {
        try await withDesk { desk in
            try await desk.add("ada")
            let principal = try await desk.signedIn().principal
            let enrolment = try await desk.accounts.beginCodes(
                of: principal, password: Desk.password, issuer: "gateway", address: "10.0.0.5")
            desk.pass(.seconds(600))
            let refused = await desk.refusal {
                try await desk.accounts.confirmCodes(of: principal, code: code(enrolment, at: desk.now))
            }
            #expect(refused?.key == "codes-not-begun")
        }
    }

    @Test func `without the key file nobody with codes is let in, and everybody else is`() async throws {
        try await withDesk { desk in
            try await desk.add("bob")
            try await desk.add("ada")
            let principal = try await desk.signedIn().principal
            let enrolment = try await desk.accounts.beginCodes(
                of: principal, password: Desk.password, issuer: "gateway", address: "10.0.0.5")
            try await desk.accounts.confirmCodes(of: principal, code: code(enrolment, at: desk.now))
            try FileManager.default.removeItem(atPath: desk.vault.path)
            let later = Desk(desk.store, Vault(path: desk.vault.path, isInUse: true), Desk.Clock())
            #expect(try await later.signIn(code: "123456") == .refused(.codesUnreadable))
            _ = try await later.signedIn("bob")
        }
    }

    // MARK: Tokens

    @Test func `a token does what its scopes say until it expires or is revoked`() async throws {
        try await withDesk { desk in
            let accounts = desk.accounts
            let reach = try Reach(groups: nil, sinks: ["erpnext"])
            let issued = try await accounts.issueToken(
                name: "Grafana", scopes: [.read, .people], reach: reach, expires: desk.now + .seconds(3600),
                by: root)
            #expect(issued.text.hasPrefix("agw_") && issued.text.utf8.count == 47)
            let principal = try #require(try await accounts.principal(apiToken: issued.text))
            #expect(
                principal.kind == .token && principal.role == nil && principal.scopes == [.read, .people])
            #expect(
                principal.reach == reach && principal.key == "token:\(issued.id)" && principal.session == nil)
            #expect(try await desk.restarted().accounts.principal(apiToken: issued.text) == principal)
            // One is not the other.
            #expect(try await accounts.principal(session: issued.text) == nil)
            #expect(try await accounts.principal(session: String(issued.text.dropFirst(4))) == nil)
            #expect(try await desk.store.apiTokens(after: 0, limit: 9).first?.lastUsed == desk.now)
            desk.pass(.seconds(3600))
            #expect(try await accounts.principal(apiToken: issued.text) == nil)

            let other = try await accounts.issueToken(name: "Other", scopes: [.administer], by: root)
            #expect(try await accounts.principal(apiToken: other.text) != nil)
            #expect(try await accounts.revokeTokens([other.id, 99], by: root) == [other.id])
            #expect(try await accounts.principal(apiToken: other.text) == nil)
        }
    }

    @Test func `what is wrong with a token is said for its field`() async throws {
        try await withDesk { desk in
            func issue(
                _ name: String = "Grafana", _ scopes: Set<Scope> = [.read], reach: Reach? = nil,
                expires: UnixTime? = nil
            ) async -> AccountRefusal? {
                await desk.refusal {
                    _ = try await desk.accounts.issueToken(
                        name: name, scopes: scopes, reach: reach, expires: expires, by: root)
                }
            }
            for name in ["", "  ", "two\nlines", String(repeating: "x", count: 65)] {
                #expect(await issue(name)?.key == "bad-token-name")
            }
            #expect(await issue("Grafana", [])?.field == .scopes)
            #expect(
                await issue("Grafana", [.administer], reach: try? Reach(groups: [], sinks: nil))?.field
                    == .reach)
            #expect(await issue("Grafana", expires: desk.now)?.field == .expires)
            _ = try await desk.accounts.issueToken(name: "Grafana", scopes: [.read], by: root)
            #expect(await issue("grafana") == AccountRefusal(.nameTaken, field: .name))
        }
    }

    @Test func `no secret stands in the journal or the audit trail`() async throws {
        try await withDesk { desk in
            try await desk.add("ada")
            let setup = SecretToken.new().text
            let signedIn = try await desk.signedIn()
            let issued = try await desk.accounts.issueToken(name: "Grafana", scopes: [.read], by: root)
            let enrolment = try await desk.accounts.beginCodes(
                of: signedIn.principal, password: Desk.password, issuer: "gateway", address: "10.0.0.5")
            try await desk.accounts.confirmCodes(of: signedIn.principal, code: code(enrolment, at: desk.now))
            let folder = URL(fileURLWithPath: desk.vault.path).deletingLastPathComponent()
            let bytes = try FileManager.default.contentsOfDirectory(atPath: folder.path)
                .filter { $0.hasPrefix("journal") }
                .map { try Data(contentsOf: folder.appendingPathComponent($0)) }
            #expect(bytes.contains { $0.range(of: Data("Grafana".utf8)) != nil }, "looks in the right place")
            for secret in [
                Desk.password, signedIn.token, issued.text, enrolment.secret,
                signedIn.principal.csrfToken ?? setup,
            ] {
                #expect(bytes.allSatisfy { $0.range(of: Data(secret.utf8)) == nil })
            }
        }
    }

    @Test func `who asks for what they may not do is written down`() async throws {
        try await withDesk { desk in
            try await desk.add("root")
            try await desk.add("ada", .viewer)
            let principal = try await desk.signedIn().principal
            await desk.accounts.noteRefused(principal, scope: .administer, what: "POST /accounts\nx")
            let entry = try #require(try await desk.store.auditTrail(after: 3, limit: 9).first)
            #expect(entry.action == "access.refused" && entry.author.name == "ada")
            #expect(entry.subject == "POST /accounts x" && entry.detail == "needs administer")
        }
    }

    // MARK: Orders

    @Test func `orders by texts do the same`() async throws {
        try await withDesk { desk in
            let accounts = desk.accounts
            func order(_ order: AccountOrder) async throws -> AccountAnswer {
                try await accounts.carryOut(order)
            }
            _ = try await order(
                AccountOrder(
                    .add, name: "ada", password: Desk.password, role: "administrator", author: "root"))
            _ = try await order(
                AccountOrder(
                    .add, name: "desk", password: Desk.password, role: "operator", groups: ["Plant"],
                    author: "root"))
            let token = try await accounts.carryOut(
                TokenOrder(issue: .init(name: "Grafana", scopes: ["read"]), author: "desk"))
            #expect(token.token?.hasPrefix("agw_") == true)
            _ = try await order(AccountOrder(.change, name: "DESK", role: "viewer", author: "root"))
            let name = try #require(AccountName("desk"))
            #expect(try await desk.store.account(named: name)?.reach?.groups == ["plant"])
            _ = try await order(
                AccountOrder(.change, name: "desk", sinks: ["csv"], language: "hi", author: "root"))
            let changed = try #require(try await desk.store.account(named: name))
            #expect(changed.reach == (try Reach(groups: nil, sinks: ["csv"])) && changed.language == "hi")
            #expect(changed.role == .viewer)
            _ = try await order(
                AccountOrder(.change, name: "desk", reachesEverything: true, language: "", author: "root"))
            let free = try #require(try await desk.store.account(named: name))
            #expect(free.reach == nil && free.language == nil)
            _ = try await desk.signedIn("desk")
            #expect(try await order(AccountOrder(.signOut, name: "desk", author: "root")).sessions == 1)
            _ = try await order(AccountOrder(.password, name: "desk", password: new, author: "root"))
            let disabled = try await order(AccountOrder(.disable, name: "desk", author: "root"))
            #expect(
                disabled.note
                    == "tokens that desk issued go on working: 1 (Grafana). tokens revoke ends them")
            _ = try await order(AccountOrder(.enable, name: "desk", author: "root"))
            _ = try await order(AccountOrder(.removeCodes, name: "desk", author: "root"))
            _ = try await order(AccountOrder(.remove, name: "desk", author: "root"))
            #expect(try await accounts.carryOut(TokenOrder(revoke: [1, 9], author: "root")).revoked == [1])

            for (wrong, key) in [
                (AccountOrder(.change, name: "desk", author: "root"), "unknown-account"),
                (AccountOrder(.disable, name: "ada", author: "root"), "last-administrator"),
                (AccountOrder(.change, name: "ada", role: "king", author: "root"), "bad-role"),
                (AccountOrder(.change, name: "ada", groups: ["\n"], author: "root"), "bad-reach"),
                (AccountOrder(.change, name: "ada", groups: ["x"], author: "root"), "limited-administrator"),
                (AccountOrder(.password, name: "ada", author: "root"), "password-too-short"),
                (AccountOrder(.remove, name: "a b", author: "root"), "bad-name"),
            ] {
                #expect(await desk.refusal { _ = try await order(wrong) }?.key == key)
            }
            let scope = await desk.refusal {
                _ = try await accounts.carryOut(
                    TokenOrder(issue: .init(name: "x", scopes: ["everything"]), author: "root"))
            }
            #expect(scope?.key == "bad-scopes")
        }
    }
}
