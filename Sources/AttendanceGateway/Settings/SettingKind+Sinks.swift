import AttendanceCore
import Foundation

extension SettingKind where Value == Settings.StartFrom {
    static var startFrom: Self {
        Self(name: "now, all or YYYY-MM-DD") { (text) throws(ValueFault) -> Value in
            switch text.lowercased() {
            case "now": return .now
            case "all": return .all
            default:
                // Exactly this form: the journal's own parser would also take what terminals write.
                let isDay =
                    text.utf8.count == 10 && text.utf8.allSatisfy { $0 == 0x2D || (0x30...0x39).contains($0) }
                guard isDay, let day = WallTime(text + " 00:00:00") else {
                    throw ValueFault(
                        problem: "\(quoted(text)) is neither now, all nor a day",
                        remedy: "Write now, all or a day such as 2026-01-31")
                }
                return .day(day)
            }
        }
    }
}

extension SettingKind where Value == Settings.SinkList {
    static var sinks: Self {
        let names = SettingKind<[SinkName]>.list("names of sinks") { (text) throws(ValueFault) -> SinkName in
            if let name = SinkName(text.lowercased()) { return name }
            throw ValueFault(
                problem: "\(quoted(text)) is no name of a sink",
                remedy: "Write names with commas between, such as erpnext, payroll")
        }
        return Self(name: "all, none or list of sinks", isList: true) { (text) throws(ValueFault) -> Value in
            let found = try names.parse(text)
            switch found.map(\.text) {
            case ["all"]: return .everywhere
            case ["none"]: return .nowhere
            default:
                if let word = found.first(where: { ["all", "none"].contains($0.text) }) {
                    throw ValueFault(
                        problem: "\(word) stands together with other names",
                        remedy: "Write all, none, or the names of sinks")
                }
                return .these(Set(found))
            }
        }
    }
}

extension SettingKind where Value == SecretURL {
    /// An address with all its parts; the messages show none of it, because any part may be the secret.
    static var address: Self {
        Self(name: "address", isSecret: true) { (text) throws(ValueFault) -> Value in
            let remedy = "Write a whole address, such as https://hooks.example.com/path"
            guard let scheme = text.range(of: "://"),
                ["http", "https"].contains(text[..<scheme.lowerBound].lowercased())
            else {
                throw ValueFault(
                    problem: "the address begins with neither https:// nor http://", remedy: remedy)
            }
            let authority = text[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            if authority.contains("@") {
                throw ValueFault(
                    problem: "the address holds a user name or password",
                    remedy: "Remove the part before @ and send it as a header or token")
            }
            guard text.utf8.count <= 2048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
                !text.contains("#"), !authority.isEmpty, let url = URL(string: text), let host = url.host(),
                !host.isEmpty, url.port.map({ (1...65535).contains($0) }) ?? true
            else { throw ValueFault(problem: "the value is no address", remedy: remedy) }
            return SecretURL(url)
        }
    }
}

extension SettingKind where Value == [Settings.Webhook.Header] {
    private static var maximumHeaders: Int { 32 }

    /// One on each line, because a value may hold commas. The messages show names only: a value may be a secret.
    static var headers: Self {
        Self(name: "list of Name: value", isSecret: true, isList: true) {
            (text) throws(ValueFault) -> Value in
            var headers: Value = []
            for line in text.split(whereSeparator: \.isNewline) {
                let line = line.trimmingBlanks()
                if !line.isEmpty { headers.append(try header(line)) }
            }
            if headers.count > maximumHeaders {
                throw ValueFault(
                    problem: "there are \(headers.count) headers", remedy: "Write at most \(maximumHeaders)")
            }
            var names: Set<String> = []
            for header in headers where !names.insert(header.name.lowercased()).inserted {
                throw ValueFault(
                    problem: "the header \(header.name) stands twice", remedy: "Keep one of the two")
            }
            return headers
        }
    }

    private static func header(_ line: String) throws(ValueFault) -> Settings.Webhook.Header {
        guard let colon = line.firstIndex(of: ":") else {
            throw ValueFault(
                problem: "a header has no colon",
                remedy: "Write Name: value, each further header on an indented line of its own")
        }
        let name = line[..<colon].trimmingBlanks()
        // RFC 9110, section 5.6.2: token.
        guard (1...64).contains(name.utf8.count),
            name.utf8.allSatisfy({ isLetterOrDigit($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) })
        else {
            throw ValueFault(
                problem: "what stands before a colon is no name of a header",
                remedy: "Write Name: value, such as X-Source: gateway")
        }
        let own = [
            "host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent", "te",
            "upgrade", "expect",
        ]
        if own.contains(name.lowercased()) {
            throw ValueFault(
                problem: "the header \(name) is the gateway's own", remedy: "Remove it")
        }
        let value = line[line.index(after: colon)...].trimmingBlanks()
        if value.isEmpty || value.utf8.count > 4096 {
            throw ValueFault(
                problem: "the header \(name) has \(value.isEmpty ? "no value" : "more than 4096 characters")",
                remedy: "Write Name: value")
        }
        guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw ValueFault(
                problem: "the header \(name) holds characters that cannot be sent",
                remedy: "Use letters, digits and ASCII signs only")
        }
        // Two headers on one line would go out as one.
        if let comma = value.firstIndex(of: ","), let next = value[comma...].dropFirst().firstIndex(of: ":"),
            value[value.index(after: comma)..<next].trimmingBlanks().utf8.allSatisfy({
                isLetterOrDigit($0) || $0 == 0x2D
            })
        {
            throw ValueFault(
                problem: "the header \(name) seems to hold a second one behind a comma",
                remedy: "Write each header on an indented line of its own")
        }
        return Settings.Webhook.Header(name: name, value: Secret(value))
    }
}

