import ArgumentParser
import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation

/// `backup`: a copy of the journal, also while the gateway runs.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Make a copy of the journal now, also while the gateway runs.",
        discussion: """
            The running gateway makes it; with none running this command does. The copy is checked before it gets its \
            name. The key file of the vault is not in it: keep a copy of that elsewhere. See docs/backup.md.
            """)
    @OptionGroup var common: CommonOptions
    @Option(help: "Folder for it, as the gateway sees it. Without it: Directory in [Backup].") var to: String?
    @Flag(help: "List the copies in that folder instead, the newest first.") var list = false
    @Option(help: "text or json.") var format: OutputFormat = .text

    func validate() throws {
        if format == .csv { throw ValidationError("--format is text or json") }
    }

    func run() async throws {
        let settings = common.settings()
        guard let folder = to.map(PathArgument.absolute) ?? settings.backup.directory else {
            throw ValidationError("say where to: --to FOLDER, or set Directory in [Backup]")
        }
        let output = Output(format: format)
        if list {
            output.header(BackupRow.columns)
            for backup in BackupFolder(path: folder).backups() { output.row(BackupRow(backup)) }
            output.flush()
            return
        }
        let author = Author.atCommandLine
        let now = Gateway.Surroundings.systemTime
        let keep = to == nil ? settings.backup.keep : nil
        let made: BackupReceipt
        do {
            made = try await JournalChange(settings: settings).run(
                path: "/backups",
                order: BackupOrder(folder: to.map(PathArgument.absolute), author: author.name)
            ) { store in
                let backup = try await store.backUp(to: folder, program: Version.current, at: now())
                try await store.audit(.backup(backup, by: author, at: now()))
                if let keep { _ = try BackupFolder(path: folder).prune(keeping: keep) }
                return BackupReceipt(backup)
            }
        } catch let error as BackupError {
            Screen.fail(error.localizedDescription, code: 1)
        }
        if format == .json {
            output.line(String(decoding: try JSONAnswer.encode(made), as: UTF8.self))
        } else {
            output.line(
                PlainText.line(
                    "\(made.place): \(Spoken.count(made.punches, "punch", "punches")), \(made.bytes) bytes, checked"
                ))
        }
        output.flush()
        Screen.note("The key file \(settings.store.keyFile) is not in it: keep a copy of it elsewhere.")
    }
}

private struct BackupRow: OutputRow {
    static let columns = ["path", "taken", "punches", "newest_received", "bytes", "program"]
    let values: [OutputValue]

    init(_ backup: JournalBackup) {
        let manifest = backup.manifest
        values = [
            .text(backup.path), .text(manifest.taken), .number(Int64(manifest.punches)),
            .text(manifest.newestReceived ?? ""), .number(manifest.bytes), .text(manifest.program),
        ]
    }
}

enum PathArgument {
    /// Of this process's folder, since the gateway's may be another.
    static func absolute(_ path: String) -> String {
        path.hasPrefix("/")
            ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}

/// `verify`: whether the journal, or a backup, is what it must be.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check the journal or a backup: the file, its tables, the audit trail, what is sealed.",
        discussion: """
            Reads all of it, also while the gateway runs. What is sealed is opened where the key file is there. Exit \
            code 1 when something is wrong, 66 when there is nothing to read.
            """)
    @OptionGroup var common: CommonOptions
    @Option(help: "A backup instead of the journal: the folder with its manifest.json.") var backup: String?
    @Option(help: "text or json.") var format: OutputFormat = .text

    func validate() throws {
        if format == .csv { throw ValidationError("--format is text or json") }
    }

    func run() async throws {
        let settings = common.settings()
        let result: JournalVerification
        do {
            if let backup {
                let found = try BackupFolder.backup(at: PathArgument.absolute(backup))
                var checks = JournalVerification()
                do {
                    try found.check()
                    checks.checks.append(.init("manifest", .ok, "the copy is what it was when it was made"))
                } catch {
                    checks.checks.append(.init("manifest", .failed, error.localizedDescription))
                }
                checks.checks +=
                    try await JournalCheck(backup: found, keyFile: settings.store.keyFile).run().checks
                result = checks
            } else {
                result = try await JournalCheck(
                    folder: settings.store.directory, keyFile: settings.store.keyFile
                ).run()
            }
        } catch {
            Screen.fail(error.localizedDescription, code: CommonOptions.noInput)
        }
        let output = Output(format: format)
        if format == .json {
            output.line(String(decoding: try JSONAnswer.encode(result), as: UTF8.self))
        } else {
            output.header(["check", "result", "found"])
            for check in result.checks { output.row(CheckRow(check)) }
        }
        output.flush()
        if !result.isSound { Screen.fail("something is wrong: see docs/backup.md", code: 1) }
    }
}

private struct CheckRow: OutputRow {
    let values: [OutputValue]

    init(_ check: JournalVerification.Check) {
        values = [.text(check.name), .text(check.result.rawValue), .text(check.words)]
    }
}
