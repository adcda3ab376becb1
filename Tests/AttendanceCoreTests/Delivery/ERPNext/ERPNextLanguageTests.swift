import AttendanceCore
import Testing

/// A site may force its language upon answers, whatever was asked for.
@Suite struct ERPNextLanguageTests {
    private static let lookup = ERPNextAnswer.Lookup(field: "attendance_device_id", value: "77777")
    private static let byName = ERPNextAnswer.Lookup(field: "name", value: "HR-EMP-00007")

    @Test(arguments: [
        AnswerRow(
            417, "unknown (de)",
            .thrown(
                "ValidationError",
                "Für den angegebenen Wert wurde kein Mitarbeiter gefunden. 'attendance_device_id': 77777"),
            .dead(.unknownEmployee), .rejected),
        AnswerRow(
            417, "unknown (ar)",
            .thrown("ValidationError", "لم يتم العثور على موظف لقيمة الحقل. 'attendance_device_id': 77777"),
            .dead(.unknownEmployee), .rejected),
        AnswerRow(
            417, "required (pt)",
            .thrown("ValidationError", "'employee_field_value' e 'timestamp' são obrigatórios."),
            .paused(.configuration), .configuration),
        AnswerRow(
            417, "method (de)",
            .thrown(
                "ValidationError",
                "Methode hrms.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field konnte nicht abgerufen werden"
            ), .paused(.configuration), .configuration),
        AnswerRow(
            417, "inactive (de)",
            .thrown(
                "InactiveEmployeeStatusError", "Für den nicht aktiven Mitarbeiter können keine Vorgänge …"),
            .dead(.inactiveEmployee), .rejected),
        AnswerRow(
            417, "strict shift (de)",
            .thrown("ValidationError", "Für Buchungen in der Schicht wird der Protokolltyp benötigt: Tag."),
            .dead(.refusedByRule), .rejected),
        AnswerRow(
            403, "no right (de)", .thrown("PermissionError", "Nicht zulässig"), .paused(.authentication),
            .authentication),
    ])
    func `is understood by what is not translated`(_ row: AnswerRow) {
        row.check(.hrms(time: sentTime), lookup: Self.lookup)
    }

    @Test func `a refusal that names the employee is that employee's`() {
        AnswerRow(
            403, "linked (de)",
            .thrown(
                "PermissionError",
                "Kein Zugriff auf Employee Checkin: im Feld Mitarbeiter mit Employee 'HR-EMP-00007' verknüpft"
            ),
            .again(counted: true), .transient
        ).check(.hrms(time: sentTime), lookup: Self.byName)
        AnswerRow(
            403, "another", .thrown("PermissionError", "Kein Zugriff, 'HR-EMP-000071'"),
            .paused(.authentication),
            .authentication
        ).check(.hrms(time: sentTime), lookup: Self.byName)
    }

    /// Links as versions 12 to 16 write them.
    private static let links = [
        #"<a href="/app/Form/Employee Checkin/EMP-CKIN-11-2026-000007" style="font-weight: bold;">Mitarbeiter-Buchung EMP-CKIN-11-2026-000007</a>"#,
        #"<a href="/app/Form/Employee Checkin/EMP-CKIN-11-2026-000007">Employee Checkin Erika Muster</a>"#,
        #"<a href="https://erp.example.com/app/employee-checkin/EMP-CKIN-11-2026-000007">EMP-CKIN-11-2026-000007</a>"#,
        #"<a href='/desk/employee-checkin/EMP-CKIN-11-2026-000007?x=1'>Erika Muster</a>"#,
        #"<a href="desk#Form/Employee%20Checkin/EMP-CKIN-11-2026-000007">x</a>"#,
        #"<A HREF="/app/Employee-Checkin/EMP-CKIN-11-2026-000007#top">x</A>"#,
        "(EMP-CKIN-11-2026-000007).",
    ]

    @Test(arguments: links)
    func `a link to a check-in says that it is there`(link: String) {
        for shape in SiteSays.Shape.allCases {
            let says = SiteSays.thrown(
                "ValidationError", "Schon eine Buchung mit demselben Zeitstempel.<Br>\(link)")
            let verdict = judge(417, says.body(shape))
            #expect(verdict.outcome == .alreadyThere(reference: "EMP-CKIN-11-2026-000007"), "\(shape)")
            #expect(verdict.answer == .alreadyThere)
            guard case .rejected(.refusedByRule, _)? = verdict.ifAbsent else {
                Issue.record("nothing holds where it is not there: \(shape)")
                continue
            }
        }
    }

    @Test(arguments: links)
    func `understood words leave no doubt, and the name comes from the link`(link: String) {
        let says = SiteSays.thrown(
            "ValidationError", "This employee already has a log with the same timestamp.<Br>\(link)")
        for dialect in [ERPNextAnswer.Dialect.hrms(time: sentTime), .customMethod] {
            let verdict = judge(417, says.body(), dialect)
            #expect(verdict.outcome == .alreadyThere(reference: "EMP-CKIN-11-2026-000007"))
            #expect(verdict.ifAbsent == nil)
        }
    }

    @Test func `a link of another kind, an escaped name, no link at all`() {
        func reference(_ link: String) -> String? {
            judge(
                417,
                SiteSays.thrown(
                    "ValidationError", "This employee already has a log with the same timestamp. \(link)"
                ).body()
            ).reference
        }
        #expect(reference(#"<a href="/app/employee-checkin/CHK%2F7%20b">x</a>"#) == "CHK/7 b")
        #expect(reference(#"<a href="/x">Employee Checkin CHK-9</a>"#) == "CHK-9")
        #expect(reference("") == nil)
        #expect(reference(#"<a href="/app/employee-checkin/"#) == nil)
    }

    @Test(arguments: [
        (417, "LinkValidationError"), (417, "CheckinRadiusExceededError"), (417, "SiteRuleError"),
        (403, "PermissionError"), (409, "DuplicateEntryError"), (500, "ValidationError"),
        (400, "ValidationError"),
    ])
    func `a link in any other answer says nothing`(status: Int, type: String) {
        let verdict = judge(status, SiteSays.thrown(type, "x \(Self.links[0])").body())
        #expect(verdict.answer != .alreadyThere)
        #expect(verdict.ifAbsent == nil)
    }

    @Test func `a link to something else is a rule of the site`() {
        let says = SiteSays.thrown(
            "ValidationError", #"Nein: <a href="/app/shift-assignment/SHA-1">SHA-1</a>"#)
        #expect(Effect(judge(417, says.body()).outcome) == .dead(.refusedByRule))
    }

    @Test func `without the lookup no field is guessed`() {
        let says = SiteSays.thrown("ValidationError", "Kein Mitarbeiter. 'attendance_device_id': 77777")
        #expect(Effect(judge(417, says.body()).outcome) == .dead(.refusedByRule))
    }

    private func judge(
        _ status: Int, _ body: [UInt8], _ dialect: ERPNextAnswer.Dialect = .hrms(time: sentTime)
    ) -> ERPNextAnswer.Verdict {
        ERPNextAnswer(status: status, body: body).verdict(.init(dialect))
    }
}