extension SettingKind where Value == [ClosedRange<Int>] {
    static var statuses: Self {
        let ranges = list("status codes") { (text) throws(ValueFault) -> ClosedRange<Int> in
            let ends = text.split(separator: "-", omittingEmptySubsequences: false).map {
                Int($0.trimmingBlanks())
            }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
                (100...599).contains(first), (first...599).contains(last)
            else {
                throw ValueFault(
                    problem: "\(quoted(text)) is no status code",
                    remedy: "Write codes from 100 to 599 with commas between, such as 200-299, 409")
            }
            return first...last
        }
        return Self(name: ranges.name, isList: true) { (text) throws(ValueFault) -> Value in
            let found = try ranges.parse(text)
            if found.isEmpty {
                throw ValueFault(
                    problem: "there is no status code",
                    remedy: "Write one, such as 200-299, or remove the line")
            }
            return found
        }
    }
}

extension SettingKind where Value == Settings.Webhook.SuccessField {
    static var successField: Self {
        Self(name: "field or field = value") { (text) throws(ValueFault) -> Value in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let path = parts[0].trimmingBlanks().split(separator: ".", omittingEmptySubsequences: false)
                .map(String.init)
            let value = parts.count == 2 ? parts[1].trimmingBlanks() : nil
            guard (1...8).contains(path.count), value?.isEmpty != true,
                path.allSatisfy({ step in
                    (1...64).contains(step.utf8.count)
                        && step.utf8.allSatisfy { isLetterOrDigit($0) || $0 == 0x5F || $0 == 0x2D }
                })
            else {
                throw ValueFault(
                    problem: "\(quoted(text)) is no field of an answer",
                    remedy: "Write for example data.id, or status.ok = true (at most 8 levels)")
            }
            return Settings.Webhook.SuccessField(path: path, value: value)
        }
    }
}

extension SettingKind where Value == String {
    static var chat: Self {
        Self(name: "chat") { (text) throws(ValueFault) -> Value in
            let isNumber = Int64(text) != nil
            let isName =
                text.hasPrefix("@") && (2...64).contains(text.utf8.count)
                && text.utf8.dropFirst().allSatisfy { isLetterOrDigit($0) || $0 == 0x5F }
            guard isNumber || isName else {
                throw ValueFault(
                    problem: "\(quoted(text)) is no chat",
                    remedy: "Write its number, such as -1001234567890, or @name")
            }
            return text
        }
    }

    /// An address of mail, safe as an argument of a program and in a header line.
    static var mailAddress: Self {
        Self(name: "mail address") { (text) throws(ValueFault) -> Value in
            let parts = text.split(separator: "@", omittingEmptySubsequences: false)
            guard text.utf8.count <= 254, !text.hasPrefix("-"), parts.count <= 2,
                parts.allSatisfy({ part in
                    !part.isEmpty
                        && part.utf8.allSatisfy {
                            isLetterOrDigit($0) || ".!#$%&'*+/=?^_{|}~-".utf8.contains($0)
                        }
                })
            else {
                throw ValueFault(
                    problem: "\(quoted(text)) is no mail address",
                    remedy: "Write name@example.com, or the name of a user of this machine")
            }
            return text
        }
    }

    /// A program by its absolute path: it is run without a shell and without a search.
    static var program: Self {
        Self(name: "path of a program") { (text) throws(ValueFault) -> Value in
            guard text.hasPrefix("/"), !text.contains(where: \.isNewline) else {
                throw ValueFault(
                    problem: "\(quoted(text)) is no absolute path",
                    remedy: "Write the program's whole path and nothing else, such as /usr/sbin/sendmail")
            }
            return text
        }
    }
}

extension SettingKind where Value == [String] {
    static var mailAddresses: Self {
        let one = SettingKind<String>.mailAddress
        return list("mail addresses") { (text) throws(ValueFault) -> String in try one.parse(text) }
    }
}
