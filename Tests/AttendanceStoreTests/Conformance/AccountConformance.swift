import AttendanceCore
import AttendanceStore
import Testing

@Suite("Conformance: accounts", .timeLimit(.minutes(10))) struct AccountConformance {
    private let root = Author("root (command line)")

    private func digest(_ byte: UInt8) throws -> TokenDigest {
        try #require(TokenDigest([UInt8](repeating: byte, count: 32)))
    }

    private func account(
        _ name: String, _ role: Role = .administrator, reach: Reach? = nil, password: String = "hash"
    ) throws -> NewAccount {
        NewAccount(
            name: try #require(AccountName(name)), role: role, reach: reach, password: password,
            language: "ar")
    }

    private func session(
        _ byte: UInt8, of account: Int64, password: String = "hash", step: Int64? = nil, days: Int = 30,
        network: String = "10.0.0.5"
    ) throws -> NewSession {
        NewSession(
            digest: try digest(byte), account: account, password: password, codeStep: step,
            expires: Sample.now + .seconds(days * 86_400), address: network, network: network,
            agent: "Browser")
    }

    private func actions(_ store: any Store) async throws -> [String] {
        try await store.auditTrail(after: 0, limit: 1000).map(\.action)
    }

    private func refusal(_ body: () async throws -> Void) async -> AccountError? {
        await #expect(throws: AccountError.self) { try await body() }
    }

    // MARK: Accounts

    @Test(arguments: Engine.allCases)
    func `an account is kept as it was made, and found whatever the letter case`(engine: Engine) async throws
    {
        try await engine.withJournal { journal in
            let reach = try Reach(groups: ["Dubai"], sinks: ["erpnext"])
            let id = try await journal.store.createAccount(
                account("Ada", .operator, reach: reach), by: root, at: Sample.now)
            #expect(try await journal.store.hasAccounts())
            let taken = await refusal {
                _ = try await journal.store.createAccount(account("aDA"), by: root, at: Sample.now)
            }
            #expect(taken == .nameTaken)
            let limited = await refusal {
                _ = try await journal.store.createAccount(
                    account("bob", reach: reach), by: root, at: Sample.now)
            }
            #expect(limited == .limitedAdministrator)
            try await journal.reopen()
            let found = try await journal.store.account(named: #require(AccountName("ADA")))
            let record = AccountRecord(
                id: id, name: try #require(AccountName("Ada")), role: .operator, reach: reach,
                usesCodes: false,
                isDisabled: false, language: "ar", created: Sample.now, lastSignIn: nil)
            #expect(found == record && found?.name.text == "Ada")
            #expect(try await journal.store.accounts(after: 0, limit: 9) == [record])
            #expect(try await journal.store.accounts(after: id, limit: 9).isEmpty)
            #expect(try await journal.store.account(id) == record)
            #expect(try await journal.store.account(77) == nil)
            let entry = try #require(try await journal.store.auditTrail(after: 0, limit: 9).first)
            #expect(entry.author == root && entry.subject == "account Ada")
            #expect(entry.detail == "operator, reaches groups dubai; sinks erpnext")
        }
    }

    @Test(arguments: Engine.allCases)
    func `the last active administrator stays one`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            let ada = try await store.createAccount(account("ada"), by: root, at: Sample.now)
            let bob = try await store.createAccount(account("bob"), by: root, at: Sample.now)
            _ = try await store.createAccount(account("eve", .viewer), by: root, at: Sample.now)
            try await store.changeAccount(bob, AccountChange(isDisabled: true), by: root, at: Sample.now)
            let before = try await actions(store)
            for change in [AccountChange(role: .operator), AccountChange(isDisabled: true)] {
                let refused = await refusal {
                    try await store.changeAccount(ada, change, by: root, at: Sample.now)
                }
                #expect(refused == .lastAdministrator)
            }
            #expect(
                await refusal { try await store.removeAccount(ada, by: root, at: Sample.now) }
                    == .lastAdministrator)
            let reach = try Reach(groups: [], sinks: nil)
            let limited = await refusal {
                try await store.changeAccount(
                    ada, AccountChange(reach: .some(reach)), by: root, at: Sample.now)
            }
            #expect(limited == .limitedAdministrator)
            #expect(try await actions(store) == before)

            try await store.changeAccount(bob, AccountChange(isDisabled: false), by: root, at: Sample.now)
            try await store.changeAccount(
                ada, AccountChange(role: .viewer, reach: .some(reach), language: .some(nil)), by: root,
                at: Sample.now)
            let changed = try await store.account(ada)
            #expect(changed?.role == .viewer && changed?.reach == reach && changed?.language == nil)
            try await store.removeAccount(ada, by: root, at: Sample.now)
            #expect(try await store.account(ada) == nil)
            for gone in [ada, 99] {
                let refused = await refusal {
                    try await store.changeAccount(
                        gone, AccountChange(role: .viewer), by: root, at: Sample.now)
                }
                #expect(refused == .unknown)
            }
            let trail = try await store.auditTrail(after: Int64(before.count), limit: 9)
            #expect(trail.map(\.action) == ["accounts.enable", "accounts.change", "accounts.remove"])
            #expect(
                trail[1].detail
                    == "administrator became viewer; reaches groups none, before: everything; language the browser's"
            )
            // The number is given to nobody else.
            #expect(try await store.createAccount(account("ada"), by: root, at: Sample.now) > ada)
        }
    }

    @Test(arguments: Engine.allCases)
    func `the setup token makes one account, once, and only the newest one does`(engine: Engine) async throws
    {
        try await engine.withJournal { journal in
            let store = journal.store
            #expect(try await store.setSetupToken(digest(1), at: Sample.now))
            #expect(try await store.setSetupToken(digest(2), at: Sample.now))
            try await journal.reopen()
            let old = await refusal {
                _ = try await journal.store.createFirstAccount(
                    account("ada"), token: digest(1), by: root, at: Sample.now)
            }
            #expect(old == .wrongSetupToken)
            _ = try await journal.store.createFirstAccount(
                account("ada"), token: digest(2), by: root, at: Sample.now)
            let again = await refusal {
                _ = try await journal.store.createFirstAccount(
                    account("bob"), token: digest(2), by: root, at: Sample.now)
            }
            #expect(again == .wrongSetupToken)
            #expect(try await !journal.store.setSetupToken(digest(3), at: Sample.now))
            let late = await refusal {
                _ = try await journal.store.createFirstAccount(
                    account("bob"), token: digest(3), by: root, at: Sample.now)
            }
            #expect(late == .wrongSetupToken)
        }
    }

    @Test(arguments: Engine.allCases)
    func `an account made otherwise makes the setup token worthless`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            #expect(try await journal.store.setSetupToken(digest(1), at: Sample.now))
            _ = try await journal.store.createAccount(account("ada"), by: root, at: Sample.now)
            let refused = await refusal {
                _ = try await journal.store.createFirstAccount(
                    account("eve"), token: digest(1), by: root, at: Sample.now)
            }
            #expect(refused == .wrongSetupToken)
        }
    }

    // MARK: Sessions

    @Test(arguments: Engine.allCases)
    func `a session is kept with its account, and what was used is noted`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            let ada = try await store.createAccount(account("ada"), by: root, at: Sample.now)
            let id = try #require(try await store.openSession(session(1, of: ada), at: Sample.now))
            try await store.noteUse(.session(id, at: Sample.now + .seconds(90)))
            try await store.noteUse(.session(id, at: Sample.now + .seconds(60)))
            try await store.noteUse(.session(99, at: Sample.now))
            try await journal.reopen()
            let found = try #require(try await journal.store.session(digest(1)))
            #expect(
                found.session
                    == SessionRecord(
                        id: id, account: ada, created: Sample.now, lastUsed: Sample.now + .seconds(90),
                        expires: Sample.now + .seconds(30 * 86_400), address: "10.0.0.5", agent: "Browser"))
            #expect(found.account.lastSignIn == Sample.now)
            #expect(try await journal.store.session(digest(2)) == nil)
            #expect(try await journal.store.sessions(of: ada) == [found.session])
            let entry = try #require(try await journal.store.auditTrail(after: 1, limit: 9).first)
            #expect(entry.action == "accounts.sign-in" && entry.author.name == "ada")
            #expect(entry.detail == "from 10.0.0.5")
        }
    }

    @Test(arguments: Engine.allCases)
    func `a network is known once somebody has signed in from it, and forgotten in the end`(engine: Engine)
        async throws
    {
        try await engine.withJournal { journal in
            let store = journal.store
            let name = try #require(AccountName("ada"))
            let ada = try await store.createAccount(account("ada"), by: root, at: Sample.now)
            func isKnown(_ network: String) async throws -> Bool? {
                try await store.credentials(named: name, from: network)?.isKnownAddress
            }
            #expect(try await isKnown("10.0.0.1") == false)
            for number in 1...25 {
                _ = try await store.openSession(
                    session(UInt8(number), of: ada, network: "10.0.0.\(number)"),
                    at: Sample.now + .seconds(number))
            }
            #expect(try await isKnown("10.0.0.25") == true)
            #expect(try await isKnown("10.0.0.6") == true)
            #expect(try await isKnown("10.0.0.5") == false)
            _ = try await store.openSession(
                session(99, of: ada, network: "10.1.1.1"), at: Sample.now + .seconds(91 * 86_400))
            #expect(try await isKnown("10.0.0.25") == false)
            #expect(try await isKnown("10.1.1.1") == true)
        }
    }

    @Test(arguments: Engine.allCases)
    func `no session is opened for what was changed meanwhile`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            let ada = try await store.createAccount(account("ada"), by: root, at: Sample.now)
            let bob = try await store.createAccount(account("bob"), by: root, at: Sample.now)
            try await store.setPassword("new", of: ada, keeping: nil, by: root, at: Sample.now)
            #expect(try await store.openSession(session(1, of: ada), at: Sample.now) == nil)
            try await store.setCodes(SealedCodes(secret: [1], usedStep: 5), of: ada, by: root, at: Sample.now)
            #expect(try await store.openSession(session(1, of: ada, password: "new"), at: Sample.now) == nil)
            let used = try session(1, of: ada, password: "new", step: 5)
            #expect(try await store.openSession(used, at: Sample.now) == nil)
            let next = try session(1, of: ada, password: "new", step: 6)
            #expect(try await store.openSession(next, at: Sample.now) != nil)
            let again = try session(2, of: ada, password: "new", step: 6)
            #expect(try await store.openSession(again, at: Sample.now) == nil)
            // And no code where none is asked for any more.
            try await store.setCodes(nil, of: ada, by: root, at: Sample.now)
            let code = try session(2, of: ada, password: "new", step: 9)
            #expect(try await store.openSession(code, at: Sample.now) == nil)
            try await store.changeAccount(bob, AccountChange(isDisabled: true), by: root, at: Sample.now)
            #expect(try await store.openSession(session(3, of: bob), at: Sample.now) == nil)
            #expect(try await store.openSession(session(3, of: 77), at: Sample.now) == nil)
        }
    }

    @Test(arguments: Engine.allCases)
    func `sessions end one by one, all at once, with the password, and with the account`(engine: Engine)
        async throws
    {
        try await engine.withJournal { journal in
            let store = journal.store
            let ada = try await store.createAccount(account("ada"), by: root, at: Sample.now)
            let bob = try await store.createAccount(account("bob"), by: root, at: Sample.now)
            var ids: [Int64] = []
            for number in 1...5 {
                ids.append(
                    try #require(try await store.openSession(session(UInt8(number), of: ada), at: Sample.now))
                )
            }
            let bobs = try #require(try await store.openSession(session(9, of: bob), at: Sample.now))
            #expect(try await store.endSessions([ids[0], ids[0], 99], by: root, at: Sample.now) == [ids[0]])
            #expect(try await store.session(digest(1)) == nil)
            try await store.setPassword("new", of: ada, keeping: ids[1], by: root, at: Sample.now)
            #expect(try await store.sessions(of: ada).map(\.id) == [ids[1]])
            #expect(try await store.endSessions(of: ada, keeping: ids[1], by: root, at: Sample.now) == 0)
            #expect(try await store.endSessions(of: ada, keeping: nil, by: root, at: Sample.now) == 1)
            #expect(try await store.sessions(of: bob).map(\.id) == [bobs])
            try await store.changeAccount(bob, AccountChange(isDisabled: true), by: root, at: Sample.now)
            #expect(try await store.session(digest(9)) == nil)
            let trail = try await actions(store).filter {
                $0 != "accounts.create" && $0 != "accounts.sign-in"
            }
            #expect(
                trail == ["accounts.sign-out", "accounts.password", "accounts.sign-out", "accounts.disable"])
        }
    }

    @Test(arguments: Engine.allCases)
    func `an account has fifty sessions at most, and those that ended are forgotten`(engine: Engine)
        async throws
    {
        try await engine.withJournal { journal in
            let store = journal.store
            let ada = try await store.createAccount(account("ada"), by: root, at: Sample.now)
            for number in 1...60 {
                _ = try await store.openSession(
                    session(UInt8(number), of: ada, days: 1), at: Sample.now + .seconds(number))
            }
            #expect(try await store.sessions(of: ada).count == AccountBounds.sessions)
            #expect(try await store.session(digest(10)) == nil)
            _ = try await store.openSession(session(99, of: ada), at: Sample.now + .seconds(86_400))
            #expect(try await store.sessions(of: ada).count == 1)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a password's hash is renewed only as long as it is the same`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            let name = try #require(AccountName("ada"))
            let ada = try await store.createAccount(account("ada"), by: root, at: Sample.now)
            try await store.renewPasswordHash("dearer", insteadOf: "hash", of: ada)
            try await store.renewPasswordHash("late", insteadOf: "hash", of: ada)
            #expect(try await store.credentials(named: name, from: "")?.password == "dearer")
            #expect(try await actions(store) == ["accounts.create"])
        }
    }

    @Test(arguments: Engine.allCases)
    func `the secret of one-time codes takes part in a change of the vault's key`(engine: Engine) async throws
    {
        try await engine.withJournal { journal in
            try await withTemporaryFolder { folder in
                let store = journal.store
                let ada = try await store.createAccount(account("ada"), by: root, at: Sample.now)
                let vault = Vault(path: folder + "/vault.key")
                let context = VaultContext.codes(of: ada)
                let sealed = try vault.seal([1, 2, 3], for: context)
                try await store.setCodes(
                    SealedCodes(secret: sealed, usedStep: 7), of: ada, by: root, at: Sample.now)
                #expect(try await store.sealedKeys() == [try #require(VaultKeyID(of: sealed))])
                let key = try vault.beginRotation().key
                let rows = try await store.sealedOtherwise(than: key, limit: 9)
                #expect(rows.map(\.context) == [context])
                let seal = CredentialSeal(vault: vault)
                try await store.reseal(try rows.map { try seal.resealed($0) })
                #expect(try await store.sealedOtherwise(than: key, limit: 9).isEmpty)
                try vault.finishRotation()
                let name = try #require(AccountName("ada"))
                let codes = try #require(try await store.credentials(named: name, from: "")?.codes)
                #expect(try vault.open(codes.secret, for: context) == [1, 2, 3] && codes.usedStep == 7)
            }
        }
    }

    // MARK: Tokens

    @Test(arguments: Engine.allCases)
    func `a token is kept as it was issued, used, and revoked`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            let reach = try Reach(groups: nil, sinks: ["erpnext"])
            let id = try await store.issueToken(
                NewAPIToken(
                    digest: digest(1), name: "Grafana", scopes: [.people, .read], reach: reach,
                    expires: Sample.now + .seconds(60)), by: root, at: Sample.now)
            let taken = await refusal {
                _ = try await store.issueToken(
                    NewAPIToken(digest: digest(2), name: "GRAFANA", scopes: [.read]), by: root, at: Sample.now
                )
            }
            #expect(taken == .nameTaken)
            try await store.noteUse(.token(id, at: Sample.now + .seconds(5)))
            try await journal.reopen()
            let record = APITokenRecord(
                id: id, name: "Grafana", scopes: [.read, .people], reach: reach, created: Sample.now,
                author: root,
                expires: Sample.now + .seconds(60), lastUsed: Sample.now + .seconds(5))
            #expect(try await journal.store.apiToken(digest(1)) == record)
            #expect(try await journal.store.apiTokens(after: 0, limit: 9) == [record])
            let revoked = try await journal.store.revokeTokens([id, 99, id], by: root, at: Sample.now)
            #expect(revoked == [id])
            #expect(try await journal.store.apiToken(digest(1)) == nil)
            let trail = try await journal.store.auditTrail(after: 0, limit: 9)
            #expect(trail.map(\.action) == ["tokens.issue", "tokens.revoke"])
            #expect(
                trail[0].detail
                    == "read people, reaches sinks erpnext, until \((Sample.now + .seconds(60)).iso8601)")
        }
    }

    // MARK: Requests

    private func request(_ key: String, _ byte: UInt8 = 1, asker: String = "token:1") throws
        -> IdempotentRequest
    {
        IdempotentRequest(asker: asker, key: key, hash: try digest(byte))
    }

    @Test(arguments: Engine.allCases)
    func `a request is carried out once and answered the same for a day`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            let now = Sample.now
            #expect(try await store.beginRequest(request("a"), at: now) == .claimed)
            #expect(
                try await store.beginRequest(request("a"), at: now + .seconds(1)) == .underWay(since: now))
            #expect(try await store.beginRequest(request("a", asker: "token:2"), at: now) == .claimed)
            #expect(try await store.beginRequest(request("a", 2), at: now) == .otherRequest)
            let answer = IdempotentAnswer(
                status: 201, contentType: "application/json", body: Array("{}".utf8))
            try await store.settleRequest(request("a"), answer)
            try await journal.reopen()
            let again = try await journal.store.beginRequest(request("a"), at: now + .seconds(86_399))
            #expect(again == .answered(answer))
            let late = try await journal.store.beginRequest(request("a", 2), at: now + .seconds(86_400))
            #expect(late == .claimed)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a request that was not carried out gives its key back, and a long answer is not kept`(
        engine: Engine
    )
        async throws
    {
        try await engine.withJournal { journal in
            let store = journal.store
            #expect(try await store.beginRequest(request("a"), at: Sample.now) == .claimed)
            try await store.settleRequest(request("a"), nil)
            #expect(try await store.beginRequest(request("a", 2), at: Sample.now) == .claimed)
            let long = [UInt8](repeating: 0x20, count: IdempotencyBounds.longestAnswer + 1)
            try await store.settleRequest(
                request("a", 2), IdempotentAnswer(status: 200, contentType: "text/plain", body: long))
            let state = try await store.beginRequest(request("a", 2), at: Sample.now)
            #expect(state == .answered(IdempotentAnswer(status: 200, contentType: "text/plain", body: nil)))
        }
    }

    @Test(arguments: Engine.allCases)
    func `one asker's requests make room for themselves alone`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            #expect(
                try await store.beginRequest(request("mine", asker: "token:2"), at: Sample.now) == .claimed)
            for number in 0...IdempotencyBounds.perAsker {
                _ = try await store.beginRequest(
                    request("k\(number)"), at: Sample.now + .milliseconds(number))
            }
            let oldest = try await store.beginRequest(request("k0", 2), at: Sample.now + .seconds(1))
            #expect(oldest == .claimed)
            let mine = try await store.beginRequest(request("mine", asker: "token:2"), at: Sample.now)
            #expect(mine == .underWay(since: Sample.now))
        }
    }
}
