import AttendanceCore
import Foundation
import Logging

/// What is wrong with a value. Says nothing of where it stands, and never repeats a secret.
struct ValueFault: Error, Hashable {
    /// Continues a sentence that begins with the key: `"80a" is no whole number`.
    var problem: String
    var remedy: String
}

/// How the text of a value is read.
struct SettingKind<Value: Sendable>: Sendable {
    /// As it stands in the reference: `whole number, 0 to 65535`.
    var name: String
    var isSecret = false
    /// May go on over indented lines.
    var isList = false
    var parse: @Sendable (String) throws(ValueFault) -> Value
}

extension SettingKind {
    /// Blank means nil.
    static func optional<Wrapped: Sendable>(_ kind: SettingKind<Wrapped>) -> Self where Value == Wrapped? {
        Self(name: kind.name, isSecret: kind.isSecret, isList: kind.isList) {
            (text) throws(ValueFault) -> Value in
            text.isEmpty ? nil : try kind.parse(text)
        }
    }

    /// One of a few words, in any letter case.
    static func choice(_ words: KeyValuePairs<String, Value>) -> Self {
        let list = words.map(\.key)
        let values = words.map(\.value)
        let all = list.dropLast().joined(separator: ", ") + " or " + (list.last ?? "")
        return Self(name: all) { (text) throws(ValueFault) -> Value in
            if let index = list.firstIndex(where: { $0.lowercased() == text.lowercased() }) {
                return values[index]
            }
            throw ValueFault(
                problem: "\(quoted(text)) is not known", remedy: "Write \(all)")
        }
    }
}

extension SettingKind where Value == String {
    static var text: Self {
        Self(name: "text") { (text) throws(ValueFault) -> Value in
            if text.isEmpty {
                throw ValueFault(problem: "the value is blank", remedy: "Write one, or remove the line")
            }
            return text
        }
    }

    static var folder: Self {
        Self(name: "path", parse: SettingKind<String>.text.parse)
    }

    static var zone: Self {
        Self(name: "time zone") { (text) throws(ValueFault) -> Value in
            if ZoneRules(identifier: text) != nil { return text }
            let known = TimeZone.knownTimeZoneIdentifiers
            let near =
                known.first { $0.lowercased().hasSuffix("/" + text.lowercased()) }
                ?? Suggestion.nearest(to: text, among: known)
            throw ValueFault(
                problem: "\(quoted(text)) is no time zone of this machine",
                remedy: near.map { "Perhaps \($0) is meant" }
                    ?? "Write a name such as Asia/Kolkata (timedatectl list-timezones shows all)")
        }
    }

    static var host: Self {
        Self(name: "address or host name") { (text) throws(ValueFault) -> Value in
            if NetworkAddress(text) != nil { return text }
            let digitsAndDots = text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E }
            let labels = text.split(separator: ".", omittingEmptySubsequences: false)
            let isName = labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.utf8.first != 0x2D && label.utf8.last != 0x2D
                    && label.utf8.allSatisfy { $0 == 0x2D || $0 == 0x5F || isLetterOrDigit($0) }
            }
            if isName, !digitsAndDots, text.utf8.count <= 253 { return text }
            throw ValueFault(
                problem: "\(quoted(text)) is no address and no host name",
                remedy:
                    "Write 0.0.0.0 for all IPv4 addresses, :: for IPv6 as well, or one address of this machine"
            )
        }
    }

    /// The path of a method on the ERP site; no leading slash in the result.
    static var endpoint: Self {
        Self(name: "path of a method") { (text) throws(ValueFault) -> Value in
            let path = text.drop { $0 == "/" }
            guard !path.isEmpty, !text.contains("://"),
                path.utf8.allSatisfy({ isLetterOrDigit($0) || "/._-%~".utf8.contains($0) })
            else {
                throw ValueFault(
                    problem: "\(quoted(text)) is no path",
                    remedy: "Write the part behind the site's address, such as api/method/app.module.function"
                )
            }
            return String(path)
        }
    }

    /// A column of the ERP's Employee.
    static var identifier: Self {
        Self(name: "field name") { (text) throws(ValueFault) -> Value in
            guard !text.isEmpty, text.utf8.allSatisfy({ isLetterOrDigit($0) || $0 == 0x5F }) else {
                throw ValueFault(
                    problem: "\(quoted(text)) is no field name",
                    remedy: "Write the name of a field of Employee, such as attendance_device_id")
            }
            return text
        }
    }
}

