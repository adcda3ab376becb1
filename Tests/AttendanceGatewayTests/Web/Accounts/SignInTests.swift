import AttendanceCore
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceWeb

@Suite(.timeLimit(.minutes(10))) struct SignInTests {
    private let root = Author("root (command line)")

    // MARK: Signing in

    @Test func `the right password gives a session that says who it is`() async throws {
        try await withDesk { desk in
            let reach = try Reach(groups: ["Dubai"], sinks: nil)
            let id = try await desk.add("Ada", .operator, reach: reach)
            let signedIn = try await desk.signedIn("  aDa ")
            let principal = try #require(try await desk.accounts.principal(session: signedIn.token))
            #expect(principal == signedIn.principal)
            #expect(principal.id == id && principal.name == "Ada" && principal.role == .operator)
            #expect(principal.scopes == Role.operator.scopes && principal.reach == reach)
            #expect(principal.accepts(csrfToken: signedIn.principal.csrfToken))
            #expect(signedIn.token.utf8.count == 43 && signedIn.principal.csrfToken != signedIn.token)
            // From the journal the same as from memory.
            #expect(try await desk.restarted().accounts.principal(session: signedIn.token) == principal)
            let sessions = try await desk.accounts.sessions(of: id)
            #expect(sessions.map(\.address) == ["10.0.0.5"] && sessions.map(\.agent) == ["Browser 1.0"])
        }
    }

    @Test(arguments: [
        ("ada", "another long password"), ("ada", ""), ("nobody", Desk.password), ("", ""),
        ("a b c", Desk.password),
        ("ada", String(repeating: "x", count: 5_000_000)),
        (String(repeating: "y", count: 5_000_000), Desk.password),
        ("ada\u{0}", Desk.password + "\u{0}"),
    ])
    func `everything else is refused with the same words`(name: String, password: String) async throws {
        try await withDesk { desk in
            try await desk.add("ada")
            #expect(try await desk.signIn(name, password) == .refused(.wrong))
            let entry = try #require(try await desk.store.auditTrail(after: 1, limit: 9).first)
            #expect(entry.action == "accounts.sign-in-refused")
            // What nobody is called may be a password in the wrong field.
            let isKnown = AccountName(name) == AccountName("ada")
            #expect(entry.subject == (isKnown ? "account ada" : "unknown account"))
            #expect(entry.detail == "the name or the password was wrong; from 10.0.0.5")
        }
    }

    @Test(arguments: ["ada", "ada lovelace", "nobody", String(repeating: "y", count: 100_000)])
    func `a name that nobody has costs the same hash as a wrong password`(name: String) async throws {
        try await withDesk { desk in
            try await desk.add("ada")
            let hasher = desk.accounts.hasher
            for password in ["wrong password", "", String(repeating: "x", count: 1000)] {
                let before = hasher.count.load(ordering: .relaxed)
                #expect(try await desk.signIn(name, password) == .refused(.wrong))
                #expect(hasher.count.load(ordering: .relaxed) == before + 1)
            }
        }
    }

    @Test func `a hash of the live cost takes about a tenth of a second`() async throws {
        let hasher = PasswordHasher(cost: .live)
        let password = try #require(PasswordRules.normalised(Desk.password))
        let stored = try await hasher.hash(password)
        #expect(stored.hasPrefix("$scrypt$ln=15,r=8,p=1$"))
        var best = Duration.seconds(60)
        for _ in 0..<3 {
            let time = try await ContinuousClock().measure {
                let isRight = try await hasher.matches(password, stored)
                #expect(isRight)
            }
            best = min(best, time)
        }
        // Slow enough to be worth something; how slow at most is the machine's.
        #expect(best > .milliseconds(10))
        #expect(try await !hasher.matches(password, nil))
    }

    @Test func `a disabled account is told so only with its password, and its sessions end at once`()
        async throws
    {
        try await withDesk { desk in
            try await desk.add("root")
            let id = try await desk.add("ada")
            let signedIn = try await desk.signedIn()
            #expect(try await desk.accounts.principal(session: signedIn.token) != nil)
            try await desk.accounts.change(id, AccountChange(isDisabled: true), by: root)
            #expect(try await desk.accounts.principal(session: signedIn.token) == nil)
            #expect(try await desk.signIn() == .refused(.disabled))
            #expect(try await desk.signIn("ada", "another long password") == .refused(.wrong))
        }
    }

    @Test func `tries are slowed down, and not at an address where the owner has signed in`() async throws {
        try await withDesk { desk in
            try await desk.add("ada")
            _ = try await desk.signedIn(from: "10.0.0.5")
            var refused = 0
            var throttled = 0
            for number in 0..<40 {
                switch try await desk.signIn("ada", "wrong password \(number)", from: "203.0.113.\(number)") {
                case .refused(.wrong): refused += 1
                case .throttled(let wait): throttled += wait > .zero ? 1 : 0
                default: Issue.record("signed in by a wrong password")
                }
            }
            #expect(refused == 6 && throttled == 34)
            // From there not even the right one is looked at, and at home nothing of this counts.
            guard case .throttled = try await desk.signIn(from: "192.0.2.1") else {
                Issue.record("not slowed down")
                return
            }
            _ = try await desk.signedIn(from: "10.0.0.5")
            // Also after a restart, when all that was counted is forgotten, the address is known.
            let again = desk.restarted()
            for _ in 0..<8 { _ = try await again.signIn("ada", "wrong password", from: "203.0.113.1") }
            _ = try await again.signedIn(from: "10.0.0.5")
            desk.pass(.seconds(3600))
            _ = try await desk.signedIn(from: "192.0.2.1")
        }
    }

    @Test func `refusals fill the audit trail only slowly`() async throws {
        try await withDesk { desk in
            try await desk.add("ada")
            for number in 0..<300 {
                _ = try await desk.signIn("user\(number)", "wrong password", from: "10.\(number).0.1")
            }
            let before = try await desk.actions().count { $0 == "accounts.sign-in-refused" }
            #expect(before == 60)
            desk.pass(.seconds(30))
            _ = try await desk.signIn("user", "wrong password", from: "192.0.2.1")
            let last = try #require(try await desk.store.auditTrail(after: 61, limit: 9).first)
            #expect(last.detail.hasSuffix("; 240 more before it were not written down"))
        }
    }

    @Test func `a flood of sign-ins waits in a short queue and is turned away beyond it`() async throws {
        let hasher = PasswordHasher(cost: .init(ln: 12, r: 8, p: 1), atOnce: 1, mostWaiting: 4)
        let (done, busy) = try await withThrowingTaskGroup(of: Bool.self) { tasks in
            for _ in 0..<100 {
                tasks.addTask {
                    do {
                        _ = try await hasher.matches([1], nil)
                        return true
                    } catch is PasswordHasher.Busy {
                        return false
                    }
                }
            }
            return try await tasks.reduce(into: (0, 0)) { $1 ? ($0.0 += 1) : ($0.1 += 1) }
        }
        #expect(done > 0 && busy > 0 && done + busy == 100)
        #expect(try await !hasher.matches([1], nil))
    }

    @Test func `a password hashed at another cost is hashed anew when its owner signs in`() async throws {
        try await withDesk { desk in
            try await desk.add("ada")
            let name = try #require(AccountName("ada"))
            let dearer = PasswordHash.Cost(ln: 5, r: 2, p: 1)
            let later = desk.restarted(cost: dearer)
            let first = try await later.signedIn()
            let stored = try #require(try await desk.store.credentials(named: name, from: "")?.password)
            #expect(stored.hasPrefix("$scrypt$ln=5,r=2,p=1$"))
            _ = try await later.signedIn()
            #expect(try await later.accounts.principal(session: first.token) != nil)
        }
    }

    @Test(arguments: [
        "", "plain", "$scrypt$ln=40,r=8,p=1$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=4,r=1$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAA", "$scrypt$ln=4,r=1,p=1$!$!",
        "$argon2id$ln=4,r=1,p=1$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=4,r=1,p=1$AAAAAAAAAAAAAAAA$",
    ])
    func `a stored hash that is none, or costs too much, lets nobody in`(stored: String) async throws {
        #expect(PasswordHash(stored) == nil)
        #expect(try await !PasswordHasher(cost: .cheap).matches([1], stored))
    }

    // MARK: Sessions

    @Test func `a session ends after twelve idle hours and after thirty days`() async throws {
        try await withDesk { desk in
            let id = try await desk.add("ada")
            let accounts = desk.accounts
            let idle = try await desk.signedIn()
            let busy = try await desk.signedIn()
            let watching = try await desk.signedIn()
            for hour in 1...(30 * 24 - 1) {
                desk.pass(.seconds(3600))
                #expect(try await accounts.principal(session: busy.token) != nil)
                let seen = try await accounts.principal(session: watching.token, isActivity: false)
                #expect((seen != nil) == (hour < 12))
                if hour == 11 { #expect(try await accounts.principal(session: idle.token) != nil) }
                if hour == 23 {
                    // What is in memory and what stands in the journal say the same.
                    #expect(try await accounts.principal(session: idle.token) == nil)
                    #expect(try await desk.restarted().accounts.principal(session: idle.token) == nil)
                    #expect(try await accounts.sessions(of: id).count == 1)
                }
            }
            desk.pass(.seconds(3600))
            #expect(try await accounts.principal(session: busy.token) == nil)
            #expect(try await desk.restarted().accounts.principal(session: busy.token) == nil)
        }
    }

    @Test func `shorter limits hold for sessions that there are`() async throws {
        try await withDesk { desk in
            try await desk.add("ada")
            let signedIn = try await desk.signedIn()
            desk.pass(.seconds(600))
            #expect(try await desk.accounts.principal(session: signedIn.token, isActivity: false) != nil)
            desk.accounts.limits = .init(idle: .seconds(300))
            #expect(try await desk.accounts.principal(session: signedIn.token) == nil)
        }
    }

    @Test func `what is used is written down once a minute`() async throws {
        try await withDesk { desk in
            let id = try await desk.add("ada")
            let start = desk.now
            let signedIn = try await desk.signedIn()
            func written() async throws -> UnixTime? { try await desk.store.sessions(of: id).first?.lastUsed }
            for _ in 0..<59 {
                desk.pass(.seconds(1))
                _ = try await desk.accounts.principal(session: signedIn.token)
            }
            #expect(try await written() == start)
            desk.pass(.seconds(1))
            _ = try await desk.accounts.principal(session: signedIn.token)
            #expect(try await written() == start + .seconds(60))
        }
    }

    @Test(arguments: [
        "", "short", String(repeating: "A", count: 43), String(repeating: "é", count: 43), "agw_",
    ])
    func `what is no session is nobody`(text: String) async throws {
        try await withDesk { desk in
            try await desk.add("ada")
            _ = try await desk.signedIn()
            #expect(try await desk.accounts.principal(session: text) == nil)
            #expect(try await desk.accounts.principal(apiToken: text) == nil)
            #expect(try await desk.accounts.principal(apiToken: "agw_" + text) == nil)
        }
    }

    @Test func `signing out ends this session, everywhere all of them, whatever is in memory`() async throws {
        try await withDesk { desk in
            let id = try await desk.add("ada")
            let accounts = desk.accounts
            var tokens: [String] = []
            for _ in 0..<4 { tokens.append(try await desk.signedIn().token) }
            func alive() async throws -> [Int] {
                var alive: [Int] = []
                for (index, token) in tokens.enumerated()
                where try await accounts.principal(session: token) != nil {
                    alive.append(index)
                }
                return alive
            }
            #expect(try await alive() == [0, 1, 2, 3])
            try await accounts.signOut(#require(try await accounts.principal(session: tokens[0])))
            #expect(try await alive() == [1, 2, 3])
            let second = try #require(try await accounts.principal(session: tokens[1])?.session)
            #expect(try await accounts.signOutEverywhere(id, keeping: second, by: root) == 2)
            #expect(try await alive() == [1])
            #expect(try await accounts.endSessions([second, 99], by: root) == [second])
            #expect(try await alive() == [])
            #expect(
                await desk.refusal { try await accounts.signOutEverywhere(77, by: root) }?.key
                    == "unknown-account")
        }
    }

    @Test func `what was read before a session ended is not put into memory after it`() {
        let cache = PrincipalCache()
        let principal = Principal(
            kind: .session, id: 1, name: "ada", role: .viewer, scopes: [.read], reach: nil, session: 1,
            csrfToken: nil, language: nil)
        let now = UnixTime(seconds: 0)
        let digest = SecretToken.new().digest
        let entry = PrincipalCache.Entry(principal: principal, created: now, lastUsed: now, written: now)
        let before = cache.generation
        cache.forget { _ in false }
        cache.put(entry, for: digest, readAt: before)
        guard case .unknown = cache.find(digest, at: now, .init(), isActivity: true) else {
            Issue.record("put in")
            return
        }
        for _ in 0..<20_000 { cache.put(entry, for: SecretToken.new().digest, readAt: cache.generation) }
        cache.put(entry, for: digest, readAt: cache.generation)
        guard case .known = cache.find(digest, at: now, .init(), isActivity: true) else {
            Issue.record("not put in")
            return
        }
    }

    @Test func `another role holds from the next request`() async throws {
        try await withDesk { desk in
            try await desk.add("root")
            let id = try await desk.add("ada")
            let token = try await desk.signedIn().token
            #expect(try await desk.accounts.principal(session: token)?.may(.administer) == true)
            let reach = try Reach(groups: ["plant"], sinks: nil)
            try await desk.accounts.change(
                id, AccountChange(role: .viewer, reach: .some(reach), language: "fr"), by: root)
            let principal = try #require(try await desk.accounts.principal(session: token))
            #expect(principal.scopes == [.read] && principal.reach == reach && principal.language == "fr")
        }
    }
}
