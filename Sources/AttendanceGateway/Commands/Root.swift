import ArgumentParser

/// The program: one verb a file in this folder.
package struct AttendanceGatewayProgram: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "attendance-gateway",
        abstract: "Takes punches from attendance terminals, keeps them safe and brings them to ERPNext.",
        version: Version.build.line,
        subcommands: [
            Serve.self, HealthCommand.self, CheckConfig.self, DoctorCommand.self, DeadLetters.self,
            Punches.self,
            Corrections.self, Audit.self, Employees.self, PeopleCommand.self, VaultCommand.self,
            Export.self, Reconcile.self, Repairs.self, Simulate.self,
            Demo.self,
            Terminals.self, TerminalCommands.self, Logs.self, Codes.self, CompletenessCommand.self,
            Alerts.self, AccountsCommand.self, TokensCommand.self,
            BackupCommand.self, RestoreCommand.self, VerifyCommand.self,
            ImportLegacy.self,
            VersionCommand.self,
        ],
        defaultSubcommand: Serve.self)

    package init() {}
}

/// What `main.swift` calls: runs the verb on the command line, prints what goes wrong, sets the exit code.
///
/// - Parameter commit: see `Version.commit`.
package func runAttendanceGateway(commit: String) async {
    Version.commit = commit
    await AttendanceGatewayProgram.main()
}
