import AsyncHTTPClient
import Foundation
import NIOCore
import Synchronization

/// Chromium without a screen, driven through its chromedriver (W3C WebDriver over HTTP on this machine).
///
/// One for all tests: starting it takes longer than most of them. Each test gets a tab of its own and no cookies of
/// another (`withTab`). Nothing is left behind: the driver and what it started are one process group, which a shell ends
/// as soon as its input closes, as it does when the tests end in whatever way.
final class Browser: Sendable {
    private let folder: String
    private let shell: Mutex<Process>
    private let lifeline: FileHandle
    private let driver: String
    private let session: String

    /// Whoever starts a process from a thread of Dispatch hands on that all signals are blocked: with that nobody here
    /// would learn that a child has ended, and each would hang now and then. `env` opens them again.
    private static let script = """
        setsid chromedriver --port=0 2>&1 &
        driver=$!
        read -r nothing
        kill -s TERM -- "-$driver"
        wait "$driver"
        kill -s KILL -- "-$driver" 2>/dev/null
        """
    static let wait = Duration.seconds(20)

    /// Throws when there is no Chromium or no chromedriver on this machine.
    static func start() async throws -> Browser {
        let found = ProcessInfo.processInfo.environment["PATH", default: ""].split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/chromedriver")
        }
        guard found else { throw BrowserError("chromedriver is not installed: scripts/setup.sh --browser") }
        let folder = NSTemporaryDirectory() + "browser-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let output = folder + "/driver.log"
        guard FileManager.default.createFile(atPath: output, contents: nil) else {
            throw BrowserError("no file can be made in \(folder)")
        }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["--default-signal", "/bin/sh", "-c", script]
        process.environment = ProcessInfo.processInfo.environment.merging(["TMPDIR": folder]) { $1 }
        let input = Pipe()
        process.standardInput = input
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: output))
        process.standardError = FileHandle.nullDevice
        try process.run()
        let lifeline = input.fileHandleForWriting
        do {
            let port = try await portOfDriver(in: output)
            let driver = "http://127.0.0.1:\(port)"
            let answer = try await ask(.POST, driver + "/session", capabilities, wait: .seconds(60))
            guard let session = answer["sessionId"].text else {
                throw BrowserError("no session: \(answer)")
            }
            return Browser(
                folder: folder, process: process, lifeline: lifeline, driver: driver, session: session)
        } catch {
            try? lifeline.close()  // ends the shell; the first error is the one to tell
            throw error
        }
    }

    private init(folder: String, process: Process, lifeline: FileHandle, driver: String, session: String) {
        self.folder = folder
        shell = Mutex(process)
        self.lifeline = lifeline
        self.driver = driver
        self.session = session
    }

    /// Leaves no process and no file.
    func end() async {
        // A browser that is gone already cannot be asked to go; the shell ends whatever is left.
        _ = try? await Self.ask(.DELETE, "\(driver)/session/\(session)", nil)
        try? lifeline.close()
        while shell.withLock(\.isRunning), !Task.isCancelled {
            // Cancelled: the shell goes on by itself.
            try? await Task.sleep(for: .milliseconds(20))
        }
        try? FileManager.default.removeItem(atPath: folder)  // at worst a left-over in the temporary folder
    }

    private static func portOfDriver(in output: String) async throws -> Int {
        let end = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < end {
            let text = try String(contentsOfFile: output, encoding: .utf8)
            if let match = text.firstMatch(of: /successfully on port (\d+)/), let port = Int(match.1) {
                return port
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw BrowserError(
            "chromedriver did not start: \(try String(contentsOfFile: output, encoding: .utf8))")
    }

    private static let capabilities: JSON = [
        "capabilities": [
            "alwaysMatch": [
                "browserName": "chrome",
                "goog:loggingPrefs": ["browser": "ALL"],
                "goog:chromeOptions": [
                    "args": [
                        // Debian's tests run as root, in containers, without a graphics card.
                        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                        "--no-first-run", "--disable-breakpad", "--disable-background-networking",
                        "--disable-component-update", "--disable-sync", "--lang=en-US",
                        "--window-size=1280,1000", "--force-color-profile=srgb",
                    ]
                ],
            ]
        ]
    ]

    /// A tab without cookies and without memory of any other; closed afterwards.
    func withTab<Result>(_ body: (Tab) async throws -> Result) async throws -> Result {
        let tab = try await open()
        do {
            let result = try await body(tab)
            try await close()
            return result
        } catch {
            try? await close()  // the first error is the one to tell
            throw error
        }
    }

    private func open() async throws -> Tab {
        let new = try await command(.POST, "window/new", ["type": "tab"])
        guard let handle = new["handle"].text else { throw BrowserError("no tab: \(new)") }
        _ = try await command(.POST, "window", ["handle": .text(handle)])
        _ = try await devTools("Network.clearBrowserCookies")
        let tab = Tab(browser: self)
        // Those of an earlier tab are told once.
        _ = try await tab.complaints()
        return tab
    }

    /// The tab in front; another one stays, since a browser without tabs ends.
    private func close() async throws {
        let left = try await command(.DELETE, "window", nil)
        guard let handle = left.list.first else { return }
        _ = try await command(.POST, "window", ["handle": handle])
    }

    func devTools(_ word: String, _ parameters: JSON = [:]) async throws -> JSON {
        try await command(.POST, "goog/cdp/execute", ["cmd": .text(word), "params": parameters])
    }

    enum Method: String { case GET, POST, DELETE }

    func command(_ method: Method, _ path: String, _ body: JSON?) async throws -> JSON {
        try await Self.ask(method, "\(driver)/session/\(session)/\(path)", body)
    }

    private static func ask(
        _ method: Method, _ url: String, _ body: JSON?, wait: TimeAmount = .seconds(30)
    ) async throws -> JSON {
        var request = HTTPClientRequest(url: url)
        request.method = .RAW(value: method.rawValue)
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
        }
        let answer = try await HTTPClient.shared.execute(request, timeout: wait)
        let bytes = try await answer.body.collect(upTo: 32 << 20)
        let value = try JSONDecoder().decode(JSON.self, from: Data(buffer: bytes))["value"]
        if let error = value["error"].text {
            throw BrowserError(value["message"].text ?? "", kind: error)
        }
        return value
    }
}

struct BrowserError: Error, CustomStringConvertible {
    /// Such as `no such element`, of the W3C's list; empty for our own.
    let kind: String
    let text: String

    init(_ text: String, kind: String = "") {
        self.kind = kind
        // Behind it comes the driver's stack.
        self.text = String(text.prefix(2_000))
    }
    var description: String { kind.isEmpty ? text : "\(kind): \(text)" }

    /// Of a page that is being made or replaced: worth another try.
    var isPassing: Bool {
        [
            "no such element", "stale element reference", "element not interactable",
            "element click intercepted", "javascript error",
        ].contains(kind)
    }
}
