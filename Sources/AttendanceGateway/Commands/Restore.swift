import ArgumentParser
import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation

/// `restore`: a backup in the place of the journal.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup in the place of the journal. Without --apply only tell what that would do.",
        discussion: """
            No gateway may run. The backup is checked first; the present journal is set aside and never removed. What is \
            owed, and punches of an earlier time that come afterwards, are looked for in ERPNext before they are sent: \
            what is there already is recognised. See docs/backup.md.
            """)
    @OptionGroup var common: CommonOptions
    @Option(help: "The backup: the folder with its manifest.json.") var from: String
    @Flag(help: "Do it.") var apply = false
    @Option(help: "text or json.") var format: OutputFormat = .text

    func validate() throws {
        if format == .csv { throw ValidationError("--format is text or json") }
    }

    func run() async throws {
        let settings = common.settings()
        let outcome: JournalRestore.Outcome
        do {
            let backup = try BackupFolder.backup(at: PathArgument.absolute(from))
            let restore = JournalRestore(folder: settings.store.directory, backup: backup)
            outcome =
                apply
                ? try restore.apply(by: .atCommandLine, at: Gateway.Surroundings.systemTime())
                : try restore.plan()
        } catch let error as BackupError {
            Screen.fail(error.localizedDescription, code: CommonOptions.noInput)
        } catch let error as StoreError {
            Screen.fail(error.localizedDescription, code: CommonOptions.unavailable)
        }
        let output = Output(format: format)
        if format == .json {
            output.line(String(decoding: try JSONAnswer.encode(outcome), as: UTF8.self))
        } else {
            for line in lines(outcome, settings) { output.line(PlainText.line(line, limit: 1_000)) }
        }
        output.flush()
        if !apply { Screen.note("Nothing was changed. With --apply it is done.") }
    }

    private func lines(_ outcome: JournalRestore.Outcome, _ settings: Settings) -> [String] {
        let manifest = outcome.manifest
        var lines = [
            "backup: \(outcome.backup)",
            "holds: \(Spoken.count(manifest.punches, "punch", "punches"))"
                + (manifest.newestReceived.map { ", the newest received \($0)" } ?? ""),
            "made: \(manifest.taken) by \(manifest.program); whole, and as it was made",
        ]
        switch (outcome.present, outcome.newer) {
        case (let present?, let newer?):
            lines.append(
                "now there: \(Spoken.count(present, "punch", "punches")); \(newer) of them are newer than the backup, and not in it"
            )
        default: lines.append("now there: no journal that can be read")
        }
        if let place = outcome.setAside { lines.append("set aside: \(place)") }
        if apply {
            lines.append(
                "owed: \(outcome.owed) deliveries, looked for in ERPNext before they are sent again")
            lines.append(
                "commands: \(outcome.commands) to terminals had not ended, and are not carried out any more"
            )
        }
        lines += [
            "missing: what was received since \(manifest.taken): after the start terminals are asked for what they still hold",
            "then: punches that ERPNext has already are recognised there; a webhook gets them again",
            "people: everybody signs in again; visitors' codes hold no more; accounts and tokens are those of the backup",
            "keys: what is sealed needs the key file of that time in \(settings.store.keyFile)",
        ]
        return lines
    }
}
