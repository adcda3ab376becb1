extension CommandRequest {
    /// As it goes to a terminal: strict JSON, one object, `cmd` first, then the fields in the order of the catalogue
    /// and the others by name; numbers as numbers.
    ///
    /// `wallTime` is the terminal's wall time of this moment: what `settime` without a time of its own sends.
    package func encoded(for dialect: CommandDialect, at wallTime: WallTime?) -> [UInt8] {
        encoded(for: dialect, at: wallTime, adding: [:])
    }

    /// With fields of the gateway's own, such as `stn`.
    func encoded(for dialect: CommandDialect, at wallTime: WallTime?, adding own: [String: JSONValue])
        -> [UInt8]
    {
        let catalogued = catalogueWord
        var values = spelled(for: dialect, at: wallTime, rule: catalogued.rule)
        values.merge(catalogued.constants) { given, _ in given }
        values.merge(own) { _, ours in ours }
        var output: [UInt8] = Array("{\"cmd\":".utf8)
        output.append(jsonString: word)
        var order = catalogued.parameters.map(\.key).filter { values[$0] != nil }
        order += values.keys.filter { !order.contains($0) }.sorted()
        for key in order {
            guard let value = values[key] else { continue }
            output.append(.comma)
            output.append(jsonString: key)
            output.append(.colon)
            output.append(json: value)
        }
        output.append(.closeBrace)
        return output
    }

    /// The keys that this firmware family calls differently.
    private func spelled(for dialect: CommandDialect, at wallTime: WallTime?, rule: CommandWord.Rule)
        -> [String: JSONValue]
    {
        var values = fields
        if rule == .clock {
            let given = values.removeValue(forKey: "cloudtime")
            let other = values.removeValue(forKey: "time")
            if let time = given ?? other ?? wallTime.map({ .text($0.description) }) {
                for key in dialect.timeKeys { values[key] = time }
            }
        }
        if word == "enableuser", let enabled = values.removeValue(forKey: "enflag") ?? values["enable"] {
            values["enable"] = nil
            for key in dialect.enableKeys { values[key] = enabled }
        }
        return values
    }

    // MARK: Secrets

    /// The keys of fields that nobody may read: those that the catalogue calls secret, and any field in which, at any
    /// depth, something stands under a name that credentials have.
    package var secretKeys: Set<String> {
        let word = catalogueWord
        return Set(
            fields.filter { key, value in
                if let parameter = word.parameter(key) {
                    return parameter.isSecret
                }
                return SecretNames.contains(key) || SecretNames.stand(in: value)
            }.keys)
    }

    /// Without its secret fields, and these by themselves: what is stored in clear, and what is sealed first.
    package func splittingSecrets() -> (plain: CommandRequest, secrets: [String: JSONValue]) {
        let keys = secretKeys
        return (
            CommandRequest(word: word, fields: fields.filter { !keys.contains($0.key) }),
            fields.filter { keys.contains($0.key) }
        )
    }

    /// Whole again.
    package func joining(secrets: [String: JSONValue]) -> CommandRequest {
        CommandRequest(word: word, fields: fields.merging(secrets) { _, secret in secret })
    }

    /// The fields for a person to read: of secrets only how long they are. Strict JSON with sorted keys.
    package var maskedFields: String {
        let keys = secretKeys
        let shown = fields.map { key, value in (key, keys.contains(key) ? value.removed : value) }
        return JSONValue.object(Dictionary(uniqueKeysWithValues: shown)).strictText
    }
}

/// Names under which terminals send what nobody may read.
package enum SecretNames {
    private static let names: Set<String> = [
        "record", "card", "cardno", "cardnum", "cardid", "pwd", "password", "passwd", "pin", "pincode",
        "image",
        "photo", "picture", "face", "finger", "fp", "palm", "template", "signature", "qrcode", "facetemplate",
    ]

    package static func contains(_ key: String) -> Bool {
        let key = key.trimmingBlanks().lowercased()
        // `pwdsize` and `usedpwd` are counters.
        if key.hasSuffix("size") || key.hasPrefix("used") { return false }
        return names.contains(key) || ["pwd", "password", "passwd"].contains { key.contains($0) }
    }

    /// Whether, at any depth, something that is not itself a list or object stands under such a name.
    static func stand(in value: JSONValue) -> Bool {
        switch value {
        case .list(let values): values.contains(where: stand)
        case .object(let fields): fields.contains { isSecret($0.key, $0.value) || stand(in: $0.value) }
        default: false
        }
    }

    /// `record` is also the name of lists of rows, which are looked into.
    static func isSecret(_ key: String, _ value: JSONValue) -> Bool {
        guard contains(key) else { return false }
        switch value {
        case .list(let values):
            return !values.allSatisfy { if case .object = $0 { true } else { false } }
        case .object: return false
        case .null, .flag: return false
        default: return true
        }
    }
}