extension SettingKind where Value == Secret {
    /// `^/[unreserved characters]+$`
    static var urlPath: Self {
        Self(name: "secret path", isSecret: true) { (text) throws(ValueFault) -> Value in
            guard text.hasPrefix("/"), text.utf8.count >= 9,
                text.utf8.allSatisfy({ isLetterOrDigit($0) || "/._-~".utf8.contains($0) })
            else {
                throw ValueFault(
                    problem: "the value is no path that is hard to guess",
                    remedy: "Write / and at least 8 letters, digits or - . _ ~, such as /terminals-8f3ka02m")
            }
            return Secret(text)
        }
    }

    /// Something that goes into an HTTP header: visible ASCII, blanks only where `blanks` allows them.
    static func headerSecret(_ name: String, blanks: Bool) -> Self {
        Self(name: name, isSecret: true) { (text) throws(ValueFault) -> Value in
            guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) || (blanks && $0 == 0x20) }) else {
                throw ValueFault(
                    problem: blanks
                        ? "the value holds characters that cannot be sent in a header"
                        : "the value holds blanks or characters that cannot be sent in a header",
                    remedy: "Use letters, digits and ASCII signs only")
            }
            if isPlaceholder(text) {
                throw ValueFault(
                    problem: "the value is the placeholder of a sample",
                    remedy: "Write a secret of your own (openssl rand -hex 24 makes one), or leave it blank")
            }
            return Secret(text)
        }
    }

    /// What goes into a path or a query as it is.
    static var terminalToken: Self {
        Self(name: "secret", isSecret: true) { (text) throws(ValueFault) -> Value in
            guard TokenText.isSound(text) else {
                throw ValueFault(
                    problem: "the value is no token",
                    remedy: "Write 16 to 128 letters, digits or - . _ ~ (openssl rand -hex 16 makes one)")
            }
            return Secret(text)
        }
    }

    static var token: Self {
        headerSecret("secret", blanks: false)
    }
    static var header: Self {
        headerSecret("secret", blanks: true)
    }

    /// What samples and tutorials write where a secret belongs.
    private static func isPlaceholder(_ text: String) -> Bool {
        let letters = text.lowercased().filter { $0.isLetter }
        let known = [
            "changeme", "changethis", "changeit", "replaceme", "replacethis", "yoursecrettoken", "yourtoken",
            "yoursecret", "yourauthtoken", "yourtokenhere", "yoursecrettokenhere", "yourapikey",
            "yourapisecret",
            "yourauthtokenhere", "yoursecuretoken", "yoursecuretokenhere", "secret", "secrettoken", "token",
            "example", "exampletoken", "password", "todo", "xxx", "xxxx", "xxxxxxxx", "mysecrettoken",
            "tokenapikeyapisecret", "insertyourtokenhere",
        ]
        // "secret-7f3a…" is a real token with letters of its own; "secret", "secret123" and "<secret>" are not.
        return known.contains(letters) && text.filter(\.isNumber).count <= 4
    }
}

extension SettingKind where Value == Bool {
    static var flag: Self {
        Self(name: "yes or no") { (text) throws(ValueFault) -> Value in
            switch text.lowercased() {
            case "yes", "true", "on", "1": return true
            case "no", "false", "off", "0": return false
            default:
                throw ValueFault(problem: "\(quoted(text)) is neither yes nor no", remedy: "Write yes or no")
            }
        }
    }
}

