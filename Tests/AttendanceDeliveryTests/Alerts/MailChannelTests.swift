import AttendanceCore
import Foundation
import Testing

@testable import AttendanceDelivery

@Suite struct MailChannelTests {
    /// A program in a folder that takes mail as sendmail does; `$HERE` is the folder.
    private func program(_ body: String, in folder: String) throws -> String {
        let path = folder + "/sendmail"
        try "#!/bin/sh\nHERE='\(folder)'\n\(body)\n".write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }

    private func channel(
        _ program: String, limit: Duration = .seconds(30),
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> MailChannel {
        MailChannel(
            name: "office", to: ["ada@example.com", "bob@example.com"], from: "gateway@example.com",
            program: program, limit: limit, environment: environment)
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test(.timeLimit(.minutes(10))) func `the program gets the whole mail on its standard input`()
        async throws
    {
        try await withFolder { folder in
            let program = try program(#"echo "$@" > "$HERE/arguments"; cat > "$HERE/mail""#, in: folder)
            #expect(await channel(program).send(AlertSamples.message()) == .taken)
            let arguments = try text(folder + "/arguments")
            #expect(arguments == "-t -i\n")
            let mail = try text(folder + "/mail")
            let parts = mail.components(separatedBy: "\n\n")
            #expect(
                parts[0].hasPrefix(
                    """
                    From: gateway@example.com
                    To: ada@example.com,
                     bob@example.com
                    Subject: [gate-host] Terminal Gate 1 (ZX01) is offline
                    Date: Sun, 22 Nov 2026 02:00:00 +0000
                    Message-ID: <
                    """))
            #expect(parts[0].contains("@gate-host>\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"))
            #expect(
                parts.dropFirst().joined(separator: "\n\n") == """
                    Terminal Gate 1 (ZX01) is offline

                    Last heard of 20 min ago.
                    What to do: See whether it has power.
                    Since 2026-11-22 07:30:00 (Asia/Kolkata)

                    Gateway: gate-host

                    """)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `no name begins a header or ends the mail`() async throws {
        try await withFolder { folder in
            let program = try program(#"cat > "$HERE/mail""#, in: folder)
            let channel = MailChannel(
                name: "office", to: ["ada@example.com\nBcc: eve@example.com"],
                from: "x@y\r\nBcc: eve@example.com",
                program: program)
            let hostile = AlertSamples.record(
                title: "Gate\r\nBcc: eve@example.com\r\n\r\n.\nFrom me é" + String(repeating: "ü", count: 300)
            )
            #expect(await channel.send(AlertSamples.message(.raised, [hostile])) == .taken)
            let mail = try text(folder + "/mail")
            let lines = mail.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(!lines.contains { $0.hasPrefix("Bcc") || $0.hasPrefix("From ") || $0.hasPrefix(".") })
            #expect(mail.utf8.allSatisfy { $0 == 0x0A || (0x20..<0x7F).contains($0) })
            #expect(lines.allSatisfy { $0.count <= 100 })
            let names = lines.prefix { !$0.isEmpty }.filter { !$0.hasPrefix(" ") }.map {
                $0.prefix { $0 != ":" }
            }
            #expect(
                names == [
                    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version",
                    "Content-Type",
                    "Content-Transfer-Encoding",
                ])
        }
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            ("echo 'queue is full' >&2; exit 75", "it ended with status 75 (queue is full)"),
            ("kill -9 $$", "it was ended by signal 9"),
            (#"head -c 10000000 /dev/zero | tr '\0' x >&2; exit 1"#, "it ended with status 1 (xxx"),
        ])
    func `a program that fails says why`(body: String, reason: String) async throws {
        try await withFolder { folder in
            let sending = await channel(try program(body, in: folder)).send(AlertSamples.message())
            #expect(sending.reason?.contains(reason) == true)
            #expect(sending.mayHelp == true)
            #expect((sending.reason?.count ?? .max) < 400)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a program that is not there is told`() async {
        let sending = await channel("/nowhere/sendmail").send(AlertSamples.message())
        #expect(sending.reason?.hasPrefix("/nowhere/sendmail: it cannot be run") == true)
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            ("echo 'postdrop: warning: mail_queue_enter: Permission denied' >&2; sleep 300", false, true),
            ("echo 'mail_queue_enter: Permission denied' >&2; exit 1", false, true),
            ("echo 'mail_queue_enter: Permission denied' >&2; exit 1", true, false),
            ("echo 'no such host' >&2; exit 1", false, false),
        ])
    func `where no rights may be gained, a program that seems to lack them is told with its remedy`(
        body: String, mayGainRights: Bool, isTold: Bool
    ) async throws {
        try await withFolder { folder in
            let channel = MailChannel(
                name: "office", to: ["ada@example.com"], from: nil, program: try program(body, in: folder),
                limit: .seconds(1), mayGainRights: mayGainRights)
            let reason = try #require(await channel.send(AlertSamples.message()).reason)
            #expect(reason.contains("msmtp") == isTold)
            #expect(reason.contains("mail_queue_enter") == body.contains("mail_queue_enter"))
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a program that hangs is killed with its helpers`() async throws {
        try await withFolder { folder in
            let program = try program(
                #"sleep 300 & echo $! > "$HERE/helper"; echo $$ > "$HERE/self"; wait"#, in: folder)
            let sending = await channel(program, limit: .seconds(1)).send(AlertSamples.message())
            #expect(sending.reason?.contains("did not end within 1 s") == true)
            for name in ["helper", "self"] {
                let written = try text("\(folder)/\(name)").trimmingBlanks()
                let id = try #require(Int32(written))
                // Ended, or at most waiting to be looked after by init.
                while kill(id, 0) == 0, try !isZombie(id) { try await Task.sleep(for: .milliseconds(10)) }
            }
        }
    }

    private func isZombie(_ id: Int32) throws -> Bool {
        // It may go while it is looked at.
        guard let stat = try? text("/proc/\(id)/stat") else { return true }
        return stat.split(separator: ")").last?.hasPrefix(" Z") == true
    }

    @Test(.timeLimit(.minutes(10))) func `a helper left behind holds up nobody`() async throws {
        try await withFolder { folder in
            let program = try program(#"cat > /dev/null; sleep 300 & echo $! > "$HERE/helper""#, in: folder)
            let start = ContinuousClock.now
            #expect(await channel(program).send(AlertSamples.message()) == .taken)
            #expect(ContinuousClock.now - start < .seconds(120))
            let written = try text(folder + "/helper").trimmingBlanks()
            let helper = try #require(Int32(written))
            kill(helper, SIGKILL)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `the program gets none of our environment that may be secret`()
        async throws
    {
        try await withFolder { folder in
            let program = try program(#"env > "$HERE/env"; cat > /dev/null"#, in: folder)
            let ours = ["PATH": "/usr/bin:/bin", "ATTENDANCE_ERP_API_SECRET": "s3cret"]
            #expect(await channel(program, environment: ours).send(AlertSamples.message()) == .taken)
            let environment = try text(folder + "/env")
            #expect(environment.contains("PATH="))
            #expect(!environment.contains("s3cret"))
        }
    }

    @Test(arguments: [
        ("plain", "plain"), ("a = b", "a =3D b"), ("trailing ", "trailing=20"), ("é", "=C3=A9"), ("", ""),
        (".", "=2E"), ("From me", "=46rom me"), ("tab\tx", "tab=09x"),
    ])
    func `text is quoted so that every program passes it on`(text: String, quoted: String) {
        #expect(MailMessage.quotedPrintable(text) == quoted)
    }

    @Test func `long lines are divided and come back as they were`() {
        for text in [
            String(repeating: "x", count: 76), String(repeating: "x", count: 77),
            String(repeating: "=é", count: 300),
            String(repeating: "a ", count: 200),
        ] {
            let quoted = MailMessage.quotedPrintable(text)
            #expect(quoted.split(separator: "\n").allSatisfy { $0.count <= 76 })
            var bytes: [UInt8] = []
            var rest = Array(quoted.replacing("=\n", with: "").utf8)[...]
            while let byte = rest.popFirst() {
                guard byte == UInt8(ascii: "=") else {
                    bytes.append(byte)
                    continue
                }
                bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            }
            #expect(String(decoding: bytes, as: UTF8.self) == text)
        }
    }
}
