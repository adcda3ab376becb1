import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

extension InBrowser {
    /// What somebody comes for: where one punch is, what is to be done about one that was refused, a terminal's clock.
    @Suite struct WorkInBrowserTests {
        @Test func `a punch is found, and its way is told up to ERPNext`() async throws {
            try await withStage { stage in
                try await stage.punch(people: [5])
                await stage.erp.checkinCount(reaches: 1)
                try await stage.signedIn { tab in
                    try await tab.open("/punches?person=5")
                    try await tab.click("#rows a")
                    try await tab.arrives(at: "/punches/1")
                    try await tab.sees("has been at erpnext", in: "#verdict")
                    #expect(try await tab.count("#verdict .banner.good") == 1)
                    let checkin = try #require(stage.erp.checkins.first?.name)
                    try await tab.sees(checkin, in: "#sinks")
                    // The frame as it came is there for whoever opens it.
                    try await tab.click("main details summary")
                    try await tab.sees("enrollid", in: "main details[open] pre")
                    try await tab.hasNoComplaints()
                }
            }
        }

        @Test func `a dead letter is sent again once its employee is there`() async throws {
            try await withStage { stage in
                try await stage.punch(people: [61])
                try await stage.deadLetters(1)
                try await stage.signedIn { tab in
                    // The overview says it, and leads there.
                    try await tab.click("#state a[href='/deliveries#dead-letters']")
                    try await tab.sees("1", in: "#causes .figure")
                    stage.erp.add(
                        SimulatedEmployee(name: "HR-EMP-61", deviceID: "61", employeeName: "Person 61"))
                    try await tab.click("#causes button[value=retry]")
                    try await tab.sees("There are no dead letters", in: "#causes")
                    await stage.erp.checkinCount(reaches: 1)
                    #expect(stage.erp.checkins.map(\.employee) == ["HR-EMP-61"])
                    try await tab.open("/audit")
                    try await tab.sees("operator.one")
                    try await tab.hasNoComplaints()
                }
            }
        }

        @Test func `a terminal is asked for its time, and the answer shows`() async throws {
            try await withStage { stage in
                let terminal = try await SimulatedTerminal.connect(port: stage.terminals, serial: "T1")
                _ = try await terminal.register()
                try await stage.signedIn { tab in
                    try await tab.open("/terminals")
                    try await tab.click("main a[href='/terminals/T1']")
                    try await tab.click("main button[value=gettime]")
                    var message = try await terminal.receiveMessage()
                    while message.command != "gettime" { message = try await terminal.receiveMessage() }
                    try await terminal.send(
                        #"{"ret":"gettime","sn":"T1","result":true,"time":"2026-03-01 08:15:00"}"#)
                    try await tab.until {
                        try await tab.count("#commands .tag.good") == 1
                    } else: {
                        BrowserError("no answer: \(try await tab.text("#commands") ?? "")")
                    }
                    #expect(try await tab.text("#commands")?.contains("gettime") == true)
                    try await tab.hasNoComplaints()
                }
                try await terminal.close()
            }
        }
    }
}

extension Stage {
    func deadLetters(_ count: Int) async throws {
        let end = ContinuousClock.now + Browser.wait
        while try await gateway.store.deadLetters(DeadLetterFilter(), after: 0, limit: 10).count < count {
            guard ContinuousClock.now < end else { throw BrowserError("no dead letter") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
