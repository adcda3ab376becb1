/// What a terminal answered beside yes, by the word it answers.
package enum CommandResult: Hashable, Sendable {
    case plain
    /// One page of `getuserlist`.
    case users([UserRow])
    /// `getuserinfo`, and one answer of `getallusers`.
    case credential(UserCredential)
    case userIDs([EnrollID])
    case name(String)
    /// `getuserprofile`
    case profile(String)
    case time(WallTime)
    case exists(Bool)
    /// `getdevinfo`, `getdevcap`, `getreg`: flat keys.
    case settings([String: JSONValue])
    case lock([String: JSONValue])
    case userLock(UserLock)
    case holidays([Holiday])
    case questionnaire([String: JSONValue])
    /// All pages of a list, each of which came by itself.
    case pages(PageWalk.Summary)
    case other([String: JSONValue])

    /// One credential of one user, without the credential.
    package struct UserRow: Hashable, Sendable {
        package var enrollID: EnrollID
        package var admin: Int64
        package var backupNumber: Int64

        package init(enrollID: EnrollID, admin: Int64, backupNumber: Int64) {
            self.enrollID = enrollID
            self.admin = admin
            self.backupNumber = backupNumber
        }
    }

    /// A credential with its secret. Never in logs, journal or messages: `masked` shows what may be shown.
    package struct UserCredential: Hashable, Sendable {
        package var enrollID: EnrollID
        package var name: String
        package var admin: Int64
        package var backupNumber: Int64
        /// Template, photo, PIN or card number as the terminal sent it; `null` where there is none.
        package var record: JSONValue

        package init(
            enrollID: EnrollID, name: String, admin: Int64, backupNumber: Int64, record: JSONValue
        ) {
            self.enrollID = enrollID
            self.name = name
            self.admin = admin
            self.backupNumber = backupNumber
            self.record = record
        }
    }

    /// When a user may pass: up to four weeks by number, 0 for none.
    package struct UserLock: Hashable, Sendable {
        package var enrollID: EnrollID?
        package var weekZones: [Int64]
        package var group: Int64
        package var start: String
        package var end: String
    }

    package struct Holiday: Hashable, Sendable {
        package var name: String
        /// `MM-DD`
        package var start: String
        package var end: String
        package var shift: Int64
        package var dayZone: Int64
    }

    // MARK: Reading

    /// What `answer` says to a command of `kind`; nil when it lacks what such an answer must have.
    package init?(_ kind: CommandWord.AnswerKind, from answer: CommandAnswer, to request: CommandRequest) {
        let fields = answer.fields
        func text(_ key: String) -> String { fields[key]?.plainText.map { PlainText.line($0) } ?? "" }
        func number(_ key: String) -> Int64 { fields[key]?.wholeNumber ?? 0 }
        switch kind {
        case .nothing, .plain: self = .plain
        case .users: self = .users(Self.rows(fields["record"]))
        case .allUsers, .credential:
            guard let id = answer.enrollID ?? request.fields["enrollid"]?.plainText.flatMap({ EnrollID($0) }),
                let slot = fields["backupnum"]?.wholeNumber ?? request.fields["backupnum"]?.wholeNumber
            else { return nil }
            self = .credential(
                UserCredential(
                    enrollID: id, name: fields["name"]?.plainText?.prefix(scalars: 200) ?? "",
                    admin: number("admin"), backupNumber: slot, record: fields["record"] ?? .null))
        case .userIDs: self = .userIDs(Self.ids(fields))
        case .name:
            guard let name = (fields["record"] ?? fields["name"])?.plainText else { return nil }
            self = .name(PlainText.line(name))
        case .profile:
            guard let profile = (fields["record"] ?? fields["profile"])?.plainText else { return nil }
            self = .profile(PlainText.line(profile))
        case .exists:
            guard let exists = fields["exists"]?.truth ?? answer.result else { return nil }
            self = .exists(exists)
        case .time:
            guard let time = (fields["time"] ?? fields["cloudtime"])?.plainText.flatMap({ WallTime($0) })
            else { return nil }
            self = .time(time)
        case .settings: self = .settings(fields)
        case .lock: self = .lock(fields)
        case .userLock:
            var source = fields
            if case .object(let inner)? = fields["record"] { source = inner }
            if case .list(let rows)? = fields["record"], case .object(let first)? = rows.first {
                source = first
            }
            self = .userLock(
                UserLock(
                    enrollID: (source["enrollid"] ?? fields["enrollid"])?.plainText.flatMap { EnrollID($0) },
                    weekZones: ["weekzone", "weekzone2", "weekzone3", "weekzone4"].map {
                        source[$0]?.wholeNumber ?? 0
                    },
                    group: source["group"]?.wholeNumber ?? 0,
                    start: source["starttime"]?.plainText.map { PlainText.line($0, limit: 32) } ?? "",
                    end: source["endtime"]?.plainText.map { PlainText.line($0, limit: 32) } ?? ""))
        case .holidays: self = .holidays(Self.holidays(fields["holidays"]))
        case .questionnaire: self = .questionnaire(fields)
        case .logs, .other: self = .other(fields)
        }
    }

    static func rows(_ value: JSONValue?) -> [UserRow] {
        entries(value).compactMap { entry in
            guard case .object(let row) = entry, let id = row["enrollid"]?.plainText.flatMap({ EnrollID($0) })
            else { return nil }
            return UserRow(
                enrollID: id, admin: row["admin"]?.wholeNumber ?? 0,
                backupNumber: row["backupnum"]?.wholeNumber ?? 0)
        }
    }

    /// The first list there is, of numbers, texts, or objects with `enrollid`.
    private static func ids(_ fields: [String: JSONValue]) -> [EnrollID] {
        let named = ["record", "enrollids", "userids", "ids", "users", "enrollid"].lazy.compactMap {
            fields[$0]
        }
        return entries(named.first).compactMap { entry in
            if case .object(let row) = entry { return row["enrollid"]?.plainText.flatMap { EnrollID($0) } }
            return entry.plainText.flatMap { EnrollID($0) }
        }
    }

    private static func holidays(_ value: JSONValue?) -> [Holiday] {
        entries(value).compactMap { entry in
            guard case .object(let day) = entry else { return nil }
            func text(_ key: String) -> String {
                day[key]?.plainText.map { PlainText.line($0, limit: 64) } ?? ""
            }
            return Holiday(
                name: text("name"), start: text("startday"), end: text("endday"),
                shift: day["shift"]?.wholeNumber ?? 0, dayZone: day["dayzone"]?.wholeNumber ?? 0)
        }
    }

    /// The entries of a list; one object is a list of one (quirk Q10).
    static func entries(_ value: JSONValue?) -> [JSONValue] {
        switch value {
        case .list(let values)?: values
        case .object?: value.map { [$0] } ?? []
        default: []
        }
    }

    // MARK: Showing

    /// Kept of a result that is shown: more is cut.
    package static let maximumShown = 64 * 1024

    /// The result without secrets, for the journal and for people: of templates, photos, PINs and cards only how many
    /// bytes they have. Nil where there is nothing to tell.
    package var masked: JSONValue? {
        switch self {
        case .plain: nil
        case .users(let rows):
            .object([
                "users": .list(
                    rows.map {
                        .object([
                            "enrollid": .text($0.enrollID.sent), "admin": .integer($0.admin),
                            "backupnum": .integer($0.backupNumber),
                        ])
                    })
            ])
        case .credential(let user):
            .object([
                "enrollid": .text(user.enrollID.sent), "name": .text(user.name),
                "admin": .integer(user.admin),
                "backupnum": .integer(user.backupNumber), "record": user.record.removed,
            ])
        case .userIDs(let ids): .object(["users": .list(ids.map { .text($0.sent) })])
        case .name(let name): .object(["name": .text(name)])
        case .profile(let profile): .object(["profile": .text(profile)])
        case .time(let time): .object(["time": .text(time.description)])
        case .exists(let exists): .object(["exists": .flag(exists)])
        case .settings(let fields), .lock(let fields), .other(let fields):
            fields.isEmpty ? nil : JSONValue.object(fields).masked
        case .questionnaire(let fields):
            // Here `card` is a yes or no of what is asked, and no card.
            .object(fields)
        case .userLock(let lock):
            .object([
                "enrollid": lock.enrollID.map { .text($0.sent) } ?? .null,
                "weekzones": .list(lock.weekZones.map { .integer($0) }), "group": .integer(lock.group),
                "starttime": .text(lock.start), "endtime": .text(lock.end),
            ])
        case .holidays(let days):
            .object([
                "holidays": .list(
                    days.map {
                        .object([
                            "name": .text($0.name), "startday": .text($0.start), "endday": .text($0.end),
                            "shift": .integer($0.shift), "dayzone": .integer($0.dayZone),
                        ])
                    })
            ])
        case .pages(let summary):
            .object(["pages": .integer(Int64(summary.pages)), "entries": .integer(Int64(summary.entries))])
        }
    }

    /// `masked` as strict JSON with sorted keys, at most `maximumShown` bytes: what is longer is told by its length.
    package var maskedText: String? {
        guard let text = masked?.strictText else { return nil }
        guard text.utf8.count > Self.maximumShown else { return text }
        return "{\"cut\":\"\(text.utf8.count) bytes\"}"
    }
}

extension JSONValue {
    /// Without what nobody may read, at any depth: values under the names of credentials, and long unbroken texts,
    /// which are templates or photos whatever they are called.
    package var masked: JSONValue {
        switch self {
        case .object(let fields):
            .object(
                Dictionary(
                    uniqueKeysWithValues: fields.map { key, value in
                        (key, SecretNames.isSecret(key, value) ? value.removed : value.masked)
                    }))
        case .list(let values): .list(values.map(\.masked))
        case .text(let text) where text.utf8.count > 256 && !text.contains(" "): removed
        default: self
        }
    }
}
