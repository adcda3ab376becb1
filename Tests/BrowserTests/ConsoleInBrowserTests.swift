import AttendanceCore
import Testing

/// Everything that is tried in a real browser: one after the other, since they share it.
@Suite(.browser, .serialized, .timeLimit(.minutes(10))) enum InBrowser {}

extension InBrowser {
    @Suite struct ConsoleInBrowserTests {
        @Test func `somebody signs in and sees whether attendance is safe`() async throws {
            try await withStage { stage in
                try await stage.signedIn { tab in
                    #expect(try await tab.text("h1") == "Overview")
                    try await tab.sees("Attendance is safe", in: ".banner")
                    try await tab.hasNoComplaints()
                }
            }
        }

        @Test func `a punch shows without a reload`() async throws {
            try await withStage { stage in
                try await stage.signedIn { tab in
                    try await tab.until {
                        try await tab.run("return document.documentElement.dataset.live") == "on"
                    } else: {
                        BrowserError("the page does not listen")
                    }
                    try await tab.run("window.neverReloaded = true")
                    #expect(try await tab.text("#figures .figure") == "0")
                    try await stage.punch(people: [1, 2, 3])
                    try await tab.sees("3", in: "#figures .figure")
                    #expect(try await tab.run("return window.neverReloaded").isTrue)
                }
            }
        }

        @Test func `the keyboard alone is enough to sign in and go to a page`() async throws {
            try await withStage { stage in
                try await stage.account()
                try await stage.visit { tab in
                    try await tab.open("/sign-in")
                    // The name has the focus already.
                    try await tab.type("operator.one")
                    try await tab.press(.tab)
                    try await tab.type(Stage.password)
                    try await tab.press(.enter)
                    try await tab.arrives(at: "/")
                    // The first stop on a page leads past the navigation.
                    try await tab.press(.tab)
                    #expect(try await tab.run("return document.activeElement.className") == "skip")
                    var stops = 0
                    while try await tab.run("return document.activeElement.getAttribute('href')")
                        != "/punches",
                        stops < 10
                    {
                        try await tab.press(.tab)
                        stops += 1
                        let shows = try await tab.run(
                            "return getComputedStyle(document.activeElement).outlineStyle != 'none'")
                        #expect(shows.isTrue, "stop \(stops) does not show where one is")
                    }
                    try await tab.press(.enter)
                    try await tab.arrives(at: "/punches")
                }
            }
        }
    }
}
