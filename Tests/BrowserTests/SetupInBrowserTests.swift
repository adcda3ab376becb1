import AttendanceCore
import AttendanceSimulation
import Foundation
import Testing

extension InBrowser {
    /// The real program, from nothing to the first delivered punch.
    @Suite struct SetupInBrowserTests {
        @Test func `a newcomer comes from the first start to the first delivered punch`() async throws {
            let browser = try WithBrowser.running
            let erp = try SimulatedERPNext(
                employees: [SimulatedEmployee(name: "HR-EMP-7", deviceID: "7", employeeName: "Ada Example")],
                credential: "k3y-of-tests:9f3c1d2e7a")
            try await erp.start()
            // The same port again after the start with the new settings.
            let console = try await LoopbackPort.free()
            let program = try GatewayProgram(["--set", "Console.Port=\(console)"])
            do {
                let link = try await program.printed(/(http:\/\/127\.0\.0\.1:\d+\/setup\?token=[\w-]+)/)
                try await browser.withTab { tab in
                    var tab = tab
                    let base = link.firstMatch(of: /http:\/\/[^\/]+/)
                    tab.base = base.map { String($0.0) } ?? ""
                    try await setUp(tab, String(link.dropFirst(tab.base.count)), erp, program)
                }
                #expect(await program.end() == 0)
                let token = link.split(separator: "=").last ?? ""
                #expect(try !program.text(of: "logs/attendance.log").contains(token))
                try await erp.stop()
            } catch {
                _ = await program.end()
                try await erp.stop()
                throw error
            }
        }

        private func setUp(
            _ tab: Tab, _ link: String, _ erp: SimulatedERPNext, _ program: GatewayProgram
        ) async throws {
            try await makeAccount(tab, link)
            try await chooseZone(tab)
            try await connectSite(tab, erp)
            let port = try await LoopbackPort.free()
            try await admit(tab, port: port)
            #expect(try await tab.complaints().filter { !$0.contains("status of 422") } == [])

            // 5: the file, and the start with it.
            try await tab.sees("\(program.folder)/config.ini")
            try await tab.sees("[Server] Port = \(port)", in: "#changes")
            #expect(try await !tab.html().contains("9f3c1d2e7a"))
            try await tab.click("button[value=next]")
            try await tab.arrives(at: "/setup/terminal", within: .seconds(60))
            let file = try program.text(of: "config.ini")
            #expect(file.contains("\nPort = \(port)\n") && file.contains("\nAPISecret = 9f3c1d2e7a\n"))
            #expect(file.contains("\n#PingSeconds = 20\n"))
            let mode = try FileManager.default.attributesOfItem(atPath: program.folder + "/config.ini")
            #expect(mode[.posixPermissions] as? Int == 0o600)

            try await firstPunch(tab, port: port, erp)
        }

        /// 1
        private func makeAccount(_ tab: Tab, _ link: String) async throws {
            try await tab.open("/")
            try await tab.sees("one-time link")
            try await tab.open(link)
            try await tab.fill("input[name=name]", "ada")
            try await tab.fill("input[name=password]", "short")
            try await tab.fill("input[name=again]", "short")
            try await tab.click("main form button")
            try await tab.sees("At least 10 characters", in: ".error")
            #expect(try await tab.value("input[name=name]") == "ada")
            try await tab.fill("input[name=password]", Stage.password)
            try await tab.fill("input[name=again]", Stage.password)
            try await tab.click("main form button")
            try await tab.arrives(at: "/setup/zone")
            // The link works once.
            try await tab.open(link)
            try await tab.arrives(at: "/setup/zone")
        }

        /// 2
        private func chooseZone(_ tab: Tab) async throws {
            #expect(try await tab.value("input[name=zone]") == TimeZone.current.identifier)
            #expect(try await tab.count("#zones option") > 300)
            try await tab.fill("input[name=zone]", "Atlantis")
            try await tab.click("button[value=next]")
            try await tab.sees("no time zone", in: ".error")
            try await tab.fill("input[name=zone]", "Asia/Kolkata")
            try await tab.click("button[value=next]")
            try await tab.arrives(at: "/setup/erpnext")
        }

        /// 3
        private func connectSite(_ tab: Tab, _ erp: SimulatedERPNext) async throws {
            try await tab.fill("input[name=address]", erp.url)
            try await tab.fill("input[name=key]", "k3y-of-tests")
            try await tab.fill("input[name=secret]", "wrong-secret")
            try await tab.click("button[value=test]")
            try await tab.sees("does not work yet", in: "#test")
            #expect(try await tab.text("#test .tag.bad") != nil)
            // What was typed is there after a reload; the secret is kept, and not shown.
            try await tab.open("/setup/erpnext")
            #expect(try await tab.value("input[name=address]") == erp.url)
            #expect(try await tab.value("input[name=secret]") == "")
            try await tab.fill("input[name=secret]", "9f3c1d2e7a")
            try await tab.click("button[value=test]")
            try await tab.sees("ERPNext answers", in: "#test")
            try await tab.click("button[value=back]")
            try await tab.arrives(at: "/setup/zone")
            #expect(try await tab.value("input[name=zone]") == "Asia/Kolkata")
            try await tab.click("button[value=next]")
            try await tab.click("button[value=next]")
            try await tab.arrives(at: "/setup/admission")
        }

        /// 4
        private func admit(_ tab: Tab, port: Int) async throws {
            #expect(try await tab.attribute("checked", of: "input[value=pending]") != nil)
            #expect(try await tab.value("select[name=host]") == "0.0.0.0")
            try await tab.fill("input[name=networks]", "")
            try await tab.click("button[value=next]")
            try await tab.sees("Fill in a rule", in: "main")
            try await tab.choose("127.0.0.1", in: "select[name=host]")
            try await tab.fill("input[name=port]", "\(port)")
            try await tab.click("button[value=next]")
            try await tab.arrives(at: "/setup/write")
        }

        /// 6 and 7
        private func firstPunch(_ tab: Tab, port: Int, _ erp: SimulatedERPNext) async throws {
            try await tab.sees("Waiting for the first terminal", in: "#first")
            try await tab.sees("\(port)", in: "#values")
            try await tab.fill("input[name=person]", "7")
            try await tab.click("input[name=sure]")
            try await tab.click("form[action='/setup/terminal/simulate'] button")
            // Without a reload: it has come, waits, and is approved.
            try await tab.sees("waits for approval", in: "#first")
            #expect(erp.checkins.isEmpty)
            try await tab.click("form[action='/setup/terminal/approve'] button")
            try await tab.sees("The first punch has arrived", in: "#first")
            try await tab.sees("in ERPNext", in: "#first")
            #expect(erp.checkins.map(\.employee) == ["HR-EMP-7"])
            try await tab.click("form[action='/setup/terminal'] button[value=next]")
            try await tab.arrives(at: "/setup/done?punch=1")
            #expect(try await tab.attribute("href", of: "main .button") == "/punches/1")
            try await tab.click("main .button.second")
            try await tab.arrives(at: "/")
            try await tab.sees("Overview")
        }
    }
}
