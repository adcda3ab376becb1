import AttendanceCore
import Foundation

extension SettingKind where Value == Settings.DayStart {
    static var dayStart: Self {
        Self(name: "auto or HH:MM") { (text) throws(ValueFault) -> Value in
            if text.lowercased() == "auto" { return .auto }
            guard let time = TimeOfDay(text) else {
                throw ValueFault(
                    problem: "\(quoted(text)) is no time of day", remedy: "Write auto, or HH:MM such as 04:00"
                )
            }
            return .at(time)
        }
    }
}

extension SettingKind where Value == TimeOfDay {
    static var timeOfDay: Self {
        Self(name: "HH:MM") { (text) throws(ValueFault) -> Value in
            guard let time = TimeOfDay(text) else {
                throw ValueFault(
                    problem: "\(quoted(text)) is no time of day", remedy: "Write HH:MM such as 02:30")
            }
            return time
        }
    }
}

extension SettingKind where Value == Double {
    /// Degrees of latitude or longitude, north and east positive.
    static func degrees(_ limit: Int) -> Self {
        Self(name: "degrees, -\(limit) to \(limit)") { (text) throws(ValueFault) -> Value in
            let isPlain = text.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-.".utf8.contains($0) }
            guard isPlain, let value = Double(text), value.isFinite else {
                throw ValueFault(
                    problem: "\(quoted(text)) is no number of degrees",
                    remedy: "Write degrees with a point, such as 25.2048; south and west are negative")
            }
            guard abs(value) <= Double(limit) else {
                throw ValueFault(
                    problem: "\(text) is out of range", remedy: "Write degrees from -\(limit) to \(limit)")
            }
            return value
        }
    }
}

extension SettingKind where Value == [String] {
    /// Names of Shift Types; `none` alone is no shift, said in so many words.
    static var shifts: Self {
        let names = list("Shift Types") { (text) throws(ValueFault) -> String in
            // The length of a document's name in Frappe.
            if text.count <= 140 { return text }
            throw ValueFault(
                problem: "\(quoted(text)) is longer than 140 characters",
                remedy: "Write the Shift Types' names as ERPNext shows them, with commas between")
        }
        return Self(name: names.name, isList: true) { (text) throws(ValueFault) -> Value in
            let found = try names.parse(text)
            return found.map { $0.lowercased() } == ["none"] ? [] : found
        }
    }
}

extension SettingKind where Value == [String] {
    /// Names of branches and companies; `all` alone is no limit, said in so many words.
    static var places: Self {
        let names = list("branches and companies") { (text) throws(ValueFault) -> String in
            // The length of a document's name in Frappe.
            if text.count <= 140 { return text }
            throw ValueFault(
                problem: "\(quoted(text)) is longer than 140 characters",
                remedy: "Write branches or companies as ERPNext shows them, with commas between")
        }
        return Self(name: names.name, isList: true) { (text) throws(ValueFault) -> Value in
            let found = try names.parse(text)
            return found.map { $0.lowercased() } == ["all"] ? [] : found
        }
    }
}

extension SettingKind where Value == String {
    /// What fits on a terminal's screen.
    static var screenText: Self {
        Self(name: "text of at most \(AccessPolicy.maximumText) characters") {
            (text) throws(ValueFault) -> Value in
            guard text.count <= AccessPolicy.maximumText else {
                throw ValueFault(
                    problem: "the text has \(text.count) characters",
                    remedy: "Write at most \(AccessPolicy.maximumText)")
            }
            return text
        }
    }
}

/// Texts that a part of the gateway reads by itself: what is checked here is their form.
extension SettingKind where Value == String {
    /// `04:00-12:00 in, 12:00-04:00 out`
    static var directionHours: Self {
        checked("times of day with in or out") { (text) throws(ValueFault) in
            do throws(RuleTextError) {
                _ = try DirectionHours(text)
            } catch {
                throw ValueFault(error)
            }
        }
    }

    /// `inout 0, event 1`
    static var codes: Self {
        checked("list of codes") { (text) throws(ValueFault) in
            do throws(RuleTextError) {
                _ = try CodeTable(incoming: text, outgoing: "")
            } catch {
                throw ValueFault(error)
            }
        }
    }

    private static func checked(
        _ name: String, check: @escaping @Sendable (String) throws(ValueFault) -> Void
    ) -> Self {
        Self(name: name, isList: true) { (text) throws(ValueFault) -> Value in
            if listParts(text).isEmpty {
                throw ValueFault(
                    problem: "there is nothing but commas", remedy: "Write a list, or remove the line")
            }
            try check(text)
            return listParts(text).joined(separator: ", ")
        }
    }

    static func listParts(_ text: String) -> [String] {
        text.split { $0 == "," || $0.isNewline }.map { $0.trimmingBlanks() }.filter { !$0.isEmpty }
    }
}

extension ValueFault {
    init(_ error: RuleTextError) {
        self.init(
            problem: "\(quoted(error.part)) \(error.problem)",
            remedy: error.remedy.prefix(1).uppercased() + error.remedy.dropFirst())
    }
}

extension SettingKind where Value == WorkingHours {
    /// `Mon-Fri 08:00-18:00, Sat 09:00-13:00`
    static var workingHours: Self {
        Self(name: "days with times", isList: true) { (text) throws(ValueFault) -> Value in
            do throws(RuleTextError) {
                return try WorkingHours(text)
            } catch {
                throw ValueFault(error)
            }
        }
    }
}
