import ArgumentParser
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceWeb
import Foundation

/// `doctor`: the whole chain at one look, with what to do about each fault.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check the whole chain, from the settings to ERPNext, and say what to do.",
        discussion: """
            A line for each check: ok, warn, FAIL or skip, what was seen, and after the arrow what to do. Changes \
            nothing without --write. Ends with 0 when nothing failed, else with 1.
            """)

    @OptionGroup var source: SettingsOptions
    @OptionGroup var choice: SiteChoice
    @Flag(help: "Make a check-in that attendance leaves out, compare its time, and delete it.") var write =
        false
    @Option(help: "For whom, by document name such as HR-EMP-00007 (with --write).") var employee: String?
    @Option(help: "text, or json (one object a line).") var format: OutputFormat = .text

    func validate() throws {
        if write != (employee != nil) { throw ValidationError("--write and --employee belong together") }
        if let employee, employee.isEmpty || employee.count > 140 {
            throw ValidationError("--employee is a document name such as HR-EMP-00007")
        }
    }

    func run() async throws {
        let loaded = source.loader.load()
        var options = Doctor.Options()
        if let settings = loaded.settings {
            if choice.name != nil { options.site = try choice.site(of: settings).name }
            options.trialEmployee = employee
            options.audit = { order in
                _ = try await JournalChange(settings: settings).run(path: "/audit", order: order) {
                    try await $0.audit(order.entry(at: Gateway.Surroundings.systemTime()))
                    return ChangeCount(changed: 1)
                }
            }
        }
        let doctor = Doctor(loaded, options: options)
        let counts = try await CommandInterrupt.stopping { await tell(doctor) }
        guard let counts else { throw ExitCode(130) }
        let words = CheckResult.Outcome.allCases.compactMap { outcome in
            counts[outcome].map { "\($0) \(outcome.rawValue)" }
        }
        Screen.note(words.joined(separator: ", "))
        if counts[.failure] != nil { throw ExitCode(1) }
    }

    private func tell(_ doctor: Doctor) async -> [CheckResult.Outcome: Int] {
        let output = Output(format: format)
        output.header(CheckRow.columns)
        var counts: [CheckResult.Outcome: Int] = [:]
        for await result in doctor.run() {
            counts[result.outcome, default: 0] += 1
            if format == .text {
                output.line(Self.line(result))
            } else {
                output.row(CheckRow(result))
            }
            // A check may take seconds: each is shown when it is done.
            output.flush()
        }
        return counts
    }

    /// `ok    erpnext versions             frappe 15.44.2, …`
    static func line(_ result: CheckResult) -> String {
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(2, width - text.count))
        }
        let remedy = result.remedy.map { "  → \($0)" } ?? ""
        return padded(result.outcome.rawValue, 6) + padded(result.check, 29) + result.seen + remedy
    }
}

private struct CheckRow: OutputRow {
    static let columns = ["outcome", "check", "seen", "remedy"]
    let values: [OutputValue]

    init(_ result: CheckResult) {
        values = [
            .text(result.outcome.rawValue), .text(result.check), .text(result.seen),
            result.remedy.map(OutputValue.text) ?? .none,
        ]
    }
}
