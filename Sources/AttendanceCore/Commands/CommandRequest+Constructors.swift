/// The commands the gateway itself gives: checked by their types, and where a value may be too large, like those of
/// a person.
extension CommandRequest {
    /// So many users a `setusername` names at most.
    package static let maximumNames = 50

    // MARK: Users

    /// All pages are asked for by the exchange.
    package static let getUserList = CommandRequest(word: "getuserlist")
    package static let getUserIDs = CommandRequest(word: "getuserids")
    package static let getAllUsers = CommandRequest(word: "getallusers")

    /// One credential; the first there is without a slot.
    package static func getUserInfo(_ id: EnrollID, slot: CredentialSlot? = nil) throws(CommandRefusal)
        -> CommandRequest
    {
        var fields: [String: JSONValue] = ["enrollid": .text(id.canonical)]
        fields["backupnum"] = slot.map { .integer($0.number) }
        return try CommandCatalogue.request("getuserinfo", fields: fields)
    }

    /// One credential of one user. `origin` is needed for templates: it must be of the algorithm of the terminal.
    ///
    /// `record` is what `CredentialSlot` says: template or photo as text, PIN or card as number or text.
    package static func setUserInfo(
        _ id: EnrollID, name: String, admin: Int64 = 0, slot: CredentialSlot, record: JSONValue,
        origin: TemplateOrigin? = nil, for traits: TerminalTraits
    ) throws(CommandRefusal) -> CommandRequest {
        if slot.isTemplate, let problem = (origin ?? TemplateOrigin(algorithm: nil)).fault(for: traits) {
            throw CommandRefusal(word: "setuserinfo", problems: [problem])
        }
        return try CommandCatalogue.request(
            "setuserinfo",
            fields: [
                "enrollid": .text(id.canonical), "name": .text(fittingName(name)), "admin": .integer(admin),
                "backupnum": .integer(slot.number), "record": record,
            ], for: traits)
    }

    /// The whole user: 13, never 12 (docs/protocol.md §6.1).
    package static func deleteUser(_ id: EnrollID) throws(CommandRefusal) -> CommandRequest {
        try CommandCatalogue.request(
            "deleteuser", fields: ["enrollid": .text(id.canonical), "backupnum": .integer(13)])
    }

    /// One credential.
    package static func deleteCredential(_ id: EnrollID, slot: CredentialSlot) throws(CommandRefusal)
        -> CommandRequest
    {
        guard slot != .allFingerprints, slot != .wholeUser else {
            throw CommandRefusal(
                word: "deleteuser",
                problems: [
                    CommandProblem(
                        field: "backupnum", found: "\(slot.number)", allowed: "the slot of one credential")
                ])
        }
        return try CommandCatalogue.request(
            "deleteuser", fields: ["enrollid": .text(id.canonical), "backupnum": .integer(slot.number)])
    }

    /// All fingerprints and nothing else: at once where 12 means that, else one by one.
    package static func deleteFingerprints(_ id: EnrollID, for traits: TerminalTraits) throws(CommandRefusal)
        -> [CommandRequest]
    {
        let slots: [Int64] = traits.dialect.deletesFingerprintsAtOnce ? [12] : Array(0...9)
        var requests: [CommandRequest] = []
        for slot in slots {
            requests.append(
                try CommandCatalogue.request(
                    "deleteuser", fields: ["enrollid": .text(id.canonical), "backupnum": .integer(slot)]))
        }
        return requests
    }

    package static func getUserName(_ id: EnrollID) throws(CommandRefusal) -> CommandRequest {
        try CommandCatalogue.request("getusername", fields: ["enrollid": .text(id.canonical)])
    }

    /// As many requests as it takes. Names are cut to what fits.
    package static func setUserNames(_ names: [(id: EnrollID, name: String)]) throws(CommandRefusal)
        -> [CommandRequest]
    {
        var requests: [CommandRequest] = []
        for start in stride(from: 0, to: names.count, by: maximumNames) {
            let rows = names[start..<min(start + maximumNames, names.count)].map { id, name in
                JSONValue.object(["enrollid": .text(id.canonical), "name": .text(fittingName(name))])
            }
            requests.append(try CommandCatalogue.request("setusername", fields: ["record": .list(rows)]))
        }
        return requests
    }

    package static func enableUser(_ id: EnrollID, _ isEnabled: Bool) throws(CommandRefusal) -> CommandRequest
    {
        try CommandCatalogue.request(
            "enableuser", fields: ["enrollid": .text(id.canonical), "enflag": .flag(isEnabled)])
    }

    /// Asks a person at the terminal to be enrolled; what is captured comes by `senduser`.
    package static func addUser(_ id: EnrollID, name: String, slot: CredentialSlot, admin: Int64 = 0)
        throws(CommandRefusal) -> CommandRequest
    {
        try CommandCatalogue.request(
            "adduser",
            fields: [
                "enrollid": .text(id.canonical), "name": .text(fittingName(name)), "admin": .integer(admin),
                "backupnum": .integer(slot.number), "flag": .integer(10),
            ])
    }

    package static let cancelAddUser = CommandRequest(word: "canceladduser")

    /// A name without control characters, cut between characters to what terminals are sent.
    package static func fittingName(_ name: String) -> String {
        var fitting = ""
        var size = 0
        for character in PlainText.line(name, limit: CommandCatalogue.maximumName) {
            size += character.utf8.count
            guard size <= CommandCatalogue.maximumName else { break }
            fitting.append(character)
        }
        return fitting
    }

    // MARK: Logs

    package static let getNewLog = CommandRequest(word: "getnewlog")

    /// The logs of some days, both included, of the terminal's wall clock; all without them.
    package static func getAllLog(from: WallTime? = nil, to: WallTime? = nil) -> CommandRequest {
        var fields: [String: JSONValue] = [:]
        fields["from"] = from.map { .text(String($0.description.prefix(10))) }
        fields["to"] = to.map { .text(String($0.description.prefix(10))) }
        return CommandRequest(word: "getalllog", fields: fields)
    }

    // MARK: Device

    /// To the wall time of the moment in which it is sent, under the keys of the terminal's dialect.
    package static let setTime = CommandRequest(word: "settime")
    package static let getTime = CommandRequest(word: "gettime")
    package static let getDeviceInfo = CommandRequest(word: "getdevinfo")
    package static let disableDevice = CommandRequest(word: "disabledevice")
    package static let enableDevice = CommandRequest(word: "enabledevice")
    package static let reboot = CommandRequest(word: "reboot")

    package static func setDeviceInfo(_ settings: [String: JSONValue]) throws(CommandRefusal)
        -> CommandRequest
    {
        try CommandCatalogue.request("setdevinfo", fields: settings)
    }
}
