import AttendanceCore
import Foundation
import Testing

extension InBrowser {
    /// What must hold for every page that the navigation leads to.
    @Suite struct EveryPageTests {
        @Test func `no page complains, or asks anything of another host`() async throws {
            try await withStage { stage in
                try await stage.punch(people: [1, 2, 61])
                try await stage.signedIn { tab in
                    for path in try await tab.places() {
                        _ = try await tab.complaints()
                        try await tab.open(path)
                        #expect(try await tab.text("h1")?.isEmpty == false, "\(path) has no heading")
                        #expect(try await tab.count("h1") == 1, "\(path) has several")
                        #expect(try await tab.complaints() == [], "\(path)")
                        let hosts = try await tab.run(
                            "return performance.getEntriesByType('resource').map(e => new URL(e.name).host)"
                        ).list.compactMap(\.text)
                        #expect(Set(hosts).subtracting([tab.host]) == [], "\(path)")
                        let size = try await tab.run(
                            "return performance.getEntriesByType('navigation')[0].transferSize")
                        #expect(size.number ?? 0 < 100_000, "\(path)")
                    }
                }
            }
        }

        @Test(arguments: [false, true])
        func `every page fits a telephone`(dark: Bool) async throws {
            try await withStage { stage in
                try await stage.punch(people: [1, 2, 61])
                try await stage.signedIn { tab in
                    let places = try await tab.places()
                    try await tab.screen(width: 360, dark: dark)
                    for path in places + ["/setup/admission", "/setup/erpnext", "/setup/terminal"] {
                        try await tab.open(path)
                        let width = try await tab.run("return document.documentElement.scrollWidth").number
                        #expect(width ?? 0 <= 360, "\(path) is \(width ?? 0) wide")
                    }
                    // The way to the other pages folds, and opens.
                    try await tab.open("/")
                    #expect(try await !tab.shows("nav a"))
                    try await tab.click("button.menu")
                    try await tab.sees("Punches", in: "nav")
                    try await tab.screen(width: nil)
                }
            }
        }

        @Test func `the whole console turns around for Arabic`() async throws {
            try await withStage { stage in
                try await stage.signedIn { tab in
                    try await tab.choose("ar", in: "footer select")
                    try await tab.until {
                        try await tab.attribute("dir", of: "html") == "rtl"
                    } else: {
                        BrowserError("the page is not turned around")
                    }
                    for path in try await tab.places() {
                        try await tab.open(path)
                        #expect(try await tab.attribute("lang", of: "html") == "ar", "\(path)")
                        // The navigation begins at the right, and nothing hangs over the left edge.
                        let right = try await tab.run(
                            "return innerWidth - document.querySelector('.brand').getBoundingClientRect().right"
                        )
                        #expect(right.number ?? 1000 < 40, "\(path)")
                        let wide = try await tab.run(
                            "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
                        )
                        #expect(wide.isTrue, "\(path)")
                        #expect(try await tab.text("h1")?.contains(/\p{Arabic}/) == true, "\(path)")
                    }
                }
            }
        }

        @Test func `whoever may only look sees no button that changes something, and none works`()
            async throws
        {
            try await withStage { stage in
                try await stage.punch(people: [1, 2, 61])
                try await stage.signedIn(as: .viewer) { tab in
                    let places = try await tab.places()
                    #expect(!places.contains("/settings") && !places.contains("/audit"))
                    for path in places {
                        try await tab.open(path)
                        let actions = try await tab.all("main form[method=post]", attribute: "action")
                        #expect(actions == [], "\(path)")
                    }
                    for path in ["/settings", "/audit", "/system", "/setup/zone", "/setup/terminal"] {
                        let status = try await tab.run(
                            "return fetch(arguments[0], { redirect: 'manual' }).then(a => a.status)",
                            .text(path))
                        // 404 for a page that this version has not.
                        #expect([403, 404].contains(status.number), "\(path): \(status)")
                    }
                    try await tab.open("/setup/zone")
                    try await tab.sees("Back to the overview")
                }
            }
        }
    }
}

extension Tab {
    var host: String { String(base.dropFirst("http://".count)) }

    /// Where the navigation leads.
    func places() async throws -> [String] { try await all("nav a", attribute: "href") }
}
