/// A credential as a terminal sends it: `senduser`, its kin, and the answer to `getuserinfo`. Secret.
package struct Enrolment: Hashable, Sendable {
    package var enrollID: EnrollID
    package var name: String?
    package var role: PersonRole?
    /// Nil where the message has no credential, only a name.
    package var content: CredentialContent?
    /// `fpalgo` of the terminal it comes from; nil when not known.
    package var algorithm: String?
    /// Why the credential of the message cannot be taken; nothing of it is repeated.
    package var defect: CredentialDefect?

    package init(
        enrollID: EnrollID, name: String? = nil, role: PersonRole? = nil, content: CredentialContent? = nil,
        algorithm: String? = nil, defect: CredentialDefect? = nil
    ) {
        self.algorithm = algorithm
        self.enrollID = enrollID
        self.name = name
        self.role = role
        self.content = content
        self.defect = defect
    }
}

/// Takes a person's credential out of a message that `FrameDecoder` has read before.
package enum EnrolmentReader {
    /// Words under which terminals push credentials.
    package static let words: Set<String> = [
        "senduser", "sendface", "sendfp", "sendpalm", "sendcard", "sendpwd",
    ]

    /// Nil when the message names nobody: no id, the door's or the stranger's.
    ///
    /// - `algorithm`: `fpalgo` of the terminal.
    package static func read(
        _ bytes: UnsafeRawBufferPointer, word: String, algorithm: String?
    ) throws(FrameError) -> Enrolment? {
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var json = JSONReader(bytes, range: start..<bytes.count, maximumDepth: 64)
        guard json.peek() == .openBrace else { return nil }
        try json.open()
        var fields: [String: JSONReader.Value] = [:]
        var isFirst = true
        while try json.next(before: .closeBrace, isFirst: &isFirst) {
            let key = try json.key()
            let name = try json.identifier(key).trimmingBlanks()
            let value = try json.value()
            if Self.keys.contains(name) { fields[name] = value }
        }
        func text(_ key: String) -> String? { fields[key].flatMap { json.textOrNumber($0) } }
        func number(_ key: String) -> Int? {
            fields[key].flatMap { json.integer($0) }.map(Int.init(clamping:))
        }
        guard let id = text("enrollid").flatMap({ EnrollID($0) }), !id.isDoor, !id.isStranger else {
            return nil
        }
        var enrolment = Enrolment(
            enrollID: id, name: text("name").map { Person.usableName($0) },
            role: number("admin").flatMap { PersonRole(rawValue: $0) }, algorithm: algorithm)
        if enrolment.name?.isEmpty == true { enrolment.name = nil }
        guard let record = text("record") ?? text("card") ?? text("pwd") ?? text("image"), !record.isEmpty
        else { return enrolment }
        do throws(CredentialDefect) {
            enrolment.content = try content(
                record, slot: number("backupnum") ?? slot(of: record, word), algorithm: algorithm)
        } catch {
            enrolment.defect = error
        }
        return enrolment
    }

    private static let keys: Set<String> = [
        "enrollid", "name", "admin", "backupnum", "record", "card", "pwd", "image",
    ]

    private static func content(
        _ record: String, slot: Int, algorithm: String?
    ) throws(CredentialDefect) -> CredentialContent? {
        // "0" in slot 0 is a user without any credential (Topdata, docs/protocol.md §6.1).
        if slot == 0, record == "0" { return nil }
        return try CredentialContent(slot: slot, record: record, algorithm: algorithm)
    }

    /// Where a firmware leaves out `backupnum`: by its word, else by what it looks like.
    private static func slot(of record: String, _ word: String) -> Int {
        switch word {
        case "sendcard": 11
        case "sendpwd": 10
        case "sendfp": 0
        case "sendpalm": 30
        // The first bytes of every JPEG in base64.
        default: record.hasPrefix("/9j/") || record.hasPrefix("data:") ? 50 : 51
        }
    }
}