extension SettingKind where Value == Int {
    static func integer(_ range: ClosedRange<Int>) -> Self {
        let words = "\(range.lowerBound) to \(range.upperBound)"
        return Self(name: "whole number, \(words)") { (text) throws(ValueFault) -> Value in
            guard let value = Int(text) else {
                throw ValueFault(
                    problem: "\(quoted(text)) is no whole number", remedy: "Write one from \(words)")
            }
            guard range.contains(value) else {
                throw ValueFault(problem: "\(value) is out of range", remedy: "Write a number from \(words)")
            }
            return value
        }
    }

    /// Bytes, also as `512 KiB` or `8 MiB`.
    static func bytes(_ range: ClosedRange<Int>) -> Self {
        func words(_ count: Int) -> String {
            count % (1 << 20) == 0 ? "\(count >> 20) MiB" : "\(count >> 10) KiB"
        }
        let limits = "\(words(range.lowerBound)) to \(words(range.upperBound))"
        return Self(name: "size, \(limits)") { (text) throws(ValueFault) -> Value in
            let digits = text.prefix { $0.isASCII && $0.isNumber }
            let unit = text[digits.endIndex...].trimmingBlanks().lowercased()
            let factor: Int? =
                switch unit {
                case "", "b", "bytes": 1
                case "k", "kb", "kib": 1 << 10
                case "m", "mb", "mib": 1 << 20
                default: nil
                }
            guard let factor, let count = Int(digits) else {
                throw ValueFault(
                    problem: "\(quoted(text)) is no size", remedy: "Write bytes, or for example 8 MiB")
            }
            let (value, overflow) = count.multipliedReportingOverflow(by: factor)
            guard !overflow, range.contains(value) else {
                throw ValueFault(
                    problem: "\(quoted(text)) is out of range", remedy: "Write a size from \(limits)")
            }
            return value
        }
    }
}

extension SettingKind where Value == Duration {
    static func seconds(_ range: ClosedRange<Int>) -> Self {
        whole(range, unit: "seconds") { .seconds($0) }
    }
    static func minutes(_ range: ClosedRange<Int>) -> Self {
        whole(range, unit: "minutes") { .seconds($0 * 60) }
    }
    static func hours(_ range: ClosedRange<Int>) -> Self {
        whole(range, unit: "hours") { .seconds($0 * 3600) }
    }

    static func days(_ range: ClosedRange<Int>) -> Self {
        whole(range, unit: "days") { .seconds($0 * 86_400) }
    }

    private static func whole(
        _ range: ClosedRange<Int>, unit: String, make: @escaping @Sendable (Int) -> Duration
    ) -> Self {
        let number = SettingKind<Int>.integer(range)
        return Self(name: "\(unit), \(range.lowerBound) to \(range.upperBound)") {
            (text) throws(ValueFault) -> Value in
            make(try number.parse(text))
        }
    }
}

