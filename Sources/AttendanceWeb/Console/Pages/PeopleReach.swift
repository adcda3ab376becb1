import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// Whom a visitor may see: those of id spaces within their reach, and those whom a terminal within it holds.
struct PeopleReach: Sendable {
    private let operations: Operations
    private let principal: Principal?
    /// Terminals within reach that were ever heard of, by serial number.
    let terminals: [TerminalReport]
    /// Whose numbering each of them has.
    private let spaces: [SerialNumber: String]

    init(_ roll: TerminalsRoll, _ context: ConsoleContext) async throws {
        operations = roll.operations
        principal = context.principal
        terminals = try await roll.all(context)
        var spaces: [SerialNumber: String] = [:]
        for report in terminals {
            if let serial = SerialNumber(report.serial) { spaces[serial] = operations.field.space(serial) }
        }
        self.spaces = spaces
    }

    var isLimited: Bool { principal?.reach?.groups != nil }

    /// Whether everybody of an id space is theirs to see and to change. The one that all other terminals share is so
    /// only for those who reach all groups.
    func isWhole(_ space: String) -> Bool {
        space.isEmpty ? !isLimited : principal?.reaches(group: space) ?? false
    }

    /// Id spaces of which they may see at least somebody, "" first.
    var visible: [String] {
        let there = Set(spaces.values)
        return operations.field.spaces().filter { isWhole($0) || there.contains($0) }
    }

    /// Terminals of an id space within reach.
    func terminals(of space: String) -> [TerminalReport] {
        terminals.filter { SerialNumber($0.serial).map { spaces[$0] == space } ?? false }
    }

    func reaches(_ serial: SerialNumber) -> Bool { spaces[serial] != nil }

    func space(of serial: SerialNumber) -> String? { spaces[serial] }

    /// The terminals within reach that hold somebody.
    func holders(of key: PersonKey) async throws -> [SerialNumber] {
        try await operations.store.holders(of: key.enrollID).filter { spaces[$0] == key.space }
    }

    func sees(_ key: PersonKey) async throws -> Bool {
        if isWhole(key.space) { return true }
        return try await !holders(of: key).isEmpty
    }

    // MARK: Addresses

    /// An id space as a part of a path, which cannot be empty.
    static func slug(_ space: String) -> String {
        space.isEmpty ? "-" : space.hasPrefix("-") ? "-" + space : space
    }

    static func space(slug: String) -> String {
        slug == "-" ? "" : slug.hasPrefix("--") ? String(slug.dropFirst()) : slug
    }

    static func path(_ key: PersonKey) -> String {
        Console.path("people", slug(key.space), key.enrollID.sent)
    }
}

extension CredentialKind {
    /// Of its name in the words.
    var word: String { "kind_\(rawValue)" }
}
