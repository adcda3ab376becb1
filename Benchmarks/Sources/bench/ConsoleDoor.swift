import Foundation

/// The way into the console of a gateway under measurement.
struct ConsoleDoor {
    let gateway: Gateway
    let program: URL

    private static let name = "bench"
    private static let password = "a long and quiet evening"

    /// Makes an account as somebody at the machine does, signs it in, and answers its cookies.
    func signIn() throws -> String {
        let file = gateway.folder.appending(path: "password")
        try Self.password.write(to: file, atomically: true, encoding: .utf8)
        _ = try Child(
            program,
            [
                "accounts", "add", Self.name, "--role", "administrator", "--password-file", file.path,
                "--config",
                gateway.folder.appending(path: "config.ini").path,
            ]
        ).finish()
        guard let page = Loopback.ask(port: gateway.console, path: "/sign-in"), page.status == 200,
            let token = Self.field("form_token", of: page.body)
        else { throw BenchError("the console has no page to sign in") }
        let visitor = Self.cookies(page.head)
        let words = Self.password.replacingOccurrences(of: " ", with: "+")
        guard
            let answer = Loopback.ask(
                port: gateway.console, path: "/sign-in", cookie: visitor,
                form: "form_token=\(token)&name=\(Self.name)&password=\(words)"),
            answer.status == 303
        else { throw BenchError("nobody can sign in") }
        return Self.cookies(answer.head)
    }

    /// Every page that the navigation leads to, and searches in the beginning, the middle and the end.
    static func paths(punches: Int) -> [String] {
        [
            "/", "/punches", "/punches?person=1200", "/punches?person=Turing", "/punches?terminal=T7",
            "/punches?state=dead", "/punches?state=discarded", "/punches?state=owed", "/punches/1",
            "/punches/\(punches / 2)",
            "/punches/\(punches)", "/terminals", "/terminals/T7", "/people", "/people?q=Liskov",
            "/people/unmatched", "/deliveries", "/deliveries/attempts", "/deliveries/shifts",
            "/deliveries/corrections", "/deliveries/reconcile", "/alerts", "/audit", "/settings", "/system",
            "/account", "/settings/accounts",
        ]
    }

    private static func cookies(_ head: String) -> String {
        head.components(separatedBy: "\r\n").filter { $0.lowercased().hasPrefix("set-cookie:") }
            .compactMap { $0.dropFirst(11).split(separator: ";").first }
            .map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "; ")
    }

    private static func field(_ name: String, of page: String) -> String? {
        guard let start = page.range(of: "name=\"\(name)\" value=\"") else { return nil }
        return String(page[start.upperBound...].prefix { $0 != "\"" })
    }
}