extension SettingKind where Value == URL {
    /// The address of a site: `http` or `https`, a host, no user, no query. The result's path ends in a slash.
    static var site: Self {
        Self(name: "address of a site") { (text) throws(ValueFault) -> Value in
            let example = "Write the site's address, such as https://erp.example.com"
            guard let scheme = text.range(of: "://") else {
                throw ValueFault(problem: "the address has no https:// or http:// in front", remedy: example)
            }
            // Before anything is repeated in a message: an address with a password in it must not be shown.
            let authority = text[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            if authority.contains("@") {
                throw ValueFault(
                    problem: "the address holds a user name or password",
                    remedy: "Remove the part before @ and use APIKey and APISecret")
            }
            guard ["http", "https"].contains(text[..<scheme.lowerBound].lowercased()) else {
                throw ValueFault(problem: "\(quoted(text)) is neither http nor https", remedy: example)
            }
            guard !text.contains("?"), !text.contains("#") else {
                throw ValueFault(problem: "the address has a ? or # part", remedy: example)
            }
            guard !authority.isEmpty, let url = URL(string: text.hasSuffix("/") ? text : text + "/"),
                let host = url.host(), !host.isEmpty, !text.contains(where: \.isWhitespace),
                url.port.map({ (1...65535).contains($0) }) ?? true
            else { throw ValueFault(problem: "\(quoted(text)) is no address", remedy: example) }
            return url
        }
    }
}

extension SettingKind where Value == Logger.Level {
    /// The names of the older service and of syslog-like programs.
    static var level: Self {
        Self(name: "DEBUG, INFO, WARNING, ERROR or CRITICAL") {
            (text) throws(ValueFault) -> Value in
            switch text.uppercased() {
            case "DEBUG": return .debug
            case "INFO": return .info
            case "WARNING", "WARN": return .warning
            case "ERROR": return .error
            case "CRITICAL", "FATAL": return .critical
            default:
                throw ValueFault(
                    problem: "\(quoted(text)) is no level",
                    remedy: "Write DEBUG, INFO, WARNING, ERROR or CRITICAL")
            }
        }
    }
}

extension SettingKind where Value == [SerialNumber] {
    static var serials: Self {
        list("serial numbers") { (text) throws(ValueFault) -> SerialNumber in
            if let serial = SerialNumber(text) { return serial }
            throw ValueFault(
                problem: "\(quoted(text)) is no serial number",
                remedy: "Write serial numbers as the terminals show them, with commas between")
        }
    }
}

extension SettingKind where Value == [NetworkRange] {
    static var networks: Self {
        list("networks") { (text) throws(ValueFault) -> NetworkRange in
            do throws(NetworkRange.Fault) {
                return try NetworkRange(text)
            } catch {
                switch error {
                case .notAnAddress:
                    throw ValueFault(
                        problem: "\(quoted(text)) is no network",
                        remedy: "Write for example 192.168.10.0/24 or 2001:db8::/32, with commas between")
                case .badLength(let allowed):
                    throw ValueFault(
                        problem: "\(quoted(text)) has a bad length behind the slash",
                        remedy: "Write a whole number from 0 to \(allowed) there")
                case .hostBits(let suggestion):
                    throw ValueFault(
                        problem: "\(quoted(text)) is an address inside a network, not a network",
                        remedy: "Write \(suggestion) for the network, or the address alone")
                }
            }
        }
    }
}

extension SettingKind {
    /// Values with commas or line ends between; blank means none.
    static func list<Element: Sendable>(
        _ name: String, element: @escaping @Sendable (String) throws(ValueFault) -> Element
    ) -> Self where Value == [Element] {
        Self(name: "list of \(name)", isList: true) { (text) throws(ValueFault) -> Value in
            var elements: [Element] = []
            var faults: [ValueFault] = []
            for part in text.split(whereSeparator: { $0 == "," || $0.isNewline }) {
                let trimmed = part.trimmingBlanks()
                if trimmed.isEmpty { continue }
                do throws(ValueFault) {
                    elements.append(try element(trimmed))
                } catch {
                    faults.append(error)
                }
            }
            if let first = faults.first {
                // All of them, so that nobody mends a long list one run at a time.
                throw ValueFault(
                    problem: faults.map(\.problem).joined(separator: "; "), remedy: first.remedy)
            }
            return elements
        }
    }
}

extension SettingKind {
    /// 0 means off, which is nil.
    static func unlessZero<Number: AdditiveArithmetic & Sendable>(_ kind: SettingKind<Number>) -> Self
    where Value == Number? {
        Self(name: kind.name) { (text) throws(ValueFault) -> Value in
            let value = try kind.parse(text)
            return value == .zero ? nil : value
        }
    }
}

/// A value in a message: at most 80 characters, in quotes.
func quoted(_ text: String) -> String {
    text.count > 80 ? "\"\(text.prefix(80))…\"" : "\"\(text)\""
}

func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
}
