import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation

/// Issues and revokes codes: in the running gateway, or on a journal that none has open.
struct CodeDesk: Sendable {
    let store: any Store
    let vault: Vault
    let terminals: Settings.Terminals
    let now: @Sendable () -> UnixTime

    /// Codes of one order to revoke.
    static let mostRevoked = 1_000
    /// PINs that are tried until one is free.
    private static let attempts = 20

    /// Throws `CodeRefusal`, `VaultError`, or `StoreError`.
    func carryOut(_ order: CodeOrder) async throws -> CodeAnswer {
        let author = Author(order.author)
        if let wanted = order.issue { return try await issue(wanted, by: author) }
        guard !order.revoke.isEmpty, order.revoke.count <= Self.mostRevoked else {
            throw CodeRefusal(text: "name 1 to \(Self.mostRevoked) codes by number")
        }
        return CodeAnswer(revoked: try await store.revokeCodes(order.revoke, by: author, at: now()))
    }

    private func issue(_ wanted: CodeOrder.Issue, by author: Author) async throws -> CodeAnswer {
        let now = now()
        let (scope, space) = try place(wanted)
        guard let id = EnrollID(wanted.person), !id.isDoor, !id.isStranger else {
            throw CodeRefusal(text: "“\(PlainText.line(wanted.person, limit: 64))” is no person's number")
        }
        let starts = wanted.from.map { UnixTime(milliseconds: $0) } ?? now
        let ends = UnixTime(milliseconds: wanted.until)
        guard ends > starts, ends > now else {
            throw CodeRefusal(text: "a code must end after it begins, and after now")
        }
        guard ends - now <= AccessCode.longest else {
            throw CodeRefusal(text: "a code ends within 366 days")
        }
        guard (1...AccessCode.mostUses).contains(wanted.uses) else {
            throw CodeRefusal(text: "a code is for 1 to \(AccessCode.mostUses) uses")
        }
        guard !wanted.isPin || CodeSeal.pinLengths.contains(wanted.digits) else {
            throw CodeRefusal(text: "a PIN has 6 to 8 digits")
        }
        let code = AccessCode(
            kind: wanted.isPin ? .pin : .qr, person: PersonKey(space: space, enrollID: id),
            name: Person.usableName(wanted.name), scope: scope, starts: starts, ends: ends,
            uses: wanted.uses)
        let seal = CodeSeal(vault: vault)
        for _ in 0..<Self.attempts {
            let made = try wanted.isPin ? seal.makePIN(digits: wanted.digits) : seal.makeQR(code)
            if let id = try await store.issueCode(code, digest: made.digest, by: author, at: now) {
                return CodeAnswer(id: id, code: made.text)
            }
        }
        throw CodeRefusal(text: "too many PINs of this length are in use; take more digits")
    }

    /// Where it holds, and whose numbering counts there.
    private func place(_ wanted: CodeOrder.Issue) throws -> (AccessCode.Scope, space: String) {
        switch (wanted.terminal, wanted.group) {
        case (let text?, nil):
            guard let serial = SerialNumber(text) else {
                throw CodeRefusal(text: "“\(PlainText.line(text, limit: 64))” is no serial number")
            }
            return (.terminal(serial), terminals.idSpace(of: serial))
        case (nil, let name?):
            guard let group = terminals.group(named: name) else {
                throw CodeRefusal(
                    text:
                        "there is no section [Group \(PlainText.line(name, limit: 64))] in the settings file")
            }
            return (.group(group.name), group.hasOwnIDs ? group.name : "")
        default: throw CodeRefusal(text: "name a terminal or a group")
        }
    }
}
