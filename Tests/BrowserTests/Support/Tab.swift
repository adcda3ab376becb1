import AttendanceCore
import Foundation
import Testing

/// A page in front of somebody: what they see of it and do with it.
///
/// Elements are named by CSS selectors. Whatever is done to one waits until it is there, for 20 seconds.
struct Tab {
    let browser: Browser
    var base = ""

    // MARK: Going somewhere

    func open(_ path: String) async throws {
        _ = try await browser.command(.POST, "url", ["url": .text(base + path)])
    }

    func reload() async throws { _ = try await browser.command(.POST, "refresh", [:]) }

    /// Path and query of where one is. Without the place in the page, which a browser keeps on its way.
    var path: String {
        get async throws {
            let all = try await browser.command(.GET, "url", nil).text ?? ""
            let url = String(all.prefix { $0 != "#" })
            return url.hasPrefix(base) ? String(url.dropFirst(base.count)) : url
        }
    }

    // MARK: Seeing

    /// What is shown of an element, as it is shown; nil where there is none.
    func text(_ selector: String) async throws -> String? {
        try await run("return document.querySelector(arguments[0])?.innerText", .text(selector)).text
    }

    func html() async throws -> String {
        try await run("return document.documentElement.outerHTML").text ?? ""
    }

    func attribute(_ name: String, of selector: String) async throws -> String? {
        try await run(
            "return document.querySelector(arguments[0])?.getAttribute(arguments[1])", .text(selector),
            .text(name)
        ).text
    }

    /// Whether it has a place on the screen.
    func shows(_ selector: String) async throws -> Bool {
        try await run(
            "return (document.querySelector(arguments[0])?.getClientRects().length ?? 0) > 0",
            .text(selector)
        ).isTrue
    }

    func value(_ selector: String) async throws -> String? {
        try await run("return document.querySelector(arguments[0])?.value", .text(selector)).text
    }

    func count(_ selector: String) async throws -> Int {
        Int(
            try await run("return document.querySelectorAll(arguments[0]).length", .text(selector)).number
                ?? 0)
    }

    /// Every text that the selector finds, attribute or shown.
    func all(_ selector: String, attribute: String) async throws -> [String] {
        try await run(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.getAttribute(arguments[1]) ?? '')",
            .text(selector), .text(attribute)
        ).list.compactMap(\.text)
    }

    /// Waits until an element shows a text; fails with what it showed last.
    func sees(_ text: String, in selector: String = "main", within wait: Duration = Browser.wait) async throws
    {
        try await until(within: wait) {
            try await self.text(selector)?.contains(text) == true
        } else: {
            BrowserError(
                "“\(text)” was not seen in \(selector) of \(try await path), but “\(try await self.text(selector) ?? "nothing")”"
            )
        }
    }

    func arrives(at path: String, within wait: Duration = Browser.wait) async throws {
        try await until(within: wait) {
            try await self.path == path
        } else: {
            BrowserError("at \(try await self.path) instead of \(path): \(try await text("main") ?? "")")
        }
    }

    /// What the browser complained of since it was asked last: scripts, the security policy, what could not be loaded.
    func complaints() async throws -> [String] {
        try await browser.command(.POST, "se/log", ["type": "browser"]).list.compactMap { entry in
            guard entry["level"] != "INFO", entry["level"] != "DEBUG" else { return nil }
            return "\(entry["source"].text ?? ""): \(entry["message"].text ?? "")"
        }
    }

    func hasNoComplaints(_ location: SourceLocation = #_sourceLocation) async throws {
        let complaints = try await complaints()
        #expect(complaints == [], sourceLocation: location)
    }

    @discardableResult
    func run(_ script: String, _ arguments: JSON...) async throws -> JSON {
        try await browser.command(
            .POST, "execute/sync", ["script": .text(script), "args": .list(arguments)])
    }

    // MARK: Doing

    func click(_ selector: String) async throws {
        try await onElement(selector) { _ = try await browser.command(.POST, "element/\($0)/click", [:]) }
    }

    /// Writes into an empty or emptied field.
    func fill(_ selector: String, _ text: String) async throws {
        try await onElement(selector) {
            _ = try await browser.command(.POST, "element/\($0)/clear", [:])
            _ = try await browser.command(.POST, "element/\($0)/value", ["text": .text(text)])
        }
    }

    func choose(_ value: String, in selector: String) async throws {
        try await click("\(selector) option[value='\(value)']")
    }

    /// Presses keys one after the other, whatever has the focus.
    func press(_ keys: Key...) async throws { try await type(keys.map(\.rawValue).joined()) }

    func type(_ text: String) async throws {
        let strokes = text.flatMap { character -> [JSON] in
            let key = JSON.text(String(character))
            return [["type": "keyDown", "value": key], ["type": "keyUp", "value": key]]
        }
        _ = try await browser.command(
            .POST, "actions", ["actions": [["type": "key", "id": "keyboard", "actions": .list(strokes)]]])
    }

    /// Of the W3C's code points for keys.
    enum Key: String {
        case tab = "\u{E004}"
        case enter = "\u{E007}"
        case space = " "
        case escape = "\u{E00C}"
    }

    /// The question that a button asks before it does something.
    func confirm() async throws -> String {
        var question = ""
        try await until {
            do {
                question = try await browser.command(.GET, "alert/text", nil).text ?? ""
                return true
            } catch let error as BrowserError where error.kind == "no such alert" {
                return false
            }
        } else: {
            BrowserError("nothing was asked")
        }
        _ = try await browser.command(.POST, "alert/accept", [:])
        return question
    }

    /// As on a telephone of that width; nil goes back to the window.
    func screen(width: Int?, height: Int = 800, dark: Bool = false) async throws {
        if let width {
            _ = try await browser.devTools(
                "Emulation.setDeviceMetricsOverride",
                [
                    "width": .number(Double(width)), "height": .number(Double(height)),
                    "deviceScaleFactor": 1, "mobile": .flag(width < 600),
                ])
        } else {
            _ = try await browser.devTools("Emulation.clearDeviceMetricsOverride")
        }
        _ = try await browser.devTools(
            "Emulation.setEmulatedMedia",
            ["features": [["name": "prefers-color-scheme", "value": .text(dark ? "dark" : "light")]]])
    }

    /// What is on the screen, as PNG.
    func picture() async throws -> Data {
        let text = try await browser.command(.GET, "screenshot", nil).text ?? ""
        guard let data = Data(base64Encoded: text) else { throw BrowserError("no picture") }
        return data
    }

    // MARK: Waiting

    func until(
        within wait: Duration = Browser.wait, _ condition: () async throws -> Bool,
        else failure: () async throws -> BrowserError
    ) async throws {
        let end = ContinuousClock.now + wait
        while true {
            do {
                if try await condition() { return }
            } catch let error as BrowserError where error.isPassing {
                // A page was just being replaced: looked at again.
            }
            guard ContinuousClock.now < end else { throw try await failure() }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func onElement(_ selector: String, _ body: (String) async throws -> Void) async throws {
        var last = BrowserError("there is no \(selector)")
        try await until {
            do {
                let found = try await browser.command(
                    .POST, "element", ["using": "css selector", "value": .text(selector)])
                guard let element = found["element-6066-11e4-a52e-4f735466cecf"].text else { return false }
                try await body(element)
                return true
            } catch let error as BrowserError where error.isPassing {
                last = error
                return false
            }
        } else: {
            BrowserError("\(selector) at \(try await path): \(last)")
        }
    }
}
